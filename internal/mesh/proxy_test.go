package mesh_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/mesh/meshtest"
)

// proxy stands before a port. When it is cut, it carries nothing, and says so to nobody, as a network
// that lost its way does.
type proxy struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    chan struct{} // closed when mended
	conns  []net.Conn
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, cut: make(chan struct{})}
	close(p.cut)
	p.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.carry(c) })
		}
	})
	return p
}

func (p *proxy) close() {
	p.listener.Close()
	p.set(false)
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *proxy) point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.cut:
		if cut {
			p.cut = make(chan struct{})
		}
	default:
		if !cut {
			close(p.cut)
		}
	}
}

// open waits until the way is open.
func (p *proxy) open() {
	p.mu.Lock()
	cut := p.cut
	p.mu.Unlock()
	<-cut
}

func (p *proxy) carry(in net.Conn) {
	p.open()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if err != nil {
		in.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, in, out)
	p.mu.Unlock()
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		ways.Go(func() {
			defer way[0].Close()
			defer way[1].Close()
			b := make([]byte, 64<<10)
			for {
				n, err := way[0].Read(b)
				p.open()
				if _, werr := way[1].Write(b[:n]); err != nil || werr != nil {
					return
				}
			}
		})
	}
	ways.Wait()
}

// TestNATSPartition cuts two nodes off from each other, without a word to either: each sees the other
// suspect, then lost, and both meet again when the network is mended.
func TestNATSPartition(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("both ways", func(t *testing.T) {
		b := newBook()
		ctx, cancel := context.WithCancel(t.Context())
		var ends sync.WaitGroup
		var proxies []*proxy
		var links []*mesh.NATS
		meshes := map[string]*mesh.Mesh{}
		for _, name := range []string{"a", "b"} {
			routes, media := newProxy(t), newProxy(t)
			defer routes.close()
			defer media.close()
			proxies = append(proxies, routes, media)
			cfg := b.config(t, name)
			cfg.Listen, cfg.MediaListen = "127.0.0.1:0", "127.0.0.1:0"
			cfg.Advertise, cfg.AdvertiseMedia = routes.listener.Addr().String(), media.listener.Addr().String()
			l := b.open(t, cfg)
			listens, accepts := l.Listens()
			routes.point(listens)
			media.point(accepts)
			b.note(name, l.RouteAddress())
			m := mesh.New(mesh.Config{Node: name, Link: l, Log: cfg.Log})
			links, meshes[name] = append(links, l), m
			ends.Go(func() {
				if err := m.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		defer ends.Wait()
		defer cancel()
		sees := func(name, other string) mesh.State { m, _ := meshes[name].Member(other); return m.State }
		both := func(state mesh.State) {
			t.Helper()
			began := time.Now()
			meshtest.Eventually(t, "both see the other "+string(state), func() bool { return sees("a", "b") == state && sees("b", "a") == state })
			t.Logf("both see the other %s after %v", state, time.Since(began).Round(10*time.Millisecond))
		}
		both(mesh.Alive)
		for _, p := range proxies {
			p.set(true)
		}
		both(mesh.Lost)
		meshtest.Eventually(t, "the routes are given up", func() bool { return links[0].Stats().Peers == 0 && links[1].Stats().Peers == 0 })
		brief, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		if c, err := links[0].Dial(brief, "b", links[1].Address()); err == nil {
			t.Errorf("Dial over a cut network: %v", c)
		}
		for _, p := range proxies {
			p.set(false)
		}
		began := time.Now()
		both(mesh.Alive)
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("they met again after %v, want within 8 s", took)
		}
	})
}
