package deliver

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// FuzzPlaylistQuery sends any query to a playlist: the answer is one of four, and a query that
// asks for nothing special is never refused.
func FuzzPlaylistQuery(f *testing.F) {
	for _, q := range []string{"", "_HLS_msn=6", "_HLS_msn=7&_HLS_part=0&_HLS_skip=YES", "_HLS_skip=v2", "_HLS_part=1", "_HLS_msn=-1",
		"_HLS_msn=9223372036854775808", "_HLS_msn=7&_HLS_msn=8", "_HLS_msn=%37", "t=abc&CMCD=sid%3D%22x%22", "a;b", "%zz", "&&=&", "_HLS_msn=7&_HLS_part=4294967296"} {
		f.Add(q)
	}
	s := newStage()
	s.show(windowOf(2, 5, 3))
	h := New(Config{Programs: s, Media: s, Hold: time.Nanosecond})
	f.Fuzz(func(t *testing.T, query string) {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/news/main.m3u8", nil)
		r.URL.RawQuery = query
		h.ServeHTTP(rec, r)
		switch rec.Code {
		case 200, 400, 503:
		default:
			t.Errorf("status %d", rec.Code)
		}
		if n := h.Stats().HeldNow; n != 0 {
			t.Errorf("%d requests are left held", n)
		}
	})
}

// FuzzPath sends any path and range: nothing but known answers, and a body as long as was said.
func FuzzPath(f *testing.F) {
	s := newStage()
	s.show(windowOf(2, 5, 3))
	a := media.Address{Take: testTake, Rendition: media.Main, Segment: 6}
	s.put(a.String(), bodyOf(100, 1, 899))
	f.Add("/news/dvr/main.m3u8", "")
	f.Add("/news/index.m3u8", "bytes=0-")
	f.Add(a.String(), "bytes=5-1100")
	f.Add(a.String(), "bytes=-3")
	f.Add(a.String(), "bytes=999999999999999999-")
	f.Add("/media/../news/main.m3u8", "x")
	f.Add("//.m3u8", "bytes=1-0")
	h := New(Config{Programs: s, Media: s, Hold: time.Nanosecond})
	f.Fuzz(func(t *testing.T, path, ranges string) {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path}
		r.Header["Range"] = []string{ranges}
		h.ServeHTTP(rec, r)
		switch rec.Code {
		case 200, 206:
			if n := rec.Header().Get("Content-Length"); n == "" || n == "0" {
				t.Errorf("Content-Length %q", n)
			}
		case http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable, http.StatusServiceUnavailable:
		default:
			t.Errorf("status %d", rec.Code)
		}
	})
}
