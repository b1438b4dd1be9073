package bundle

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestDurable acknowledges what is in bundles and, when a fence is met, nothing more.
func TestDurable(t *testing.T) {
	flush(t, t.TempDir(), 0, 0, func(x *flushing) {
		o := &counted{take: media.TakeID{1}}
		first := o.append(x.f)
		start := time.Now()
		if err := x.f.Durable(x.t.Context(), first); err != nil || time.Since(start) < 500*time.Millisecond {
			x.t.Errorf("durable after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(x.t.Context(), 10*time.Millisecond)
		if err := x.f.Durable(ctx, o.append(x.f)); !errors.Is(err, context.DeadlineExceeded) || len(x.f.sworn) > 0 {
			x.t.Errorf("a bundle that is not full is durable at once: %v, %d wait", err, len(x.f.sworn))
		}
		cancel()
		time.Sleep(time.Second)
		if _, err := Recover(x.t.Context(), bucket.NewDocuments(x.faulty), x.inc, "other", Known{Word: ExactWord}); err != nil {
			x.t.Fatal(err)
		}
		late := o.append(x.f)
		if err := x.f.Durable(x.t.Context(), late); !errors.Is(err, ErrFenced) {
			x.t.Errorf("what was thrown away: %v, want %v", err, ErrFenced)
		}
		if err := x.f.Durable(x.t.Context(), late); !errors.Is(err, ErrFenced) {
			x.t.Errorf("asked again: %v, want %v", err, ErrFenced)
		}
		if err := x.f.Durable(x.t.Context(), first); err != nil {
			x.t.Errorf("what lies below the fence: %v", err)
		}
	})
}

// TestDurableByWitnesses acknowledges while the bucket is away what two witnesses hold that a bundle names.
func TestDurableByWitnesses(t *testing.T) {
	for _, named := range []bool{true, false} {
		flush(t, t.TempDir(), 0, 0, func(x *flushing) {
			o := &counted{take: media.TakeID{1}}
			a, b := newWatcher(x.t, "a", x.inc), newWatcher(x.t, "b", x.inc)
			defer func() { a.hangUp(); b.hangUp(); a.spool.Close(); b.spool.Close() }()
			x.faulty.Down(!named)
			o.append(x.f)
			a.follow(x.f, nil)
			b.follow(x.f, nil)
			time.Sleep(time.Second)
			x.f.Name([]string{"a", "b"})
			time.Sleep(time.Second)
			x.faulty.Down(true)
			o.append(x.f)
			time.Sleep(3 * time.Second)
			ctx, cancel := context.WithTimeout(x.t.Context(), time.Second)
			defer cancel()
			if err := x.f.Durable(ctx, o.append(x.f)); (err == nil) != named {
				x.t.Errorf("named in a bundle: %v; two hold it: %v", named, err)
			}
			if b.hangUp(); named {
				ctx, cancel := context.WithTimeout(x.t.Context(), time.Second)
				defer cancel()
				if err := x.f.Durable(ctx, o.append(x.f)); !errors.Is(err, context.DeadlineExceeded) {
					x.t.Errorf("one witness holds it: %v", err)
				}
			}
		})
	}
}
