package deliver

import (
	"fmt"
	"math"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAudience(t *testing.T) {
	for _, n := range []int{0, 1, 3, 50, 1000, 15000} {
		var a audience
		now := time.Unix(1_800_000_000, 0)
		for i := range n {
			r := httptest.NewRequest("GET", "/news/main.m3u8", nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1234", i>>16, i>>8&255, i&255)
			v := viewerOf(r)
			for later := range 3 { // a player asks again and again
				a.saw(v, now.Add(time.Duration(later)*time.Second))
			}
		}
		now = now.Add(4 * time.Second)
		if got := a.size(now); math.Abs(float64(got-n)) > 0.03*float64(n)+1 {
			t.Errorf("%d viewers were estimated as %d", n, got)
		}
		if got := a.size(now.Add(3 * audienceSpan)); got != 0 {
			t.Errorf("%d viewers are left after all had gone", got)
		}
	}
}

// Who stays is counted across the turn of generations; who has left is not for ever.
func TestAudienceTurns(t *testing.T) {
	var a audience
	now := time.Unix(1_800_000_000, 0)
	a.saw(1, now)
	for range 40 {
		a.saw(2, now)
		if n := a.size(now); n != 1 && n != 2 {
			t.Fatalf("%d viewers", n)
		}
		now = now.Add(2 * time.Second)
	}
	if n := a.size(now); n != 1 {
		t.Errorf("%d viewers after one of two has left", n)
	}
}

func TestViewerOf(t *testing.T) {
	id := func(query, addr, agent, cmcd, via string) uint64 {
		r := httptest.NewRequest("GET", "/news/main.m3u8"+query, nil)
		r.RemoteAddr = addr
		for k, v := range map[string]string{"User-Agent": agent, "CMCD-Session": cmcd, "X-Forwarded-For": via} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		return viewerOf(r)
	}
	base := id("", "10.0.0.1:1000", "mpv", "", "")
	same := map[string]uint64{
		"another port":  id("", "10.0.0.1:2000", "mpv", "", ""),
		"another query": id("?_HLS_msn=4", "10.0.0.1:1000", "mpv", "", ""),
	}
	for what, v := range same {
		if v != base {
			t.Errorf("%s made another viewer", what)
		}
	}
	other := map[string]uint64{
		"another address": id("", "10.0.0.2:1000", "mpv", "", ""),
		"another player":  id("", "10.0.0.1:1000", "VLC", "", ""),
		"behind a proxy":  id("", "10.0.0.1:1000", "mpv", "", "192.0.2.1, 10.0.0.9"),
		"a session":       id("", "10.0.0.1:1000", "mpv", `cid="x", sid="abc"`, ""),
	}
	for what, v := range other {
		if v == base {
			t.Errorf("%s made no other viewer", what)
		}
	}
	if id("?CMCD=cid%3D%22x%22%2Csid%3D%22abc%22&_HLS_msn=4", "10.9.9.9:1", "a", "", "") != other["a session"] {
		t.Error("a session in the query is not the one in the header")
	}
}

func TestViewersOfChannels(t *testing.T) {
	s := newStage()
	s.show(windowOf(2, 5, 0))
	h, _ := newHandler(s)
	for i := range 3 {
		r := httptest.NewRequest("GET", "/news/main.m3u8", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := h.Viewers("news"); n != 3 {
		t.Errorf("%d viewers, want 3", n)
	}
	if n := h.Viewers("nobody"); n != 0 {
		t.Errorf("%d viewers of no channel", n)
	}
	if m := h.AllViewers(); len(m) != 1 || m["news"] != 3 {
		t.Errorf("viewers %v", m)
	}
}
