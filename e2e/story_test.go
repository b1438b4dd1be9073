package e2e

import (
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// TestStory has a person who has never seen Mayfly make an account and a channel, run a small show with two cameras, a
// clip, a lower third and a ticker, and leave: the channel plays on. On one node, and on three of which one is killed in the middle of the show.
func TestStory(t *testing.T) {
	clip := filepath.Join(t.TempDir(), "green.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "color=0x00a000:s=640x360:r=25:d=6", "-f", "lavfi", "-i", "sine=330:d=6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", clip)
	t.Run("one node", func(t *testing.T) {
		n := newNode(t, "")
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the node said:\n%s", n.said())
			}
		})
		story(t, clip, n.http, []*node{n}, nil)
	})
	t.Run("three nodes", func(t *testing.T) {
		f := newFleet(t)
		t.Cleanup(func() { f.logs(t) })
		story(t, clip, f.viewer, f.nodes, func(name string) {
			for i, n := range f.nodes {
				if nodeNames[i] == name {
					n.process.kill()
				}
			}
		})
	})
}

// longestStill is for how many ms a viewer's picture may stand still: for as long as it takes to end a dead node, and for the
// time of grace when everybody has left. Two cores draw six moving pages meanwhile.
const longestStill = 8000

// story follows the person; in the middle of the show the node that takes in a camera is killed, if there is how.
func story(t *testing.T, clip, address string, nodes []*node, kill func(name string)) {
	t.Helper()
	link := ""
	if !eventually(10*time.Second, func() bool {
		for _, n := range nodes {
			if link == "" {
				link = setupLink.FindString(n.said())
			}
		}
		return link != ""
	}) {
		t.Fatal("no log prints a setup link")
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse("http://localhost:" + port + link)
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, "story.mjs", at.String(), clip)
	step := func(name string) step {
		t.Helper()
		s := p.next(name)
		t.Logf("%s: after %d ms; the picture is %.1f s behind and stood still for at most %.0f ms; %d rebuilds %s", name, s.Took, s.Behind, s.Still, s.Rebuilds, s.Fault)
		if s.Still > longestStill {
			t.Errorf("%s: the viewer's picture stood still for %.0f ms", name, s.Still)
		}
		return s
	}
	for _, name := range []string{"channel", "clip", "plan", "camera"} {
		step(name)
	}
	if show := step("show"); kill != nil {
		kill(show.Node)
	}
	p.goOn()
	for _, name := range []string{"back", "clip on cue", "over", "left"} {
		step(name)
	}
	if on := step("plays on"); on.Colour != "green" {
		t.Errorf("at the end the viewer sees %q", on.Colour)
	}
	if end := p.next(""); !end.End || len(end.Exceptions)+len(end.Console) > 0 {
		t.Errorf("the pages said %v %v", end.Exceptions, end.Console)
	}
}
