package e2e

import (
	"fmt"
	"os"
	"regexp"
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
}

// TestDemo shows the demonstration in Chromium: the page plays and reads the pictures' numbers, its keys kill
// and start a node and take the bucket away, and Ctrl-C leaves nothing behind.
func TestDemo(t *testing.T) {
	need(t, "ffmpeg")
	tmp := t.TempDir()
	demo := start(t, []string{"TMPDIR=" + tmp, "MAYFLY_BUCKET=s3://not-this-one"}, program, "demo", "--no-open", "--nodes", "1")
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
	for _, want := range []string{"on 1 nodes", "The channels", tmp, "Ctrl-C"} {
		if !strings.Contains(demo.output(), want) {
			t.Errorf("it does not say %q:\n%s", want, demo.output())
		}
	}
	b := open(t, page, "--width", "1280", "--height", "900")
	demoing := func(f func(*counters) bool) func(sample) bool {
		return func(s sample) bool { return s.Demo != nil && f(s.Demo) }
	}
	b.until("it plays and counts", 40*time.Second, demoing(func(c *counters) bool { return c.Shown > 60 && c.Number != nil && c.Nodes["a"] == "ready" }))
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

	fmt.Fprintln(b.stdin, "key 1")
	b.until("the node is dead", 10*time.Second, demoing(func(c *counters) bool { return c.Nodes["a"] == "dead" }))
	b.shoot("demo-dead")
	fmt.Fprintln(b.stdin, "key 1")
	b.until("pictures made after the death are on the screen", 40*time.Second, demoing(func(c *counters) bool { return c.Recovered != nil && c.Cuts == 1 }))
	after(time.Second)
	b.shoot("demo-back")
	c := b.last().Demo
	t.Logf("recovered in %.1f s (the node was dead for some of it); %d shown, %d lost, longest stall %.1f s", *c.Recovered/1000, c.Shown, c.Lost, c.Longest/1000)
	if c.Lost == 0 || c.Longest == 0 {
		t.Errorf("%d lost and a longest stall of %.0f ms: the only node was dead, and that must be counted", c.Lost, c.Longest)
	}
	b.quit()

	demo.cmd.Process.Signal(syscall.SIGINT)
	if err := demo.wait(t, 15*time.Second); err != nil {
		t.Errorf("it ended with %v:\n%s", err, demo.output())
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("it left %v in the temporary directory (%v)", left, err)
	}
}
