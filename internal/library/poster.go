package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// encode writes an index, and what a node makes of it.
func (x *index) encode() ([]byte, *reel, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, nil, fmt.Errorf("write index: %w", err)
	}
	r, err := readIndex(text)
	return text, r, err
}

// length is how long a take lasts.
func (r *reel) length() media.Ticks {
	if n := len(r.listing.Segments); n > 0 {
		last := r.listing.Segments[n-1]
		return last.Start + last.Duration
	}
	return 0
}

// at returns the number of the segment that a time lies in; beyond the end it is the last one.
func (r *reel) at(t media.Ticks) uint32 {
	lo, hi := 0, len(r.listing.Segments)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; r.listing.Segments[mid].Start <= t {
			lo = mid
		} else {
			hi = mid
		}
	}
	return uint32(lo)
}

func posterKey(channel, clip string, n int) string {
	return fmt.Sprintf("%sposter-%d.jpg", clipPrefix(channel, clip), n)
}

const (
	posterWidth = 640
	maxPoster   = 1 << 20
)

// drawPoster makes a picture of a moment of a take and keeps it under a number, which it returns.
func (l *Library) drawPoster(ctx context.Context, r *reel, channel, clip string, n int, at media.Ticks) (int, error) {
	segment := r.at(at)
	data, err := l.reels.segment(ctx, r, segment)
	if err != nil {
		return 0, err
	}
	init := r.listing.Take.Rendition(media.Main).Init
	var out bytes.Buffer
	into := (at - r.listing.Segments[segment].Start).Seconds()
	err = ffmpeg.Run(ctx, ffmpeg.Job{
		Args: []string{
			"-threads", "1", "-i", "pipe:0", "-an", "-vf", fmt.Sprintf("setpts=PTS-STARTPTS,select='gte(t,%.3f)+eq(n,0)',scale=%d:-2", into, posterWidth),
			"-fps_mode", "passthrough", "-update", "1", "-q:v", "4", "-frames:v", strconv.Itoa(2), "-f", "image2pipe", "-c:v", "mjpeg", "pipe:1",
		},
		Stdin: bytes.NewReader(append(append([]byte{}, init...), data...)), Stdout: &out, Limits: ffmpeg.Limits{Time: 30 * time.Second},
	})
	if err != nil {
		return 0, fmt.Errorf("draw a poster: %w", err)
	}
	picture := out.Bytes()
	if from := bytes.LastIndex(picture, []byte{0xff, 0xd8, 0xff}); from > 0 {
		picture = picture[from:] // the first picture is only for a segment that ends before the moment
	}
	if len(picture) == 0 || len(picture) > maxPoster {
		return 0, fmt.Errorf("draw a poster: %d bytes came out", len(picture))
	}
	_, err = l.bucket.Put(ctx, posterKey(channel, clip, n), bucket.Bytes(picture))
	return n, err
}

// Poster returns a clip's poster, a JPEG.
func (l *Library) Poster(ctx context.Context, channel, clip string, n int) ([]byte, error) {
	if !validID(channel) || !validID(clip) || n < 1 {
		return nil, ErrNotFound
	}
	o, err := l.bucket.Get(ctx, posterKey(channel, clip, n))
	if errors.Is(err, bucket.ErrNotFound) {
		err = ErrNotFound
	}
	return o.Data, err
}

// SetPoster makes the picture of a moment a clip's poster.
func (l *Library) SetPoster(ctx context.Context, channel, id string, at media.Ticks) (Clip, error) {
	c, err := l.ready(ctx, channel, id)
	if err != nil {
		return c, err
	}
	r, err := l.reels.reel(ctx, c.Take)
	if err != nil {
		return c, err
	}
	n, err := l.drawPoster(ctx, r, channel, id, c.Poster+1, min(max(at, 0), c.Duration))
	if err != nil {
		return c, err
	}
	return l.updateClip(ctx, channel, id, func(c *Clip) error { c.Poster = n; return nil })
}

// ready returns a clip that can be played.
func (l *Library) ready(ctx context.Context, channel, id string) (Clip, error) {
	c, err := l.Clip(ctx, channel, id)
	if err == nil && c.State != Ready {
		err = fmt.Errorf("%w: the clip is not ready yet", ErrState)
	}
	return c, err
}
