package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// receiver is what a producer's program does: it checks the signature and remembers what it was told.
type receiver struct {
	t      *testing.T
	secret string

	mu     sync.Mutex
	answer func(try int) (int, error)
	got    []string // types and ids
	tries  int
}

// heard returns what it took, and how often it was asked.
func (r *receiver) heard() (got []string, tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), r.tries
}

func (r *receiver) Post(ctx context.Context, address string, h http.Header, body []byte, _ int64) (fetch.Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	if want := "v1," + signature(r.secret, id, stamp, body); h.Get("Webhook-Signature") != want {
		r.t.Errorf("the signature of %s is %s, want %s", body, h.Get("Webhook-Signature"), want)
	}
	if seconds, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Second {
		r.t.Errorf("timestamp %s: %v", stamp, err)
	}
	r.tries++
	status, err := 200, error(nil)
	if r.answer != nil {
		status, err = r.answer(r.tries)
	}
	if ctx.Err() != nil {
		return fetch.Answer{}, ctx.Err()
	}
	if err == nil && status == 200 {
		r.got = append(r.got, id)
	}
	return fetch.Answer{Status: status, Body: []byte("thanks")}, err
}

// world is a channel with one webhook, and some nodes.
type world struct {
	channel *channel.Channel
	docs    bucket.Bucket
	to      *receiver
	list    []Aired
	mine    atomic.Value // name of the node that looks after the channel
}

func newWorld(t *testing.T) *world {
	c := &channel.Channel{ID: "c1", Slug: "news", Title: "News"}
	w, err := c.AddWebhook("https://example.org/hook", nil, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &world{channel: c, docs: bucket.NewMem(), to: &receiver{t: t, secret: w.Secret}}
}

func (w *world) node(name string) *Sender {
	s := New(Config{
		Docs: bucket.NewDocuments(w.docs), Node: name, Poster: w.to,
		Aired: func(string) ([]Aired, bool) { return w.list, true }, Mine: func(string) bool { return w.mine.Load() == name },
		Lives: func(string) (bool, bool) { return true, true },
	})
	s.Changed(w.channel)
	return s
}

func run(s *Sender) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// TestTries has an address that answers at last: it is asked less and less often, and told once.
func TestTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mine.Store("a")
		w.to.answer = func(try int) (int, error) {
			switch try {
			case 1:
				return 500, nil
			case 2:
				return 0, errors.New("connection refused")
			case 3:
				return 302, nil
			}
			return 200, nil
		}
		s := w.node("a")
		defer run(s)()
		if err := s.Emit(t.Context(), "c1", channel.EventRecording, "rec1", map[string]any{"title": "Evening"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if _, tries := w.to.heard(); tries != 1 {
			t.Fatalf("%d tries within 4 s, want 1", tries)
		}
		time.Sleep(10 * time.Minute)
		if got, tries := w.to.heard(); len(got) != 1 || tries != 4 {
			t.Fatalf("told %v in %d tries, want once in 4", got, tries)
		}
		answers, waits, err := s.Log(t.Context(), w.channel)
		if err != nil || len(waits) != 0 {
			t.Fatalf("waits %v, %v", waits, err)
		}
		log := answers[w.channel.Webhooks[0].ID]
		if len(log) != 4 || !log[0].OK || log[0].Try != 4 || log[1].Next == nil || log[2].Said == "" {
			t.Errorf("the log: %+v", log)
		}
		if err := s.Emit(t.Context(), "c1", channel.EventRecording, "rec1", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, tries := w.to.heard(); tries != 4 {
			t.Error("the same event was told again")
		}
	})
}

// TestGiveUp tries an address that never answers for a day, and then no more.
func TestGiveUp(t *testing.T) {
	w := newWorld(t)
	l, began := ledger{}, time.Now()
	l.queue(w.channel, []Event{{ID: "evt_1", Type: channel.EventChatHeld}}, began)
	tries, now := 0, began
	for len(l.Waiting) > 0 {
		now = l.Waiting[0].Next
		due := l.due(now)
		term, ok := l.take("a", now)
		if len(due) != 1 || !ok {
			t.Fatalf("%d are due after %v, lease %v", len(due), now.Sub(began), ok)
		}
		l.settle(term, []sent{{due[0], Answer{Event: "evt_1", Status: 503}}}, now)
		tries++
	}
	if last := now.Sub(began); tries < 10 || tries > 16 || last < 18*time.Hour || last > giveUp {
		t.Errorf("%d tries, the last one after %v", tries, last)
	}
	if log := l.Answers[w.channel.Webhooks[0].ID]; len(log) != tries || log[0].Next != nil || log[1].Next == nil {
		t.Errorf("the log: %+v", log)
	}
}

// TestDeath has the node that sends die over it: another goes on, nothing is lost, and an event comes at most twice.
func TestDeath(t *testing.T) {
	for dies := 1; dies <= 4; dies++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.mine.Store("a")
			for n := range 6 {
				w.list = append(w.list, Aired{ID: fmt.Sprint(n), Number: int64(n), Source: "cam", Start: time.Now().Add(time.Duration(n) * time.Second)})
				if n > 0 {
					w.list[n-1].End = w.list[n].Start
				}
			}
			ctx, kill := context.WithCancel(t.Context())
			faulty := bucket.NewFaulty(w.docs, 1, bucket.Faults{})
			a := w.node("a")
			a.cfg.Docs = bucket.NewDocuments(faulty)
			w.to.answer = func(try int) (int, error) {
				if try == dies { // it is told, and dies before it can note that
					faulty.Down(true)
					kill()
					w.mine.Store("b")
				}
				return 200, nil
			}
			ended := make(chan error, 1)
			go func() { ended <- a.Run(ctx) }()
			b, c := w.node("b"), w.node("c")
			defer run(b)()
			defer run(c)()
			time.Sleep(3 * time.Minute)
			<-ended
			count := map[string]int{}
			got, _ := w.to.heard()
			for _, id := range got {
				count[id]++
			}
			if len(count) != 7 { // on air, and six cuts
				t.Errorf("dies with try %d: %d events were told, want 7", dies, len(count))
			}
			if twice := len(got) - len(count); twice > atOnce {
				t.Errorf("dies with try %d: %d events were told twice", dies, twice)
			}
		})
	}
}

// TestTwoAtOnce has two nodes that both think it is theirs: each event is told once.
func TestTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.node("a"), w.node("b")
		a.cfg.Mine = func(string) bool { return true }
		b.cfg.Mine = a.cfg.Mine
		defer run(a)()
		defer run(b)()
		for n := range 20 {
			if err := []*Sender{a, b}[n%2].Emit(t.Context(), "c1", channel.EventRecording, fmt.Sprint(n), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		count := map[string]int{}
		got, _ := w.to.heard()
		for _, id := range got {
			count[id]++
		}
		if len(count) != 20 || len(got) != 20 {
			t.Errorf("%d events were told %d times, want 20 once", len(count), len(got))
		}
	})
}

// TestIdle asks the bucket for nothing while nothing happens, apart from one listing a minute.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mine.Store("a")
		var mu sync.Mutex
		requests := map[string]int{}
		w.docs = bucket.Counted(w.docs, func(kind string, _ error, _ time.Duration, _ int64) {
			mu.Lock()
			defer mu.Unlock()
			requests[kind]++
		})
		w.list = []Aired{{ID: "x", Source: "cam", Start: time.Now().Add(time.Second)}}
		s := w.node("a")
		defer run(s)()
		time.Sleep(10 * time.Minute)
		mu.Lock()
		clear(requests)
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if len(requests) != 1 || requests["list"] > 60 {
			t.Errorf("an hour without an event costs %v", requests)
		}
	})
}

// TestTest tries a webhook, and not too often.
func TestTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.node("a")
		hook := w.channel.Webhooks[0].ID
		a, err := s.Test(t.Context(), w.channel, hook, "1")
		if err != nil || !a.OK || a.Status != 200 || a.Said != "thanks" {
			t.Errorf("a test: %+v, %v", a, err)
		}
		if _, err := s.Test(t.Context(), w.channel, hook, "2"); !errors.Is(err, ErrOften) {
			t.Errorf("a test at once after another: %v", err)
		}
		if _, err := s.Test(t.Context(), w.channel, "x", "2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a test of nothing: %v", err)
		}
	})
}

// TestInside does not tell what lies in the node's own network.
func TestInside(t *testing.T) {
	asked := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inside.Close()
	w := newWorld(t)
	s := w.node("a")
	s.cfg.Poster = fetch.New()
	for _, address := range []string{inside.URL, "http://169.254.169.254/latest/meta-data/", "http://localhost:1/"} {
		if _, err := w.channel.ChangeWebhook(w.channel.Webhooks[0].ID, func(h *channel.Webhook) { h.URL = address }); err != nil {
			t.Fatal(err)
		}
		s.tested = map[string]time.Time{}
		a, err := s.Test(t.Context(), w.channel, w.channel.Webhooks[0].ID, address)
		if err != nil || a.OK || a.Status != 0 || a.Said == "" {
			t.Errorf("%s: %+v, %v", address, a, err)
		}
	}
	if asked {
		t.Error("a server on this machine was asked")
	}
}
