package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// fleet joins hubs on one bucket in memory. All but the dead hear what one publishes.
type fleet struct {
	mu    sync.Mutex
	hears map[string]func(string, []byte)
	dead  map[string]bool
	keep  string // the node that writes
}

type port struct {
	f    *fleet
	node string
}

func (p port) Publish(_ string, data []byte) error {
	p.f.mu.Lock()
	var to []func(string, []byte)
	for node, f := range p.f.hears {
		if node != p.node && !p.f.dead[node] && !p.f.dead[p.node] {
			to = append(to, f)
		}
	}
	p.f.mu.Unlock()
	for _, f := range to {
		f(p.node, data)
	}
	return nil
}

func (p port) Subscribe(_ string, f func(string, []byte)) (func(), error) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	p.f.hears[p.node] = f
	return func() {}, nil
}

func (p port) Director(string) string {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return p.f.keep
}

func (f *fleet) kill(node, keep string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[node], f.keep = true, keep
}

// run starts hubs in a synctest bubble; they end with the test.
func run(t *testing.T, b bucket.Bucket, f *fleet, names ...string) map[string]*Hub {
	t.Helper()
	hubs := map[string]*Hub{}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, name := range names {
		h := NewHub(Config{Docs: bucket.NewDocuments(b), Keep: 24 * time.Hour})
		if f != nil {
			if err := h.Join(port{f, name}, name); err != nil {
				t.Fatal(err)
			}
		}
		hubs[name] = h
		all.Go(func() {
			if err := h.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); all.Wait() })
	return hubs
}

func say(t *testing.T, h *Hub, s Speaker, text string) Message {
	t.Helper()
	said, err := h.Say(t.Context(), Where{Channel: "c"}, s, text, 0, nobody)
	if err != nil {
		t.Fatal(err)
	}
	return said.Message
}

func texts(list []Message) (out []string) {
	for _, m := range list {
		out = append(out, m.Text)
	}
	return out
}

// log reads all of what was said.
func kept(t *testing.T, h *Hub, in Where) (out []string) {
	t.Helper()
	list, next, err := h.Log(t.Context(), in, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil || !next.IsZero() {
		t.Fatal(err, next)
	}
	return texts(list)
}

func pagesIn(t *testing.T, b bucket.Bucket) (n int) {
	t.Helper()
	if err := bucket.All(t.Context(), b, logPrefix, func(bucket.Entry) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKept writes what is said in few objects, gives it back by time, and takes out what was removed.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		h := run(t, b, nil, "a")["a"]
		begun := time.Now()
		var all []Message
		for i := range 40 {
			all = append(all, say(t, h, viewer(i), fmt.Sprint("message ", i)))
			time.Sleep(time.Second)
		}
		time.Sleep(2 * keepEvery)
		if n := pagesIn(t, b); n < 3 || n > 6 {
			t.Errorf("%d objects for 40 s", n)
		}
		n := pagesIn(t, b)
		time.Sleep(10 * time.Minute)
		if after := pagesIn(t, b); after != n {
			t.Errorf("%d objects more while nobody said anything", after-n)
		}
		list, _, err := h.Log(t.Context(), Where{Channel: "c"}, begun.Add(10*time.Second), begun.Add(20*time.Second))
		if err != nil || len(list) != 10 || list[0].ID != all[10].ID {
			t.Errorf("ten seconds of it: %q, %v", texts(list), err)
		}
		if err := h.Remove(t.Context(), Where{Channel: "c"}, []string{all[12].ID, all[39].ID}); err != nil {
			t.Fatal(err)
		}
		again := run(t, b, nil, "later")["later"] // knows what lies in the bucket, and nothing else
		if got := kept(t, again, Where{Channel: "c"}); len(got) != 38 || slices.Contains(got, "message 12") || slices.Contains(got, "message 39") {
			t.Errorf("after the removal: %q", got)
		}
		if err := h.sweep(t.Context(), logPrefix); err != nil || pagesIn(t, b) != n {
			t.Errorf("the sweep of the first day: %d of %d, %v", pagesIn(t, b), n, err)
		}
		time.Sleep(48 * time.Hour) // the hubs sweep by themselves
		if n := pagesIn(t, b); n != 0 {
			t.Errorf("%d objects are left after two days, of which one is kept", n)
		}
	})
}

// TestRemovedOnItsWay is not kept: removed while its page is being written, at another node.
func TestRemovedOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		f := &fleet{hears: map[string]func(string, []byte){}, dead: map[string]bool{}, keep: "a"}
		hubs := run(t, b, f, "a", "b")
		m := say(t, hubs["b"], viewer(1), "oh no")
		say(t, hubs["a"], viewer(2), "fine")
		time.Sleep(time.Second)
		p := hubs["a"].enter("c", false)
		page := p.room.Pending()
		p.mu.Unlock()
		if len(page) != 2 {
			t.Fatalf("the keeper has %q", texts(page))
		}
		if err := hubs["b"].Remove(t.Context(), Where{Channel: "c"}, []string{m.ID}); err != nil {
			t.Fatal(err)
		}
		if err := hubs["a"].pages.write(t.Context(), p.name, page); err != nil { // was on its way
			t.Fatal(err)
		}
		hubs["a"].kept(p, []string{page[0].ID, page[1].ID})
		time.Sleep(2 * time.Second)
		if got := kept(t, run(t, b, nil, "later")["later"], Where{Channel: "c"}); !slices.Equal(got, []string{"fine"}) {
			t.Errorf("kept: %q", got)
		}
	})
}

// TestKeeperDies: what was told to others is kept by the next one, once.
func TestKeeperDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		f := &fleet{hears: map[string]func(string, []byte){}, dead: map[string]bool{}, keep: "a"}
		hubs := run(t, b, f, "a", "b", "c")
		say(t, hubs["a"], viewer(1), "first")
		time.Sleep(keepEvery + 2*time.Second)
		if pagesIn(t, b) != 1 {
			t.Fatalf("%d objects", pagesIn(t, b))
		}
		say(t, hubs["a"], viewer(1), "second")
		time.Sleep(batchTime + time.Millisecond)
		f.kill("a", "b")
		time.Sleep(keepEvery + 2*time.Second)
		later := run(t, b, nil, "later")["later"]
		if got := kept(t, later, Where{Channel: "c"}); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("kept: %q", got)
		}
		// The dead one wakes and writes its own too.
		f.mu.Lock()
		f.dead["a"] = false
		f.mu.Unlock()
		for _, h := range hubs {
			h.keepAll(t.Context(), 0)
		}
		if got := kept(t, later, Where{Channel: "c"}); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("kept after it woke: %q", got)
		}
	})
}

// TestKeeperBeginsAnew: who is to keep a room was killed and began again, knows nothing of what was said before, and it is
// kept all the same.
func TestKeeperBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		f := &fleet{hears: map[string]func(string, []byte){}, dead: map[string]bool{}, keep: "a"}
		hubs := run(t, b, f, "a", "b", "c")
		say(t, hubs["b"], viewer(1), "told")
		time.Sleep(time.Second)
		f.kill("a", "begun")
		run(t, b, f, "begun")
		time.Sleep(3*keepEvery + 2*time.Second)
		if got := kept(t, run(t, b, nil, "later")["later"], Where{Channel: "c"}); !slices.Equal(got, []string{"told"}) {
			t.Errorf("kept: %q", got)
		}
	})
}

// TestFleet moderates at one node what is said at another.
func TestFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{hears: map[string]func(string, []byte){}, dead: map[string]bool{}, keep: "a"}
		hubs := run(t, bucket.NewMem(), f, "a", "b")
		say(t, hubs["a"], viewer(1), "rude")
		time.Sleep(time.Second)
		ids, mark, name := hubs["b"].Of(t.Context(), Where{Channel: "c"}, viewer(1).Who)
		if len(ids) != 1 || mark != "m1" || name != "Viewer 1" {
			t.Fatalf("a moderator at the other node sees %v %q %q", ids, mark, name)
		}
		if _, err := hubs["b"].Change(t.Context(), "c", func(r *Rules) error {
			_, err := r.Ban(Ban{Who: "g1", Mark: mark, Name: name}, time.Minute, time.Now())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := hubs["a"].Say(t.Context(), Where{Channel: "c"}, viewer(1), "again", 0, nobody); err == nil {
			t.Error("it writes on")
		}
		time.Sleep(2 * time.Minute)
		say(t, hubs["a"], viewer(1), "sorry")
		poll, _ := NewPoll("Which?", []string{"a", "b"}, time.Now())
		if _, err := hubs["a"].Change(t.Context(), "c", func(r *Rules) error { r.Poll = poll; return nil }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for i, name := range []string{"a", "b", "b"} {
			if _, err := hubs[name].Vote(t.Context(), "c", viewer(i), poll.ID, i%2); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(keepEvery + 2*time.Second)
		// A node that has just begun knows the votes; the poll ends with all of them, and nobody's vote stays.
		c := run(t, hubs["a"].cfg.Docs.Bucket(), f, "c")["c"]
		rules, err := c.EndPoll(t.Context(), "c", poll.ID)
		if err != nil || !slices.Equal(rules.Poll.Counts, []int{2, 1}) {
			t.Errorf("counted %+v, %v", rules.Poll, err)
		}
		if left, err := c.cfg.Docs.Bucket().List(t.Context(), "polls/", "", 0); err != nil || len(left.Entries) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

// listener is a web socket to a hub over real connections.
type listener struct {
	t      *testing.T
	c      *websocket.Conn
	seen   map[string]int
	cursor string
	rules  *Shown
	held   int
}

func serveHub(t *testing.T, h *Hub, crew bool, stays *bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h.Serve(w, r, Listener{Where: Where{Channel: "c"}, Crew: crew, Mark: r.Header.Get("From"), Cursor: r.URL.Query().Get("after"), Stays: func() bool { return stays == nil || *stays }})
		if err != nil {
			http.Error(w, err.Error(), http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func (l *listener) connect(url string) {
	l.t.Helper()
	c, _, err := websocket.Dial(l.t.Context(), url+"?after="+l.cursor, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.CloseNow() })
	l.c = c
	c.SetReadLimit(1 << 20)
}

// until reads until a message has come, and counts how often each came.
func (l *listener) until(id string) {
	l.t.Helper()
	for l.seen[id] == 0 {
		_, data, err := l.c.Read(l.t.Context())
		if err != nil {
			l.t.Fatal(err)
		}
		var b Batch
		if err := json.Unmarshal(data, &b); err != nil {
			l.t.Fatalf("%q: %v", data, err)
		}
		if b.Cursor != "" {
			l.cursor = b.Cursor
		}
		l.held += len(b.Held)
		if b.Rules != nil {
			l.rules = b.Rules
		}
		for _, m := range b.Messages {
			if l.seen == nil {
				l.seen = map[string]int{}
			}
			l.seen[m.ID]++
		}
	}
}

// TestListen comes in, loses the connection, and goes on where it was, without doubles and without holes.
func TestListen(t *testing.T) {
	h := run(t, bucket.NewMem(), nil, "a")["a"]
	url := serveHub(t, h, false, nil)
	l := &listener{t: t}
	before := say(t, h, viewer(0), "before")
	l.connect(url)
	l.until(before.ID)
	var sent []Message
	for i := range 20 {
		m := say(t, h, viewer(1+i), fmt.Sprint("message ", i))
		sent = append(sent, m)
		if i%5 == 4 {
			l.until(m.ID)
			l.c.CloseNow()
			sent = append(sent, say(t, h, viewer(100+i), "said meanwhile"))
			l.connect(url)
		}
	}
	last := say(t, h, viewer(500), "last")
	l.until(last.ID)
	for _, m := range append(sent, before, last) {
		if l.seen[m.ID] != 1 {
			t.Errorf("%q came %d times", m.Text, l.seen[m.ID])
		}
	}
	if l.rules == nil || l.rules.Mode != Open || l.held != 0 {
		t.Errorf("rules %+v, held %d", l.rules, l.held)
	}
	// What a listener sends is none of ours: it ends the connection.
	l.c.Write(t.Context(), websocket.MessageText, []byte("hello"))
	if _, _, err := l.c.Read(t.Context()); err == nil {
		t.Error("it may write")
	}
}

// TestSlowReader does not read at all: others are told everything, and nothing waits for it.
func TestSlowReader(t *testing.T) {
	h := run(t, bucket.NewMem(), nil, "a")["a"]
	url := serveHub(t, h, false, nil)
	slow, l := &listener{t: t}, &listener{t: t}
	slow.connect(url)
	l.connect(url)
	for i := range 30 {
		m := say(t, h, viewer(i), strings.Repeat("x", MaxText-10)+fmt.Sprint(i))
		l.until(m.ID)
	}
}

// TestConnections bounds those of one address, and ends with the node.
func TestConnections(t *testing.T) {
	h := NewHub(Config{Docs: bucket.NewDocuments(bucket.NewMem()), MaxFrom: 3, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	url := serveHub(t, h, true, nil)
	var all []*listener
	for range 3 {
		l := &listener{t: t}
		l.connect(url)
		all = append(all, l)
	}
	if _, resp, err := websocket.Dial(t.Context(), url, nil); err == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one too many: %v", err)
	}
	if c, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: http.Header{"From": {"elsewhere"}}}); err != nil {
		t.Errorf("from elsewhere: %v", err)
	} else {
		all = append(all, &listener{t: t, c: c})
	}
	cancel()
	for _, l := range all {
		for {
			if _, _, err := l.c.Read(t.Context()); err != nil {
				if websocket.CloseStatus(err) != websocket.StatusGoingAway {
					t.Errorf("it ended by %v", err)
				}
				break
			}
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, _, err := websocket.Dial(t.Context(), url, nil); err == nil {
		t.Error("one more after the end")
	}
}
