package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// blankEvery is how often it is looked whether media of deleted channels is to be overwritten.
	blankEvery = time.Hour
	// blankAfter is how long after a channel was deleted its media may be: most of it is collected by then.
	blankAfter = 24 * time.Hour
	// blankLatest is how long it waits at most, so that many channels are done at once: all index pages are read for it.
	blankLatest = 3 * 24 * time.Hour
)

// blanked is the document that says that no bundle has media of a deleted channel any more, `gone/{channel}`.
type blanked struct {
	At time.Time `json:"at"`
}

func goneKey(id string) string { return "gone/" + id }

// blank overwrites media of deleted channels that the collector cannot delete, because others have media that is kept in
// the same bundles, and has what was prepared in them removed. One node does it for all.
func (s *Station) blank(ctx context.Context) error {
	t := time.NewTicker(blankEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if s.fleet != nil && !s.fleet.collects() {
				continue
			}
			if err := s.blankAll(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("media of deleted channels could not be overwritten; it is tried again within an hour", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// blankAll does it once. An incarnation that cannot be read does not keep it from the others; the channels are done when
// all could be.
func (s *Station) blankAll(ctx context.Context) error {
	due, err := s.due(ctx)
	if err != nil || len(due) == 0 {
		return err
	}
	b := s.cfg.Docs.Bucket()
	all, err := bundle.Incarnations(ctx, b)
	if err != nil {
		return err
	}
	written := 0
	var failed []error
	for _, i := range all {
		n, err := bundle.Blank(ctx, b, i, func(t *media.Take) bool {
			return slices.ContainsFunc(due, func(g channel.Gone) bool { return g.ID == whose(t.Channel) })
		})
		if written += n; errors.Is(err, bucket.ErrUnavailable) || ctx.Err() != nil {
			return errors.Join(append(failed, err)...) // the others fare no better
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	for _, g := range due {
		if s.cfg.Removed != nil {
			if err := s.cfg.Removed(ctx, g.ID); err != nil {
				failed = append(failed, fmt.Errorf("remove what is kept of channel %s: %w", g.ID, err))
			}
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	for _, g := range due {
		if err := bucket.Create(ctx, s.cfg.Docs, goneKey(g.ID), blanked{time.Now().UTC()}); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("note that the media of channel %s is gone: %w", g.ID, err)
		}
	}
	s.log.Info("no media of deleted channels is left", "channels", len(due), "overwritten in bundles", written)
	return nil
}

// due returns the deleted channels whose media may still be in bundles, once one of them has waited for long.
func (s *Station) due(ctx context.Context) ([]channel.Gone, error) {
	age := func(g channel.Gone) time.Duration { return time.Since(g.Deleted) }
	due := slices.DeleteFunc(s.cfg.Channels.Gone(), func(g channel.Gone) bool { return age(g) < blankAfter })
	late := func(g channel.Gone) bool { return age(g) > blankLatest }
	if !slices.ContainsFunc(due, late) {
		return nil, nil
	}
	done := map[string]bool{}
	err := bucket.All(ctx, s.cfg.Docs.Bucket(), goneKey(""), func(e bucket.Entry) error {
		done[strings.TrimPrefix(e.Key, goneKey(""))] = true
		return nil
	})
	if due = slices.DeleteFunc(due, func(g channel.Gone) bool { return done[g.ID] }); !slices.ContainsFunc(due, late) {
		return nil, err
	}
	return due, err
}
