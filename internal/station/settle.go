package station

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// settleAll settles every channel whose cut list is loaded.
func (s *Station) settleAll(ctx context.Context) {
	for _, p := range s.each() {
		if ctx.Err() != nil {
			return
		}
		p.settle(ctx)
	}
}

// settle ends what was on air before this incarnation, so that the channel can go on. It tries again
// with the keeper's next round if the bucket does not answer. After a seal, marks of later
// incarnations may count, and what they put on air may have been sealed in turn.
func (p *Program) settle(ctx context.Context) {
	if !p.station.settled.Load() {
		return
	}
	for {
		air, ready := p.unsettled()
		if !ready {
			return
		}
		if air == nil {
			break
		}
		o, err := p.station.origin(ctx, air.Origin)
		if errors.Is(err, errUnsealed) && p.station.fleet.writes(air.Origin) {
			break // another node writes it, or will be ended
		}
		if err != nil {
			if !errors.Is(err, errUnsealed) && ctx.Err() == nil {
				p.station.log.Warn("what was on air cannot be read from the bucket", "channel", p.id, "error", err)
			}
			return
		}
		p.mu.Lock()
		before := p.director.List()
		p.replay()
		if e := p.director.List().OnAir(); e != nil && e.ID == air.ID {
			p.sealed(e, o)
		}
		p.listChanged(before)
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt()
	p.settled, p.told = true, true
	p.order(p.director.Resume())
	p.grace()
	p.touch()
	p.station.tell()
	p.station.wakeKeeper()
}

// doubt tells the director of incarnations that ended without anybody's word, as far as that is not stored. The lock is held.
func (p *Program) doubt() {
	for p.doubtNext() {
	}
}

// doubtNext tells the director of the oldest of them: a later one may have listed what its doubt leaps to, and left marks
// that count then. It reports whether there was one. The lock is held.
func (p *Program) doubtNext() bool {
	if !p.station.past.doubtNext(p.id) {
		return false
	}
	before := p.director.List()
	p.director.Doubt()
	p.replay()
	if p.director.List() != before {
		p.station.wakeKeeper()
	}
	return true
}

// doubtNext finds the oldest incarnation that ended without anybody's word and of which a channel was not told, and notes
// that it is.
func (p *past) doubtNext(channel string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := ""
	for name, o := range p.origins {
		if o.doubts != nil && !o.doubts[channel] && (oldest == "" || begunAs(name) < begunAs(oldest)) {
			oldest = name
		}
	}
	if oldest == "" {
		return false
	}
	p.origins[oldest].doubts[channel] = true
	return true
}

// begunAs returns what says when an incarnation began: its id without its node.
func begunAs(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// forgetEnded forgets incarnations that were ended, once the bucket has all that follows from that. A node that dies
// before leaves it to the next one.
func (s *Station) forgetEnded(ctx context.Context) {
	s.past.mu.Lock()
	due := slices.Clone(s.past.owed)
	s.past.mu.Unlock()
	if len(due) == 0 || !s.settled.Load() || !s.knowsChannels() {
		return
	}
	for _, i := range due {
		o := s.originOf(i.String())
		if !s.storeEnd(ctx, o) || bundle.Forget(ctx, s.cfg.Docs, i) != nil {
			return
		}
		s.past.mu.Lock()
		s.past.owed = slices.DeleteFunc(s.past.owed, func(d bundle.Incarnation) bool { return d == i })
		o.doubts = nil // it had listed nothing of channels that are made from here on
		s.past.mu.Unlock()
	}
}

// knowsChannels reports whether all channels are known that there were when this node began.
func (s *Station) knowsChannels() bool {
	select {
	case <-s.cfg.Channels.Loaded():
		return true
	default:
		return false
	}
}

// storeEnd stores the cut lists that the end of an incarnation changes: of the channels that it left marks of, or of all if
// nobody gave a word for it. It reports whether the bucket has all of them.
func (s *Station) storeEnd(ctx context.Context, o *origin) bool {
	for _, p := range s.each() {
		s.past.mu.Lock()
		concerned := o.doubts != nil || len(o.marks[p.id]) > 0
		s.past.mu.Unlock()
		if concerned && !p.storeEnd(ctx) {
			return false
		}
	}
	return true
}

func (p *Program) storeEnd(ctx context.Context) bool {
	p.mu.Lock()
	if p.gone {
		p.mu.Unlock()
		return true
	}
	if p.director == nil || !p.settled {
		p.mu.Unlock()
		return false
	}
	p.doubt()
	list, saved := p.director.List(), p.saved
	p.mu.Unlock()
	return list == saved || p.save(ctx, list) == nil
}

// unsettled returns the entry on air whose take nobody here writes, or nil; ready is false if there is
// nothing to settle.
func (p *Program) unsettled() (air *program.Entry, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil || p.settled || p.gone {
		return nil, false
	}
	p.replay()
	for {
		air = p.director.List().OnAir()
		if air != nil && (air.Play != nil || p.writers[air.Take] != nil) {
			return nil, true
		}
		if air != nil || !p.doubtNext() {
			return air, true
		} // else a mark may count now that did not before
	}
}

// replay tells the director the marks that were found in logs, until nothing changes any more. Those
// that it knows change nothing.
func (p *Program) replay() {
	p.station.past.mu.Lock()
	var marks [][]byte
	for _, name := range slices.Sorted(maps.Keys(p.station.past.origins)) {
		marks = append(marks, p.station.past.origins[name].marks[p.id]...)
	}
	p.station.past.mu.Unlock()
	for before := (*program.CutList)(nil); before != p.director.List(); {
		before = p.director.List()
		for _, data := range marks {
			if m, err := program.ParseMark(data); err == nil {
				p.order(p.director.Safe(m))
			}
		}
	}
}

// sealed ends the entry on air, whose take was ended by its seal or is gone. If that leaps, there is no other doubt of
// what its origin had listed.
func (p *Program) sealed(e *program.Entry, o *origin) {
	edge := program.Edge{}
	exact := o.word == bundle.ExactWord
	if l := p.station.store.Log(e.Take); l != nil {
		edge = edgeOf(l, l.Edge())
		exact = exact || l.Finished()
	}
	p.director.Sealed(e.Take, edge, exact, o.word == bundle.NoWord)
	p.station.past.mu.Lock()
	defer p.station.past.mu.Unlock()
	if o.doubts != nil {
		o.doubts[p.id] = true
	}
}
