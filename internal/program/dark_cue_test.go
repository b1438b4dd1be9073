package program

import (
	"errors"
	"fmt"
	"time"
)

// cue puts some clips on air once.
func (s *dark) cue(n *darkNode) {
	before := n.director.List()
	if e := before.OnAir(); e != nil && e.Play == nil && !n.director.writes(e.Take) {
		return // another node has the pen
	}
	plan := &Plan{Version: -int64(len(s.plans)), Once: true, Zone: Zone{Name: "UTC", Offsets: []Offset{{}}}, Filler: "cue"}
	b := Storyboard{ID: "cue"}
	var ids []string
	for i := range 1 + s.rnd.IntN(3) {
		b.Clips = append(b.Clips, testClip(s.rnd, "on cue", 30))
		ids = append(ids, fmt.Sprint("clip", i))
	}
	plan.Storyboards = []Storyboard{b}
	made, err := NewSchedule(plan)
	if err != nil {
		s.fault("%v", err)
		return
	}
	s.plans[plan.Version] = made
	c, err := CueOf(made, ids, []string{"", "", "camera", AutopilotSource}[s.rnd.IntN(4)])
	if err != nil {
		s.fault("%v", err)
		return
	}
	o, err := n.director.Cue(Contender{Play: &Play{Plan: plan.Version, Cue: c}, Start: func(time.Time) (uint32, time.Time) { return 0, s.clock(n) }})
	if err != nil && !errors.Is(err, ErrBusy) {
		s.fault("%v", err)
	}
	if n.director.List() != before {
		if merged, err := s.bucket.Merge(n.director.List()); err == nil {
			s.swap(merged)
		}
	}
	s.order(n, o)
}

// cued has what is to follow a cue put on air when it is over by a node's clock, the first node first.
func (s *dark) cued(n *darkNode) {
	e := n.director.List().OnAir()
	if e == nil || e.Whole() == nil || n.minds == e.ID {
		return
	}
	n.minds = e.ID
	turn := Early
	if n != s.nodes[0] {
		turn -= 2 * time.Second
	}
	s.after(e.Whole().ProgramTime.Sub(e.Time(s.clock(n)))-turn, func() { s.follow(n, e.ID) })
}

// follow puts on air what follows a cue.
func (s *dark) follow(n *darkNode, entry string) {
	e := n.director.List().OnAir()
	if n.down || e == nil || e.ID != entry {
		return
	}
	s.dense = s.now.Add(15 * time.Second)
	var o *Order
	err := ErrNoSuchSource
	if then := e.Play.Cue.Then; then != "" {
		o, err = n.director.Cut(then)
	}
	if err != nil {
		o = n.director.Past(entry)
	}
	s.order(n, o)
	s.after(time.Second, func() { s.follow(n, entry) })
}
