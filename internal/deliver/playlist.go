package deliver

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
)

// servePlaylist answers a request for a playlist.
func (h *Handler) servePlaylist(w http.ResponseWriter, r *http.Request, a playlistPath) {
	var pass Admission
	if h.cfg.Gate != nil {
		var err error
		if pass, err = h.cfg.Gate.Channel(r, a.Slug); err != nil {
			h.failWith(w, r, err)
			return
		}
	}
	program, err := h.cfg.Programs.Program(a.program())
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	h.serveProgram(w, r, a, program, pass)
}

// ServeProgram answers a request for a playlist of a program that has no public address: rendition is "" for
// the multivariant one. key tells such programs apart, and is no slug. Who may see it is the caller's business;
// pass is what it lets the request in with.
func (h *Handler) ServeProgram(w http.ResponseWriter, r *http.Request, key string, p Program, rendition string, pass Admission) {
	h.serveProgram(w, r, playlistPath{Slug: key, Rendition: rendition}, p, pass)
}

func (h *Handler) serveProgram(w http.ResponseWriter, r *http.Request, a playlistPath, program Program, pass Admission) {
	if a.Rendition == "" {
		h.serveVariants(w, r, program, a, pass)
		return
	}
	req, err := hls.ParseRequest(r.URL.RawQuery)
	if err != nil {
		h.fail(w, r, problem{Status: http.StatusBadRequest, Detail: err.Error()})
		return
	}
	head := w.Header()
	if req.Blocking() {
		h.stats.blocking.Add(1)
		head["Cache-Control"] = age(pass, valBlockingAge, valBlockingPrivate)
	} else {
		h.stats.plain.Add(1)
		head["Cache-Control"] = age(pass, valPlainAge, valPlainPrivate)
	}
	ed, ok := h.await(w, r, program, a, req, pass)
	if !ok {
		return
	}
	head["Access-Control-Allow-Origin"] = valAny
	head["Content-Type"] = valMPEGURL
	head["Vary"] = valVary
	text := ed.text(req.Skip, acceptsGzip(r.Header["Accept-Encoding"]))
	if text.gzip {
		head["Content-Encoding"] = valGzip
	}
	head["Content-Length"] = text.length
	h.send(w, r, http.StatusOK, text.body, text.size)
}

func age(pass Admission, public, private []string) []string {
	if pass.Private {
		return private
	}
	return public
}

// await returns the edition of a playlist that answers req, holding the request until there is one
// (rfc8216bis 6.2.5.2). With false, the request has been answered.
func (h *Handler) await(w http.ResponseWriter, r *http.Request, p Program, a playlistPath, req hls.Request, pass Admission) (*edition, bool) {
	var wait hold
	defer wait.end()
	var ch *channel
	for {
		window, changed, err := p.Window(a.Rendition, a.DVR)
		switch {
		case err != nil && !errors.Is(err, ErrNotYet):
			h.failWith(w, r, err)
			return nil, false
		case err == nil:
			if ch == nil { // once, and only for channels and renditions that are there
				ch = h.channel(a.Slug)
				if !h.room(w, r, a.Slug, pass, &ch.audience) {
					return nil, false
				}
				told, now := toldBy(r), time.Now()
				viewer := viewerBy(r, told.Session)
				ch.audience.saw(viewer, now)
				h.watched(r, a.Slug, View{Viewer: viewer, At: now, Told: told})
			}
			if playable(window) && window.Has(req) {
				return ch.edition(h, p, a, window, pass.Media), true
			}
		}
		if !wait.on(h, w, r, changed) {
			return nil, false
		}
	}
}

// playable says whether a window may be shown: hls.js gives up on a playlist of parts alone.
func playable(w *hls.Window) bool {
	return w.Ended || len(w.Segments) > 0 && w.Segments[0].Complete
}

// serveVariants answers with the multivariant playlist. It is asked for once per viewer, so it is
// rendered each time.
func (h *Handler) serveVariants(w http.ResponseWriter, r *http.Request, p Program, a playlistPath, pass Admission) {
	h.stats.variants.Add(1)
	var wait hold
	defer wait.end()
	for {
		variants, changed, err := p.Variants()
		if err == nil {
			if pass.Limit == 0 || h.room(w, r, a.Slug, pass, &h.channel(a.Slug).audience) {
				h.sendVariants(w, r, variants, a.DVR, pass)
			}
			return
		}
		if !errors.Is(err, ErrNotYet) {
			h.failWith(w, r, err)
			return
		}
		if !wait.on(h, w, r, changed) {
			return
		}
	}
}

func (h *Handler) sendVariants(w http.ResponseWriter, r *http.Request, variants []hls.Variant, dvr bool, pass Admission) {
	moved := make([]hls.Variant, len(variants))
	for i, v := range variants {
		if dvr {
			v.URI = "dvr/" + v.URI
		}
		v.URI = withToken(v.URI, pass.Lists)
		moved[i] = v
	}
	variants = moved
	text := hls.Multivariant(variants)
	head := w.Header()
	head["Access-Control-Allow-Origin"] = valAny
	head["Cache-Control"] = age(pass, valVariantsAge, valVariantsPrivate)
	head["Content-Type"] = valMPEGURL
	head["Content-Length"] = []string{strconv.Itoa(len(text))}
	h.send(w, r, http.StatusOK, Body{text}, int64(len(text)))
}

// reports returns the rendition reports for the playlist of rendition: where the others stand
// (rfc8216bis 4.4.5.4). A rendition that cannot be read just now is left out.
func reports(p Program, a playlistPath) []hls.Report {
	variants, _, err := p.Variants()
	if err != nil || len(variants) < 2 {
		return nil
	}
	var out []hls.Report
	for _, v := range variants {
		name := strings.TrimSuffix(v.URI, ".m3u8")
		if name == a.Rendition {
			continue
		}
		if w, _, err := p.Window(name, a.DVR); err == nil {
			out = append(out, w.Report(v.URI))
		}
	}
	return out
}
