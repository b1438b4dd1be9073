package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults says how often and how a Faulty bucket fails. Probabilities are from 0 to 1.
type Faults struct {
	Error   float64 // the request fails and nothing happened
	Lost    float64 // it happened, but the answer is lost
	Late    float64 // a write is answered as failed and happens later
	Latency time.Duration
	Jitter  time.Duration // at most so much more latency
	LateBy  time.Duration // at most so late; default 1 s
}

// Faulty is a bucket whose requests go wrong in all the ways that requests over a network do. The same
// seed gives the same faults for the same order of requests. Its errors are ErrUnavailable.
type Faulty struct {
	bucket Bucket

	mu     sync.Mutex
	rnd    *rand.Rand
	faults Faults
	down   bool
	late   sync.WaitGroup
}

// NewFaulty makes a faulty bucket of another one.
func NewFaulty(b Bucket, seed uint64, f Faults) *Faulty {
	return &Faulty{bucket: b, rnd: rand.New(rand.NewPCG(seed, seed)), faults: f}
}

// Set changes the faults from now on.
func (f *Faulty) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Down begins or ends a total outage: every request fails, and nothing happens.
func (f *Faulty) Down(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// Settle returns when all late writes have happened.
func (f *Faulty) Settle() { f.late.Wait() }

// fate is what becomes of one request.
type fate struct {
	wait   time.Duration
	fail   bool
	lost   bool
	late   bool
	lateBy time.Duration
}

func (f *Faulty) draw(write bool) fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := fate{wait: f.faults.Latency}
	if f.faults.Jitter > 0 {
		x.wait += time.Duration(f.rnd.Int64N(int64(f.faults.Jitter)))
	}
	by := f.faults.LateBy
	if by <= 0 {
		by = time.Second
	}
	x.lateBy = time.Duration(f.rnd.Int64N(int64(by)))
	switch p := f.rnd.Float64(); {
	case f.down || p < f.faults.Error:
		x.fail = true
	case p < f.faults.Error+f.faults.Lost:
		x.lost = true
	case write && p < f.faults.Error+f.faults.Lost+f.faults.Late:
		x.late = true
	}
	return x
}

// do makes a request that may go wrong. A read that is lost is as good as one that failed.
func (f *Faulty) do(ctx context.Context, write bool, request func(context.Context) error) error {
	x := f.draw(write)
	if x.wait > 0 {
		select {
		case <-time.After(x.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case x.fail:
		return fmt.Errorf("injected: nothing happened: %w", ErrUnavailable)
	case x.late:
		f.late.Go(func() {
			time.Sleep(x.lateBy)
			request(context.WithoutCancel(ctx)) // nobody is there to be told
		})
		return fmt.Errorf("injected: it may happen later: %w", ErrUnavailable)
	}
	err := request(ctx)
	if x.lost && !errors.Is(err, ErrInvalidKey) {
		return fmt.Errorf("injected: the answer is lost: %w", ErrUnavailable)
	}
	return err
}

// Get reads a whole object.
func (f *Faulty) Get(ctx context.Context, key string) (o Object, err error) {
	err = f.do(ctx, false, func(ctx context.Context) (err error) {
		o, err = f.bucket.Get(ctx, key)
		return err
	})
	return o, err
}

// GetRange reads a stretch of an object.
func (f *Faulty) GetRange(ctx context.Context, key string, offset, length int64) (o Object, err error) {
	err = f.do(ctx, false, func(ctx context.Context) (err error) {
		o, err = f.bucket.GetRange(ctx, key, offset, length)
		return err
	})
	return o, err
}

// write makes a write that may go wrong; a late one must not touch what was returned.
func (f *Faulty) write(ctx context.Context, request func(context.Context) (ETag, error)) (ETag, error) {
	answer := make(chan ETag, 1)
	err := f.do(ctx, true, func(ctx context.Context) error {
		etag, err := request(ctx)
		answer <- etag
		return err
	})
	if err != nil {
		return "", err
	}
	return <-answer, nil
}

// Put writes an object.
func (f *Faulty) Put(ctx context.Context, key string, body Body) (ETag, error) {
	return f.write(ctx, func(ctx context.Context) (ETag, error) { return f.bucket.Put(ctx, key, body) })
}

// PutIfAbsent writes an object if there is none.
func (f *Faulty) PutIfAbsent(ctx context.Context, key string, body Body) (ETag, error) {
	return f.write(ctx, func(ctx context.Context) (ETag, error) { return f.bucket.PutIfAbsent(ctx, key, body) })
}

// PutIfMatch replaces a version of an object.
func (f *Faulty) PutIfMatch(ctx context.Context, key string, body Body, etag ETag) (ETag, error) {
	return f.write(ctx, func(ctx context.Context) (ETag, error) { return f.bucket.PutIfMatch(ctx, key, body, etag) })
}

// Delete removes an object.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.do(ctx, true, func(ctx context.Context) error { return f.bucket.Delete(ctx, key) })
}

// DeleteIfMatch removes a version of an object.
func (f *Faulty) DeleteIfMatch(ctx context.Context, key string, etag ETag) error {
	return f.do(ctx, true, func(ctx context.Context) error { return f.bucket.DeleteIfMatch(ctx, key, etag) })
}

// List returns a stretch of a listing.
func (f *Faulty) List(ctx context.Context, prefix, after string, limit int) (p Page, err error) {
	err = f.do(ctx, false, func(ctx context.Context) (err error) {
		p, err = f.bucket.List(ctx, prefix, after, limit)
		return err
	})
	return p, err
}
