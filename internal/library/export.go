package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// A recording whose parts are of one kind is one MP4 while it is sent (Film). One of several kinds has to be encoded anew
// for that; this is done once somebody wants it, by whichever node comes first, and what comes of it is kept with it.

// ExportState is how far the MP4 of a recording is.
type ExportState string

// The states of an export.
const (
	Exporting    ExportState = "making"
	Exported     ExportState = "ready"
	ExportFailed ExportState = "failed"
)

// Export is the MP4 of a recording whose pictures or sound are of several kinds.
type Export struct {
	State ExportState `json:"state"`
	Fault string      `json:"fault,omitempty"` // what went wrong, for a person
	Bytes int64       `json:"bytes,omitempty"`
	// Take names the pieces that the file consists of, each of pieceBytes but the last one.
	Take media.TakeID `json:"take,omitzero"`
}

const exportPrefix = "jobs/export/"

func exportKey(recording string) string { return exportPrefix + recording }

// Export has the MP4 of a recording made, unless it is there or on its way. It may be called again.
func (l *Library) Export(ctx context.Context, channel, id string) (Recording, error) {
	r, err := l.Recording(ctx, channel, id)
	if err != nil {
		return r, err
	}
	mixed, err := l.Mixed(ctx, channel, &r)
	if err != nil {
		return r, err
	}
	r, err = l.updateRecording(ctx, channel, id, func(r *Recording) error {
		switch {
		case r.Clip != "":
			return ErrNotFound
		case r.State != Whole:
			return fmt.Errorf("%w: the recording is still being copied together, which goes first: ask again when it is whole", ErrState)
		case !mixed:
			return invalid("all of it is of one kind: download it as it is")
		case r.Export == nil || r.Export.State == ExportFailed:
			r.Export = &Export{State: Exporting}
		}
		r.Mixed = &mixed
		return nil
	})
	if err != nil || r.Export.State == Exported {
		return r, err
	}
	j := job{Channel: channel, Clip: id, Take: media.NewTakeID(), Export: true, Since: l.now().UTC(), Total: r.Duration}
	if err := bucket.Create(ctx, l.docs, exportKey(id), j); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return r, err
	}
	poke(l.exports)
	return r, nil
}

// ExportProgress says how far an export is, from 0 to 1.
func (l *Library) ExportProgress(ctx context.Context, recording string) float64 {
	j, err := bucket.Load[job](ctx, l.docs, exportKey(recording))
	if err != nil {
		return 0
	}
	return j.progress()
}

// export makes the MP4 of a recording, and says what came of it.
func (w *worker) export(ctx context.Context) error {
	l, j := w.library, &w.job
	err := w.makeExport(ctx)
	var words *ffmpeg.Error
	var told *addressError
	switch {
	case err == nil, errors.Is(err, ErrNotFound): // it was deleted meanwhile
	case ctx.Err() != nil, passing(err), errors.Is(err, errLost), errors.Is(err, errNoRoom), errors.Is(err, ffmpeg.ErrMissing):
		return err
	case errors.As(err, &told):
		err = w.failExport(ctx, told.words)
	case errors.As(err, &words):
		w.log.Info("a recording cannot become an MP4", "words", words.Words, "detail", words.Detail)
		err = w.failExport(ctx, "It cannot be made: "+words.Words+".")
	case j.Tries+1 >= maxTries:
		w.log.Warn("a recording cannot become an MP4", "error", err)
		err = w.failExport(ctx, "It could not be made, though it was tried several times.")
	default:
		return errors.Join(err, w.change(ctx, func(j *job) { j.Tries++ }))
	}
	if errors.Is(err, ErrNotFound) {
		err = l.remove(ctx, clipPrefix(j.Channel, j.Clip)+j.Take.String())
	}
	if err != nil {
		return err
	}
	return l.bucket.Delete(ctx, w.key)
}

func (w *worker) makeExport(ctx context.Context) error {
	l, j := w.library, &w.job
	r, err := l.Recording(ctx, j.Channel, j.Clip)
	if err != nil || r.Export == nil || r.Export.State != Exporting {
		return err
	}
	// Another ffmpeg writes another file: pieces of an earlier run do not belong to it.
	if err := w.change(ctx, func(j *job) { j.again(false) }); err != nil {
		return err
	}
	f, err := l.RecordingFilm(ctx, j.Channel, j.Clip, 0, 0)
	if err != nil && !errors.Is(err, ErrMixed) {
		return err
	}
	w.total.Store(int64(f.length()))
	dir, err := os.MkdirTemp(l.cfg.Dir, "export-")
	if err != nil {
		return fmt.Errorf("a directory for a conversion: %w", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "film.mp4")
	if err := f.join(ctx, name, func(out time.Duration) { w.done.Store(int64(media.TicksOf(out))) }); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("a file for a conversion: %w", err)
	}
	defer file.Close()
	size, err := w.keepFile(ctx, file)
	if err != nil {
		return err
	}
	_, err = l.updateArchive(ctx, j.Channel, func(a *archive) error {
		r := a.recording(j.Clip)
		if r == nil {
			return ErrNotFound
		}
		if used := a.used(); used+size > l.cfg.Recordings {
			return &addressError{fmt.Sprintf("Recordings use %s of %s, and the MP4 needs %s: delete some, and have it made again.", Size(used), Size(l.cfg.Recordings), Size(size))}
		}
		r.Export = &Export{State: Exported, Bytes: size, Take: j.Take}
		return nil
	})
	if err == nil {
		w.log.Info("the MP4 of a recording is ready", "duration", r.Duration.Duration(), "size", Size(size), "took", l.now().Sub(j.Since).Round(time.Second))
	}
	return err
}

// keepFile writes a file to the bucket in pieces.
func (w *worker) keepFile(ctx context.Context, file io.Reader) (size int64, err error) {
	l, j := w.library, &w.job
	for n := 0; ; n++ {
		piece := make([]byte, pieceBytes)
		read, err := io.ReadFull(file, piece)
		if read > 0 {
			if err := l.putOnce(ctx, mediaKey(j.Channel, j.Clip, j.Take, n), bucket.Bytes(piece[:read])); err != nil {
				return 0, fmt.Errorf("keep an MP4: %w", err)
			}
			size += int64(read)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return 0, fmt.Errorf("keep an MP4: %w", err)
		}
	}
}

// failExport ends it with a sentence for the person who wanted it.
func (w *worker) failExport(ctx context.Context, sentence string) error {
	l, j := w.library, &w.job
	if err := l.remove(ctx, clipPrefix(j.Channel, j.Clip)+j.Take.String()); err != nil {
		return err
	}
	_, err := l.updateRecording(ctx, j.Channel, j.Clip, func(r *Recording) error {
		r.Export = &Export{State: ExportFailed, Fault: shorten(sentence)}
		return nil
	})
	return err
}

// OpenExport returns the MP4 of a recording that has one.
func (l *Library) OpenExport(ctx context.Context, channel string, r *Recording) io.ReadSeeker {
	read := func(p []byte, at int64) (int, error) {
		n, into := at/pieceBytes, at%pieceBytes
		o, err := l.bucket.GetRange(ctx, mediaKey(channel, r.ID, r.Export.Take, int(n)), into, min(int64(len(p)), pieceBytes-into, r.Export.Bytes-at))
		if err != nil {
			return 0, fmt.Errorf("read an MP4: %w", err)
		}
		return copy(p, o.Data), nil
	}
	return &chunked{size: r.Export.Bytes, read: read}
}

// chunked reads something in larger chunks than it is asked for.
type chunked struct {
	size, at int64
	read     func(p []byte, at int64) (int, error)
	ahead    []byte // what was read and not asked for yet
	buffer   []byte
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if len(c.ahead) == 0 {
		if c.buffer == nil {
			c.buffer = make([]byte, fetchSize)
		}
		n, err := c.read(c.buffer, c.at)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		c.ahead = c.buffer[:n]
	}
	n := copy(p, c.ahead)
	c.ahead, c.at = c.ahead[n:], c.at+int64(n)
	return n, nil
}

func (c *chunked) Seek(by int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		by += c.at
	case io.SeekEnd:
		by += c.size
	}
	if by < 0 {
		return 0, errors.New("a place before the beginning")
	}
	c.at, c.ahead = by, nil
	return by, nil
}
