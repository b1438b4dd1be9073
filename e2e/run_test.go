package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freePort returns a port that nobody uses just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestRun does what `make run` does once everything is built: a demonstration is on air, a second channel
// waits for an encoder, and Ctrl-C ends all of it.
func TestRun(t *testing.T) {
	dir, web, rtmp := t.TempDir(), freePort(t), freePort(t)
	p := start(t, []string{
		"MAYFLY_HTTP=127.0.0.1:" + web, "MAYFLY_RTMP=127.0.0.1:" + rtmp, "MAYFLY_BUCKET=" + filepath.Join(dir, "data"),
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"), "MAYFLY_BIN=" + program,
	}, filepath.Join("..", "scripts", "run.sh"))
	n := &node{t: t, http: "127.0.0.1:" + web, rtmp: "127.0.0.1:" + rtmp, process: p}
	n.until("the demonstration is on air", 30*time.Second, func() bool { return n.state("demo") == "live" })
	n.until("it can be watched", 10*time.Second, func() bool { status, _ := n.get("/demo/main.m3u8"); return status == http.StatusOK })
	if state := n.state("live"); state != "never" {
		t.Errorf("the second channel is %q, want it to wait", state)
	}
	for _, want := range []string{"http://localhost:" + web + "/demo", "rtmp://localhost:" + rtmp + "/live", "Stream key", "Ctrl-C", "OBS"} {
		if !strings.Contains(p.output(), want) {
			t.Errorf("the terminal does not say %q:\n%s", want, p.output())
		}
	}
	key := strings.Fields(p.output()[strings.Index(p.output(), "Stream key")+len("Stream key"):])[0]
	encoder := publish(t, media(t, 5), fmt.Sprintf("rtmp://%s/live/%s", n.rtmp, key))
	n.until("the second channel is on air", 15*time.Second, func() bool { return n.state("live") == "live" })
	encoder.kill()
	p.cmd.Process.Signal(syscall.SIGINT)
	p.wait(t, 20*time.Second)
	if status, _ := n.get("/readyz"); status != 0 {
		t.Errorf("the server still answers after Ctrl-C: %d", status)
	}
}
