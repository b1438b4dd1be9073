package program

import (
	"slices"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Cut puts a source on air, or with "" takes the channel off air. The answer may be nil: it is so
// already, or it will be as soon as a mark that is on its way is safe.
func (d *Director) Cut(source string) (*Order, error) {
	o, err := d.cut(source)
	switch {
	case err != nil: // a cut that is refused changes nothing
	case o != nil && o.Words != "":
		d.pending.off, d.pending.on = source == "", source != "" // once all have given their word
	default:
		d.setOff(source == "")
	}
	return o, err
}

func (d *Director) cut(source string) (*Order, error) {
	if source == "" {
		return d.leave(nil)
	}
	if source == AutopilotSource || source == CardSource {
		return d.cutToPlan(source == CardSource)
	}
	found := d.contender(source)
	if found == nil {
		return nil, ErrNoSuchSource
	}
	c := *found
	c.due = false // who cuts wants what is seen now
	if d.list.Format != nil {
		if err := d.list.Format.Fits(c.Take.Renditions[0].Tracks); err != nil {
			return nil, err
		}
	}
	if e := d.list.OnAir(); e != nil && e.Take == c.Take.ID {
		return nil, nil
	}
	if d.pending != nil {
		return nil, ErrBusy
	}
	if d.list.OnAir() == nil {
		return d.begin(c), nil
	}
	return d.leave(&c)
}

// EndPlan ends the plan if it is on air. Unless it is held, this says nothing of what comes next: a source that connects
// goes on air by itself.
func (d *Director) EndPlan() (*Order, error) {
	switch e := d.list.OnAir(); {
	case e == nil || e.Play == nil || e.Play.Cue != nil:
		return nil, nil
	case e.Play.Held:
		return d.Cut("")
	}
	return d.leave(nil)
}

func (d *Director) setOff(off bool) {
	if d.list.Off != off {
		d.list = d.list.with(func(c *CutList) { c.Off, c.Turns = off, c.Turns+1 })
	}
}

// contender returns the newest take of a source, one with its main key if there is one, or nil.
func (d *Director) contender(source string) (found *Contender) {
	for i := range d.live {
		if c := &d.live[i]; c.Take.Source == source && (found == nil || found.Take.Backup || !c.Take.Backup) {
			found = c
		}
	}
	return found
}

// Sends returns the take that a source sends to this node, or nil.
func (d *Director) Sends(source string) *media.Take {
	if c := d.contender(source); c != nil {
		return c.Take
	}
	return nil
}

// leave ends what is on air by a mark in its log, in favour of another take or of nothing. If another
// node writes it, that one is to be asked.
func (d *Director) leave(to *Contender) (*Order, error) {
	e := d.list.OnAir()
	if e == nil {
		return nil, nil
	}
	if e.Play != nil {
		if d.pending != nil {
			return nil, ErrBusy
		}
		return d.part(e, to), nil
	}
	if !d.writes(e.Take) {
		return &Order{Take: e.Take, Entry: e.ID, To: to}, nil
	}
	return d.Leave(e.ID, to)
}

func (d *Director) writes(take media.TakeID) bool {
	return slices.ContainsFunc(d.live, func(c Contender) bool { return c.Take.ID == take })
}

// Leave ends the entry on air, whose take this node writes. nil and no error say that it has ended.
func (d *Director) Leave(entry string, to *Contender) (*Order, error) {
	e := d.list.OnAir()
	if e == nil || e.ID != entry {
		return nil, nil
	}
	if d.pending != nil {
		return nil, ErrBusy
	}
	if to != nil && to.Take != nil && d.list.Format != nil {
		if err := d.list.Format.Fits(to.Take.Renditions[0].Tracks); err != nil {
			return nil, err
		}
	}
	d.pending = &pending{mark: &Mark{Ended: e.ID}, take: e.Take}
	left := *e
	p := d.pending
	return &Order{Take: e.Take, Entry: e.ID, To: to, Fill: func(at Edge) *Mark {
		m := p.mark
		m.End = left.endAt(at)
		if to != nil {
			next, _ := d.entry(m.End, to)
			m.Entry = &next
		}
		d.bounds[left.ID] = m.End.At
		return m
	}}, nil
}
