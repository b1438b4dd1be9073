package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// work converts files, one after the other, until there is none that is free.
func (l *Library) work(ctx context.Context) error { return l.workAll(ctx, jobPrefix) }

// workAll does all jobs of a kind.
func (l *Library) workAll(ctx context.Context, prefix string) error {
	var keys []string
	if err := bucket.All(ctx, l.bucket, prefix, func(e bucket.Entry) error {
		keys = append(keys, e.Key)
		return nil
	}); err != nil {
		return err
	}
	for _, key := range keys {
		if err := l.workOn(ctx, key); err != nil && !errors.Is(err, errHeld) && !errors.Is(err, bucket.ErrNotFound) {
			if ctx.Err() != nil {
				return nil
			}
			l.log.Warn("a clip or recording could not be made so far; somebody tries again", "job", key, "error", err)
		}
	}
	return nil
}

// workOn takes a job's lease and does all of its steps.
func (l *Library) workOn(ctx context.Context, key string) error {
	if j, err := bucket.Load[job](ctx, l.docs, key); err != nil {
		return err
	} else if err := j.Lease.take(l.cfg.Node, l.now()); err != nil {
		return err // without writing anything
	}
	j, err := l.updateJob(ctx, key, func(j *job) error { return j.Lease.take(l.cfg.Node, l.now()) })
	if err != nil {
		return err
	}
	w := &worker{library: l, key: key, job: j, log: l.log.With("clip", j.Clip)}
	working, stop := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() { defer close(kept); w.keepLease(working, stop, j.Lease) }()
	switch {
	case j.Gather:
		err = w.gather(working)
	case j.Export:
		err = w.export(working)
	default:
		err = w.steps(working)
	}
	if cause := context.Cause(working); cause != nil && err != nil {
		err = cause
	}
	stop(context.Canceled)
	<-kept
	if err != nil && !errors.Is(err, errLost) {
		w.giveBack(ctx)
	}
	return err
}

// updateJob changes a job that must be there: one that is gone is done.
func (l *Library) updateJob(ctx context.Context, key string, change func(*job) error) (job, error) {
	return bucket.Update(ctx, l.docs, key, func(j *job) error {
		if j.Clip == "" {
			return bucket.ErrNotFound
		}
		return change(j)
	})
}

// worker does one job under a lease.
type worker struct {
	library     *Library
	key         string
	job         job
	log         *slog.Logger
	done, total atomic.Int64 // media.Ticks
}

// keepLease renews the lease until ctx ends, and ends the work if it is lost, or could be.
func (w *worker) keepLease(ctx context.Context, stop context.CancelCauseFunc, held lease) {
	l, until := w.library, held.Until
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(renewEvery):
		}
		bounded, cancel := context.WithTimeout(ctx, renewEvery)
		j, err := l.updateJob(bounded, w.key, func(j *job) error {
			j.Done, j.Total = media.Ticks(w.done.Load()), media.Ticks(w.total.Load())
			return j.Lease.renew(l.cfg.Node, held.Term, l.now())
		})
		cancel()
		switch {
		case err == nil:
			until = j.Lease.Until
		case errors.Is(err, errLost), errors.Is(err, bucket.ErrNotFound), l.now().After(until.Add(-renewEvery)):
			stop(errLost)
			return
		}
	}
}

// giveBack lets others go on at once.
func (w *worker) giveBack(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewEvery)
	defer cancel()
	w.library.updateJob(bounded, w.key, func(j *job) error { return j.Lease.release(w.library.cfg.Node, w.job.Lease.Term) })
}

// steps does what is to be done until nothing is.
func (w *worker) steps(ctx context.Context) error {
	l, j := w.library, &w.job
	for {
		c, err := l.Clip(ctx, j.Channel, j.Clip)
		found := &c
		if errors.Is(err, ErrNotFound) {
			found = nil
		} else if err != nil {
			return err
		}
		keys, last, err := l.trailers(ctx, j.Channel, j.Clip, j.Take, false)
		if err != nil {
			return err
		}
		var newest *trailer
		if len(last) > 0 {
			newest = &last[0]
		}
		switch next(found, newest) {
		case stepClean:
			return w.clean(ctx, found)
		case stepFinish:
			err = w.finish(ctx)
		case stepConvert:
			err = w.convert(ctx, &c, newest, len(keys))
		}
		if err = w.after(ctx, err); err != nil {
			return err
		}
	}
}

// after decides what follows a step that failed: another attempt, another try by whoever comes, or the end of it.
func (w *worker) after(ctx context.Context, err error) error {
	var words *ffmpeg.Error
	var unreachable *addressError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errUnfit) && !w.job.Encode, errors.Is(err, errSeam):
		w.log.Info("a clip is made anew", "because", err)
		return w.change(ctx, func(j *job) { j.again(errors.Is(err, errUnfit)) })
	case errors.As(err, &unreachable):
		return w.fail(ctx, unreachable.words)
	case errors.As(err, &words) && !errors.Is(err, ffmpeg.ErrMissing):
		w.log.Info("a file cannot become a clip", "words", words.Words, "detail", words.Detail)
		return w.fail(ctx, "This file cannot be played: "+words.Words+".")
	case passing(err), errors.Is(err, errNoRoom), errors.Is(err, ffmpeg.ErrMissing):
		return err
	}
	if w.job.Tries+1 >= maxTries {
		w.log.Warn("a file cannot become a clip", "error", err)
		return w.fail(ctx, "This file could not be converted, though it was tried several times: try another format.")
	}
	if changeErr := w.change(ctx, func(j *job) { j.Tries++; j.again(false) }); changeErr != nil {
		return changeErr
	}
	return err
}

// change changes the job, as long as its lease is held.
func (w *worker) change(ctx context.Context, change func(*job)) error {
	l := w.library
	old := w.job.Take
	j, err := l.updateJob(ctx, w.key, func(j *job) error {
		if err := j.Lease.renew(l.cfg.Node, w.job.Lease.Term, l.now()); err != nil {
			return err
		}
		change(j)
		return nil
	})
	if err != nil {
		return err
	}
	w.job = j
	if j.Take != old {
		return l.remove(ctx, clipPrefix(j.Channel, j.Clip)+old.String())
	}
	return nil
}

// fail ends it with a sentence for the person whose file it was.
func (w *worker) fail(ctx context.Context, sentence string) error {
	_, err := w.library.updateClip(ctx, w.job.Channel, w.job.Clip, func(c *Clip) error {
		c.State, c.Fault, c.Bytes = Failed, shorten(sentence), 0
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// clean removes what the making of a clip has left, and the job last.
func (w *worker) clean(ctx context.Context, c *Clip) error {
	l, j := w.library, &w.job
	if c == nil || c.State == Failed {
		if err := l.remove(ctx, clipPrefix(j.Channel, j.Clip)); err != nil {
			return err
		}
	}
	if err := l.remove(ctx, uploadKey(j.Channel, j.Clip)); err != nil {
		return err
	}
	if j.Hold != "" {
		if err := l.DeleteRecording(ctx, j.Channel, j.Hold); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return l.bucket.Delete(ctx, w.key)
}

// convert makes the pieces that are missing.
func (w *worker) convert(ctx context.Context, c *Clip, last *trailer, n int) error {
	l, j := w.library, &w.job
	if c.State != Converting {
		if _, err := l.updateClip(ctx, j.Channel, j.Clip, func(c *Clip) error { c.State = Converting; return nil }); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(l.cfg.Dir, "clip-")
	if err != nil {
		return fmt.Errorf("a directory for a conversion: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "file")
	if err := w.fetch(ctx, c, file); err != nil {
		return err
	}
	info, err := ffmpeg.Probe(ctx, file)
	if err != nil {
		return err
	}
	if info.Duration == 0 && (info.Audio != nil || !info.Video.Still) {
		if info.Duration, err = ffmpeg.Measure(ctx, file); err != nil {
			return err
		}
	}
	p, err := planOf(info, c.Origin, l.cfg.Segment, !j.Encode)
	if err != nil {
		return err
	}
	w.total.Store(int64(p.total))
	card := filepath.Join(dir, "card.png")
	if p.card {
		if err := drawCard(card, c.Title); err != nil {
			return err
		}
	}
	m := &maker{
		plan: &p, part: l.cfg.Part, segment: l.cfg.Segment, span: l.pieceSpan, tell: func(at media.Ticks) { w.done.Store(int64(at)) },
		put: func(n int, body bucket.Body) error {
			err := l.putOnce(ctx, mediaKey(j.Channel, j.Clip, j.Take, n), body)
			if errors.Is(err, bucket.ErrPrecondition) {
				return errLost
			}
			return err
		},
	}
	m.behind(last, n)
	w.done.Store(int64(m.at.At))
	return run(ctx, m, p.args(file, card, m.at))
}

// run makes everything from where a maker stands.
func run(ctx context.Context, m *maker, args []string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := ffmpeg.Run(ctx, ffmpeg.Job{Args: args, Stdout: w})
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	readErr := m.read(r)
	r.CloseWithError(io.ErrClosedPipe)
	if readErr != nil {
		stop()
	}
	err := <-ended
	switch {
	case readErr != nil:
		return readErr
	case err != nil:
		return err
	}
	return m.finish()
}

// fetch brings the file to the disk.
func (w *worker) fetch(ctx context.Context, c *Clip, to string) error {
	switch {
	case c.Origin.Kind == FromRecording:
		return w.library.fetchRecording(ctx, w.job.Channel, &c.Origin, to)
	case c.Origin.URL != "":
		return w.library.fetchAddress(ctx, w.job.Channel, c, to)
	}
	return w.library.fetchUpload(ctx, w.job.Channel, w.job.Clip, to)
}

// fetchUpload writes a file that was sent in pieces to the disk.
func (l *Library) fetchUpload(ctx context.Context, channel, clip, to string) error {
	pieces, err := l.pieces(ctx, channel, clip)
	if err != nil {
		return err
	}
	if err := room(to, sum(pieces)); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("a file for a conversion: %w", err)
	}
	defer f.Close()
	for _, p := range pieces {
		for at := int64(0); at < p.size; at += fetchSize {
			o, err := l.bucket.GetRange(ctx, p.key, at, min(fetchSize, p.size-at))
			if err != nil {
				return fmt.Errorf("read what was uploaded: %w", err)
			}
			if _, err := f.Write(o.Data); err != nil {
				return fmt.Errorf("write a file for a conversion: %w", err)
			}
		}
	}
	return f.Close()
}

// fetchSize is how much of a file is read at a time.
const fetchSize = 2 << 20

// errNoRoom is wrapped where the disk of this node is too full: another one may have room.
var errNoRoom = errors.New("no room on the disk")

// diskSpare is how much of the disk is left to others.
const diskSpare = 1 << 30

// finish makes the clip of its pieces: first the index, with which it can be played, and then its line on the shelf.
func (w *worker) finish(ctx context.Context) error {
	l, j := w.library, &w.job
	keys, trailers, err := l.trailers(ctx, j.Channel, j.Clip, j.Take, true)
	if err != nil {
		return err
	}
	x, bytes, err := j.index(trailers)
	if err != nil {
		return err
	}
	text, r, err := x.encode()
	if err != nil {
		return err
	}
	if err := l.putOnce(ctx, indexKey(j.Take), bucket.Bytes(text)); err != nil {
		return fmt.Errorf("write the index of %d pieces: %w", len(keys), err)
	}
	poster, err := l.drawPoster(ctx, r, j.Channel, j.Clip, 1, r.length()/10)
	if err != nil {
		if passing(err) {
			return err
		}
		w.log.Warn("a clip has no poster", "error", err)
	}
	_, err = l.updateClip(ctx, j.Channel, j.Clip, func(c *Clip) error {
		c.State, c.Fault, c.Bytes, c.Take = Ready, "", bytes, j.Take
		c.Duration, c.Segments = r.length(), uint32(len(r.places))
		v := trailers[0].Tracks[0]
		c.Width, c.Height, c.FrameRate = v.Width, v.Height, v.FrameRate
		c.Poster = poster
		c.In, c.Out = j.trim(c.Duration)
		return nil
	})
	if errors.Is(err, ErrNotFound) { // deleted meanwhile
		return l.bucket.Delete(ctx, indexKey(j.Take))
	}
	if err == nil {
		w.log.Info("a clip is ready", "duration", r.length().Duration().Round(time.Millisecond), "size", Size(bytes), "took", l.now().Sub(j.Since).Round(time.Second))
	}
	return err
}

// index makes the index of a take of the trailers of all its pieces.
func (j *job) index(trailers []trailer) (*index, int64, error) {
	if len(trailers) == 0 {
		return nil, 0, errNothing
	}
	tracks := trailers[0].Tracks
	init, err := cmaf.Init(tracks)
	if err != nil {
		return nil, 0, fmt.Errorf("write init: %w", err)
	}
	x := &index{Channel: j.Channel, Clip: j.Clip, Take: media.Take{
		ID: j.Take, Channel: j.Channel, Source: j.Clip, Born: j.Since, Renditions: []media.Rendition{{Name: media.Main, Tracks: tracks, Init: init}},
	}}
	var bytes int64
	for i := range trailers {
		x.Pieces = append(x.Pieces, indexed{Bytes: trailers[i].Bytes, Segments: trailers[i].Segments})
		bytes += trailers[i].Bytes
	}
	return x, bytes, nil
}
