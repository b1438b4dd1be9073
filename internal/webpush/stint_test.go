package webpush

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// TestHanging has more channels than have a stint at once, each with dozens of push services that never answer: a channel
// that goes on air meanwhile is told within one stint, and so is everybody of theirs who can be, once.
func TestHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow, each = parallel + 1, 4 * atOnce
		w := newWorld(t)
		s := w.node("a", w.bucket)
		aired := s.cfg.Aired
		var late atomic.Pointer[[]webhook.Aired]
		late.Store(&[]webhook.Aired{})
		s.cfg.Aired = func(slug string) ([]webhook.Aired, bool) {
			if slug == "late" {
				return *late.Load(), true
			}
			return aired(slug)
		}
		s.cfg.Mark = func(context.Context, string) error { return nil }
		with := func(slug string, count int) []*browser {
			w.channel = &channel.Channel{ID: "id-" + slug, Slug: slug, Title: slug, Subscribed: true}
			w.channel.Visibility = channel.Listed
			s.Changed(w.channel)
			return w.subscribed(s, count)
		}
		var hanging, fine []*browser
		for i := range slow {
			fine = append(fine, with(fmt.Sprint("slow", i), 1)...)
			hanging = append(hanging, w.hanging(s, each)...)
		}
		one := with("late", 1)[0]
		defer run(t.Context(), s)()
		time.Sleep(time.Minute)
		w.air("cam")
		time.Sleep(8 * time.Second)
		late.Store(&[]webhook.Aired{{ID: "x", Number: 1, Source: "cam", Start: time.Now()}})
		time.Sleep(stintTime + postTime + 2*lookEvery)
		if n := w.heard(one); n != 1 {
			t.Errorf("a channel beside slow ones is told %d times", n)
		}
		time.Sleep(2 * time.Minute)
		for i, b := range fine {
			if n := w.heard(b); n != 1 {
				t.Errorf("who can be told in channel %d is told %d times", i, n)
			}
		}
		for i, b := range hanging {
			if n := w.tries([]*browser{b}); n < 1 || n > maxPasses {
				t.Fatalf("the push service of browser %d is asked %d times", i, n)
			}
		}
	})
}

// hanging makes browsers whose push services never answer.
func (w *world) hanging(s *Sender, count int) []*browser {
	all := w.subscribed(s, count)
	for _, b := range all {
		b.answer = hangs
	}
	return all
}

// tries is how often the push services of browsers were asked.
func (w *world) tries(all []*browser) (n int) {
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	for _, b := range all {
		n += b.tries
	}
	return n
}

// TestStale sends nobody news that have become old while others were told.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.node("a", w.bucket)
		all := w.hanging(s, 5*atOnce)
		defer run(t.Context(), s)()
		time.Sleep(time.Minute)
		w.air("cam")
		time.Sleep(postTime + 2*lookEvery)
		if n := w.tries(all); n != 2*atOnce {
			t.Errorf("%d are tried, want two times %d", n, atOnce)
		}
		w.ahead.Store(int64(stale))
		time.Sleep(time.Hour)
		if n := w.tries(all); n != 2*atOnce {
			t.Errorf("%d are tried when the news are old", n)
		}
	})
}

// TestLeaseForSome writes the lease alone where somebody is to be told.
func TestLeaseForSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var puts atomic.Int64
		s := w.node("a", bucket.Counted(w.bucket, func(op string, _ error, _ time.Duration, _ int64) {
			if op != "get" && op != "list" {
				puts.Add(1)
			}
		}))
		w.subscribed(s, 1)
		defer run(t.Context(), s)()
		time.Sleep(time.Minute)
		puts.Store(0)
		w.air("cam")
		time.Sleep(time.Minute)
		if n := puts.Load(); n != 4 { // the round, the lease, who was told, the end
			t.Errorf("one browser is told with %d writes", n)
		}
	})
}
