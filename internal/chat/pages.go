package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	logPrefix = "chat/"
	// maxSpan bounds the time between the first and the last message of a page, so that what was said at a time is found.
	maxSpan = time.Minute
	// cachedPages is how many bytes of pages a node remembers.
	cachedPages = 16 << 20
	readers     = 8
	// maxRead is how many pages one question reads, and enough is with how many messages it is answered.
	maxRead = 120
	enough  = 2000
)

// pages are what was said, in the bucket: objects named after the time of their first message. They are written once,
// and again only without a message that was removed.
type pages struct {
	bucket bucket.Bucket
	cache  *otter.Cache[string, []Message] // by key and ETag
}

func newPages(b bucket.Bucket) *pages {
	cache := otter.Must(&otter.Options[string, []Message]{
		MaximumWeight: cachedPages,
		Weigher: func(_ string, list []Message) uint32 {
			n := 200
			for i := range list {
				n += 200 + len(list[i].Text) + len(list[i].Name)
			}
			return uint32(n)
		},
	})
	return &pages{b, cache}
}

// write keeps messages, which are of one minute and sorted.
func (s *pages) write(ctx context.Context, room string, list []Message) error {
	data, err := page{Messages: list}.encode()
	if err != nil {
		return err
	}
	_, err = s.bucket.PutIfAbsent(ctx, logPrefix+room+"/"+stamp(list[0].At)+"-"+randomID(), bucket.Bytes(data))
	return err
}

// from returns the pages of a room that may hold what was said between two times, oldest first, at most limit.
func (s *pages) from(ctx context.Context, room string, from, to time.Time, limit int) (list []bucket.Entry, err error) {
	prefix := logPrefix + room + "/"
	after := prefix + stamp(from.Add(-maxSpan)) // sorts before every page of that millisecond
	for {
		p, err := s.bucket.List(ctx, prefix, after, min(limit-len(list), 1000))
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			if startOf(e.Key) >= stamp(to) {
				return list, nil
			}
			list = append(list, e)
		}
		if after = p.Next; after == "" || len(list) >= limit {
			return list, nil
		}
	}
}

// startOf is the stamp of a page's first message.
func startOf(key string) string {
	start, _, _ := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], "-")
	return start
}

// get reads a page. One that went meanwhile is empty.
func (s *pages) get(ctx context.Context, e bucket.Entry) ([]Message, error) {
	name := e.Key + " " + string(e.ETag)
	if list, ok := s.cache.GetIfPresent(name); ok && e.ETag != "" {
		return list, nil
	}
	o, err := s.bucket.Get(ctx, e.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parsePage(o.Data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", e.Key, err)
	}
	s.cache.Set(e.Key+" "+string(o.ETag), list)
	return list, nil
}

// read reads pages at once.
func (s *pages) read(ctx context.Context, entries []bucket.Entry) ([][]Message, error) {
	out := make([][]Message, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, e := range entries {
		group.Go(func() (err error) { out[i], err = s.get(ctx, e); return err })
	}
	return out, group.Wait()
}

// between returns what was said from a time on and before another, in its order. If that is too much for one answer,
// next is where it goes on.
func (s *pages) between(ctx context.Context, room string, from, to time.Time) (list []Message, next time.Time, err error) {
	entries, err := s.from(ctx, room, from, to, maxRead+1)
	if err != nil {
		return nil, next, err
	}
	if len(entries) > maxRead {
		to, entries = startTime(entries[maxRead]), entries[:maxRead]
		next = to
	}
	found, err := s.read(ctx, entries)
	if err != nil {
		return nil, time.Time{}, err
	}
	for i, part := range found {
		if start := startTime(entries[i]); len(list) >= enough && start.After(from) {
			to, next = start, start
			break
		}
		for _, m := range part {
			if !m.At.Before(from) && m.At.Before(to) {
				list = append(list, m)
			}
		}
	}
	list = slices.DeleteFunc(list, func(m Message) bool { return !m.At.Before(to) })
	return inOrder(list), next, nil
}

func startTime(e bucket.Entry) time.Time {
	at, _ := timeOf(startOf(e.Key) + strings.Repeat("0", idSize-idTime))
	return at
}

// inOrder sorts messages, and leaves out what is there twice.
func inOrder(list []Message) []Message {
	slices.SortFunc(list, func(a, b Message) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(list, func(a, b Message) bool { return a.ID == b.ID })
}

// newest returns the last messages of a room, not older than back.
func (s *pages) newest(ctx context.Context, room string, back time.Duration, want int) ([]Message, error) {
	now := time.Now()
	entries, err := s.from(ctx, room, now.Add(-back), now.Add(24*time.Hour), 1<<30)
	if err != nil {
		return nil, err
	}
	var list []Message
	for i := len(entries) - 1; i >= 0 && len(list) < want; i-- {
		part, err := s.get(ctx, entries[i])
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	list = inOrder(list)
	return list[max(0, len(list)-want):], nil
}

// erase takes messages out of the pages that hold them.
func (s *pages) erase(ctx context.Context, room string, ids []string) error {
	gone := map[string]bool{}
	var first, last time.Time
	for _, id := range ids {
		at, ok := timeOf(id)
		if !ok {
			continue
		}
		if gone[id] = true; first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	if len(gone) == 0 {
		return nil
	}
	entries, err := s.from(ctx, room, first, last.Add(time.Millisecond), 1<<30)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.without(ctx, e, gone); err != nil {
			return err
		}
	}
	return nil
}

// without writes a page anew if it holds one of the messages, by compare-and-swap.
func (s *pages) without(ctx context.Context, e bucket.Entry, gone map[string]bool) error {
	for {
		o, err := s.bucket.Get(ctx, e.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := parsePage(o.Data)
		if err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		n := len(list)
		if list = slices.DeleteFunc(list, func(m Message) bool { return gone[m.ID] }); len(list) == n {
			return nil
		}
		data, err := page{Messages: list}.encode()
		if err != nil {
			return err
		}
		_, err = s.bucket.PutIfMatch(ctx, e.Key, bucket.Bytes(data), o.ETag)
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
