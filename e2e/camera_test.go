package e2e

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// TestCamera goes on air with a browser's camera, cuts to it from an encoder, and kills the node that takes it in: the
// page goes on at the other one. What viewers are shown has every picture once, its sound at its time, and is H.264
// and AAC although the browser sends Opus.
func TestCamera(t *testing.T) {
	a := newNode(t, "", "--node", "anna")
	b := newNode(t, a.bucket, "--node", "bert")
	for _, n := range []*node{a, b} { // the page finds the other node by its public address, which is known by now
		n.stop()
		n.flags = append(n.flags, "--public", "http://localhost:"+n.http[strings.LastIndexByte(n.http, ':')+1:])
		n.start()
	}
	for _, n := range []*node{a, b} {
		n.until("the nodes see each other", 20*time.Second, func() bool { return n.sees() == 2 })
	}
	var link string
	for _, n := range []*node{a, b} {
		if link == "" {
			link = setupLink.FindString(n.said())
		}
	}
	at, err := url.Parse(a.url(link))
	if err != nil || link == "" {
		t.Fatalf("no setup link: %v", err)
	}
	at.Host = "localhost:" + at.Port()
	p := newPerson(t, "camera.mjs", at.String())
	p.next("there")
	on := p.next("on air")
	t.Logf("on air %d ms after the click, at node %s", on.SeenByOne, on.Node)

	status, body := a.call("POST", "/api/v1/channels/camera/sources", `{"name":"Desk"}`)
	var c channelKeys
	if json.Unmarshal(body, &c); status != http.StatusCreated || len(c.Sources) != 2 {
		t.Fatalf("add a source: %d %s", status, body)
	}
	desk := camera(t, "rtmp://"+b.rtmp+"/live/"+c.Sources[1].StreamKey, "480x360", "10", "440")
	watched := b.widths("camera")
	b.until("the encoder can be cut to", 10*time.Second, func() bool {
		status, _ := b.admin("POST", "/api/v1/channels/camera/cuts", fmt.Sprintf(`{"source":%q}`, c.Sources[1].ID))
		return status == http.StatusOK
	})
	seen := func(width int) time.Time {
		limit := time.After(15 * time.Second)
		for {
			select {
			case w := <-watched:
				if w.width == width {
					return w.at
				}
			case <-limit:
				t.Fatalf("viewers do not see pictures that are %d wide", width)
			}
		}
	}
	seen(480)
	p.goOn()
	cut := p.next("cut")
	took := seen(960).Sub(time.UnixMilli(cut.Pressed))
	t.Logf("cut to the camera: listed %v after the click, heard of by the page after %d ms", took.Round(time.Millisecond), cut.SeenByOne)
	if took > 2500*time.Millisecond {
		t.Errorf("the camera was listed after %v, want its keyframe interval and 500 ms", took)
	}
	desk.kill()
	for _, n := range []*node{a, b} { // the one that takes it in makes the thumbnail, the other asks it
		status, picture := n.get("/camera/thumbnail.jpg")
		if size, err := jpeg.DecodeConfig(bytes.NewReader(picture)); status != http.StatusOK || err != nil || size.Width != 640 {
			t.Errorf("the thumbnail answers %d, %v %v", status, size, err)
		}
	}

	dies, lives := a, b
	if cut.Node == "bert" {
		dies, lives = b, a
	}
	after(1500 * time.Millisecond)
	dies.process.kill()
	p.goOn()
	moved := p.next("moved")
	t.Logf("at node %s, %d pieces acknowledged, %d given up, %d pictures left out", moved.Node, moved.Acked, moved.Lost, moved.Dropped)
	stopped := p.next("stopped")
	if end := p.next(""); !end.End || len(end.Exceptions)+len(end.Console) > 0 || stopped.Lost > 0 {
		t.Errorf("the page said %v %v; %d pieces were given up", end.Exceptions, end.Console, stopped.Lost)
	}
	lives.until("the channel is off air", 20*time.Second, func() bool { return lives.state("camera") == "off" })
	shown := lives.shown("camera")
	shown.check(t, stopped.Dropped)
}

// wide says how wide the pictures at the end of a playlist are, and since when.
type wide struct {
	width int
	at    time.Time
}

// widths tells whenever a viewer finds another take at the end of the playlist how wide its pictures are.
func (n *node) widths(slug string) <-chan wide {
	out := make(chan wide, 100)
	init := regexp.MustCompile(`URI="([^"]+init\.mp4)"`)
	go func() {
		for newest := ""; n.t.Context().Err() == nil; after(20 * time.Millisecond) {
			_, list := n.get("/" + slug + "/main.m3u8")
			found := init.FindAllStringSubmatch(string(list), -1)
			if len(found) == 0 || found[len(found)-1][1] == newest {
				continue
			}
			newest = found[len(found)-1][1]
			at := time.Now()
			_, data := n.get(newest)
			if tracks, err := cmaf.ReadInit(data); err == nil {
				out <- wide{tracks[0].Width, at}
			}
		}
	}()
	return out
}

// picture is one that was shown: when it was drawn, by the clock of its sound, and when it is shown, both in s.
type picture struct{ drawn, at float64 }

// showing is what the program shows of one source at a stretch. Nil: it is not the camera.
type showing struct {
	pictures []picture
	sound    []int16 // 48,000 samples a second
	from     float64 // the time of the first
}

type showings []*showing

// shown decodes what a channel shows.
func (n *node) shown(slug string) (all showings) {
	n.t.Helper()
	_, text := n.get("/" + slug + "/dvr/main.m3u8")
	list, faults := hlstest.Parse(text)
	for _, err := range faults {
		n.t.Error(err)
	}
	var data []byte
	for i, s := range list.Segments {
		if s.Gap {
			n.t.Errorf("number %d is a gap", s.Number)
			continue
		}
		if len(data) == 0 {
			_, data = n.get(s.Map)
		}
		status, more := n.get(s.URI)
		if status != http.StatusOK {
			n.t.Errorf("%s: %d", s.URI, status)
		}
		data = append(data, more...)
		if i+1 == len(list.Segments) || list.Segments[i+1].Discontinuity != s.Discontinuity {
			all = append(all, n.decode(data))
			data = nil
		}
	}
	return all
}

// decode decodes an init and segments, or returns nil if they are not as large as the camera's.
func (n *node) decode(data []byte) *showing {
	n.t.Helper()
	tracks, err := cmaf.ReadInit(data)
	if err != nil || len(tracks) != 2 || tracks[1].CodecString() != "mp4a.40.2" {
		n.t.Fatalf("tracks %+v, %v", tracks, err)
	}
	if tracks[0].Width != 960 {
		return nil
	}
	found, err := cmaf.ReadFragments(data)
	if err != nil {
		n.t.Fatal(err)
	}
	s := &showing{from: -1}
	for _, f := range found {
		for _, x := range f.Samples {
			at := float64(x.DTS) / float64(tracks[f.Track-1].Timescale)
			if f.Track == 1 {
				s.pictures = append(s.pictures, picture{at: at})
			} else if s.from < 0 {
				s.from = at
			}
		}
	}
	file := filepath.Join(n.t.TempDir(), "take.mp4")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		n.t.Fatal(err)
	}
	frames := ffmpeg(n.t, "-i", file, "-map", "0:v", "-vsync", "passthrough", "-vf", "scale=16:9:flags=area,format=gray", "-f", "rawvideo", "-")
	if len(frames) != 144*len(s.pictures) {
		n.t.Fatalf("there are %d pictures, and %d can be decoded", len(s.pictures), len(frames)/144)
	}
	for i := range s.pictures {
		ms := 0
		for _, square := range frames[144*i:][:16] {
			ms <<= 1
			if square > 127 {
				ms |= 1
			}
		}
		s.pictures[i].drawn = float64(ms) / 1000
	}
	raw := ffmpeg(n.t, "-i", file, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-")
	s.sound = make([]int16, len(raw)/2)
	binary.Read(bytes.NewReader(raw), binary.LittleEndian, s.sound)
	return s
}

// beeps returns when a tone begins.
func (s *showing) beeps() (out []float64) {
	quiet := 0
	for i, v := range s.sound {
		if v > 3000 || v < -3000 {
			if quiet > 24000 {
				out = append(out, s.from+float64(i)/48000)
			}
			quiet = 0
		}
		quiet++
	}
	return out
}

// since returns the time from one time of the camera's clock to another; the clock begins anew after wrap.
func since(from, to float64) float64 { return math.Mod(to-from+1.5*wrap, wrap) - wrap/2 }

const (
	wrap = 65.536
	// longest is what may lie between two pictures: much less than a piece has.
	longest = 1.0
	// piece is how long what the page sends at once may be.
	piece = 2.5
)

// check says what is not as it should be: pictures that are missing or come twice, and sound that is not heard with
// its picture. A browser that has too little of the machine leaves pictures out before it sends them, and says how many.
func (all showings) check(t *testing.T, leftOut int) {
	t.Helper()
	var offsets []float64
	seams := 0
	for i, s := range all {
		if s == nil {
			continue
		}
		last := s.pictures[0].drawn
		if i > 0 && all[i-1] != nil {
			before := all[i-1].pictures
			last = before[len(before)-1].drawn
			seams++
			d := since(last, s.pictures[0].drawn)
			t.Logf("where the node died, the next picture was drawn %.0f ms after the last one before", 1000*d)
			if d > longest || d < -piece { // a piece that the node died over comes again from its beginning
				t.Errorf("where the node died, the next picture was drawn %.2f s after the last one before: some are missing, or more than a piece comes twice", d)
			}
			last = s.pictures[0].drawn
		}
		for _, p := range s.pictures { // one may be sent again while nothing new comes
			d := since(last, p.drawn)
			if d > longest && leftOut > 0 {
				t.Logf("the browser left pictures out for %.2f s, at %.2f s of stretch %d", d, p.at, i)
			} else if d < 0 || d > longest {
				t.Errorf("a picture was drawn %.0f ms after the one before it, at %.2f s of stretch %d", 1000*d, p.at, i)
			}
			last = p.drawn
		}
		// A tone begins with each second of the camera's clock: so one knows what that clock was when it is heard.
		for _, beep := range s.beeps() {
			for _, p := range s.pictures {
				if d := p.at - beep; d > 0 && d < 0.5 {
					_, part := math.Modf(p.drawn)
					d -= part
					offsets = append(offsets, d-math.Round(d))
				}
			}
		}
	}
	if len(offsets) < 20 || seams != 1 {
		t.Fatalf("%d stretches, %d seams, %d pictures with a tone before them; want one seam where the node died", len(all), seams, len(offsets))
	}
	slices.Sort(offsets)
	middle := offsets[len(offsets)/2]
	t.Logf("%d pictures: shown %.0f ms after the sound of their time, nine of ten from %.0f to %.0f", len(offsets),
		1000*middle, 1000*offsets[len(offsets)/20], 1000*offsets[len(offsets)*19/20])
	if middle < -0.05 || middle > 0.05 {
		t.Errorf("pictures are shown %.0f ms after the sound of their time, want at most 50 between them", 1000*middle)
	}
}
