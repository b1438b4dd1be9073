package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	tus "github.com/tus/tusd/v2/pkg/handler"
	oldslog "golang.org/x/exp/slog"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	uploadPrefix = "uploads/"
	// pieceSize is how much of a file is kept as one object. What was acknowledged is in the bucket; of what was not,
	// at most so much is sent again.
	pieceSize = 4 << 20
	// maxBuffers bounds the memory that files on their way in need, 4 MiB each. One more waits.
	maxBuffers = 12
	// spareBreaks is how many pieces a file may have beyond those that its size needs: as often may its connection break.
	spareBreaks = 2000
)

// uploads keeps files on their way in: a data store for tusd. A file is a run of objects, each named after the place
// where it begins and written if absent. So any node can go on where the last one stopped; of two connections that
// send one file at once, one meets what the other has written; and the file never has a hole.
type uploads struct {
	library *Library
	buffers sync.Pool
	room    chan struct{} // holds one for each buffer that is in use
}

// newUploads makes the handler of uploads.
func newUploads(l *Library) (http.Handler, error) {
	u := &uploads{library: l, room: make(chan struct{}, maxBuffers)}
	u.buffers.New = func() any { b := make([]byte, pieceSize); return &b }
	composer := tus.NewStoreComposer()
	composer.Core = u
	h, err := tus.NewUnroutedHandler(tus.Config{
		StoreComposer: composer, MaxSize: MaxFile, DisableDownload: true, DisableTermination: true,
		Cors: &tus.CorsConfig{Disable: true}, Logger: oldslog.New(quiet{}),
	})
	if err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	return h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodHead:
			h.HeadFile(w, r)
		case http.MethodPatch:
			h.PatchFile(w, r)
		default:
			w.Header().Set("Allow", "HEAD, PATCH, OPTIONS")
			http.Error(w, "a file is sent by the tus protocol: HEAD says how much of it is here, PATCH adds to it", http.StatusMethodNotAllowed)
		}
	})), nil
}

// quiet keeps tusd from logging every request: what matters is said by who answers it.
type quiet struct{}

func (quiet) Enabled(context.Context, oldslog.Level) bool      { return false }
func (quiet) Handle(context.Context, oldslog.Record) error     { return nil }
func (q quiet) WithAttrs(attrs []oldslog.Attr) oldslog.Handler { return q }
func (q quiet) WithGroup(name string) oldslog.Handler          { return q }

// ServeUpload answers the tus protocol for the file of a clip: who may send it is the caller's business.
func (l *Library) ServeUpload(w http.ResponseWriter, r *http.Request, channel, clip string) {
	if !validID(channel) || !validID(clip) {
		http.NotFound(w, r)
		return
	}
	named := r.Clone(r.Context())
	named.URL.Path, named.URL.RawPath = "/"+channel+"-"+clip, ""
	l.uploads.ServeHTTP(w, named)
}

// upload is one file on its way in.
type upload struct {
	uploads       *uploads
	channel, clip string
	size          int64
	pieces        []piece
}

// piece is an object with a stretch of a file.
type piece struct {
	key        string
	from, size int64
}

func uploadKey(channel, clip string) string { return uploadPrefix + channel + "/" + clip + "/" }

func pieceKey(channel, clip string, from int64) string {
	return fmt.Sprintf("%s%012x", uploadKey(channel, clip), from)
}

// pieces lists what there is of a file, from its beginning on.
func (l *Library) pieces(ctx context.Context, channel, clip string) ([]piece, error) {
	var out []piece
	var end int64
	prefix := uploadKey(channel, clip)
	err := bucket.All(ctx, l.bucket, prefix, func(e bucket.Entry) error {
		var from int64
		if _, err := fmt.Sscanf(strings.TrimPrefix(e.Key, prefix), "%x", &from); err != nil || from != end {
			return fmt.Errorf("upload %s: %s does not go on at byte %d", clip, e.Key, end)
		}
		out = append(out, piece{e.Key, from, e.Size})
		end += e.Size
		return nil
	})
	return out, err
}

func sum(pieces []piece) int64 {
	if n := len(pieces); n > 0 {
		return pieces[n-1].from + pieces[n-1].size
	}
	return 0
}

// NewUpload is not used: a clip is made before its file is sent.
func (u *uploads) NewUpload(context.Context, tus.FileInfo) (tus.Upload, error) {
	return nil, tus.ErrNotImplemented
}

// GetUpload finds a file on its way in. One that is there as a whole is submitted if it was not: whoever received its
// end may have died before.
func (u *uploads) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	channel, clip, ok := strings.Cut(id, "-")
	if !ok {
		return nil, tus.ErrNotFound
	}
	c, err := u.library.Clip(ctx, channel, clip)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, tus.ErrNotFound
	case err != nil:
		return nil, away(err)
	case c.Origin.Kind != FromUpload:
		return nil, tus.ErrNotFound
	case c.State != Uploading:
		return &upload{uploads: u, channel: channel, clip: clip, size: c.Bytes, pieces: []piece{{size: c.Bytes}}}, nil
	}
	out := &upload{uploads: u, channel: channel, clip: clip, size: c.Bytes}
	if out.pieces, err = u.library.pieces(ctx, channel, clip); err != nil {
		return nil, away(err)
	}
	if sum(out.pieces) == out.size {
		return out, out.FinishUpload(ctx)
	}
	return out, nil
}

// away is what a client is told that may try again.
func away(err error) error {
	return tus.NewError("ERR_AWAY", "the storage does not answer at the moment: try again ("+err.Error()+")", http.StatusServiceUnavailable)
}

// GetInfo says how much of the file is there.
func (u *upload) GetInfo(context.Context) (tus.FileInfo, error) {
	return tus.FileInfo{ID: u.channel + "-" + u.clip, Size: u.size, Offset: sum(u.pieces)}, nil
}

// GetReader is not used: a file is never given back.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) { return nil, tus.ErrNotImplemented }

// WriteChunk adds to the file, piece by piece. What came before a connection broke is kept too.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	select {
	case u.uploads.room <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	buffer := u.uploads.buffers.Get().(*[]byte)
	defer func() { u.uploads.buffers.Put(buffer); <-u.uploads.room }()
	var written int64
	for {
		n, readErr := io.ReadFull(src, *buffer)
		if n > 0 {
			if int64(len(u.pieces)) > u.size/pieceSize+spareBreaks {
				return written, tus.NewError("ERR_TOO_MANY_PIECES", fmt.Sprintf("the file came in %d pieces: send more at a time, best all of it", len(u.pieces)), http.StatusRequestEntityTooLarge)
			}
			if err := u.keep(ctx, offset+written, (*buffer)[:n]); err != nil {
				return written, err
			}
			written += int64(n)
		}
		switch {
		case readErr == nil:
		case errors.Is(readErr, io.EOF), errors.Is(readErr, io.ErrUnexpectedEOF):
			return written, nil
		default:
			return written, readErr
		}
	}
}

// keep writes one piece. That another one is there already may be our own first try, or a second connection that sends
// the same file.
func (u *upload) keep(ctx context.Context, from int64, data []byte) error {
	l := u.uploads.library
	key := pieceKey(u.channel, u.clip, from)
	err := l.putOnce(ctx, key, bucket.Bytes(data))
	switch {
	case errors.Is(err, bucket.ErrPrecondition):
		return tus.NewError("ERR_TWO_SENDERS", "another connection sends this file too: ask how much is here, and go on from there", http.StatusConflict)
	case err != nil:
		return away(err)
	}
	u.pieces = append(u.pieces, piece{key, from, int64(len(data))})
	return nil
}

// FinishUpload submits the file once it is there as a whole.
func (u *upload) FinishUpload(ctx context.Context) error {
	if err := u.uploads.library.submit(ctx, u.channel, u.clip); err != nil {
		return away(err)
	}
	return nil
}

// putTries is how often an object is written that must be.
const putTries = 4

// putOnce writes an object if it is absent. Where the outcome of a try was unknown it looks whether the bytes are there.
// ErrPrecondition says that others are.
func (l *Library) putOnce(ctx context.Context, key string, body bucket.Body) error {
	for try := 1; ; try++ {
		_, err := l.bucket.PutIfAbsent(ctx, key, body)
		if errors.Is(err, bucket.ErrPrecondition) {
			o, getErr := l.bucket.Get(ctx, key)
			if getErr == nil && bytes.Equal(o.Data, bytes.Join(body, nil)) {
				return nil
			}
		}
		if !errors.Is(err, bucket.ErrUnavailable) || try == putTries || ctx.Err() != nil {
			return err
		}
		l.log.Debug("an object could not be written; trying again", "key", key, "error", err)
		if err := l.pause(ctx, try); err != nil {
			return err
		}
	}
}
