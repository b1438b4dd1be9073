package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sample is what the page says of itself, every half second.
type sample struct {
	Wall         int64 // ms
	State        string
	Latency      float64
	CurrentTime  float64
	Frames       int
	Stalls       int
	Rebuilds     int
	Fault        string   // why the player was built anew last
	Still        float64  // ms: the longest time without another picture since the sample before
	ClockLatency *float64 // ms from the encoder's clock in the picture
	Demo         *counters

	Shot       string // a screenshot was taken
	End        bool
	Exceptions []string
	Console    []string
	Reloads    int
}

// browser is a page in a real browser.
type browser struct {
	t     *testing.T
	stdin io.Writer
	done  chan struct{}

	mu      sync.Mutex
	samples []sample
}

// screens are for the tests that draw pages beside others: two at once. A page that waits for a processor shows nothing in
// time, and says nothing about the product.
var screens = make(chan struct{}, 2)

// draws lets a test that draws pages run beside others.
func draws(t *testing.T) {
	t.Helper()
	t.Parallel()
	screens <- struct{}{}
	t.Cleanup(func() { <-screens })
}

// drive runs a script of web/test that drives a real browser, until the test ends: what it says is handed over line
// by line, and over when it says nothing more. Screenshots go to MAYFLY_SHOTS, if it is set.
func drive(t *testing.T, script string, said func(line []byte), over func(), args ...string) (stdin io.Writer) {
	t.Helper()
	if shots := os.Getenv("MAYFLY_SHOTS"); shots != "" {
		args = append(slices.Clip(args), "--shots", shots)
	}
	need(t, "chromium")
	cmd := exec.Command(need(t, "node"), slices.Concat([]string{filepath.Join("..", "web", "test", script)}, args)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the browser (make tools installs it, and npm ci in web its driver): %v", err)
	}
	go func() {
		defer over()
		scan := bufio.NewScanner(stdout)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			said(scan.Bytes())
		}
	}()
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); cmd.Wait() })
	return stdin
}

// open opens a page.
func open(t *testing.T, url string, more ...string) *browser {
	t.Helper()
	b := &browser{t: t, done: make(chan struct{})}
	b.stdin = drive(t, "browser.mjs", func(line []byte) {
		var s sample
		if json.Unmarshal(line, &s) == nil {
			b.mu.Lock()
			b.samples = append(b.samples, s)
			b.mu.Unlock()
		}
	}, func() { close(b.done) }, append([]string{url, "--seconds", "600"}, more...)...)
	return b
}

func (b *browser) all() []sample {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.samples)
}

// last returns what the page said last.
func (b *browser) last() sample {
	all := b.all()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Wall > 0 || all[i].End {
			return all[i]
		}
	}
	return sample{}
}

// shoot takes a screenshot.
func (b *browser) shoot(name string) {
	b.t.Helper()
	fmt.Fprintln(b.stdin, "shot", name)
	if !eventually(15*time.Second, func() bool {
		return slices.ContainsFunc(b.all(), func(s sample) bool { return s.Shot == name })
	}) {
		b.t.Fatalf("no screenshot %s", name)
	}
}

// until waits until the page says something.
func (b *browser) until(what string, limit time.Duration, f func(sample) bool) {
	b.t.Helper()
	if !eventually(limit, func() bool { return f(b.last()) }) {
		b.t.Fatalf("waited %v until %s; the page says %+v", limit, what, b.last())
	}
}

// quit closes the browser and checks that nothing went wrong in the page.
func (b *browser) quit() {
	b.t.Helper()
	fmt.Fprintln(b.stdin, "quit")
	select {
	case <-b.done:
	case <-time.After(20 * time.Second):
		b.t.Fatal("the browser does not end")
	}
	last := b.last()
	if !last.End {
		b.t.Fatalf("the browser ended early: %+v", last)
	}
	if len(last.Exceptions) > 0 || len(last.Console) > 0 || last.Reloads > 0 {
		b.t.Errorf("exceptions %q, console errors %q, reloads %d, want none", last.Exceptions, last.Console, last.Reloads)
	}
}

// publishClock publishes pictures with a keyframe each second, in which 24 squares tell the time at which
// each was made.
func publishClock(t *testing.T, url string) *process {
	t.Helper()
	base := time.Now().Unix()
	offset := (base * 1000) % (1 << 24)
	filter := fmt.Sprintf("setpts='RTCTIME/(TB*1000000)-%d/TB',drawbox=x=0:y=0:w=480:h=20:color=black:t=fill", base)
	for bit := range 24 {
		filter += fmt.Sprintf(",drawbox=x=%d:y=0:w=20:h=20:color=white:t=fill:enable='mod(floor((t*1000+%d)/%d),2)'", bit*20, offset, 1<<(23-bit))
	}
	filter += ",setpts='N/(30*TB)'"
	return start(t, nil, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error",
		"-re", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-vf", filter, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p",
		"-g", "30", "-b:v", "2500k", "-c:a", "aac", "-b:a", "96k", "-f", "flv", url)
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return -1
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// minute watches for a minute and says what was not as it should be.
func (b *browser) minute() (wrong string) {
	first := b.last()
	after(60 * time.Second)
	var clock, shown []float64
	for _, s := range b.all() {
		if s.Wall >= first.Wall && s.ClockLatency != nil {
			clock, shown = append(clock, *s.ClockLatency), append(shown, s.Latency)
		}
	}
	last := b.last()
	measured, said := median(clock), median(shown)
	frames, stalls, rebuilds := last.Frames-first.Frames, last.Stalls-first.Stalls, last.Rebuilds-first.Rebuilds
	b.t.Logf("latency from the encoder's clock to the picture: median %.0f ms of %d samples; the page says %.2f s; frames in the minute: %d; stalls %d, rebuilds %d",
		measured, len(clock), said, frames, stalls, rebuilds)
	switch {
	case len(clock) < 90 || measured > 1500 || measured < 0:
		return fmt.Sprintf("median latency %.0f ms of %d samples, want at most 1500 of 90 and more", measured, len(clock))
	case stalls != 0 || rebuilds != 0:
		return fmt.Sprintf("%d stalls and %d rebuilds in a minute, want none; the player's last fault: %q", stalls, rebuilds, last.Fault)
	case frames < 1750:
		return fmt.Sprintf("%d frames in a minute of 30 a second, want at least 1750", frames)
	}
	return ""
}

// TestBrowser plays a channel in Chromium for a minute, kills the server with kill -9, starts it again and
// publishes again: the page plays on by itself.
func TestBrowser(t *testing.T) {
	n := newNode(t, "")
	address := n.channel("watch")
	encoder := publishClock(t, address)
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("watch") == "live" })
	b := open(t, n.url("/watch"), "--pixel")
	playing := func(s sample) bool { return s.State == "live" && s.ClockLatency != nil && *s.ClockLatency < 5000 }
	b.until("the page plays", 20*time.Second, playing)
	after(5 * time.Second) // it finds its distance to the live edge
	// A minute in which this machine was busy with something else says nothing: then one more is measured.
	if wrong := b.minute(); wrong != "" {
		t.Logf("%s; measuring once more", wrong)
		if wrong = b.minute(); wrong != "" {
			t.Error(wrong)
		}
	}
	b.shoot("watch")

	n.process.kill()
	encoder.kill()
	after(2 * time.Second)
	b.shoot("lost")
	n.start()
	returned := time.Now()
	encoder = publishClock(t, address)
	b.until("the page plays again", 20*time.Second, func(s sample) bool {
		return s.Wall > returned.UnixMilli() && playing(s) && s.ClockLatency != nil && *s.ClockLatency < float64(time.Since(returned).Milliseconds())
	})
	took := time.Since(returned)
	t.Logf("new pictures %.1f s after the publisher's return", took.Seconds())
	if took > 6*time.Second {
		t.Errorf("new pictures %v after the publisher's return, want within 6s", took)
	}
	encoder.kill()
	b.until("the page says off air", 15*time.Second, func(s sample) bool { return s.State == "off" })
	after(2 * time.Second)
	b.shoot("off-air")
	encoder = publishClock(t, address)
	b.until("the page plays after an off air", 15*time.Second, playing)
	b.quit()
	encoder.kill()
}

// TestPages opens each page at the size of a phone and of a desk, and takes screenshots.
func TestPages(t *testing.T) {
	draws(t)
	n := newNode(t, "")
	encoder := publishClock(t, n.channel("news"))
	n.channel("later")
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("news") == "live" })
	for _, size := range []struct{ name, width, height string }{{"phone", "390", "844"}, {"desk", "1440", "900"}} {
		for name, path := range map[string]string{"guide": "/", "watch": "/news", "embed": "/news/embed", "later": "/later", "nothing": "/no-such-channel", "docs": "/api/docs"} {
			b := open(t, n.url(path), "--width", size.width, "--height", size.height)
			if name == "watch" || name == "embed" {
				b.until("it plays", 20*time.Second, func(s sample) bool { return s.State == "live" && s.CurrentTime > 0 })
			} else {
				b.until("it is there", 20*time.Second, func(s sample) bool { return s.Wall > 0 })
			}
			after(time.Second)
			b.shoot(name + "-" + size.name)
			b.quit()
		}
	}
	encoder.kill()
}
