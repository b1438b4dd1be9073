package program

import (
	"fmt"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// look is a viewer's request at a node.
func (s *dark) look(n *darkNode) {
	if n.down {
		return
	}
	s.idle(n)
	s.cued(n)
	if e := n.director.List().OnAir(); e != nil && n.director.bound(e) {
		s.dense = s.now.Add(15 * time.Second)
	}
	s.show(n)
}

// show shows the newest window to viewers of a node.
func (s *dark) show(n *darkNode) {
	list := n.director.List()
	v := View{Rendition: media.Main, Span: LiveSpan / 4, Part: 500 * time.Millisecond, LowLatency: true, Until: n.director.Until(), Now: s.clock(n),
		Playout: func(e *Entry) *Playout { return s.playout(n, e) },
		Parts: func(take media.TakeID, segment uint32) []media.PartInfo {
			return nil // clips in this world have segments alone
		},
	}
	e := list.OnAir()
	if e != nil && e.Play != nil && s.spoil != "who lists" {
		playing := s.playout(n, e).Playing(e.Time(v.Now))
		if want := e.Reserve(n.process, max(n.listed[e.ID], playing+1)); want > 0 && !n.director.bound(e) {
			made, err := Reserved(s.bucket, list, e.ID, n.process, want)
			if err == nil {
				s.swap(made)
				n.listed[e.ID] = max(n.listed[e.ID], playing+1)
			}
			s.learn(n, made)
			list = n.director.List()
			if e = list.OnAir(); e == nil || e.Play == nil {
				return
			}
		}
		limit := media.Pos{Segment: uint32(e.Listers[n.process])}
		if v.Until == nil || limit.Before(*v.Until) {
			v.Until = &limit
		}
		if n.director.bound(e) && v.Until.Segment == 0 {
			return
		}
	}
	if len(list.Entries) == 0 {
		return
	}
	w, state := Of(list, s.lookup, v)
	if e != nil && e.Play != nil {
		n.listed[e.ID] = max(n.listed[e.ID], state.Listed)
	}
	if last, _ := w.Last(); last < n.last && list.last().End != nil && list.last().End.Leap {
		return // what this node listed beyond its word nobody else lists: it stays until something follows
	}
	s.check(n, w)
}

func (s *dark) check(n *darkNode, w *hls.Window) {
	last, parts := w.Last()
	if len(w.Segments) == 0 {
		s.isDark(n) // after a leap nothing has begun by this node's clock: what was shown stays
		return
	}
	if last < n.last || last == n.last && !w.Segments[len(w.Segments)-1].Complete && parts < n.parts {
		s.fault("%s lists up to %d with %d parts, and listed up to %d with %d", n.name, last, parts, n.last, n.parts)
	}
	known := n.last - 2
	n.last, n.parts = last, parts
	cc := w.DiscontinuitySequence
	for i := range w.Segments {
		g, number := &w.Segments[i], w.MediaSequence+int64(i)
		if g.Discontinuity {
			cc++
		}
		if number < known {
			continue // it was looked at before
		}
		address := g.URI
		if address == "" {
			address = g.Parts[0].URI
		}
		a, err := media.ParseAddress(address)
		if err != nil {
			s.fault("%v", err)
		}
		id := fmt.Sprintf("%s %d", a.Take, a.Segment)
		if was, ok := s.seen[number]; ok && (was != id || s.cc[number] != cc) {
			s.fault("%s lists %s with discontinuity %d as number %d, which was %s with %d", n.name, id, cc, number, was, s.cc[number])
		}
		s.seen[number], s.cc[number] = id, cc
		if g.Complete {
			whole := fmt.Sprint(g.URI, g.Duration, g.ProgramTime)
			if was, ok := s.whole[number]; ok && was != whole {
				s.fault("%s lists %s as number %d, which was %s", n.name, whole, number, was)
			}
			s.whole[number] = whole
		}
		if i > 0 {
			before := &w.Segments[i-1]
			if gap := g.ProgramTime.Sub(before.ProgramTime.Add(before.Duration.Duration())); gap < -time.Millisecond || gap > 14*time.Second && !s.wasOff(before.ProgramTime, g.ProgramTime) {
				s.fault("%s: number %d begins %v after the end of the one before", n.name, number, gap)
			}
		}
	}
	newest := &w.Segments[len(w.Segments)-1]
	n.shown = newest.ProgramTime.Add(newest.Duration.Duration())
	s.isDark(n)
}

// wasOff reports whether a producer took the channel off air in a time.
func (s *dark) wasOff(from, to time.Time) bool {
	return slices.ContainsFunc(s.offs, func(at time.Time) bool { return at.After(from.Add(-20*time.Second)) && at.Before(to) })
}

// isDark: a segment of at most 4 s is listed at its end, by a clock that may be 2 s behind; there are 5 s of grace, and
// some for messages.
func (s *dark) isDark(n *darkNode) {
	if behind := s.now.Sub(n.shown); behind > 14*time.Second && s.now.Sub(s.dark) > 20*time.Second && s.now.Sub(n.began) > 20*time.Second {
		s.fault("%s is dark: what it lists ended %v ago", n.name, behind)
	}
}

// resumes checks that each entry of the plan goes on where the one before it stopped.
func (s *dark) resumes() {
	var before *Entry
	for i := range s.bucket.Entries {
		e := &s.bucket.Entries[i]
		if e.Play == nil || e.Play.Cue != nil {
			continue
		}
		if before != nil {
			was := NewPlayout(s.plans[before.Play.Plan], before.Play.Place, before.ProgramTime).Segment(int64(before.End.At.Segment))
			got := NewPlayout(s.plans[e.Play.Plan], e.Play.Place, e.ProgramTime).Segment(0)
			slot, _ := s.plans[e.Play.Plan].latest(e.ProgramTime)
			if !slot.After(before.End.ProgramTime.Add(-5*time.Second)) && e.Play.Plan == before.Play.Plan && (was.Clip.Take != got.Clip.Take || was.Segment != got.Segment) {
				s.fault("entry %d resumes with segment %d of %s, and stopped before segment %d of %s", i, got.Segment, got.Clip.Title, was.Segment, was.Clip.Title)
			}
		}
		before = e
	}
}
