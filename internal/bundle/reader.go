package bundle

import (
	"context"
	"fmt"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	defaultCache  = 64 << 20
	parallelReads = 8
)

// Reader reads stored media back: from the spool if it has it, else from a cache, else from the
// bucket. However many ask for the same stretch at once, it is fetched once.
type Reader struct {
	bucket bucket.Bucket
	spool  *Spool
	cache  *otter.Cache[Ref, []byte]
}

// NewReader makes a reader whose cache holds up to cacheBytes (0: 64 MiB).
func NewReader(b bucket.Bucket, spool *Spool, cacheBytes int64) *Reader {
	if cacheBytes <= 0 {
		cacheBytes = defaultCache
	}
	return &Reader{bucket: b, spool: spool, cache: otter.Must(&otter.Options[Ref, []byte]{
		MaximumWeight: uint64(cacheBytes),
		Weigher:       func(_ Ref, b []byte) uint32 { return uint32(len(b)) + 64 },
	})}
}

// Read returns the bytes that refs name, a slice for each, in their order.
func (r *Reader) Read(ctx context.Context, refs []Ref) ([][]byte, error) {
	out := make([][]byte, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for i, ref := range refs {
		if b, ok := r.spool.ReadAt(ref); ok {
			out[i] = b
			continue
		}
		group.Go(func() (err error) {
			out[i], err = r.cache.Get(ctx, ref, otter.LoaderFunc[Ref, []byte](r.load))
			return err
		})
	}
	return out, group.Wait()
}

func (r *Reader) load(ctx context.Context, ref Ref) ([]byte, error) {
	key := ref.Incarnation.Key(ref.Sequence)
	o, err := r.bucket.GetRange(ctx, key, int64(ref.Offset), int64(ref.Length))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	if len(o.Data) != int(ref.Length) {
		return nil, fmt.Errorf("read bundle %s: %w", key, corrupt("%d bytes at %d, want %d", len(o.Data), ref.Offset, ref.Length))
	}
	return o.Data, nil
}
