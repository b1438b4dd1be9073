package channel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestLook hears of what another node has made, changed and deleted, one channel or all.
func TestLook(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		var told []string
		s.OnStored(func(slug string) { told = append(told, slug) })
		other.OnStored(func(slug string) { t.Errorf("it is told that it stored %s, which it read", slug) })
		c, err := s.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Get("news"); !errors.Is(err, ErrNotFound) {
			t.Fatalf("known before it looked: %v", err)
		}
		if err := other.Look(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
		if got, err := other.Get("news"); err != nil || got.ID != c.ID {
			t.Errorf("after Look it is %+v, %v", got, err)
		}
		changed, err := s.Update(t.Context(), "news", func(now *Channel) error { return now.Rotate(c.Sources[0].ID, false) })
		if err != nil {
			t.Fatal(err)
		}
		if err := other.LookAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.ByKey(changed.Sources[0].StreamKey); err != nil {
			t.Errorf("the new key: %v", err)
		}
		if _, _, err := other.ByKey(c.Sources[0].StreamKey); !errors.Is(err, ErrNotFound) {
			t.Errorf("the old key: %v", err)
		}
		if err := remove(t, s, "news"); err != nil {
			t.Fatal(err)
		}
		if err := other.Look(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Get("news"); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		for _, slug := range []string{"none", "UPPER", "../x", ""} {
			if err := other.Look(t.Context(), slug); err == nil {
				t.Errorf("it found %q", slug)
			}
		}
		if !slices.Equal(told, []string{"news", "news", "news"}) {
			t.Errorf("told of %v", told)
		}
	})
}

// listings counts how often a bucket is listed, and can hold up what is read.
type listings struct {
	bucket.Bucket
	lists int
	hold  chan struct{} // while it is open, documents that were read are not handed out
}

func (l *listings) List(ctx context.Context, prefix, after string, limit int) (bucket.Page, error) {
	l.lists++
	return l.Bucket.List(ctx, prefix, after, limit)
}

func (l *listings) Get(ctx context.Context, key string) (bucket.Object, error) {
	o, err := l.Bucket.Get(ctx, key)
	if l.hold != nil {
		<-l.hold
	}
	return o, err
}

// TestLookAllSeldom lists the bucket at most once in a second, however many ask, and also if it does not answer.
func TestLookAllSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{Latency: 10 * time.Millisecond})
		b := &listings{Bucket: faulty}
		s := NewStore(bucket.NewDocuments(b), slog.New(slog.NewTextHandler(io.Discard, nil)))
		for _, down := range []bool{false, true} {
			faulty.Down(down)
			b.lists = 0
			for range 20 {
				go s.LookAll(t.Context())
			}
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			if b.lists != 1 {
				t.Errorf("away %v: it was listed %d times", down, b.lists)
			}
			time.Sleep(time.Second)
			s.LookAll(t.Context())
			if b.lists != 2 {
				t.Errorf("away %v: a second later it was listed %d times in all", down, b.lists)
			}
			time.Sleep(time.Second)
		}
		s.looking <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.LookAll(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("behind one that hangs: %v", err)
		}
	})
}

// TestStaleRead reads a document while its channel is changed here: what was read is older, and does not count.
func TestStaleRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := bucket.NewMem()
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		writer := NewStore(bucket.NewDocuments(mem), log)
		c, err := writer.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		b := &listings{Bucket: mem, hold: make(chan struct{})}
		s := NewStore(bucket.NewDocuments(b), log)
		for name, read := range map[string]func() error{
			"Look":    func() error { return s.Look(t.Context(), "news") },
			"LookAll": func() error { return s.LookAll(t.Context()) },
		} {
			b.hold = make(chan struct{})
			time.Sleep(2 * time.Second)
			done := make(chan error, 1)
			go func() { done <- read() }()
			synctest.Wait()
			changed, err := writer.Update(t.Context(), "news", func(now *Channel) error { return now.Rotate(c.Sources[0].ID, false) })
			if err != nil {
				t.Fatal(err)
			}
			s.take(changed, "", nil) // as if it had been changed here
			close(b.hold)
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, _, err := s.ByKey(changed.Sources[0].StreamKey); err != nil {
				t.Errorf("%s: the key that counts is not known: %v", name, err)
			}
		}
	})
}

// TestKeyMoves gives the key of a channel that is deleted to another one: whichever is read first, the key
// works.
func TestKeyMoves(t *testing.T) {
	mem := bucket.NewMem()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s, other := NewStore(bucket.NewDocuments(mem), log), NewStore(bucket.NewDocuments(mem), log)
	key := NewKey()
	if _, err := s.Create(t.Context(), Channel{Slug: "old", Sources: []Source{{StreamKey: key}}}); err != nil {
		t.Fatal(err)
	}
	if err := other.Look(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), Channel{Slug: "new", Sources: []Source{{StreamKey: key}}}); !errors.Is(err, ErrExists) {
		t.Errorf("a key of two channels: %v, want %v", err, ErrExists)
	}
	if err := remove(t, s, "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), Channel{Slug: "new", Sources: []Source{{StreamKey: key}}}); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []string{"new", "old"} {
		if err := other.Look(t.Context(), slug); err != nil {
			t.Fatal(err)
		}
	}
	if c, _, err := other.ByKey(key); err != nil || c.Slug != "new" {
		t.Errorf("the key is %+v, %v", c, err)
	}
}
