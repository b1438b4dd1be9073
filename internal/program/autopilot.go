package program

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// AutopilotSource is what a clock-driven entry has for a source, and what a producer cuts to.
const AutopilotSource = "autopilot"

// CardSource is what a producer cuts to who takes a channel off air that has an off-air card: the plan that plays it.
const CardSource = "card"

// ErrNoPlan is returned for a cut to autopilot in a channel that has nothing to play.
var ErrNoPlan = errors.New("the channel has no plan: make a storyboard and a schedule first")

// Autopilot is what a director knows of its channel's plan.
type Autopilot struct {
	Version int64 // the newest
	Format  Format
	Now     func() time.Time // when it would begin
}

// SetAutopilot says which plan the channel has, or with nil that it has none.
func (d *Director) SetAutopilot(a *Autopilot) { d.autopilot = a }

// Idle says that nothing has been on air for as long as a source is waited for: the plan begins, if the channel has
// one and no producer took it off air.
func (d *Director) Idle() *Order {
	d.awaited = ""
	if o := d.next(); o != nil {
		return o
	}
	if d.held || d.pending != nil || d.list.Off || d.list.OnAir() != nil || d.fitsPlan() != nil {
		return nil
	}
	return d.begin(d.plan(false))
}

// fitsPlan says why the plan cannot be on air, or nil.
func (d *Director) fitsPlan() error {
	switch {
	case d.autopilot == nil:
		return ErrNoPlan
	case d.list.Format != nil:
		return d.list.Format.fits(d.autopilot.Format)
	}
	return nil
}

// cutToPlan puts the plan on air in its newest version. If it is held, no source goes on air by itself from then on.
func (d *Director) cutToPlan(held bool) (*Order, error) {
	if err := d.fitsPlan(); err != nil {
		return nil, err
	}
	e := d.list.OnAir()
	was := e != nil && e.Play != nil && e.Play.Held
	if e != nil && e.Play != nil && e.Play.Plan == d.autopilot.Version && (was || !held) && !d.bound(e) {
		return nil, nil
	}
	if d.pending != nil {
		return nil, ErrBusy
	}
	to := d.plan(true)
	to.Play.Held = held || was
	if e == nil {
		return d.begin(to), nil
	}
	return d.leave(&to)
}

// plan is the plan as something that may go on air.
func (d *Director) plan(asked bool) Contender {
	return Contender{
		Play: &Play{Plan: d.autopilot.Version, Place: d.list.Place(), Asked: asked}, Format: d.autopilot.Format,
		Start: func(time.Time) (uint32, time.Time) { return 0, d.autopilot.Now() },
	}
}

// Place returns where the plan stood when it was last on air.
func (c *CutList) Place() Place {
	for i := range slices.Backward(c.Entries) {
		if e := &c.Entries[i]; e.Play != nil && e.End != nil {
			return *e.End.Place
		}
	}
	return Place{}
}

// yields reports whether a clock-driven entry makes room for a take that came by itself. A cue does
// not, and what is held does not.
func (e *Entry) yields(c *Contender) bool {
	return e.Play != nil && e.Play.Cue == nil && !e.Play.Held && (!e.Play.Asked || c.Take.Born.After(e.ProgramTime))
}

// bound reports whether this node has given its word that an entry ends.
func (d *Director) bound(e *Entry) bool {
	_, ok := d.bounds[e.ID]
	return ok
}

// part begins to end a clock-driven entry, in favour of a take, of the plan, or of nothing: everyone's word is asked
// that they list nothing more of it (rule F).
func (d *Director) part(e *Entry, to *Contender) *Order {
	d.pending = &pending{mark: &Mark{Ended: e.ID}, words: true, to: to}
	if to != nil && to.Take != nil {
		d.pending.take = to.Take.ID
	}
	return &Order{Words: e.ID}
}

// Word gives this node's word that it lists no more of a clock-driven entry than it has: so many segments. It binds
// until the entry has ended, whoever asks again. ok is false if the entry is not on air as far as this node knows.
func (d *Director) Word(entry string, listed int64) (segments int64, ok bool) {
	e := d.list.OnAir()
	if e == nil || e.ID != entry || e.Play == nil {
		return 0, false
	}
	if at, given := d.bounds[entry]; given {
		return int64(at.Segment), true
	}
	makeRoom(d.bounds)
	d.bounds[entry] = media.Pos{Segment: uint32(listed)}
	return listed, true
}

// Agreed says where a clock-driven entry can end: those processes list nothing of it behind that. What is to follow
// is claimed.
func (d *Director) Agreed(entry string, end *End, by []string) *Order {
	p, e := d.pending, d.list.OnAir()
	if p == nil || p.mark.Ended != entry || p.mark.End != nil || e == nil || e.ID != entry {
		return nil
	}
	if p.off || p.on {
		d.setOff(p.off)
	}
	m := &Mark{Ended: entry, End: end, Words: by}
	if p.to != nil && p.to.Take != nil && !d.writes(p.to.Take.ID) { // it left meanwhile: the plan goes on
		p.to, p.take = nil, media.TakeID{}
		if d.fitsPlan() == nil {
			to := d.plan(e.Play.Asked)
			to.Play.Place = *end.Place
			p.to = &to
		}
	}
	if p.to != nil {
		next, format := d.entry(end, p.to)
		m.Entry, m.Format = &next, format
	}
	p.mark = m
	return &Order{Claim: m}
}

// entry makes the entry that puts something on air after an end.
func (d *Director) entry(end *End, to *Contender) (Entry, *Format) {
	if to.Play == nil {
		first, at := to.Start(to.from())
		return d.list.following(end, to.Take, first, at), d.format(FormatOf(to.Take.Renditions[0].Tracks))
	}
	play := *to.Play
	if end.Place != nil {
		play.Place = *end.Place
	}
	_, at := to.Start(time.Time{})
	return d.list.after(end, Entry{Source: play.Source(), Play: &play}, at), d.format(to.Format)
}

// GoOn says that words were given long ago that an entry ends, and that it has not: who wanted it is gone. The plan
// goes on behind what was listed, or what a producer asked for is done.
func (d *Director) GoOn() *Order {
	e := d.list.OnAir()
	if d.held || d.pending != nil || e == nil || e.Play == nil || !d.bound(e) {
		return nil
	}
	if e.Play.Cue != nil {
		return d.Past(e.ID)
	}
	if o := d.next(); o != nil {
		return o
	}
	if d.list.Off || d.fitsPlan() != nil {
		return d.part(e, nil)
	}
	to := d.plan(e.Play.Asked)
	to.Play.Held = e.Play.Held
	return d.part(e, &to)
}

// Claims reports whether a claim is on its way.
func (d *Director) Claims(id string) bool { return d.pending != nil && d.pending.mark.ID() == id }

// reserve is for how many segments a process asks at once that it may list: of two seconds each, for ten minutes.
const reserve = 300

// Reserve returns how many segments of a clock-driven entry a process should ask to be allowed, given that it lists
// so many; or 0 if it has enough.
func (e *Entry) Reserve(process string, listed int64) int64 {
	has, want := e.Listers[process], listed+reserve
	if end := e.Whole(); end != nil {
		want = min(want, int64(end.At.Segment))
	}
	if has-listed > reserve/3 || has >= want {
		return 0
	}
	return want
}

// Reserved returns the list in the bucket with the right of a process to list so many segments of the clock-driven
// entry on air; ours is what this node knows of the list. ErrTaken comes with what both know: the entry has ended.
func Reserved(inBucket, ours *CutList, entry, process string, segments int64) (*CutList, error) {
	list, err := inBucket.Merge(ours)
	if err != nil {
		return inBucket, errors.Join(ErrTaken, err)
	}
	e := list.OnAir()
	if e == nil || e.ID != entry || e.Play == nil {
		return list, ErrTaken
	}
	return list.with(func(c *CutList) {
		c.last().Listers = joined(e.Listers, map[string]int64{process: segments})
	}), nil
}

// joined returns who may list an entry as two lists know it. A process that may list far less than another one has
// reserved is left out: that one listed more when it did so, or may still, and has to give its word for it.
func joined(a, b map[string]int64) map[string]int64 {
	out, most := maps.Clone(a), int64(0)
	if out == nil {
		out = map[string]int64{}
	}
	for who, n := range b {
		out[who] = max(out[who], n)
	}
	for _, n := range out {
		most = max(most, n)
	}
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n < most-2*reserve })
	return out
}
