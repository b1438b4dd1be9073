package library

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// maxKinds bounds how many files ffmpeg has open to join them.
	maxKinds = 40
	// joinTime is how long joining may take.
	joinTime = 12 * time.Hour
)

// join writes a film of several kinds to the disk as one file, encoded anew. tell, if there is one, hears how far it is.
func (f *Film) join(ctx context.Context, to string, tell func(time.Duration)) error {
	kinds := f.kinds()
	if len(kinds) > maxKinds {
		return &addressError{fmt.Sprintf("The pictures change their kind %d times in it, and at most %d times can be joined: cut shorter clips.", len(kinds), maxKinds)}
	}
	if err := room(to, 2*f.Size); err != nil { // what is joined, and what comes of it
		return err
	}
	var files []string
	defer func() {
		for _, file := range files {
			os.Remove(file)
		}
	}()
	for i, k := range kinds {
		file := fmt.Sprintf("%s-%d.mp4", to, i)
		files = append(files, file)
		if err := k.writeFile(ctx, file); err != nil {
			return err
		}
	}
	return ffmpeg.Run(ctx, ffmpeg.Job{Args: joinArgs(files, kinds, to), Limits: ffmpeg.Limits{Time: joinTime}, Progress: tell})
}

// joinArgs says how files are joined into one, whose pictures are as large as most of what is joined. Where a file has no
// sound and others have, it is silent.
func joinArgs(files []string, kinds []*Film, to string) []string {
	var args []string
	var filter, joined strings.Builder
	shape := shapeOf(kinds)
	for i, k := range kinds {
		args = append(args, "-i", files[i])
		fmt.Fprintf(&filter, "[%d:v:0]scale=%d:%d:force_original_aspect_ratio=decrease,pad=%d:%d:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=%.3f,format=yuv420p[v%d];",
			i, shape.width, shape.height, shape.width, shape.height, shape.rate, i)
		fmt.Fprintf(&joined, "[v%d]", i)
		if !shape.sound {
			continue
		}
		if _, sound := k.tracks(); sound == nil {
			fmt.Fprintf(&filter, "anullsrc=r=48000:cl=stereo,atrim=duration=%.3f[a%d];", k.length().Seconds(), i)
		} else {
			fmt.Fprintf(&filter, "[%d:a:0]aresample=48000,aformat=channel_layouts=stereo[a%d];", i, i)
		}
		fmt.Fprintf(&joined, "[a%d]", i)
	}
	ends, count := "[v]", 0
	if shape.sound {
		ends, count = "[v][a]", 1
	}
	args = append(args, "-filter_complex", fmt.Sprintf("%s%sconcat=n=%d:v=1:a=%d%s", filter.String(), joined.String(), len(files), count, ends), "-map", "[v]")
	if shape.sound {
		args = append(args, "-map", "[a]", "-c:a", "aac", "-b:a", "160k")
	}
	return append(args, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-force_key_frames", "expr:gte(t,n_forced*2)", "-movflags", "+faststart", "-f", "mp4", to)
}

// shape is what films become when they are joined.
type shape struct {
	width, height int
	rate          float64
	sound         bool
}

// shapeOf takes the size that most of the time has, and of two that have as much the larger one.
func shapeOf(kinds []*Film) (s shape) {
	type size struct{ width, height int }
	lasts := map[size]media.Ticks{}
	for _, k := range kinds {
		pictures, sound := k.tracks()
		s.sound = s.sound || sound != nil
		if pictures != nil {
			lasts[size{pictures.Width, pictures.Height}] += k.length()
			s.rate = max(s.rate, pictures.FrameRate)
		}
	}
	var longest media.Ticks
	for z, length := range lasts {
		if length > longest || length == longest && z.width*z.height > s.width*s.height {
			s.width, s.height, longest = z.width, z.height, length
		}
	}
	if s.rate <= 0 || s.rate > 60 {
		s.rate = 30
	}
	return s
}

// tracks returns the pictures and the sound of a film of one kind, nil for what it has not.
func (f *Film) tracks() (pictures, sound *media.Track) {
	all := f.strips[0].reel.listing.Take.Rendition(media.Main).Tracks
	for i := range all {
		if all[i].Codec.IsVideo() {
			pictures = &all[i]
		} else {
			sound = &all[i]
		}
	}
	return pictures, sound
}

// length says how long a film is.
func (f *Film) length() (n media.Ticks) {
	for _, s := range f.strips {
		for i := s.from; i < s.to; i++ {
			n += s.reel.listing.Segments[i].Duration
		}
	}
	return n
}

// writeFile writes a film of one kind to the disk.
func (f *Film) writeFile(ctx context.Context, to string) error {
	if err := room(to, f.Size); err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("a file for a conversion: %w", err)
	}
	defer file.Close()
	if err := f.WriteTo(ctx, file, func() error { return ctx.Err() }); err != nil {
		return err
	}
	return file.Close()
}
