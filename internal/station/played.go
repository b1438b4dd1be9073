package station

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// heldTime is how long what was on air is held for those who are still fetching it.
const heldTime = time.Minute

// Played says in words which program plays a clip of a channel's library, that one's or of another channel that plays
// what it shares: by its plan, or because it is or was just on air. It is "" if none does.
func (s *Station) Played(ctx context.Context, channel string, id media.TakeID) (by string, err error) {
	for _, p := range s.each() {
		p.mu.Lock()
		title, plan := p.channel.Title, p.channel.Plan
		mine := p.id == channel || plan != nil && slices.Contains(plan.Lenders, channel)
		p.mu.Unlock()
		if !mine {
			continue
		}
		planned, onAir, err := p.versions()
		if err != nil {
			return "", err
		}
		for _, v := range onAir {
			if s, err := p.version(ctx, v); err != nil {
				return "", err
			} else if s.Plan.Plays(id) {
				return fmt.Sprintf("channel %.120q, where it is on air or was a moment ago", title), nil
			}
		}
		if planned == 0 {
			continue
		}
		if s, err := p.version(ctx, planned); err != nil {
			return "", err
		} else if s.Plan.Plays(id) {
			return fmt.Sprintf("the plan of channel %.120q: save that without it first", title), nil
		}
	}
	return "", nil
}

// versions returns the channel's plan, 0 for none, and the versions that viewers may still be fetching by another
// entry: cues, and older plans.
func (p *Program) versions() (planned int64, onAir []int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return 0, nil, ErrStarting
	}
	if p.channel.Plan != nil {
		planned = p.channel.Plan.Version
	}
	since := p.station.now().Add(-heldTime)
	for _, e := range p.director.List().Entries {
		if e.Play != nil && e.Play.Plan != planned && (e.End == nil || e.End.ProgramTime.After(since)) {
			onAir = append(onAir, e.Play.Plan)
		}
	}
	return planned, onAir, nil
}

// version returns a version of the channel's plan. It is kept for a while, however often it is asked for.
func (p *Program) version(ctx context.Context, version int64) (*program.Schedule, error) {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	for {
		p.mu.Lock()
		p.auto.asked = time.Now()
		s, changed := p.schedule(version), p.live.wait()
		p.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("the channel's plan cannot be read: %w: try again in a moment", bucket.ErrUnavailable)
		}
	}
}
