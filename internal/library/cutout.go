package library

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
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
	return f.join(ctx, to, nil)
}
