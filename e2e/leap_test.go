package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// patient sends a request again until the node is there and has an answer: so players see of its death
// nothing but what playlists say.
type patient struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for limit := time.Now().Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		answer, err := p.RoundTripper.RoundTrip(r)
		if err == nil && answer.StatusCode != http.StatusServiceUnavailable {
			return answer, nil
		}
		if time.Now().After(limit) || r.Context().Err() != nil {
			return answer, err
		}
		if err == nil {
			answer.Body.Close()
		}
	}
}

// TestLeap has players play while the node dies and loses its spool: the numbers leap to 65,536, and each of
// them goes on with the new pictures.
func TestLeap(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	address := n.channel("leap")
	file := media(t, 60)
	encoder := publish(t, file, address)
	n.until("there are some segments", 20*time.Second, func() bool {
		_, body := n.get("/leap/main.m3u8")
		return strings.Count(string(body), "#EXTINF") >= 4
	})
	target, err := url.Parse(n.url(""))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // that players leave is no news
	proxy.Transport = patient{&http.Transport{MaxIdleConnsPerHost: 8}}
	between := httptest.NewServer(proxy)
	defer between.Close()
	defer between.CloseClientConnections()

	playlist := between.URL + "/leap/index.m3u8"
	players := map[string]*process{
		"GStreamer": start(t, nil, "gst-launch-1.0", "-v", "souphttpsrc", "location="+playlist, "!", "hlsdemux", "!", "qtdemux", "!", "avdec_h264", "!",
			"fakesink", "sync=false", "silent=false"),
		"mpv":    start(t, nil, "mpv", "--no-config", "--vo=null", "--ao=null", "--msg-level=all=status", "--term-status-msg=picture ${estimated-frame-number} ", playlist),
		"ffmpeg": start(t, nil, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-i", playlist, "-map", "0:v", "-f", "framemd5", "-flush_packets", "1", "-"),
	}
	pictures := func(name string) int {
		out := players[name].output()
		switch name {
		case "GStreamer":
			return strings.Count(out, "fakesink0: last-message = chain")
		case "mpv": // it says some of them, each once
			return strings.Count(out, "picture ")
		}
		return strings.Count(out, "\n0,")
	}
	page := open(t, between.URL+"/leap")
	page.until("the page plays", 20*time.Second, func(s sample) bool { return s.State == "live" && s.CurrentTime > 2 })
	for name, p := range players {
		if !eventually(20*time.Second, func() bool { return pictures(name) > 60 }) {
			t.Fatalf("%s does not play before the leap: %d pictures\n%s", name, pictures(name), tail(p.output()))
		}
	}
	begun := time.Now()
	n.process.kill()
	encoder.kill()
	if err := os.RemoveAll(n.spool); err != nil {
		t.Fatal(err)
	}
	n.start()
	encoder = publish(t, file, address)
	n.until("the numbers leap", 20*time.Second, func() bool {
		_, body := n.get("/leap/main.m3u8")
		return number(string(body), "#EXT-X-MEDIA-SEQUENCE:") == 65536
	})
	leapt := page.last()
	before := map[string]int{}
	for name := range players {
		before[name] = pictures(name)
	}
	for name, p := range players {
		if !eventually(25*time.Second, func() bool { return pictures(name) > before[name]+100 }) {
			t.Errorf("%s does not go on after the leap: %d pictures, and %d then\n%s", name, before[name], pictures(name), tail(p.output()))
		} else {
			t.Logf("%s goes on: %d pictures at the leap, and %d now", name, before[name], pictures(name))
		}
		p.kill()
	}
	page.until("the page goes on", 20*time.Second, func(s sample) bool { return s.State == "live" && s.Frames > leapt.Frames+100 })
	now := page.last()
	t.Logf("the page goes on: longest standstill %.1f s, player built anew %d times", page.still(begun, time.Now()), now.Rebuilds)
	if now.Reloads > 0 {
		t.Errorf("the page was loaded anew: %+v", now)
	}
	encoder.kill()
}
