package api

import (
	"net/http"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// registerPreviews answers the playlists of what sources send.
func (a *API) registerPreviews() {
	a.mux.HandleFunc("GET /studio/{channel}/takes/{take}/{name}", a.preview)
}

func previewPath(slug, take string) string {
	return "/studio/" + slug + "/takes/" + take + "/index.m3u8"
}

// sending says what each source of a channel sends now: what is on air counts before what its main
// publisher sends, and that before its backup.
func (a *API) sending(c *channel.Channel) map[string]*Sending {
	p, err := a.cfg.Station.Program(c.Slug)
	if err != nil || !p.Known() {
		return nil
	}
	out := map[string]*Sending{}
	for _, s := range p.Sending() {
		had := out[s.Source]
		if had != nil && (had.OnAir || s.Backup && !s.OnAir) {
			continue
		}
		out[s.Source] = &Sending{
			Preview: previewPath(c.Slug, s.Take.String()), Node: s.Node, Backup: s.Backup, OnAir: s.OnAir, Width: s.Width, Height: s.Height,
			Warnings: s.Warnings, take: s.Take.String(),
		}
	}
	return out
}

// preview answers with a playlist of a take, to who works on the channel.
func (a *API) preview(w http.ResponseWriter, r *http.Request) {
	c, err := a.cfg.Channels.Get(r.PathValue("channel"))
	if err != nil {
		http.Error(w, "There is no such channel.", http.StatusNotFound)
		return
	}
	caller, _, err := a.caller(r)
	switch {
	case err != nil || caller == nil:
		http.Error(w, "Sign in to see what is not on air.", http.StatusUnauthorized)
	case !caller.May(account.See, c):
		http.Error(w, "This needs a role in the channel: ask its owner.", http.StatusForbidden)
	default:
		rendition, ok := strings.CutSuffix(r.PathValue("name"), ".m3u8")
		if !ok {
			http.NotFound(w, r)
			return
		}
		if rendition == "index" {
			rendition = ""
		}
		pass := Pass{Private: true, Crew: true}
		if !c.Open() {
			if pass.Media, err = a.cfg.People.PlaybackToken(r.Context(), account.PlayMedia, c); err != nil {
				http.Error(w, "The keys that sign playback cannot be read at the moment.", http.StatusServiceUnavailable)
				return
			}
		}
		a.cfg.Previews.ServePreview(w, r, c.Slug, r.PathValue("take"), rendition, pass)
	}
}
