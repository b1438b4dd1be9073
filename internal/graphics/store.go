package graphics

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Store keeps graphics in the bucket, and what is shown of the channels that are watched in memory.
type Store struct {
	docs *bucket.Documents

	mu    sync.Mutex
	known map[string]*known // by channel
}

// known is what this process knows of a channel's graphics.
type known struct {
	shown kept[Shown]
	board kept[Board]
}

// kept is a document as it was read last.
type kept[T any] struct {
	reading  chan struct{} // holds one while it is read: however many ask, one reads
	revision int64         // that the caller named
	at       time.Time     // when it was read
	value    *T
}

const (
	// knownFor is how long what is known counts although nobody said that it changed: the word that it did may be lost.
	knownFor = time.Minute
	// retryAfter is how long it counts when it could not be read.
	retryAfter = 3 * time.Second
	maxKnown   = 2000 // channels
	// rehearsedFor is how long it is told of what was hidden in a rehearsal that it was.
	rehearsedFor = time.Minute
)

// NewStore makes a store on the documents of a bucket.
func NewStore(docs *bucket.Documents) *Store { return &Store{docs: docs, known: map[string]*known{}} }

func boardKey(channel string) string     { return "graphics/" + channel + "/board" }
func shownKey(channel string) string     { return "graphics/" + channel + "/shown" }
func rehearsedKey(channel string) string { return "graphics/" + channel + "/rehearsed" }
func pageKey(channel string, number int64) string {
	return fmt.Sprintf("graphics/%s/log/%012d", channel, number)
}

// Board reads what a channel's producers have prepared, by the channel's id.
func (s *Store) Board(ctx context.Context, channel string) (Board, error) {
	return bucket.LoadIfThere[Board](ctx, s.docs, boardKey(channel))
}

// Update changes what is prepared, as it is stored.
func (s *Store) Update(ctx context.Context, channel string, change func(*Board) error) (Board, error) {
	return bucket.Update(ctx, s.docs, boardKey(channel), change)
}

// Shown reads what is shown of a channel's graphics, and what was lately.
func (s *Store) Shown(ctx context.Context, channel string) (Shown, error) {
	return bucket.LoadIfThere[Shown](ctx, s.docs, shownKey(channel))
}

// Change changes what is shown, as it is stored. If there are too many past showings, the oldest are cut off first.
func (s *Store) Change(ctx context.Context, channel string, change func(*Shown)) (Shown, error) {
	return bucket.Update(ctx, s.docs, shownKey(channel), func(x *Shown) error {
		if page := x.oldest(); page != nil {
			// Written before it is cut off; who comes second with the same page finds it there.
			if err := bucket.Create(ctx, s.docs, pageKey(channel, x.Paged), page); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
				return err
			}
			x.cut(page)
		}
		change(x)
		return nil
	})
}

// Rehearsed reads what is shown in a channel's rehearsal, and what was in the last minute.
func (s *Store) Rehearsed(ctx context.Context, channel string) (Shown, error) {
	return bucket.LoadIfThere[Shown](ctx, s.docs, rehearsedKey(channel))
}

// Rehearse changes what is shown in a rehearsal: producers alone see it, and no more is kept of it.
func (s *Store) Rehearse(ctx context.Context, channel string, change func(*Shown)) (Shown, error) {
	return bucket.Update(ctx, s.docs, rehearsedKey(channel), func(x *Shown) error {
		change(x)
		x.Showings, x.Images = x.Since(time.Now().Add(-rehearsedFor)), nil
		return nil
	})
}

// Remove removes all graphics of a channel that was deleted.
func (s *Store) Remove(ctx context.Context, channel string) error {
	b := s.docs.Bucket()
	return bucket.All(ctx, b, "graphics/"+channel+"/", func(e bucket.Entry) error { return b.Delete(ctx, e.Key) })
}

// Now returns what is shown of a channel: it is read if the caller names another revision of the channel than who
// asked last, or some time ago. If it cannot be read, what was known counts. Nobody changes it, and as long as it is
// the same, so is the pointer.
func (s *Store) Now(ctx context.Context, channel string, revision int64) (*Shown, error) {
	return s.of(channel).shown.get(ctx, revision, func() (Shown, error) { return s.Shown(ctx, channel) })
}

// Prepared returns what is prepared, as Now does what is shown.
func (s *Store) Prepared(ctx context.Context, channel string, revision int64) (*Board, error) {
	return s.of(channel).board.get(ctx, revision, func() (Board, error) { return s.Board(ctx, channel) })
}

func (k *kept[T]) get(ctx context.Context, revision int64, read func() (T, error)) (*T, error) {
	select {
	case k.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-k.reading }()
	if k.value != nil && k.revision == revision && time.Since(k.at) < knownFor {
		return k.value, nil
	}
	v, err := read()
	switch {
	case err == nil:
		if k.value == nil || !reflect.DeepEqual(*k.value, v) {
			k.value = &v
		}
		k.revision, k.at = revision, time.Now()
	case k.value == nil:
		return nil, err
	default:
		k.revision, k.at = revision, time.Now().Add(retryAfter-knownFor)
	}
	return k.value, nil
}

// of returns what is known of a channel.
func (s *Store) of(channel string) *known {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[channel]
	if k == nil {
		for any := range s.known {
			if len(s.known) < maxKnown {
				break
			}
			delete(s.known, any)
		}
		k = &known{kept[Shown]{reading: make(chan struct{}, 1)}, kept[Board]{reading: make(chan struct{}, 1)}}
		s.known[channel] = k
	}
	return k
}

// maxRead is how many older pages one question may need.
const maxRead = 25

// Log returns what was shown within a stretch of the program, in the order in which it began.
func (s *Store) Log(ctx context.Context, channel string, from, to time.Time) ([]Showing, error) {
	x, err := s.Shown(ctx, channel)
	if err != nil {
		return nil, err
	}
	all := []Showing{}
	read := 0
	for _, p := range x.Pages {
		if p.From.After(to) || p.Until.Before(from) {
			continue
		}
		if read++; read > maxRead {
			return nil, invalid("too much was shown within that time: ask for a shorter stretch")
		}
		page, err := bucket.LoadIfThere[[]Showing](ctx, s.docs, pageKey(channel, p.Number))
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	all = append(all, x.Showings...)
	all = slices.DeleteFunc(all, func(n Showing) bool { return !n.overlaps(from, to) })
	slices.SortStableFunc(all, func(a, b Showing) int { return a.From.Compare(b.From) })
	return all, nil
}

// Images returns the names of the images that a channel's graphics need, prepared or shown.
func (s *Store) Images(ctx context.Context, channel string) ([]string, error) {
	shown, err := s.Shown(ctx, channel)
	if err != nil {
		return nil, err
	}
	board, err := s.Board(ctx, channel)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(shown.Images)
	for _, g := range board.Graphics {
		if g.Image != "" {
			all = append(all, g.Image)
		}
	}
	return all, nil
}
