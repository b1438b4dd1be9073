package bundle

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// counted is the owner of a take's records, which are numbered, and counts what it is told is safe.
type counted struct {
	take media.TakeID

	mu   sync.Mutex
	sent int
	safe int
	bad  string
}

func (o *counted) Stored([]StoredRecord) {}

func (o *counted) Safe(records []Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range records {
		if r.End != strconv.Itoa(o.safe) {
			o.bad = fmt.Sprintf("record %s is safe after %d", r.End, o.safe)
		}
		o.safe++
	}
}

func (o *counted) counts() (sent, safe int, bad string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent, o.safe, o.bad
}

// append adds the next record of the take.
func (o *counted) append(f *Flusher) (line uint64) {
	o.mu.Lock()
	name := strconv.Itoa(o.sent)
	o.sent++
	o.mu.Unlock()
	return f.Append(o, Item{Record: Record{Kind: KindEnd, Take: o.take, End: name}})
}

// watcher is another node: it has a spool and holds what a copy brings, over the wire.
type watcher struct {
	t     *testing.T
	name  string
	dir   string
	inc   Incarnation
	spool *Spool
	h     *Holder
	stop  context.CancelFunc
	done  chan struct{}
	lag   time.Duration
}

func newWatcher(t *testing.T, name string, i Incarnation) *watcher {
	w := &watcher{t: t, name: name, dir: t.TempDir(), inc: i}
	w.boot()
	return w
}

func (w *watcher) boot() {
	w.t.Helper()
	var err error
	if w.spool, err = OpenSpool(w.dir, w.name, nil, SpoolConfig{}); err != nil {
		w.t.Fatal(err)
	}
	if w.h, err = w.spool.Hold(w.inc); err != nil {
		w.t.Fatal(err)
	}
}

// restart ends the process of the node and begins another one with the same spool.
func (w *watcher) restart() {
	w.hangUp()
	w.spool.Close()
	w.boot()
}

// follow holds what the flusher sends until hangUp.
func (w *watcher) follow(f *Flusher, caughtUp func()) {
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.done = cancel, make(chan struct{})
	go func() {
		defer close(w.done)
		c, err := f.Copy(ctx, w.name)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			frames, err := c.Next(ctx)
			if err != nil {
				return
			}
			for _, frame := range frames {
				lines, err := w.h.Add(overWire(w.t, frame))
				if err != nil {
					return
				}
				time.Sleep(w.lag)
				if c.Held(lines) && caughtUp != nil {
					caughtUp()
					caughtUp = nil
				}
			}
		}
	}()
}

func (w *watcher) hangUp() {
	if w.stop != nil {
		w.stop()
		<-w.done
		w.stop = nil
	}
}

// overWire writes a frame and reads it again.
func overWire(t *testing.T, f Frame) Frame {
	t.Helper()
	var b bytes.Buffer
	if err := WriteFrame(&b, f); err != nil {
		t.Fatal(err)
	}
	out, err := ReadFrame(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// byTakes returns what bundles say, the records of each take in their order.
func byTakes(found []Scanned) map[media.TakeID][]string {
	out := map[media.TakeID][]string{}
	for _, s := range found {
		for _, r := range s.Index.Records {
			out[r.Take] = append(out[r.Take], r.End)
		}
	}
	return out
}

// TestWitnesses writes with a bucket that fails in all ways while two witnesses come, go, restart and lag.
// Then the writer dies. Whichever one of the named witnesses gives its word, everything that was safe is
// found, in order, without a hole and without a repetition; and what was durable is, too.
func TestWitnesses(t *testing.T) {
	defer func(n int64) { testimonySize = n }(testimonySize)
	for seed := range uint64(24) {
		testimonySize = []int64{64 << 20, 400}[seed%2]
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testWitnesses(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// story is one run of TestWitnesses.
type story struct {
	t       *testing.T
	rnd     *rand.Rand
	faulty  *bucket.Faulty
	inc     Incarnation
	f       *Flusher
	stop    func()
	others  []*watcher
	owners  []*counted
	mu      sync.Mutex
	ready   []string
	durable map[*counted]int
}

func testWitnesses(t *testing.T, rnd *rand.Rand) {
	s := &story{t: t, rnd: rnd, inc: NewIncarnation("n", time.Now()), durable: map[*counted]int{}}
	s.faulty = bucket.NewFaulty(bucket.NewMem(), rnd.Uint64(), bucket.Faults{Latency: 20 * time.Millisecond})
	s.begin()
	for range 60 {
		s.step()
	}
	s.stop()
	for _, w := range s.others {
		w.hangUp()
		defer func() { w.spool.Close() }()
	}
	s.faulty.Down(false)
	s.faulty.Set(bucket.Faults{})
	s.end()
	s.faulty.Settle()
}

func (s *story) begin() {
	spool, err := OpenSpool(s.t.TempDir(), "n", nil, SpoolConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.f = NewFlusher(FlusherConfig{Bucket: s.faulty, Incarnation: &s.inc, Spool: spool, Log: slog.New(slog.DiscardHandler), Interval: 100 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { s.f.Run(ctx); close(ended) }()
	s.stop = func() { cancel(); <-ended; spool.Close() }
	for _, name := range []string{"a", "b", "c"} {
		s.others = append(s.others, newWatcher(s.t, name, s.inc))
	}
	for n := range byte(3) {
		s.owners = append(s.owners, &counted{take: media.TakeID{n + 1}})
	}
}

// name names or does not name a witness any more.
func (s *story) name(w string, holds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = slices.DeleteFunc(s.ready, func(n string) bool { return n == w })
	if holds {
		s.ready = append(s.ready, w)
		slices.Sort(s.ready)
	}
	s.f.Name(s.ready)
}

func (s *story) step() {
	switch s.rnd.IntN(12) {
	case 0:
		s.faulty.Set(bucket.Faults{Error: .2, Lost: .2, Late: .2, Jitter: time.Second, LateBy: time.Second})
	case 1:
		s.faulty.Set(bucket.Faults{Latency: 20 * time.Millisecond})
		s.faulty.Down(false)
	case 2:
		s.faulty.Down(true)
	case 3, 4:
		w := s.others[s.rnd.IntN(3)]
		s.mu.Lock()
		room := len(s.ready) < 2
		s.mu.Unlock()
		if w.stop == nil && room {
			w.lag = time.Duration(s.rnd.IntN(3)) * 5 * time.Millisecond
			w.follow(s.f, func() { s.name(w.name, true) })
		}
	case 5:
		w := s.others[s.rnd.IntN(3)]
		if w.hangUp(); s.rnd.IntN(2) == 0 {
			w.restart()
		}
		s.name(w.name, false)
	default:
		for range s.rnd.IntN(20) {
			o := s.owners[s.rnd.IntN(len(s.owners))]
			s.swear(o, o.append(s.f))
			time.Sleep(time.Duration(s.rnd.IntN(50)) * time.Millisecond)
		}
	}
	time.Sleep(time.Duration(s.rnd.IntN(300)) * time.Millisecond)
}

// swear waits, beside the others, until a record is durable, and notes it then.
func (s *story) swear(o *counted, line uint64) {
	sent, _, _ := o.counts()
	go func() {
		if s.f.Durable(context.Background(), line) == nil {
			s.mu.Lock()
			s.durable[o] = max(s.durable[o], sent)
			s.mu.Unlock()
		}
	}()
}

// end ends the dead writer's incarnation by the word of one of those that are named.
func (s *story) end() {
	ctx := s.t.Context()
	named, err := Named(ctx, s.faulty, s.inc)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range s.others {
		if s.rnd.IntN(2) == 0 {
			w.restart()
		}
	}
	word := NoWord
	if len(named) > 0 {
		name := named[s.rnd.IntN(len(named))]
		w := s.others[slices.IndexFunc(s.others, func(w *watcher) bool { return w.name == name })]
		word = ExactWord
		w.h.Close()
		if w.h.Blank() {
			s.t.Errorf("%s is named, and was never sent anything", name)
		}
		if err := w.h.Testify(ctx, s.faulty, name); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := Recover(ctx, bucket.NewDocuments(s.faulty), s.inc, "sealer", Known{Word: word})
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	found := byTakes(r.Bundles)
	for _, o := range s.owners {
		got := found[o.take]
		sent, safe, bad := o.counts()
		if bad != "" {
			s.t.Error(bad)
		}
		for i, name := range got {
			if name != strconv.Itoa(i) {
				s.t.Fatalf("what is found of a take: %s, want all from 0 on", strings.Join(got, " "))
			}
		}
		if len(got) > sent || word == ExactWord && !s.lonely() && len(got) < safe || len(got) < s.durable[o] {
			s.t.Errorf("%d records of %d are found; named %v: %d were safe, %d durable", len(got), sent, named, safe, s.durable[o])
		}
	}
}

// lonely reports whether the spool alone counted at some time, of which no witness knows.
func (s *story) lonely() bool {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.f.safety.lonely
}

// TestCopyAfterLateLanding follows when a bundle has landed and the one before it has not: it is sent, for a
// fence may come in place of the older one.
func TestCopyAfterLateLanding(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		x.busy.refuse(x.inc.Key(0))
		o := &owner{}
		x.send(o, 3, 700*time.Millisecond) // a bundle each
		w := newWatcher(x.t, "w", x.inc)
		defer func() { w.spool.Close() }()
		w.follow(x.f, func() { x.f.Name([]string{"w"}) })
		time.Sleep(time.Second)
		x.cancel()
		x.ended <- <-x.ended
		w.hangUp()
		w.h.Close()
		if err := w.h.Testify(x.t.Context(), x.faulty, "w"); err != nil {
			x.t.Fatal(err)
		}
		if got := x.inBucket(); !slices.Equal(got, x.sent[o]) {
			x.t.Errorf("%v is found, want %v", got, x.sent[o])
		}
	})
}

// big is a part of so many bytes.
func big(take byte, n uint32, size int) Item {
	p := media.Part{Segment: n, Last: true, Spans: []uint32{uint32(size)}, Data: make([]byte, size)}
	p.Data[0] = byte(n)
	return Item{Record: PartOf(media.TakeID{take}, &p), Data: p.Data}
}

// TestCopyOfLongOutage begins to witness when much waits in the spool: it comes in pieces that fit in
// memory, also what comes meanwhile, and only then the witness has caught up.
func TestCopyOfLongOutage(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		o := &owner{}
		x.faulty.Down(true)
		n := uint32(0)
		more := func(count int) {
			for range count {
				x.f.Append(o, big(1, n, 1<<20))
				n++
			}
			time.Sleep(1500 * time.Millisecond)
		}
		for range 9 {
			more(5)
		}
		c, err := x.f.Copy(x.t.Context(), "w")
		if err != nil {
			x.t.Fatal(err)
		}
		defer c.Close()
		h := newWatcher(x.t, "w", x.inc)
		defer func() { h.spool.Close() }()
		turns, caughtUp := 0, false
		for ; !caughtUp && turns < 100; turns++ {
			frames, err := c.Next(x.t.Context())
			if err != nil {
				x.t.Fatal(err)
			}
			var bytes int64
			for _, f := range frames {
				bytes += f.Body.Len()
				lines, err := h.h.Add(f)
				if err != nil {
					x.t.Fatal(err)
				}
				caughtUp = c.Held(lines)
			}
			if bytes > 2*maxNext {
				x.t.Fatalf("%d bytes at once", bytes)
			}
			if turns < 12 {
				more(5)
			}
		}
		items, err := h.h.Items()
		if err != nil || uint32(len(items)) != n || turns < 12 {
			x.t.Fatalf("after %d turns it holds %d parts of %d, %v", turns, len(items), n, err)
		}
		for i, item := range items {
			if item.Record.Part.Segment != uint32(i) || item.Data[0] != byte(i) {
				x.t.Fatalf("part %d is %d, with %d", i, item.Record.Part.Segment, item.Data[0])
			}
		}
	})
}

// TestCopyBehind ends the copy of a witness that takes nothing, and no other.
func TestCopyBehind(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		var copies []*Copy
		for _, name := range []string{"slow", "quick", "slow too"} {
			c, err := x.f.Copy(x.t.Context(), name)
			if err != nil {
				x.t.Fatal(err)
			}
			copies = append(copies, c)
			synctest.Wait()
		}
		lines := uint64(0)
		for n := range uint32(maxCopy>>20 + 2) {
			x.f.Append(&owner{}, big(1, n, 1<<20))
			for lines <= uint64(n) {
				frames, err := copies[1].Next(x.t.Context())
				if err != nil {
					x.t.Fatal(err)
				}
				for _, f := range frames {
					lines = max(lines, f.Lines)
				}
				copies[1].Held(lines)
			}
		}
		for _, c := range []*Copy{copies[0], copies[2]} {
			if _, err := c.Next(x.t.Context()); !errors.Is(err, ErrBehind) {
				x.t.Errorf("a copy that nobody reads: %v, want %v", err, ErrBehind)
			}
			if c.Held(5) {
				x.t.Error("a copy that has ended has caught up")
			}
		}
		if got := x.f.safety.held; len(got) != 1 || got["quick"] != lines {
			x.t.Errorf("held %v, want the quick one's %d lines", got, lines)
		}
		copies[1].Close()
		if _, err := copies[1].Next(x.t.Context()); err == nil || len(x.f.copies) > 0 {
			x.t.Errorf("after its end a copy goes on: %v, %d left", err, len(x.f.copies))
		}
	})
}
