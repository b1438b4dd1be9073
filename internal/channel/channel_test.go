package channel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// running runs a test with a store that has read everything, on a bucket in memory.
func running(t *testing.T, test func(t *testing.T, s, other *Store)) {
	synctest.Test(t, func(t *testing.T) {
		mem := bucket.NewMem()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 2)
		var stores [2]*Store
		for i := range stores {
			stores[i] = NewStore(bucket.NewDocuments(mem), slog.New(slog.NewTextHandler(io.Discard, nil)))
			go func() { ended <- stores[i].Run(ctx) }()
		}
		defer func() { cancel(); <-ended; <-ended }()
		time.Sleep(time.Second)
		test(t, stores[0], stores[1])
	})
}

func TestCreate(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		c, err := s.Create(t.Context(), Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		if c.ID == "" || c.Title != "news" || c.DVRWindow != DefaultDVRWindow || len(c.Sources) != 1 || c.Sources[0].StreamKey == "" || c.Sources[0].StreamKey == c.Sources[0].BackupStreamKey {
			t.Errorf("made %+v", c)
		}
		for _, key := range []string{c.Sources[0].StreamKey, c.Sources[0].BackupStreamKey} {
			if got, src, err := s.ByKey(key); err != nil || got.ID != c.ID || src.ID != c.Sources[0].ID {
				t.Errorf("ByKey = %v, %v, %v", got, src, err)
			}
		}
		if _, err := s.Create(t.Context(), Channel{Slug: "news"}); !errors.Is(err, ErrExists) {
			t.Errorf("a second channel of that slug: %v", err)
		}
		_, err = s.Create(t.Context(), Channel{Slug: "other", Sources: []Source{{StreamKey: c.Sources[0].StreamKey}}})
		if !errors.Is(err, ErrExists) || strings.Contains(err.Error(), c.Sources[0].StreamKey) {
			t.Errorf("a key that is taken: %v", err)
		}
		time.Sleep(refreshEvery + time.Second)
		if got, err := other.Get("news"); err != nil || got.ID != c.ID {
			t.Errorf("another node knows %v, %v", got, err)
		}
	})
}

func TestChangeRotateDelete(t *testing.T) {
	running(t, func(t *testing.T, s, other *Store) {
		var heard []string
		s.Watch(func(c *Channel) { heard = append(heard, c.Title) })
		c, err := s.Create(t.Context(), Channel{Slug: "news", Title: "one"})
		if err != nil {
			t.Fatal(err)
		}
		key, camera := c.Sources[0].StreamKey, c.Sources[0].CameraKey()
		if _, src, err := s.ByKey(camera); err != nil || src.ID != c.Sources[0].ID || camera == key {
			t.Errorf("the camera's key is not good: %v", err)
		}
		if c, err = s.Update(t.Context(), "news", func(c *Channel) error { c.Title, c.ID = "two", "mine"; return nil }); err != nil || c.Title != "two" || c.ID == "mine" {
			t.Errorf("Update = %+v, %v", c, err)
		}
		if _, err := s.Update(t.Context(), "news", func(c *Channel) error { c.DVRWindow = 1; return nil }); !errors.Is(err, ErrInvalid) {
			t.Errorf("a DVR window of 1 s: %v", err)
		}
		if c, err = s.Update(t.Context(), "news", func(now *Channel) error { return now.Rotate(c.Sources[0].ID, false) }); err != nil || c.Sources[0].StreamKey == key {
			t.Errorf("Rotate = %v, %v", c, err)
		}
		if _, _, err := s.ByKey(key); !errors.Is(err, ErrNotFound) {
			t.Errorf("the old key is still good: %v", err)
		}
		if _, _, err := s.ByKey(camera); !errors.Is(err, ErrNotFound) {
			t.Errorf("the camera's key outlives the stream key: %v", err)
		}
		if _, err := s.Update(t.Context(), "news", func(now *Channel) error { return now.Rotate("nobody", false) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("Rotate of a source that is not there: %v", err)
		}
		time.Sleep(refreshEvery + time.Second)
		if err := remove(t, other, "news"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(refreshEvery + time.Second)
		if _, err := s.Get("news"); !errors.Is(err, ErrNotFound) || len(s.All()) != 0 {
			t.Errorf("after a deletion elsewhere: %v", err)
		}
		if _, _, err := s.ByKey(c.Sources[0].StreamKey); !errors.Is(err, ErrNotFound) {
			t.Errorf("the key of a deleted channel is good: %v", err)
		}
		again, err := s.Create(t.Context(), Channel{Slug: "news"})
		if err != nil || again.ID == c.ID {
			t.Errorf("the slug cannot be used again: %v", err)
		}
		if len(heard) < 4 || heard[0] != "one" || heard[1] != "two" {
			t.Errorf("the watcher heard %q", heard)
		}
	})
}

func TestCheckSlug(t *testing.T) {
	for _, good := range []string{"ab", "news-24", "live", strings.Repeat("x", 40)} {
		if err := CheckSlug(good); err != nil {
			t.Errorf("CheckSlug(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "a", "News", "a b", "ä-ö", "api", "assets", "media", "embed", "../x", strings.Repeat("x", 41)} {
		if err := CheckSlug(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("CheckSlug(%q) = %v, want %v", bad, err, ErrInvalid)
		}
	}
}

func TestNewKey(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a == b || checkKey(a) != nil || len(a) != 32 {
		t.Errorf("keys %q and %q", a, b)
	}
}

// remove deletes a channel.
func remove(t *testing.T, s *Store, slug string) error {
	_, err := s.Update(t.Context(), slug, func(c *Channel) error { c.Deleted = time.Now(); return nil })
	return err
}
