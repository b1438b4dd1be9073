package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Info is what a file holds.
type Info struct {
	Format   string        // as ffmpeg names it, such as "mov,mp4,m4a,3gp,3g2,mj2"
	Duration time.Duration // 0 if it does not say
	Bitrate  int           // of all streams, in bit/s; 0 if it does not say
	Video    *Stream       // nil if it has no moving picture and no still
	Audio    *Stream       // nil if it has no sound
}

// Stream is one stream of a file.
type Stream struct {
	Codec         string
	Profile       string
	Pixels        string // pixel format, such as "yuv420p"
	Width, Height int    // as stored; see Rotation
	Rotation      int    // degrees that a player turns it by
	Rate          float64
	Still         bool // one picture: a photo, or the cover of a sound file
	Interlaced    bool
	Index         int           // among all streams of the file
	Duration      time.Duration // 0 if it does not say
	SampleRate    int
	Channels      int
}

// probeTime is how long ffprobe may take: it reads little.
const probeTime = 30 * time.Second

// Probe says what a file holds. The error of a file that cannot be read is an *Error.
func Probe(ctx context.Context, file string) (Info, error) {
	var out bytes.Buffer
	args := []string{
		"-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe,fd",
		"-of", "json", "-show_format", "-show_streams", "-i", file,
	}
	err := run(ctx, "ffprobe", args, Job{Stdout: &limited{out: &out, left: 1 << 20}, Limits: Limits{Time: probeTime}}, nil)
	if err != nil {
		return Info{}, err
	}
	return parseProbe(out.Bytes())
}

// Measure says how long a file is that does not say so itself: it reads all of it.
func Measure(ctx context.Context, file string) (time.Duration, error) {
	var far time.Duration
	err := Run(ctx, Job{
		Args:     []string{"-i", file, "-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", "-f", "null", "-"},
		Progress: func(d time.Duration) { far = max(far, d) },
	})
	return far, err
}

// probed is ffprobe's answer, as far as it is of use.
type probed struct {
	Format struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
		Bitrate  string `json:"bit_rate"`
	} `json:"format"`
	Streams []probedStream `json:"streams"`
}

type probedStream struct {
	Index       int    `json:"index"`
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Profile     string `json:"profile"`
	Pixels      string `json:"pix_fmt"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Rate        string `json:"avg_frame_rate"`
	Duration    string `json:"duration"`
	Fields      string `json:"field_order"`
	SampleRate  string `json:"sample_rate"`
	Channels    int    `json:"channels"`
	Disposition struct {
		Picture int `json:"attached_pic"`
	} `json:"disposition"`
	SideData []struct {
		Rotation float64 `json:"rotation"`
	} `json:"side_data_list"`
}

// parseProbe reads ffprobe's answer. Of several streams of a kind the first counts, a cover last.
func parseProbe(data []byte) (Info, error) {
	var p probed
	if err := json.Unmarshal(data, &p); err != nil {
		return Info{}, fmt.Errorf("ffprobe's answer: %w", err)
	}
	info := Info{Format: p.Format.Name, Duration: seconds(p.Format.Duration)}
	info.Bitrate, _ = strconv.Atoi(p.Format.Bitrate)
	for i := range p.Streams {
		switch s := &p.Streams[i]; s.Type {
		case "video":
			if v := s.stream(still(info.Format)); info.Video == nil || info.Video.Still && !v.Still {
				info.Video = v
			}
		case "audio":
			if info.Audio == nil {
				info.Audio = s.stream(false)
			}
		}
	}
	if info.Video == nil && info.Audio == nil {
		return info, &Error{Words: "there is neither picture nor sound in it"}
	}
	return info, nil
}

func (s *probedStream) stream(still bool) *Stream {
	out := &Stream{
		Codec: s.Codec, Profile: s.Profile, Pixels: s.Pixels, Width: s.Width, Height: s.Height, Channels: s.Channels,
		Rate: ratio(s.Rate), Still: still || s.Disposition.Picture == 1, Index: s.Index, Duration: seconds(s.Duration),
		Interlaced: s.Fields != "" && s.Fields != "progressive" && s.Fields != "unknown",
	}
	out.SampleRate, _ = strconv.Atoi(s.SampleRate)
	for _, d := range s.SideData {
		if d.Rotation != 0 {
			out.Rotation = int(d.Rotation)
		}
	}
	return out
}

// still reports whether a format is that of a photo.
func still(format string) bool {
	return format == "image2" || strings.HasSuffix(format, "_pipe")
}

// seconds reads a decimal number of seconds, 0 for none.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1e6 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// ratio reads "30000/1001", 0 for none.
func ratio(s string) float64 {
	num, den, ok := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(num, 64)
	d, err2 := strconv.ParseFloat(den, 64)
	if !ok || err != nil || err2 != nil || d == 0 {
		return 0
	}
	return n / d
}

// limited takes so many bytes and no more.
type limited struct {
	out  *bytes.Buffer // not embedded: its ReadFrom would be used, which knows no limit
	left int
}

var errTooMuch = errors.New("ffprobe says too much")

// Write takes p, or fails.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooMuch
	}
	return l.out.Write(p)
}
