package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Roots say what is still needed. An incarnation that they do not know is needed as a whole.
type Roots map[Incarnation]Need

// Need says what is needed of one incarnation.
type Need struct {
	None bool   // nothing of it
	From uint64 // otherwise, bundles from this number on
}

// CollectorConfig says how a Collector works. Bucket and Roots are required.
type CollectorConfig struct {
	Bucket bucket.Bucket
	// Roots finds what is needed. An error ends the pass: nothing is deleted.
	Roots func(ctx context.Context) (Roots, error)
	Log   *slog.Logger

	Every  time.Duration // between two passes; default 5 min
	Margin time.Duration // nothing younger is deleted; default 10 min
	Least  int           // at most so many are deleted in one pass, or a tenth of all if that is more; default 100
}

// Collector deletes bundles that nothing needs any more. It is slow on purpose:
//
//   - a bundle goes only if two passes in a row, and not close together, found it old and not needed;
//   - one pass deletes at most a tenth of what there is (or Least), the oldest first. So a running node
//     keeps up to ten passes' worth of bundles more than it needs;
//   - the newest numbers of an incarnation stay, whatever they are, and with them every fence;
//   - a bundle goes only if its index is kept in an index page, or nothing of its incarnation is needed,
//     so that the births of takes that run for days can still be found;
//   - what the roots do not know stays.
type Collector struct {
	cfg    CollectorConfig
	before map[string]bool // keys that the last pass found
	last   time.Time       // of that pass
	done   map[Incarnation]bool
}

// NewCollector makes a collector.
func NewCollector(cfg CollectorConfig) *Collector {
	if cfg.Every <= 0 {
		cfg.Every = 5 * time.Minute
	}
	if cfg.Margin <= 0 {
		cfg.Margin = 10 * time.Minute
	}
	if cfg.Least <= 0 {
		cfg.Least = 100
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Collector{cfg: cfg, done: map[Incarnation]bool{}}
}

// Run collects until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	t := time.NewTicker(c.cfg.Every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if _, err := c.Pass(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("old media could not be collected; it is tried again", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// stored is one bundle as it was listed.
type stored struct {
	key      string
	sequence uint64
	modified time.Time
}

// Sealed lists the incarnations that have ended.
func Sealed(ctx context.Context, b bucket.Bucket) ([]Incarnation, error) {
	var out []Incarnation
	err := bucket.All(ctx, b, "seals/", func(e bucket.Entry) error {
		if i, err := ParseIncarnation(strings.TrimPrefix(e.Key, "seals/")); err == nil {
			out = append(out, i)
		}
		return nil
	})
	return out, err
}

// Pass looks at everything once, and returns how many bundles it deleted.
//
// A pass that comes sooner than half of Every after the one before does nothing.
func (c *Collector) Pass(ctx context.Context) (deleted int, err error) {
	if time.Since(c.last) < c.cfg.Every/2 {
		return 0, nil
	}
	c.last = time.Now()
	all, total, err := c.list(ctx)
	if err != nil {
		return 0, fmt.Errorf("collect: %w", err)
	}
	// The roots come after the listing: what they do not need now was not needed then.
	roots, err := c.cfg.Roots(ctx)
	if err != nil {
		return 0, fmt.Errorf("collect: find what is needed: %w", err)
	}
	var found []stored
	for i, bundles := range all {
		need, known := roots[i]
		if !known {
			continue
		}
		paged := uint64(0)
		if !need.None {
			if paged, err = c.paged(ctx, i); err != nil {
				return 0, fmt.Errorf("collect: %w", err)
			}
		}
		found = append(found, candidates(bundles, need, paged, time.Now().Add(-c.cfg.Margin))...)
	}
	doomed := c.doomed(found, total)
	for _, s := range doomed {
		if err := c.cfg.Bucket.Delete(ctx, s.key); err != nil {
			return deleted, fmt.Errorf("collect: delete %s: %w", s.key, err)
		}
		deleted++
	}
	for i, bundles := range all {
		if need, known := roots[i]; known && need.None && len(bundles) <= InFlight+1 && !c.done[i] {
			if err := c.deletePages(ctx, i); err != nil {
				return deleted, fmt.Errorf("collect: %w", err)
			}
			c.done[i] = true
		}
	}
	if deleted > 0 {
		c.cfg.Log.Info("collected old media", "bundles", deleted, "of", total)
	}
	return deleted, nil
}

// list lists all bundles by incarnation, in order.
func (c *Collector) list(ctx context.Context) (map[Incarnation][]stored, int, error) {
	all := map[Incarnation][]stored{}
	total := 0
	err := bucket.All(ctx, c.cfg.Bucket, "media/", func(e bucket.Entry) error {
		if i, sequence, ok := parseKey(e.Key); ok {
			all[i] = append(all[i], stored{e.Key, sequence, e.Modified})
			total++
		}
		return nil
	})
	return all, total, err
}

// paged returns up to which number the bundles of an incarnation are covered by index pages without a hole.
func (c *Collector) paged(ctx context.Context, i Incarnation) (next uint64, err error) {
	err = bucket.All(ctx, c.cfg.Bucket, i.pagePrefix(), func(e bucket.Entry) error {
		from, to, ok := strings.Cut(e.Key[strings.LastIndexByte(e.Key, '/')+1:], "-")
		first, err := strconv.ParseUint(from, 16, 64)
		last, err2 := strconv.ParseUint(to, 16, 64)
		if ok && errors.Join(err, err2) == nil && first == next && last >= first {
			next = last + 1
		}
		return nil
	})
	return next, err
}

// deletePages deletes the index pages of an incarnation whose bundles are gone.
func (c *Collector) deletePages(ctx context.Context, i Incarnation) error {
	return bucket.All(ctx, c.cfg.Bucket, i.pagePrefix(), func(e bucket.Entry) error {
		if e.Modified.After(time.Now().Add(-c.cfg.Margin)) {
			return nil
		}
		return c.cfg.Bucket.Delete(ctx, e.Key)
	})
}

// candidates returns the bundles of one incarnation that may go.
func candidates(bundles []stored, need Need, paged uint64, before time.Time) []stored {
	slices.SortFunc(bundles, func(a, b stored) int { return cmp.Compare(a.sequence, b.sequence) })
	var found []stored
	for n, s := range bundles {
		if n >= len(bundles)-InFlight-1 || s.modified.After(before) {
			break
		}
		if need.None || s.sequence < need.From && s.sequence < paged {
			found = append(found, s)
		}
	}
	return found
}

// doomed returns what goes in this pass: what the pass before had found too, the oldest first and no
// more than the brake allows.
func (c *Collector) doomed(found []stored, total int) []stored {
	now := make(map[string]bool, len(found))
	var out []stored
	for _, s := range found {
		now[s.key] = true
		if c.before[s.key] {
			out = append(out, s)
		}
	}
	c.before = now
	slices.SortFunc(out, func(a, b stored) int { return a.modified.Compare(b.modified) })
	if most := max(c.cfg.Least, total/10); len(out) > most {
		c.cfg.Log.Warn("there is much to collect; the brake lets some of it go now and the rest later", "found", len(out), "now", most)
		out = out[:most]
	}
	return out
}
