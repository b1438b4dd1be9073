package agent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ingest/push"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const testKey = "agentkey-0123456789"

// fleet is what several nodes have made durable. A session has one writer: the newest.
type fleet struct {
	mu     sync.Mutex
	frames map[int][]string // checksums of samples, by track
	known  map[string]map[string][32]byte
	writer map[string]*fleetSink
	acks   int
	slow   time.Duration
}

func newFleet() *fleet {
	return &fleet{frames: map[int][]string{}, known: map[string]map[string][32]byte{}, writer: map[string]*fleetSink{}}
}

func (f *fleet) Publish(_ context.Context, p push.Publication) (push.Sink, error) {
	if p.Key != testKey {
		return nil, push.ErrUnknownKey
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &fleetSink{fleet: f, session: p.Session, seen: maps.Clone(f.known[p.Session])}
	f.writer[p.Session] = s
	return s, nil
}

// fleetSink keeps samples until a piece is made durable; what no piece follows is lost with the node.
type fleetSink struct {
	fleet   *fleet
	session string
	seen    map[string][32]byte
	mu      sync.Mutex
	waiting []media.Sample
	hashes  []string
	before  func() error // makes the newest piece durable
}

var errDeposed = errors.New("another node writes this session")

func (s *fleetSink) Known() map[string][32]byte { return s.seen }
func (s *fleetSink) Tracks([]media.Track) error { return nil }
func (s *fleetSink) Close(error)                {}

func (s *fleetSink) Sample(x media.Sample) error {
	sum := md5.Sum(x.Data)
	x.Data = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, x)
	s.hashes = append(s.hashes, hex.EncodeToString(sum[:]))
	return nil
}

func (s *fleetSink) Piece(name string, sum [32]byte, rest bool) func(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting, hashes := s.waiting, s.hashes
	s.waiting, s.hashes = nil, nil
	var once sync.Once
	commit := func() {
		f := s.fleet
		for i, x := range waiting {
			f.frames[x.Track] = append(f.frames[x.Track], hashes[i])
		}
		if f.known[s.session] == nil {
			f.known[s.session] = map[string][32]byte{}
		}
		f.known[s.session][name] = sum
		f.acks++
	}
	// Pieces become durable in order: each commits those before it.
	before := s.before
	all := func() error {
		if s.fleet.writer[s.session] != s {
			return errDeposed
		}
		if before != nil {
			if err := before(); err != nil {
				return err
			}
		}
		once.Do(commit)
		return nil
	}
	s.before = all
	return func(context.Context) error {
		if s.fleet.slow > 0 {
			timer := time.NewTimer(s.fleet.slow)
			defer timer.Stop()
			<-timer.C
		}
		s.fleet.mu.Lock()
		defer s.fleet.mu.Unlock()
		return all()
	}
}

// node is a server of the fleet that can be troubled.
type node struct {
	server *httptest.Server
	count  atomic.Int64
	dead   atomic.Bool
}

// trouble says what happens to the n-th PUT of a node.
type trouble func(n int64) string

func (f *fleet) node(t *testing.T, trouble trouble) *node {
	t.Helper()
	h := push.New(push.Config{Desk: f, Node: "node-" + t.Name()})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	n := &node{}
	n.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := ""
		if r.Method == http.MethodPut && trouble != nil {
			what = trouble(n.count.Add(1))
		}
		if n.dead.Load() {
			what = "dead"
		}
		switch what {
		case "refuse":
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "hang":
			io.Copy(io.Discard, r.Body) // only then the server sees the client leave
			<-r.Context().Done()
		case "lose the answer":
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case "die":
			n.dead.Store(true)
			panic(http.ErrAbortHandler)
		case "dead":
			panic(http.ErrAbortHandler)
		default:
			h.ServeHTTP(w, r)
		}
	}))
	n.server.Config.ErrorLog = nil
	t.Cleanup(func() {
		cancel()
		<-ran
		n.server.CloseClientConnections()
		n.server.Close()
	})
	return n
}

func (n *node) url() string { return n.server.URL + "/push/" + testKey }

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

// makeSource writes a clip of so many seconds with B-frames and sound, a keyframe every 12 frames.
func makeSource(t *testing.T, seconds string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration="+seconds, "-f", "lavfi", "-i", "sine=sample_rate=44100:duration="+seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "12", "-c:a", "aac", path)
	return path
}

// frames returns the checksum of every frame of a file, by track.
func frames(t *testing.T, path string) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	lines := bufio.NewScanner(strings.NewReader(ffmpeg(t, "-i", path, "-map", "0", "-c", "copy", "-f", "framemd5", "-")))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 6 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		track := push.VideoTrack
		if strings.TrimSpace(fields[0]) == "1" {
			track = push.AudioTrack
		}
		found[track] = append(found[track], strings.TrimSpace(fields[5]))
	}
	if len(found[push.VideoTrack]) < 50 || len(found[push.AudioTrack]) < 50 {
		t.Fatalf("%d pictures and %d sounds in the source", len(found[push.VideoTrack]), len(found[push.AudioTrack]))
	}
	return found
}

// compare compares every frame of the fleet with those of the source: once each, in order.
func (f *fleet) compare(t *testing.T, want map[int][]string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for track, list := range want {
		got := f.frames[track]
		n := 0
		for n < len(list) && n < len(got) && list[n] == got[n] {
			n++
		}
		if n < len(list) || len(got) > len(list) {
			t.Errorf("track %d: %d frames, want %d; the first that differs is number %d", track, len(got), len(list), n)
		}
	}
}
