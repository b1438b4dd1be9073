package opus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// Span is how many samples a frame of AAC has. Frame n is heard from sample n*Span on.
	Span = 1024
	// Ahead is how much sound beyond a frame's own is needed to make it: frames overlap, and the encoder chooses the
	// shape of the overlap by what follows.
	Ahead = 2 * Span
	// lead is how many frames are made and thrown away before the first that is wanted: the encoder's choices settle.
	lead = 2
	// Before is how much sound before a frame makes it the same as if all that came before had been there: the
	// frames that lead, the half that the first of them shares with the one before, and what a decoder of Opus takes
	// to converge (80 ms; RFC 7845, 4.6).
	Before = (lead+1)*Span + 80*Rate/1000
	// priming is what the encoder puts before the first sound, in frames.
	priming = 1

	bitrate = "128k"
	runTime = 10 * time.Second
	memory  = 1 << 30
	// atOnce is how many pieces are converted at a time; the others wait.
	atOnce = 4
	tries  = 2
)

// ErrMissing is returned where there is no ffmpeg.
var ErrMissing = ffmpeg.ErrMissing

// Track is what Converter makes: AAC-LC, 48 kHz, stereo.
func Track(id int) media.Track {
	return media.Track{ID: id, Codec: media.AAC, Timescale: Rate, Config: cmaf.StereoConfig, SampleRate: Rate, Channels: 2}
}

// Converter makes AAC of Opus by ffmpeg.
type Converter struct {
	log  *slog.Logger
	turn chan struct{}
	run  func(ctx context.Context, job ffmpeg.Job) error
}

// NewConverter makes a converter.
func NewConverter(log *slog.Logger) *Converter {
	return &Converter{log: log, turn: make(chan struct{}, atOnce), run: ffmpeg.Run}
}

// AAC makes the frames from first up to end. Where the packets do not reach, frames are silent. If ffmpeg fails, it
// is run once more; if it fails again, all of them are silent, and the log says why: pictures go on.
//
// Errors are ErrInvalid, ErrMissing, and the context's.
func (c *Converter) AAC(ctx context.Context, head Head, packets []Packet, first, end int64) ([][]byte, error) {
	if end-first < 0 || end-first > maxFrames {
		return nil, invalid("a piece of %d frames of sound, want at most %d", end-first, maxFrames)
	}
	durations, err := run(packets)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, end-first)
	for i := range out {
		out[i] = cmaf.SilentFrame
	}
	sound := int64(0)
	for _, n := range durations {
		sound += int64(n)
	}
	if len(out) == 0 {
		return out, nil
	}
	begin, skip := int64(0), int64(0)
	if len(packets) > 0 {
		heard := packets[0].Time - int64(head.PreSkip) // of the first sample that is decoded
		begin = max(first-lead, -floor(-heard, Span))
		skip = begin*Span - heard
	}
	if skip >= sound {
		return out, nil
	}
	frames, err := c.twice(ctx, head, packets, durations, skip)
	place(out, first, frames, begin)
	return out, err
}

// twice converts when it is its turn, and again if that fails. Without frames and an error it failed twice.
func (c *Converter) twice(ctx context.Context, head Head, packets []Packet, durations []uint32, skip int64) ([][]byte, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.turn }()
	for try := 1; ; try++ {
		frames, err := c.convert(ctx, head, packets, durations, skip)
		switch {
		case err == nil:
			return frames, nil
		case ctx.Err() != nil, errors.Is(err, ErrMissing):
			return nil, err
		case try == tries:
			c.log.Error("the sound of a piece is silent: it could not be converted", "packets", len(packets), "error", err)
			return nil, nil
		}
		c.log.Warn("sound could not be converted; trying once more", "error", err)
	}
}

// floor divides rounding down.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// place puts the frames that begin with number begin where they are wanted.
func place(out [][]byte, first int64, frames [][]byte, begin int64) {
	for i, f := range frames {
		if at := begin + int64(i) - first; at >= 0 && at < int64(len(out)) {
			out[at] = f
		}
	}
}

// convert runs ffmpeg: it leaves out the first skip samples that it decodes, and returns the frames that begin there.
func (c *Converter) convert(ctx context.Context, head Head, packets []Packet, durations []uint32, skip int64) ([][]byte, error) {
	in, err := file(head, packets, durations)
	if err != nil {
		return nil, err
	}
	filters := "atrim=start_sample=" + strconv.FormatInt(skip, 10)
	if head.Channels == 1 {
		filters += ",pan=stereo|c0=c0|c1=c0" // as loud as it was
	}
	out := &bounded{left: maxFrames * 2048}
	err = c.run(ctx, ffmpeg.Job{
		Args: []string{
			"-f", "mp4", "-i", "pipe:0", "-af", filters,
			"-c:a", "aac", "-b:a", bitrate, "-ac", "2", "-ar", strconv.Itoa(Rate), "-f", "adts", "pipe:1",
		},
		Stdin: bytes.NewReader(in), Stdout: out,
		Limits: ffmpeg.Limits{Time: runTime, Memory: memory}, Urgent: true,
	})
	if err != nil {
		return nil, fmt.Errorf("convert Opus: %w", err)
	}
	frames, err := readADTS(out.data)
	if err != nil || len(frames) <= priming {
		return nil, fmt.Errorf("convert Opus: ffmpeg gave %d frames: %w", len(frames), errors.Join(err, io.ErrUnexpectedEOF))
	}
	return frames[priming:], nil
}

// file writes the packets as fragmented MP4 from time 0.
func file(head Head, packets []Packet, durations []uint32) ([]byte, error) {
	track := media.Track{ID: 1, Codec: media.Opus, Timescale: Rate, Config: head.box(), SampleRate: Rate, Channels: head.Channels}
	in, err := cmaf.Init([]media.Track{track})
	if err != nil {
		return nil, fmt.Errorf("convert Opus: %w", err)
	}
	f := cmaf.Fragment{Sequence: 1, Track: 1, Audio: true}
	for i, p := range packets {
		f.Samples = append(f.Samples, cmaf.Sample{Duration: durations[i], Size: uint32(len(p.Data)), Key: true})
		f.Data = append(f.Data, p.Data...)
	}
	return cmaf.AppendFragment(in, &f), nil
}

// bounded takes so many bytes and no more.
type bounded struct {
	data []byte
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("ffmpeg writes too much")
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
