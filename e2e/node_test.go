// Package e2e tests the built program with real encoders, players, an S3 server and a browser.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built program; scratch is a directory for the time of the tests.
var program, scratch string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "mayfly-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	if program = os.Getenv("MAYFLY_BIN"); program == "" {
		program = filepath.Join(scratch, "mayfly")
		cmd := exec.Command("go", "build", "-o", program, "../cmd/mayfly")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build mayfly: %v\n%s", err, out)
			return 1
		}
	}
	defer makeNetworks()()
	code := m.Run()
	if os.Getenv("MAYFLY_TABLE") != "" {
		fmt.Println(table())
	}
	return code
}

// need fails the test if a program is missing.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: run make tools", name)
	}
	return path
}

// process is a child process; it is killed when the test ends.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu  sync.Mutex
	out bytes.Buffer
}

// Write keeps the output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(need(t, name), args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a crash does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// wait waits for the process to end by itself.
func (p *process) wait(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		p.cmd.Process.Signal(syscall.SIGQUIT)
		p.kill()
		t.Fatalf("%s still runs after %v:\n%s", filepath.Base(p.cmd.Path), limit, tail(p.output()))
		return nil
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

const token = "e2e-token"

// node is a running node. It keeps its ports and its spool when it is started again.
type node struct {
	t          *testing.T
	bucket     string
	spool      string
	env        []string
	flags      []string
	inside     []string // the command that runs it where it shall run
	link       string   // of its network: the end outside of what joins it to the others
	http, rtmp string   // addresses
	mesh       string   // the address of both ports for other nodes
	faults     string   // of the control that harms it, if it has one
	process    *process
	before     []*process // the ones before
}

// newNode starts a node on a directory of the test, or on another bucket.
func newNode(t *testing.T, bucket string, flags ...string) *node {
	t.Helper()
	dir := t.TempDir()
	if bucket == "" {
		bucket = filepath.Join(dir, "data")
	}
	n := &node{t: t, bucket: bucket, spool: filepath.Join(dir, "spool"), flags: flags, http: "127.0.0.1:0", rtmp: "127.0.0.1:0", mesh: "127.0.0.1:0"}
	n.start()
	return n
}

// start starts the node and waits until it is ready.
func (n *node) start() {
	n.t.Helper()
	n.launch()
	n.ready()
}

// launch starts the node.
func (n *node) launch() {
	n.t.Helper()
	args := slices.Concat(n.inside, []string{program, "serve", "--log-format", "json", "--bucket", n.bucket, "--spool", n.spool,
		"--http", n.http, "--rtmp", n.rtmp, "--mesh", n.mesh, "--mesh-http", n.mesh}, n.flags)
	if n.process != nil {
		n.before = append(n.before, n.process)
	}
	n.process = start(n.t, append([]string{"MAYFLY_ADMIN_TOKEN=" + token}, n.env...), args[0], args[1:]...)
}

// said returns what the node wrote to its log, under all its processes.
func (n *node) said() (out string) {
	for _, p := range append(slices.Clone(n.before), n.process) {
		out += p.output()
	}
	return out
}

// ready waits until the node can be used.
func (n *node) ready() {
	n.t.Helper()
	n.until("the ports are open", 10*time.Second, func() bool {
		scan := bufio.NewScanner(strings.NewReader(n.process.output()))
		for scan.Scan() {
			var line struct{ Msg, For, Address string }
			if json.Unmarshal(scan.Bytes(), &line) == nil && line.Msg == "listening" {
				switch line.For {
				case "http":
					n.http = line.Address
				case "rtmp":
					n.rtmp = line.Address
				case "faults":
					n.faults = line.Address
				}
			}
		}
		return !strings.HasSuffix(n.http, ":0") && !strings.HasSuffix(n.rtmp, ":0")
	})
	n.until("it is ready", 20*time.Second, func() bool {
		status, _ := n.get("/readyz")
		return status == http.StatusOK
	})
}

// until waits for a condition, and fails the test if it does not come true.
func (n *node) until(what string, limit time.Duration, f func() bool) {
	n.t.Helper()
	if !eventually(limit, f) {
		n.t.Fatalf("waited %v until %s; the node said:\n%s", limit, what, tail(n.process.output()))
	}
}

func eventually(limit time.Duration, f func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if f() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return f()
		}
	}
}

// after waits; real programs need real time.
func after(d time.Duration) { <-time.After(d) }

// stop ends the node in good order.
func (n *node) stop() {
	n.t.Helper()
	n.process.cmd.Process.Signal(syscall.SIGTERM)
	if err := n.process.wait(n.t, 30*time.Second); err != nil {
		n.t.Errorf("the node ended with %v:\n%s", err, tail(n.process.output()))
	}
}

var client = &http.Client{Timeout: 20 * time.Second}

func (n *node) url(path string) string { return "http://" + n.http + path }

func (n *node) get(path string) (int, []byte) {
	resp, err := client.Get(n.url(path))
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}

// call makes a request to the API with the token.
func (n *node) call(method, path, body string) (int, []byte) {
	n.t.Helper()
	req, err := http.NewRequest(method, n.url(path), strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, data
}

// channel makes a channel, and returns the address to publish to.
func (n *node) channel(slug string) string {
	n.t.Helper()
	status, body := n.call("POST", "/api/v1/channels", fmt.Sprintf(`{"slug":%q,"title":"The channel %s"}`, slug, slug))
	var c struct {
		Sources []struct{ StreamKey string }
	}
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil || len(c.Sources) != 1 {
		n.t.Fatalf("create channel: %d %s (%v)", status, body, err)
	}
	return "rtmp://" + n.rtmp + "/live/" + c.Sources[0].StreamKey
}

// state returns what the API says of a channel.
func (n *node) state(slug string) string {
	status, body := n.get("/api/v1/channels/" + slug)
	var c struct{ State string }
	if status != http.StatusOK || json.Unmarshal(body, &c) != nil {
		return ""
	}
	return c.State
}

// metric returns the sum of a metric over its labels.
func (n *node) metric(name string) float64 {
	_, body := n.get("/metrics")
	sum := 0.0
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			var v float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v); err == nil {
				sum += v
			}
		}
	}
	return sum
}

// ffmpeg runs ffmpeg to its end and returns what it printed on standard output.
func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(need(t, "ffmpeg"), append([]string{"-nostdin", "-hide_banner", "-loglevel", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// publish begins to publish a file as it is, in real time.
func publish(t *testing.T, file, url string, more ...string) *process {
	t.Helper()
	args := append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-re"}, more...)
	return start(t, nil, "ffmpeg", append(args, "-i", file, "-c", "copy", "-f", "flv", url)...)
}

// media returns a file to publish: a short one with B-frames and an uneven keyframe interval.
func media(t *testing.T, seconds int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=640x360:rate=25:duration=%d", seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=330:sample_rate=48000:duration=%d", seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "35", "-b:v", "900k", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k", path)
	return path
}

// files returns the files to prove bit-exactness with: a generated one, and those in MAYFLY_MEDIA.
func files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{"generated": media(t, 8)}
	dir := os.Getenv("MAYFLY_MEDIA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "media")
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		out[strings.TrimSuffix(filepath.Base(f), ".mp4")] = f
	}
	return out
}
