package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// ofRecording notes in the job of a clip that is cut out of a recording where in what is converted the marks are.
func (l *Library) ofRecording(ctx context.Context, j *job) error {
	c, err := l.Clip(ctx, j.Channel, j.Clip)
	if err != nil || c.Origin.Kind != FromRecording {
		return err
	}
	f, err := l.RecordingFilm(ctx, j.Channel, c.Origin.Recording, c.Origin.From, c.Origin.To)
	if err != nil && !errors.Is(err, ErrMixed) {
		return err
	}
	j.In, j.Out = c.Origin.From-f.Begin, c.Origin.To-f.Begin
	if c.Origin.Hold {
		j.Hold = c.Origin.Recording
	}
	return nil
}

// room fails if the disk has none for a file.
func room(file string, size int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(file), &st); err == nil && size+diskSpare > int64(st.Bavail)*st.Bsize {
		return fmt.Errorf("%w: a file of %s is to be converted and %s of the disk are free (%s): make room, or give --spool a larger disk",
			errNoRoom, Size(size), Size(int64(st.Bavail)*st.Bsize), filepath.Dir(file))
	}
	return nil
}

// fetchRecording writes a stretch of a recording to the disk as one file. What is of several kinds is joined by ffmpeg.
func (l *Library) fetchRecording(ctx context.Context, channel string, o *Origin, to string) error {
	f, err := l.RecordingFilm(ctx, channel, o.Recording, o.From, o.To)
	switch {
	case err == nil:
		return f.writeFile(ctx, to)
	case errors.Is(err, ErrNotFound):
		return &addressError{"The recording that it was to be cut out of was deleted meanwhile."}
	case !errors.Is(err, ErrMixed):
		return err
	}
	kinds := f.kinds()
	if len(kinds) > maxKinds {
		return &addressError{fmt.Sprintf("The pictures change their kind %d times in it, and at most %d times can be joined: cut shorter clips.", len(kinds), maxKinds)}
	}
	var files []string
	for i, k := range kinds {
		file := fmt.Sprintf("%s-%d.mp4", to, i)
		if err := k.writeFile(ctx, file); err != nil {
			return err
		}
		files = append(files, file)
	}
	err = ffmpeg.Run(ctx, ffmpeg.Job{Args: joinArgs(files, kinds, to), Limits: ffmpeg.Limits{Time: 12 * time.Hour}})
	for _, file := range files {
		os.Remove(file)
	}
	return err
}

// maxKinds bounds how many files ffmpeg has open to join them.
const maxKinds = 40

// joinArgs says how files are joined into one, whose pictures are as large as the largest of them.
func joinArgs(files []string, kinds []*Film, to string) []string {
	var args []string
	var width, height int
	rate, sound := 0.0, true
	for i, k := range kinds {
		args = append(args, "-i", files[i])
		tracks := k.strips[0].reel.listing.Take.Rendition(media.Main).Tracks
		heard := false
		for _, t := range tracks {
			if t.Codec.IsVideo() && t.Width*t.Height > width*height {
				width, height = t.Width, t.Height
			}
			rate, heard = max(rate, t.FrameRate), heard || !t.Codec.IsVideo()
		}
		sound = sound && heard
	}
	if rate <= 0 || rate > 60 {
		rate = 30
	}
	var filter, joined strings.Builder
	for i := range files {
		fmt.Fprintf(&filter, "[%d:v:0]scale=%d:%d:force_original_aspect_ratio=decrease,pad=%d:%d:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=%.3f,format=yuv420p[v%d];", i, width, height, width, height, rate, i)
		fmt.Fprintf(&joined, "[v%d]", i)
		if sound {
			fmt.Fprintf(&filter, "[%d:a:0]aresample=48000,aformat=channel_layouts=stereo[a%d];", i, i)
			fmt.Fprintf(&joined, "[a%d]", i)
		}
	}
	ends := "[v]"
	count := 0
	if sound {
		ends, count = "[v][a]", 1
	}
	args = append(args, "-filter_complex", fmt.Sprintf("%s%sconcat=n=%d:v=1:a=%d%s", filter.String(), joined.String(), len(files), count, ends), "-map", "[v]")
	if sound {
		args = append(args, "-map", "[a]", "-c:a", "aac", "-b:a", "160k")
	}
	return append(args, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-force_key_frames", "expr:gte(t,n_forced*2)", "-f", "mp4", to)
}

// writeFile writes the film to the disk.
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
