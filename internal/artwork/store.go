package artwork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	prefix = "art/"
	// sweepEvery is the time between two looks for images that nothing names any more, and keepFor how old one is
	// at least that goes.
	sweepEvery = 6 * time.Hour
	keepFor    = 24 * time.Hour
	cacheBytes = 16 << 20
)

// Config says what a Store is made of.
type Config struct {
	Bucket bucket.Bucket
	// Named says which images a channel names, by its id; none if it is deleted. It reads the channel's document.
	Named func(ctx context.Context, channel string) ([]string, error)
	Log   *slog.Logger
}

// Store keeps images in the bucket, and the ones that are looked at in memory.
type Store struct {
	cfg   Config
	cache *otter.Cache[string, []byte]
	slot  chan struct{}     // holds one while an image is made: it takes memory
	found map[string]string // what the last sweep would have removed: ETags by key
}

// NewStore makes a store.
func NewStore(cfg Config) (*Store, error) {
	cache, err := otter.New(&otter.Options[string, []byte]{
		MaximumWeight: cacheBytes, Weigher: func(_ string, data []byte) uint32 { return uint32(len(data)) },
	})
	if err != nil {
		return nil, fmt.Errorf("cache of images: %w", err)
	}
	return &Store{cfg: cfg, cache: cache, slot: make(chan struct{}, 1)}, nil
}

// Put makes an image of an upload and keeps it for a channel. It returns the image's name, which the channel's
// document has yet to name.
func (s *Store) Put(ctx context.Context, channel string, kind Kind, data []byte) (string, error) {
	f, err := s.Made(ctx, kind, data)
	if err != nil {
		return "", err
	}
	// Written even if it is there: a sweep takes what was written long ago.
	if _, err := s.cfg.Bucket.Put(ctx, key(channel, f.Name), bucket.Bytes(f.Data)); err != nil {
		return "", fmt.Errorf("keep the image: %w", err)
	}
	s.cache.Set(key(channel, f.Name), f.Data)
	return f.Name, nil
}

// Made makes an image of what was sent or fetched without keeping it, one at a time.
func (s *Store) Made(ctx context.Context, kind Kind, data []byte) (File, error) {
	select {
	case s.slot <- struct{}{}:
	case <-ctx.Done():
		return File{}, ctx.Err()
	}
	defer func() { <-s.slot }()
	return Make(kind, data)
}

// Get returns the bytes of a channel's image.
func (s *Store) Get(ctx context.Context, channel, name string) ([]byte, error) {
	if ContentType(name) == "" {
		return nil, bucket.ErrNotFound
	}
	k := key(channel, name)
	if data, ok := s.cache.GetIfPresent(k); ok {
		return data, nil
	}
	o, err := s.cfg.Bucket.Get(ctx, k)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	s.cache.Set(k, o.Data)
	return o.Data, nil
}

func key(channel, name string) string { return prefix + channel + "/" + name }

// Run removes images that nothing names any more, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if _, err := s.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("old images could not be removed; it is tried again", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// sweep removes what two sweeps in a row have found old and named by no channel, and returns how many.
func (s *Store) sweep(ctx context.Context, now time.Time) (removed int, err error) {
	named := map[string][]string{}
	found := map[string]string{}
	err = bucket.All(ctx, s.cfg.Bucket, prefix, func(e bucket.Entry) error {
		channel, name, ok := strings.Cut(strings.TrimPrefix(e.Key, prefix), "/")
		if !ok || now.Sub(e.Modified) < keepFor {
			return nil
		}
		names, asked := named[channel]
		if !asked {
			if names, err = s.cfg.Named(ctx, channel); err != nil {
				return err
			}
			named[channel] = names
		}
		for _, n := range names {
			if n == name {
				return nil
			}
		}
		if s.found[e.Key] != string(e.ETag) {
			found[e.Key] = string(e.ETag)
			return nil
		}
		if err := s.cfg.Bucket.DeleteIfMatch(ctx, e.Key, e.ETag); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
		s.cache.Invalidate(e.Key)
		removed++
		return nil
	})
	s.found = found
	return removed, err
}
