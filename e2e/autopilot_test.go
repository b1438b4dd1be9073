package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// upload puts a file into a channel's library and waits until it can be played.
func (n *node) upload(slug, file string) (id, take string) {
	n.t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		n.t.Fatal(err)
	}
	var c struct{ ID, State, Fault, Upload, Take string }
	status, body := n.call("POST", "/api/v1/channels/"+slug+"/clips", fmt.Sprintf(`{"file":%q,"bytes":%d}`, filepath.Base(file), st.Size()))
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil {
		n.t.Fatalf("make a clip: %d %s", status, body)
	}
	f, err := os.Open(file)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	n.send(c.Upload, f, 0, st.Size(), st.Size())
	n.until("the clip is ready", 30*time.Second, func() bool {
		_, body := n.call("GET", "/api/v1/channels/"+slug+"/clips/"+c.ID, "")
		if json.Unmarshal(body, &c); c.State == "failed" {
			n.t.Fatalf("the clip cannot be played: %s", c.Fault)
		}
		return c.State == "ready"
	})
	return c.ID, c.Take
}

// bars makes a clip with a keyframe every second.
func bars(t *testing.T, name, size, tone string, seconds int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".mp4")
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("smptebars=s=%s:r=25:d=%d", size, seconds), "-f", "lavfi", "-i", fmt.Sprintf("sine=%s:r=48000:d=%d", tone, seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "200k", "-c:a", "aac", path)
	return path
}

// numbered is every number that a channel ever listed, with its address.
type numbered struct {
	n      *node
	slug   string
	known  map[int64]string
	newest int64
	faults []string
}

// look reads the playlist once, and returns the address of its newest whole segment.
func (l *numbered) look() string {
	status, body := l.n.get("/" + l.slug + "/main.m3u8")
	if status != http.StatusOK {
		return ""
	}
	p, _ := hlstest.Parse(body)
	last := ""
	for _, s := range p.Segments {
		if s.URI == "" {
			continue
		}
		if was := l.known[s.Number]; was != "" && was != s.URI {
			l.faults = append(l.faults, fmt.Sprintf("number %d is %s, and was %s", s.Number, s.URI, was))
		}
		l.known[s.Number], last = s.URI, s.URI
		l.newest = max(l.newest, s.Number)
	}
	return last
}

// until looks until the newest segment is of a take, or with "" of none of those that are given.
func (l *numbered) until(what, take string, others ...string) {
	l.n.t.Helper()
	l.n.until(what, 20*time.Second, func() bool {
		at := l.look()
		return at != "" && strings.Contains(at, take) && !slices.ContainsFunc(others, func(o string) bool { return strings.Contains(at, o) })
	})
}

// of returns the addresses of a take, in the order of their numbers.
func (l *numbered) of(take string) (list []string) {
	for number := int64(0); number <= l.newest; number++ {
		if at, known := l.known[number]; known && strings.Contains(at, take) {
			list = append(list, at)
		}
	}
	return list
}

// TestAutopilotPlays has a channel play a storyboard that nobody watches. Its node is killed, and the same numbers go on;
// a camera interrupts, and the clip goes on where it stopped; another clip is played on cue. Players play it.
func TestAutopilotPlays(t *testing.T) {
	t.Parallel()
	n := newNode(t, "")
	address := n.channel("tv")
	film, loop := n.upload("tv", bars(t, "film", "320x180", "440", 12))
	spot, short := n.upload("tv", bars(t, "spot", "480x270", "880", 4))
	var board struct{ ID string }
	if status, body := n.call("POST", "/api/v1/channels/tv/storyboards", fmt.Sprintf(`{"name":"Day","clips":[{"clip":%q}]}`, film)); status != http.StatusCreated || json.Unmarshal(body, &board) != nil {
		t.Fatalf("make a storyboard: %d %s", status, body)
	}
	if status, body := n.call("PUT", "/api/v1/channels/tv/schedule", fmt.Sprintf(`{"zone":"UTC","filler":%q,"storyboards":[{"id":%q}]}`, board.ID, board.ID)); status != http.StatusOK {
		t.Fatalf("make a plan: %d %s", status, body)
	}
	n.until("it is on air by itself", 15*time.Second, func() bool { return n.state("tv") == "live" })
	l := &numbered{n: n, slug: "tv", known: map[int64]string{}}
	l.until("the clip is listed", loop)
	url := n.url("/tv/index.m3u8")
	if out := ffmpeg(t, "-i", url, "-t", "3", "-map", "0:v", "-f", "framemd5", "-"); strings.Count(string(out), "\n0,") < 70 {
		t.Errorf("ffmpeg decoded %d pictures of 3 s", strings.Count(string(out), "\n0,"))
	}
	gst := start(t, nil, "gst-launch-1.0", "-v", "souphttpsrc", "location="+url, "!", "hlsdemux", "!", "qtdemux", "!", "avdec_h264", "!", "fakesink", "sync=false", "silent=false")
	n.until("GStreamer shows 100 pictures", 20*time.Second, func() bool { return strings.Count(gst.output(), "fakesink0: last-message = chain") >= 100 })
	gst.kill()

	before := l.newest
	n.process.kill()
	n.start()
	n.until("the playlist goes on after kill -9", 10*time.Second, func() bool { l.look(); return l.newest > before+2 })
	if l.newest > before+60 {
		t.Errorf("number %d follows %d after kill -9", l.newest, before)
	}

	encoder := camera(t, address, "320x180", "25", "660")
	l.until("the camera interrupts", "", loop)
	stopped := len(l.of(loop))
	encoder.kill()
	l.until("the clip is back", loop)
	switch list := l.of(loop); {
	case len(list) <= stopped:
		t.Errorf("after the camera nothing new of the clip is listed: %v", list)
	case !follows(list[stopped-1], list[stopped], l.newest >= 65536):
		t.Errorf("the clip stopped after %s and goes on with %s", list[stopped-1], list[stopped])
	}

	if status, body := n.call("DELETE", "/api/v1/channels/tv/clips/"+film, ""); status != http.StatusConflict || !strings.Contains(string(body), "The channel tv") {
		t.Errorf("a clip of the plan is deleted: %d %s", status, body)
	}
	if status, body := n.call("POST", "/api/v1/channels/tv/cuts", fmt.Sprintf(`{"source":"clip:%s"}`, spot)); status != http.StatusOK {
		t.Fatalf("play a clip: %d %s", status, body)
	}
	l.until("the other clip is listed", short)
	_, body := n.call("GET", "/api/v1/channels/tv", "")
	if !strings.Contains(string(body), `"then":"autopilot"`) {
		t.Errorf("while a clip plays the channel is %s", body)
	}
	l.until("the plan is back", loop)
	if list := l.of(short); len(list) != 2 {
		t.Errorf("of the clip of 4 s that was played on cue %v is listed", list)
	}
	for _, f := range l.faults {
		t.Error(f)
	}
	t.Logf("%d numbers, the newest is %d", len(l.known), l.newest)
}

// follows reports whether one segment of a clip that plays in a loop comes after another. Where the program leapt, because
// the node that was killed may have listed more, one may have been listed in part and left the window before it was whole.
func follows(a, b string, leapt bool) bool {
	var x, y int
	name := func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
	fmt.Sscanf(name(a), "%d", &x)
	fmt.Sscanf(name(b), "%d", &y)
	return y == x+1 || y == 0 && x > 0 || leapt && (y == x+2 || y == 1 && x > 1)
}

// TestCutSizes cuts between two cameras of different size and frame rate and a clip of a third: what is played in the
// browser does not stall, and GStreamer shows all of them.
func TestCutSizes(t *testing.T) {
	n := newNode(t, "")
	n.channel("cuts")
	status, body := n.call("POST", "/api/v1/channels/cuts/sources", `{"name":"Two"}`)
	var c struct {
		Sources []struct{ ID, StreamKey string }
	}
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil {
		t.Fatalf("add a source: %d %s", status, body)
	}
	clip, _ := n.upload("cuts", bars(t, "clip", "640x360", "880", 4))
	camera(t, "rtmp://"+n.rtmp+"/live/"+c.Sources[0].StreamKey, "320x180", "25", "440")
	n.until("it is on air", 10*time.Second, func() bool { return n.state("cuts") == "live" })
	camera(t, "rtmp://"+n.rtmp+"/live/"+c.Sources[1].StreamKey, "480x360", "10", "660")
	b := open(t, n.url("/cuts"))
	b.until("the page plays", 20*time.Second, func(s sample) bool { return s.State == "live" && s.Frames > 50 })
	gst := start(t, nil, "gst-launch-1.0", "-v", "playbin3", "uri="+n.url("/cuts/index.m3u8"), "video-sink=fakesink name=pictures sync=true silent=false", "audio-sink=fakesink sync=true")
	first := b.last()
	listed := n.cuts("cuts")
	for _, source := range []string{c.Sources[1].ID, "clip:" + clip, "", c.Sources[0].ID} { // a clip is followed by what was before it
		asked := time.Now()
		if source != "" {
			n.until("the cut is taken", 5*time.Second, func() bool {
				asked = time.Now()
				status, _ := n.call("POST", "/api/v1/channels/cuts/cuts", fmt.Sprintf(`{"source":%q}`, source))
				return status == http.StatusOK
			})
		}
		select {
		case at := <-listed:
			took := at.Sub(asked)
			t.Logf("cut to %q: listed after %v", source, took.Round(time.Millisecond))
			if source != "" && took > 1500*time.Millisecond {
				t.Errorf("a cut to %q was listed after %v, want the keyframe interval of 1 s and 500 ms", source, took)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("a cut to %q is not seen", source)
		}
		after(1500 * time.Millisecond)
	}

	n.until("GStreamer has shown all sizes", 15*time.Second, func() bool {
		out := gst.output()
		return strings.Contains(out, "width=(int)480") && strings.Contains(out, "width=(int)640") && strings.Count(out, "last-message = chain") > 200
	})
	after(2 * time.Second)
	last := b.last()
	if frames := last.Frames - first.Frames; last.Stalls != first.Stalls || last.Rebuilds != first.Rebuilds || last.State != "live" || frames < 80 {
		t.Errorf("the page stalled %d times, was built anew %d times (%s), shows %q and %d pictures", last.Stalls-first.Stalls, last.Rebuilds-first.Rebuilds, last.Fault, last.State, frames)
	}
	b.quit()
}
