package burn

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

const (
	// patience is how long pictures wait before graphics are drawn into them: what is shown over them is known by then.
	patience = 2 * time.Second
	// quietTime is how long nothing more may come before what waits is finished.
	quietTime = 6 * time.Second
	// feedTime is how long ffmpeg may take to take in a segment.
	feedTime = 20 * time.Second
	// maxSound bounds the frames of sound that wait for their pictures.
	maxSound = 4096
)

// stretch is a run of the program's segments from one take: its pictures are decoded, drawn on and encoded again by two
// ffmpegs; its sound is copied.
type stretch struct {
	follower *follower
	sink     *output
	shown    func(now time.Time) []graphics.Showing // what is known of the showings just now
	overlay  *overlay
	init     string // its address
	tracks   []media.Track
	video    *media.Track
	audio    *media.Track // nil: there is no sound
	rate     rate
	w, h     int

	ready   chan struct{} // closed when it is known where it begins
	zero    int64         // presentation time of the first picture, in the time scale of the pictures
	origin  int64         // decode time of the first picture
	at      time.Time     // its program time
	playing bool          // the first picture has come; the feeder alone asks

	mu    sync.Mutex
	sound []media.Sample // that waits for its pictures, with times from the first picture on
}

// rate is how many pictures there are in a second: num/den.
type rate struct{ num, den int64 }

func (r rate) String() string { return fmt.Sprintf("%d/%d", r.num, r.den) }

// after returns the time of picture n after the first.
func (r rate) after(n int64) time.Duration {
	return time.Duration(n * r.den * int64(time.Second) / r.num)
}

// rateOf is the rate of the burnt pictures: the source's, up to 30.
func rateOf(t *media.Track) rate {
	f := t.FrameRate
	if f < 1 || f > 240 || math.IsNaN(f) {
		return rate{30, 1}
	}
	for f > 31 {
		f /= 2
	}
	whole := math.Round(f)
	if math.Abs(f-whole*1000/1001) < math.Abs(f-whole) && math.Abs(f-whole*1000/1001) < 0.005 {
		return rate{int64(whole) * 1000, 1001}
	}
	return rate{int64(max(1, whole)), 1}
}

// The largest burnt picture. It bounds what one costs.
const maxWidth, maxHeight = 1280, 720

// sizeOf is the size of the burnt pictures: the source's, made to fit.
func sizeOf(t *media.Track) (w, h int) {
	if t.Width < 16 || t.Height < 16 {
		return maxWidth, maxHeight
	}
	fit := paint.Fit(image.Pt(t.Width, t.Height), image.Pt(maxWidth, maxHeight))
	even := func(v int) int { return max(16, (v+1)&^1) }
	return even(fit.X), even(fit.Y)
}

// begin reads what a stretch that begins with a segment consists of.
func (s *stretch) begin(ctx context.Context, first *hls.Segment) error {
	s.init, s.ready = first.Init, make(chan struct{})
	head, err := s.follower.read(ctx, first.Init)
	if err != nil {
		return err
	}
	if s.tracks, err = cmaf.ReadInit(head); err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	for i := range s.tracks {
		switch t := &s.tracks[i]; {
		case t.Codec.IsVideo() && s.video == nil:
			s.video = t
		case t.Codec == media.AAC && s.audio == nil:
			s.audio = t
		}
	}
	if s.video == nil {
		return fmt.Errorf("%w: it has no pictures", errUnread)
	}
	s.rate = rateOf(s.video)
	s.w, s.h = sizeOf(s.video)
	return nil
}

// pipe is one end after the other of a pipe between us and ffmpeg.
type pipe struct{ r, w *os.File }

// run burns the stretch to its end. The error is nil if another may follow at once.
func (s *stretch) run(ctx context.Context) error {
	var pipes [4]pipe
	for i := range pipes {
		r, w, err := os.Pipe()
		if err != nil {
			for _, p := range pipes[:i] {
				p.r.Close()
				p.w.Close()
			}
			return fmt.Errorf("a pipe for ffmpeg: %w", err)
		}
		pipes[i] = pipe{r, w}
	}
	coded, decoded, drawn, encoded := pipes[0], pipes[1], pipes[2], pipes[3]
	group, ctx := errgroup.WithContext(ctx)
	// Whoever is done closes its ends, so that its neighbours come to an end too.
	do := func(f func() error, ends ...*os.File) {
		group.Go(func() error {
			defer func() {
				for _, e := range ends {
					e.Close()
				}
			}()
			return f()
		})
	}
	do(func() error { return s.feed(ctx, coded.w) }, coded.w)
	do(func() error {
		return ffmpeg.Run(ctx, ffmpeg.Job{Args: s.decoding(), Stdin: coded.r, Stdout: decoded.w})
	}, coded.r, decoded.w)
	do(func() error { return s.compose(ctx, decoded.r, drawn.w) }, decoded.r, drawn.w)
	do(func() error {
		return ffmpeg.Run(ctx, ffmpeg.Job{Args: s.encoding(), Stdin: drawn.r, Stdout: encoded.w})
	}, drawn.r, encoded.w)
	do(func() error { return s.pack(ctx, encoded.r) }, encoded.r)
	return group.Wait()
}

// decoding makes a regular row of pictures out of what the source sent: picture n is shown n/rate after the first.
func (s *stretch) decoding() []string {
	return []string{
		"-threads", "2", "-probesize", "64k", "-analyzeduration", "0", "-f", "mp4", "-i", "pipe:0", "-map", "0:v:0", "-an", "-sn", "-dn",
		"-vf", fmt.Sprintf("setpts=PTS-STARTPTS,fps=%s:start_time=0,scale=%d:%d:flags=bilinear,format=yuv420p", s.rate, s.w, s.h),
		"-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1",
	}
}

// keyframes is how many seconds there are between keyframes of burnt pictures.
const keyframes = 2

func (s *stretch) encoding() []string {
	gop := fmt.Sprint((keyframes*s.rate.num + s.rate.den - 1) / s.rate.den)
	// Some 0.1 bit for each pixel, but not below what words need to be read.
	bits := max(800_000, int64(s.w*s.h)*s.rate.num/s.rate.den/9)
	return []string{
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", s.w, s.h), "-r", s.rate.String(), "-i", "pipe:0",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high", "-level:v", "3.1", "-bf", "0", "-threads", "2", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
		"-crf", "23", "-maxrate", fmt.Sprint(bits), "-bufsize", fmt.Sprint(bits), "-video_track_timescale", "90000",
		"-movflags", "+empty_moov+default_base_moof+frag_every_frame", "-flush_packets", "1", "-f", "mp4", "pipe:1",
	}
}

// feed gives the decoder the pictures of one segment after the other, each once it is old enough, and keeps the sound.
func (s *stretch) feed(ctx context.Context, to *os.File) error {
	head, err := cmaf.InitTrack(*s.video)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	if _, err := to.Write(head); err != nil {
		return nil // ffmpeg has ended, and says why
	}
	for n := uint32(1); ; n++ {
		next, whole, err := s.follower.peek(ctx, quietTime)
		if err != nil || next == nil {
			return err
		}
		if next.Init != s.init || next.Gap || n > 1 && next.Discontinuity {
			if next.Gap {
				s.follower.advance()
			}
			return nil // another stretch begins there
		}
		if err := s.rest(ctx, next, whole); err != nil {
			return nil
		}
		data, err := s.follower.read(ctx, next.URI)
		if err != nil {
			return s.follower.unread(ctx, err)
		}
		s.follower.advance()
		fragments, err := cmaf.ReadFragments(data)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnread, err)
		}
		if err := s.take(fragments, next.ProgramTime); err != nil {
			return err
		}
		if err := to.SetWriteDeadline(time.Now().Add(feedTime)); err != nil {
			return fmt.Errorf("feed ffmpeg: %w", err)
		}
		if _, err := to.Write(s.pictures(fragments, n)); errors.Is(err, os.ErrDeadlineExceeded) {
			return s.follower.leap()
		} else if err != nil {
			return nil
		}
	}
}

// rest waits until a segment is old enough.
func (s *stretch) rest(ctx context.Context, x *hls.Segment, whole time.Time) error {
	if end := x.ProgramTime.Add(x.Duration.Duration()); end.Before(whole) {
		whole = end
	}
	t := time.NewTimer(time.Until(whole.Add(patience)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take finds out where the stretch begins, and keeps the sound of a segment.
func (s *stretch) take(fragments []cmaf.FragmentInfo, at time.Time) error {
	if !s.playing {
		s.first(fragments, at)
	}
	if s.audio == nil || !s.playing {
		return nil
	}
	shift := s.zero * int64(s.audio.Timescale) / int64(s.video.Timescale)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range fragments {
		if fragments[i].Track != s.audio.ID {
			continue
		}
		for _, x := range fragments[i].Samples {
			if x.DTS >= shift {
				s.sound = append(s.sound, media.Sample{Track: soundTrack, DTS: x.DTS - shift, Key: true, Duration: x.Duration, Data: x.Data})
			}
		}
	}
	if len(s.sound) > maxSound {
		return fmt.Errorf("%w: its sound and its pictures lie too far apart", errUnread)
	}
	return nil
}

// first finds the first keyframe: with it the stretch begins. What lies before it cannot be decoded.
func (s *stretch) first(fragments []cmaf.FragmentInfo, at time.Time) {
	begin, known := int64(0), false
	for i := range fragments {
		if fragments[i].Track != s.video.ID {
			continue
		}
		for _, x := range fragments[i].Samples {
			if !known {
				begin, known = x.DTS, true
			}
			if x.Key {
				late := time.Duration((x.DTS - begin) * int64(time.Second) / int64(s.video.Timescale))
				s.zero, s.origin, s.at, s.playing = x.DTS+int64(x.CTO), x.DTS, at.Add(late), true
				close(s.ready)
				return
			}
		}
	}
}

// pictures returns the pictures of a segment alone, with times from the beginning of the stretch on.
func (s *stretch) pictures(fragments []cmaf.FragmentInfo, sequence uint32) []byte {
	f := cmaf.Fragment{Sequence: sequence, Track: s.video.ID}
	for i := range fragments {
		if fragments[i].Track != s.video.ID {
			continue
		}
		for _, x := range fragments[i].Samples {
			if !s.playing || x.DTS < s.origin {
				continue
			}
			if len(f.Samples) == 0 {
				f.Base = uint64(x.DTS - s.origin)
			}
			f.Samples = append(f.Samples, cmaf.Sample{Duration: x.Duration, Size: uint32(len(x.Data)), CTO: x.CTO, Key: x.Key})
			f.Data = append(f.Data, x.Data...)
		}
	}
	if len(f.Samples) == 0 {
		return nil
	}
	return cmaf.AppendFragment(nil, &f)
}

// compose draws into the pictures that the decoder gives, and hands them to the encoder.
func (s *stretch) compose(ctx context.Context, from, to *os.File) error {
	f := newFrame(s.w, s.h)
	for n := int64(0); ; n++ {
		if _, err := io.ReadFull(from, f.pix); err != nil {
			return nil // the stretch ends, or the decoder says why not
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil
		}
		at := s.at.Add(s.rate.after(n))
		s.overlay.onto(f, s.shown(time.Now()), at)
		if _, err := to.Write(f.pix); err != nil {
			return nil // the encoder says why
		}
	}
}

// The tracks of what is burnt.
const (
	pictureTrack = 1
	soundTrack   = 2
)

// pack takes what the encoder makes, puts the sound to it and hands both on, once it is known where the stretch begins.
// Of a stretch without a keyframe the encoder makes a header and no picture: nothing is handed on.
func (s *stretch) pack(ctx context.Context, from io.Reader) error {
	var tracks []media.Track // until they were handed on
	return cmaf.ReadStream(from, func(init []byte) (err error) {
		tracks, err = s.encoded(init)
		return err
	}, func(f *cmaf.FragmentInfo) error {
		if tracks != nil {
			select {
			case <-s.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := s.sink.Begin(tracks, s.at); err != nil {
				return err
			}
			tracks = nil
		}
		for i := range f.Samples {
			x := &f.Samples[i]
			if err := s.soundUntil(x.DTS); err != nil {
				return err
			}
			if err := s.sink.Sample(media.Sample{Track: pictureTrack, DTS: x.DTS, CTO: x.CTO, Key: x.Key, Duration: x.Duration, Data: x.Data}); err != nil {
				return err
			}
		}
		return nil
	})
}

// encoded returns the tracks of the burnt program, as the encoder's header and the source's sound say.
func (s *stretch) encoded(init []byte) ([]media.Track, error) {
	made, err := cmaf.ReadInit(init)
	if err != nil {
		return nil, fmt.Errorf("what ffmpeg encodes cannot be read: %w", err)
	}
	if len(made) != 1 || made[0].Codec != media.H264 {
		return nil, errors.New("ffmpeg encodes something else than was asked for: want one track of H.264 and nothing else")
	}
	made[0].ID, made[0].FrameRate = pictureTrack, float64(s.rate.num)/float64(s.rate.den)
	if s.audio != nil {
		sound := *s.audio
		sound.ID = soundTrack
		made = append(made, sound)
	}
	return made, nil
}

// soundUntil hands on the sound before a picture, and never any before the first.
func (s *stretch) soundUntil(picture int64) error {
	for {
		s.mu.Lock()
		if len(s.sound) == 0 || s.sound[0].DTS*media.TicksPerSecond >= picture*int64(s.audio.Timescale) {
			s.mu.Unlock()
			return nil
		}
		x := s.sound[0]
		s.sound = s.sound[1:]
		s.mu.Unlock()
		if err := s.sink.Sample(x); err != nil {
			return err
		}
	}
}
