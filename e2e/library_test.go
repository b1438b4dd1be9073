package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
)

// clip is what the API says of a clip.
type clip struct {
	ID, State, Fault, Upload, Playlist, Download string
	Progress, Duration                           float64
	Bytes                                        int64
}

// breaking is the rest of a file over a connection that breaks after so many bytes.
type breaking struct {
	file io.Reader
	left int64
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrClosedPipe
	}
	n, err := b.file.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// here asks a node how much of a file it has.
func (n *node) here(path string) (int64, bool) {
	r, err := http.NewRequest("HEAD", n.url(path), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Tus-Resumable", "1.0.0")
	answer, err := client.Do(r)
	if err != nil {
		return 0, false
	}
	answer.Body.Close()
	at, err := strconv.ParseInt(answer.Header.Get("Upload-Offset"), 10, 64)
	return at, err == nil
}

// send sends a file from a place on, until the connection breaks or the node dies.
func (n *node) send(path string, f *os.File, from, size, breaks int64) {
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		n.t.Fatal(err)
	}
	r, err := http.NewRequest("PATCH", n.url(path), &breaking{f, breaks})
	if err != nil {
		n.t.Fatal(err)
	}
	r.ContentLength = size - from
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0", "Upload-Offset": strconv.FormatInt(from, 10), "Content-Type": "application/offset+octet-stream"} {
		r.Header.Set(name, value)
	}
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
	}
}

// peak returns the most memory that a process had, in MB.
func (p *process) peak() float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1000
		}
	}
	return 0
}

// TestUpload sends a film over a connection that breaks ten times, to two nodes in turn, of which one is killed while it
// receives. The clip is there, with every frame, and plays. MAYFLY_UPLOAD says how many MB the film has; 24 by default.
func TestUpload(t *testing.T) {
	t.Parallel()
	mb := 24
	if more := os.Getenv("MAYFLY_UPLOAD"); more != "" {
		n, err := strconv.Atoi(more)
		if err != nil {
			t.Fatalf("MAYFLY_UPLOAD=%s: want a number of MB", more)
		}
		mb = n
	}
	file := large(t, mb)
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	s3 := buckettest.StartS3(t)
	nodes := []*node{onS3(t, s3), onS3(t, s3)}
	nodes[0].channel("films")
	nodes[1].until("the other node knows the channel", 40*time.Second, func() bool { return nodes[1].state("films") != "" })
	status, body := nodes[0].call("POST", "/api/v1/channels/films/clips", fmt.Sprintf(`{"file":"film.mp4","bytes":%d}`, st.Size()))
	var c clip
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil {
		t.Fatalf("make a clip: %d %s", status, body)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const breaks = 10
	began, high := time.Now(), int64(0)
	for sent := 0; ; sent++ {
		n := nodes[sent%2]
		at, ok := n.here(c.Upload)
		if !ok {
			n = nodes[(sent+1)%2]
			if at, ok = n.here(c.Upload); !ok {
				t.Fatal("no node says how much is here")
			}
		}
		if at < high {
			t.Fatalf("%d bytes were here, and %d are", high, at)
		}
		if high = at; at == st.Size() {
			break
		}
		until := st.Size()
		if sent < breaks {
			until = st.Size()/(breaks+1) + 12345
		}
		if sent == breaks/2 { // it dies while it receives
			victim := n
			go func() { after(100 * time.Millisecond); victim.process.kill() }()
		}
		n.send(c.Upload, f, at, st.Size(), until)
	}
	sent := time.Since(began)
	t.Logf("%d MB were there after %v", st.Size()/1_000_000, sent.Round(time.Millisecond))
	if nodes[1].process.cmd.ProcessState == nil { // one of them was killed; it comes back
		nodes[0].start()
	} else {
		nodes[1].start()
	}
	look := func(n *node) clip {
		var c2 clip
		_, body := n.call("GET", "/api/v1/channels/films/clips/"+c.ID, "")
		json.Unmarshal(body, &c2)
		return c2
	}
	limit := time.Minute + time.Duration(mb)*time.Second/4
	nodes[0].until("the clip is ready", limit, func() bool {
		if c := look(nodes[0]); c.State == "failed" {
			t.Fatalf("it failed: %s", c.Fault)
		}
		return look(nodes[0]).State == "ready"
	})
	t.Logf("it was ready %v later", (time.Since(began) - sent).Round(time.Millisecond))
	for i, n := range nodes {
		t.Logf("node %d had at most %.0f MB of memory", i, n.process.peak())
	}
	c = look(nodes[1])
	for i, n := range nodes {
		got := filepath.Join(t.TempDir(), "got.mp4")
		n.fetchTo(c.Download, got)
		if i == 0 || mb <= 100 {
			expectSame(t, "downloaded", got, file)
		}
	}
	// It plays: all that its playlist names can be had by anybody.
	_, playlist := nodes[1].call("GET", c.Playlist, "")
	films := entries(string(playlist))
	if len(films) != 1 || len(films[0].segments) < 3 || !bytes.Contains(playlist, []byte("#EXT-X-ENDLIST")) {
		t.Fatalf("the playlist says\n%s", tail(string(playlist)))
	}
	expectSame(t, "played", nodes[1].download(films[0]), file)
}

// fetchTo keeps what an address answers to who may see it.
func (n *node) fetchTo(path, file string) {
	n.t.Helper()
	r, err := http.NewRequest("GET", n.url(path), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.Copy(f, answer.Body); err != nil || answer.StatusCode != 200 || got != answer.ContentLength {
		n.t.Fatalf("%s: %s, %d bytes of %d, %v", path, answer.Status, got, answer.ContentLength, err)
	}
}

// large makes a film of so many MB, with sound.
func large(t *testing.T, mb int) string {
	t.Helper()
	dir := t.TempDir()
	short, long := filepath.Join(dir, "short.mp4"), filepath.Join(dir, "film.mp4")
	// 10 Mbit/s: noise cannot be made smaller.
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=16,noise=alls=60:allf=t", "-f", "lavfi", "-i", "sine=d=16:r=48000", "-c:v", "libx264", "-preset", "ultrafast",
		"-pix_fmt", "yuv420p", "-g", "50", "-bf", "2", "-b:v", "10M", "-minrate", "10M", "-maxrate", "10M", "-bufsize", "2M", "-c:a", "aac", short)
	st, err := os.Stat(short)
	if err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, "-stream_loop", strconv.FormatInt(int64(mb)*1_000_000/st.Size(), 10), "-i", short, "-c", "copy", long)
	return long
}
