package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/demo/front"
)

// newTestFleet makes a fleet of fake nodes with its poller, running.
func newTestFleet(t *testing.T) (*fleet, *poller, *front.Front) {
	t.Helper()
	b := newBoard()
	f := newFleet(Config{Program: os.Args[0], Nodes: 3, Bucket: "nowhere"}, t.TempDir(), "token", "http://127.0.0.1:1", b)
	f.env = append(f.env, "TEST_CHILD=node")
	viewers := front.New(front.Config{})
	p := &poller{fleet: f, viewers: viewers, encoders: front.New(front.Config{}), board: b, woken: make(chan struct{}, 1),
		publishers: []*publisher{{slug: "live", how: "rtmp", picture: picture{fps: 30}}},
		client:     &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}, epoch: time.Now(),
		readyAt: map[string]bool{}, air: map[string]Channel{}, takes: map[string]string{}, seen: map[string]string{}, missed: map[string]int{}}
	f.wake = p.wake
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		f.stopAll(0)
	})
	for _, n := range f.nodes {
		if err := f.start(n.name); err != nil {
			t.Fatal(err)
		}
	}
	return f, p, viewers
}

func (b *board) now(t *testing.T) (s State) {
	t.Helper()
	data, _, _ := b.look(0)
	if data == nil {
		return s
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// kinds lists what kinds of events were said of a node.
func (b *board) kinds(node string) (kinds []string) {
	_, events, _ := b.look(0)
	for _, e := range events {
		if e.Node == node {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func states(s State) string {
	var list []string
	for _, n := range s.Nodes {
		list = append(list, n.State)
	}
	return strings.Join(list, " ")
}

func TestFleetLivesAndDies(t *testing.T) {
	f, _, viewers := newTestFleet(t)
	eventually(t, "all are ready", func() bool { return states(f.board.now(t)) == "ready ready ready" })
	s := f.board.now(t)
	if a, b := s.Nodes[0], s.Nodes[1]; !slices.Equal(a.TakesIn, []string{"live"}) || !slices.Equal(b.Witnesses, []string{"live"}) || !slices.Equal(b.Directs, []string{"live"}) || a.Incarnation != "a/1" {
		t.Errorf("roles: %+v and %+v", a, b)
	}
	if counts := viewers.Counts(); len(counts) != 3 {
		t.Errorf("the front has %d nodes, want 3", len(counts))
	}
	before := f.nodes[1].http
	if err := f.kill("b"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b is dead", func() bool { return states(f.board.now(t)) == "ready dead ready" })
	if err := errors.Join(f.kill("b"), f.start("b")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b is back", func() bool { return states(f.board.now(t)) == "ready ready ready" })
	f.mu.Lock()
	after := f.nodes[1].http
	f.mu.Unlock()
	if before != after {
		t.Errorf("b came back at %s, want %s as before", after, before)
	}
	if kinds := f.board.kinds("b"); !slices.Equal(slices.DeleteFunc(kinds, func(k string) bool { return k == "role" }), []string{"start", "ready", "kill", "start", "ready"}) {
		t.Errorf("events of b: %q", kinds)
	}
	if err := f.kill("x"); !errors.Is(err, errNoNode) {
		t.Errorf("kill x: %v, want no such node", err)
	}
}

// Another program took the port of a dead node: it comes back at another.
func TestPortIsTaken(t *testing.T) {
	f, _, _ := newTestFleet(t)
	eventually(t, "all are ready", func() bool { return states(f.board.now(t)) == "ready ready ready" })
	if err := f.kill("c"); err != nil {
		t.Fatal(err)
	}
	thief, err := net.Listen("tcp", f.nodes[2].http)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	if err := f.start("c"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "c is back", func() bool { return states(f.board.now(t)) == "ready ready ready" })
}

func TestDiesByItself(t *testing.T) {
	f, _, _ := newTestFleet(t)
	eventually(t, "all are ready", func() bool { return states(f.board.now(t)) == "ready ready ready" })
	f.mu.Lock()
	c := f.nodes[0].child
	f.mu.Unlock()
	c.kill()
	eventually(t, "it is told", func() bool { return slices.Contains(f.board.kinds("a"), "dead") })
	if s := f.board.now(t); s.Nodes[0].State != "dead" {
		eventually(t, "it is shown", func() bool { return f.board.now(t).Nodes[0].State == "dead" })
	}
}

func TestFaults(t *testing.T) {
	f, _, _ := newTestFleet(t)
	eventually(t, "all are ready", func() bool { return states(f.board.now(t)) == "ready ready ready" })
	if err := f.takeBucket(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page knows", func() bool { return f.board.now(t).Bucket.Away })
	f.mu.Lock()
	args := f.args(f.nodes[0])
	f.mu.Unlock()
	if !slices.Contains(args, "--faults-away") {
		t.Errorf("a node that is started now is not told that the bucket is away: %q", args)
	}
	eventually(t, "c was told, and says so in its log", func() bool {
		log, err := os.ReadFile(f.nodes[2].log)
		return err == nil && strings.Contains(string(log), "bucket away=1")
	})
	if err := f.takeBucket(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := f.cutMesh(t.Context(), "a", true); !errors.Is(err, errUnbuilt) {
		t.Errorf("cut a node without a mesh: %v", err)
	}
}

func TestPage(t *testing.T) {
	f, _, _ := newTestFleet(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"demo.html": {Data: []byte("<head><!--mayfly:head--></head>")}, "assets/a.js": {Data: []byte("1")}}
	if _, err := newPage(f, f.board, fstest.MapFS{}, "", ""); !errors.Is(err, errNoPages) {
		t.Errorf("without pages: %v", err)
	}
	p, err := newPage(f, f.board, files, "http://127.0.0.1:99", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.serve(ctx, ln) }()
	base := "http://" + ln.Addr().String()
	do := func(method, path string, header ...string) (int, string, http.Header) {
		req, _ := http.NewRequest(method, base+path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			}
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), resp.Header
	}
	status, body, head := do("GET", "/")
	if policy := head.Get("Content-Security-Policy"); status != 200 || !strings.Contains(body, `content="http://127.0.0.1:99"`) || !strings.Contains(policy, "connect-src 'self' http://127.0.0.1:99;") || strings.Contains(policy, "script-src") {
		t.Errorf("the page: %d %q, policy %q", status, body, policy)
	}
	own := []string{"X-Mayfly-Demo", "1"}
	for _, c := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{"GET", "/assets/a.js", nil, 200}, {"GET", "/assets/..%2fdemo.html", nil, 404}, {"GET", "/x", nil, 404},
		{"POST", "/nodes/a/kill", nil, 403}, {"GET", "/nodes/a/kill", own, 405}, {"POST", "/nodes/z/kill", own, 404},
		{"POST", "/nodes/a/kill", append(own, "Origin", "https://example.org"), 403},
		{"POST", "/nodes/a/kill", append(own, "Sec-Fetch-Site", "cross-site"), 403},
		{"GET", "/", []string{"Host", "evil.example"}, 421},
		{"POST", "/bucket?away=2", own, 400}, {"POST", "/bucket?away=1", own, 204}, {"POST", "/nodes/a/start", own, 204},
	} {
		if status, body, _ := do(c.method, c.path, c.header...); status != c.want {
			t.Errorf("%s %s %q: %d %s, want %d", c.method, c.path, c.header, status, body, c.want)
		}
	}
	resp, err := http.Get(base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	found := map[string]bool{}
	for scan := bufio.NewScanner(resp.Body); scan.Scan() && len(found) < 2; {
		if name, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
			found[name] = true
		}
	}
	if !found["log"] || !found["state"] {
		t.Errorf("events of kinds %v, want log and state", found)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestWhoIsReached(t *testing.T) {
	p := &poller{viewers: front.New(front.Config{}), encoders: front.New(front.Config{}), readyAt: map[string]bool{}}
	reached := func(list ...looked) string {
		p.route(list)
		var names string
		for _, c := range p.viewers.Counts() {
			names += c.Name
		}
		return names
	}
	is := func(name string, up bool, a *answer) looked {
		return looked{node: node{name: name, http: "127.0.0.1:1", rtmp: "127.0.0.1:2", starts: 1}, up: up, answer: a}
	}
	ready, not := &answer{ready: true}, &answer{}
	for _, c := range []struct {
		list []looked
		want string
		why  string
	}{
		{[]looked{is("a", true, not), is("b", true, nil)}, "", "nobody was ready yet"},
		{[]looked{is("a", true, ready), is("b", true, ready), is("c", true, not)}, "ab", "c only starts"},
		{[]looked{is("a", true, not), is("b", true, ready)}, "b", "a leaves"},
		{[]looked{is("a", true, not), is("b", true, not)}, "ab", "better those than none"},
		{[]looked{is("a", false, nil), is("b", true, nil)}, "ab", "a is dead and b hangs: who connects finds out"},
	} {
		if got := reached(c.list...); got != c.want {
			t.Errorf("the front reaches %q, want %q: %s", got, c.want, c.why)
		}
	}
}

func TestWhoseWordCounts(t *testing.T) {
	say := func(name, body string) looked {
		var v channelView
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		return looked{node: node{name: name}, up: true, answer: &answer{channels: map[string]channelView{"live": v}}}
	}
	for name, c := range map[string]struct {
		nodes []looked
		want  string
	}{
		"nobody":            {nil, ""},
		"without a fleet":   {[]looked{say("a", `{"state":"off"}`), say("b", `{"state":"live"}`), say("c", `{"state":"off"}`)}, "b"},
		"the writer itself": {[]looked{say("a", `{"state":"live","air":{"node":"c"}}`), say("b", `{"state":"live","air":{"node":"c"}}`), say("d", `{"state":"live","air":{"node":"d"}}`)}, "d"},
		"most":              {[]looked{say("a", `{"state":"live","air":{"node":"c"}}`), say("b", `{"state":"live","air":{"node":"d"}}`), say("e", `{"state":"live","air":{"node":"d"}}`)}, "d"},
		"off air":           {[]looked{say("a", `{"state":"off","air":{"node":"c"}}`), say("b", `{"state":"off"}`)}, ""},
	} {
		if got := channelOf("live", c.nodes).Node; got != c.want {
			t.Errorf("%s: taken in by %q, want %q", name, got, c.want)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"nodes":[{"name":"a","self":true}]}`))
	f.Add([]byte(`[{"name":"a","witnesses":["b"]}]`))
	f.Add([]byte(`{"nodes":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, n := range readNodes(body) {
			_ = n.Name
		}
	})
}

func TestPictureGoesOn(t *testing.T) {
	p := picture{width: 640, height: 360, fps: 25}
	epoch := time.Unix(1000, 0)
	if n := p.number(epoch, epoch.Add(4*time.Second)); n != 100 {
		t.Errorf("number %d after 4 s, want 100", n)
	}
	args := strings.Join(p.args(100, epoch), " ")
	if strings.Contains(args, "drawtext") || !strings.Contains(args, "n+100,1048576") {
		t.Errorf("arguments %s", args)
	}
}
