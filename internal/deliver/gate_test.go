package deliver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// door is a gate in the hands of a test: the token "good" opens everything, "media" only media.
type door struct {
	pass      Admission
	closed    bool
	err       error
	elsewhere int
}

func (d *door) Channel(r *http.Request, _ string) (Admission, error) {
	if d.closed && TokenOf(r) != "good" {
		return Admission{}, d.err
	}
	return d.pass, nil
}

func (d *door) Media(r *http.Request, _ media.TakeID) (bool, error) {
	if d.closed && TokenOf(r) != "media" {
		return true, d.err
	}
	return d.closed, nil
}

func (d *door) Elsewhere(string) int { return d.elsewhere }

func look(h http.Handler, target, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	if from != "" {
		r.RemoteAddr = from + ":1000"
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func gated(d *door) (*Handler, *stage, media.Address) {
	s := newStage()
	s.show(windowOf(2, 29, 3))
	a := media.Address{Take: testTake, Rendition: media.Main, Segment: 6, Run: true}
	s.put(a.String(), bodyOf(100))
	h, _ := newHandler(s)
	h.cfg.Gate = d
	return h, s, a
}

// TestGate lets a token travel from playlist to playlist to media, and nobody in without one.
func TestGate(t *testing.T) {
	d := &door{closed: true, err: ErrPrivate, pass: Admission{Private: true, Lists: "good", Media: "media"}}
	h, _, a := gated(d)
	for _, target := range []string{"/news/index.m3u8", "/news/main.m3u8", "/news/dvr.m3u8", "/news/dvr/main.m3u8?t=bad", a.String(), a.String() + "?t=good", a.String() + "?x=media&tt=media"} {
		w := look(h, target, "")
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"kind":"private"`) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", target, w.Code, w.Body, w.Header())
		}
	}
	for target, holds := range map[string]string{
		"/news/index.m3u8?t=good": "\nmain.m3u8?t=good\n", "/news/dvr.m3u8?a=b&t=good": "\ndvr/main.m3u8?t=good\n",
		"/news/main.m3u8?t=good": `.m4s?t=media"`, "/news/dvr/main.m3u8?t=good": `init.mp4?t=media"`,
	} {
		w := look(h, target, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), holds) || !strings.HasPrefix(w.Header().Get("Cache-Control"), "private, ") {
			t.Errorf("%s: %d %v\n%s", target, w.Code, w.Header(), w.Body)
		}
		for line := range strings.Lines(w.Body.String()) {
			if strings.Contains(line, "/media/") && strings.Count(line, "/media/") != strings.Count(line, "?t=media") {
				t.Errorf("%s: no token in %s", target, line)
			}
		}
	}
	w := look(h, a.String()+"?t=media", "")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "private, max-age=31536000, immutable" {
		t.Errorf("media: %d %v", w.Code, w.Header())
	}
	for err, want := range map[error]int{ErrPassword: 403, ErrNoChannel: 404, &OftenError{time.Minute}: 429, ErrUnavailable: 503} {
		d.err = err
		for _, target := range []string{"/news/main.m3u8", a.String()} {
			if w := look(h, target, ""); w.Code != want {
				t.Errorf("%v: %d, want %d", err, w.Code, want)
			}
		}
	}
	// The next hour has another token under the same window, and the same numbers.
	before := look(h, "/news/main.m3u8?t=good", "").Body.String()
	d.pass.Media = "later"
	if after := look(h, "/news/main.m3u8?t=good", "").Body.String(); after != strings.ReplaceAll(before, "t=media", "t=later") {
		t.Errorf("in the next hour:\n%s", after)
	}
}

// TestOpenGate leaves what everybody may watch as it is.
func TestOpenGate(t *testing.T) {
	h, s, a := gated(&door{})
	plain, _ := newHandler(s)
	for _, target := range []string{"/news/index.m3u8", "/news/main.m3u8", a.String()} {
		x, y := look(h, target, ""), look(plain, target, "")
		if x.Body.String() != y.Body.String() || fmt.Sprint(x.Header()) != fmt.Sprint(y.Header()) || strings.Contains(x.Body.String(), "?t=") {
			t.Errorf("%s: with a gate\n%v %s\nwithout\n%v %s", target, x.Header(), x.Body, y.Header(), y.Body)
		}
	}
}

// TestFull turns away who comes when as many watch as may, and nobody who watches already.
func TestFull(t *testing.T) {
	d := &door{pass: Admission{Limit: 3}, elsewhere: 1}
	h, _, _ := gated(d)
	for i, want := range []int{200, 200, 503, 503} {
		from := fmt.Sprintf("192.0.2.%d", i)
		for _, target := range []string{"/news/index.m3u8", "/news/main.m3u8", "/news/main.m3u8"} {
			w := look(h, target, from)
			if w.Code != want || want == 503 && (!strings.Contains(w.Body.String(), `"kind":"full"`) || w.Header().Get("Retry-After") == "") {
				t.Errorf("viewer %d, %s: %d %s, want %d", i, target, w.Code, w.Body, want)
			}
		}
	}
	d.pass.Crew = true
	if w := look(h, "/news/main.m3u8", "192.0.2.9"); w.Code != 200 {
		t.Errorf("who works on it: %d", w.Code)
	}
	if s := h.Stats(); s.Errors.Full != 6 {
		t.Errorf("counted %d", s.Errors.Full)
	}
}

// TestGateCost has a gate that lets everybody in cost no allocation.
func TestGateCost(t *testing.T) {
	h, s, a := gated(&door{})
	plain, _ := newHandler(s)
	for _, target := range []string{"/news/main.m3u8", a.String()} {
		count := func(h http.Handler) float64 {
			r := httptest.NewRequest("GET", target, nil)
			w := &nowhere{h: http.Header{}}
			return testing.AllocsPerRun(100, func() {
				clear(w.h)
				h.ServeHTTP(w, r)
			})
		}
		if with, without := count(h), count(plain); with > without {
			t.Errorf("%s: %v allocations with a gate, %v without", target, with, without)
		}
	}
}
