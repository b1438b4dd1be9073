package station

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// ErrOtherPlan is returned for a card that is not to be shown any more: another card or a plan took its place.
var ErrOtherPlan = errors.New("something else is to be played meanwhile")

// ErrNoClips is returned for a plan on a node that knows no clips.
var ErrNoClips = errors.New("this node has no library of clips")

// planTries is how often another number is tried for a version that somebody else has just stored.
const planTries = 5

// Replan stores a new version of the channel's plan. It takes the clips' cadences and the format from the clips
// themselves. If an older version is on air, the program cuts to the new one, where that one stood.
func (p *Program) Replan(ctx context.Context, plan program.Plan) (version int64, err error) {
	if p.id == "" {
		return 0, ErrStarting
	}
	if err := p.station.measure(ctx, &plan); err != nil {
		return 0, err
	}
	if _, err := program.NewSchedule(&plan); err != nil {
		return 0, err
	}
	slug, version, err := p.nextPlan(ctx)
	if err != nil {
		return 0, err
	}
	for try := 0; ; try, version = try+1, version+1 {
		plan.Version, plan.Made = version, p.station.now().UTC().Truncate(time.Second)
		err := bucket.Create(ctx, p.station.cfg.Docs, planKey(p.id, version), plan)
		if err == nil {
			break
		}
		if !errors.Is(err, bucket.ErrPrecondition) || try == planTries {
			return 0, err
		}
	}
	_, err = p.station.cfg.Channels.Update(ctx, slug, func(c *channel.Channel) error {
		if plan.Card != "" && (!c.DealsCard() || c.Card.Clip != plan.Card) {
			return ErrOtherPlan
		}
		if c.Plan == nil || c.Plan.Version < version { // else somebody was quicker with a later one
			c.Plan = &channel.Plan{Version: version, Video: plan.Format.Video, Audio: plan.Format.Audio, Lenders: plan.Lenders, Card: plan.Card}
		}
		if plan.Card == "" {
			c.Card = nil
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	e := p.onClock()
	p.mu.Unlock()
	if e != nil && e.Play.Cue == nil && e.Play.Plan < version {
		_, _, err = p.Cut(ctx, program.AutopilotSource)
	}
	return version, err
}

// nextPlan returns the channel's address and the number of its next plan. Where it has none any more, those that it had
// are counted.
func (p *Program) nextPlan(ctx context.Context) (slug string, version int64, err error) {
	p.mu.Lock()
	slug, plan := p.channel.Slug, p.channel.Plan
	p.mu.Unlock()
	if plan != nil {
		return slug, plan.Version + 1, nil
	}
	newest, prefix := int64(0), planPrefix(p.id)
	err = bucket.All(ctx, p.station.cfg.Docs.Bucket(), prefix, func(e bucket.Entry) error {
		if n, err := strconv.ParseInt(strings.TrimPrefix(e.Key, prefix), 10, 64); err == nil {
			newest = max(newest, n)
		}
		return nil
	})
	return slug, newest + 1, err
}

// EndCard ends a card that is on air though the channel has none any more: where nobody is live it is off air from then on.
func (p *Program) EndCard(ctx context.Context) error {
	_, _, err := p.decide(ctx, func() (*program.Order, error) {
		if p.channel.Plan != nil {
			return nil, nil
		}
		return p.director.EndPlan()
	})
	return err
}

// Plan returns the newest version of the channel's plan, or program.ErrNoPlan. It is kept for a while, however often
// it is asked for.
func (p *Program) Plan(ctx context.Context) (*program.Schedule, error) {
	if p.id == "" {
		return nil, ErrStarting
	}
	p.mu.Lock()
	now := p.channel.Plan
	p.mu.Unlock()
	if now == nil {
		return nil, program.ErrNoPlan
	}
	return p.version(ctx, now.Version)
}

// measure fills in what a plan says of its clips.
func (s *Station) measure(ctx context.Context, plan *program.Plan) error {
	if s.cfg.Clips == nil {
		return ErrNoClips
	}
	count := 0
	known := map[media.TakeID]*media.Listing{}
	for _, b := range plan.Storyboards {
		if count += len(b.Clips); count > program.MaxClips {
			return fmt.Errorf("%w: over %d clips in all storyboards: make some of them shorter", program.ErrPlan, program.MaxClips)
		}
		for _, c := range b.Clips {
			known[c.Take] = nil
		}
	}
	if err := s.listings(ctx, known); err != nil {
		return err
	}
	for i := range plan.Storyboards {
		b := &plan.Storyboards[i]
		for n := range b.Clips {
			if err := measureClip(plan, &b.Clips[n], known[b.Clips[n].Take]); err != nil {
				return err
			}
		}
	}
	return nil
}

// parallelClips is how many clips are read at once.
const parallelClips = 16

// listings reads clips; one that cannot be read stays nil.
func (s *Station) listings(ctx context.Context, known map[media.TakeID]*media.Listing) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelClips)
	for id := range maps.Clone(known) {
		group.Go(func() error {
			l, err := s.cfg.Clips.Listing(ctx, id)
			if errors.Is(err, take.ErrNoMedia) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			known[id] = l
			return err
		})
	}
	return group.Wait()
}

func measureClip(plan *program.Plan, c *program.Clip, l *media.Listing) error {
	if l == nil {
		return fmt.Errorf("%w: clip %.80q cannot be read: it is not in the library, or not ready", program.ErrPlan, c.Title)
	}
	r := l.Take.Rendition(media.Main)
	to := int64(len(l.Segments))
	if c.To > 0 {
		to = int64(c.To)
	}
	if r == nil || to > int64(len(l.Segments)) || int64(c.From) >= to {
		return fmt.Errorf("%w: clip %.80q cannot be played from segment %d to %d: it has %d", program.ErrPlan, c.Title, c.From, to, len(l.Segments))
	}
	if plan.Format == (program.Format{}) {
		plan.Format = program.FormatOf(r.Tracks)
	}
	if err := plan.Format.Fits(r.Tracks); err != nil {
		return fmt.Errorf("%w: clip %.80q: %w", program.ErrPlan, c.Title, err)
	}
	peak, _ := bandwidth(l)
	c.Cadence, c.Bandwidth = program.CadenceOf(l.Segments[c.From:to]), max(r.Bandwidth, peak)
	for i := range r.Tracks {
		if t := &r.Tracks[i]; t.Codec.IsVideo() {
			c.Width, c.Height, c.FrameRate = t.Width, t.Height, t.FrameRate
		}
	}
	return nil
}
