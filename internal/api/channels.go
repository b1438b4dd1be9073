package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Channel is a channel as the API shows it. Sources and their keys are only there for who has the token.
type Channel struct {
	station.Status
	Created  *time.Time `json:"created,omitempty"`
	Sources  []Source   `json:"sources,omitempty"`
	AutoLive *bool      `json:"autoLive,omitempty"`
	Keep     *bool      `json:"keep,omitempty" doc:"keep everything, whatever the DVR window"`
	Listed   *bool      `json:"listed,omitempty" doc:"shown in the guide"`
	OnAir    *OnAir     `json:"onAir,omitempty"`
}

// OnAir is what is on air now.
type OnAir struct {
	Source string    `json:"source"`
	Take   string    `json:"take"`
	Number int64     `json:"number" doc:"media sequence number that it began with"`
	Since  time.Time `json:"since"`
}

// Source is an encoder's place in a channel, with the keys it publishes with.
type Source struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	StreamKey       string `json:"streamKey"`
	BackupStreamKey string `json:"backupStreamKey"`
}

type newSource struct {
	Name            string `json:"name,omitempty" maxLength:"120"`
	StreamKey       string `json:"streamKey,omitempty" doc:"16 to 128 letters, digits, hyphens and underscores; made up if absent"`
	BackupStreamKey string `json:"backupStreamKey,omitempty"`
}

type createInput struct {
	Body struct {
		Slug        string      `json:"slug" doc:"the channel's address: 2 to 40 small letters, digits and hyphens" example:"news"`
		Title       string      `json:"title,omitempty" example:"News"`
		Description string      `json:"description,omitempty"`
		Sources     []newSource `json:"sources,omitempty" doc:"one with new keys if absent"`
		AutoLive    *bool       `json:"autoLive,omitempty" doc:"a source that connects goes on air if nothing else is; default true"`
		DVRWindow   int         `json:"dvrWindow,omitempty" doc:"seconds that can be rewound; default 7200"`
		Keep        bool        `json:"keep,omitempty" doc:"keep everything, whatever the DVR window"`
		Listed      *bool       `json:"listed,omitempty" doc:"shown in the guide; default true"`
	}
}

type changeInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Title       *string `json:"title,omitempty"`
		Description *string `json:"description,omitempty"`
		AutoLive    *bool   `json:"autoLive,omitempty"`
		DVRWindow   *int    `json:"dvrWindow,omitempty"`
		Keep        *bool   `json:"keep,omitempty"`
		Listed      *bool   `json:"listed,omitempty"`
	}
}

type channelInput struct {
	Channel string `path:"channel" doc:"its slug"`
}

type channelOutput struct{ Body Channel }

type channelsOutput struct {
	Body struct {
		Channels []Channel `json:"channels"`
	}
}

type rotateInput struct {
	Channel string `path:"channel"`
	Source  string `path:"source"`
	Body    struct {
		Backup bool `json:"backup,omitempty" doc:"the backup key instead"`
	} `required:"false"`
}

type cutInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Source string `json:"source" doc:"the id of a source, or \"off\""`
	}
}

type cutOutput struct {
	Body struct {
		Number     int64     `json:"number" doc:"media sequence number that the cut begins with"`
		ExpectedAt time.Time `json:"expectedAt"`
	}
}

func (a *API) registerChannels(doc huma.API) {
	op := func(method, path, id, summary string, status int, admin bool) huma.Operation {
		o := huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxBody, Tags: []string{"channels"}}
		if admin {
			o.Security = needsToken
		}
		return o
	}
	huma.Register(doc, op(http.MethodGet, "/channels", "list-channels", "List channels", 200, false), a.list)
	huma.Register(doc, op(http.MethodPost, "/channels", "create-channel", "Create a channel", 201, true), a.create)
	huma.Register(doc, op(http.MethodGet, "/channels/{channel}", "get-channel", "Read a channel", 200, false), a.get)
	huma.Register(doc, op(http.MethodPatch, "/channels/{channel}", "change-channel", "Change a channel", 200, true), a.change)
	huma.Register(doc, op(http.MethodDelete, "/channels/{channel}", "delete-channel", "Delete a channel", 204, true), a.remove)
	huma.Register(doc, op(http.MethodPost, "/channels/{channel}/sources/{source}/rotate", "rotate-key", "Give a source a new stream key", 200, true), a.rotate)
	huma.Register(doc, op(http.MethodPost, "/channels/{channel}/cuts", "cut", "Put a source on air, or take the channel off air", 200, true), a.cut)
}

// show makes what a caller may see of a channel.
func (a *API) show(ctx context.Context, c *channel.Channel) Channel {
	out := Channel{Status: station.Status{
		Slug: c.Slug, Title: c.Title, Description: c.Description, State: station.Never, Since: c.Created, DVRWindow: c.DVRWindow,
	}}
	if p, err := a.cfg.Station.Program(c.Slug); err == nil && p.Known() {
		out.Status = p.Status()
		out.Title, out.Description, out.DVRWindow = c.Title, c.Description, c.DVRWindow
	}
	if out.State == station.Live {
		out.OnAir = &OnAir{Source: out.Status.Source, Take: out.Take, Number: out.Number, Since: out.Since}
	}
	if !isAdmin(ctx) {
		out.Notice = ""
		return out
	}
	created, live, keep, listed := c.Created, c.AutoLive, c.Keep, c.Listed
	out.Created, out.AutoLive, out.Keep, out.Listed = &created, &live, &keep, &listed
	for _, s := range c.Sources {
		out.Sources = append(out.Sources, Source{s.ID, s.Name, s.StreamKey, s.BackupStreamKey})
	}
	return out
}

func (a *API) list(ctx context.Context, _ *struct{}) (*channelsOutput, error) {
	out := &channelsOutput{}
	out.Body.Channels = []Channel{}
	for _, c := range a.cfg.Channels.All() {
		if c.Listed || isAdmin(ctx) {
			out.Body.Channels = append(out.Body.Channels, a.show(ctx, c))
		}
	}
	return out, nil
}

func (a *API) create(ctx context.Context, in *createInput) (*channelOutput, error) {
	b := &in.Body
	c := channel.Channel{
		Slug: b.Slug, Title: b.Title, Description: b.Description, AutoLive: b.AutoLive == nil || *b.AutoLive,
		DVRWindow: b.DVRWindow, Keep: b.Keep, Listed: b.Listed == nil || *b.Listed,
	}
	for _, s := range b.Sources {
		c.Sources = append(c.Sources, channel.Source{Name: s.Name, StreamKey: s.StreamKey, BackupStreamKey: s.BackupStreamKey})
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	made, err := a.cfg.Channels.Create(bounded, c)
	if err != nil {
		return nil, a.problem(err)
	}
	return &channelOutput{a.show(ctx, made)}, nil
}

func (a *API) get(ctx context.Context, in *channelInput) (*channelOutput, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	return &channelOutput{a.show(ctx, c)}, nil
}

func (a *API) change(ctx context.Context, in *changeInput) (*channelOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	b := &in.Body
	c, err := a.cfg.Channels.Update(bounded, in.Channel, func(c *channel.Channel) error {
		set(&c.Title, b.Title)
		set(&c.Description, b.Description)
		set(&c.AutoLive, b.AutoLive)
		set(&c.DVRWindow, b.DVRWindow)
		set(&c.Keep, b.Keep)
		set(&c.Listed, b.Listed)
		return nil
	})
	if err != nil {
		return nil, a.problem(err)
	}
	return &channelOutput{a.show(ctx, c)}, nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (a *API) remove(ctx context.Context, in *channelInput) (*struct{}, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.Channels.Delete(bounded, in.Channel))
}

func (a *API) rotate(ctx context.Context, in *rotateInput) (*channelOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	c, err := a.cfg.Channels.Rotate(bounded, in.Channel, in.Source, in.Body.Backup)
	if err != nil {
		return nil, a.problem(err)
	}
	return &channelOutput{a.show(ctx, c)}, nil
}

func (a *API) cut(ctx context.Context, in *cutInput) (*cutOutput, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	source := in.Body.Source
	switch {
	case source == "off":
		source = ""
	case source == "autopilot":
		return nil, huma.Error422UnprocessableEntity("autopilot is not in this version: cut to a source or to \"off\"")
	case c.Source(source) == nil:
		return nil, huma.Error422UnprocessableEntity("the channel has no source of that id: read the channel to see its sources")
	}
	p, err := a.cfg.Station.Program(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &cutOutput{}
	out.Body.Number, out.Body.ExpectedAt, err = p.Cut(ctx, source)
	if err != nil {
		return nil, a.problem(err)
	}
	return out, nil
}
