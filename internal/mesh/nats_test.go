package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/mesh/meshtest"
)

// TestNATSGossip gives each of four nodes one address only: all find all, in less than 2 s.
func TestNATSGossip(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("chain", func(t *testing.T) {
		b, began := newBook(), time.Now()
		var nodes []*meshtest.Node
		join := []string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			cfg := b.config(t, name)
			cfg.Peers, cfg.Join = nil, join
			l := b.open(t, cfg)
			join = []string{l.RouteAddress()}
			nodes = append(nodes, meshtest.Running(t, name, l))
		}
		meshtest.Joined(t, nodes...)
		took := time.Since(began)
		t.Logf("4 nodes joined within %v", took)
		if took > 2*time.Second {
			t.Errorf("a full mesh stood after %v, want less than 2 s", took)
		}
		for _, n := range nodes {
			if got := n.Link.(*mesh.NATS).Stats().Peers; got != 3 {
				t.Errorf("node %s is joined with %d nodes, want 3", n.Name, got)
			}
		}
		// The node that all came through goes; the others stay joined, and one that they are not told
		// of is found.
		nodes[0].Stop()
		meshtest.Joined(t, nodes[1:]...)
	})
}

// TestNATSTen starts ten nodes at once, each with the addresses of all.
func TestNATSTen(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("at once", func(t *testing.T) {
		b := newBook()
		links := make([]*mesh.NATS, 10)
		for i := range links {
			name := fmt.Sprint("n", i)
			links[i] = b.open(t, b.config(t, name))
			b.note(name, links[i].RouteAddress())
		}
		began := time.Now()
		var nodes []*meshtest.Node
		for i, l := range links {
			nodes = append(nodes, meshtest.Running(t, fmt.Sprint("n", i), l))
		}
		meshtest.Eventually(t, "each is joined with nine", func() bool {
			return !slices.ContainsFunc(links, func(l *mesh.NATS) bool { return l.Stats().Peers != len(links)-1 })
		})
		t.Logf("10 nodes joined within %v", time.Since(began).Round(time.Millisecond))
		meshtest.Joined(t, nodes...)
	})
}

// TestNATSOtherSecret lets a stranger dial the fleet, and the fleet the stranger.
func TestNATSOtherSecret(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("stranger", func(t *testing.T) {
		b := newBook()
		a := b.start(t, "a")
		c := b.start(t, "c")
		meshtest.Joined(t, a, c)
		log := &lines{}
		cfg := newBook().config(t, "b")
		cfg.Peers, cfg.Join, cfg.Log = nil, []string{a.Link.(*mesh.NATS).RouteAddress()}, log.logger()
		stranger := meshtest.Running(t, "b", b.open(t, cfg))
		for _, n := range []*meshtest.Node{a, stranger} {
			meshtest.Eventually(t, n.Name+" has refused twice", func() bool { return n.Link.(*mesh.NATS).Refused() > 1 })
		}
		for _, way := range [][2]*meshtest.Node{{a, stranger}, {stranger, a}} {
			before := way[1].Link.(*mesh.NATS).Refused()
			if conn, err := way[0].Dial(t.Context(), way[1].Name, way[1].Address()); !errors.Is(err, mesh.ErrUnreachable) {
				t.Errorf("Dial %s from %s = %v, %v, want ErrUnreachable", way[1].Name, way[0].Name, conn, err)
			}
			meshtest.Eventually(t, way[1].Name+" counts it", func() bool { return way[1].Link.(*mesh.NATS).Refused() > before })
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := way[0].Request(ctx, way[1].Name, "joined", nil); !errors.Is(err, mesh.ErrUnreachable) {
				t.Errorf("%s asks %s: %v, want ErrUnreachable", way[0].Name, way[1].Name, err)
			}
		}
		if n := stranger.Link.(*mesh.NATS).Stats().Peers; n != 0 {
			t.Errorf("the stranger is joined with %d nodes", n)
		}
		if n := log.count("another secret"); n != 1 {
			t.Errorf("the stranger logged %d times that it was refused, want once:\n%s", n, log)
		}
		meshtest.Joined(t, a, c)
	})
}

// TestNATSDialOtherNode dials an address at which another node has come to live.
func TestNATSDialOtherNode(t *testing.T) {
	b := newBook()
	x, y := b.start(t, "x"), b.start(t, "y")
	if c, err := x.Dial(t.Context(), "z", y.Address()); !errors.Is(err, mesh.ErrUnreachable) || !strings.Contains(err.Error(), "there is node y, not z") {
		t.Errorf("Dial = %v, %v, want to be told that node y is there", c, err)
	}
	if n := y.Link.(*mesh.NATS).Refused(); n != 0 {
		t.Logf("y counts %d", n)
	}
	for _, address := range []string{"", "nowhere", "127.0.0.1:0", "127.0.0.1:99999", ":1"} {
		if _, err := x.Dial(t.Context(), "z", address); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("Dial %q = %v, want ErrUnreachable", address, err)
		}
	}
}

func TestNATSConfig(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	began := time.Now()
	for want, change := range map[string]func(*mesh.NATSConfig){
		"node name":                func(c *mesh.NATSConfig) { c.Node = "a b" },
		"mesh without a secret":    func(c *mesh.NATSConfig) { c.Secret = mesh.Secret{} },
		"want host:port":           func(c *mesh.NATSConfig) { c.Listen = "6222" },
		"want 0 to 65535":          func(c *mesh.NATSConfig) { c.Listen = ":http" },
		"address already in use":   func(c *mesh.NATSConfig) { c.Listen = taken.Addr().String() },
		"media of other nodes":     func(c *mesh.NATSConfig) { c.MediaListen = taken.Addr().String() },
		"media of other nodes: li": func(c *mesh.NATSConfig) { c.MediaListen = "127.0.0.1:-5" },
	} {
		cfg := newBook().config(t, "a")
		change(&cfg)
		n, err := mesh.NewNATS(cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewNATS = %v, %v, want %q", n, err, want)
		}
		if strings.HasPrefix(want, "address") && !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("NewNATS on a port that is taken = %v, want EADDRINUSE", err)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("refusing took %v", took)
	}
	for want, change := range map[string]func(*mesh.NATSConfig){
		"node.example:":     func(c *mesh.NATSConfig) { c.Advertise = "node.example" },
		"node.example:77":   func(c *mesh.NATSConfig) { c.Advertise = "node.example:77" },
		"[2001:db8::1]:77":  func(c *mesh.NATSConfig) { c.Advertise = "[2001:db8::1]:77" },
		"127.0.0.1:":        func(c *mesh.NATSConfig) {},
		"media.example:99":  func(c *mesh.NATSConfig) { c.AdvertiseMedia = "media.example:99" },
		"node.example:9999": func(c *mesh.NATSConfig) { c.Advertise, c.AdvertiseMedia = "node.example", ":9999" },
	} {
		cfg := newBook().config(t, "a")
		change(&cfg)
		n, err := mesh.NewNATS(cfg)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(n.RouteAddress(), want) && !strings.HasPrefix(n.Address(), want) {
			t.Errorf("addresses %s and %s, want %s", n.RouteAddress(), n.Address(), want)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNATSHandlerThatDoesNotEnd does not hold up the end for long.
func TestNATSHandlerThatDoesNotEnd(t *testing.T) {
	b := newBook()
	x, l := b.start(t, "x"), b.open(t, b.config(t, "y"))
	b.note("y", l.RouteAddress())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	release, inside := make(chan struct{}), make(chan struct{})
	if err := l.Handle("hang", func(context.Context, string, []byte) ([]byte, error) {
		close(inside)
		<-release
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	meshtest.Eventually(t, "y answers", func() bool {
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		x.Request(brief, "y", "hang", nil)
		select {
		case <-inside:
			return true
		default:
			return false
		}
	})
	began := time.Now()
	cancel()
	if err := <-done; err == nil || time.Since(began) > 2*time.Second {
		t.Errorf("Run = %v after %v, want an error within 2 s", err, time.Since(began))
	}
	close(release)
}

// TestMeshOverNATS has two nodes see each other and send HTTP requests.
func TestMeshOverNATS(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("http", func(t *testing.T) {
		b := newBook()
		ctx, cancel := context.WithCancel(t.Context())
		var meshes []*mesh.Mesh
		var ends []chan error
		for _, name := range []string{"a", "b"} {
			l := b.open(t, b.config(t, name))
			b.note(name, l.RouteAddress())
			m := mesh.New(mesh.Config{Node: name, Link: l, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Write([]byte(name + " serves " + r.Header.Get(mesh.NodeHeader)))
			})})
			end := make(chan error, 1)
			go func() { end <- m.Run(ctx) }()
			meshes, ends = append(meshes, m), append(ends, end)
		}
		a := meshes[0]
		meshtest.Eventually(t, "a sees b", func() bool { m, ok := a.Member("b"); return ok && m.State == mesh.Alive })
		r, _ := http.NewRequestWithContext(ctx, "GET", "mesh://b/x", nil)
		resp, err := a.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 100)
		n, _ := resp.Body.Read(body)
		resp.Body.Close()
		if got := string(body[:n]); got != "b serves a" {
			t.Errorf("answer %q", got)
		}
		// Nobody says that it is somebody else.
		member, _ := a.Member("b")
		conn, err := a.Dial(ctx, "b", member.Media)
		if err != nil {
			t.Fatal(err)
		}
		forged, _ := http.NewRequestWithContext(ctx, "GET", "http://b/x", nil)
		forged.Header.Set(mesh.NodeHeader, "c")
		direct := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }, DisableKeepAlives: true}
		if resp, err := direct.RoundTrip(forged); err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a forged name: %v, %v, want status 403", resp, err)
		} else {
			resp.Body.Close()
		}
		cancel()
		for _, end := range ends {
			select {
			case err := <-end:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(2 * time.Second):
				t.Error("Run goes on for over 2 s")
			}
		}
	})
}

// TestMeshTwins runs two processes with one name, as a copied spool does: both say so, once.
func TestMeshTwins(t *testing.T) {
	b := newBook()
	ctx, cancel := context.WithCancel(t.Context())
	var ends sync.WaitGroup
	defer ends.Wait()
	defer cancel()
	logs := []*lines{{}, {}}
	for i, log := range logs {
		l := b.open(t, b.config(t, "a"))
		b.note(fmt.Sprint(i), l.RouteAddress())
		m := mesh.New(mesh.Config{Node: "a", Link: l, Log: log.logger()})
		ends.Go(func() {
			if err := m.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for i, log := range logs {
		meshtest.Eventually(t, fmt.Sprintf("process %d notices the other", i), func() bool { return strings.Contains(log.String(), "another process says that it is this node") })
	}
}
