package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// uploadTime is how long an image may take to arrive.
const uploadTime = time.Minute

type imageInput struct {
	Channel string `path:"channel"`
	Kind    string `path:"kind" enum:"logo,picture"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type noImageInput struct {
	Channel string `path:"channel"`
	Kind    string `path:"kind" enum:"logo,picture"`
}

func (a *API) registerArt(doc huma.API) {
	put := operation(http.MethodPut, "/channels/{channel}/images/{kind}", "set-image", "Set the logo or the picture: a PNG, JPEG or WebP image of at most 5 MB, as the body. Turn it upright first; it is made smaller here", "channels", 200, true)
	put.MaxBodyBytes, put.BodyReadTimeout = artwork.MaxBytes, uploadTime
	huma.Register(doc, put, a.setImage)
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/images/{kind}", "remove-image", "Remove the logo or the picture", "channels", 200, true), a.removeImage)
}

// imageOf is where a channel names its image of a kind.
func imageOf(c *channel.Channel, kind string) *string {
	if artwork.Kind(kind) == artwork.Logo {
		return &c.Logo
	}
	return &c.Picture
}

func (a *API) setImage(ctx context.Context, in *imageInput) (*channelOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	name, err := a.cfg.Art.Put(bounded, c.ID, artwork.Kind(in.Kind), in.RawBody)
	if err != nil {
		return nil, a.problem(err)
	}
	return a.shown(ctx, in.Channel, account.Change, "channel."+in.Kind, func(c *channel.Channel) (string, error) {
		*imageOf(c, in.Kind) = name
		return "set", nil
	})
}

func (a *API) removeImage(ctx context.Context, in *noImageInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Change, "channel."+in.Kind, func(c *channel.Channel) (string, error) {
		*imageOf(c, in.Kind) = ""
		return "removed", nil
	})
}

// naming returns the channel that an image belongs to, or nil if nobody may see such an image.
func (a *API) naming(r *http.Request, slug, image string) *channel.Channel {
	c, err := a.cfg.Channels.Get(slug)
	if err != nil || image != c.Logo && image != c.Picture && !a.illustrates(r.Context(), c, image) && !a.emotes(r.Context(), c, image) {
		return nil
	}
	if c.Suspended != "" { // its people see in the studio what they have
		if caller, _, _ := a.caller(r); !caller.May(account.See, c) {
			return nil
		}
	}
	return c
}

// art answers with an image that a channel names. Its address holds a hash that nobody guesses.
func (a *API) art(w http.ResponseWriter, r *http.Request) {
	slug, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, station.ArtPath), "/")
	if graphic, ok := strings.CutPrefix(name, newestPath); ok {
		a.newestPicture(w, r, slug, graphic)
		return
	}
	c, kind := a.naming(r, slug, name), artwork.ContentType(name)
	if c == nil || kind == "" {
		http.NotFound(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), bucketTime)
	defer cancel()
	data, err := a.cfg.Art.Get(ctx, c.ID, name)
	if errors.Is(err, bucket.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		w.Header().Set("Retry-After", "2")
		http.Error(w, "The image cannot be read at the moment.", http.StatusServiceUnavailable)
		return
	}
	sendImage(w, r, c, kind, data, "max-age=31536000, immutable")
}

// sendImage answers with an image of a channel. Whether caches that many use may keep it follows from who may watch.
func sendImage(w http.ResponseWriter, r *http.Request, c *channel.Channel, kind string, data []byte, keep string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "public, "+keep)
	if !c.Open() {
		h.Set("Cache-Control", "private, "+keep)
	}
	if r.Method != http.MethodHead {
		w.Write(data) // who does not read it to the end has left
	}
}
