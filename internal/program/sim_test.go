package program

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The simulation runs one channel with publishers that come, leave and take over, marks that become
// safe late, and crashes with and without the journal, and checks after every step what viewers could
// see: by the node's own newest knowledge, and by any older one.

type simTake struct {
	take     *media.Take
	segments []*media.SegmentInfo
	safe     int // parts of the log that are safe
	parts    int
	marks    []simMark
	ended    bool
	sealed   bool // ended by a crash
	word     int  // what its seal says
}

// simMark is a mark in a log, behind so many parts.
type simMark struct {
	after int
	mark  *Mark
	told  bool
}

type sim struct {
	t        *testing.T
	rnd      *rand.Rand
	now      time.Time
	director *Director
	takes    map[media.TakeID]*simTake
	all      []*simTake // all, in order of birth
	live     []*simTake
	saved    *CutList
	sabotage func(*sim) // spoils the protocol, to test the checks

	seen   map[int64]string // what was listed under a number, once it was whole
	byPart map[string]string
	cc     map[int64]int64
	last   int64
	faults []string
}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		director: NewDirector(&CutList{Channel: "c"}, true), takes: map[media.TakeID]*simTake{},
		seen: map[int64]string{}, byPart: map[string]string{}, cc: map[int64]int64{}, last: -1,
	}
	s.director.Resume()
	return s
}

func (k *simTake) edge() Edge {
	e := Edge{End: k.take.Born}
	if n := len(k.segments); n > 0 {
		s := k.segments[n-1]
		e.End = k.take.Born.Add((s.Start + s.Duration).Duration())
		if e.At = (media.Pos{Segment: s.Number, Part: uint32(len(s.Parts))}); s.Complete {
			e.At = media.Pos{Segment: s.Number + 1}
		} else {
			e.Cut = s.Duration
		}
	}
	return e
}

func (k *simTake) start(time.Time) (uint32, time.Time) {
	s := k.segments[len(k.segments)-1]
	if s.Number < 2 {
		s = k.segments[0]
	}
	return s.Number, k.take.Born.Add(s.Start.Duration())
}

// grow adds a part; last ends the segment.
func (k *simTake) grow(last bool) {
	n := len(k.segments)
	if n == 0 || k.segments[n-1].Complete {
		s := &media.SegmentInfo{Number: uint32(n)}
		if n > 0 {
			s.Start = k.segments[n-1].Start + k.segments[n-1].Duration
		}
		k.segments = append(k.segments, s)
		n++
	}
	s := *k.segments[n-1]
	s.Parts = append(s.Parts[:len(s.Parts):len(s.Parts)], media.PartInfo{Duration: 22500, Length: 1})
	s.Duration += 22500
	s.Complete = last
	k.segments[n-1] = &s
	k.parts++
}

func (k *simTake) safePos() media.Pos {
	left := k.safe
	for _, s := range k.segments {
		if left < len(s.Parts) {
			return media.Pos{Segment: s.Number, Part: uint32(left)}
		}
		if left -= len(s.Parts); left == 0 && !s.Complete {
			return media.Pos{Segment: s.Number, Part: uint32(len(s.Parts))}
		}
	}
	return media.Pos{Segment: uint32(len(k.segments))}
}

func (k *simTake) limit() media.Pos {
	return media.Pos{Segment: k.safePos().Segment + 1, Part: math.MaxUint32}
}

func (k *simTake) listing() *media.Listing {
	segments := make([]*media.SegmentInfo, len(k.segments))
	copy(segments, k.segments)
	return &media.Listing{Take: k.take, Rendition: media.Main, Segments: segments, Limit: k.limit(), Ended: k.ended}
}

func (s *sim) arrive() {
	source := fmt.Sprint("source", s.rnd.IntN(2))
	for _, k := range s.live {
		if k.take.Source == source {
			s.leave(k) // the newer publisher wins
			break
		}
	}
	k := &simTake{take: &media.Take{
		ID: media.NewTakeID(), Source: source, Node: "n", Incarnation: "i", Born: s.now,
		Renditions: []media.Rendition{{Name: media.Main, Tracks: []media.Track{{ID: 1, Codec: media.H264}, {ID: 2, Codec: media.AAC}}}},
	}}
	s.takes[k.take.ID] = k
	s.all = append(s.all, k)
	s.live = append(s.live, k)
	k.grow(false)
	s.order(s.director.Began(Contender{Take: k.take, Start: k.start}))
}

func (s *sim) leave(k *simTake) {
	for i := range s.live {
		if s.live[i] == k {
			s.live = append(s.live[:i:i], s.live[i+1:]...)
			break
		}
	}
	if n := len(k.segments); n > 0 && !k.segments[n-1].Complete {
		k.grow(true)
	}
	if m := s.director.Left(k.take.ID, k.edge()); m != nil {
		k.marks = append(k.marks, simMark{after: k.parts, mark: m})
	}
	k.ended = true
}

func (s *sim) order(o *Order) {
	if o != nil && o.Claim != nil {
		o = s.director.Granted(o.Claim.Entry.ID)
	}
	if o == nil || o.Fill == nil { // nothing to do, or its take has just ended
		return
	}
	k := s.takes[o.Take]
	k.marks = append(k.marks, simMark{after: k.parts, mark: o.Fill(k.edge())})
}

// store makes some more of a take's log safe, in order.
func (s *sim) store(k *simTake, parts int) {
	k.safe = min(k.parts, k.safe+parts)
	for i := range k.marks {
		if m := &k.marks[i]; !m.told && m.after <= k.safe {
			m.told = true
			s.order(s.director.Safe(m.mark))
		}
	}
}

// crash ends the process. With word 2 everything that was made is found again; with 1, what was safe;
// with 0, that too, but nobody knows what was listed.
func (s *sim) crash(word int) {
	var found []*Mark
	for _, k := range s.all {
		if !k.ended {
			k.sealed, k.word = true, word
		}
		if word < 2 && k.safe < k.parts {
			k.cutBack()
			k.sealed, k.word = true, word // its own end did not become safe, if there was one
		}
		k.safe = k.parts
		for i := range k.marks {
			k.marks[i].told = true
		}
		for _, m := range k.marks {
			found = append(found, m.mark)
		}
		k.ended = true
	}
	s.live = nil
	saved := s.saved
	if saved == nil {
		saved = &CutList{Channel: "c"}
	}
	s.director = NewDirector(saved, true)
	for before := (*CutList)(nil); before != s.director.List(); {
		before = s.director.List()
		for _, m := range found { // whatever their order
			s.director.Safe(m)
		}
		if e := s.director.List().OnAir(); e != nil && before == s.director.List() {
			k := s.takes[e.Take]
			s.director.Sealed(e.Take, k.edge(), !k.sealed || k.word == 2, k.sealed && k.word == 0)
		}
	}
	if s.sabotage != nil {
		s.sabotage(s)
	}
	s.order(s.director.Resume())
	s.order(s.director.Waited())
}

// cutBack forgets what was not safe.
func (k *simTake) cutBack() {
	left := k.safe
	for i, s := range k.segments {
		if left < len(s.Parts) {
			c := *s
			c.Parts, c.Complete = s.Parts[:left], false
			c.Duration = media.Ticks(left) * 22500
			k.segments = k.segments[:i]
			if left > 0 {
				k.segments = append(k.segments, &c)
			}
			break
		}
		left -= len(s.Parts)
	}
	k.parts = k.safe
	var kept []simMark
	for _, m := range k.marks {
		if m.told {
			kept = append(kept, m)
		}
	}
	k.marks = kept
}

func (s *sim) step() {
	s.now = s.now.Add(time.Duration(s.rnd.IntN(400)) * time.Millisecond)
	switch p := s.rnd.IntN(100); {
	case p < 4 || len(s.live) == 0 && p < 40:
		s.arrive()
	case p < 6 && len(s.live) > 0:
		s.leave(s.live[s.rnd.IntN(len(s.live))])
	case p < 8:
		source := fmt.Sprint("source", s.rnd.IntN(2))
		if s.rnd.IntN(4) == 0 {
			source = ""
		}
		if o, err := s.director.Cut(source); err == nil {
			s.order(o)
		}
	case p < 9:
		s.crash(s.rnd.IntN(3))
	case p < 11:
		s.saved = s.director.List()
	case p < 50:
		for _, k := range s.all {
			if s.rnd.IntN(3) > 0 {
				s.store(k, s.rnd.IntN(6))
			}
		}
	default:
		for _, k := range s.live {
			n := len(k.segments)
			k.grow(n > 0 && len(k.segments[n-1].Parts) >= 3 && s.rnd.IntN(3) == 0)
		}
	}
}

func (s *sim) fault(format string, args ...any) {
	if len(s.faults) < 5 {
		s.faults = append(s.faults, fmt.Sprintf(format, args...))
	}
}

func (s *sim) lookup(id media.TakeID, _ string, _ *Entry) *media.Listing {
	if k := s.takes[id]; k != nil {
		return k.listing()
	}
	return nil
}

// check looks at what viewers see.
func (s *sim) check() {
	list := s.director.List()
	if err := list.Validate(); err != nil {
		s.fault("%v", err)
	}
	for _, span := range []media.Ticks{LiveSpan / 4, 100 * LiveSpan} {
		w, _ := Of(list, s.lookup, View{Rendition: media.Main, Span: span, Part: 250 * time.Millisecond, LowLatency: true, Until: s.director.Until(), Shown: s.last + 1})
		s.checkWindow(w)
	}
}

func (s *sim) checkWindow(w *hls.Window) {
	if len(w.Segments) == 0 {
		return
	}
	number := w.MediaSequence
	cc := w.DiscontinuitySequence
	last, _ := w.Last()
	if last < s.last {
		s.fault("the newest number went from %d to %d", s.last, last)
	}
	s.last = max(s.last, last)
	for i := range w.Segments {
		g := &w.Segments[i]
		if g.Discontinuity {
			cc++
		}
		if old, ok := s.cc[number]; ok && old != cc {
			s.fault("number %d: discontinuity %d, was %d", number, cc, old)
		}
		s.cc[number] = cc
		if i > 0 && g.ProgramTime.Before(w.Segments[i-1].ProgramTime) {
			s.fault("number %d: program time %v after %v", number, g.ProgramTime, w.Segments[i-1].ProgramTime)
		}
		if !g.Complete && i < len(w.Segments)-1 {
			s.fault("number %d is incomplete, and not the last", number)
		}
		if g.Complete {
			if old, ok := s.seen[number]; ok && old != g.URI {
				s.fault("number %d: %s, was %s", number, g.URI, old)
			}
			s.seen[number] = g.URI
		}
		for j, p := range g.Parts {
			id := fmt.Sprintf("%d.%d", number, j)
			if old, ok := s.byPart[id]; ok && old != p.URI {
				s.fault("part %s: %s, was %s", id, p.URI, old)
			}
			s.byPart[id] = p.URI
		}
		number++
	}
}

func (s *sim) run(steps int) []string {
	for range steps {
		s.step()
		s.check()
		if len(s.faults) > 0 {
			break
		}
	}
	return s.faults
}

// TestSimulation checks laws 2 and 3 on seeded runs: on a few of them under the race detector, which makes them slow.
func TestSimulation(t *testing.T) {
	runs := uint64(500)
	if testing.Short() {
		runs = 20
	}
	listed := 0
	for seed := range runs {
		s := newSim(t, seed)
		if faults := s.run(300); len(faults) > 0 {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(faults, "\n"))
		}
		listed += len(s.seen)
	}
	if listed < 10*int(runs) {
		t.Errorf("%d numbers listed in %d runs: the simulation hardly airs anything", listed, runs)
	}
}

// TestSimulationFinds spoils one rule at a time; the checks must notice.
func TestSimulationFinds(t *testing.T) {
	spoiled := map[string]func(*sim){
		"no gaps after a seal": func(s *sim) {
			s.director.list = s.director.list.with(func(c *CutList) {
				if e := c.last(); e != nil && e.End != nil {
					e.End.Gaps, e.End.Leap = 0, false
				}
			})
		},
		"no leap without a word": func(s *sim) {
			s.director.list = s.director.list.with(func(c *CutList) {
				if e := c.last(); e != nil && e.End != nil {
					e.End.Gaps, e.End.Leap = 1, false
				}
			})
		},
		"numbers begin again": func(s *sim) { s.director.list = &CutList{Channel: "c"} },
	}
	for name, spoil := range spoiled {
		found := false
		for seed := range uint64(200) {
			s := newSim(t, seed)
			s.sabotage = spoil
			if len(s.run(300)) > 0 {
				found = true
				break
			}
		}
		if !found {
			t.Errorf("%s: no check noticed in 200 runs", name)
		}
	}
}
