package station

import (
	"context"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// Guide returns what the channel's plan plays in a time, if nobody goes live: as it goes on from what is on air, or
// from where it stopped.
func (p *Program) Guide(ctx context.Context, from, to time.Time) ([]program.Programme, error) {
	s, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return nil, ErrStarting
	}
	if e := p.onClock(); e != nil && e.Play.Plan == s.Plan.Version {
		if x := p.playout(e); x != nil {
			return x.Guide(from, to), nil
		}
	}
	now := p.station.now()
	if now.After(from) {
		now = from
	}
	return program.NewPlayout(s, p.director.List().Place(), now).Guide(from, to), nil
}

// Cuts returns the channel's cut list, as far as this node knows it, or nil before it is read. It is never changed.
func (p *Program) Cuts() *program.CutList {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return nil
	}
	return p.director.List()
}

// AsRun returns what was on air in a time, as far back as the cut list goes.
func (p *Program) AsRun(ctx context.Context, from, to time.Time) (out []program.Aired, err error) {
	p.mu.Lock()
	var list *program.CutList
	if p.director != nil {
		list = p.director.List()
	}
	p.mu.Unlock()
	if list == nil {
		return nil, ErrStarting
	}
	plans := map[int64]*program.Schedule{}
	for i := range list.Entries {
		e := &list.Entries[i]
		end := p.station.now()
		switch {
		case e.End != nil:
			end = e.End.ProgramTime
		case e.Play != nil:
			end = e.Time(end)
		}
		if !end.After(from) || !e.ProgramTime.Before(to) {
			continue
		}
		if e.Play == nil {
			out = append(out, program.Aired{Start: e.ProgramTime, Duration: end.Sub(e.ProgramTime), Source: e.Source, Take: e.Take, From: e.From, Number: e.Number})
			continue
		}
		s := plans[e.Play.Plan]
		if s == nil {
			plan, err := bucket.Load[program.Plan](ctx, p.station.cfg.Docs, planKey(p.id, e.Play.Plan))
			if err != nil {
				return nil, err
			}
			if s, err = program.NewSchedule(&plan); err != nil {
				return nil, err
			}
			plans[e.Play.Plan] = s
		}
		x := program.NewPlayout(s, e.Play.Place, e.ProgramTime)
		if end.After(to) {
			end = to
		}
		n := x.Playing(end) + 1
		if e.End != nil {
			n = min(n, int64(e.End.At.Segment))
		}
		out = append(out, x.Aired(e, n, from)...)
	}
	return out, nil
}

// Playing returns where in a clip the plan that is on air is, or ErrNotOnAir.
func (p *Program) Playing(ctx context.Context) (media.Address, error) {
	p.mu.Lock()
	e := p.onClock()
	p.auto.asked = time.Now()
	p.mu.Unlock()
	if e == nil {
		return media.Address{}, ErrNotOnAir
	}
	x, err := p.await(ctx, e.ID)
	if err != nil {
		return media.Address{}, err
	}
	s := x.Segment(max(0, x.Playing(e.Time(p.station.now()))))
	return media.Address{Take: s.Clip.Take, Rendition: media.Main, Segment: s.Segment}, nil
}
