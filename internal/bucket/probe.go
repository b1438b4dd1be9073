package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
)

// ErrLies is returned by Probe for a store that does not keep its promises.
var ErrLies = errors.New("this store does not honour conditional writes, so Mayfly would lose or mix up what it keeps there: " +
	"use a store that does, such as Amazon S3, MinIO, Ceph, Cloudflare R2, versitygw or a local directory")

// probeWriters is how many write at once.
const probeWriters = 6

// Probe proves that a bucket honours conditional writes: of several writers that want an object to be
// absent, and of several that want to replace the same version, exactly one must win; a version that
// is gone must not be replaced. It returns ErrLies if that is not so, and other errors as they come.
func Probe(ctx context.Context, b Bucket) error {
	var name [8]byte
	rand.Read(name[:])
	key := "probe/" + hex.EncodeToString(name[:])
	// What is left behind by a probe that was cut short is a few bytes.
	defer b.Delete(context.WithoutCancel(ctx), key)

	first, err := probeRace(ctx, "put an absent object", func(body Body) (ETag, error) { return b.PutIfAbsent(ctx, key, body) })
	if err != nil {
		return err
	}
	second, err := probeRace(ctx, "replace one version", func(body Body) (ETag, error) { return b.PutIfMatch(ctx, key, body, first) })
	if err != nil {
		return err
	}
	if first == second {
		return fmt.Errorf("two versions have the same ETag: %w", ErrLies)
	}
	if _, err = b.PutIfMatch(ctx, key, Bytes([]byte("stale")), first); err == nil {
		return fmt.Errorf("a version that was gone could be replaced: %w", ErrLies)
	} else if !errors.Is(err, ErrPrecondition) {
		return fmt.Errorf("probe the bucket: %w", err)
	}
	o, err := b.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("probe the bucket: read back: %w", err)
	}
	if o.ETag != second {
		return fmt.Errorf("what was written last was not read back: %w", ErrLies)
	}
	return nil
}

// probeRace lets several writers race, each with bytes of its own, and returns the winner's ETag. An
// answer that did not come makes the whole probe fail, because then nobody knows who won.
func probeRace(ctx context.Context, what string, put func(Body) (ETag, error)) (ETag, error) {
	var tags [probeWriters]ETag
	var errs [probeWriters]error
	var group sync.WaitGroup
	for i := range probeWriters {
		group.Go(func() { tags[i], errs[i] = put(Bytes(fmt.Appendf(nil, "%s, writer %d", what, i))) })
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	winners := 0
	var winner ETag
	for i := range errs {
		switch {
		case errs[i] == nil:
			winners++
			winner = tags[i]
		case !errors.Is(errs[i], ErrPrecondition):
			return "", fmt.Errorf("probe the bucket: %s: %w", what, errs[i])
		}
	}
	if winners != 1 {
		return "", fmt.Errorf("%s: %d of %d writers at once were told that they won, want 1: %w", what, winners, probeWriters, ErrLies)
	}
	return winner, nil
}
