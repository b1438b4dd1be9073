package deliver

import (
	"net/http"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Figures is told of every request of a viewer. It must not block, and keeps nothing of the request.
type Figures interface {
	// Watched is told of a request for a channel's playlist.
	Watched(r *http.Request, slug string, v View)
	// Fetched is told of media that a viewer was sent, and whether its player said that it had run out of it.
	Fetched(take media.TakeID, bytes int64, starved bool)
}

// View is one look of a viewer at a channel.
type View struct {
	Viewer   uint64 // the same for a viewer as long as this process runs; says nothing of who it is
	At       time.Time
	Referrer string // host of the page that led here, if that is another site's
	Told
}

// watched tells of a request for a playlist. Previews are no channel's.
func (h *Handler) watched(r *http.Request, slug string, v View) {
	if h.cfg.Figures == nil || strings.IndexByte(slug, '/') >= 0 {
		return
	}
	if v.Referrer = v.Told.Referrer; v.Referrer == "" {
		v.Referrer = refererOf(r)
	}
	h.cfg.Figures.Watched(r, slug, v)
}

// fetched tells of a request for media.
func (h *Handler) fetched(r *http.Request, take media.TakeID, bytes int64) {
	if h.cfg.Figures == nil {
		return
	}
	starved := (r.Header["Cmcd-Status"] != nil || strings.Contains(r.URL.RawQuery, "CMCD=")) && toldBy(r).Starved
	h.cfg.Figures.Fetched(take, bytes, starved)
}
