package burn

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
)

// TestWanted does something for a channel only while somebody watches and it is this node's turn, for no more than
// it may at once, and tries ever more seldom what goes wrong.
func TestWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log bytes.Buffer // nobody reads it while something is written
		tried := map[string]int{}
		wanted, mine := []string{}, true
		b := New(Config{
			Channels: func() (all []Channel) {
				mu.Lock()
				defer mu.Unlock()
				for _, c := range []Channel{{"1", "one"}, {"2", "two"}, {"3", "three"}} {
					if slices.Contains(wanted, c.Slug) {
						all = append(all, c)
					}
				}
				return all
			},
			Mine: func(id string) bool { mu.Lock(); defer mu.Unlock(); return mine && id != "3" },
			Program: func(slug string) (Timeline, error) {
				mu.Lock()
				defer mu.Unlock()
				tried[slug]++
				return nil, errors.New("nothing is to be had")
			},
			Most: 1, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		waits := func(want ...string) {
			t.Helper()
			if got := b.Waiting(); !slices.Equal(got, want) {
				t.Errorf("%v wait, want %v", got, want)
			}
		}
		set := func(is bool, slugs ...string) { mu.Lock(); defer mu.Unlock(); mine, wanted = is, slugs }
		counts := func() [3]int { mu.Lock(); defer mu.Unlock(); return [3]int{tried["one"], tried["two"], tried["three"]} }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		time.Sleep(time.Minute)
		if counts() != [3]int{} {
			t.Errorf("nobody watches: %v", counts())
		}
		set(true, "one", "three")
		time.Sleep(time.Second)
		waits()
		set(true, "one", "two", "three")
		time.Sleep(2 * time.Minute)
		if n := counts(); n[0] < 5 || n[0] > 8 || n[1] != 0 || n[2] != 0 {
			t.Errorf("within two minutes it was tried %v times", n)
		}
		waits("two")
		set(true, "two")
		time.Sleep(lookEvery + time.Millisecond)
		waits()
		if n := counts(); n[1] != 1 {
			t.Errorf("when there is room: %v", n)
		}
		set(true, "one", "two")
		time.Sleep(time.Second)
		waits("one")
		set(false, "one", "two")
		time.Sleep(time.Second)
		waits()
		before := counts()
		time.Sleep(time.Hour)
		if counts() != before {
			t.Error("another node's turn, and it goes on")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for slug, times := range map[string]int{"one": 1, "two": 1, "three": 0} {
			if n := len(regexp.MustCompile(`level=WARN.*more processors.*channel=`+slug+" room=1\n").FindAllString(log.String(), -1)); n != times {
				t.Errorf("it is said %d times that there is no room for %s, want %d", n, slug, times)
			}
		}
	})
}

// gallery gives images as long as it is open.
type gallery struct {
	mu     sync.Mutex
	data   []byte
	asked  map[string]int
	closed bool
}

func (g *gallery) get(name string) ([]byte, error) {
	time.Sleep(time.Second)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[name]++
	if g.closed {
		return nil, errors.New("closed")
	}
	return g.data, nil
}

func (g *gallery) Kept(_ context.Context, _, name string) ([]byte, error) { return g.get(name) }

func (g *gallery) Newest(_ context.Context, _, graphic string, _ time.Duration) ([]byte, error) {
	return g.get("newest " + graphic)
}

// TestPictures fetches each image once in the background, one that reloads itself once in its interval; one that cannot be
// had is asked for again after a while, and the one before stays.
func TestPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var data bytes.Buffer
		if err := png.Encode(&data, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
			t.Fatal(err)
		}
		g := &gallery{data: data.Bytes(), asked: map[string]int{}}
		p := newPictures(t.Context(), g, "c")
		defer p.wait()
		s := &graphics.Showing{Graphic: "map", Image: "kept.png", Content: graphics.Content{Kind: graphics.Picture, Reload: 10}}
		if p.of(s, t0) != nil || p.kept("") != nil {
			t.Error("there is an image before it was fetched")
		}
		time.Sleep(2 * time.Second)
		first := p.of(s, t0)
		if first == nil || p.of(s, t0.Add(9*time.Second)) != first || g.asked["newest map"] != 1 {
			t.Errorf("within its interval it was asked for %d times", g.asked["newest map"])
		}
		g.closed = true
		for range 20 {
			if p.of(s, t0.Add(time.Minute)) != first {
				t.Error("the one before is gone")
			}
			time.Sleep(time.Second)
		}
		if n := g.asked["newest map"]; n < 4 || n > 8 {
			t.Errorf("within 20 s it was asked for %d times", n)
		}
		g.closed = false
		p.of(s, t0.Add(time.Minute))
		time.Sleep(5 * time.Second)
		p.of(s, t0.Add(time.Minute))
		time.Sleep(2 * time.Second)
		if p.of(s, t0.Add(time.Minute)) == first {
			t.Error("there is no newer one")
		}
		for i := range 3 * maxPictures {
			p.kept(string(rune('a' + i)))
		}
		if len(p.all) > maxPictures {
			t.Errorf("%d images are kept", len(p.all))
		}
	})
}
