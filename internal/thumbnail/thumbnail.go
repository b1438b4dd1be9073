// Package thumbnail makes small pictures of what takes show: a JPEG of the newest keyframe, by ffmpeg, and only when
// somebody asks. A picture serves everybody for some seconds, a take has one made at a time, and a node two, so that
// no crowd before a guide costs more than that.
package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// ErrNone is returned where there is no picture to be had.
var ErrNone = errors.New("there is no picture of it at the moment")

const (
	// Age is how old a picture may be that is given out.
	Age = 8 * time.Second
	// forget is after how long without a question a picture is forgotten, and most how many are kept.
	forget = time.Minute
	most   = 500

	atOnce  = 2
	runTime = 10 * time.Second
	askTime = 5 * time.Second
	memory  = 1 << 30
	maxJPEG = 1 << 20
	width   = 640
)

// Config says where pictures come from.
type Config struct {
	// Newest returns an init and the newest keyframe of a take, if this node has it; else ErrNone.
	Newest func(ctx context.Context, take media.TakeID) ([]byte, error)
	// Elsewhere asks another node by its name; nil: there is none.
	Elsewhere http.RoundTripper
	Log       *slog.Logger
}

// Maker makes thumbnails.
type Maker struct {
	cfg  Config
	turn chan struct{}
	run  func(ctx context.Context, job ffmpeg.Job) error

	mu   sync.Mutex
	kept map[media.TakeID]*picture
}

// picture is what is kept of a take.
type picture struct {
	jpeg  []byte
	err   error
	made  time.Time     // when the making ended
	asked time.Time     // when somebody last did
	busy  chan struct{} // while one is made; closed when it is there
}

// New makes a maker.
func New(cfg Config) *Maker {
	return &Maker{cfg: cfg, turn: make(chan struct{}, atOnce), run: ffmpeg.Run, kept: map[media.TakeID]*picture{}}
}

// Picture returns a JPEG of a take that a node takes in. It is at most Age older than the answer.
func (m *Maker) Picture(ctx context.Context, take media.TakeID, node string) ([]byte, error) {
	return m.get(ctx, take, func(ctx context.Context) ([]byte, error) {
		jpeg, err := m.make(ctx, take)
		if errors.Is(err, ErrNone) && node != "" && m.cfg.Elsewhere != nil {
			return m.ask(ctx, take, node)
		}
		return jpeg, err
	})
}

// Clip returns a JPEG of what plays of a clip: of an init and a segment, which are read only when there is none that is
// young enough.
func (m *Maker) Clip(ctx context.Context, take media.TakeID, read func(context.Context) ([]byte, error)) ([]byte, error) {
	return m.get(ctx, take, func(ctx context.Context) ([]byte, error) {
		data, err := read(ctx)
		if err != nil {
			return nil, err
		}
		return m.draw(ctx, take, data)
	})
}

// get returns the picture that is kept, or has it made once for all who ask.
func (m *Maker) get(ctx context.Context, take media.TakeID, do func(context.Context) ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	now := time.Now()
	m.sweep(now)
	p := m.kept[take]
	if p == nil {
		if len(m.kept) >= most {
			m.mu.Unlock()
			return nil, ErrNone
		}
		p = &picture{}
		m.kept[take] = p
	}
	p.asked = now
	mine := p.busy == nil && (p.made.IsZero() || now.Sub(p.made) >= Age)
	if mine {
		p.busy = make(chan struct{})
	}
	busy := p.busy
	m.mu.Unlock()
	switch {
	case mine:
		m.fill(context.WithoutCancel(ctx), p, do) // others wait for it, even if who asked first does not
	case busy != nil:
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.jpeg, p.err
}

// fill has a picture made. It ends by itself after a while.
func (m *Maker) fill(ctx context.Context, p *picture, do func(context.Context) ([]byte, error)) {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	jpeg, err := do(ctx)
	if err != nil && !errors.Is(err, ErrNone) {
		m.cfg.Log.Warn("no thumbnail could be made", "error", err)
		err = ErrNone
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.jpeg, p.err, p.made = jpeg, err, time.Now()
	close(p.busy)
	p.busy = nil
}

// sweep forgets what nobody asked for lately; the lock is held.
func (m *Maker) sweep(now time.Time) {
	for id, p := range m.kept {
		if p.busy == nil && now.Sub(p.asked) > forget {
			delete(m.kept, id)
		}
	}
}

// make makes a picture of a take that this node has.
func (m *Maker) make(ctx context.Context, take media.TakeID) ([]byte, error) {
	data, err := m.cfg.Newest(ctx, take)
	if err != nil {
		return nil, err
	}
	return m.draw(ctx, take, data)
}

// draw makes a picture of the first keyframe in what is given.
func (m *Maker) draw(ctx context.Context, take media.TakeID, data []byte) ([]byte, error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out := &encoded{}
	err := m.run(ctx, ffmpeg.Job{
		Args: []string{
			"-f", "mp4", "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1", "-vf", fmt.Sprintf("scale='min(%d,iw)':-2", width),
			"-c:v", "mjpeg", "-q:v", "6", "-f", "image2pipe", "pipe:1",
		},
		Stdin: bytes.NewReader(data), Stdout: out,
		Limits: ffmpeg.Limits{Time: runTime, Memory: memory},
	})
	if err != nil {
		return nil, fmt.Errorf("thumbnail of take %s: %w", take, err)
	}
	if len(out.data) == 0 {
		return nil, fmt.Errorf("thumbnail of take %s: ffmpeg made no picture", take)
	}
	return out.data, nil
}

// encoded takes the bytes of a picture, up to a limit.
type encoded struct{ data []byte }

func (j *encoded) Write(p []byte) (int, error) {
	if len(j.data)+len(p) > maxJPEG {
		return 0, errors.New("the picture is too large")
	}
	j.data = append(j.data, p...)
	return len(p), nil
}

// path is where nodes ask one another for pictures.
const path = "/mesh/thumbnails/"

// ask asks the node that takes a take in.
func (m *Maker) ask(ctx context.Context, take media.TakeID, node string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+node+path+take.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := m.cfg.Elsewhere.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("ask node %s for a thumbnail: %w", node, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxJPEG))
	if err != nil {
		return nil, fmt.Errorf("ask node %s for a thumbnail: %w", node, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, ErrNone
	}
	return data, nil
}

// ServeHTTP answers other nodes, with pictures of takes that this node has.
func (m *Maker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := media.ParseTakeID(r.PathValue("take"))
	if err != nil {
		http.Error(w, "want "+path+"{take}", http.StatusBadRequest)
		return
	}
	data, err := m.Picture(r.Context(), id, "")
	if err != nil {
		http.Error(w, ErrNone.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Write(data)
}

// Pattern is where ServeHTTP is to be found.
const Pattern = "GET " + path + "{take}"
