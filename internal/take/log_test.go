package take

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// ledger is a Recorder that keeps what it gets and makes a bundle of it when told.
type ledger struct {
	t      *testing.T
	bucket bucket.Bucket
	inc    bundle.Incarnation
	next   uint64

	mu    sync.Mutex
	items []bundle.Item
	owner bundle.Owner
	all   map[string][]byte // every part ever, by "segment.part"
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t: t, bucket: bucket.NewMem(), inc: bundle.NewIncarnation("n", time.Unix(1, 0)), all: map[string][]byte{}}
}

func (l *ledger) Append(owner bundle.Owner, items ...bundle.Item) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owner = owner
	l.items = append(l.items, items...)
	for _, i := range items {
		if p := i.Record.Part; i.Record.Kind == bundle.KindPart {
			l.all[fmt.Sprint(p.Segment, ".", p.Index)] = bytes.Clone(i.Data)
		}
	}
	return 0
}

// flush writes a bundle of what has gathered, and says that it is safe.
func (l *ledger) flush() {
	l.t.Helper()
	l.mu.Lock()
	items, owner := l.items, l.owner
	l.items = nil
	l.mu.Unlock()
	if len(items) == 0 {
		return
	}
	body, records, err := bundle.Encode(items)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.bucket.PutIfAbsent(l.t.Context(), l.inc.Key(l.next), body); err != nil {
		l.t.Fatal(err)
	}
	stored := make([]bundle.StoredRecord, len(records))
	for i, r := range records {
		stored[i] = bundle.StoredRecord{Record: r, Ref: bundle.Ref{Incarnation: &l.inc, Sequence: l.next, Offset: r.Part.Offset, Length: r.Part.Length}}
	}
	l.next++
	owner.Stored(stored)
	owner.Safe(records)
}

// segment returns the bytes of parts from..to of a segment, as they were made.
func (l *ledger) segment(number, from, to uint32) (out []byte) {
	for i := from; ; i++ {
		data, ok := l.all[fmt.Sprint(number, ".", i)]
		if !ok || i > to {
			return out
		}
		out = append(out, data...)
	}
}

// written writes a take of so many seconds, a bundle every half second, and returns what there is of it.
func written(t *testing.T, seconds float64) (*Writer, *ledger, *Store) {
	t.Helper()
	l := newLedger(t)
	w, err := NewWriter(Birth{
		Take:     media.Take{Channel: "c", Source: "s", Node: l.inc.Node, Incarnation: l.inc.ID, Born: time.Unix(100, 0)},
		Packager: PackagerConfig{Tracks: []media.Track{videoTrack, audioTrack}}, Recorder: l,
	})
	if err != nil {
		t.Fatal(err)
	}
	spool, err := bundle.OpenSpool(t.TempDir(), "n", nil, bundle.SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	store := NewStore(bundle.NewReader(l.bucket, spool, 0))
	store.Add(w.Log())
	s := encode(seconds, []int64{3600}, 25, true, true, true, 0, rand.New(rand.NewPCG(2, 2)))
	for i, x := range s.samples {
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
		if i%36 == 35 {
			l.flush()
		}
	}
	return w, l, store
}

func open(t *testing.T, s *Store, a media.Address) ([]byte, error) {
	t.Helper()
	parts, _, err := s.Open(t.Context(), a)
	return bytes.Join(parts, nil), err
}

// expectMedia compares everything that a log lists with what was made.
func expectMedia(t *testing.T, s *Store, l *ledger, log *Log) {
	t.Helper()
	listing := log.Listing(0)
	base := media.Address{Take: log.Take().ID, Rendition: media.Main}
	for _, seg := range listing.Segments {
		a := base
		a.Segment = seg.Number
		if seg.Complete {
			if got, err := open(t, s, a); err != nil || !bytes.Equal(got, l.segment(seg.Number, 0, 1<<30)) {
				t.Errorf("%s: %d bytes, %v, want the %d that were made", a, len(got), err, len(l.segment(seg.Number, 0, 1<<30)))
			}
		}
		a.Run, a.From, a.To = true, 0, 1
		if len(l.segment(seg.Number, 0, 1)) == len(l.segment(seg.Number, 0, 0)) {
			a.To = 0
		}
		if got, err := open(t, s, a); err != nil || !bytes.Equal(got, l.segment(seg.Number, 0, a.To)) {
			t.Errorf("%s: %d bytes, %v, want the %d that were made", a, len(got), err, len(l.segment(seg.Number, 0, a.To)))
		}
		a.From, a.To = 500, 500
		if got, err := open(t, s, a); err == nil {
			t.Errorf("%s: %d bytes, want none", a, len(got))
		}
	}
}

// TestLog writes a minute and reads all of it back, the tail from memory and the rest from the bucket.
func TestLog(t *testing.T) {
	w, l, s := written(t, 60)
	expectMedia(t, s, l, w.Log())
	log := w.Log()
	tail, whole := log.TailBytes(), int64(0)
	for _, data := range l.all {
		whole += int64(len(data))
	}
	if tail > whole/4 || tail == 0 {
		t.Errorf("%d bytes of %d are in memory, want the newest seconds", tail, whole)
	}
	if n := len(log.Listing(10 * media.TicksPerSecond).Segments); n != leastListed {
		t.Errorf("a listing of 10 s has %d segments, want the least of %d", n, leastListed)
	}
	if n := len(log.Listing(30 * media.TicksPerSecond).Segments); n < 15 || n > 17 {
		t.Errorf("a listing of 30 s has %d segments", n)
	}
	w.End("done")
	if log.Settled() {
		t.Error("it counts as closed by its writer before that is safe")
	}
	l.flush()
	if !log.Settled() {
		t.Error("it is safe that its writer closed it, and does not count")
	}
	expectMedia(t, s, l, log)
	log.Release()
	if n := log.TailBytes(); n != 0 {
		t.Errorf("%d bytes are in memory after Release", n)
	}
	expectMedia(t, s, l, log)
	edge := log.Edge()
	if !log.Ended() || !log.Finished() || edge.At.Part != 0 || log.safe != edge.At {
		t.Errorf("ended %v, edge %+v, safe %+v", log.Ended(), edge, log.safe)
	}
	log.Trim(40 * media.TicksPerSecond)
	first := log.Listing(0).Segments[0]
	if first.Start > 40*media.TicksPerSecond || first.Start+first.Duration < 40*media.TicksPerSecond {
		t.Errorf("after Trim the first segment begins at %v", first.Start.Duration())
	}
	expectMedia(t, s, l, log)
	if _, err := open(t, s, media.Address{Take: log.Take().ID, Rendition: media.Main, Segment: 1}); !errors.Is(err, ErrNoMedia) {
		t.Errorf("a trimmed segment: %v, want %v", err, ErrNoMedia)
	}
}

// TestOneTrack gathers one track alone from the same bytes.
func TestOneTrack(t *testing.T) {
	w, _, s := written(t, 20)
	for track, samples := range map[int]int{1: 50, 2: 0} {
		a := media.Address{Take: w.Log().Take().ID, Rendition: media.Main, Track: track, Segment: 3}
		data, err := open(t, s, a)
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		found, err := cmaf.ReadFragments(data)
		n := 0
		for _, f := range found {
			if f.Track != track {
				t.Errorf("%s has a fragment of track %d", a, f.Track)
			}
			n += len(f.Samples)
		}
		if err != nil || n == 0 || samples > 0 && n != samples {
			t.Errorf("%s: %d samples, %v", a, n, err)
		}
		a.Init = true
		if tracks, err := cmaf.ReadInit(mustOpen(t, s, a)); err != nil || len(tracks) != 1 || tracks[0].ID != track {
			t.Errorf("%s: %+v, %v", a, tracks, err)
		}
	}
	for _, a := range []media.Address{{Rendition: media.Main}, {Rendition: "other"}, {Rendition: media.Main, Track: 7}, {Rendition: media.Main, Segment: 1000}} {
		if a.Rendition == "other" || a.Track == 7 || a.Segment == 1000 {
			a.Take = w.Log().Take().ID
		}
		if _, err := open(t, s, a); !errors.Is(err, ErrNoMedia) {
			t.Errorf("%s: %v, want %v", a, err, ErrNoMedia)
		}
	}
}

func mustOpen(t *testing.T, s *Store, a media.Address) []byte {
	t.Helper()
	data, err := open(t, s, a)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return data
}

// TestNotYet asks for a part before it is made.
func TestNotYet(t *testing.T) {
	w, l, s := written(t, 10)
	edge := w.Log().Edge().At
	a := media.Address{Take: w.Log().Take().ID, Rendition: media.Main, Segment: edge.Segment, Run: true, From: edge.Part, To: edge.Part}
	_, changed, err := s.Open(t.Context(), a)
	if !errors.Is(err, ErrNotYet) || changed == nil {
		t.Fatalf("%s: %v", a, err)
	}
	w.End("done")
	select {
	case <-changed:
	default:
		t.Error("nobody is woken when the part is there")
	}
	if got, err := open(t, s, a); err != nil || !bytes.Equal(got, l.segment(a.Segment, a.From, a.To)) {
		t.Errorf("%s: %d bytes, %v", a, len(got), err)
	}
	a.From, a.To = 90, 90
	if _, _, err := s.Open(t.Context(), a); !errors.Is(err, ErrNoMedia) {
		t.Errorf("a part that a take that has ended does not have: %v", err)
	}
}

// TestRebuild finds a take again from its bundles alone.
func TestRebuild(t *testing.T) {
	for _, ended := range []bool{true, false} {
		w, l, s := written(t, 30)
		w.Mark(func(e Edge) []byte { return fmt.Appendf(nil, "mark at %d.%d", e.At.Segment, e.At.Part) })
		if ended {
			w.End("done")
		}
		l.flush()
		r, err := bundle.Recover(context.Background(), bucket.NewDocuments(l.bucket), l.inc, "n", bundle.Known{Word: bundle.ExactWord})
		if err != nil {
			t.Fatal(err)
		}
		rebuilt := Rebuild(r)
		if len(rebuilt.Logs) != 1 || len(rebuilt.Marks) != 1 {
			t.Fatalf("%d logs and %d marks, want one of each", len(rebuilt.Logs), len(rebuilt.Marks))
		}
		got, want := rebuilt.Logs[0], w.Log()
		if got.Edge() != want.Edge() || got.Finished() != ended || !got.Ended() {
			t.Errorf("ended %v: edge %+v finished %v, want %+v", ended, got.Edge(), got.Finished(), want.Edge())
		}
		a, b := got.Listing(0), want.Listing(0)
		for i := range b.Segments {
			x, y := a.Segments[i], b.Segments[i]
			if x.Number != y.Number || x.Start != y.Start || x.Duration != y.Duration || x.Independent != y.Independent || x.Complete != y.Complete {
				t.Errorf("segment %d is rebuilt as %+v, want %+v", i, x, y)
			}
		}
		s.Add(got)
		expectMedia(t, s, l, got)
		if ref, ok := got.Oldest(); !ok || ref.Sequence != 0 {
			t.Errorf("the oldest part lies in %+v, %v", ref, ok)
		}
	}
}

// TestRebuildBeyondSeal rebuilds a take that was ended sooner than its last bundle: its log ends there, and a
// piece that lies behind is known all the same, because it was acknowledged.
func TestRebuildBeyondSeal(t *testing.T) {
	id := media.NewTakeID()
	part := func(index uint32) bundle.Record {
		return bundle.Record{Kind: bundle.KindPart, Take: id, Part: bundle.PartRecord{Index: index, Duration: 1, Spans: []uint32{1}, Length: 1}}
	}
	piece := func(name string) bundle.Record {
		return bundle.Record{Kind: bundle.KindPiece, Take: id, Piece: bundle.Piece{Session: "s", Name: name}}
	}
	born := &media.Take{ID: id, Channel: "c", Born: time.Unix(1, 0)}
	r := Rebuild(&bundle.Recovered{
		Incarnation: &bundle.Incarnation{Node: "n", ID: "i"},
		Seal:        &bundle.Seal{End: 1, Takes: map[media.TakeID]media.Pos{id: {Part: 1}}},
		Bundles: []bundle.Scanned{{Index: &bundle.Index{Records: []bundle.Record{
			{Kind: bundle.KindBirth, Take: id, Birth: born}, part(0), piece("one"), part(1), piece("two"), {Kind: bundle.KindMark, Take: id, Mark: []byte("x")},
		}}}},
	})
	if at := r.Logs[0].Edge().At; at != (media.Pos{Part: 1}) || len(r.Marks) != 0 {
		t.Errorf("the log ends at %v with %d marks, want it to end at the seal", at, len(r.Marks))
	}
	if got := r.Pieces["c"]; len(got) != 2 || got[1].Name != "two" {
		t.Errorf("pieces %v, want both", got)
	}
}

// TestLimitAhead lists freely while nobody gives an exact word, and only what is safe once somebody does: what
// comes after that moment was not listed before.
func TestLimitAhead(t *testing.T) {
	exact := false
	l := NewLog(&media.Take{ID: media.NewTakeID()}, nil)
	l.exact = func() bool { return exact }
	part := func(index uint32) { l.Append(media.Part{Index: index, Duration: 1}, func() {}) }
	part(0)
	part(1)
	if at := l.Listing(0).Limit; at != (media.Pos{Part: 2}) {
		t.Errorf("the limit is %v, want what there is", at)
	}
	exact = true
	part(2)
	if at := l.Listing(0).Limit; at != (media.Pos{Part: 2}) {
		t.Errorf("the limit is %v, want what there was before a witness was named", at)
	}
}
