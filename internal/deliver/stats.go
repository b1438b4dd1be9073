package deliver

import (
	"net/http"
	"sync/atomic"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// counters count what the Handler does. All are totals since the start but held.
type counters struct {
	plain, blocking, variants    atomic.Int64
	inits, segments, runs, alone atomic.Int64
	bytes                        atomic.Int64
	held                         atomic.Int64
	renders, gzips               atomic.Int64

	badRequest, notFound, method, badRange, unavailable atomic.Int64
	expired, crowded, left                              atomic.Int64
	refused, full                                       atomic.Int64
}

// media counts a request for media by kind.
func (c *counters) media(a media.Address) {
	switch {
	case a.Init:
		c.inits.Add(1)
	case a.Track != 0:
		c.alone.Add(1)
	case a.Run:
		c.runs.Add(1)
	default:
		c.segments.Add(1)
	}
}

// failed counts an answer that is an error.
func (c *counters) failed(status int) {
	switch status {
	case http.StatusBadRequest:
		c.badRequest.Add(1)
	case http.StatusNotFound:
		c.notFound.Add(1)
	case http.StatusMethodNotAllowed:
		c.method.Add(1)
	case http.StatusRequestedRangeNotSatisfiable:
		c.badRange.Add(1)
	case http.StatusForbidden, http.StatusTooManyRequests:
		c.refused.Add(1)
	case http.StatusServiceUnavailable:
		c.unavailable.Add(1)
	}
}

// Stats is what the Handler did so far, for /metrics. All but HeldNow only grow.
type Stats struct {
	Playlists struct{ Plain, Blocking, Multivariant int64 } // requests
	Media     struct {
		Init, Segment, Parts, Track int64 // requests
	}
	Bytes   int64 // of bodies sent: playlists and media
	HeldNow int64 // requests that wait just now
	Renders int64 // playlists rendered
	Gzips   int64 // playlists compressed
	Errors  struct {
		BadRequest, NotFound, Method, Range int64 // the viewer's
		Refused                             int64 // may not watch
		Unavailable                         int64 // answered 503; the others are among them
		Full                                int64 // as many watched as the channel lets in
		HoldExpired                         int64 // waited to the limit
		Crowded                             int64 // refused because too many waited
		Left                                int64 // the viewer left while waiting
	}
}

// Stats returns the counts so far.
func (h *Handler) Stats() Stats {
	c := &h.stats
	var s Stats
	s.Playlists.Plain, s.Playlists.Blocking, s.Playlists.Multivariant = c.plain.Load(), c.blocking.Load(), c.variants.Load()
	s.Media.Init, s.Media.Segment, s.Media.Parts, s.Media.Track = c.inits.Load(), c.segments.Load(), c.runs.Load(), c.alone.Load()
	s.Bytes, s.HeldNow, s.Renders, s.Gzips = c.bytes.Load(), c.held.Load(), c.renders.Load(), c.gzips.Load()
	e := &s.Errors
	e.BadRequest, e.NotFound, e.Method, e.Range = c.badRequest.Load(), c.notFound.Load(), c.method.Load(), c.badRange.Load()
	e.Unavailable, e.HoldExpired, e.Crowded, e.Left = c.unavailable.Load(), c.expired.Load(), c.crowded.Load(), c.left.Load()
	e.Refused, e.Full = c.refused.Load(), c.full.Load()
	return s
}
