package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

const (
	// cardEvery is how often one looks whether a card can be shown: somebody waits for it.
	cardEvery = 2 * time.Second
	// cardLongest is up to how long one waits behind a look that failed.
	cardLongest = time.Minute
)

// cards knows which channels wait for their card: for its clip to be made. Every node looks; the channel's document
// says whether it is done.
type cards struct {
	mu      sync.Mutex
	waiting map[string]*waitingCard // by the channel's address
}

type waitingCard struct {
	clip  string
	pause time.Duration // behind the last look, which failed
	next  time.Time
}

// see learns of a channel that was loaded, made or changed.
func (x *cards) see(c *channel.Channel) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch w := x.waiting[c.Slug]; {
	case !c.DealsCard() || !c.Deleted.IsZero():
		delete(x.waiting, c.Slug)
	case w == nil || w.clip != c.Card.Clip:
		if x.waiting == nil {
			x.waiting = map[string]*waitingCard{}
		}
		x.waiting[c.Slug] = &waitingCard{clip: c.Card.Clip}
	}
}

// due returns the channels that are to be looked at.
func (x *cards) due(now time.Time) (slugs []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for slug, w := range x.waiting {
		if !now.Before(w.next) {
			slugs = append(slugs, slug)
		}
	}
	return slugs
}

// failed has a channel looked at later and later.
func (x *cards) failed(slug string, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if w := x.waiting[slug]; w != nil {
		w.pause = min(2*w.pause+cardEvery, cardLongest)
		w.next = now.Add(w.pause)
	}
}

// over stops waiting for a clip that will not come.
func (x *cards) over(slug, clip string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if w := x.waiting[slug]; w != nil && w.clip == clip {
		delete(x.waiting, slug)
	}
}

// dealCards makes plans of cards whose clips are ready, until ctx ends.
func (a *API) dealCards(ctx context.Context) error {
	if a.cfg.Library == nil {
		return nil
	}
	t := time.NewTicker(cardEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		for _, slug := range a.cards.due(time.Now()) {
			if err := a.dealCard(ctx, slug); err != nil && ctx.Err() == nil {
				a.cfg.Log.Warn("a card cannot be shown so far; it is tried again", "channel", slug, "error", err)
				a.cards.failed(slug, time.Now())
			}
		}
	}
}

// dealCard makes the plan of a channel's card if its clip is ready.
func (a *API) dealCard(ctx context.Context, slug string) error {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	c, err := a.cfg.Channels.Get(slug)
	if err != nil || !c.DealsCard() {
		return nil // it is gone, or done
	}
	clip, err := a.cfg.Library.Clip(ctx, c.ID, c.Card.Clip)
	switch {
	case errors.Is(err, library.ErrNotFound), err == nil && clip.State == library.Failed: // the producer sees that
		a.cards.over(slug, c.Card.Clip)
		return nil
	case err != nil:
		return err
	case clip.State != library.Ready:
		return nil
	}
	planned, err := a.plannedClip(ctx, library.Placed{Channel: c.ID, Clip: clip.ID})
	if err != nil {
		return err
	}
	s := Schedule{Zone: "UTC", Filler: "card", Storyboards: []PlannedBoard{{ID: "card", Title: cardTitle, Clips: []PlannedClip{planned}}}}
	plan, err := s.plan(time.Now())
	if err != nil {
		return err
	}
	plan.Card = clip.ID
	p, err := a.cfg.Station.Program(slug)
	if err != nil {
		return err
	}
	_, err = p.Replan(ctx, plan)
	switch {
	case errors.Is(err, station.ErrOtherPlan): // another node knew that first
		return a.cfg.Channels.Look(ctx, slug)
	case err != nil && !errors.Is(err, program.ErrBusy):
		return err
	}
	a.tidyCards(ctx, c)
	return nil
}

// tidyCards deletes clips of a channel's cards, but for the one that its document names when they have been listed.
func (a *API) tidyCards(ctx context.Context, c *channel.Channel) {
	a.cfg.Library.TidyCards(ctx, c.ID, func(ctx context.Context) (string, error) {
		c, err := a.newest(ctx, c.Slug)
		if err != nil || c.Card == nil {
			return "", err
		}
		return c.Card.Clip, nil
	})
}

// newest reads a channel's document again.
func (a *API) newest(ctx context.Context, slug string) (*channel.Channel, error) {
	if err := a.cfg.Channels.Look(ctx, slug); err != nil {
		return nil, err
	}
	return a.cfg.Channels.Get(slug)
}
