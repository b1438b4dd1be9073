package bundle

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// bundleHead is where the writing of an incarnation stands.
type bundleHead struct {
	next   uint64   // number behind the newest bundle that counts
	names  []string // the witnesses that this bundle names
	fenced bool     // next is a fence
}

// Newest returns the number behind the newest bundle of an incarnation, to see whether it still writes.
func Newest(ctx context.Context, b bucket.Bucket, i Incarnation) (uint64, error) {
	at, err := head(ctx, b, i)
	return at.next, err
}

// Named returns the witnesses that the newest bundle of an incarnation names.
func Named(ctx context.Context, b bucket.Bucket, i Incarnation) ([]string, error) {
	at, err := head(ctx, b, i)
	return at.names, err
}

// head finds where the writing of an incarnation stands. Unlike Scan it reads no index but the last ones'.
func head(ctx context.Context, b bucket.Bucket, i Incarnation) (at bundleHead, err error) {
	numbers, next, err := listed(ctx, b, i)
	if err != nil {
		return at, err
	}
	for at.next = next; len(numbers) > 0 && numbers[0] == at.next; numbers = numbers[1:] {
		at.next++
	}
	// The first fence lies among the last few.
	for n := at.next - min(at.next, InFlight+1); n < at.next; n++ {
		x, err := ReadIndex(ctx, b, i.Key(n))
		if errors.Is(err, bucket.ErrNotFound) {
			continue // collected
		}
		if err != nil {
			return at, err
		}
		if x.Fence != "" {
			at.next, at.fenced = n, true
			return at, nil
		}
		at.names = x.Witnesses
	}
	return at, nil
}

// paged returns the number behind the bundles that are covered by index pages.
func paged(ctx context.Context, b bucket.Bucket, i Incarnation) (next uint64, err error) {
	err = bucket.All(ctx, b, i.pagePrefix(), func(e bucket.Entry) error {
		if _, last, ok := strings.Cut(e.Key[strings.LastIndexByte(e.Key, '/')+1:], "-"); ok {
			if n, err := strconv.ParseUint(last, 16, 64); err == nil {
				next = max(next, n+1)
			}
		}
		return nil
	})
	return next, err
}

// listed lists the bundles that are not covered by index pages, and the number behind those that are.
func listed(ctx context.Context, b bucket.Bucket, i Incarnation) (numbers []uint64, next uint64, err error) {
	if next, err = paged(ctx, b, i); err != nil {
		return nil, 0, err
	}
	after := ""
	if next > 0 {
		after = i.Key(next - 1)
	}
	for {
		pg, err := b.List(ctx, i.prefix(), after, 0)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range pg.Entries {
			n, err := parseSequence(e.Key)
			if err != nil {
				return nil, 0, err
			}
			numbers = append(numbers, n)
		}
		if after = pg.Next; after == "" {
			break
		}
	}
	slices.Sort(numbers)
	return numbers, next, nil
}
