package program

import (
	"fmt"
	"math"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// darkNode is a node: what its process knows, and what viewers of it were shown.
type darkNode struct {
	name     string
	process  string
	skew     time.Duration
	down     bool
	director *Director
	playouts map[string]*Playout
	listed   map[string]int64 // by clock-driven entry
	last     int64
	parts    int
	shown    time.Time // the end of what was shown
	began    time.Time
	minds    string // the cue that it looks after
}

// darkTake is a live take: everything about it follows from when it began and ended.
type darkTake struct {
	take *media.Take
	end  time.Time // zero while it is live
	node *darkNode
}

// begin starts a process: it knows what the bucket does.
func (s *dark) begin(n *darkNode) {
	n.process, n.down = fmt.Sprintf("%s/%d", n.name, s.rnd.Int64()), false
	n.director, n.began = NewDirector(s.bucket, true), s.now
	n.playouts, n.listed, n.last, n.parts = map[string]*Playout{}, map[string]int64{}, -1, 0
	s.plan(n)
	n.director.Resume()
	n.minds = ""
	s.cued(n)
}

func (s *dark) plan(n *darkNode) {
	n.director.SetAutopilot(&Autopilot{Version: s.newest, Now: func() time.Time { return s.clock(n) }})
}

func (s *dark) clock(n *darkNode) time.Time { return s.now.Add(n.skew) }

// swap changes the document, and tells the nodes after a while.
func (s *dark) swap(list *CutList) {
	if before := s.bucket.last(); before != nil && list.Entry(before.ID) == nil && s.bucket != list && list.Dropped == s.bucket.Dropped {
		s.fault("entry %s was overwritten", before.ID)
	}
	s.bucket = list
	if err := list.Validate(); err != nil {
		s.fault("%v", err)
	}
	for _, n := range s.nodes {
		told := list
		s.after(time.Duration(s.rnd.IntN(1500))*time.Millisecond, func() { s.learn(n, told) })
	}
}

func (s *dark) learn(n *darkNode, list *CutList) {
	if n.down {
		return
	}
	o, err := n.director.Learn(list, true)
	if err != nil {
		s.fault("%s: %v", n.name, err)
	}
	s.order(n, o)
	s.cued(n)
}

// order carries out what a director asks for.
func (s *dark) order(n *darkNode, o *Order) {
	switch {
	case o == nil:
	case o.Words != "":
		s.words(n, o.Words)
	case o.Claim != nil:
		// In between others may be quicker.
		s.after(time.Duration(s.rnd.IntN(400))*time.Millisecond, func() { s.claim(n, o.Claim) })
	case o.Fill != nil:
		k := s.takes[o.Take]
		m := o.Fill(k.edge(s.now))
		for _, x := range s.nodes {
			if x.down {
				continue
			}
			if x != n {
				x.director.Marked(m)
			}
			s.order(x, x.director.Safe(m))
		}
		s.swap(n.director.List())
	}
}

// words asks all nodes for their word.
func (s *dark) words(n *darkNode, entry string) {
	if end := n.director.List().Entry(entry).Over(s.clock(n)); end != nil {
		s.order(n, n.director.Agreed(entry, end, nil))
		return
	}
	highest, by := int64(0), []string{}
	for _, x := range s.nodes {
		if x != n && (x.down || s.rnd.IntN(40) == 0) { // it does not answer
			if s.spoil == "who does not answer" {
				by = append(by, x.process)
			}
			continue
		}
		if x != n {
			x.director.Learn(n.director.List(), false)
		}
		if x.director.List().OnAir() != nil && !x.director.bound(x.director.List().OnAir()) {
			s.show(x) // its viewers wait for what comes next
		}
		listed := x.listed[entry]
		if s.spoil == "promises" {
			highest, by = max(highest, listed), append(by, x.process)
			continue
		}
		segments, ok := x.director.Word(entry, listed)
		if !ok {
			n.director.Denied(entry)
			s.learn(n, x.director.List())
			return
		}
		highest, by = max(highest, segments), append(by, x.process)
		s.mind(x)
	}
	if s.spoil == "the highest" {
		highest = n.listed[entry]
	}
	e := n.director.List().Entry(entry)
	end := s.playout(n, e).End(highest)
	if s.spoil == "breaks" {
		end.Breaks = 0
	}
	if s.spoil == "place" {
		end.Place = &Place{}
	}
	s.order(n, n.director.Agreed(entry, end, by))
}

// mind looks after what becomes of a node's word.
func (s *dark) mind(n *darkNode) {
	s.after(time.Duration(3000+s.rnd.IntN(2000))*time.Millisecond, func() {
		if e := n.director.List().OnAir(); !n.down && e != nil && n.director.bound(e) {
			s.order(n, n.director.GoOn())
			s.mind(n)
		}
	})
}

func (s *dark) claim(n *darkNode, m *Mark) {
	s.dense = s.now.Add(15 * time.Second)
	if n.down {
		return
	}
	list, err := Claimed(s.bucket, n.director.List(), m)
	if s.spoil == "who lists" && err == nil {
		bare := *m
		if e := s.bucket.OnAir(); e != nil {
			for who := range e.Listers {
				bare.Words = append(bare.Words, who)
			}
		}
		list, err = Claimed(s.bucket, n.director.List(), &bare)
	}
	if err == nil {
		s.cuts++
		if i := len(list.Entries) - 2; i >= 0 && list.Entries[i].End != nil && list.Entries[i].End.Leap {
			s.leaps++
		}
		s.swap(list)
	} else {
		n.director.Denied(m.ID())
	}
	s.learn(n, list)
}

func (s *dark) playout(n *darkNode, e *Entry) *Playout {
	p := n.playouts[e.ID]
	if p == nil {
		p = NewPlayout(s.plans[e.Play.Plan], e.Play.Place, e.ProgramTime)
		n.playouts[e.ID] = p
	}
	return p
}

func (k *darkTake) parts(now time.Time) int64 {
	if !k.end.IsZero() && k.end.Before(now) {
		now = k.end
	}
	return max(1, int64(media.TicksOf(now.Sub(k.take.Born))/darkPart))
}

// from is where it goes on air: with its newest segment, or the first one after a time.
func (k *darkTake) from(after, now time.Time) (uint32, time.Time) {
	n := max(0, k.parts(now)-1) / 4
	if n < 2 || !after.IsZero() {
		n = 0
	}
	return uint32(n), k.take.Born.Add((media.Ticks(n) * 4 * darkPart).Duration())
}

func (k *darkTake) edge(now time.Time) Edge {
	n := k.parts(now)
	return Edge{At: media.Pos{Segment: uint32(n / 4), Part: uint32(n % 4)}, Cut: media.Ticks(n%4) * darkPart, End: k.take.Born.Add((media.Ticks(n) * darkPart).Duration())}
}

func (s *dark) lookup(id media.TakeID, _ string, _ *Entry) *media.Listing {
	k := s.takes[id]
	n := k.parts(s.now)
	l := &media.Listing{Take: k.take, Rendition: media.Main, Ended: !k.end.IsZero(), Limit: media.Pos{Segment: math.MaxUint32}}
	first := max(0, n/4-60)
	for i := first; i*4 < n; i++ {
		x := &media.SegmentInfo{Number: uint32(i), Start: media.Ticks(i) * 4 * darkPart, Complete: n >= 4*(i+1)}
		for j := int64(0); j < 4 && 4*i+j < n; j++ {
			x.Parts = append(x.Parts, media.PartInfo{Duration: darkPart})
			x.Duration += darkPart
		}
		l.Segments = append(l.Segments, x)
	}
	return l
}

// idle is what a node does now and then: what is looked after by timers and viewers.
func (s *dark) idle(n *darkNode) {
	list := n.director.List()
	if e := list.last(); e == nil || e.End != nil && s.now.Sub(e.End.ProgramTime) > 5*time.Second {
		s.order(n, n.director.Idle())
	}
}

// insist cuts to autopilot until it is so.
func (s *dark) insist(n *darkNode) {
	if n.down {
		s.after(10*time.Second, func() { s.insist(n) })
		s.dark = s.now.Add(40 * time.Second)
		return
	}
	s.cut(n, AutopilotSource)
	s.after(2*time.Second, func() { // another cut may have been on its way
		if s.bucket.Off {
			s.dark = s.now.Add(20 * time.Second)
			s.insist(n)
		}
	})
}

func (s *dark) cut(n *darkNode, source string) {
	before := n.director.List()
	if e := before.OnAir(); e != nil && e.Play == nil && !n.director.writes(e.Take) {
		return // another node has the pen; the tests of the station have that
	}
	o, _ := n.director.Cut(source)
	if n.director.List() != before {
		if merged, err := s.bucket.Merge(n.director.List()); err == nil {
			s.swap(merged)
		}
	}
	s.order(n, o)
}
