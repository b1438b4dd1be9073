package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
	"github.com/mayfly-tv/mayfly/internal/demo/front"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// fleet is three real nodes on one bucket of a real S3 server. Each has its own way to the bucket, its own
// spool and, where that is possible, its own network.
type fleet struct {
	t      *testing.T
	nodes  []*node
	gates  []*gate // to the bucket
	world  *network
	viewer string // the address at which a front spreads viewers
	ledger *ledger
}

var nodeNames = []string{"anna", "bert", "cleo"}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	t.Cleanup(func() {
		if err := writeTable(); err != nil {
			t.Error(err)
		}
	})
	s3 := buckettest.StartS3(t)
	f := &fleet{t: t, world: newNetwork(t), ledger: newLedger()}
	host := "127.0.0.1"
	if f.world != nil {
		host = f.world.host()
	}
	for _, name := range nodeNames {
		g := newGate(t, host, strings.TrimPrefix(s3.Endpoint(), "http://"))
		dir := t.TempDir()
		n := &node{
			t: t, spool: filepath.Join(dir, "spool"), env: s3Env(), flags: []string{"--node", name, "--log-level", "debug"},
			bucket: "s3://mayfly/tv?region=us-east-1&endpoint=http://" + g.address,
			http:   "127.0.0.1:0", rtmp: "127.0.0.1:0", mesh: "127.0.0.1:0",
		}
		if f.world != nil {
			f.world.place(n)
		} else {
			n.flags = append(n.flags, "--faults", "127.0.0.1:0")
		}
		n.launch()
		f.nodes, f.gates = append(f.nodes, n), append(f.gates, g)
	}
	for _, n := range f.nodes {
		n.ready()
	}
	f.whole()
	f.viewer = f.front(f.viewers())
	return f
}

// whole waits until every node sees every other.
func (f *fleet) whole() {
	f.t.Helper()
	for _, n := range f.nodes {
		n.until("it sees all others", 20*time.Second, func() bool { return n.sees() == len(f.nodes) })
	}
}

// sees counts the nodes that this one finds alive and ready, itself among them.
func (n *node) sees() (count int) {
	status, body := n.admin("GET", "/api/v1/nodes", "")
	var list struct {
		Nodes []struct {
			State string
			Ready bool
		}
	}
	if status != http.StatusOK || json.Unmarshal(body, &list) != nil {
		return 0
	}
	for _, m := range list.Nodes {
		if m.State == "alive" && m.Ready {
			count++
		}
	}
	return count
}

// away takes the bucket away from every node, or gives it back.
func (f *fleet) away(p passage) {
	for _, g := range f.gates {
		g.set(p)
	}
}

// front spreads connections over nodes and returns its address.
func (f *fleet) front(list []front.Backend) string {
	f.t.Helper()
	b := front.New(front.Config{})
	b.Set(list)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { b.Serve(ctx, narrow{ln}) })
	f.t.Cleanup(func() { cancel(); group.Wait() })
	return ln.Addr().String()
}

// narrow is a listener whose connections buffer little, so that an encoder is told soon that nobody takes what
// it sends.
type narrow struct{ net.Listener }

// Accept implements net.Listener.
func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetReadBuffer(64 << 10)
	}
	return c, err
}

func (f *fleet) viewers() (list []front.Backend) {
	for i, n := range f.nodes {
		list = append(list, front.Backend{Name: nodeNames[i], Address: n.http})
	}
	return list
}

// slugDirectedBy makes up a slug that a node directs.
func slugDirectedBy(node, begin string) string {
	var all []mesh.Member
	for _, name := range nodeNames {
		all = append(all, mesh.Member{Beat: mesh.Beat{Node: name}, State: mesh.Alive})
	}
	for i := 0; ; i++ {
		if slug := fmt.Sprintf("%s-%d", begin, i); mesh.Director(all, slug) == node {
			return slug
		}
	}
}

// channel makes a channel with so many sources, waits until every node knows it, and returns the keys
// and the sources' ids.
func (f *fleet) channel(slug string, autoLive bool, sources int) (c channelKeys) {
	f.t.Helper()
	names := make([]string, sources)
	for i := range names {
		names[i] = fmt.Sprintf(`{"name":"source %d"}`, i)
	}
	status, body := f.nodes[0].call("POST", "/api/v1/channels",
		fmt.Sprintf(`{"slug":%q,"autoLive":%v,"sources":[%s]}`, slug, autoLive, strings.Join(names, ",")))
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil {
		f.t.Fatalf("create channel: %d %s (%v)", status, body, err)
	}
	for _, n := range f.nodes {
		n.until("it knows the channel "+slug, 10*time.Second, func() bool { return n.state(slug) != "" })
	}
	return c
}

// channelKeys is what the API says of a new channel.
type channelKeys struct {
	Slug    string
	Sources []struct{ ID, StreamKey, BackupStreamKey string }
}

// admin asks the API as the administrator; 0 is no answer.
func (n *node) admin(method, path, body string) (int, []byte) {
	req, err := http.NewRequest(method, n.url(path), strings.NewReader(body))
	if err != nil {
		n.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	var text strings.Builder
	if _, err := copyBounded(&text, resp.Body); err != nil {
		return 0, nil
	}
	return resp.StatusCode, []byte(text.String())
}

// publisher is an encoder in a loop: it connects again whenever its connection ends, to the next node.
type publisher struct {
	cancel context.CancelFunc
	group  sync.WaitGroup
	agent  *process // mayfly push in between

	mu     sync.Mutex
	starts []time.Time
	said   strings.Builder
}

// again is how long the loop waits before the encoder is started again.
const again = 250 * time.Millisecond

// publish begins to publish a film with a key, first to the first of some nodes.
func (f *fleet) publish(film *film, key string, nodes ...int) *publisher {
	f.t.Helper()
	var list []front.Backend
	for _, i := range nodes {
		list = append(list, front.Backend{Name: nodeNames[i], Address: f.nodes[i].rtmp})
	}
	return f.encode(film, "rtmp://"+f.front(list)+"/live/"+key)
}

// encode begins to send a film to an RTMP server, again and again.
func (f *fleet) encode(film *film, url string) *publisher {
	ctx, cancel := context.WithCancel(context.Background())
	p := &publisher{cancel: cancel}
	p.group.Go(func() {
		for ctx.Err() == nil {
			p.once(ctx, film, url)
			select {
			case <-time.After(again):
			case <-ctx.Done():
			}
		}
	})
	f.t.Cleanup(p.stop)
	return p
}

func (p *publisher) once(ctx context.Context, film *film, url string) {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-re", "-i", film.path, "-c", "copy",
		"-f", "flv", "-rw_timeout", "5000000", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	p.starts = append(p.starts, time.Now())
	p.mu.Unlock()
	out, err := cmd.CombinedOutput()
	if ctx.Err() == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(&p.said, "%s %v: %s\n", time.Now().Format("15:04:05.000"), err, out)
	}
}

// back returns when the encoder was started first after a time.
func (p *publisher) back(since time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.starts {
		if t.After(since) {
			return t
		}
	}
	return time.Time{}
}

func (p *publisher) stop() {
	p.cancel()
	p.group.Wait()
	if p.agent != nil {
		p.agent.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.agent.done:
		case <-time.After(15 * time.Second):
			p.agent.kill()
		}
	}
}
