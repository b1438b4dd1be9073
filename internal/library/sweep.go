package library

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// sweeping is the document that says who removes what is left over.
type sweeping struct {
	Lease lease     `json:"lease,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

const (
	sweepKey = "jobs/sweep"
	// abandonedAfter is how long a file may be on its way without a byte more.
	abandonedAfter = 48 * time.Hour
)

// sweep removes what is left over, on one node for all: the bytes of deleted clips, files that nobody goes on sending,
// and everything of deleted channels.
func (l *Library) sweep(ctx context.Context) error {
	due := func(s *sweeping) error {
		if l.now().Sub(s.Last) < sweepEvery/2 {
			return errHeld
		}
		return s.Lease.take(l.cfg.Node, l.now())
	}
	if s, err := bucket.Load[sweeping](ctx, l.docs, sweepKey); err == nil {
		if due(&s) != nil {
			return nil // without writing anything
		}
	}
	s, err := bucket.Update(ctx, l.docs, sweepKey, due)
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	// What another node removes at the same time is removed, so the lease need not be kept.
	err = l.sweepAll(ctx)
	_, updateErr := bucket.Update(ctx, l.docs, sweepKey, func(now *sweeping) error {
		now.Last = l.now()
		return now.Lease.release(l.cfg.Node, s.Lease.Term)
	})
	if errors.Is(updateErr, errLost) {
		updateErr = nil
	}
	return errors.Join(err, updateErr)
}

func (l *Library) sweepAll(ctx context.Context) error {
	return errors.Join(l.sweepShelves(ctx), l.sweepRecordings(ctx), l.sweepFeeds(ctx))
}

func (l *Library) sweepShelves(ctx context.Context) error {
	return bucket.All(ctx, l.bucket, shelfPrefix, func(e bucket.Entry) error {
		rest, ok := strings.CutSuffix(e.Key, "/clips")
		if !ok {
			return nil
		}
		channel := strings.TrimPrefix(rest, shelfPrefix)
		s, err := bucket.LoadListed[shelf](ctx, l.docs, e)
		if err != nil {
			return err
		}
		// One that nobody knows may only just have been made.
		if lives, known := l.cfg.Lives(channel); !lives && (known || l.now().Sub(e.Modified) > abandonedAfter) {
			return l.removeChannel(ctx, channel, &s)
		}
		return l.sweepShelf(ctx, channel, &s)
	})
}

// sweepShelf removes what is left over of one channel.
func (l *Library) sweepShelf(ctx context.Context, channel string, s *shelf) error {
	for i := range s.Clips {
		c := &s.Clips[i]
		if c.State == Uploading && l.now().Sub(c.Created) > abandonedAfter {
			if err := l.abandon(ctx, channel, c); err != nil {
				return err
			}
		}
	}
	for _, g := range s.Gone {
		if err := l.removeClip(ctx, channel, g); err != nil {
			return err
		}
		if _, err := l.updateShelf(ctx, channel, func(s *shelf) error {
			s.Gone = slices.DeleteFunc(s.Gone, func(other gone) bool { return other.Clip == g.Clip })
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// abandon ends a file of which nothing has come for long.
func (l *Library) abandon(ctx context.Context, channel string, c *Clip) error {
	newest := c.Created
	if err := bucket.All(ctx, l.bucket, uploadKey(channel, c.ID), func(e bucket.Entry) error {
		if e.Modified.After(newest) {
			newest = e.Modified
		}
		return nil
	}); err != nil {
		return err
	}
	if l.now().Sub(newest) < abandonedAfter {
		return nil
	}
	l.log.Info("a file that nobody goes on sending is given up", "channel", channel, "clip", c.ID)
	err := l.Delete(ctx, channel, c.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// removeClip removes all bytes of a clip that was deleted.
func (l *Library) removeClip(ctx context.Context, channel string, g gone) error {
	if !g.Take.IsZero() {
		if err := l.bucket.Delete(ctx, indexKey(g.Take)); err != nil {
			return err
		}
	}
	for _, prefix := range []string{uploadKey(channel, g.Clip), clipPrefix(channel, g.Clip)} {
		if err := l.remove(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

// removeChannel removes everything of a channel that was deleted, its shelf last.
func (l *Library) removeChannel(ctx context.Context, channel string, s *shelf) error {
	for i := range s.Clips {
		if err := l.removeClip(ctx, channel, gone{Clip: s.Clips[i].ID, Take: s.Clips[i].Take}); err != nil {
			return err
		}
	}
	for _, g := range s.Gone {
		if err := l.removeClip(ctx, channel, g); err != nil {
			return err
		}
	}
	if err := l.bucket.Delete(ctx, boardsKey(channel)); err != nil {
		return err
	}
	return l.bucket.Delete(ctx, shelfKey(channel))
}
