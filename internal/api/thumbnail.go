package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Thumbnails makes small pictures of what takes show.
type Thumbnails interface {
	// Thumbnail returns a JPEG of a take that a node takes in.
	Thumbnail(ctx context.Context, take, node string) ([]byte, error)
	// Clip returns a JPEG of a segment of a clip.
	Clip(ctx context.Context, a media.Address) ([]byte, error)
}

const (
	// thumbnailName is what follows a channel's or a source's address.
	thumbnailName = "thumbnail.jpg"
	thumbnailAge  = 10 // seconds that caches may keep one
)

func (a *API) registerThumbnails() {
	a.mux.HandleFunc("GET /api/v1/channels/{channel}/sources/{source}/"+thumbnailName, a.sourceThumbnail)
}

// programThumbnail answers with what a channel shows just now.
func (a *API) programThumbnail(w http.ResponseWriter, r *http.Request, slug string) {
	pass, err := a.Watch(r, slug)
	if err != nil {
		http.Error(w, "There is no such channel.", http.StatusNotFound)
		return
	}
	scope := "public"
	if pass.Private {
		scope = "private"
	}
	p, err := a.cfg.Station.Program(slug)
	if err != nil || !p.Known() {
		http.NotFound(w, r)
		return
	}
	s := p.Status()
	switch {
	case s.State == station.Live && s.Take == "": // what plays is driven by the clock
		var data []byte
		at, err := p.Playing(r.Context())
		if err == nil {
			data, err = a.cfg.Thumbnails.Clip(r.Context(), at)
		}
		a.sendThumbnail(w, data, err, scope)
	case s.State == station.Live && s.Air != nil:
		data, err := a.cfg.Thumbnails.Thumbnail(r.Context(), s.Take, s.Air.Node)
		a.sendThumbnail(w, data, err, scope)
	default:
		http.Error(w, "It is not on air.", http.StatusNotFound)
	}
}

// sourceThumbnail answers with what a source sends, on air or not, to who works on the channel.
func (a *API) sourceThumbnail(w http.ResponseWriter, r *http.Request) {
	c, err := a.cfg.Channels.Get(r.PathValue("channel"))
	if err != nil {
		http.Error(w, "There is no such channel.", http.StatusNotFound)
		return
	}
	caller, _, err := a.caller(r)
	switch {
	case err != nil || caller == nil:
		http.Error(w, "Sign in to see what is not on air.", http.StatusUnauthorized)
		return
	case !caller.May(account.See, c):
		http.Error(w, "This needs a role in the channel: ask its owner.", http.StatusForbidden)
		return
	}
	sending := a.sending(c)[r.PathValue("source")]
	if sending == nil {
		http.Error(w, "It sends nothing.", http.StatusNotFound)
		return
	}
	data, err := a.cfg.Thumbnails.Thumbnail(r.Context(), sending.take, sending.Node)
	a.sendThumbnail(w, data, err, "private")
}

func (a *API) sendThumbnail(w http.ResponseWriter, data []byte, err error, scope string) {
	if err != nil {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Retry-After", "5")
		http.Error(w, "There is no picture of it at the moment.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", scope+", max-age="+strconv.Itoa(thumbnailAge))
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}
