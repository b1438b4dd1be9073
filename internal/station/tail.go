package station

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// bucketTail is what the bucket says of an incarnation that writes and that no node can be asked for:
// the mesh does not reach it. It is read once, however many takes are followed.
type bucketTail struct {
	incarnation bundle.Incarnation

	reading latch // one reads it at a time
	found   []bundle.Scanned
	next    uint64
	polled  time.Time
	used    time.Time
}

// tailed takes in what the bucket has of a take, and reports whether that has ended.
func (f *fleet) tailed(ctx context.Context, p *Program, x **take.Replica, e *program.Entry, i bundle.Incarnation) bool {
	f.mu.Lock()
	t := f.tails[i.String()]
	if t == nil {
		t = &bucketTail{incarnation: i, reading: newLatch()}
		f.tails[i.String()] = t
	}
	f.mu.Unlock()
	list, err := t.poll(ctx, f.station.cfg.Docs.Bucket())
	if err != nil {
		return false
	}
	if *x == nil {
		for n := range list {
			for r := range list[n].Index.Records {
				if rec := &list[n].Index.Records[r]; rec.Kind == bundle.KindBirth && rec.Take == e.Take {
					*x = take.NewReplica(rec.Birth, p.logChanged)
					f.station.store.Add((*x).Log())
				}
			}
		}
	}
	return *x != nil && (*x).Bundles(list)
}

// poll returns the indexes of all bundles so far. The list only grows.
func (t *bucketTail) poll(ctx context.Context, b bucket.Bucket) ([]bundle.Scanned, error) {
	t.reading.lock()
	defer t.reading.unlock()
	now := time.Now()
	t.used = now
	if now.Sub(t.polled) < tailEvery {
		return t.found, nil
	}
	t.polled = now
	if t.next == 0 {
		found, next, _, err := bundle.Scan(ctx, b, t.incarnation)
		if err == nil {
			t.found, t.next = found, next
		}
		return t.found, err
	}
	for {
		x, err := bundle.ReadIndex(ctx, b, t.incarnation.Key(t.next))
		if errors.Is(err, bucket.ErrNotFound) || err == nil && x.Fence != "" {
			return t.found, nil // behind a fence it is the seal that says what counts
		}
		if err != nil {
			return t.found, err
		}
		t.found = append(t.found, bundle.Scanned{Sequence: t.next, Index: x})
		t.next++
	}
}

// endedTime is how long it is remembered that an incarnation was ended, or that this was tried.
const endedTime = time.Hour

// tidyTails forgets the incarnations that are followed in another way again.
func (f *fleet) tidyTails() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, t := range f.tails {
		if !t.reading.try() {
			continue // somebody uses it just now, and may wait for the bucket
		}
		if time.Since(t.used) > wantedFor {
			delete(f.tails, name)
		}
		t.reading.unlock()
	}
	for _, times := range []map[string]time.Time{f.ending, f.elsewhere} {
		maps.DeleteFunc(times, func(_ string, at time.Time) bool { return time.Since(at) > endedTime })
	}
	for name, at := range f.trying {
		if time.Since(at) > endedTime {
			delete(f.trying, name)
			if f.soft[name].kept {
				delete(f.soft, name)
			}
		}
	}
	for name, h := range f.holders {
		if h.Clear(time.Now()) {
			delete(f.holders, name)
		}
	}
}
