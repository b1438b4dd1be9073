package library

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// sweepRecordings removes recordings that are older than their channel wants, or too many, the bytes of those that were
// deleted, and everything of deleted channels. It also picks up what a node that died has left undone.
func (l *Library) sweepRecordings(ctx context.Context) error {
	days := map[string]int{}
	if l.cfg.Channels != nil {
		for _, c := range l.cfg.Channels() {
			days[c.ID] = c.RecordDays
		}
	}
	return l.eachArchive(ctx, func(a *archive) error {
		if lives, known := l.cfg.Lives(a.Channel); !lives && known {
			return l.removeArchive(ctx, a)
		}
		for _, id := range a.surplus(days[a.Channel], l.cfg.Recordings, l.now()) {
			l.log.Info("a recording is deleted to keep to what its channel may keep", "channel", a.Channel, "recording", id)
			if err := l.DeleteRecording(ctx, a.Channel, id); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		for i := range a.Recordings {
			r := &a.Recordings[i]
			switch {
			case r.Clip != "":
				if err := l.sweepHold(ctx, a.Channel, r); err != nil {
					return err
				}
			case r.State == Kept && !r.Open:
				if err := l.gather(ctx, a.Channel, r.ID); err != nil {
					return err
				}
			}
		}
		for _, g := range a.Gone {
			if err := l.removeRecording(ctx, a.Channel, g.Clip); err != nil {
				return err
			}
			if _, err := l.updateArchive(ctx, a.Channel, func(a *archive) error {
				a.Gone = slices.DeleteFunc(a.Gone, func(other gone) bool { return other.Clip == g.Clip })
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// surplus names the recordings that go: those older than so many days, and the oldest as long as they are too much. What
// is being made of the program stays.
func (a *archive) surplus(days int, bytes int64, now time.Time) (ids []string) {
	used := a.used()
	for _, r := range slices.Backward(a.Recordings) {
		if r.Open || r.Clip != "" {
			continue
		}
		if days > 0 && now.Sub(r.End) > time.Duration(days)*24*time.Hour || used > bytes {
			ids = append(ids, r.ID)
			used -= r.size()
		}
	}
	return ids
}

// sweepHold removes what was kept for a clip that is not made any more.
func (l *Library) sweepHold(ctx context.Context, channel string, r *Recording) error {
	if l.now().Sub(r.End) < time.Hour {
		return nil // its clip may only just be added
	}
	if _, err := bucket.Load[job](ctx, l.docs, jobKey(r.Clip)); !errors.Is(err, bucket.ErrNotFound) {
		return err
	}
	err := l.DeleteRecording(ctx, channel, r.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// removeRecording removes all bytes of a recording that was deleted.
func (l *Library) removeRecording(ctx context.Context, channel, id string) error {
	p, err := l.passages(ctx, channel, id)
	if err != nil {
		return err
	}
	if err := l.removeIndexes(ctx, &p); err != nil {
		return err
	}
	if err := l.remove(ctx, clipPrefix(channel, id)); err != nil {
		return err
	}
	return l.bucket.Delete(ctx, passagesKey(channel, id))
}

// removeArchive removes all recordings of a channel that was deleted, the list last.
func (l *Library) removeArchive(ctx context.Context, a *archive) error {
	for i := range a.Recordings {
		if err := l.removeRecording(ctx, a.Channel, a.Recordings[i].ID); err != nil {
			return err
		}
	}
	for _, g := range a.Gone {
		if err := l.removeRecording(ctx, a.Channel, g.Clip); err != nil {
			return err
		}
	}
	return l.bucket.Delete(ctx, archiveKey(a.Channel))
}
