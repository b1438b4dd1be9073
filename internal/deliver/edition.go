package deliver

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
)

const (
	sweepEvery  = 10 * time.Second
	forgetAfter = 60 * time.Second // longer than two spans of the audience
)

// channel is what is kept of a channel while somebody asks for it: counts and rendered text.
type channel struct {
	audience audience

	mu    sync.RWMutex
	feeds map[playlistPath]*feed // guarded by mu
}

// feed is one media playlist.
type feed struct {
	asked   atomic.Int64 // Unix seconds of the last request
	mu      sync.Mutex   // held while an edition is exchanged, not while it is rendered
	current atomic.Pointer[edition]
}

// edition is one state of a media playlist: a window, the token behind its addresses, and its text in each form
// that was asked for. Whoever asks first renders; the others wait for that and share it.
type edition struct {
	window *hls.Window
	token  string
	make   func(hls.Skip) []byte
	stats  *counters
	forms  [3]form // by hls.Skip
}

type form struct {
	plainOnce, gzipOnce sync.Once
	plain, gzip         text
}

// text is a finished playlist.
type text struct {
	body   Body
	size   int64
	length []string // Content-Length
	gzip   bool
}

// channel returns the state of a channel, which must exist.
func (h *Handler) channel(slug string) *channel {
	h.mu.RLock()
	c := h.channels[slug]
	h.mu.RUnlock()
	if c == nil {
		h.mu.Lock()
		if c = h.channels[slug]; c == nil {
			c = &channel{feeds: map[playlistPath]*feed{}}
			h.channels[slug] = c
		}
		h.mu.Unlock()
	}
	return c
}

// sweep forgets playlists that nobody asked for lately, and channels of which none is left.
func (h *Handler) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for slug, c := range h.channels {
		c.mu.Lock()
		for a, f := range c.feeds {
			if now.Unix()-f.asked.Load() > int64(forgetAfter/time.Second) {
				delete(c.feeds, a)
			}
		}
		if len(c.feeds) == 0 {
			delete(h.channels, slug)
		}
		c.mu.Unlock()
	}
}

// Viewers estimates how many watch a channel just now, through this node.
func (h *Handler) Viewers(slug string) int {
	h.mu.RLock()
	c := h.channels[slug]
	h.mu.RUnlock()
	if c == nil {
		return 0
	}
	return c.audience.size(time.Now())
}

// AllViewers estimates how many watch this node's channels, by slug. Channels that nobody
// watches are left out.
func (h *Handler) AllViewers() map[string]int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	now, out := time.Now(), map[string]int{}
	for slug, c := range h.channels {
		if n := c.audience.size(now); n > 0 {
			out[slug] = n
		}
	}
	return out
}

func (c *channel) feed(a playlistPath) *feed {
	c.mu.RLock()
	f := c.feeds[a]
	c.mu.RUnlock()
	if f == nil {
		c.mu.Lock()
		if f = c.feeds[a]; f == nil {
			f = &feed{}
			c.feeds[a] = f
		}
		c.mu.Unlock()
	}
	if now := time.Now().Unix(); f.asked.Load() != now {
		f.asked.Store(now)
	}
	return f
}

// edition returns the edition of window, or of a newer one: of those who come with different
// windows at the same time, the one with the older window must not put it back.
func (c *channel) edition(h *Handler, p Program, a playlistPath, window *hls.Window, token string) *edition {
	f := c.feed(a)
	if e := f.current.Load(); e != nil && e.window == window && e.token == token {
		return e
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if newest, _, err := p.Window(a.Rendition, a.DVR); err == nil {
		window = newest
	}
	if e := f.current.Load(); e != nil && e.window == window && e.token == token {
		return e
	}
	e := &edition{window: window, token: token, stats: &h.stats}
	e.make = func(skip hls.Skip) []byte { return signed(window, token).Media(skip, reports(p, a)) }
	f.current.Store(e)
	return e
}

// text returns the playlist in one form.
func (e *edition) text(skip hls.Skip, zip bool) *text {
	f := &e.forms[skip]
	f.plainOnce.Do(func() {
		e.stats.renders.Add(1)
		f.plain = newText(e.make(skip))
	})
	if !zip || f.plain.size < gzipFrom {
		return &f.plain
	}
	f.gzipOnce.Do(func() {
		e.stats.gzips.Add(1)
		f.gzip = newText(compress(f.plain.body[0]))
		f.gzip.gzip = true
	})
	return &f.gzip
}

func newText(b []byte) text {
	return text{body: Body{b}, size: int64(len(b)), length: []string{strconv.Itoa(len(b))}}
}

// gzipFrom is the size from which compression is worth its header: less fits one packet anyway.
const gzipFrom = 1000

// compressors are kept, as one is some 800 kB. Level 5 takes a 6 kB playlist to a tenth.
var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, 5) // the level is valid
	return z
}}

func compress(b []byte) []byte {
	var out bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	z.Reset(&out)
	z.Write(b) // a bytes.Buffer takes everything
	z.Close()
	compressors.Put(z)
	return out.Bytes()
}
