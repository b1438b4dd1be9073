package station

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// heardSealed is told that an incarnation was ended.
func (f *fleet) heardSealed(_ string, data []byte) {
	var m incarnationMessage
	if json.Unmarshal(data, &m) != nil {
		return
	}
	i, err := bundle.ParseIncarnation(m.Incarnation)
	if err != nil {
		return
	}
	if r := f.station.runs(); r != nil && *r.incarnation == i {
		r.flusher.End(bundle.ErrFenced)
		return
	}
	f.station.tasks.start(func(ctx context.Context) { f.sealed(ctx, i) })
}

// sealed lets the channels that an ended incarnation had on air go on.
func (f *fleet) sealed(ctx context.Context, i bundle.Incarnation) {
	s := f.station
	s.lookAfresh(i.String())
	f.mu.Lock()
	h := f.holders[i.String()]
	delete(f.returned, i.Node)
	f.mu.Unlock()
	if h != nil {
		if err := h.Forget(); err != nil {
			s.log.Warn("what was held for a dead node could not be removed", "incarnation", i, "error", err)
		}
	}
	f.replace(ctx, i)
	for _, p := range s.each() {
		p.mu.Lock()
		concerned := p.director != nil && p.director.List().OnAir() != nil && p.director.List().OnAir().Origin == i.String()
		if concerned {
			p.settled = false
		} else if p.director != nil && p.settled {
			p.doubt()
		}
		p.mu.Unlock()
		if concerned {
			p.settle(ctx)
		}
	}
}

// lookForOld takes in what incarnations left that live no more and that somebody has ended, unless that is
// known: a node that lives again ends its earlier run itself, and word of others may not have come, or could
// not be followed at once. Where their takes lie may be elsewhere than they said.
func (f *fleet) lookForOld() {
	s := f.station
	old := map[bundle.Incarnation]bool{}
	s.store.Each(func(l *take.Log) { old[bundle.Incarnation{Node: l.Take().Node, ID: l.Take().Incarnation}] = true })
	for i := range old {
		if i.Node == s.cfg.Spool.Node() || f.lives(i) || s.ended(i.String()) {
			continue
		}
		s.tasks.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, liveEvery)
			defer cancel()
			if _, err := s.origin(ctx, i.String()); err == nil {
				f.sealed(ctx, i)
			}
		})
	}
}

// replace takes in what an ended incarnation left if this node follows takes of it: where their last parts
// lie is as the seal says, not as the writer said.
func (f *fleet) replace(ctx context.Context, i bundle.Incarnation) {
	s, held := f.station, false
	s.store.Each(func(l *take.Log) {
		held = held || l.Take().Node == i.Node && l.Take().Incarnation == i.ID
	})
	if !held {
		return
	}
	if _, err := s.origin(ctx, i.String()); err != nil && ctx.Err() == nil {
		s.log.Warn("what an ended node left cannot be read from the bucket yet", "incarnation", i, "error", err)
	}
}

// graceTime is how long the publisher of a source that died is waited for before another source goes
// on air by itself.
const graceTime = 5 * time.Second

// grace waits for the publisher that died with its node; the program's lock is held.
func (p *Program) grace() {
	source := p.director.Awaited()
	if source == "" {
		return
	}
	p.station.tasks.start(func(ctx context.Context) {
		select {
		case <-time.After(graceTime):
		case <-ctx.Done():
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.director.Awaited() == source {
			p.order(p.director.Waited())
		}
	})
}
