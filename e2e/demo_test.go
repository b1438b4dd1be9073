package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// counters are what the page of the demonstration says of itself.
type counters struct {
	Shown, Lost, Undrawn, Cuts, Stalls int
	Longest                            float64  // ms
	Recovered                          *float64 // ms
	Number                             *int     // read out of the picture
	Nodes                              map[string]string
	Bucket                             string
	Intake                             string // the node that takes the channel in
}

// ready counts the nodes that are.
func ready(c *counters) (n int) {
	for _, state := range c.Nodes {
		if state == "ready" {
			n++
		}
	}
	return n
}

// TestDemo shows the demonstration in Chromium: the page plays and reads the pictures' numbers, its keys take the
// bucket away and kill the node that takes the channel in, the picture comes back from the others, and Ctrl-C
// leaves nothing behind.
func TestDemo(t *testing.T) {
	need(t, "ffmpeg")
	tmp := t.TempDir()
	demo := start(t, []string{"TMPDIR=" + tmp, "MAYFLY_BUCKET=s3://not-this-one"}, program, "demo", "--no-open")
	var page string
	if !eventually(30*time.Second, func() bool {
		found := regexp.MustCompile(`The page +(http://\S+)`).FindStringSubmatch(demo.output())
		if found != nil {
			page = found[1]
		}
		return found != nil
	}) {
		t.Fatalf("the demonstration does not begin:\n%s", demo.output())
	}
	for _, want := range []string{"on 3 nodes", "The channels", tmp, "Ctrl-C"} {
		if !strings.Contains(demo.output(), want) {
			t.Errorf("it does not say %q:\n%s", want, demo.output())
		}
	}
	b := open(t, page, "--width", "1280", "--height", "900")
	demoing := func(f func(*counters) bool) func(sample) bool {
		return func(s sample) bool { return s.Demo != nil && f(s.Demo) }
	}
	b.until("it plays and counts", 40*time.Second, demoing(func(c *counters) bool { return c.Shown > 60 && c.Number != nil && ready(c) == 3 }))
	b.shoot("demo")
	if c := b.last().Demo; c.Lost > 0 && c.Stalls == 0 || c.Cuts > 0 { // a machine that stalls jumps ahead
		t.Errorf("without any fault %d frames were lost and %d cuts made", c.Lost, c.Cuts)
	}

	fmt.Fprintln(b.stdin, "key b")
	b.until("the bucket is away", 10*time.Second, demoing(func(c *counters) bool { return c.Bucket == "away" }))
	shown := b.last().Demo.Shown
	b.until("live goes on without the bucket", 20*time.Second, demoing(func(c *counters) bool { return c.Shown > shown+60 }))
	fmt.Fprintln(b.stdin, "key b")
	b.until("the bucket is back", 10*time.Second, demoing(func(c *counters) bool { return c.Bucket == "there" }))

	intake := b.last().Demo.Intake
	if len(intake) != 1 {
		t.Fatalf("%q takes the channel in, want a, b or c", intake)
	}
	key := fmt.Sprintf("key %d", intake[0]-'a'+1)
	fmt.Fprintln(b.stdin, key)
	b.until("the node is dead", 10*time.Second, demoing(func(c *counters) bool { return c.Nodes[intake] == "dead" }))
	b.until("another takes in, and its pictures are on the screen", 40*time.Second, demoing(func(c *counters) bool {
		return c.Recovered != nil && c.Cuts == 1 && c.Intake != intake
	}))
	after(time.Second) // a loss is believed after some pictures
	b.shoot("demo-killed")
	c := b.last().Demo
	t.Logf("recovered in %.1f s; %d shown, %d lost, longest stall %.1f s", *c.Recovered/1000, c.Shown, c.Lost, c.Longest/1000)
	channels := regexp.MustCompile(`The channels +(http://\S+?)/?\s`).FindStringSubmatch(demo.output())[1]
	checkNumbers(t, channels, "live")
	// A player that had to be built anew begins near life again: what it jumped over was not lost by the fleet.
	if c.Lost > 0 && b.last().Rebuilds == 0 {
		t.Errorf("%d frames were lost with lossless publishing, want none", c.Lost)
	}
	fmt.Fprintln(b.stdin, key)
	b.until("the node is back", 20*time.Second, demoing(func(c *counters) bool { return ready(c) == 3 }))
	shown = b.last().Demo.Shown
	b.until("it goes on", 20*time.Second, demoing(func(c *counters) bool { return c.Shown > shown+60 }))
	b.quit()

	demo.cmd.Process.Signal(syscall.SIGINT)
	if err := demo.wait(t, 15*time.Second); err != nil {
		t.Errorf("it ended with %v:\n%s", err, demo.output())
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("it left %v in the temporary directory (%v)", left, err)
	}
}

// checkNumbers reads the numbers out of all pictures of the DVR, and reports those that are missing.
func checkNumbers(t *testing.T, origin, slug string) {
	t.Helper()
	fetch := func(path string) []byte {
		answer, err := client.Get(origin + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, answer.Status, err)
		}
		return data
	}
	playlist := string(fetch("/" + slug + "/dvr/main.m3u8"))
	var all []int
	for i, e := range entries(playlist) {
		data := fetch(e.init)
		for _, s := range e.segments {
			data = append(data, fetch(s)...)
		}
		file := filepath.Join(t.TempDir(), fmt.Sprintf("take%d.mp4", i))
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		rows := ffmpeg(t, "-i", file, "-map", "0:v", "-vsync", "passthrough", "-vf", "crop=iw*960/1280:ih*16/720:iw*160/1280:ih*704/720,scale=24:1:flags=area,format=gray", "-f", "rawvideo", "-")
		first := len(all)
		for row := range slices.Chunk(rows, 24) {
			n := 0
			for _, light := range row[1:21] {
				n <<= 1
				if light > 127 {
					n |= 1
				}
			}
			all = append(all, n)
		}
		t.Logf("take %d: %d segments, %d pictures, from %d to %d", i, len(e.segments), len(all)-first, all[first], all[len(all)-1])
	}
	for i := 1; i < len(all); i++ {
		if d := all[i] - all[i-1]; d > 1 {
			t.Errorf("in the DVR %d pictures are missing after number %d\n%s", d-1, all[i-1], playlist)
		}
	}
}
