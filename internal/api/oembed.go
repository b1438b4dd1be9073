package api

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// oembed is how other sites turn a link that somebody pasted into a player: oEmbed 1.0.
type oembed struct {
	XMLName  xml.Name `json:"-" xml:"oembed"`
	Version  string   `json:"version" xml:"version"`
	Type     string   `json:"type" xml:"type"`
	Title    string   `json:"title" xml:"title"`
	Provider string   `json:"provider_name" xml:"provider_name"`
	Home     string   `json:"provider_url" xml:"provider_url"`
	Age      int      `json:"cache_age" xml:"cache_age"`
	HTML     string   `json:"html" xml:"html"`
	Width    int      `json:"width" xml:"width"`
	Height   int      `json:"height" xml:"height"`

	Picture       string `json:"thumbnail_url,omitempty" xml:"thumbnail_url,omitempty"`
	PictureWidth  int    `json:"thumbnail_width,omitempty" xml:"thumbnail_width,omitempty"`
	PictureHeight int    `json:"thumbnail_height,omitempty" xml:"thumbnail_height,omitempty"`
}

const (
	oembedAge = 300
	// playerWidth is how wide a player is if nobody says, and widestPlayer at most.
	playerWidth, widestPlayer = 640, 1280
	narrowestPlayer           = 64
)

// answerOembed answers a site that was given a link to a page of ours.
func (a *API) answerOembed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	q := r.URL.Query()
	format := q.Get("format")
	if format != "" && format != "json" && format != "xml" {
		writeProblem(w, huma.NewError(http.StatusNotImplemented, "format: want json or xml"))
		return
	}
	k := a.linked(r, q.Get("url"))
	if k == nil {
		writeProblem(w, huma.Error404NotFound("url: want the address of a page of this server, of the guide or of a channel that may be shown elsewhere"))
		return
	}
	width, height := playerSize(q.Get("maxwidth"), q.Get("maxheight"))
	o := oembed{Version: "1.0", Type: "video", Title: k.title, Provider: "Mayfly", Home: a.outside(r.Context()) + "/", Age: oembedAge, Width: width, Height: height}
	if k.page == o.Home {
		o.Type = "rich"
	}
	o.HTML = fmt.Sprintf(`<iframe src="%s" title="%s" width="%d" height="%d" style="border:0" allow="autoplay; fullscreen; picture-in-picture; encrypted-media" allowfullscreen></iframe>`,
		html.EscapeString(k.player), html.EscapeString(k.title), width, height)
	if k.width > 0 {
		o.Picture, o.PictureWidth, o.PictureHeight = k.picture, k.width, k.height
	}
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(oembedAge))
	if format == "xml" {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.Write([]byte(xml.Header))
		xml.NewEncoder(w).Encode(o)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(o)
}

// linked returns the card of the page that a link leads to, or nil if it is none of ours or nobody's business.
func (a *API) linked(r *http.Request, link string) *card {
	u, err := url.Parse(link)
	if err != nil || len(link) > 1000 || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	public, err := url.Parse(a.outside(r.Context()))
	if err != nil || !strings.EqualFold(u.Host, public.Host) && !strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	slug := strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/embed")
	if slug == "" || slug == "embed" {
		return a.guideCard(r.Context())
	}
	c, err := a.cfg.Channels.Get(slug)
	if err != nil {
		return nil
	}
	k := a.cardOf(r.Context(), c, u.Query())
	if k != nil {
		a.measure(r.Context(), k, c)
	}
	return k
}

// playerSize is how large a player is that must not be larger than the site says.
func playerSize(maxWidth, maxHeight string) (width, height int) {
	width = playerWidth
	if most, err := strconv.Atoi(maxWidth); err == nil && most > 0 {
		width = max(narrowestPlayer, min(most, widestPlayer))
	}
	height = (width*9 + 8) / 16
	if most, err := strconv.Atoi(maxHeight); err == nil && most > 0 && height > most {
		height = max(narrowestPlayer*9/16, most)
		width = height * 16 / 9
	}
	return width, height
}
