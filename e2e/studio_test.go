package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// step is what the person in the browser has done.
type step struct {
	Step        string
	Keys        []string
	Server      string
	First       string
	Pressed     int64 // ms
	SeenByOne   int
	SeenByOther int
	Turns       []appearance

	Node                 string // that takes the camera in
	Acked, Lost, Dropped int    // pieces, and pictures that were left out

	Took     int     // ms
	Still    float64 // ms that a viewer's picture stood still at most
	Colour   string  // of what the viewer sees
	Rebuilds int     // of the viewer's player
	Fault    string  // why it was built anew last
	Behind   float64 // s

	Failed     string
	End        bool
	Exceptions []string
	Console    []string
}

// person is somebody who uses the pages.
type person struct {
	t     *testing.T
	steps chan step
	stdin io.Writer
}

// newPerson lets a script of web/test begin.
func newPerson(t *testing.T, script string, args ...string) *person {
	t.Helper()
	p := &person{t: t, steps: make(chan step, 100)}
	p.stdin = drive(t, script, func(line []byte) {
		var s step
		if json.Unmarshal(line, &s) == nil {
			p.steps <- s
		}
	}, func() { close(p.steps) }, args...)
	return p
}

// goOn lets the person go on.
func (p *person) goOn() { fmt.Fprintln(p.stdin, "go on") }

// next waits for the step of that name.
func (p *person) next(name string) step {
	p.t.Helper()
	limit := time.After(90 * time.Second)
	select {
	case s, ok := <-p.steps:
		if !ok || s.Failed != "" || s.Step != name {
			p.t.Fatalf("want the step %q, got %+v", name, s)
		}
		return s
	case <-limit:
		p.t.Fatalf("the step %q did not come", name)
		return step{}
	}
}

var setupLink = regexp.MustCompile(`/login/setup#[\w.-]+`)

// camera publishes pictures of a size of their own, with a keyframe every second, and a tone.
func camera(t *testing.T, address, size, rate, tone string) *process {
	return start(t, nil, "ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s="+size+":r="+rate, "-f", "lavfi", "-i", "sine="+tone,
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-force_key_frames", "expr:gte(t,n_forced*1)", "-b:v", "300k", "-c:a", "aac", "-f", "flv", address)
}

// TestStudio has somebody make an account, a channel with two cameras of different size and frame rate, and cut
// between them, with a second producer who sees the same.
func TestStudio(t *testing.T) {
	n := newNode(t, "")
	n.until("the log prints a setup link", 10*time.Second, func() bool { return setupLink.MatchString(n.said()) })
	at, err := url.Parse(n.url(setupLink.FindString(n.said())))
	if err != nil {
		t.Fatal(err)
	}
	at.Host = "localhost:" + at.Port() // passkeys need a name
	p := newPerson(t, "studio.mjs", at.String())
	p.next("owner")
	keys := p.next("keys")
	if _, port, _ := strings.Cut(n.rtmp, ":"); len(keys.Keys) != 2 || keys.Server != "rtmp://localhost:"+port+"/live" {
		t.Fatalf("the page says %+v", keys)
	}
	p.goOn()
	p.next("about")
	for i, c := range [][3]string{{"320x180", "25", "440"}, {"480x360", "10", "880"}} {
		camera(t, "rtmp://"+n.rtmp+"/live/"+keys.Keys[i], c[0], c[1], c[2])
	}
	p.next("on air")
	watched := n.cuts("st-mary-s")
	p.next("invited")
	var kept time.Time
	var late []int // ms by which the other producer saw what one did
	for _, name := range []string{"cut", "cut back", "kept", "picture", "picture", "picture", "sound"} {
		if name == "kept" && p.next("arranged").First != "Encoder" {
			<-watched // the pictures of the other one come first
		}
		s := p.next(name)
		var listed time.Time
		select {
		case listed = <-watched:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: viewers do not see it", name)
		}
		took := listed.Sub(time.UnixMilli(s.Pressed))
		t.Logf("%s: listed %v after the key or click, seen by one producer after %d ms, by the other after %d ms", name, took.Round(time.Millisecond), s.SeenByOne, s.SeenByOther)
		if took > 1500*time.Millisecond {
			t.Errorf("%s: it was listed after %v, want the keyframe interval and 500 ms", name, took)
		}
		if s.SeenByOne > 0 {
			late = append(late, s.SeenByOther-s.SeenByOne)
		}
		switch name {
		case "kept":
			kept = listed
			t.Logf("the other producer sees the gain that one moves after %d ms", p.next("gain").SeenByOther)
		case "sound":
			checkTone(t, n, "st-mary-s", listed.Sub(kept), -6)
		}
	}
	// Two browsers draw ten moving pictures on the machine that serves them: what they see late now and then is theirs.
	if slices.Sort(late); late[(len(late)-1)/2] > 300 {
		t.Errorf("the other producer saw what one did %v ms later, want at most 300", late)
	}
	for _, name := range []string{"off air", "passkey", "operate"} {
		p.next(name)
	}
	if end := p.next(""); !end.End || len(end.Exceptions)+len(end.Console) > 0 {
		t.Errorf("the pages said %v %v", end.Exceptions, end.Console)
	}
}

// cuts tells whenever a viewer finds another take at the end of the playlist than there is now.
func (n *node) cuts(slug string) <-chan time.Time {
	times := make(chan time.Time, 10)
	init := regexp.MustCompile(`URI="([^"]+init\.mp4)"`)
	last := func(before string) string {
		status, list := n.get("/" + slug + "/main.m3u8")
		if found := init.FindAllStringSubmatch(string(list), -1); status == http.StatusOK && len(found) > 0 {
			return found[len(found)-1][1]
		}
		return before
	}
	newest := last("") // before whoever asks goes on, and makes a cut
	go func() {
		for ; n.t.Context().Err() == nil; after(20 * time.Millisecond) {
			is := last(newest)
			if is != newest && newest != "" {
				times <- time.Now()
			}
			newest = is
		}
	}()
	return times
}
