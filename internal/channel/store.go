package channel

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	prefix = "channels/"
	// refreshEvery is how often the bucket is asked for changes that other nodes made.
	refreshEvery  = 30 * time.Second
	parallelLoads = 16
)

// Store keeps the channels' documents, and a copy of all of them in memory.
type Store struct {
	docs *bucket.Documents
	log  *slog.Logger

	mu      sync.RWMutex
	bySlug  map[string]*entry
	byID    map[string]*Channel
	gone    map[string]bool // ids of deleted channels, as far as documents remember them
	byKey   map[[sha256.Size]byte]keyed
	of      map[string]map[string]bool // slugs by account
	watch   []func(*Channel)
	stored  func(slug string)
	loaded  chan struct{}
	isReady bool

	closed atomic.Int64 // how many channels not everybody may watch, and one more until all were read

	looking chan struct{} // holds one while somebody looks
	looked  time.Time
}

// entry is a document as it was last read. Channels that were handed out are never changed.
type entry struct {
	channel *Channel
	etag    bucket.ETag
}

type keyed struct{ slug, source string }

// NewStore makes a store on the documents of a bucket; it is empty until Run.
func NewStore(docs *bucket.Documents, log *slog.Logger) *Store {
	s := &Store{docs: docs, log: log, bySlug: map[string]*entry{}, byID: map[string]*Channel{}, gone: map[string]bool{}, byKey: map[[sha256.Size]byte]keyed{}, of: map[string]map[string]bool{}, loaded: make(chan struct{}), looking: make(chan struct{}, 1)}
	s.closed.Store(1)
	return s
}

// Watch calls f for every channel that is loaded, made, changed or deleted, from then on. f must not block.
func (s *Store) Watch(f func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = append(s.watch, f)
}

// OnStored sets who is told of every channel that this store has made, changed or deleted.
func (s *Store) OnStored(f func(slug string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = f
}

// Look reads the document of one channel again: another node has changed it.
func (s *Store) Look(ctx context.Context, slug string) error {
	if err := CheckSlug(slug); err != nil {
		return err
	}
	for {
		old := s.entry(slug)
		c, err := bucket.Load[Channel](ctx, s.docs, prefix+slug)
		if err != nil {
			return fmt.Errorf("look for channel %s: %w", slug, err)
		}
		if s.take(&c, "", &old) {
			return nil
		}
	}
}

// entry returns what is known of a channel, or nil.
func (s *Store) entry(slug string) *entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bySlug[slug]
}

// LookAll reads the documents that changed, at most once in a second: somebody asks for a channel or a
// key that another node may just have made.
func (s *Store) LookAll(ctx context.Context) error {
	select {
	case s.looking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.looking }()
	if time.Since(s.looked) < time.Second {
		return nil
	}
	defer func() { s.looked = time.Now() }()
	return s.refresh(ctx)
}

// Loaded is closed when all channels were read once.
func (s *Store) Loaded() <-chan struct{} { return s.loaded }

// Run loads all channels and then looks for changes until ctx ends. While the bucket is away, what is
// in memory counts.
func (s *Store) Run(ctx context.Context) error {
	wait := 50 * time.Millisecond
	for {
		err := s.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && s.ready():
			s.log.Warn("channels could not be read again; the ones in memory count", "error", err)
			wait = refreshEvery
		case err != nil:
			s.log.Warn("channels could not be read; trying again", "error", err)
			wait = min(2*wait, 2*time.Second)
		default:
			s.setReady()
			wait = refreshEvery
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Store) ready() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.isReady
}

func (s *Store) setReady() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isReady {
		s.isReady = true
		s.closed.Add(-1)
		close(s.loaded)
	}
}

// refresh reads the documents that changed since they were last read.
func (s *Store) refresh(ctx context.Context) error {
	type change struct {
		bucket.Entry
		old *entry
	}
	var changed []change
	if err := bucket.All(ctx, s.docs.Bucket(), prefix, func(e bucket.Entry) error {
		if old := s.entry(strings.TrimPrefix(e.Key, prefix)); old == nil || old.etag != e.ETag {
			changed = append(changed, change{e, old})
		}
		return nil
	}); err != nil {
		return fmt.Errorf("list channels: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLoads)
	for _, e := range changed {
		group.Go(func() error {
			c, err := bucket.Load[Channel](ctx, s.docs, e.Key)
			if errors.Is(err, bucket.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			s.take(&c, e.ETag, &e.old)
			return nil
		})
	}
	return group.Wait()
}

// take makes a channel known as it is now. With before, which was known when its document was read, it does
// not if something else has come to be known since: that may be newer. It is read again by and by.
func (s *Store) take(c *Channel, etag bucket.ETag, before **entry) bool {
	c.settle()
	s.mu.Lock()
	old := s.bySlug[c.Slug]
	if before != nil && *before != old {
		s.mu.Unlock()
		return false
	}
	if old != nil {
		s.count(old.channel, -1)
		delete(s.byID, old.channel.ID)
		delete(s.gone, old.channel.ID)
		for _, g := range old.channel.Before {
			delete(s.gone, g.ID)
		}
		for _, src := range old.channel.Sources {
			for _, key := range src.Keys() {
				if sum := sha256.Sum256([]byte(key)); s.byKey[sum].slug == c.Slug { // else another channel has it by now
					delete(s.byKey, sum)
				}
			}
		}
		for _, m := range old.channel.Members {
			delete(s.of[m.Account], c.Slug)
			if len(s.of[m.Account]) == 0 {
				delete(s.of, m.Account)
			}
		}
	}
	s.bySlug[c.Slug] = &entry{channel: c, etag: etag}
	for _, g := range c.Before {
		s.gone[g.ID] = true
	}
	if !c.Deleted.IsZero() {
		s.gone[c.ID] = true
	} else {
		s.count(c, 1)
		s.byID[c.ID] = c
		for _, src := range c.Sources {
			for _, key := range src.Keys() {
				s.byKey[sha256.Sum256([]byte(key))] = keyed{c.Slug, src.ID}
			}
		}
		for _, m := range c.Members {
			if s.of[m.Account] == nil {
				s.of[m.Account] = map[string]bool{}
			}
			s.of[m.Account][c.Slug] = true
		}
	}
	watch := slices.Clone(s.watch)
	s.mu.Unlock()
	news := []*Channel{c}
	if old != nil && old.channel.ID != c.ID && old.channel.Deleted.IsZero() { // its end was not seen
		ended := *old.channel
		ended.Deleted = time.Now().UTC()
		news = []*Channel{&ended, c}
	}
	for _, f := range watch {
		for _, c := range news {
			f(c)
		}
	}
	return true
}

// Get returns a channel, or ErrNotFound. The caller must not change it.
func (s *Store) Get(slug string) (*Channel, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.bySlug[slug]; e != nil && e.channel.Deleted.IsZero() {
		return e.channel, nil
	}
	return nil, ErrNotFound
}

// count notes whether a channel that comes or goes is open to everybody.
func (s *Store) count(c *Channel, by int64) {
	if c.Deleted.IsZero() && !c.Open() {
		s.closed.Add(by)
	}
}

// AllOpen reports whether it is known that everybody may watch every channel. It costs nothing.
func (s *Store) AllOpen() bool { return s.closed.Load() == 0 }

// ByID returns the channel of that id, or ErrNotFound. The caller must not change it.
func (s *Store) ByID(id string) (*Channel, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.byID[id]; c != nil {
		return c, nil
	}
	return nil, ErrNotFound
}

// All returns the channels in order of their slugs.
func (s *Store) All() []*Channel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Channel
	for _, slug := range slices.Sorted(maps.Keys(s.bySlug)) {
		if c := s.bySlug[slug].channel; c.Deleted.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

// Lives reports whether a channel of that id is there, and whether anything is known of it: it may be too new, or deleted
// so long ago that the channel which got its address does not remember it any more.
func (s *Store) Lives(id string) (lives, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	lives = s.byID[id] != nil
	return lives, lives || s.gone[id]
}

// Of returns the channels that an account has a role in, in order of their slugs.
func (s *Store) Of(account string) []*Channel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Channel
	for _, slug := range slices.Sorted(maps.Keys(s.of[account])) {
		out = append(out, s.bySlug[slug].channel)
	}
	return out
}

// ByKey returns the channel and source that a stream key belongs to, or ErrNotFound. The key is
// compared by its hash, so that the time it takes says nothing of it.
func (s *Store) ByKey(key string) (*Channel, *Source, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.byKey[sha256.Sum256([]byte(key))]
	if !ok {
		return nil, nil, ErrNotFound
	}
	c := s.bySlug[k.slug].channel
	return c, c.Source(k.source), nil
}

// Create makes a channel. What c leaves empty gets its default: a title from the slug, one source with
// new keys, the default DVR window.
func (s *Store) Create(ctx context.Context, c Channel) (*Channel, error) {
	c.ID, c.Created, c.Deleted = newID(), time.Now().UTC().Truncate(time.Second), time.Time{}
	if c.Title == "" {
		c.Title = c.Slug
	}
	if c.DVRWindow == 0 {
		c.DVRWindow = DefaultDVRWindow
	}
	if len(c.Sources) == 0 {
		c.Sources = []Source{{}}
	}
	c.Sources = slices.Clone(c.Sources)
	for i := range c.Sources {
		fillSource(&c.Sources[i], i)
	}
	if err := c.tidy(); err != nil {
		return nil, err
	}
	c.settle()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return s.store(ctx, c.Slug, func(old *Channel) error {
		if old.ID != "" && old.Deleted.IsZero() {
			return fmt.Errorf("channel %q: %w", c.Slug, ErrExists)
		}
		made := c
		made.Before = old.before()
		*old = made
		return nil
	})
}

func fillSource(src *Source, i int) {
	src.ID = newID()
	if src.Name == "" {
		src.Name = "Encoder"
		if i > 0 {
			src.Name = fmt.Sprintf("Encoder %d", i+1)
		}
	}
	if src.StreamKey == "" {
		src.StreamKey = NewKey()
	}
	if src.BackupStreamKey == "" {
		src.BackupStreamKey = NewKey()
	}
}

// Update changes a channel. change may be called more than once; id, slug and creation stay.
func (s *Store) Update(ctx context.Context, slug string, change func(*Channel) error) (*Channel, error) {
	return s.store(ctx, slug, func(c *Channel) error {
		if c.ID == "" || !c.Deleted.IsZero() {
			return ErrNotFound
		}
		id, created := c.ID, c.Created
		c.settle()
		c.Sources = slices.Clone(c.Sources)
		if err := change(c); err != nil {
			return err
		}
		c.ID, c.Slug, c.Created = id, slug, created
		if err := c.tidy(); err != nil {
			return err
		}
		c.settle()
		return c.Validate()
	})
}

// store changes a document and makes the result known.
func (s *Store) store(ctx context.Context, slug string, change func(*Channel) error) (*Channel, error) {
	if err := CheckSlug(slug); err != nil {
		return nil, ErrNotFound
	}
	c, err := bucket.Update(ctx, s.docs, prefix+slug, func(c *Channel) error {
		if err := change(c); err != nil {
			return err
		}
		return s.keysFree(c)
	})
	if err != nil {
		return nil, err
	}
	s.take(&c, "", nil)
	s.mu.RLock()
	stored := s.stored
	s.mu.RUnlock()
	if stored != nil {
		stored(slug)
	}
	return &c, nil
}

// keysFree says whether no other channel has one of the channel's keys.
func (s *Store) keysFree(c *Channel) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, src := range c.Sources {
		for _, key := range src.Keys() {
			if k, ok := s.byKey[sha256.Sum256([]byte(key))]; ok && k.slug != c.Slug {
				return fmt.Errorf("stream key: %w by another channel", ErrExists)
			}
		}
	}
	return nil
}
