package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"
)

// card is what the API says of a channel's off-air card.
type card struct{ State, Kind, Line, Clip, Fault, Poster string }

func (n *node) card(method, path, body string) (c card) {
	n.t.Helper()
	if status, answer := n.call(method, "/api/v1/channels/tv/card"+path, body); status != http.StatusOK || json.Unmarshal(answer, &c) != nil {
		n.t.Fatalf("%s card%s: %d %s", method, path, status, answer)
	}
	return c
}

// dealt waits until a card is shown, and returns the take of its clip.
func (n *node) dealt(limit time.Duration) (take string) {
	n.t.Helper()
	var c card
	n.until("the card is made", limit, func() bool {
		if c = n.card("GET", "", ""); c.State == "failed" {
			n.t.Fatalf("the card failed: %s", c.Fault)
		}
		return c.State == "shown"
	})
	var clip struct{ Take string }
	if status, body := n.call("GET", "/api/v1/channels/tv/clips/"+c.Clip, ""); status != http.StatusOK || json.Unmarshal(body, &clip) != nil || clip.Take == "" {
		n.t.Fatalf("the card's clip: %d %s", status, body)
	}
	return clip.Take
}

// colourOf returns the colour of the picture that a player of the playlist sees, near its upper left corner.
func (n *node) colourOf(slug string) color.RGBA {
	n.t.Helper()
	out := ffmpeg(n.t, "-live_start_index", "-1", "-i", n.url("/"+slug+"/index.m3u8"), "-frames:v", "1", "-vf", "crop=2:2:40:40,scale=1:1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	if len(out) < 3 {
		n.t.Fatalf("%d bytes of a picture", len(out))
	}
	return color.RGBA{out[0], out[1], out[2], 255}
}

func near(a, b color.RGBA) bool {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return d(a.R, b.R) < 24 && d(a.G, b.G) < 24 && d(a.B, b.B) < 24
}

// TestCard shows a card when nobody is live: outside players see it within the time of grace and a little after the
// encoder has left, and at once when a producer takes the channel off air; it is changed and removed as easily.
func TestCard(t *testing.T) {
	t.Parallel()
	n := newNode(t, "")
	address := n.channel("tv")
	if status, body := n.call("PATCH", "/api/v1/channels/tv", `{"title":"St Mary's, Ambleside","background":"#204060"}`); status != http.StatusOK {
		t.Fatalf("a colour: %d %s", status, body)
	}
	if c := n.card("GET", "", ""); c.State != "none" {
		t.Fatalf("%+v before there is a card", c)
	}
	if c := n.card("PUT", "", `{"line":"Back on Sunday at 10"}`); c.State != "making" || c.Kind != "drawn" || c.Line != "Back on Sunday at 10" {
		t.Fatalf("%+v", c)
	}
	encoder := camera(t, address, "320x180", "25", "660")
	l := &numbered{n: n, slug: "tv", known: map[int64]string{}}
	made := n.dealt(30 * time.Second)
	l.until("the encoder is on air", "", made)
	n.until("it counts as live", 5*time.Second, func() bool { return n.state("tv") == "live" })

	encoder.kill()
	left := time.Now()
	l.until("the card follows the encoder", made)
	t.Logf("the card is listed %v after the encoder was killed", time.Since(left).Round(10*time.Millisecond))
	if took := time.Since(left); took > 9*time.Second {
		t.Errorf("the card is listed after %v, want the 5 s of grace and a moment", took)
	}
	if n.state("tv") != "off" {
		t.Errorf("with its card the channel is %s", n.state("tv"))
	}
	if got := n.colourOf("tv"); !near(got, color.RGBA{0x20, 0x40, 0x60, 255}) {
		t.Errorf("a player sees %v, want the card's colour", got)
	}

	// A source goes on air by itself, and a producer takes the channel off air: the card is there, and stays.
	encoder = camera(t, address, "320x180", "25", "660")
	l.until("the encoder interrupts", "", made)
	if status, body := n.call("POST", "/api/v1/channels/tv/cuts", `{"source":"off"}`); status != http.StatusOK {
		t.Fatalf("off air: %d %s", status, body)
	}
	l.until("the card follows a producer's word", made)
	encoder.kill()
	encoder = camera(t, address, "320x180", "25", "660")
	n.until("the encoder sends again", 10*time.Second, func() bool {
		_, body := n.call("GET", "/api/v1/channels/tv", "")
		return bytes.Contains(body, []byte(`"sending"`))
	})
	after(2 * time.Second)
	if l.look(); n.state("tv") != "off" {
		t.Error("a source that came again is on air without a word")
	}
	encoder.kill()

	// Another picture.
	pic := image.NewRGBA(image.Rect(0, 0, 640, 360))
	for i := range pic.Pix {
		pic.Pix[i] = [4]byte{200, 40, 40, 255}[i%4]
	}
	var upload bytes.Buffer
	if err := png.Encode(&upload, pic); err != nil {
		t.Fatal(err)
	}
	if c := n.card("PUT", "/picture", upload.String()); c.State != "making" || c.Kind != "picture" {
		t.Fatalf("%+v", c)
	}
	second := n.dealt(30 * time.Second)
	l.until("the other card", second)
	if got := n.colourOf("tv"); !near(got, color.RGBA{200, 40, 40, 255}) {
		t.Errorf("a player sees %v, want the picture's colour", got)
	}

	if c := n.card("DELETE", "", ""); c.State != "none" {
		t.Errorf("%+v after it was removed", c)
	}
	n.until("the channel is dark", 5*time.Second, func() bool {
		before := l.newest
		after(2500 * time.Millisecond)
		l.look()
		return l.newest == before
	})
	// It can be made again, and a real plan takes its place.
	c := n.card("PUT", "", fmt.Sprintf(`{"clip":%q}`, n.newest("tv")))
	if n.dealt(10 * time.Second); c.Kind != "clip" {
		t.Errorf("%+v", c)
	}
	_, plan := n.call("GET", "/api/v1/channels/tv/schedule", "")
	if status, body := n.call("PUT", "/api/v1/channels/tv/schedule", planOf(t, plan)); status != http.StatusOK {
		t.Fatalf("a plan: %d %s", status, body)
	}
	if c := n.card("GET", "", ""); c.State != "plan" {
		t.Errorf("%+v with a plan", c)
	}
	if status, body := n.call("PUT", "/api/v1/channels/tv/card", `{}`); status != http.StatusConflict || !strings.Contains(string(body), "has a plan") {
		t.Errorf("a card beside a plan: %d %s", status, body)
	}
	for _, f := range l.faults {
		t.Error(f)
	}
}

// newest returns the newest clip of a channel's library.
func (n *node) newest(slug string) string {
	n.t.Helper()
	var list struct{ Clips []struct{ ID string } }
	if status, body := n.call("GET", "/api/v1/channels/"+slug+"/clips", ""); status != http.StatusOK || json.Unmarshal(body, &list) != nil || len(list.Clips) == 0 {
		n.t.Fatalf("clips: %d %s", status, body)
	}
	return list.Clips[0].ID
}

// planOf makes what is sent of a plan out of what was read.
func planOf(t *testing.T, read []byte) string {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(read, &p); err != nil {
		t.Fatal(err)
	}
	delete(p, "version")
	delete(p, "made")
	delete(p, "card")
	text, _ := json.Marshal(p)
	return string(text)
}
