package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listedIn finds the segments that a playlist lists.
var listedIn = regexp.MustCompile(`(?m)^/media/\S+\.m4s$`)

// burntList reads a channel's burnt playlist from a node, and notes what it lists under which number in all. A number that
// goes back, or stands for two addresses, fails the test.
func burntList(n *node, slug string, all map[int]string) (text string, next int) {
	n.t.Helper()
	status, body := n.get("/" + slug + "/burnt/main.m3u8")
	if status != http.StatusOK {
		return "", 0
	}
	text = string(body)
	_, rest, _ := strings.Cut(text, "#EXT-X-MEDIA-SEQUENCE:")
	number, _, _ := strings.Cut(rest, "\n")
	first, err := strconv.Atoi(number)
	if err != nil {
		n.t.Fatalf("no number in\n%s", text)
	}
	next = first
	for _, at := range listedIn.FindAllString(text, -1) {
		if was := all[next]; was != "" && was != at {
			n.t.Fatalf("number %d was %s, and is %s", next, was, at)
		}
		all[next] = at
		next++
	}
	return text, next
}

// TestBurnt plays a channel's burnt program at a node while another one makes it, with a graphic in its pictures, and
// kills that one: a third goes on with the next number, and the graphic is still there.
func TestBurnt(t *testing.T) {
	f := newFleet(t)
	c := f.channel("pier", true, 1)
	if status, _ := f.nodes[0].get("/pier/burnt/index.m3u8"); status != http.StatusNotFound {
		t.Errorf("nobody asked for it: %d", status)
	}
	if status, body := f.nodes[0].call("PATCH", "/api/v1/channels/pier", `{"burn":true}`); status != http.StatusOK {
		t.Fatalf("ask for it: %d %s", status, body)
	}
	// Who makes it is known as soon as somebody asks.
	maker := -1
	f.nodes[0].until("a node makes it", 20*time.Second, func() bool {
		f.nodes[0].admin("HEAD", "/pier/burnt/main.m3u8", "")
		for i, n := range f.nodes {
			if strings.Contains(n.said(), "graphics are drawn into a channel's pictures") {
				maker = i
			}
		}
		return maker >= 0
	})
	viewer, source := f.nodes[(maker+1)%3], (maker+2)%3
	f.publish(newFilm(t, "300k"), c.Sources[0].StreamKey, source)
	all := map[int]string{}
	next := 0
	viewer.until("the burnt program is listed", 20*time.Second, func() bool { _, next = burntList(viewer, "pier", all); return next > 1 })
	showGraphic(t, viewer)
	viewer.until("the graphic is in the pictures", 30*time.Second, func() bool { _, next = burntList(viewer, "pier", all); return marked(t, viewer, all[next-1]) })

	killed, at := time.Now(), next
	f.nodes[maker].process.kill()
	viewer.until("another node goes on", 40*time.Second, func() bool { _, next = burntList(viewer, "pier", all); return next > at+2 })
	t.Logf("three segments more were listed %.1f s after its maker died", time.Since(killed).Seconds())
	if !marked(t, viewer, all[next-1]) {
		t.Error("the graphic is not in the pictures any more")
	}
	if status, _ := viewer.get("/pier/main.m3u8"); status != http.StatusOK {
		t.Errorf("the channel's own program: %d", status)
	}
	if status, body := viewer.call("PATCH", "/api/v1/channels/pier", `{"burn":false}`); status != http.StatusOK {
		t.Fatalf("give it up: %d %s", status, body)
	}
	viewer.until("it is gone", 10*time.Second, func() bool { status, _ := viewer.get("/pier/burnt/index.m3u8"); return status == http.StatusNotFound })
}

// showGraphic fills the screen with pink.
func showGraphic(t *testing.T, n *node) {
	t.Helper()
	if status, body := n.call("PUT", "/api/v1/channels/pier/graphics/look", `{"ground":"#ff00aa"}`); status != http.StatusOK {
		t.Fatalf("the look: %d %s", status, body)
	}
	status, body := n.call("POST", "/api/v1/channels/pier/graphics/items", `{"kind":"heading","title":"x"}`)
	id := regexp.MustCompile(`"id":"([0-9a-f]+)"`).FindSubmatch(body)
	if status != http.StatusCreated || id == nil {
		t.Fatalf("prepare: %d %s", status, body)
	}
	if status, body := n.call("POST", fmt.Sprintf("/api/v1/channels/pier/graphics/items/%s/show", id[1]), ""); status != http.StatusOK {
		t.Fatalf("show: %d %s", status, body)
	}
}

// marked reports whether the last picture of a segment is pink at its left edge.
func marked(t *testing.T, n *node, address string) bool {
	t.Helper()
	status, segment := n.get(address)
	headStatus, head := n.get(filepath.Dir(address) + "/init.mp4")
	if status != http.StatusOK || headStatus != http.StatusOK {
		return false
	}
	cmd := exec.Command(need(t, "ffmpeg"), "-v", "error", "-f", "mp4", "-i", "pipe:0", "-vf", "crop=8:8:0:80,scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
	cmd.Stdin = strings.NewReader(string(head) + string(segment))
	out, err := cmd.Output()
	if err != nil || len(out) < 3 {
		t.Fatalf("%s cannot be decoded: %v", address, err)
	}
	p := out[len(out)-3:]
	return p[0] > 200 && p[1] < 60 && p[2] > 120 && p[2] < 220
}
