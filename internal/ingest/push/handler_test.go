package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestRefusals tests that each mistake is told in words, and that no answer or log shows a key.
func TestRefusals(t *testing.T) {
	hevc := media.Track{ID: 1, Codec: media.HEVC, Timescale: 90000, Config: []byte{1, 2, 3}, Width: 640, Height: 360}
	log := &lockedBuffer{}
	bubble(t, Config{MaxObject: 1 << 20, MaxSessions: 3, Log: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", "/push/wrongkey-12345/s/main/init", makeInit(videoTrack())).want(t, 403, "unknown stream key")
		send(h, "GET", at("s/main/0"), nil).want(t, 405, "PUT")
		send(h, "OPTIONS", at("s/main/0"), nil).want(t, 204, "")
		send(h, "DELETE", at("s/main/0"), nil).want(t, 200, "")
		send(h, "PUT", "/push/", nil).want(t, 400, "malformed address")
		send(h, "PUT", at("../x"), nil).want(t, 400, "malformed address")
		send(h, "PUT", at("s~1/x.m4s"), nil).want(t, 400, "malformed address")
		send(h, "PUT", at("s/%s", strings.Repeat("x", 300)), nil).want(t, 400, "malformed address")
		send(h, "POST", at("s/probe"), nil).want(t, 200, "")
		send(h, "PUT", at("s/main/init"), makeInit(hevc)).want(t, 415, "HEVC is not supported")
		send(h, "PUT", at("s/x.jpg"), []byte("\xff\xd8\xff\xe0 and so on")).want(t, 415, "neither CMAF")
		send(h, "PUT", at("s/x.ts"), []byte("G"+strings.Repeat("x", 400))).want(t, 400, "MPEG-TS")
		send(h, "PUT", at("s/main/0"), append(both(0), make([]byte, 1<<20)...)).want(t, 413, "too big")
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 412, "send the init again")
		send(h, "PUT", at("s/main/0"), both(0), "Content-Encoding", "gzip").want(t, 415, "encoding")
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		send(h, "PUT", at("s/main/0"), bytes.Replace(both(0), []byte{0, 0, 0, 5}, []byte{0, 0, 0, 9}, 1)).want(t, 400, "NAL unit")
		send(h, "PUT", at("s/main/0"), both(0)[:300]).want(t, 400, "cut short")
		send(h, "PUT", at("s/out.m3u8"), []byte("#EXTM3U\n")).want(t, 201, "")
		send(h, "PUT", at("t/main/init"), makeInit(videoTrack())).want(t, 201, "")
		send(h, "PUT", at("u/main/init"), makeInit(videoTrack())).want(t, 201, "")
		send(h, "PUT", at("v/main/init"), makeInit(videoTrack())).want(t, 429, "too many")
		d.with = func(*fakeSink) error { return errors.New("the bucket is away") }
		send(h, "DELETE", at("u/"), nil).want(t, 200, "")
		send(h, "PUT", at("v/main/init"), makeInit(videoTrack())).want(t, 429, "too many") // until it is forgotten
	})
	if text := log.String(); strings.Contains(text, goodKey) || strings.Contains(text, "wrongkey-1") {
		t.Errorf("the log shows a stream key:\n%s", text)
	}
}

// fakeRouter sends everything to one node.
type fakeRouter struct {
	node string
	http.RoundTripper
}

func (r fakeRouter) Owner(key, session string) string {
	if session == "mine" {
		return ""
	}
	return r.node
}

// TestRouter: another node's session is forwarded once.
func TestRouter(t *testing.T) {
	near, far := newDesk(), newDesk()
	// The far node believes that another one has the session: it takes it all the same.
	farAddress, _ := serve(t, Config{Desk: far, Node: "far", Router: fakeRouter{"127.0.0.1:1", http.DefaultTransport}})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	address, _ := serve(t, Config{Desk: near, Node: "near", Router: fakeRouter{strings.TrimPrefix(farAddress, "http://"), transport}})
	put := func(path string, body []byte) *http.Response {
		r, _ := http.NewRequest("PUT", address+path, bytes.NewReader(body))
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, a.Body)
		a.Body.Close()
		return a
	}
	for i, body := range [][]byte{makeInit(videoTrack(), soundTrack()), both(0)} {
		if a := put(at("s/main/%s", []string{"init", "0"}[i]), body); a.StatusCode != 201 || a.Header.Get(HeaderNode) != "far" {
			t.Errorf("answer %d of %q", a.StatusCode, a.Header.Get(HeaderNode))
		}
	}
	if a := put(at("mine/main/init"), makeInit(videoTrack())); a.StatusCode != 201 || a.Header.Get(HeaderNode) != "near" {
		t.Errorf("answer %d of %q", a.StatusCode, a.Header.Get(HeaderNode))
	}
	far.sink(t).inOrder(t, VideoTrack, 0, 25)
	if s := near.sink(t); s.p.Session != "mine" || len(near.made) > 0 {
		t.Errorf("the near node has the session %q", s.p.Session)
	}
	lost, _ := serve(t, Config{Desk: near, Router: fakeRouter{"127.0.0.1:1", transport}})
	address = lost
	if a := put(at("s/main/0"), both(0)); a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" {
		t.Errorf("a node that cannot be reached: answer %d", a.StatusCode)
	}
}

// TestPlaces tests what is read from addresses.
func TestPlaces(t *testing.T) {
	for path, want := range map[string]string{
		"/push/k/s/main/57":                    "s main/57 main/# 57 true",
		"/push/k/s/main/init":                  "s main/init main/init - true",
		"/push/k/chunk-stream0-00012.m4s":      "- chunk-stream0-00012.m4s chunk-stream0-#.m4s 12 false",
		"/push/k/tv//out7.ts":                  "tv out7.ts out#.ts 7 false",
		"/push/k/tv/v/seg_1.cmfv":              "tv v/seg_1.cmfv v/seg_#.cmfv 1 false",
		"/push/k/tv/Streams(video-2.cmfv)":     "tv Streams(video-2.cmfv) Streams(video-#.cmfv) 2 false",
		"/push/k/99999999999999999999999.m4s":  "- 99999999999999999999999.m4s 99999999999999999999999.m4s - false",
		"/push/k/s/":                           "s   - false",
		"/push/k/s/main/99999999999999999999x": "s main/99999999999999999999x main/99999999999999999999x - false",
	} {
		p, err := parsePlace(path)
		number := "-"
		if p.numbered {
			number = fmt.Sprint(p.number)
		}
		if got := fmt.Sprintf("%s %s %s %s %v", p.session, p.name, p.lane, number, p.explicit); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
}

// TestInits tests which init belongs to which segments.
func TestInits(t *testing.T) {
	for _, c := range []struct {
		segment, want string
		inits         []string
		maps          map[string]string
	}{
		{"main/5", "main/init", []string{"main/init", "other/init"}, nil},
		{"chunk-stream1-00003.m4s", "init-stream1.m4s", []string{"init-stream0.m4s", "init-stream1.m4s"}, nil},
		{"chunk-stream1-00003.m4s", "", []string{"init-stream0.m4s"}, nil},
		{"out4.m4s", "init.mp4", []string{"init.mp4"}, nil},
		{"out_1_4.m4s", "init_1.mp4", []string{"init_0.mp4", "init_1.mp4"}, nil},
		{"v/seg-1.m4s", "v/init.mp4", []string{"v/init.mp4", "a/init.mp4"}, nil},
		{"x4.m4s", "b.mp4", []string{"a.mp4", "b.mp4"}, map[string]string{"x#.m4s": "b.mp4"}},
	} {
		s := newStream(false, 1<<20, nil)
		want := map[string]*header{}
		for _, name := range c.inits {
			s.inits[name] = &header{}
			want[name] = s.inits[name]
		}
		if c.maps != nil {
			s.maps = c.maps
		}
		p, _ := parsePlace("/push/k/s/" + c.segment)
		if got := s.headerFor(p, false); got != want[c.want] {
			t.Errorf("%s: not %q", c.segment, c.want)
		}
	}
}

func TestManifests(t *testing.T) {
	p, _ := parsePlace("/push/k/tv/v0/out.m3u8")
	m := readManifest(p, "#EXTM3U\n#EXT-X-MAP:URI=\"head.mp4\"\n#EXTINF:1,\nseg-1.m4s?x=1\n#EXT-X-ENDLIST\n")
	if !m.ended || len(m.maps) != 1 || m.maps["v0/seg-#.m4s"] != "v0/head.mp4" {
		t.Errorf("%+v", m)
	}
	if m := readManifest(p, "#EXTM3U\n#EXT-X-MAP:URI=\"../../../x\"\nhttp://else/1.m4s\n"); m.ended || len(m.maps) != 0 {
		t.Errorf("%+v", m)
	}
	if !readManifest(p, `<?xml version="1.0"?><MPD type="static">`).ended {
		t.Error("an MPD of a stream that has ended is not recognised")
	}
}
