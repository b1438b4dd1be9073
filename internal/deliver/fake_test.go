package deliver

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestMain looks for goroutines that are left; net/http keeps one for half a second after a connection.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// stage is a program, its channel and its media, all in the hands of the test. The channel
// "news" exists, "quiet" was never on air, "late" has a publisher but no segment yet, and
// "broken" fails.
type stage struct {
	mu      sync.Mutex
	window  *hls.Window
	changed chan struct{}
	asked   int // calls of Window
	media   map[string]Body
	opened  chan struct{}
	gone    bool // ErrUnavailable for all media
}

func newStage() *stage {
	return &stage{changed: make(chan struct{}), media: map[string]Body{}, opened: make(chan struct{})}
}

var testTake = media.TakeID{1, 2, 3}

func (s *stage) Program(slug string) (Program, error) {
	switch slug {
	case "news", "late":
		return s, nil
	case "quiet":
		return nil, fmt.Errorf("channel quiet: %w", ErrNotOnAir)
	case "broken":
		return nil, fmt.Errorf("the disk is on fire")
	}
	return nil, ErrNoChannel
}

func (s *stage) Window(rendition string, dvr bool) (*hls.Window, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if rendition != media.Main {
		return nil, nil, ErrNotFound
	}
	if s.window == nil {
		return nil, s.changed, ErrNotYet
	}
	return s.window, s.changed, nil
}

func (s *stage) Variants() ([]hls.Variant, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.window == nil {
		return nil, s.changed, ErrNotYet
	}
	return []hls.Variant{{URI: "main.m3u8", Codecs: "avc1.4d401f,mp4a.40.2", Bandwidth: 2_800_000, AverageBandwidth: 2_600_000, Width: 1280, Height: 720, FrameRate: 30}}, s.changed, nil
}

func (s *stage) Open(ctx context.Context, a media.Address) (Body, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone:
		return nil, nil, fmt.Errorf("bundle 7: %w", ErrUnavailable)
	case a.Take != testTake:
		return nil, nil, ErrNotFound
	}
	if b, ok := s.media[a.String()]; ok {
		return b, nil, nil
	}
	return nil, s.opened, ErrNotYet
}

// show makes w the window and wakes who waits.
func (s *stage) show(w *hls.Window) {
	s.mu.Lock()
	old := s.changed
	s.window, s.changed = w, make(chan struct{})
	s.mu.Unlock()
	close(old)
}

// put makes media available and wakes who waits for any.
func (s *stage) put(address string, b Body) {
	s.mu.Lock()
	old := s.opened
	s.media[address], s.opened = b, make(chan struct{})
	s.mu.Unlock()
	close(old)
}

const partTicks = media.TicksPerSecond / 5

// windowOf makes a window that begins at number first: whole segments of ten parts, and then
// one with that many parts if more than none.
func windowOf(first int64, whole, parts int) *hls.Window {
	w := &hls.Window{TargetDuration: 4, PartTarget: 200 * time.Millisecond, MediaSequence: first, LowLatency: true}
	for i := range whole + min(parts, 1) {
		n := uint32(first) + uint32(i)
		a := media.Address{Take: testTake, Rendition: media.Main, Segment: n}
		init := media.Address{Take: testTake, Rendition: media.Main, Init: true}
		s := hls.Segment{Init: init.String(), ProgramTime: time.Unix(1_800_000_000+2*int64(n), 0), Complete: i < whole}
		have := parts
		if s.Complete {
			s.URI, have = a.String(), 10
		}
		for p := range uint32(have) {
			a.Run, a.From, a.To = true, p, p
			s.Parts = append(s.Parts, hls.Part{URI: a.String(), Duration: partTicks, Independent: p == 0})
			s.Duration += partTicks
		}
		w.Segments = append(w.Segments, s)
	}
	return w
}

// bodyOf makes a body of slices of the given sizes, no two bytes in a row alike.
func bodyOf(sizes ...int) Body {
	var b Body
	x := uint32(1)
	for _, n := range sizes {
		s := make([]byte, n)
		for i := range s {
			x = x*1664525 + 1013904223
			s[i] = byte(x >> 24)
		}
		b = append(b, s)
	}
	return b
}

func (b Body) joined() []byte { return bytes.Join(b, nil) }

// quietLog keeps log lines for tests that look at them.
type quietLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *quietLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *quietLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newHandler returns a handler on s and its log.
func newHandler(s *stage) (*Handler, *quietLog) {
	log := &quietLog{}
	return New(Config{Programs: s, Media: s, Log: slog.New(slog.NewTextHandler(log, nil))}), log
}

// serve runs h on a real socket until the test ends and returns its host:port and listener.
func serve(t *testing.T, h http.Handler, max int) (string, *Listener) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Listen(tcp, max)
	srv := NewServer(h, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return tcp.Addr().String(), ln
}
