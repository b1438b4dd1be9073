package deliver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// ask sends a request to h in a goroutine and returns where its answer will be.
func ask(ctx context.Context, h http.Handler, target string) <-chan *httptest.ResponseRecorder {
	out := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", target, nil))
		out <- rec
	}()
	return out
}

// answered reports whether the answer is there once nothing moves any more.
func answered(c <-chan *httptest.ResponseRecorder) bool {
	synctest.Wait()
	return len(c) == 1
}

func TestBlockingReload(t *testing.T) {
	for _, c := range []struct {
		name, query string
		held        []int // with 0, 1, 2… parts in segment 7 the request is held
		whole       bool  // held until segment 7 is whole
	}{
		{name: "plain", query: ""},
		{name: "past number", query: "?_HLS_msn=3"},
		{name: "before the window", query: "?_HLS_msn=1"},
		{name: "last whole segment", query: "?_HLS_msn=6"},
		{name: "its parts", query: "?_HLS_msn=6&_HLS_part=9"},
		{name: "first part", query: "?_HLS_msn=7&_HLS_part=0", held: []int{0}},
		{name: "part beyond the end of a whole segment", query: "?_HLS_msn=6&_HLS_part=10", held: []int{0}},
		{name: "far beyond its end", query: "?_HLS_msn=6&_HLS_part=99", held: []int{0}},
		{name: "third part", query: "?_HLS_msn=7&_HLS_part=2", held: []int{0, 1, 2}},
		{name: "whole segment", query: "?_HLS_msn=7", held: []int{0, 1, 2, 3}, whole: true},
		{name: "delta", query: "?_HLS_msn=7&_HLS_part=0&_HLS_skip=YES", held: []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				h, _ := newHandler(s)
				s.show(windowOf(2, 5, 0)) // 2…6 are whole
				got := ask(t.Context(), h, "/news/main.m3u8"+c.query)
				for _, parts := range c.held {
					if parts > 0 {
						s.show(windowOf(2, 5, parts))
					}
					if answered(got) {
						t.Fatalf("answered with %d parts in segment 7", parts)
					}
				}
				switch {
				case c.whole:
					s.show(windowOf(2, 6, 0))
				case len(c.held) > 0:
					s.show(windowOf(2, 5, len(c.held)))
				}
				if !answered(got) {
					t.Fatal("still held")
				}
				rec := <-got
				if rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "#EXTM3U\n") {
					t.Fatalf("status %d: %s", rec.Code, rec.Body)
				}
				want := "public, max-age=24"
				if c.query == "" {
					want = "public, max-age=1"
				}
				if cc := rec.Header().Get("Cache-Control"); cc != want {
					t.Errorf("Cache-Control %q, want %q", cc, want)
				}
				if n := h.Stats().HeldNow; n != 0 {
					t.Errorf("%d requests count as held after all were answered", n)
				}
			})
		})
	}
}

// A number far beyond what is known is held and then answered 503, never 400: this node may
// be the one that is behind.
func TestHoldEnds(t *testing.T) {
	part := media.Address{Take: testTake, Rendition: media.Main, Segment: 9, Run: true}
	for name, target := range map[string]string{
		"far number":             "/news/main.m3u8?_HLS_msn=70000",
		"next part":              "/news/main.m3u8?_HLS_msn=7&_HLS_part=0",
		"the DVR window":         "/news/dvr/main.m3u8?_HLS_msn=7",
		"media not there so far": part.String(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				h, _ := newHandler(s)
				s.show(windowOf(2, 5, 0))
				begin := time.Now()
				got := ask(t.Context(), h, target)
				synctest.Wait()
				if n := h.Stats().HeldNow; n != 1 {
					t.Errorf("HeldNow is %d, want 1", n)
				}
				// Changes that do not help must not prolong the wait.
				<-time.After(4 * time.Second)
				s.show(windowOf(3, 4, 0))
				s.put("/media/other", nil)
				rec := <-got
				if held := time.Since(begin); held != 5*time.Second {
					t.Errorf("held %v, want 5 s", held)
				}
				if rec.Code != 503 || rec.Header().Get("Retry-After") != "1" || rec.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("status %d, header %v", rec.Code, rec.Header())
				}
				if st := h.Stats(); st.Errors.HoldExpired != 1 || st.Errors.Unavailable != 1 || st.HeldNow != 0 {
					t.Errorf("stats %+v", st)
				}
			})
		})
	}
}

// The first playlists of a channel that has a publisher wait for one whole segment: hls.js
// gives up on a playlist of parts alone.
func TestFirstPlaylistWaitsForAWholeSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		index, main := ask(t.Context(), h, "/late/index.m3u8"), ask(t.Context(), h, "/late/main.m3u8")
		if answered(index) || answered(main) {
			t.Fatal("answered before there was a window")
		}
		s.show(windowOf(0, 0, 3))
		if !answered(index) {
			t.Error("the multivariant playlist is still held")
		}
		if answered(main) {
			t.Fatal("answered with parts alone")
		}
		s.show(windowOf(0, 1, 0))
		if rec := <-main; rec.Code != 200 || !strings.Contains(rec.Body.String(), "#EXTINF") {
			t.Errorf("status %d: %s", rec.Code, rec.Body)
		}
	})
}

func TestMediaIsHeldUntilItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		a := media.Address{Take: testTake, Rendition: media.Main, Segment: 9, Run: true}
		got := ask(t.Context(), h, a.String())
		s.put("/media/other", nil)
		if answered(got) {
			t.Fatal("answered too early")
		}
		body := bodyOf(700, 300)
		s.put(a.String(), body)
		if rec := <-got; rec.Code != 200 || rec.Body.String() != string(body.joined()) {
			t.Errorf("status %d, %d bytes", rec.Code, rec.Body.Len())
		}
	})
}

// All who wait are woken by one change and share one rendering per form.
func TestOneRenderingForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		s.show(windowOf(2, 5, 0))
		var all []<-chan *httptest.ResponseRecorder
		for range 100 {
			all = append(all, ask(t.Context(), h, "/news/main.m3u8?_HLS_msn=7&_HLS_part=0"))
		}
		synctest.Wait()
		if n := h.Stats().Renders; n != 0 {
			t.Errorf("%d renderings before there was anything to show", n)
		}
		s.show(windowOf(2, 5, 1))
		first := (<-all[0]).Body.String()
		for _, c := range all[1:] {
			if rec := <-c; rec.Body.String() != first {
				t.Fatal("two viewers got different texts of one change")
			}
		}
		if st := h.Stats(); st.Renders != 1 || st.Gzips != 0 || st.Playlists.Blocking != 100 {
			t.Errorf("stats %+v, want one rendering, no compression, 100 requests", st)
		}
	})
}

// Whoever comes with a window that has been overtaken gets the newer text and does not put
// the older one back.
func TestOvertakenWindow(t *testing.T) {
	s := newStage()
	h, _ := newHandler(s)
	older, newer := windowOf(2, 5, 1), windowOf(2, 5, 2)
	s.show(newer)
	a := playlistPath{Slug: "news", Rendition: media.Main}
	ch := h.channel("news")
	e := ch.edition(h, s, a, older, "")
	if e.window != newer {
		t.Fatal("the older window was put in place")
	}
	if ch.edition(h, s, a, older, "") != e || ch.edition(h, s, a, newer, "") != e {
		t.Error("one window has two editions")
	}
}

func TestViewerLeavesWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		s.show(windowOf(2, 5, 0))
		ctx, leave := context.WithCancel(t.Context())
		got := ask(ctx, h, "/news/main.m3u8?_HLS_msn=7")
		synctest.Wait()
		leave()
		if rec := <-got; rec.Code != 503 {
			t.Errorf("status %d", rec.Code)
		}
		if st := h.Stats(); st.Errors.Left != 1 || st.HeldNow != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// When the node leaves, those who wait are told so at once and can go to another.
func TestLeavingReleasesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		s.show(windowOf(2, 5, 0))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		got := ask(t.Context(), h, "/news/main.m3u8?_HLS_msn=7")
		synctest.Wait()
		stop()
		rec := <-got
		if rec.Code != 503 || rec.Header().Get("Connection") != "close" {
			t.Errorf("status %d, header %v", rec.Code, rec.Header())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTooManyHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.show(windowOf(2, 5, 0))
		h := New(Config{Programs: s, Media: s, MaxHeld: 2})
		first := []<-chan *httptest.ResponseRecorder{
			ask(t.Context(), h, "/news/main.m3u8?_HLS_msn=7"), ask(t.Context(), h, "/news/main.m3u8?_HLS_msn=7")}
		synctest.Wait()
		if rec := <-ask(t.Context(), h, "/news/main.m3u8?_HLS_msn=7"); rec.Code != 503 || rec.Header().Get("Retry-After") != "1" {
			t.Errorf("the third of two got status %d", rec.Code)
		}
		if rec := <-ask(t.Context(), h, "/news/main.m3u8"); rec.Code != 200 {
			t.Errorf("a request that need not wait got status %d", rec.Code)
		}
		s.show(windowOf(2, 6, 0))
		for _, c := range first {
			if rec := <-c; rec.Code != 200 {
				t.Errorf("one that waited got status %d", rec.Code)
			}
		}
	})
}

// What nobody asked for lately is forgotten; what somebody asks for stays.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		h, _ := newHandler(s)
		s.show(windowOf(2, 5, 0))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		<-ask(ctx, h, "/late/main.m3u8")
		<-ask(ctx, h, "/news/dvr/main.m3u8")
		for range 15 {
			<-ask(ctx, h, "/news/main.m3u8")
			<-time.After(6 * time.Second)
		}
		synctest.Wait()
		h.mu.Lock()
		if h.channels["late"] != nil || h.channels["news"] == nil || len(h.channels["news"].feeds) != 1 {
			t.Errorf("kept: %v", h.channels)
		}
		h.mu.Unlock()
		stop()
		<-done
	})
}
