package take

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// scribe is a Recorder whose records become safe and stored when it is told. It keeps what was ever made.
type scribe struct {
	t       fataler
	inc     bundle.Incarnation
	items   []bundle.Item // in no bundle yet
	safe    int           // how many of them are safe
	owner   bundle.Owner
	bundles [][]byte
	scanned []bundle.Scanned
	all     map[media.Pos][]byte
	lines   uint64
}

func (s *scribe) Append(owner bundle.Owner, items ...bundle.Item) uint64 {
	s.owner = owner
	s.items = append(s.items, items...)
	s.lines += uint64(len(items))
	for _, i := range items {
		if p := i.Record.Part; i.Record.Kind == bundle.KindPart {
			s.all[media.Pos{Segment: p.Segment, Part: p.Index}] = bytes.Clone(i.Data)
		}
	}
	return s.lines
}

// hold makes the next few records safe, as a witness would.
func (s *scribe) hold(n int) {
	n = min(n, len(s.items)-s.safe)
	var records []bundle.Record
	for _, i := range s.items[s.safe:][:n] {
		records = append(records, i.Record)
	}
	s.safe += n
	if n > 0 {
		s.owner.Safe(records)
	}
}

// flush makes a bundle of the next few records.
func (s *scribe) flush(n int) {
	n = min(n, len(s.items))
	if n == 0 {
		return
	}
	body, records, err := bundle.Encode(s.items[:n])
	if err != nil {
		s.t.Fatalf("encode: %v", err)
	}
	sequence := uint64(len(s.bundles))
	s.bundles = append(s.bundles, bytes.Join(body, nil))
	s.scanned = append(s.scanned, bundle.Scanned{Sequence: sequence, Index: &bundle.Index{Records: records}})
	stored := make([]bundle.StoredRecord, n)
	for i, r := range records {
		stored[i] = bundle.StoredRecord{Record: r, Ref: bundle.Ref{Incarnation: &s.inc, Sequence: sequence, Offset: r.Part.Offset, Length: r.Part.Length}}
	}
	s.owner.Stored(stored)
	s.hold(max(0, n-s.safe))
	s.items = s.items[n:]
	s.safe = max(0, s.safe-n)
}

// Read reads from the bundles.
func (s *scribe) Read(_ context.Context, refs []bundle.Ref) ([][]byte, error) {
	out := make([][]byte, len(refs))
	for i, r := range refs {
		if *r.Incarnation != s.inc || r.Sequence >= uint64(len(s.bundles)) {
			return nil, fmt.Errorf("there is no bundle %v", r)
		}
		out[i] = s.bundles[r.Sequence][r.Offset:][:r.Length]
	}
	return out, nil
}

// truth is a take that is written, with everything that ever was of it.
type truth struct {
	t       *rapid.T
	scribe  *scribe
	w       *Writer
	samples []media.Sample
	exact   bool
}

func newTruth(t *rapid.T) *truth {
	x := &truth{t: t, scribe: &scribe{t: t, inc: bundle.Incarnation{Node: "n", ID: "1"}, all: map[media.Pos][]byte{}}}
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	gop := rapid.SampledFrom([]int{5, 25, 50, 250}).Draw(t, "gop")
	stream := encode(30, []int64{3600}, gop, true, rapid.Bool().Draw(t, "sound"), true, 0, rnd)
	x.samples = stream.samples
	var err error
	x.w, err = NewWriter(Birth{
		Take:     media.Take{Channel: "c", Source: "s", Node: "n", Incarnation: "1", Born: time.Unix(100, 0).UTC()},
		Packager: PackagerConfig{Tracks: stream.tracks}, Recorder: x.scribe, Exact: func() bool { return x.exact },
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *truth) write(n int) {
	for ; n > 0 && len(x.samples) > 0 && !x.w.Log().Ended(); n-- {
		if err := x.w.Write(x.samples[0]); err != nil {
			x.t.Fatal(err)
		}
		x.samples = x.samples[1:]
	}
}

func (x *truth) mark() {
	if !x.w.Log().Ended() {
		x.w.Mark(func(e Edge) []byte { return fmt.Appendf(nil, "mark at %d.%d", e.At.Segment, e.At.Part) })
	}
}

// follower is a node that follows the take, by feeds that may break at any byte, and by bundles.
type follower struct {
	name    string
	x       *truth
	replica *Replica
	feed    *feed
	buffer  []byte // what is on its way
	store   *Store
	marks   []string // as they were told
	safe    []string // the marks that were told to be safe
	limit   media.Pos
}

func (f *follower) watch(_ *Log, e Event) {
	switch e.Kind {
	case Marked:
		f.marks = append(f.marks, string(e.Mark))
	case MarkSafe:
		f.safe = append(f.safe, string(e.Mark))
	}
}

// dial begins a feed at a node that has the take.
func (f *follower) dial(l *Log) {
	f.feed, f.buffer = newFeed(l, media.Pos{}, 0), nil
	if f.replica != nil {
		from, refs := f.replica.From()
		f.feed = newFeed(l, from, refs)
	}
}

// read takes in what the feed has: all of it, or only so many bytes, after which it breaks. It reports
// whether everything that the other node has was taken in.
func (f *follower) read(at int) (all bool) {
	if f.feed == nil {
		return false
	}
	for more := true; more; {
		var out [][]byte
		out, _, more, _ = f.feed.take()
		f.buffer = append(f.buffer, bytes.Join(out, nil)...)
	}
	if at < len(f.buffer) {
		f.buffer, f.feed = f.buffer[:at], nil
	}
	in := bufio.NewReader(bytes.NewReader(f.buffer))
	// Birth comes first in every feed.
	if len(f.buffer) > 0 && f.buffer[0] == frameBirth {
		t, err := ReadBirth(in)
		if err != nil && f.feed != nil {
			f.x.t.Fatalf("%s: read birth: %v", f.name, err)
		}
		if err != nil {
			return false
		}
		if f.replica == nil {
			f.begin(t)
		}
	}
	f.buffer = nil
	if f.replica == nil {
		return false
	}
	if err := f.replica.Read(in); errors.Is(err, ErrFeed) || f.feed != nil && err != nil && err != io.EOF {
		f.x.t.Fatalf("%s: read: %v", f.name, err)
	}
	return f.feed != nil
}

func (f *follower) begin(t *media.Take) {
	f.replica = NewReplica(t, f.watch)
	f.store = NewStore(f.x.scribe)
	f.store.Add(f.replica.Log())
}

// fromBucket takes in the bundles.
func (f *follower) fromBucket() {
	f.feed = nil
	if len(f.x.scribe.scanned) == 0 {
		return
	}
	if f.replica == nil {
		f.begin(f.x.w.Log().Take())
	}
	f.replica.Bundles(f.x.scribe.scanned)
}

// check compares what the follower has with the truth.
func (f *follower) check(all bool) {
	if f.replica == nil {
		return
	}
	t, got, want := f.x.t, f.replica.Log(), f.x.w.Log()
	a, b := got.Listing(0), want.Listing(0)
	if b.Limit.Before(a.Limit) && !f.x.landed(a.Limit) || want.safe.Before(got.safe) && !f.x.landed(got.safe) {
		t.Fatalf("%s: limit %v, safe %v; the writer's are %v, %v", f.name, a.Limit, got.safe, b.Limit, want.safe)
	}
	if a.Limit.Before(f.limit) {
		t.Fatalf("%s: the limit went back from %v to %v", f.name, f.limit, a.Limit)
	}
	f.limit = a.Limit
	if a.Ended && !b.Ended || a.Sealed && (!b.Sealed || a.Seal != b.Seal) {
		t.Fatalf("%s: ended %v, sealed %v %v; the writer: %v, %v %v", f.name, a.Ended, a.Sealed, a.Seal, b.Ended, b.Sealed, b.Seal)
	}
	for _, s := range a.Segments {
		w := b.Segment(s.Number)
		if w == nil {
			if s.Number >= b.Edge().Segment {
				t.Fatalf("%s has segment %d, and the writer does not", f.name, s.Number)
			}
			continue // trimmed
		}
		if s.Start != w.Start || s.Independent != w.Independent || s.Complete && (!w.Complete || s.Duration != w.Duration) || got.at(s.Number).count() > want.at(s.Number).count() {
			t.Fatalf("%s has segment %+v, want %+v", f.name, s, w)
		}
	}
	f.checkMarks(a, all)
	f.checkBytes(a, all)
	if all {
		f.checkAll(a, b)
	}
}

// checkMarks says that no part is there without the marks before it.
func (f *follower) checkMarks(a *media.Listing, all bool) {
	t, got, want := f.x.t, f.replica.Log(), f.x.w.Log()
	for i, m := range want.marks {
		if i < len(got.marks) && string(got.marks[i].Data) != string(m.Data) {
			t.Fatalf("%s: mark %d is %q, want %q", f.name, i, got.marks[i].Data, m.Data)
		}
		if i >= len(got.marks) && m.At.Before(a.Edge()) && len(a.Segments) > 0 {
			t.Fatalf("%s stands at %v and does not know mark %d, %q", f.name, a.Edge(), i, m.Data)
		}
	}
	if all && (len(got.marks) != len(want.marks) || got.marksSafe != want.marksSafe) || got.marksSafe > len(got.marks) {
		t.Fatalf("%s has %d marks, %d safe; the writer %d, %d", f.name, len(got.marks), got.marksSafe, len(want.marks), want.marksSafe)
	}
	if len(f.marks) != len(got.marks) || len(f.safe) != got.marksSafe || !slices.Equal(f.safe, f.marks[:len(f.safe)]) {
		t.Fatalf("%s was told of marks %v, safe %v, and has %d, %d", f.name, f.marks, f.safe, len(got.marks), got.marksSafe)
	}
}

// checkBytes reads what is listed: what is there is right, and what is not there yet is waited for.
func (f *follower) checkBytes(a *media.Listing, all bool) {
	var memory int64
	for _, s := range f.replica.Log().segments {
		for _, d := range s.data {
			memory += int64(len(d))
		}
	}
	f.checkMemory(a.Edge())
	if got := f.replica.Log().TailBytes(); got != memory {
		f.x.t.Fatalf("%s says that it has %d bytes in memory, and has %d", f.name, got, memory)
	}
	for _, s := range a.Segments {
		var whole []byte
		for i := range uint32(f.replica.Log().at(s.Number).count()) {
			part := f.x.scribe.all[media.Pos{Segment: s.Number, Part: i}]
			whole = append(whole, part...)
			f.expect(media.Address{Segment: s.Number, Run: true, From: i, To: i}, part, all)
		}
		if s.Complete {
			f.expect(media.Address{Segment: s.Number}, whole, all)
		}
	}
}

// checkMemory says that what is stored and old has left memory.
func (f *follower) checkMemory(edge media.Pos) {
	l := f.replica.Log()
	for _, s := range l.segments {
		newest := l.segments[len(l.segments)-1].info // it is looked at when a segment begins
		if s.stored < s.count() || newest.Start-s.info.Start-s.info.Duration < tailSpan {
			return
		}
		if len(s.data) > 0 {
			f.x.t.Fatalf("%s stands at %v and holds segment %d in memory", f.name, edge, s.info.Number)
		}
	}
}

func (f *follower) expect(a media.Address, want []byte, all bool) {
	a.Take, a.Rendition = f.replica.Log().Take().ID, media.Main
	got, changed, err := f.store.Open(context.Background(), a)
	if errors.Is(err, ErrNotYet) && changed != nil && !all {
		return
	}
	if err != nil || !bytes.Equal(bytes.Join(got, nil), want) {
		f.x.t.Fatalf("%s: %s: %d bytes, %v, want %d (complete %v)", f.name, a, len(bytes.Join(got, nil)), err, len(want), all)
	}
}

// checkAll says that a follower who has everything lists what the writer lists.
func (f *follower) checkAll(a, b *media.Listing) {
	if len(a.Segments) > 0 {
		n := slices.IndexFunc(b.Segments, func(s *media.SegmentInfo) bool { return s.Number == a.Segments[0].Number })
		b.Segments = b.Segments[max(0, n):]
	}
	own, same := a.Segments[:0:0], len(a.Segments) >= len(b.Segments)
	for _, s := range a.Segments {
		if s.Number >= f.x.first() {
			own = append(own, s)
		}
	}
	same = same && len(own) == len(b.Segments)
	for i := 0; same && i < len(own); i++ {
		x, y := *own[i], *b.Segments[i]
		x.Parts, y.Parts = f.replica.Log().at(x.Number).parts(), f.x.w.Log().at(y.Number).parts()
		same = len(x.Parts) == len(y.Parts) && (len(x.Parts) == 0 || reflect.DeepEqual(x, y))
	}
	if !same || a.Ended != b.Ended || a.Sealed != b.Sealed || a.Limit.Before(b.Limit) {
		f.x.t.Fatalf("%s lists %d segments up to %v, limit %v, ended %v; the writer %d up to %v, limit %v, ended %v", f.name, len(own), a.Edge(), a.Limit, a.Ended, len(b.Segments), b.Edge(), b.Limit, b.Ended)
	}
}

func (x *truth) first() uint32 {
	if l := x.w.Log().segments; len(l) > 0 {
		return l[0].info.Number
	}
	return 0
}

// landed reports whether everything before a place lies in bundles.
func (x *truth) landed(at media.Pos) bool {
	end := media.Pos{}
	for _, s := range x.scribe.scanned {
		for _, r := range s.Index.Records {
			if r.Kind == bundle.KindPart {
				end = after(&r.Part)
			}
		}
	}
	return !end.Before(at)
}

// TestFollowers feeds replicas from the writer, from one another and from bundles, with feeds that break at
// any byte, and compares them with the writer's log all the time.
func TestFollowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTruth(t)
		a, b := &follower{name: "a", x: x}, &follower{name: "b", x: x}
		both := []*follower{a, b}
		pick := func(t *rapid.T) *follower { return rapid.SampledFrom(both).Draw(t, "follower") }
		follow := func(t *rapid.T) {
			f := pick(t)
			if rapid.Bool().Draw(t, "anew") || f.feed == nil {
				f.dial(x.w.Log())
			}
			direct := f.feed.log == x.w.Log()
			f.check(f.read(1<<30) && direct)
		}
		t.Repeat(map[string]func(*rapid.T){
			"write":  func(t *rapid.T) { x.write(rapid.IntRange(1, 200).Draw(t, "samples")) },
			"write2": func(t *rapid.T) { x.write(rapid.IntRange(1, 200).Draw(t, "samples")) },
			"hold":   func(t *rapid.T) { x.scribe.hold(rapid.IntRange(1, 20).Draw(t, "records")) },
			"flush":  func(t *rapid.T) { x.scribe.flush(rapid.IntRange(1, 40).Draw(t, "records")) },
			"mark":   func(*rapid.T) { x.mark() },
			"exact":  func(t *rapid.T) { x.exact = rapid.Bool().Draw(t, "exact") },
			"trim": func(t *rapid.T) {
				e := x.w.Log().Edge().End - media.Ticks(rapid.IntRange(2, 20).Draw(t, "window"))*media.TicksPerSecond
				x.w.Log().Trim(e)
				if f := pick(t); f.replica != nil {
					f.replica.Log().Trim(e)
				}
			},
			"follow": follow, "follow2": follow, "follow3": follow,
			"break": func(t *rapid.T) {
				f := pick(t)
				if f.feed == nil {
					f.dial(x.w.Log())
				}
				f.read(rapid.IntRange(0, 60000).Draw(t, "bytes"))
				f.feed = nil
				f.check(false)
			},
			"relay": func(t *rapid.T) {
				if a.replica != nil {
					b.dial(a.replica.Log())
					b.read(1 << 30)
					b.check(false)
				}
			},
			"bundles": func(t *rapid.T) {
				f := pick(t)
				f.fromBucket()
				f.check(false)
			},
			"end": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "end") == 0 && !x.w.Log().Ended() {
					x.w.End("done")
				}
			},
		})
		x.finish(both)
	})
}

// TestBrokenFeed breaks a feed of what has left memory behind each of its frames: nothing is known without the marks before it.
func TestBrokenFeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTruth(t)
		for range 4 {
			x.write(rapid.IntRange(1, 100).Draw(t, "samples"))
			x.mark()
		}
		x.write(900)
		x.scribe.flush(len(x.scribe.items))
		out, _, _, _ := newFeed(x.w.Log(), media.Pos{}, 0).take()
		at := 0
		for _, frame := range out[:min(len(out), 40)] {
			at += len(frame)
			f := &follower{name: "a", x: x}
			f.dial(x.w.Log())
			f.read(at)
			f.check(false)
		}
	})
}

// finish stores everything and lets the followers catch up: through the bucket or by a feed they know all.
func (x *truth) finish(followers []*follower) {
	if !x.w.Log().Ended() {
		x.w.End("done")
	}
	x.scribe.flush(len(x.scribe.items))
	for i, f := range followers {
		f.dial(x.w.Log())
		f.check(f.read(1 << 30))
		if kept := x.w.Log().Listing(0).Segments; len(kept) > 0 {
			f.replica.Log().Trim(kept[0].Start + 1)
		}
		if _, _, _, ended := f.feed.take(); !ended {
			x.t.Fatalf("%s: the feed of a log that has ended and is stored goes on", f.name)
		}
		if i == 0 {
			f.replica.Log().Release()
			f.check(true)
		}
		if n := f.replica.Log().TailBytes(); i == 0 && n > 0 {
			x.t.Fatalf("%d bytes are in memory after everything is stored", n)
		}
	}
}
