package burn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// film is a program in memory: takes one after the other, of which all is listed.
type film struct {
	mu      sync.Mutex
	window  hls.Window
	changed chan struct{}
	media   map[media.Address][]byte
}

func newFilm() *film {
	return &film{window: hls.Window{MediaSequence: 100}, changed: make(chan struct{}), media: map[media.Address][]byte{}}
}

func (f *film) Window(string, bool) (*hls.Window, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window
	return &w, f.changed, nil
}

func (f *film) Open(_ context.Context, a media.Address) ([][]byte, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.media[a]
	if !ok {
		return nil, nil, errors.New("there is no such media")
	}
	return [][]byte{data}, nil, nil
}

// add lists a take whose pictures turn white after so many seconds, from a program time on.
func (f *film) add(t *testing.T, at time.Time, seconds, turns int) {
	t.Helper()
	needFFmpeg(t)
	var made bytes.Buffer
	err := ffmpeg.Run(t.Context(), ffmpeg.Job{Stdout: &made, Args: []string{
		"-f", "lavfi", "-i", fmt.Sprintf("color=black:s=320x180:r=25:d=%d,drawbox=w=iw:h=ih:color=white:t=fill:enable='gte(t,%d)',noise=alls=4:allf=t", seconds, turns),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=r=48000:d=%d", seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
		"-movflags", "+empty_moov+default_base_moof+frag_keyframe", "-f", "mp4", "pipe:1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var samples []media.Sample
	var tracks []media.Track
	if err := cmaf.ReadStream(&made, func(init []byte) (err error) {
		tracks, err = cmaf.ReadInit(init)
		return err
	}, func(x *cmaf.FragmentInfo) error {
		for _, s := range x.Samples {
			samples = append(samples, media.Sample{Track: x.Track, DTS: s.DTS, CTO: s.CTO, Key: s.Key, Duration: s.Duration, Data: s.Data})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f.list(t, at, tracks, samples)
}

func (f *film) list(t *testing.T, at time.Time, tracks []media.Track, samples []media.Sample) {
	t.Helper()
	p, err := take.NewPackager(take.PackagerConfig{Tracks: tracks})
	if err != nil {
		t.Fatal(err)
	}
	id := media.NewTakeID()
	init, err := p.Init()
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	base := media.Address{Take: id, Rendition: media.Main}
	head := base
	head.Init = true
	f.media[head] = init
	first := true
	emit := func(part media.Part) {
		a := base
		a.Segment = part.Segment
		f.media[a] = append(f.media[a], part.Data...)
		n := len(f.window.Segments)
		if part.Index == 0 {
			f.window.Segments = append(f.window.Segments, hls.Segment{
				URI: a.String(), Init: head.String(), ProgramTime: at.Add(part.Start.Duration()), Discontinuity: first && n > 0,
			})
			first, n = false, n+1
		}
		s := &f.window.Segments[n-1]
		s.Duration += part.Duration
		s.Complete = part.Last
	}
	for _, s := range interleaved(tracks, samples) {
		if err := p.Write(s, emit); err != nil {
			t.Fatal(err)
		}
	}
	p.Flush(emit)
	f.window.Segments[len(f.window.Segments)-1].Complete = true
}

// interleaved orders samples by time, as encoders send them.
func interleaved(tracks []media.Track, all []media.Sample) (out []media.Sample) {
	var by [2][]media.Sample
	for _, s := range all {
		if s.Track == tracks[0].ID {
			by[0] = append(by[0], s)
		} else {
			by[1] = append(by[1], s)
		}
	}
	for len(by[0])+len(by[1]) > 0 {
		n := 0
		if len(by[0]) == 0 || len(by[1]) > 0 && by[1][0].DTS*int64(tracks[0].Timescale) < by[0][0].DTS*int64(tracks[1].Timescale) {
			n = 1
		}
		out, by[n] = append(out, by[n][0]), by[n][1:]
	}
	return out
}

func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("this test needs ffmpeg: install it")
	}
}

// reel is what was burnt: one run after the other.
type reel struct {
	mu     sync.Mutex
	runs   []*burnt
	more   chan struct{}
	closed bool
	fail   func() error // asked with each sample; nil: none fails
}

type burnt struct {
	tracks  []media.Track
	at      time.Time
	samples []media.Sample
}

func (r *reel) Begin(tracks []media.Track, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, &burnt{tracks: tracks, at: at})
	return nil
}

func (r *reel) Sample(s media.Sample) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Data = bytes.Clone(s.Data)
	b := r.runs[len(r.runs)-1]
	if r.fail != nil {
		if err := r.fail(); err != nil {
			return err
		}
	}
	b.samples = append(b.samples, s)
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

func (r *reel) Close(error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// pictures counts the pictures of all runs.
func (r *reel) pictures() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.runs {
		for _, s := range b.samples {
			if s.Track == pictureTrack {
				n++
			}
		}
	}
	return n
}

// decode returns the pictures of a run, in grey.
func (b *burnt) decode(t *testing.T) (frames [][]byte, w, h int) {
	t.Helper()
	video := b.tracks[0]
	file, err := cmaf.InitTrack(video)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range b.samples {
		if s.Track == pictureTrack {
			file = cmaf.AppendFragment(file, &cmaf.Fragment{Track: video.ID, Base: uint64(s.DTS), Data: s.Data, Samples: []cmaf.Sample{{Duration: s.Duration, Size: uint32(len(s.Data)), CTO: s.CTO, Key: s.Key}}})
		}
	}
	var out bytes.Buffer
	if err := ffmpeg.Run(t.Context(), ffmpeg.Job{Stdin: bytes.NewReader(file), Stdout: &out, Args: []string{"-f", "mp4", "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"}}); err != nil {
		t.Fatal(err)
	}
	w, h = video.Width, video.Height
	for {
		f := make([]byte, w*h)
		if _, err := io.ReadFull(&out, f); err != nil {
			return frames, w, h
		}
		frames = append(frames, f)
	}
}

// burnFilm burns a film until there are so many pictures.
func burnFilm(t *testing.T, f *film, pictures int, all ...graphics.Showing) *reel {
	t.Helper()
	r := &reel{more: make(chan struct{}, 1)}
	r.burn(t, f, pictures, all...)
	return r
}

func (r *reel) burn(t *testing.T, f *film, pictures int, all ...graphics.Showing) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := New(Config{
		Channels: func() []Channel { return []Channel{{"id", "news"}} },
		Mine:     func(string) bool { return true },
		Program:  func(string) (Timeline, error) { return f, nil }, Open: f.Open,
		Publish: func(context.Context, string, func(error)) (Sink, error) { return r, nil },
		Shown:   func(context.Context, Channel) ([]graphics.Showing, error) { return all, nil },
	})
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	for r.pictures() < pictures {
		select {
		case <-r.more:
		case <-ctx.Done():
			t.Fatalf("only %d pictures came", r.pictures())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !r.closed {
		t.Error("the burnt program was not closed")
	}
}

// TestInStep shows a graphic from one program time to another over pictures of a real encoder, and looks at which
// pictures it is when they are decoded again; the pictures themselves are where they belong, and so is the sound.
func TestInStep(t *testing.T) {
	f, t0 := newFilm(), time.Now().Add(-8*time.Second)
	f.add(t, t0, 6, 3)
	f.window.Segments[len(f.window.Segments)-1].Complete = true
	back := showing(graphics.Content{Kind: graphics.Bug, Title: "LIVE", Place: "top-left"})
	back.Look.Accent = "#808080"
	back.From, back.Until = t0.Add(3600*time.Millisecond), t0.Add(4400*time.Millisecond)
	const pictures = 100
	r := burnFilm(t, f, pictures, back)
	b := r.runs[0]
	frames, w, h := b.decode(t)
	if len(frames) < pictures || w != 320 || h != 180 {
		t.Fatalf("%d pictures of %dx%d", len(frames), w, h)
	}
	seconds := func(n int) float64 { return b.at.Sub(t0).Seconds() + float64(n)/25 }
	turned, came, went := -1.0, -1.0, -1.0
	mark := image.Pt(w*5/100, h*8/100) // within the bug, beside its word
	for n, p := range frames {
		if turned < 0 && p[h/2*w+w/2] > 200 {
			turned = seconds(n)
		}
		grey := p[mark.Y*w+mark.X]
		if is := grey > 100 && grey < 190; is && came < 0 {
			came = seconds(n)
		} else if !is && came >= 0 && went < 0 {
			went = seconds(n)
		}
	}
	t.Logf("the first picture is that of %v s; it turned white at %.3f s, the graphic came at %.3f s and went at %.3f s", b.at.Sub(t0).Seconds(), turned, came, went)
	for _, x := range []struct {
		what      string
		got, want float64
	}{{"the pictures turned white", turned, 3}, {"the graphic came", came, 3.6}, {"the graphic went", went, 4.4}} {
		if d := x.got - x.want; d < -0.045 || d > 0.1 {
			t.Errorf("%s at %.3f s, want %.3f s", x.what, x.got, x.want)
		}
	}
	checkSound(t, b)
}

// checkSound looks whether the sound of a run goes along with its pictures.
func checkSound(t *testing.T, b *burnt) {
	t.Helper()
	if len(b.tracks) != 2 || b.tracks[1].Codec != media.AAC {
		t.Fatalf("the tracks are %+v", b.tracks)
	}
	last, count := int64(-1), 0
	picture := int64(-1)
	for _, s := range b.samples {
		if s.Track == pictureTrack {
			if s.DTS <= picture {
				t.Fatalf("a picture at %d behind one at %d", s.DTS, picture)
			}
			picture = s.DTS
			continue
		}
		if count++; last >= 0 && s.DTS-last != 1024 {
			t.Fatalf("sound at %d behind %d", s.DTS, last)
		}
		if picture < 0 {
			t.Fatal("sound before the first picture")
		}
		last = s.DTS
	}
	if a, p := float64(last)/48000, float64(picture)/90000; count == 0 || p-a > 0.1 || a-p > 0.1 {
		t.Errorf("%d frames of sound to %.3f s, pictures to %.3f s", count, a, p)
	}
}

// TestTakes burns a program that is cut from one take to another: each is a run of its own, at its program time.
func TestTakes(t *testing.T) {
	f, t0 := newFilm(), time.Now().Add(-14*time.Second)
	f.add(t, t0, 3, 1)
	f.add(t, t0.Add(10*time.Second), 2, 9)
	r := burnFilm(t, f, 60) // of the 75 of the newest three segments
	if len(r.runs) != 2 {
		t.Fatalf("%d runs", len(r.runs))
	}
	if at := r.runs[1].at.Sub(t0); at < 10*time.Second || at > 10*time.Second+50*time.Millisecond {
		t.Errorf("the second take is burnt from %v on", at)
	}
	for _, b := range r.runs {
		checkSound(t, b)
	}
}

// TestInterrupted goes on behind what was taken in when something goes wrong: nothing is burnt twice.
func TestInterrupted(t *testing.T) {
	f, t0 := newFilm(), time.Now().Add(-14*time.Second)
	f.add(t, t0, 3, 9)
	f.add(t, t0.Add(10*time.Second), 2, 9)
	both := f.window.Segments
	f.window.Segments = both[:3]
	failed, samples := false, 0
	r := &reel{more: make(chan struct{}, 1)}
	r.fail = func() error {
		if samples++; samples < 190 || failed { // in the last second of the first take
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		failed, f.window.Segments = true, both
		close(f.changed)
		f.changed = make(chan struct{})
		return errors.New("the program is not taken any more")
	}
	r.burn(t, f, 100)
	if len(r.runs) != 2 {
		t.Fatalf("%d runs", len(r.runs))
	}
	if first, second := r.runs[0].at.Sub(t0), r.runs[1].at.Sub(t0); first > 50*time.Millisecond || second < 10*time.Second {
		t.Errorf("it began at %v, and again at %v", first, second)
	}
}

// TestRate takes the source's rate, up to some 30 pictures in a second.
func TestRate(t *testing.T) {
	for f, want := range map[float64]string{25: "25/1", 29.97: "30000/1001", 30: "30/1", 23.976: "24000/1001", 50: "25/1", 59.94: "30000/1001", 60: "30/1", 120: "30/1", 0: "30/1", 1e9: "30/1", 10: "10/1", 12.5: "13/1"} {
		if got := rateOf(&media.Track{FrameRate: f}).String(); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[[2]int][2]int{{1920, 1080}: {1280, 720}, {640, 360}: {640, 360}, {1080, 1920}: {406, 720}, {0, 0}: {1280, 720}, {853, 480}: {854, 480}, {4000, 20}: {1280, 16}} {
		if w, h := sizeOf(&media.Track{Width: in[0], Height: in[1]}); [2]int{w, h} != want {
			t.Errorf("%v: %dx%d, want %v", in, w, h, want)
		}
	}
}

// TestStale begins with nothing that was on air long ago, and with what comes then.
func TestStale(t *testing.T) {
	f := &follower{}
	long := time.Now().Add(-time.Hour)
	w := &hls.Window{MediaSequence: 7, Segments: []hls.Segment{{URI: "a", Complete: true, ProgramTime: long}, {URI: "b", Complete: true, ProgramTime: long}, {ProgramTime: long}}}
	if s, err := f.find(w); s != nil || err != nil {
		t.Errorf("it begins with %v (%v)", s, err)
	}
	w.Segments[2] = hls.Segment{URI: "c", Complete: true, ProgramTime: long}
	if s, err := f.find(w); err != nil || s == nil || s.URI != "c" {
		t.Errorf("then %v comes (%v)", s, err)
	}
	w.MediaSequence = 100
	if _, err := f.find(w); !errors.Is(err, errBehind) {
		t.Errorf("far behind: %v", err)
	}
	if s, _ := f.find(w); s != nil { // an hour old
		t.Errorf("it begins again with %v", s)
	}
}

// TestResume goes on with what comes next, and where that has left the list with the newest, never with what was given
// before. Only who follows all the time is behind then.
func TestResume(t *testing.T) {
	f := &follower{}
	listed := func(first int64) *hls.Window {
		w := &hls.Window{MediaSequence: first}
		for i := range int64(6) {
			w.Segments = append(w.Segments, hls.Segment{URI: fmt.Sprint(first + i), Complete: true, ProgramTime: time.Now()})
		}
		return w
	}
	next := func(first int64, want string) {
		t.Helper()
		s, err := f.find(listed(first))
		switch {
		case err != nil:
			t.Errorf("from %d on: %v", first, err)
		case s == nil && want != "" || s != nil && s.URI != want:
			t.Errorf("of those from %d on %v comes, want %s", first, s, want)
		case s != nil:
			f.advance()
		}
	}
	next(100, "103")
	f.resume(nil)
	next(101, "104")
	f.resume(nil)
	next(105, "105")
	next(105, "106")
	f.resume(nil)
	next(200, "203")
	if _, err := f.find(listed(300)); !errors.Is(err, errBehind) {
		t.Errorf("far behind: %v", err)
	}
	next(300, "303")
	next(300, "304")
	next(300, "305")
	f.leap()
	next(300, "")
	next(301, "306")
	if f.unread(t.Context(), errUnread); f.next != 308 {
		t.Errorf("behind one that cannot be read comes %d", f.next)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f.unread(ctx, errUnread); f.next != 308 {
		t.Errorf("behind one that nobody waited for comes %d", f.next)
	}
}

// TestPackEnds hands on nothing of a stretch that ended before it was known where it begins, or that had no picture, and
// says in words what it was given that is not one track of pictures.
func TestPackEnds(t *testing.T) {
	needFFmpeg(t)
	encoded := func(stdin io.Reader, args ...string) *bytes.Buffer {
		var out bytes.Buffer
		if err := ffmpeg.Run(t.Context(), ffmpeg.Job{Stdin: stdin, Stdout: &out, Args: args}); err != nil {
			t.Fatal(err)
		}
		return &out
	}
	r := &reel{more: make(chan struct{}, 1), runs: []*burnt{{}}} // of an earlier stretch
	began := func(sink Sink) *stretch {
		return &stretch{sink: &output{sink: sink, open: func() (Sink, error) { return r, nil }}, ready: make(chan struct{}), rate: rate{25, 1}, w: 64, h: 64}
	}
	pictures := make([]byte, 5*64*64*3/2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, sink := range []Sink{nil, r} {
		s := began(sink)
		if err := s.pack(ctx, encoded(bytes.NewReader(pictures), s.encoding()...)); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
	s := began(nil)
	if err := s.pack(t.Context(), encoded(bytes.NewReader(nil), s.encoding()...)); err != nil {
		t.Errorf("without a picture it ended with %v", err)
	}
	if n := r.pictures(); n != 0 || len(r.runs) != 1 {
		t.Errorf("%d pictures went into the take before, of %d", n, len(r.runs))
	}
	err := s.pack(t.Context(), encoded(nil, "-f", "lavfi", "-i", "color=s=64x64:r=25:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+empty_moov", "-f", "mp4", "pipe:1"))
	if err == nil || strings.Contains(err.Error(), "%!") || !strings.Contains(err.Error(), "want one track") {
		t.Errorf("sound and pictures: %v", err)
	}
}
