// Package deliver serves viewers over HTTP/1.1 and HTTP/2: playlists with blocking
// reload, and immutable media from memory.
//
// It promises that a playlist is rendered once per change and shared by all who wait
// for it, that media goes from the tail to the socket without being copied or joined,
// that what is not known yet is held and then answered 503 (rule I), and that a viewer
// who reads slowly or never hurts only itself.
package deliver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// What a Programs, Program or Media may answer instead of a value. Any other error is
// taken for trouble of our own: it is logged and answered 503.
var (
	// ErrNoChannel: there is no channel of that name. Answered 404.
	ErrNoChannel = errors.New("no such channel")
	// ErrNotOnAir: the channel was never on air. Answered 404 with Retry-After.
	ErrNotOnAir = errors.New("not on air yet")
	// ErrNotFound: what was asked for cannot come: an unknown rendition, an unknown take,
	// media that has left the DVR window. Answered 404.
	ErrNotFound = errors.New("not found")
	// ErrNotYet: it is not there but may come. The request is held until the channel that
	// came with the error is closed, then asked again.
	ErrNotYet = errors.New("not there yet")
	// ErrUnavailable: it exists but cannot be had just now (the bucket is away).
	// Answered 503 at once, and not logged here.
	ErrUnavailable = errors.New("not available just now")
)

// Programs finds the program of a channel.
type Programs interface {
	// Program returns the program of the channel with that slug, or ErrNoChannel; with "/burnt" behind the slug, the
	// one with graphics in its pictures, which a channel has if it asks for it.
	// It is called for every playlist request and must not do I/O.
	Program(slug string) (Program, error)
}

// Program is the timeline of one channel.
type Program interface {
	// Window returns the present window of a rendition, or its whole DVR window. The
	// window is immutable, and the same pointer is returned until it changes: playlists
	// are rendered once per pointer. changed is closed, under no lock, when another
	// window is there. With ErrNotYet, changed says when to ask again.
	Window(rendition string, dvr bool) (w *hls.Window, changed <-chan struct{}, err error)
	// Variants returns what the multivariant playlist lists. A variant's URI is relative
	// to /{channel}/ and ends with .m3u8. Errors as for Window.
	Variants() (v []hls.Variant, changed <-chan struct{}, err error)
}

// Body is the bytes of a response, one slice after the other. It is never modified, not
// even the outer slice, so that one Body may serve any number of viewers.
type Body [][]byte

// Len returns the number of bytes.
func (b Body) Len() int64 {
	var n int64
	for _, s := range b {
		n += int64(len(s))
	}
	return n
}

// Media opens what lies under /media/.
type Media interface {
	// Open returns the bytes at an address. With ErrNotYet, changed is closed when it is
	// worth asking again. It may read from the bucket, and stops when ctx ends.
	Open(ctx context.Context, a media.Address) (b Body, changed <-chan struct{}, err error)
}

// Config is what a Handler is made of.
type Config struct {
	Programs Programs
	Media    Media
	// Gate says who may watch. With nil everybody may watch everything.
	Gate Gate
	// Figures is told who watches what. With nil nobody is.
	Figures Figures
	// Next answers everything that is neither a playlist nor media. With nil it is 404.
	Next http.Handler
	// Hold bounds how long a request waits for what is not there yet. Default 5 s: well
	// below the 10 s that hls.js waits for a first byte.
	Hold time.Duration
	// MaxHeld bounds how many requests wait at once. One more is answered 503.
	// Default 50,000.
	MaxHeld int
	// Log takes what went wrong on our side. Default slog.Default().
	Log *slog.Logger
}

// Handler answers viewers. It stands before every other handler: it recognises its own
// addresses by their ends, which costs less than a pattern and cannot collide with one.
//
//	/{channel}/index.m3u8            multivariant playlist, and dvr.m3u8 for the whole DVR window
//	/{channel}/{rendition}.m3u8      media playlist
//	/{channel}/dvr/{rendition}.m3u8  the same with the whole DVR window
//	/{channel}/burnt/…               all of these, of the program with graphics in its pictures
//	/media/…                         media.Address
type Handler struct {
	cfg   Config
	log   throttled
	stats counters
	stall time.Duration // as stallTime
	// leaving is closed when Run ends, so that nobody waits for what this node will not say.
	leaving chan struct{}

	mu       sync.RWMutex
	channels map[string]*channel // by slug; guarded by mu
}

// New returns a Handler. Call Run as well, so that it forgets what nobody asks for.
func New(cfg Config) *Handler {
	if cfg.Hold <= 0 {
		cfg.Hold = 5 * time.Second
	}
	if cfg.MaxHeld <= 0 {
		cfg.MaxHeld = 50_000
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Next == nil {
		cfg.Next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			writeProblem(w, r, problem{Status: http.StatusNotFound, Detail: "There is nothing at this address."})
		})
	}
	return &Handler{cfg: cfg, stall: stallTime, log: throttled{log: cfg.Log}, leaving: make(chan struct{}), channels: map[string]*channel{}}
}

// Run keeps the Handler small: every few seconds it forgets channels and playlists that
// nobody asked for lately. It returns when ctx ends; requests that wait are then answered
// 503 at once, so that the server can stop and the viewers go to another node. Call it once.
func (h *Handler) Run(ctx context.Context) error {
	defer close(h.leaving)
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			h.sweep(time.Now())
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeHTTP answers a viewer, or hands the request to Config.Next.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c := connOf(r); c != nil {
		c.arrived()
	}
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/media/"):
		if h.allowed(w, r) {
			h.serveMedia(w, r, path)
		}
	case strings.HasSuffix(path, ".m3u8"):
		a, ok := parsePlaylistPath(path)
		switch {
		case !ok:
			h.cfg.Next.ServeHTTP(w, r)
		case h.allowed(w, r):
			h.servePlaylist(w, r, a)
		}
	default:
		h.cfg.Next.ServeHTTP(w, r)
	}
}

// allowed answers what is not a read, and says whether to go on.
func (h *Handler) allowed(w http.ResponseWriter, r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodOptions:
		head := w.Header()
		head["Access-Control-Allow-Origin"] = valAny
		head["Access-Control-Allow-Methods"] = valMethods
		head["Access-Control-Allow-Headers"] = valAllowHeaders
		head["Access-Control-Max-Age"] = valDay
		head["Allow"] = valMethods
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	w.Header()["Allow"] = valMethods
	h.fail(w, r, problem{Status: http.StatusMethodNotAllowed, Detail: "Playlists and media can only be read: use GET or HEAD."})
	return false
}

// playlistPath says which playlist a path names. Rendition is "" for a multivariant one.
type playlistPath struct {
	Slug      string
	Rendition string
	DVR       bool
	Burnt     bool
}

// program names what is asked for to Programs.
func (a playlistPath) program() string {
	if a.Burnt {
		return a.Slug + burntPath
	}
	return a.Slug
}

// burntPath stands behind a channel's slug in the address of the program with graphics in its pictures.
const burntPath = "/burnt"

// parsePlaylistPath reads /{channel}/[burnt/][dvr/]{name}.m3u8.
func parsePlaylistPath(path string) (playlistPath, bool) {
	rest, ok := strings.CutSuffix(path, ".m3u8")
	if !ok || len(rest) < 2 || rest[0] != '/' {
		return playlistPath{}, false
	}
	slug, name, ok := strings.Cut(rest[1:], "/")
	if !ok || !validSlug(slug) {
		return playlistPath{}, false
	}
	a := playlistPath{Slug: slug}
	if after, ok := strings.CutPrefix(name, "burnt/"); ok {
		a.Burnt, name = true, after
	}
	switch name {
	case "index":
		return a, true
	case "dvr":
		a.DVR = true
		return a, true
	}
	if after, ok := strings.CutPrefix(name, "dvr/"); ok {
		a.DVR, name = true, after
	}
	a.Rendition = name
	return a, media.ValidRendition(name)
}

// validSlug reports whether s can name a channel: 2 to 40 of a-z, 0-9 and '-'.
func validSlug(s string) bool {
	if len(s) < 2 || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
