package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain runs the agent itself if a test asks for it as another process.
func TestMain(m *testing.M) {
	if input := os.Getenv("AGENT_TEST_INPUT"); input != "" {
		err := Run(context.Background(), Config{
			Input: input, URLs: strings.Fields(os.Getenv("AGENT_TEST_URLS")), Spool: os.Getenv("AGENT_TEST_SPOOL"), SpoolSize: 1 << 30,
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Segment: 500 * time.Millisecond, Unpaced: true,
		})
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func config(t *testing.T, input string, urls ...string) (Config, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return Config{
		Input: input, URLs: urls, Spool: t.TempDir(), SpoolSize: 1 << 30, Log: slog.New(slog.NewTextHandler(log, nil)),
		Segment: 500 * time.Millisecond, Unpaced: true, AckTimeout: time.Second,
	}, log
}

// TestTrouble sends a file to nodes that refuse, hang, lose answers and die: every frame arrives, once
// and in order.
func TestTrouble(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "20")
	f := newFleet()
	a := f.node(t, func(n int64) string {
		switch {
		case n == 14:
			return "die"
		case n%5 == 3:
			return "lose the answer"
		case n%5 == 4:
			return "refuse"
		}
		return ""
	})
	b := f.node(t, func(n int64) string {
		switch {
		case n == 5 || n == 20:
			return "hang"
		case n%7 == 3:
			return "lose the answer"
		}
		return ""
	})
	cfg, log := config(t, src, a.url(), b.url())
	if err := Run(t.Context(), cfg); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	f.compare(t, frames(t, src))
	if strings.Contains(log.String(), testKey) {
		t.Errorf("the log shows the stream key:\n%s", log)
	}
	left, _ := os.ReadDir(filepath.Join(cfg.Spool, "push"))
	if len(left) != 1 {
		t.Errorf("%d files are left in the spool, want the lock alone", len(left))
	}
}

// TestKilled kills the agent again and again; the next one goes on where it was.
func TestKilled(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "20")
	f := newFleet()
	f.slow = 20 * time.Millisecond
	n := f.node(t, nil)
	spool := t.TempDir()
	start := func() *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "AGENT_TEST_INPUT="+src, "AGENT_TEST_URLS="+n.url(), "AGENT_TEST_SPOOL="+spool)
		c.Stderr = t.Output()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	acks := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.acks
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for want := 7; want <= 21; want += 7 {
		c := start()
		for until := time.Now().Add(20 * time.Second); acks() < want && time.Now().Before(until); {
			<-tick.C
		}
		c.Process.Kill()
		c.Wait()
		if acks() < want {
			t.Fatalf("%d segments acknowledged, want %d", acks(), want)
		}
	}
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	f.compare(t, frames(t, src))
	if len(f.known) != 1 {
		t.Errorf("%d sessions, want one", len(f.known))
	}
}

// TestRTMP publishes with ffmpeg over RTMP, as OBS does.
func TestRTMP(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "6")
	f := newFleet()
	n := f.node(t, nil)
	cfg, log := config(t, "rtmp://127.0.0.1:0", "http://127.0.0.1:1/push/"+testKey, n.url()) // nothing listens on the first
	addresses := make(chan string, 1)
	cfg.Listening = func(a string) { addresses <- a }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	ffmpeg(t, "-re", "-i", src, "-c", "copy", "-f", "flv", "rtmp://"+<-addresses+"/live/whatever")
	want := frames(t, src)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); <-tick.C {
		f.mu.Lock()
		done := len(f.frames[1]) >= len(want[1]) && len(f.frames[2]) >= len(want[2])
		f.mu.Unlock()
		if done {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, log)
	}
	f.compare(t, want)
}

// TestStdin pushes what comes on standard input.
func TestStdin(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "5")
	ts := filepath.Join(t.TempDir(), "in.ts")
	ffmpeg(t, "-i", src, "-c", "copy", ts)
	in, err := os.Open(ts)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	f := newFleet()
	cfg, log := config(t, "-", f.node(t, nil).url())
	cfg.Stdin = in
	if err := Run(t.Context(), cfg); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if got, want := len(f.frames[1]), len(frames(t, src)[1]); got != want {
		t.Errorf("%d pictures, want %d", got, want)
	}
}

// TestMistakes tests that what cannot work is said and ends.
func TestMistakes(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "3")
	f := newFleet()
	n := f.node(t, nil)
	for _, c := range []struct {
		name, input, url, says string
	}{
		{"unknown key", src, strings.Replace(n.url(), testKey, "nobody-has-this-key", 1), "unknown stream key"},
		{"no key", src, n.server.URL, "want http://node:8080/push/STREAM-KEY"},
		{"no file", "/nowhere/at/all.mp4", n.url(), "no such file"},
		{"other protocol", "srt://127.0.0.1:9", n.url(), "a file, or -"},
		{"no media", os.Args[0], n.url(), "ffmpeg cannot read the input (it needs H.264"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, log := config(t, c.input, c.url)
			err := Run(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if strings.Contains(log.String(), "nobody-has-this-key") || err != nil && strings.Contains(err.Error(), "nobody-has") {
				t.Error("the stream key is shown")
			}
		})
	}
}

// TestNobodyThere: the agent says that nothing listens, tries on, and leaves what it has in the spool,
// where another run finds it.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	src := makeSource(t, "3")
	cfg, log := config(t, src, "http://127.0.0.1:1/push/"+testKey)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := Run(ctx, cfg); !errors.Is(err, ErrLeft) {
		t.Errorf("%v, want %v", err, ErrLeft)
	}
	if !strings.Contains(log.String(), "nothing listens there") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	f := newFleet()
	cfg.URLs = []string{f.node(t, nil).url()}
	if err := Run(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	f.compare(t, frames(t, src))
}
