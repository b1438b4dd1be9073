package station

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Airing is an entry of what a channel showed live: a stretch of one take.
type Airing struct {
	Entry  string
	Source string
	Number int64 // of its first segment in the program
	Take   media.TakeID
	Origin string    // the incarnation that wrote the take
	From   uint32    // first segment of the take
	Begin  time.Time // program time
	// To and End are where it ended; To is nil while it is on air.
	To  *media.Pos
	End time.Time
	// shift is what program time is ahead of the take's own.
	shift time.Duration
}

// Airings returns what a channel showed live, as far as its cut list reaches back, the oldest first. It asks the bucket
// for what other nodes know. An error says that it is not known yet.
func (s *Station) Airings(ctx context.Context, channel string) ([]Airing, error) {
	p := s.byChannel(channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	if s.fleet != nil {
		p.mu.Lock()
		e := p.onAirHere()
		known := p.director != nil
		p.mu.Unlock()
		if known && e == nil {
			if err := p.refresh(ctx); err != nil {
				return nil, err
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil || !p.settled {
		return nil, ErrNotYet
	}
	list := p.director.List()
	out := make([]Airing, 0, len(list.Entries))
	for i := range list.Entries {
		e := &list.Entries[i]
		if e.Play != nil {
			continue
		}
		a := Airing{Entry: e.ID, Source: e.Source, Number: e.Number, Take: e.Take, Origin: e.Origin, From: e.From, Begin: e.ProgramTime, shift: e.Shift}
		if e.End != nil {
			at := e.End.At
			a.To, a.End = &at, e.End.ProgramTime
		}
		out = append(out, a)
	}
	return out, nil
}

// onAirHere returns the entry on air if this node writes its take. The lock is held.
func (p *Program) onAirHere() *program.Entry {
	if p.director == nil {
		return nil
	}
	if e := p.director.List().OnAir(); e != nil && p.writers[e.Take] != nil {
		return e
	}
	return nil
}

// LastAired returns the entry that a channel shows live, or did last, as far as this node has heard, and whether it is
// this node that keeps the channel's broadcasts just now: the one that takes in what is on air, or did last, and, while
// that is not there, the channel's director. That two may think so does no harm.
func (s *Station) LastAired(channel string) (entry string, ended, records bool) {
	p := s.byChannel(channel)
	if p == nil || !s.settled.Load() {
		return "", false, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return "", false, false
	}
	var last *program.Entry
	list := p.director.List()
	for i := range list.Entries {
		if e := &list.Entries[i]; e.Play == nil {
			last = e
		}
	}
	if last != nil {
		entry, ended = last.ID, last.End != nil
	}
	if s.fleet == nil {
		return entry, ended, true
	}
	self := s.cfg.Spool.Node()
	if last != nil {
		node, _, _ := strings.Cut(last.Origin, "/")
		if m, ok := s.fleet.member(node); node == self || !ended && ok && m.State == mesh.Alive {
			return entry, ended, node == self
		}
	}
	return entry, ended, mesh.Director(s.fleet.mesh.Members(), p.id) == self
}

// Passage is a stretch of one take that the program showed, as far as it lies in the bucket.
type Passage struct {
	Take     *media.Take
	Zero     time.Time // program time of the take's tick 0
	Segments []take.Kept
	Whole    bool // it is all there will ever be
}

// Passage returns what there is of an airing from a segment of its take on.
func (s *Station) Passage(ctx context.Context, channel string, a Airing, from uint32) (*Passage, error) {
	l := s.store.Log(a.Take)
	if l == nil {
		if _, err := s.origin(ctx, a.Origin); err != nil && !errors.Is(err, errUnsealed) {
			return nil, fmt.Errorf("read what was on air: %w", err)
		}
		l = s.store.Log(a.Take)
	}
	p := s.byChannel(channel)
	if l == nil && p != nil {
		p.mu.Lock()
		p.want(true) // another node has it
		p.mu.Unlock()
		if e, ended := (&program.Entry{Take: a.Take, Origin: a.Origin}), s.ended(a.Origin); ended && s.lost(e) {
			return &Passage{Whole: true}, nil // nothing of it ever came to the bucket
		}
		return nil, ErrNotYet
	}
	out := &Passage{Take: l.Take(), Zero: l.Take().Born.Add(a.shift).UTC()}
	out.Segments, out.Whole = l.Kept(max(from, a.From), a.To)
	return out, nil
}
