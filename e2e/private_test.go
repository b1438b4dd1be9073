package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPrivate plays a private channel by a playback link, in other players and on the page, until it is revoked.
func TestPrivate(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	at := n.channel("vestry")
	if status, body := n.call("PATCH", "/api/v1/channels/vestry", `{"visibility":"private"}`); status != http.StatusOK {
		t.Fatalf("make it private: %d %s", status, body)
	}
	status, body := n.call("POST", "/api/v1/channels/vestry/links", `{"name":"The bishop","hours":1}`)
	var link struct{ ID, Page, Playlist string }
	if err := json.Unmarshal(body, &link); status != http.StatusCreated || err != nil {
		t.Fatalf("make a link: %d %s", status, body)
	}
	encoder := camera(t, at, "320x180", "25", "440")
	list := func(name string) (int, string, http.Header) {
		resp, err := client.Get(strings.Replace(link.Playlist, "index.m3u8", name, 1))
		if err != nil {
			return 0, "", nil
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text), resp.Header
	}
	n.until("there are some segments", 20*time.Second, func() bool {
		_, text, _ := list("main.m3u8")
		return strings.Count(text, "#EXTINF") >= 3
	})
	for _, path := range []string{"/vestry/index.m3u8", "/vestry/main.m3u8", "/vestry/dvr.m3u8", "/vestry/main.m3u8?t=" + strings.Repeat("A", 28)} {
		if status, body := n.get(path); status != http.StatusForbidden || !bytes.Contains(body, []byte(`"kind":"private"`)) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, text, head := list("main.m3u8")
	found := regexp.MustCompile(`(/media/[^\s"?]+)\?t=([\w-]+)`).FindStringSubmatch(text)
	if found == nil || !strings.HasPrefix(head.Get("Cache-Control"), "private") {
		t.Fatalf("the playlist: %v\n%s", head, text)
	}
	if status, _ := n.get(found[1]); status != http.StatusForbidden {
		t.Errorf("media without a token: %d", status)
	}
	if status, _ := n.get(found[1] + "?t=" + found[2]); status != http.StatusOK {
		t.Errorf("media with its token: %d", status)
	}
	if out, err := exec.Command(need(t, "ffprobe"), "-v", "error", "-show_entries", "stream=codec_name,width", "-of", "csv", link.Playlist).CombinedOutput(); err != nil || !strings.Contains(string(out), "h264,320") {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}
	g := start(t, nil, "gst-launch-1.0", "-v", "souphttpsrc", "location="+link.Playlist, "!", "hlsdemux", "!", "qtdemux", "!", "avdec_h264", "!", "fakesink", "sync=false", "silent=false")
	if !eventually(20*time.Second, func() bool { return strings.Count(g.output(), "fakesink0: last-message = chain") >= 50 }) {
		t.Errorf("GStreamer shows too few pictures:\n%s", tail(g.output()))
	}
	g.kill()

	page := open(t, link.Page)
	page.until("the page plays", 25*time.Second, func(s sample) bool { return s.State == "live" && s.CurrentTime > 0 && s.Frames > 25 })
	if status, body := n.call("DELETE", "/api/v1/channels/vestry/links/"+link.ID, ""); status != http.StatusNoContent {
		t.Fatalf("revoke the link: %d %s", status, body)
	}
	page.until("the page says that it is private", 10*time.Second, func(s sample) bool { return s.State == "barred" })
	page.shoot("private-revoked")
	page.quit()
	if status, _, _ := list("main.m3u8"); status != http.StatusForbidden {
		t.Errorf("a playlist with the revoked link: %d", status)
	}
	encoder.kill()
}
