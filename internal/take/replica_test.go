package take

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// errNews is what a feed is ended with when it has sent all that there is.
var errNews = errors.New("there is no more for now")

// sent returns what a feed sends now.
func sent(l *Log, from media.Pos, refs uint32) []byte {
	var b bytes.Buffer
	l.Feed(context.Background(), from, refs, &b, func() error { return errNews })
	return b.Bytes()
}

// fed lets a replica take in what a log has.
func fed(l *Log, x *Replica) error {
	from, refs := x.From()
	r := bufio.NewReader(bytes.NewReader(sent(l, from, refs)))
	if _, err := ReadBirth(r); err != nil {
		return err
	}
	if err := x.Read(r); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// TestReplicaChangesOver follows a take through the bucket up to each of its bundles, then through a feed, and
// reads everything back: a segment whose first parts came from bundles and whose last from the feed is whole.
func TestReplicaChangesOver(t *testing.T) {
	w, l, store := written(t, 10)
	found, _, _, err := bundle.Scan(t.Context(), l.bucket, l.inc)
	if err != nil || len(found) < 8 {
		t.Fatalf("%d bundles, %v", len(found), err)
	}
	for n := range len(found) + 1 {
		x := NewReplica(w.Log().Take(), nil)
		x.Bundles(found[:n])
		if err := fed(w.Log(), x); err != nil {
			t.Fatalf("after %d bundles: %v", n, err)
		}
		if got, want := x.Log().Edge(), w.Log().Edge(); got != want {
			t.Fatalf("after %d bundles and the feed the replica ends at %v, the log at %v", n, got, want)
		}
		other := NewStore(store.reader)
		other.Add(x.Log())
		expectMedia(t, other, l, x.Log())
	}
}

// TestReplicaGoesBack follows a take through a feed that breaks off, then through the bucket, and through a
// feed again.
func TestReplicaGoesBack(t *testing.T) {
	w, l, store := written(t, 10)
	found, _, _, err := bundle.Scan(t.Context(), l.bucket, l.inc)
	if err != nil {
		t.Fatal(err)
	}
	whole := sent(w.Log(), media.Pos{}, 0)
	for cut := 4000; cut < len(whole); cut += len(whole) / 40 {
		x := NewReplica(w.Log().Take(), nil)
		r := bufio.NewReader(bytes.NewReader(whole[:cut]))
		if _, err := ReadBirth(r); err != nil {
			t.Fatal(err)
		}
		if err := x.Read(r); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("a feed of %d bytes ends with %v", cut, err)
		}
		x.Bundles(found)
		if err := fed(w.Log(), x); err != nil {
			t.Fatalf("after %d bytes and the bundles: %v", cut, err)
		}
		other := NewStore(store.reader)
		other.Add(x.Log())
		expectMedia(t, other, l, x.Log())
	}
}

// TestReplicaOfRelay follows a node that follows the bucket, and goes on with it when that node is fed by the
// writer again: bytes are never kept in the place of others.
func TestReplicaOfRelay(t *testing.T) {
	_, l, store := written(t, 10)
	found, _, _, err := bundle.Scan(t.Context(), l.bucket, l.inc)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(found); n++ {
		w := l.owner.(*Log)
		relay, x := NewReplica(w.Take(), nil), NewReplica(w.Take(), nil)
		f := newFeed(relay.Log(), media.Pos{}, 0)
		step := func() {
			for more := true; more; {
				var out [][]byte
				out, _, more, _ = f.take()
				r := bufio.NewReader(bytes.NewReader(bytes.Join(out, nil)))
				if b, err := r.Peek(1); err == nil && b[0] == frameBirth {
					ReadBirth(r)
				}
				if err := x.Read(r); err != io.EOF {
					t.Fatalf("after %d bundles: %v", n, err)
				}
			}
			if relay.Log().Edge() != x.Log().Edge() {
				t.Fatalf("after %d bundles the relay is at %v, the replica at %v", n, relay.Log().Edge(), x.Log().Edge())
			}
			other := NewStore(store.reader)
			other.Add(x.Log())
			expectRight(t, other, l, x.Log())
		}
		relay.Bundles(found[:n])
		step()
		if err := fed(w, relay); err != nil {
			t.Fatal(err)
		}
		step()
		relay.Bundles(found)
		step()
	}
}

// expectRight says that no part is answered with the bytes of another.
func expectRight(t *testing.T, s *Store, l *ledger, log *Log) {
	t.Helper()
	for _, seg := range log.Listing(0).Segments {
		for i := range uint32(len(seg.Parts)) {
			a := media.Address{Take: log.Take().ID, Rendition: media.Main, Segment: seg.Number, Run: true, From: i, To: i}
			if got, err := open(t, s, a); !errors.Is(err, ErrNotYet) && (err != nil || !bytes.Equal(got, l.segment(seg.Number, i, i))) {
				t.Errorf("%s: %d bytes, %v, want %d", a, len(got), err, len(l.segment(seg.Number, i, i)))
			}
		}
	}
}

// TestBucketReplicaMemory follows through the bucket for long: nothing stays in memory, what has left the
// window is forgotten, and who waits for media is woken.
func TestBucketReplicaMemory(t *testing.T) {
	w, l, _ := written(t, 60)
	found, _, _, err := bundle.Scan(t.Context(), l.bucket, l.inc)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []EventKind
	x := NewReplica(w.Log().Take(), func(_ *Log, e Event) { kinds = append(kinds, e.Kind) })
	x.Bundles(found[:1])
	if err := fed(w.Log(), x); err != nil {
		t.Fatal(err)
	}
	for _, s := range x.Log().segments { // as if nobody had said where they lie
		s.stored, s.refs = 0, nil
	}
	x = &Replica{log: x.log, incarnation: x.incarnation}
	waits := x.Log().wait()
	kinds = nil
	for n := range found {
		x.Bundles(found[:n+1])
	}
	select {
	case <-waits:
	default:
		t.Error("nobody is woken")
	}
	if !slices.Contains(kinds, Stored) || slices.Contains(kinds, Grown) {
		t.Errorf("events %v", kinds)
	}
	if tail := x.Log().TailBytes(); tail > w.Log().TailBytes() {
		t.Errorf("%d bytes are in memory; the writer has %d", tail, w.Log().TailBytes())
	}
	y := NewReplica(w.Log().Take(), nil)
	for n := range found {
		y.Bundles(found[:n+1])
		y.Log().Trim(y.Log().Edge().End - 20*media.TicksPerSecond)
	}
	if n := len(y.Log().Listing(0).Segments); n > 12 {
		t.Errorf("%d segments are kept of 20 s", n)
	}
}

// TestFeedOfLog feeds over a pipe while the take is written, ends it, and waits until it is known where the
// last of it lies.
func TestFeedOfLog(t *testing.T) {
	for _, seal := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, l, _ := written(t, 10)
			r, pipe := io.Pipe()
			ended := make(chan error, 1)
			go func() {
				err := w.Log().Feed(t.Context(), media.Pos{}, 0, pipe, func() error { return nil })
				pipe.Close()
				ended <- err
			}()
			in := bufio.NewReader(r)
			birth, err := ReadBirth(in)
			if err != nil || birth.ID != w.Log().Take().ID {
				t.Fatalf("birth %+v, %v", birth, err)
			}
			x := NewReplica(birth, nil)
			read := make(chan error, 1)
			go func() { read <- x.Read(in) }()
			time.Sleep(5 * time.Second) // beats
			if seal {
				w.Log().Seal(media.Pos{Segment: 2})
			} else {
				w.End("done")
			}
			time.Sleep(10 * time.Second)
			if len(read) > 0 {
				t.Fatalf("it does not wait for the last bundle: %v", <-read)
			}
			if l.flush(); !seal {
				time.Sleep(time.Second)
			} else {
				time.Sleep(lastTime) // what lies behind a seal is never stored
			}
			if err := <-read; err != nil {
				t.Errorf("the end: %v", err)
			}
			if err := <-ended; err != nil {
				t.Errorf("Feed = %v", err)
			}
			a, b := x.Log().Listing(0), w.Log().Listing(0)
			if a.Ended != b.Ended || a.Sealed != b.Sealed || a.Seal != b.Seal || a.Edge() != b.Edge() || x.Log().Finished() == seal {
				t.Errorf("sealed %v: it is read as %v %v %v up to %v, want %v %v %v up to %v", seal, a.Ended, a.Sealed, a.Seal, a.Edge(), b.Ended, b.Sealed, b.Seal, b.Edge())
			}
		})
	}
}

// TestSlowFollower takes in what it is sent long after it was made: it costs the writer no memory, and gets
// where it lies instead of the bytes.
func TestSlowFollower(t *testing.T) {
	w, l, store := written(t, 5)
	f := newFeed(w.Log(), media.Pos{}, 0)
	first, _, _, _ := f.take()
	s := encode(60, []int64{3600}, 25, true, true, true, 0, testRand())
	for i, x := range s.samples[len(s.samples)/12:] {
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
		if i%36 == 35 {
			l.flush()
		}
	}
	rest, _, more, _ := f.take()
	b := bytes.Join(rest, nil)
	if more || bytes.Count(b, []byte{frameSegment}) < 20 || int64(len(b)) > w.Log().TailBytes()+20_000 {
		t.Errorf("%d bytes are sent to a follower that was slow; %d are in memory", len(b), w.Log().TailBytes())
	}
	r := bufio.NewReader(bytes.NewReader(append(bytes.Join(first, nil), b...)))
	birth, err := ReadBirth(r)
	if err != nil {
		t.Fatal(err)
	}
	x := NewReplica(birth, nil)
	if err := x.Read(r); err != io.EOF {
		t.Fatal(err)
	}
	other := NewStore(store.reader)
	other.Add(x.Log())
	expectMedia(t, other, l, x.Log())
	if x.Log().Edge() != w.Log().Edge() {
		t.Errorf("it is at %v, the writer at %v", x.Log().Edge(), w.Log().Edge())
	}
}

func testRand() *rand.Rand { return rand.New(rand.NewPCG(2, 2)) }
