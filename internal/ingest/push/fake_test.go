package push

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const goodKey = "goodkey-0123456789"

// fakeSink records what it gets.
type fakeSink struct {
	p      Publication
	known  map[string][32]byte
	tracks [][]media.Track
	all    []fakeSample
	pieces []string
	sums   map[string][32]byte
	done   chan struct{}
	reason error

	durable func(ctx context.Context, name string) error // nil: at once
	refuse  error                                        // of samples
}

type fakeSample struct {
	media.Sample
	hash   string
	number int // what the tests' own samples tell
}

func newSink(p Publication) *fakeSink {
	return &fakeSink{p: p, done: make(chan struct{}), sums: map[string][32]byte{}}
}

func (s *fakeSink) Known() map[string][32]byte { return s.known }
func (s *fakeSink) Tracks(t []media.Track) error {
	s.tracks = append(s.tracks, t)
	return nil
}

func (s *fakeSink) Sample(x media.Sample) error {
	if s.refuse != nil {
		return s.refuse
	}
	sum := md5.Sum(x.Data)
	number := int(binary.BigEndian.Uint32(x.Data[len(x.Data)-4:]))
	x.Data = nil
	s.all = append(s.all, fakeSample{x, hex.EncodeToString(sum[:]), number})
	return nil
}

func (s *fakeSink) Piece(name string, sum [32]byte, rest bool) func(context.Context) error {
	s.pieces = append(s.pieces, name)
	s.sums[name] = sum
	return func(ctx context.Context) error {
		if s.durable == nil {
			return nil
		}
		return s.durable(ctx, name)
	}
}

func (s *fakeSink) Close(reason error) {
	s.reason = reason
	close(s.done)
}

// fakeDesk admits goodKey.
type fakeDesk struct {
	mu    sync.Mutex
	sinks []*fakeSink
	made  chan *fakeSink
	with  func(*fakeSink) error
}

func newDesk() *fakeDesk { return &fakeDesk{made: make(chan *fakeSink, 64)} }

func (d *fakeDesk) Publish(_ context.Context, p Publication) (Sink, error) {
	if !strings.HasPrefix(p.Key, goodKey) {
		return nil, ErrUnknownKey
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := newSink(p)
	if d.with != nil {
		if err := d.with(s); err != nil {
			return nil, err
		}
	}
	d.sinks = append(d.sinks, s)
	d.made <- s
	return s, nil
}

// serve runs a handler behind a test server and returns its address.
func serve(t *testing.T, cfg Config) (string, *Handler) {
	t.Helper()
	h := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		cancel()
		<-ran
		server.CloseClientConnections()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return server.URL, h
}

// ffmpeg runs ffmpeg to its end.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is missing: run make tools")
	}
	var out, errs bytes.Buffer
	c := exec.Command(path, append([]string{"-nostdin", "-y", "-loglevel", "error"}, args...)...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// makeSource writes a clip of 6 s with B-frames and sound, and returns its path.
func makeSource(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6", "-f", "lavfi", "-i", "sine=sample_rate=44100:duration=6",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-c:a", "aac", path)
	return path
}

// hashes returns the checksum of every frame of a file, by track.
func hashes(t *testing.T, path string) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	lines := bufio.NewScanner(strings.NewReader(ffmpeg(t, "-i", path, "-map", "0", "-c", "copy", "-f", "framemd5", "-")))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 6 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		track := VideoTrack
		if strings.TrimSpace(fields[0]) == "1" {
			track = AudioTrack
		}
		found[track] = append(found[track], strings.TrimSpace(fields[5]))
	}
	if len(found[VideoTrack]) < 100 || len(found[AudioTrack]) < 100 {
		t.Fatalf("%d pictures and %d sounds in the source", len(found[VideoTrack]), len(found[AudioTrack]))
	}
	return found
}

// compare compares every frame that a sink got with those of the source, and looks at their times.
func compare(t *testing.T, s *fakeSink, want map[int][]string) {
	t.Helper()
	scale := map[int]int64{}
	for _, list := range s.tracks {
		for _, track := range list {
			scale[track.ID] = int64(track.Timescale)
		}
	}
	got, last := map[int][]string{}, map[int]int64{}
	newest := int64(-1 << 62)
	for i, x := range s.all {
		got[x.Track] = append(got[x.Track], x.hash)
		if before, ok := last[x.Track]; ok && x.DTS <= before {
			t.Errorf("sample %d of track %d: decode time %d after %d", i, x.Track, x.DTS, before)
		}
		last[x.Track] = x.DTS
		at := ticks(x.DTS, scale[x.Track], 0)
		if at < newest-slack {
			t.Errorf("sample %d of track %d comes %d ticks too late", i, x.Track, newest-at)
		}
		newest = max(newest, at)
	}
	for track, list := range want {
		if strings.Join(got[track], " ") != strings.Join(list, " ") {
			n := 0
			for n < len(list) && n < len(got[track]) && list[n] == got[track][n] {
				n++
			}
			t.Errorf("track %d: %d frames, want %d; the first that differs is number %d", track, len(got[track]), len(list), n)
		}
	}
}

// closed waits until a sink is closed.
func (s *fakeSink) closed(t *testing.T) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the sink is not closed")
	}
}

// sink waits for the next sink.
func (d *fakeDesk) sink(t *testing.T) *fakeSink {
	t.Helper()
	select {
	case s := <-d.made:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nobody publishes")
		return nil
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
