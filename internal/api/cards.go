package api

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

const (
	// cardEvery is how often one looks whether a card can be shown, and cardLonger by what part of the time that it
	// has been waited for that becomes more.
	cardEvery  = time.Second
	cardLonger = 5
)

// cards knows which channels wait for their card: for its clip to be made. Every node looks; the channel's document
// says whether it is done.
type cards struct {
	mu      sync.Mutex
	waiting map[string]*waitingCard // by the channel's address
}

type waitingCard struct {
	clip          string
	since, looked time.Time
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
		x.waiting[c.Slug] = &waitingCard{clip: c.Card.Clip, since: time.Now()}
	}
}

// due returns the channels that are to be looked at.
func (x *cards) due(now time.Time) (slugs []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for slug, w := range maps.Clone(x.waiting) {
		if now.Sub(w.looked) >= now.Sub(w.since)/cardLonger {
			w.looked = now
			slugs = append(slugs, slug)
		}
	}
	return slugs
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
	case errors.Is(err, library.ErrNotFound):
		return nil // somebody deleted it: the producer sees that it failed
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
	if _, err := p.Replan(ctx, plan); err != nil && !errors.Is(err, station.ErrOtherPlan) && !errors.Is(err, program.ErrBusy) {
		return err
	}
	a.cfg.Library.TidyCards(ctx, c.ID, clip.ID)
	return nil
}
