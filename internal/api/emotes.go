package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Emote is a small picture of a channel's own, for its chat.
type Emote struct {
	Name  string `json:"name" doc:"stands between colons where the picture is shown"`
	Image string `json:"image" doc:"address of the picture"`
}

type emotesOutput struct {
	Body struct {
		Emotes []Emote `json:"emotes"`
	}
}

type putEmoteInput struct {
	Channel string `path:"channel"`
	Name    string `path:"name" maxLength:"40"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type emoteInput struct {
	Channel string `path:"channel"`
	Name    string `path:"name" maxLength:"40"`
}

// maxEmote is how large the file of an emote may be. It is kept at 128 pixels on a side at most.
const maxEmote = 1 << 20

func (a *API) registerEmotes(doc huma.API) {
	const at = chatPath + "/emotes"
	huma.Register(doc, operation(http.MethodGet, at, "emotes", "The channel's own emotes", "chat", 200, false), a.listEmotes)
	put := operation(http.MethodPut, at+"/{name}", "set-emote", "Give the channel an emote, or one that it has another picture: a PNG, JPEG or WebP image of at most 1 MB, as the body", "chat", 200, true)
	put.MaxBodyBytes, put.BodyReadTimeout = maxEmote, uploadTime
	huma.Register(doc, put, a.putEmote)
	huma.Register(doc, operation(http.MethodDelete, at+"/{name}", "remove-emote", "Remove an emote; messages show its name from then on", "chat", 200, true), a.removeEmote)
}

func shownEmotes(c *channel.Channel, all []chat.Emote) []Emote {
	out := make([]Emote, 0, len(all))
	for _, e := range all {
		out = append(out, Emote{e.Name, station.ArtPath + c.Slug + "/" + e.Image})
	}
	return out
}

func (a *API) listEmotes(ctx context.Context, in *RoomInput) (*emotesOutput, error) {
	c, err := a.room(ctx, in)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Chat.Emotes(ctx, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &emotesOutput{}
	out.Body.Emotes = shownEmotes(c, all)
	return out, nil
}

func (a *API) putEmote(ctx context.Context, in *putEmoteInput) (*rulesOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	if err := chat.CheckEmoteName(in.Name); err != nil {
		return nil, a.problem(err)
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	image, err := a.cfg.Art.Put(bounded, c.ID, artwork.Emote, in.RawBody)
	if err != nil {
		return nil, a.problem(err)
	}
	return a.ruled(ctx, in.Channel, "chat.emote", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		return in.Name, r.PutEmote(chat.Emote{Name: in.Name, Image: image})
	})
}

func (a *API) removeEmote(ctx context.Context, in *emoteInput) (*rulesOutput, error) {
	if _, err := a.channel(ctx, in.Channel, account.Change); err != nil {
		return nil, err
	}
	return a.ruled(ctx, in.Channel, "chat.emote.remove", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		return in.Name, r.DropEmote(in.Name)
	})
}

// emotes reports whether an image is that of an emote of a channel.
func (a *API) emotes(ctx context.Context, c *channel.Channel, image string) bool {
	if artwork.ContentType(image) == "" || a.cfg.Chat == nil {
		return false
	}
	all, err := a.cfg.Chat.Emotes(ctx, c.ID)
	return err == nil && slices.ContainsFunc(all, func(e chat.Emote) bool { return e.Image == image })
}
