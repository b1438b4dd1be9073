package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// send begins to write the oldest bundles that are not on their way, up to InFlight.
func (f *Flusher) send(ctx context.Context, now time.Time) {
	if f.holdsBack(ctx, now) {
		return
	}
	for i := 0; i < len(f.queue) && i < InFlight && f.inFlight < InFlight; i++ {
		b := f.queue[i]
		if b.sending || b.landed || now.Before(b.retryAt) {
			continue
		}
		if !b.spooled && f.cfg.Spool.Keeps() && b.body != nil {
			// A copy in the page cache outlives this process, and serves what is listed while the bucket is away.
			if err := f.cfg.Spool.Write(f.cfg.Incarnation, b.sequence, b.body, false); err != nil {
				f.cfg.Log.Warn("keep bundle in spool", "sequence", b.sequence, "error", err)
			}
		}
		b.sending = true
		f.inFlight++
		go func(body bucket.Body) {
			f.results <- result{b, f.put(ctx, b.sequence, body)}
		}(b.body)
	}
}

// put writes a bundle under its number. A number that is taken is ours, if an answer was lost, or it
// is the fence.
func (f *Flusher) put(ctx context.Context, sequence uint64, body bucket.Body) error {
	key := f.cfg.Incarnation.Key(sequence)
	if body == nil {
		data, err := f.cfg.Spool.Read(f.cfg.Incarnation, sequence)
		if err != nil {
			return err
		}
		body = bucket.Bytes(data)
	}
	_, err := f.cfg.Bucket.PutIfAbsent(ctx, key, body)
	if err == nil || !errors.Is(err, bucket.ErrPrecondition) {
		return err
	}
	return checkOwn(ctx, f.cfg.Bucket, key, body)
}

// checkOwn returns nil if the object is what body says, ErrFenced if it is a fence.
func checkOwn(ctx context.Context, b bucket.Bucket, key string, body bucket.Body) error {
	o, err := b.Get(ctx, key)
	if err != nil {
		return err
	}
	if equal(body, o.Data) {
		return nil
	}
	if x, _, err := DecodeIndex(o.Data); err == nil && x != nil && x.Fence != "" {
		return fmt.Errorf("bundle %s: fenced by %s: %w", key, x.Fence, ErrFenced)
	}
	return fmt.Errorf("bundle %s: another writer uses this incarnation: %w", key, ErrFenced)
}

func equal(body bucket.Body, data []byte) bool {
	if body.Len() != int64(len(data)) {
		return false
	}
	for _, s := range body {
		if !bytes.Equal(s, data[:len(s)]) {
			return false
		}
		data = data[len(s):]
	}
	return true
}

// landed notes how a write ended. Only the end of the incarnation is an error.
func (f *Flusher) landed(r result) error {
	b := r.flight
	b.sending = false
	switch {
	case r.err == nil:
		b.landed = true // its body stays until all before it have landed: a new witness needs it
		f.back()
		if f.cfg.Flushed != nil {
			f.cfg.Flushed(b.sequence, b.records, b.size, time.Since(b.since))
		}
		f.acknowledge()
		return nil
	case errors.Is(r.err, ErrFenced):
		return r.err
	case errors.Is(r.err, context.Canceled):
		return nil
	}
	b.retry = min(max(2*b.retry, firstRetry), lastRetry)
	b.retryAt = time.Now().Add(b.retry)
	f.mu.Lock()
	first := f.away.IsZero()
	if first {
		f.away = b.made
	}
	f.mu.Unlock()
	if first {
		f.cfg.Log.Warn("the bucket does not take bundles; they are kept and written when it is back", "error", r.err)
	}
	return nil
}

// back notes that the bucket answers.
func (f *Flusher) back() {
	f.mu.Lock()
	away := f.away
	f.away, f.full = time.Time{}, false
	f.mu.Unlock()
	if !away.IsZero() {
		f.cfg.Log.Info("the bucket takes bundles again", "away", time.Since(away).Round(time.Millisecond))
	}
}

// spool syncs bundles to the spool that have waited too long, or that are too much for memory, so
// that they are safe and leave memory. It returns how long nothing more will be due.
func (f *Flusher) spool(now time.Time) time.Duration {
	due := time.Hour
	for _, b := range f.queue {
		if b.landed || b.spooled {
			continue
		}
		f.mu.Lock()
		late := f.held > f.cfg.MaxMemory || !f.away.IsZero()
		f.mu.Unlock()
		if wait := b.made.Add(f.cfg.Patience).Sub(now); wait > 0 && !late {
			due = min(due, wait)
			continue
		}
		if err := f.cfg.Spool.Write(f.cfg.Incarnation, b.sequence, b.body, true); err != nil {
			f.spoolFailed(b, err)
			return min(due, f.cfg.Patience)
		}
		b.spooled = true
		b.body = nil // a write on its way has its own hold on it
		f.hold(-b.size)
		f.mu.Lock()
		f.full = false
		f.mu.Unlock()
	}
	return due
}

func (f *Flusher) spoolFailed(b *flight, err error) {
	f.mu.Lock()
	full := f.held > f.cfg.MaxMemory
	changed := full && !f.full
	f.full = full
	f.mu.Unlock()
	if changed {
		f.cfg.Log.Error("neither the bucket nor the spool takes media: publishers are refused until one does", "sequence", b.sequence, "error", err)
	}
}
