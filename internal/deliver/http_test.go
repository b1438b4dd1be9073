package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// way is one way to reach a server.
type way struct {
	name   string
	base   string
	client *http.Client
}

// ways starts h on a real socket: over plain HTTP/1.1, HTTP/1.1 over TLS and HTTP/2.
func ways(t *testing.T, h http.Handler) []way {
	t.Helper()
	addr, _ := serve(t, h, 0)
	out := []way{{name: "HTTP/1.1", base: "http://" + addr, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}}
	for _, h2 := range []bool{false, true} {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewUnstartedServer(h)
		srv.Listener.Close()
		srv.Listener, srv.Config, srv.EnableHTTP2 = Listen(tcp, 0), NewServer(h, slog.New(slog.DiscardHandler)), h2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		client := srv.Client()
		client.Transport.(*http.Transport).DisableCompression = true
		name := "HTTP/1.1 over TLS"
		if h2 {
			name = "HTTP/2"
		}
		out = append(out, way{name: name, base: srv.URL, client: client})
	}
	t.Cleanup(func() {
		for _, w := range out {
			w.client.CloseIdleConnections()
		}
	})
	return out
}

// fetch sends one request and reads the whole answer.
func (w way) fetch(t *testing.T, method, target string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

const (
	immutable = "public, max-age=31536000, immutable"
	mpegurl   = "application/vnd.apple.mpegurl"
)

// TestAnswers is the table of what is answered to what, header by header.
func TestAnswers(t *testing.T) {
	s := newStage()
	s.show(windowOf(2, 5, 3))
	segment := media.Address{Take: testTake, Rendition: media.Main, Segment: 6}
	init := media.Address{Take: testTake, Rendition: media.Main, Init: true}
	small := media.Address{Take: testTake, Rendition: media.Main, Segment: 1, Track: 2}
	body := bodyOf(64000, 1, 0, 30000, 6000)
	s.put(segment.String(), body)
	s.put(init.String(), bodyOf(700))
	s.put(small.String(), bodyOf(100, 20))
	whole := body.joined()
	h, log := newHandler(s)

	all := ways(t, h)
	type headers = map[string]string
	none := "" // the header must be absent
	for _, c := range []struct {
		name, method, target string
		send                 headers
		status               int
		want                 headers
		body                 []byte // nil: not compared
	}{
		{"segment", "GET", segment.String(), nil, 200, headers{"Cache-Control": immutable, "Content-Type": "video/mp4", "Etag": `"1"`,
			"Accept-Ranges": "bytes", "Access-Control-Allow-Origin": "*", "Content-Length": "100001", "Vary": none, "Content-Encoding": none}, whole},
		{"segment, compression offered", "GET", segment.String(), headers{"Accept-Encoding": "gzip"}, 200, headers{"Content-Encoding": none}, whole},
		{"signed query does not count", "GET", segment.String() + "?t=abc", nil, 200, nil, whole},
		{"init", "GET", init.String(), nil, 200, headers{"Content-Length": "700", "Cache-Control": immutable}, bodyOf(700).joined()},
		{"small body", "GET", small.String(), nil, 200, headers{"Content-Length": "120"}, bodyOf(100, 20).joined()},
		{"HEAD segment", "HEAD", segment.String(), nil, 200, headers{"Content-Length": "100001", "Content-Type": "video/mp4"}, []byte{}},
		{"range", "GET", segment.String(), headers{"Range": "bytes=63999-64001"}, 206, headers{"Content-Range": "bytes 63999-64001/100001", "Content-Length": "3", "Cache-Control": immutable}, whole[63999:64002]},
		{"open range", "GET", segment.String(), headers{"Range": "bytes=90000-"}, 206, headers{"Content-Range": "bytes 90000-100000/100001"}, whole[90000:]},
		{"suffix range", "GET", segment.String(), headers{"Range": "bytes=-5"}, 206, headers{"Content-Range": "bytes 99996-100000/100001"}, whole[99996:]},
		{"suffix beyond", "GET", segment.String(), headers{"Range": "bytes=-999999"}, 206, headers{"Content-Range": "bytes 0-100000/100001"}, whole},
		{"range to beyond the end", "GET", segment.String(), headers{"Range": "bytes=100000-200000"}, 206, headers{"Content-Range": "bytes 100000-100000/100001"}, whole[100000:]},
		{"range after the end", "GET", segment.String(), headers{"Range": "bytes=100001-"}, 416, headers{"Content-Range": "bytes */100001", "Cache-Control": "no-store", "Content-Type": "application/problem+json", "Etag": none}, nil},
		{"several ranges", "GET", segment.String(), headers{"Range": "bytes=0-1,5-6"}, 200, headers{"Content-Range": none}, whole},
		{"another unit", "GET", segment.String(), headers{"Range": "frames=0-1"}, 200, nil, whole},
		{"If-Range met", "GET", segment.String(), headers{"Range": "bytes=0-1", "If-Range": `"1"`}, 206, nil, whole[:2]},
		{"If-Range not met", "GET", segment.String(), headers{"Range": "bytes=0-1", "If-Range": `"2"`}, 200, nil, whole},
		{"If-Range with a date", "GET", segment.String(), headers{"Range": "bytes=0-1", "If-Range": "Mon, 23 Nov 2026 09:15:12 GMT"}, 200, nil, whole},
		{"not modified", "GET", segment.String(), headers{"If-None-Match": `"0", W/"1"`}, 304, headers{"Etag": `"1"`, "Cache-Control": immutable}, []byte{}},
		{"modified", "GET", segment.String(), headers{"If-None-Match": `"0"`}, 200, nil, whole},
		{"preflight for media", "OPTIONS", segment.String(), headers{"Origin": "https://example.org", "Access-Control-Request-Headers": "range"}, 204, headers{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Max-Age": "86400"}, nil},
		{"POST media", "POST", segment.String(), nil, 405, headers{"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store"}, nil},
		{"malformed address", "GET", "/media/x", nil, 404, headers{"Cache-Control": "no-store", "Retry-After": none}, nil},
		{"unknown take", "GET", media.Address{Take: media.TakeID{9}, Rendition: "main", Segment: 6}.String(), nil, 404, headers{"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*", "Content-Type": "application/problem+json"}, nil},

		{"live playlist", "GET", "/news/main.m3u8", nil, 200, headers{"Content-Type": mpegurl, "Cache-Control": "public, max-age=1", "Vary": "Accept-Encoding", "Access-Control-Allow-Origin": "*", "Content-Encoding": none, "Etag": none}, nil},
		{"HEAD playlist", "HEAD", "/news/main.m3u8", nil, 200, headers{"Content-Type": mpegurl}, []byte{}},
		{"compressed playlist", "GET", "/news/main.m3u8", headers{"Accept-Encoding": "br, gzip"}, 200, headers{"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, nil},
		{"blocking playlist", "GET", "/news/main.m3u8?_HLS_msn=6", nil, 200, headers{"Cache-Control": "public, max-age=24"}, nil},
		{"DVR playlist", "GET", "/news/dvr/main.m3u8", nil, 200, headers{"Content-Type": mpegurl}, nil},
		{"multivariant", "GET", "/news/index.m3u8", nil, 200, headers{"Content-Type": mpegurl, "Cache-Control": "public, max-age=4"}, nil},
		{"preflight for a playlist", "OPTIONS", "/news/main.m3u8", nil, 204, headers{"Access-Control-Allow-Origin": "*"}, nil},
		{"part without number", "GET", "/news/main.m3u8?_HLS_part=1", nil, 400, headers{"Cache-Control": "no-store"}, nil},
		{"number that is none", "GET", "/news/main.m3u8?_HLS_msn=x", nil, 400, nil, nil},
		{"unknown rendition", "GET", "/news/1080p.m3u8", nil, 404, headers{"Cache-Control": "no-store"}, nil},
		{"unknown channel", "GET", "/nobody/main.m3u8", nil, 404, headers{"Retry-After": none}, nil},
		{"never on air", "GET", "/quiet/index.m3u8", nil, 404, headers{"Retry-After": "2", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}, nil},
		{"our trouble", "GET", "/broken/index.m3u8", nil, 503, headers{"Retry-After": "1", "Cache-Control": "no-store"}, nil},
		{"DELETE playlist", "DELETE", "/news/main.m3u8", nil, 405, headers{"Allow": "GET, HEAD, OPTIONS"}, nil},
		{"not ours", "GET", "/news", nil, 404, nil, nil},
		{"a slug that is none", "GET", "/News/main.m3u8", nil, 404, nil, nil},
	} {
		for _, w := range all {
			t.Run(c.name+"/"+w.name, func(t *testing.T) {
				res, got := w.fetch(t, c.method, c.target, c.send)
				if res.StatusCode != c.status {
					t.Fatalf("status %d, want %d: %.200s", res.StatusCode, c.status, got)
				}
				for k, v := range c.want {
					if have := res.Header.Get(k); have != v {
						t.Errorf("%s: %q, want %q", k, have, v)
					}
				}
				if c.body != nil && !bytes.Equal(got, c.body) {
					t.Errorf("%d bytes that are not the %d expected", len(got), len(c.body))
				}
				if res.StatusCode >= 400 && c.method != "HEAD" {
					var p problem
					if err := json.Unmarshal(got, &p); err != nil || p.Status != c.status || p.Detail == "" {
						t.Errorf("problem %s: %v", got, err)
					}
				}
			})
		}
	}
	if text := log.String(); !strings.Contains(text, "on fire") || strings.Count(text, "\n") > 3 {
		t.Errorf("our trouble is to be logged, at most once a second:\n%s", text)
	}
	s.gone = true
	if res, _ := all[0].fetch(t, "GET", segment.String(), nil); res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("with the bucket away: status %d, header %v", res.StatusCode, res.Header)
	}
}

func TestMultivariantOfTheDVRWindow(t *testing.T) {
	s := newStage()
	s.show(windowOf(2, 5, 3))
	h, _ := newHandler(s)
	for target, line := range map[string]string{"/news/index.m3u8": "main.m3u8", "/news/dvr.m3u8": "dvr/main.m3u8"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", target, nil))
		if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
			t.Errorf("%s does not list %s:\n%s", target, line, rec.Body)
		}
	}
}

// The compressed form is the same text, made once per change and only if asked for.
func TestGzip(t *testing.T) {
	s := newStage()
	s.show(windowOf(2, 28, 3))
	h, _ := newHandler(s)
	get := func(accept string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/news/main.m3u8", nil)
		r.Header.Set("Accept-Encoding", accept)
		h.ServeHTTP(rec, r)
		return rec
	}
	plain := get("identity").Body.String()
	if n := h.Stats().Gzips; n != 0 {
		t.Errorf("%d compressions that nobody asked for", n)
	}
	for range 3 {
		rec := get("gzip, deflate, br")
		size := rec.Body.Len()
		z, err := gzip.NewReader(rec.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || string(text) != plain {
			t.Fatalf("unpacked to another text (%v)", err)
		}
		if size*4 > len(plain) {
			t.Errorf("%d bytes became %d", len(plain), size)
		}
	}
	if st := h.Stats(); st.Renders != 1 || st.Gzips != 1 {
		t.Errorf("stats %+v", st)
	}
	s.show(windowOf(2, 28, 4))
	get("gzip")
	if st := h.Stats(); st.Renders != 2 || st.Gzips != 2 {
		t.Errorf("after a change: %+v", st)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "br": false, "gzip, deflate, br, zstd": true, "br;q=1.0, gzip;q=0.8": true,
		"gzip;q=0": false, "gzip;q=0.000": false, "gzip; q=0.001": true, "gzip ;q=1": true, "*": true, "*;q=0": false, "identity": false,
		"*, gzip;q=0": false, "gzip, *;q=0": true, "gzip;q=2": false, "gzip;q=-1": false, "gzip;q=NaN": false, "gzip;q=": false, "gzip;level=9": false,
		"notgzip": false, "gzipped": false, "identity;q=1, *;q=0": false, ",,gzip,": true,
	} {
		if got := acceptsGzip([]string{line}); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
	if !acceptsGzip([]string{"br", "gzip"}) || acceptsGzip(nil) {
		t.Error("several lines count together, none means no")
	}
}

// Bodies of all sizes, in one slice or many, arrive whole one after the other on one connection.
func TestManyBodiesOnOneConnection(t *testing.T) {
	s := newStage()
	h, _ := newHandler(s)
	sizes := [][]int{{10}, {511}, {512}, {513}, {600, 600}, {3000}, {5000, 1}, {1, 100000}, {70000, 70000, 70000}, {}, {300, 300, 0, 5}}
	for i, n := range sizes {
		s.put(media.Address{Take: testTake, Rendition: media.Main, Segment: uint32(i)}.String(), bodyOf(n...))
	}
	for _, w := range ways(t, h) {
		for i, n := range sizes {
			_, got := w.fetch(t, "GET", media.Address{Take: testTake, Rendition: media.Main, Segment: uint32(i)}.String(), nil)
			if !bytes.Equal(got, bodyOf(n...).joined()) {
				t.Errorf("%s: body of slices %v arrived as %d other bytes", w.name, n, len(got))
			}
		}
	}
}

func TestOpenStopsWithTheRequest(t *testing.T) {
	entered := make(chan struct{})
	h := New(Config{Programs: newStage(), Media: openFunc(func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})})
	ctx, cancel := context.WithCancel(t.Context())
	got := ask(ctx, h, media.Address{Take: testTake, Rendition: media.Main}.String())
	<-entered
	cancel()
	if rec := <-got; rec.Code != 503 || h.Stats().Errors.Left != 1 {
		t.Errorf("status %d, stats %+v", rec.Code, h.Stats())
	}
}

// openFunc is a Media that never has anything.
type openFunc func(ctx context.Context) error

func (f openFunc) Open(ctx context.Context, _ media.Address) (Body, <-chan struct{}, error) {
	return nil, nil, errors.Join(errors.New("read a bundle"), f(ctx))
}
