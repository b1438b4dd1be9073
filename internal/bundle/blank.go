package bundle

import (
	"context"
	"errors"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Blank writes zeros in the place of what takes have in those bundles of an incarnation that are still there. Everything
// else of a bundle stays where and as it is, the index too: what others have in it is read as before. It returns how many
// bundles it wrote. It is the one exception to what bundles promise, that their bytes never change, and for takes that no
// address reaches any more. Run again it finds nothing to do; after an error it is to be run again.
func Blank(ctx context.Context, b bucket.Bucket, i Incarnation, gone func(*media.Take) bool) (written int, err error) {
	found, _, _, err := Scan(ctx, b, i)
	if err != nil {
		return 0, fmt.Errorf("blank: %w", err)
	}
	takes := map[media.TakeID]bool{}
	for _, s := range found {
		for n := range s.Index.Records {
			if r := &s.Index.Records[n]; r.Kind == KindBirth && gone(r.Birth) {
				takes[r.Take] = true
			}
		}
	}
	if len(takes) == 0 {
		return 0, nil
	}
	there := map[string]bool{}
	if err := bucket.All(ctx, b, i.prefix(), func(e bucket.Entry) error { there[e.Key] = true; return nil }); err != nil {
		return 0, fmt.Errorf("blank: %w", err)
	}
	for _, s := range found {
		key := i.Key(s.Sequence)
		if !there[key] {
			continue
		}
		changed, err := blank(ctx, b, key, s.Index.Records, takes)
		if err != nil {
			return written, fmt.Errorf("blank bundle %s: %w", key, err)
		}
		if changed {
			written++
		}
	}
	return written, nil
}

// blank does it in one bundle. One that is collected meanwhile is none any more.
func blank(ctx context.Context, b bucket.Bucket, key string, records []Record, takes map[media.TakeID]bool) (changed bool, err error) {
	var parts []*PartRecord
	for n := range records {
		if r := &records[n]; r.Kind == KindPart && takes[r.Take] {
			parts = append(parts, &r.Part)
		}
	}
	if len(parts) == 0 {
		return false, nil
	}
	o, err := b.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, p := range parts {
		end := uint64(p.Offset) + uint64(p.Length)
		if p.Offset < uint32(len(magic)) || end > uint64(len(o.Data)) {
			return false, corrupt("a part of bytes %d to %d in a bundle of %d", p.Offset, end, len(o.Data))
		}
		for _, c := range o.Data[p.Offset:end] {
			changed = changed || c != 0
		}
		clear(o.Data[p.Offset:end])
	}
	if !changed {
		return false, nil
	}
	if _, err = b.PutIfMatch(ctx, key, bucket.Bytes(o.Data), o.ETag); errors.Is(err, bucket.ErrPrecondition) {
		return false, nil
	}
	return err == nil, err
}

// Incarnations lists the incarnations that have bundles in the bucket.
func Incarnations(ctx context.Context, b bucket.Bucket) ([]Incarnation, error) {
	var all []Incarnation
	err := bucket.All(ctx, b, "media/", func(e bucket.Entry) error {
		if i, _, ok := parseKey(e.Key); ok && (len(all) == 0 || all[len(all)-1] != i) {
			all = append(all, i)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list incarnations: %w", err)
	}
	return all, nil
}
