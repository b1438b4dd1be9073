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
// address reaches any more. Run again it finds nothing to do; after an error it is to be run again. However long the
// incarnation has run, no more than some of its index pages are in memory.
func Blank(ctx context.Context, b bucket.Bucket, i Incarnation, gone func(*media.Take) bool) (written int, err error) {
	takes := map[media.TakeID]bool{}
	there := lister{bucket: b, prefix: i.prefix()}
	_, _, err = walk(ctx, b, i, func(s Scanned) error {
		parts := goneParts(s.Index.Records, takes, gone)
		if len(parts) == 0 {
			return nil
		}
		key := i.Key(s.Sequence)
		if is, err := there.has(ctx, key); err != nil || !is {
			return err
		}
		changed, err := blank(ctx, b, key, parts)
		if err != nil {
			return fmt.Errorf("bundle %s: %w", key, err)
		}
		if changed {
			written++
		}
		return nil
	})
	if err != nil {
		return written, fmt.Errorf("blank %s: %w", i, err)
	}
	return written, nil
}

// goneParts returns the parts of a bundle that are to be blanked. It notes which takes begin in it that are: the birth of a
// take comes before its parts.
func goneParts(records []Record, takes map[media.TakeID]bool, gone func(*media.Take) bool) (parts []*PartRecord) {
	for n := range records {
		switch r := &records[n]; {
		case r.Kind == KindBirth && gone(r.Birth):
			takes[r.Take] = true
		case r.Kind == KindPart && takes[r.Take]:
			parts = append(parts, &r.Part)
		}
	}
	return parts
}

// lister says whether objects with a prefix are there. It is asked in the order of their keys, and holds one page of the
// listing.
type lister struct {
	bucket bucket.Bucket
	prefix string
	page   []bucket.Entry
	next   string
	begun  bool
}

func (l *lister) has(ctx context.Context, key string) (bool, error) {
	for {
		for len(l.page) > 0 && l.page[0].Key < key {
			l.page = l.page[1:]
		}
		if len(l.page) > 0 || l.begun && l.next == "" {
			return len(l.page) > 0 && l.page[0].Key == key, nil
		}
		pg, err := l.bucket.List(ctx, l.prefix, l.next, 0)
		if err != nil {
			return false, err
		}
		l.page, l.next, l.begun = pg.Entries, pg.Next, true
	}
}

// blank does it in one bundle. One that is collected meanwhile is none any more.
func blank(ctx context.Context, b bucket.Bucket, key string, parts []*PartRecord) (changed bool, err error) {
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
