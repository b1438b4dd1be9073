package certs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	prefix = "certs/"
	// A lock that was not renewed for lockTime belongs to a node that died.
	lockTime  = 2 * time.Minute
	lockRenew = 30 * time.Second
	lockPoll  = time.Second
)

// Storage keeps certificates, keys and the ACME account in the bucket. Who can read the bucket can read
// them.
type Storage struct {
	bucket bucket.Bucket

	mu    sync.Mutex
	locks map[string]*lock
}

var _ certmagic.Storage = (*Storage)(nil)

// NewStorage makes a storage in b.
func NewStorage(b bucket.Bucket) *Storage { return &Storage{bucket: b, locks: map[string]*lock{}} }

// lock is one that this process holds.
type lock struct {
	etag   bucket.ETag
	cancel context.CancelFunc
	done   chan struct{}
}

// holder is what a lock's object says.
type holder struct {
	Until time.Time `json:"until"`
	Nonce int64     `json:"nonce"` // no two writes have the same bytes
}

// bucketKey writes bytes that a bucket's key cannot have as =XX.
func bucketKey(key string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for i := range len(key) {
		c := key[i]
		start := i == 0 || key[i-1] == '/'
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '/' || c == '.' && !start
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// storageKey undoes bucketKey.
func storageKey(key string) string {
	key = strings.TrimPrefix(key, prefix)
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		var c byte
		if key[i] == '=' && i+2 < len(key) {
			if _, err := fmt.Sscanf(key[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(key[i])
	}
	return b.String()
}

func failed(err error) error {
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// Store puts a value.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	_, err := s.bucket.Put(ctx, bucketKey(key), bucket.Bytes(value))
	return err
}

// Load gets a value, or fs.ErrNotExist.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	o, err := s.bucket.Get(ctx, bucketKey(key))
	return o.Data, failed(err)
}

// Delete removes a value and everything below it.
func (s *Storage) Delete(ctx context.Context, key string) error {
	if err := s.bucket.Delete(ctx, bucketKey(key)); err != nil {
		return err
	}
	return bucket.All(ctx, s.bucket, bucketKey(key)+"/", func(e bucket.Entry) error { return s.bucket.Delete(ctx, e.Key) })
}

// Exists says whether there is a value, or one below.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List lists what is below a path.
func (s *Storage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	below := bucketKey(path) + "/"
	if path == "" {
		below = prefix
	}
	var keys []string
	err := bucket.All(ctx, s.bucket, below, func(e bucket.Entry) error {
		key := e.Key
		if rest := strings.TrimPrefix(key, below); !recursive && strings.Contains(rest, "/") {
			key = below + rest[:strings.IndexByte(rest, '/')]
		}
		if key = storageKey(key); len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = fs.ErrNotExist
	}
	return keys, err
}

// Stat describes a value, or the path above values.
func (s *Storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	o, err := s.bucket.Get(ctx, bucketKey(key))
	if err == nil {
		return certmagic.KeyInfo{Key: key, Modified: o.Modified, Size: o.Size, IsTerminal: true}, nil
	}
	if !errors.Is(err, bucket.ErrNotFound) {
		return certmagic.KeyInfo{}, err
	}
	page, listErr := s.bucket.List(ctx, bucketKey(key)+"/", "", 1)
	if listErr != nil || len(page.Entries) == 0 {
		return certmagic.KeyInfo{}, failed(err)
	}
	return certmagic.KeyInfo{Key: key}, nil
}

// Lock waits until no other node has the lock of that name, and takes it.
func (s *Storage) Lock(ctx context.Context, name string) error {
	key := bucketKey("locks/" + name)
	for {
		etag, err := s.tryLock(ctx, key)
		if err == nil {
			s.keep(key, etag)
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) && !errors.Is(err, bucket.ErrUnavailable) {
			return fmt.Errorf("lock %s: %w", name, err)
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return fmt.Errorf("lock %s: %w", name, ctx.Err())
		}
	}
}

func held(now time.Time) bucket.Body {
	data, _ := json.Marshal(holder{Until: now.Add(lockTime).UTC(), Nonce: now.UnixNano()}) // plain fields
	return bucket.Bytes(data)
}

// tryLock takes a lock that is free or was left by a node that died.
func (s *Storage) tryLock(ctx context.Context, key string) (bucket.ETag, error) {
	etag, err := s.bucket.PutIfAbsent(ctx, key, held(time.Now()))
	if !errors.Is(err, bucket.ErrPrecondition) {
		return etag, err
	}
	o, getErr := s.bucket.Get(ctx, key)
	if getErr != nil {
		return "", err
	}
	var h holder
	if json.Unmarshal(o.Data, &h) == nil && time.Now().Before(h.Until) {
		return "", err
	}
	return s.bucket.PutIfMatch(ctx, key, held(time.Now()), o.ETag)
}

// keep renews a lock until it is given back.
func (s *Storage) keep(key string, etag bucket.ETag) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lock{etag: etag, cancel: cancel, done: make(chan struct{})}
	s.mu.Lock()
	s.locks[key] = l
	s.mu.Unlock()
	go func() {
		defer close(l.done)
		t := time.NewTicker(lockRenew)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				if etag, err := s.bucket.PutIfMatch(ctx, key, held(time.Now()), l.etag); err == nil {
					l.etag = etag
				}
			case <-ctx.Done():
				return
			}
		}
	}()
}

// Unlock gives a lock back.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	key := bucketKey("locks/" + name)
	s.mu.Lock()
	l := s.locks[key]
	delete(s.locks, key)
	s.mu.Unlock()
	if l == nil {
		return fmt.Errorf("unlock %s: this node does not have it", name)
	}
	l.cancel()
	<-l.done
	if err := s.bucket.DeleteIfMatch(ctx, key, l.etag); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("unlock %s: %w", name, err)
	}
	return nil
}
