package bundle

import (
	"context"
	"slices"
)

// oath is who waits until a line is durable.
type oath struct {
	line uint64
	done chan struct{}
}

// Durable waits until a record that Append took in may be acknowledged to a publisher who forgets it
// then (see "Acks" in the design): it and all before it are in bundles below any fence, or, while the
// bucket is away, held by two witnesses. An error says that this did not happen and will not.
func (f *Flusher) Durable(ctx context.Context, line uint64) error {
	f.mu.Lock()
	if f.safety.stored >= line || f.dead != nil {
		defer f.mu.Unlock()
		return f.broken(line)
	}
	o := oath{line, make(chan struct{})}
	f.sworn = append(f.sworn, o)
	f.mu.Unlock()
	f.rouse()
	select {
	case <-o.done:
	case <-ctx.Done():
		f.mu.Lock()
		f.sworn = slices.DeleteFunc(f.sworn, func(x oath) bool { return x.done == o.done })
		f.mu.Unlock()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken(line)
}

// broken says why a line that was waited for will not become durable, if so; the lock is held.
func (f *Flusher) broken(line uint64) error {
	if f.dead != nil && f.safety.durable(!f.away.IsZero()) < line {
		return f.dead
	}
	return nil
}

// release tells those whose lines are durable; the lock is held.
func (f *Flusher) release() {
	if len(f.sworn) == 0 {
		return
	}
	durable := f.safety.durable(!f.away.IsZero())
	f.sworn = slices.DeleteFunc(f.sworn, func(o oath) bool {
		if o.line > durable {
			return false
		}
		close(o.done)
		return true
	})
}

// die notes that the incarnation has ended: what is not durable now will not be acknowledged.
func (f *Flusher) die(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = err
	for _, o := range f.sworn {
		close(o.done)
	}
	f.sworn = nil
}
