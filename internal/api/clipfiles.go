package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
)

func itoa(n int) string { return strconv.Itoa(n) }

// registerClipFiles answers what is not JSON about clips: their files on the way in and out, playlists, posters.
func (a *API) registerClipFiles() {
	const at = "/api/v1/channels/{channel}/clips/{clip}"
	a.mux.HandleFunc("HEAD "+at+"/upload", a.aboutClip(account.Change, a.upload))
	a.mux.HandleFunc("PATCH "+at+"/upload", a.aboutClip(account.Change, a.upload))
	a.mux.HandleFunc("GET "+at+"/index.m3u8", a.aboutClip(account.See, a.clipPlaylist))
	a.mux.HandleFunc("GET "+at+"/poster/{number}", a.aboutClip(account.See, a.poster))
	a.mux.HandleFunc("GET "+at+"/download", a.aboutClip(account.See, a.download))
}

// aboutClip lets f answer who may do something in the channel.
func (a *API) aboutClip(do account.Action, f func(http.ResponseWriter, *http.Request, *channel.Channel) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := a.cfg.Channels.Get(r.PathValue("channel"))
		if err != nil {
			a.refuseFile(w, err)
			return
		}
		caller, _, err := a.caller(r)
		switch {
		case err != nil:
			a.refuseFile(w, err)
		case caller == nil:
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, huma.Error401Unauthorized("this needs somebody who may: sign in at /login, or send a token"))
		case !caller.May(do, c):
			writeProblem(w, huma.Error403Forbidden("this needs another role in the channel: ask its owner"))
		default:
			if err := f(w, r, c); err != nil {
				a.refuseFile(w, err)
			}
		}
	}
}

func (a *API) refuseFile(w http.ResponseWriter, err error) { writeProblem(w, a.problem(err)) }

// writeProblem answers with a problem as other operations do.
func writeProblem(w http.ResponseWriter, err error) {
	var known huma.StatusError
	if !errors.As(err, &known) {
		known = huma.Error500InternalServerError("something went wrong here: the node's log says what")
	}
	var headed huma.HeadersError
	if errors.As(err, &headed) {
		for name, values := range headed.GetHeaders() {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(known.GetStatus())
	json.NewEncoder(w).Encode(known)
}

func (a *API) upload(w http.ResponseWriter, r *http.Request, c *channel.Channel) error {
	a.cfg.Library.ServeUpload(w, r, c.ID, r.PathValue("clip"))
	return nil
}

// played returns a clip that can be played.
func (a *API) played(r *http.Request, c *channel.Channel) (library.Clip, error) {
	clip, err := a.cfg.Library.Clip(r.Context(), c.ID, r.PathValue("clip"))
	if err == nil && clip.State != library.Ready {
		err = library.ErrNotFound
	}
	return clip, err
}

func (a *API) clipPlaylist(w http.ResponseWriter, r *http.Request, c *channel.Channel) error {
	clip, err := a.played(r, c)
	if err != nil {
		return err
	}
	token := ""
	if !c.Open() {
		if token, err = a.cfg.People.PlaybackToken(r.Context(), account.PlayMedia, c); err != nil {
			return err
		}
	}
	text, err := a.cfg.Library.Playlist(r.Context(), clip, token)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Write(text)
	return nil
}

func (a *API) poster(w http.ResponseWriter, r *http.Request, c *channel.Channel) error {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return library.ErrNotFound
	}
	data, err := a.cfg.Library.Poster(r.Context(), c.ID, r.PathValue("clip"), n)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=86400")
	w.Write(data)
	return nil
}

// readTime is how long whoever downloads may take for a segment.
const readTime = time.Minute

func (a *API) download(w http.ResponseWriter, r *http.Request, c *channel.Channel) error {
	clip, err := a.played(r, c)
	if err != nil {
		return err
	}
	film, err := a.cfg.Library.Film(r.Context(), clip)
	if err != nil {
		return err
	}
	return a.sendFilm(w, r, film, clip.Title)
}

// fileName makes a name of a title that every system takes.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, title)
	if name = strings.Trim(name, ". "); name == "" {
		return "clip"
	}
	return name
}
