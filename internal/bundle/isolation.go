package bundle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	// isolatedAfter is how long a writer must have been without the bucket and without any witness to
	// hold back what it has when the bucket is back.
	isolatedAfter = 3 * time.Second
	// isolatedHold is how long it does. Others that ended it by word meanwhile have written their fence
	// by then.
	isolatedHold = 3 * time.Second
	probeEvery   = 500 * time.Millisecond
)

// isolation is the state of a writer that has been without the bucket and its witnesses for a while: the
// others may have ended it. It must not land what they do not count, so it looks before it writes.
type isolation struct {
	on      bool
	probing bool
	probed  time.Time
	answers time.Time // since when the bucket answers; zero if it does not
}

// answered takes the answer to a probe: whether the next number is free. Only a fence is an error.
func (i *isolation) answered(err error, now time.Time) error {
	i.probing = false
	switch {
	case errors.Is(err, ErrFenced):
		return err
	case err != nil:
		i.answers = time.Time{}
	case i.answers.IsZero():
		i.answers = now
	}
	return nil
}

// holdsBack reports whether bundles wait because this writer was isolated, and probes the bucket then.
func (f *Flusher) holdsBack(ctx context.Context, now time.Time) bool {
	f.mu.Lock()
	gone := f.safety.exact() && len(f.safety.held) == 0
	away := f.away
	f.mu.Unlock()
	i := &f.alone
	if !i.on && gone && !away.IsZero() && now.Sub(away) > isolatedAfter {
		*i = isolation{on: true}
	}
	if !i.on {
		return false
	}
	if !gone || !i.answers.IsZero() && now.Sub(i.answers) >= isolatedHold || len(f.queue) == 0 {
		*i = isolation{}
		return false
	}
	if !i.probing && now.Sub(i.probed) >= probeEvery && f.inFlight < InFlight {
		i.probing, i.probed = true, now
		f.inFlight++
		key := f.cfg.Incarnation.Key(f.queue[0].sequence)
		go func() { f.results <- result{nil, free(ctx, f.cfg.Bucket, key)} }()
	}
	return true
}

// free returns nil if a number is not taken, or is by a bundle; ErrFenced if by a fence.
func free(ctx context.Context, b bucket.Bucket, key string) error {
	x, err := ReadIndex(ctx, b, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil
	case err != nil:
		return err
	case x.Fence != "":
		return fmt.Errorf("bundle %s: fenced by %s: %w", key, x.Fence, ErrFenced)
	}
	return nil
}
