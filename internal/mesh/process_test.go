package mesh_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/mesh/meshtest"
)

// childEnv names the bucket's directory and the node, for a test binary that is to be a node.
const childEnv = "MAYFLY_TEST_MESH_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		dir, name, _ := strings.Cut(text, "|")
		if err := runChild(dir, name); err != nil {
			fmt.Fprintln(os.Stderr, name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// report is what a child says of itself.
type report struct {
	Members map[string]mesh.State
	RSS     int64 // bytes
	Got     int64 // messages of the flood
	Old     int64 // of them, older than 4 s
	Stats   mesh.Stats
	Took    []time.Duration // by the requests it was told to send, sorted
}

// runChild is a node: its secret and the addresses of the others lie in a bucket. It answers each
// line of its input with a report. "flood N" publishes N bytes a second from then on, and "ask NODE"
// sends 2,000 requests to that node.
func runChild(dir, name string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	docs, err := bucket.OpenDir(dir, bucket.DirOptions{})
	if err != nil {
		return err
	}
	defer docs.Close()
	secret, err := mesh.LoadSecret(ctx, docs)
	if err != nil {
		return err
	}
	link, err := mesh.NewNATS(mesh.NATSConfig{
		Node: name, Secret: secret, Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0",
		Peers: func(ctx context.Context) ([]string, error) { return routes(ctx, docs) },
		Log:   slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", name),
	})
	if err != nil {
		return err
	}
	if _, err := docs.Put(ctx, "routes/"+name, bucket.Bytes([]byte(link.RouteAddress()))); err != nil {
		return err
	}
	m := mesh.New(mesh.Config{Node: name, Link: link, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", name)})
	c := &child{link: link, mesh: m}
	if _, err := link.Subscribe("flood", c.heard); err != nil {
		return err
	}
	if err := link.Handle("echo", func(_ context.Context, _ string, data []byte) ([]byte, error) { return data, nil }); err != nil {
		return err
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	go func() { // it ends with the process
		defer cancel() // the test is gone
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if rate, ok := strings.CutPrefix(lines.Text(), "flood "); ok {
				n, _ := strconv.Atoi(rate)
				tasks.Go(func() { c.flood(ctx, n) })
			}
			r := c.report()
			if node, ok := strings.CutPrefix(lines.Text(), "ask "); ok {
				r.Took = c.ask(ctx, node)
			}
			json.NewEncoder(os.Stdout).Encode(r)
		}
	}()
	return m.Run(ctx)
}

func routes(ctx context.Context, b bucket.Bucket) (out []string, err error) {
	page, err := b.List(ctx, "routes/", "", 0)
	for _, e := range page.Entries {
		o, err := b.Get(ctx, e.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, string(o.Data))
	}
	return out, err
}

type child struct {
	link *mesh.NATS
	mesh *mesh.Mesh
	mu   sync.Mutex
	got  int64
	old  int64
}

func (c *child) heard(_ string, data []byte) {
	age := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(data))))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got++
	if age > 4*time.Second {
		c.old++
	}
}

// flood publishes 100 messages a second.
func (c *child) flood(ctx context.Context, rate int) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	data := make([]byte, rate/100)
	for {
		select {
		case <-ticker.C:
			binary.BigEndian.PutUint64(data, uint64(time.Now().UnixNano()))
			c.link.Publish("flood", data)
		case <-ctx.Done():
			return
		}
	}
}

func (c *child) ask(ctx context.Context, node string) (took []time.Duration) {
	for range 2000 {
		began := time.Now()
		if _, err := c.link.Request(ctx, node, "echo", make([]byte, 100)); err == nil {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	return took
}

func (c *child) report() report {
	r := report{Members: map[string]mesh.State{}, Stats: c.link.Stats()}
	for _, m := range c.mesh.Members() {
		if !m.Self {
			r.Members[m.Node] = m.State
		}
	}
	c.mu.Lock()
	r.Got, r.Old = c.got, c.old
	c.mu.Unlock()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == "VmRSS:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			r.RSS = n << 10
		}
	}
	return r
}

// process is a node that is a child of the test.
type process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

func startProcess(t testing.TB, dir, name string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), childEnv+"="+dir+"|"+name)
	p.cmd.Stderr = t.Output()
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a line and returns the report.
func (p *process) ask(line string) report {
	p.t.Helper()
	fmt.Fprintln(p.in, line)
	var r report
	if err := p.out.Decode(&r); err != nil {
		p.t.Fatalf("node %s: %v", p.name, err)
	}
	return r
}

func (p *process) sees(other string) mesh.State { return p.ask("").Members[other] }

func startProcesses(t testing.TB, names ...string) (dir string, nodes map[string]*process) {
	t.Helper()
	dir, nodes = t.TempDir(), map[string]*process{}
	for _, name := range names {
		nodes[name] = startProcess(t, dir, name)
	}
	began := time.Now()
	for _, a := range names {
		for _, b := range names {
			if a != b {
				meshtest.Eventually(t, a+" sees "+b, func() bool { return nodes[a].sees(b) == mesh.Alive })
			}
		}
	}
	t.Logf("%d processes see each other after %v", len(names), time.Since(began).Round(time.Millisecond))
	return dir, nodes
}

// TestProcessKilled kills one of three nodes: the others turn away from it, and meet it again when it
// is back under its name, at another address.
func TestProcessKilled(t *testing.T) {
	dir, nodes := startProcesses(t, "a", "b", "c")
	nodes["c"].signal(syscall.SIGKILL)
	nodes["c"].cmd.Wait()
	died := time.Now()
	for _, state := range []mesh.State{mesh.Suspect, mesh.Lost} {
		for _, name := range []string{"a", "b"} {
			meshtest.Eventually(t, name+" sees c "+string(state), func() bool { s := nodes[name].sees("c"); return s == state || s == mesh.Lost })
		}
		t.Logf("c is %s %v after its death", state, time.Since(died).Round(10*time.Millisecond))
	}
	if took := time.Since(died); took < mesh.LostAfter-2*mesh.BeatEvery || took > mesh.LostAfter+4*mesh.BeatEvery {
		t.Errorf("c was lost %v after its death, want about %v", took, mesh.LostAfter)
	}
	if s := nodes["a"].sees("b"); s != mesh.Alive {
		t.Errorf("a sees b %s", s)
	}
	nodes["c"] = startProcess(t, dir, "c")
	back := time.Now()
	for _, name := range []string{"a", "b"} {
		meshtest.Eventually(t, name+" sees c again", func() bool { return nodes[name].sees("c") == mesh.Alive })
	}
	t.Logf("c is back %v after it began again", time.Since(back).Round(10*time.Millisecond))
	nodes["c"].signal(syscall.SIGTERM)
	if err := nodes["c"].cmd.Wait(); err != nil {
		t.Errorf("c ends with %v", err)
	}
	meshtest.Eventually(t, "a sees c gone", func() bool { return nodes["a"].sees("c") == mesh.Lost })
}

// TestProcessFrozen stops one of three nodes for 15 s while another one publishes 25 MB/s: that one
// drops it in seconds and its memory stays as it is; the frozen one rejoins, and takes nothing old
// for new.
func TestProcessFrozen(t *testing.T) {
	_, nodes := startProcesses(t, "a", "b", "c")
	a, b, c := nodes["a"], nodes["b"], nodes["c"]
	a.ask("flood 25000000")
	heard := c.ask("").Got
	meshtest.Eventually(t, "c hears the flood", func() bool { return c.ask("").Got > heard+300 })
	before, most := a.ask("").RSS, int64(0)
	c.signal(syscall.SIGSTOP)
	froze, dropped := time.Now(), time.Duration(0)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(froze) < 15*time.Second {
		<-ticker.C
		r := a.ask("")
		most = max(most, r.RSS)
		if r.Stats.Peers == 1 && dropped == 0 {
			dropped = time.Since(froze)
		}
		if s := b.sees("a"); s != mesh.Alive {
			t.Fatalf("b sees a %s while c stands still", s)
		}
	}
	t.Logf("dropped after %v; memory %d MiB before, at most %d MiB", dropped.Round(10*time.Millisecond), before>>20, most>>20)
	if dropped == 0 || dropped > 5*time.Second {
		t.Errorf("the frozen node was dropped after %v, want within 5 s", dropped)
	}
	if grown := most - before; grown > 150<<20 {
		t.Errorf("memory grew by %d MiB, want less than 150", grown>>20)
	}
	if s := a.sees("c"); s != mesh.Lost {
		t.Errorf("a sees the frozen node %s, want lost", s)
	}
	c.signal(syscall.SIGCONT)
	thawed := time.Now()
	was := c.ask("").Got
	for other, p := range map[string]*process{"a": b, "b": a} {
		meshtest.Eventually(t, "c is seen again beside "+other, func() bool { return p.sees("c") == mesh.Alive && c.sees(other) == mesh.Alive })
	}
	meshtest.Eventually(t, "c hears the flood again", func() bool { return c.ask("").Got > was+200 })
	r := c.ask("")
	t.Logf("hears the flood again %v after it woke up; passed over %d old messages, took %d", time.Since(thawed).Round(10*time.Millisecond), r.Stats.Stale, r.Old)
	if r.Old > 1 { // one may have been in its hands
		t.Errorf("%d messages of over 4 s were taken for new", r.Old)
	}
}

// TestProcessWithoutInput ends when the test does.
func TestProcessWithoutInput(t *testing.T) {
	_, nodes := startProcesses(t, "a", "b")
	began := time.Now()
	nodes["b"].in.Close()
	err := nodes["b"].cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) || time.Since(began) > 2*time.Second {
		t.Errorf("Run ended with %v after %v, want nil within 2 s", err, time.Since(began))
	}
}

// BenchmarkProcesses asks a node in another process, and says how much memory a node with two others takes.
func BenchmarkProcesses(b *testing.B) {
	_, nodes := startProcesses(b, "a", "b", "c")
	idle := nodes["c"].ask("").RSS
	var took []time.Duration
	for b.Loop() {
		took = append(took, nodes["a"].ask("ask b").Took...)
	}
	slices.Sort(took)
	if len(took) != 2000*b.N {
		b.Fatalf("%d of %d requests were answered", len(took), 2000*b.N)
	}
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(idle>>20), "idle-MiB")
}
