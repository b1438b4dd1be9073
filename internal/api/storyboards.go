package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// Storyboard is an ordered list of clips with a name.
type Storyboard struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Version  int       `json:"version" doc:"each change makes another"`
	Changed  time.Time `json:"changed"`
	Shared   bool      `json:"shared" doc:"other channels may play it"`
	Channel  string    `json:"channel,omitempty" doc:"address of the channel that it belongs to, if that is another"`
	Borrowed bool      `json:"borrowed,omitempty" doc:"it is another channel's: it changes when that changes it"`
	Clips    []Placed  `json:"clips,omitempty" doc:"in order; only when one storyboard is read"`
}

// Placed is a clip's place in a storyboard.
type Placed struct {
	Channel string `json:"channel,omitempty" doc:"address of its channel, if that is another"`
	Clip    string `json:"clip"`
}

type storyboardsOutput struct {
	Body struct {
		Storyboards []Storyboard `json:"storyboards"`
	}
}

type storyboardOutput struct{ Body Storyboard }

type storyboardInput struct {
	Channel    string `path:"channel"`
	Storyboard string `path:"storyboard" maxLength:"40"`
}

// StoryboardBody is what a version of a storyboard says.
type StoryboardBody struct {
	Name   string   `json:"name" maxLength:"120"`
	Clips  []Placed `json:"clips" maxItems:"1000"`
	Shared bool     `json:"shared,omitempty"`
	// Version is that which a change is of.
	Version int `json:"version,omitempty" minimum:"0" doc:"of a change: the version that it changes"`
}

type newStoryboardInput struct {
	Channel string `path:"channel"`
	Body    StoryboardBody
}

type changeStoryboardInput struct {
	Channel    string `path:"channel"`
	Storyboard string `path:"storyboard" maxLength:"40"`
	Body       StoryboardBody
}

type borrowInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Channel    string `json:"channel" doc:"address of the channel that it belongs to"`
		Storyboard string `json:"storyboard" maxLength:"40"`
	}
}

// maxStoryboard is how large a storyboard of a thousand clips may be.
const maxStoryboard = 256 << 10

func (a *API) registerStoryboards(doc huma.API) {
	const tag = "library"
	large := func(o huma.Operation) huma.Operation { o.MaxBodyBytes = maxStoryboard; return o }
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/storyboards", "storyboards", "List a channel's storyboards", tag, 200, true), a.storyboards)
	huma.Register(doc, large(operation(http.MethodPost, "/channels/{channel}/storyboards", "add-storyboard", "Make a storyboard", tag, 201, true)), a.addStoryboard)
	huma.Register(doc, operation(http.MethodPost, "/channels/{channel}/storyboards/borrow", "borrow-storyboard", "Play a storyboard that another channel shares", tag, 200, true), a.borrowStoryboard)
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/storyboards/{storyboard}", "get-storyboard", "Read a storyboard", tag, 200, true), a.getStoryboard)
	huma.Register(doc, large(operation(http.MethodPut, "/channels/{channel}/storyboards/{storyboard}", "change-storyboard", "Make another version of a storyboard", tag, 200, true)), a.changeStoryboard)
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/storyboards/{storyboard}", "delete-storyboard", "Delete a storyboard, or give a borrowed one back; its clips stay", tag, 204, true), a.deleteStoryboard)
}

// slugOf returns the address of a channel by its id, "" if it is gone.
func (a *API) slugOf(id string) string {
	for _, c := range a.cfg.Channels.All() {
		if c.ID == id {
			return c.Slug
		}
	}
	return ""
}

func (a *API) showStoryboard(c *channel.Channel, b *library.Storyboard, placed []library.Placed) Storyboard {
	out := Storyboard{ID: b.ID, Name: b.Name, Version: b.Version, Changed: b.Changed, Shared: b.Shared}
	if b.Channel != c.ID {
		out.Channel, out.Borrowed = a.slugOf(b.Channel), true
	}
	for _, p := range placed {
		shown := Placed{Clip: p.Clip}
		if p.Channel != c.ID {
			shown.Channel = a.slugOf(p.Channel)
		}
		out.Clips = append(out.Clips, shown)
	}
	return out
}

func (a *API) storyboards(ctx context.Context, in *channelInput) (*storyboardsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	own, borrowed, err := a.cfg.Library.Storyboards(ctx, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &storyboardsOutput{}
	out.Body.Storyboards = []Storyboard{}
	for _, b := range append(own, borrowed...) {
		out.Body.Storyboards = append(out.Body.Storyboards, a.showStoryboard(c, &b, nil))
	}
	return out, nil
}

func (a *API) getStoryboard(ctx context.Context, in *storyboardInput) (*storyboardOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	b, placed, err := a.cfg.Library.Storyboard(ctx, c.ID, in.Storyboard)
	if err != nil {
		return nil, a.problem(err)
	}
	return &storyboardOutput{a.showStoryboard(c, &b, placed)}, nil
}

// placed reads the clips of a storyboard. Those of other channels need a right there.
func (a *API) placed(ctx context.Context, c *channel.Channel, clips []Placed) ([]library.Placed, error) {
	out := make([]library.Placed, len(clips))
	for i, p := range clips {
		out[i] = library.Placed{Channel: c.ID, Clip: p.Clip}
		if p.Channel == "" || p.Channel == c.Slug {
			continue
		}
		other, err := a.channel(ctx, p.Channel, account.See)
		if err != nil {
			return nil, err
		}
		out[i].Channel = other.ID
	}
	return out, nil
}

// saveStoryboard makes a version of a storyboard; of a new one if it has no id.
func (a *API) saveStoryboard(ctx context.Context, slug string, b library.Storyboard, body *StoryboardBody) (*storyboardOutput, error) {
	c, err := a.channel(ctx, slug, account.Change)
	if err != nil {
		return nil, err
	}
	placed, err := a.placed(ctx, c, body.Clips)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	b.Name, b.Shared = body.Name, body.Shared
	b, err = a.cfg.Library.SaveStoryboard(bounded, c.ID, b, placed)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "storyboard.save", fmt.Sprintf("%s, version %d: %d clips", b.Name, b.Version, len(placed)))
	return &storyboardOutput{a.showStoryboard(c, &b, placed)}, nil
}

func (a *API) addStoryboard(ctx context.Context, in *newStoryboardInput) (*storyboardOutput, error) {
	return a.saveStoryboard(ctx, in.Channel, library.Storyboard{}, &in.Body)
}

func (a *API) changeStoryboard(ctx context.Context, in *changeStoryboardInput) (*storyboardOutput, error) {
	return a.saveStoryboard(ctx, in.Channel, library.Storyboard{ID: in.Storyboard, Version: in.Body.Version}, &in.Body)
}

func (a *API) deleteStoryboard(ctx context.Context, in *storyboardInput) (*struct{}, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Library.DeleteStoryboard(ctx, c.ID, in.Storyboard); err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "storyboard.delete", in.Storyboard)
	return nil, nil
}

func (a *API) borrowStoryboard(ctx context.Context, in *borrowInput) (*storyboardsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	other, err := a.cfg.Channels.Get(in.Body.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	if err := a.cfg.Library.Borrow(ctx, c.ID, library.Borrowed{Channel: other.ID, ID: in.Body.Storyboard}); err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "storyboard.borrow", in.Body.Channel)
	return a.storyboards(ctx, &channelInput{Channel: in.Channel})
}
