package figures

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	prefix = "figures/"
	// Kept is how long figures are kept.
	Kept = 100 * 24 * time.Hour
	// tidyEvery is how often one node removes what is older.
	tidyEvery = 6 * time.Hour
	day       = "20060102"
	hour      = "15"
)

// hourDocument is what all nodes counted in one hour of a channel: slots by the minute that they begin at. It begins
// with the day in its key, so that what is too old is found without looking at the rest.
type hourDocument struct {
	Slots map[string]*Slot `json:"slots"`
}

func keyOf(channel string, at time.Time) string {
	return prefix + at.UTC().Format(day) + "/" + channel + "/" + at.UTC().Format(hour)
}

// keep adds slots to the document of their hour.
func (g *Gatherer) keep(ctx context.Context, channel string, at time.Time, slots map[int64]*Slot) error {
	some := false
	for _, s := range slots {
		some = some || !s.empty()
	}
	if !some {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	_, err := bucket.Update(bounded, g.cfg.Docs, keyOf(channel, at), func(d *hourDocument) error {
		now := map[string]*Slot{}
		for minute, s := range d.Slots {
			now[minute] = s.clone()
		}
		for start, s := range slots {
			minute := time.Unix(start, 0).UTC().Format("04")
			if now[minute] == nil {
				now[minute] = &Slot{}
			}
			now[minute].add(s)
		}
		d.Slots = now
		return nil
	})
	return err
}

// Read returns what was counted of a channel in a time, oldest first: what all nodes have kept, and what this one has
// not kept yet.
func (g *Gatherer) Read(ctx context.Context, channel string, from, to time.Time) ([]At, error) {
	found := map[int64]*Slot{}
	var mu sync.Mutex
	var hours []bucket.Entry
	for at := from.UTC().Truncate(24 * time.Hour); at.Before(to); at = at.Add(24 * time.Hour) {
		if err := bucket.All(ctx, g.cfg.Docs.Bucket(), prefix+at.Format(day)+"/"+channel+"/", func(e bucket.Entry) error {
			hours = append(hours, e)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	free := make(chan struct{}, parallel)
	var group sync.WaitGroup
	var failed error
	for _, e := range hours {
		parts := strings.Split(e.Key, "/")
		at, err := time.Parse(day+hour, parts[1]+parts[3])
		if err != nil || !at.Add(time.Hour).After(from) || !at.Before(to) {
			continue
		}
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			d, err := bucket.LoadListed[hourDocument](ctx, g.cfg.Docs, e)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !errors.Is(err, bucket.ErrNotFound) {
				failed = err
			}
			for minute, s := range d.Slots {
				if m, err := time.Parse("04", minute); err == nil && s != nil {
					merge(found, at.Add(time.Duration(m.Minute())*time.Minute).Unix(), s)
				}
			}
		})
	}
	group.Wait()
	if failed != nil {
		return nil, failed
	}
	g.mu.RLock()
	t := g.channels[channel]
	g.mu.RUnlock()
	if t != nil {
		t.mu.Lock()
		for start, s := range t.slots {
			merge(found, start, s.clone())
		}
		t.mu.Unlock()
	}
	var out []At
	for _, start := range slices.Sorted(maps.Keys(found)) {
		if at := time.Unix(start, 0).UTC(); !at.Add(Span).Before(from) && at.Before(to) {
			out = append(out, At{at, *found[start]})
		}
	}
	return out, nil
}

func merge(into map[int64]*Slot, start int64, s *Slot) {
	if into[start] == nil {
		into[start] = &Slot{}
	}
	into[start].add(s)
}

// tidy removes what is older than Kept, on one node for all.
func (g *Gatherer) tidy(ctx context.Context) error {
	if g.cfg.Tidy != nil && !g.cfg.Tidy() {
		return nil
	}
	end := prefix + g.cfg.Now().Add(-Kept).UTC().Format(day)
	err := bucket.All(ctx, g.cfg.Docs.Bucket(), prefix, func(e bucket.Entry) error {
		if e.Key >= end {
			return errEnd
		}
		return g.cfg.Docs.Bucket().Delete(ctx, e.Key)
	})
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// errEnd ends a listing.
var errEnd = errors.New("all that is old was seen")
