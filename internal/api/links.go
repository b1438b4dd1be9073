package api

import (
	"context"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// PlaybackLink lets whoever has it watch a channel.
type PlaybackLink struct {
	ID       string     `json:"id"`
	Name     string     `json:"name" doc:"for whom it is"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires,omitempty" doc:"absent: it counts until it is revoked"`
	Page     string     `json:"page" doc:"for people"`
	Playlist string     `json:"playlist" doc:"for players such as VLC"`
}

type linksOutput struct {
	Body struct {
		Links []PlaybackLink `json:"links"`
	}
}

type playbackLinkInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Name  string `json:"name" maxLength:"120" doc:"for whom it is"`
		Hours int    `json:"hours,omitempty" minimum:"0" maximum:"8784" doc:"how long it counts; 0: until it is revoked"`
	}
}

type playbackLinkOutput struct{ Body PlaybackLink }

type revokeInput struct {
	Channel string `path:"channel"`
	Link    string `path:"link" maxLength:"40"`
}

func showLink(ctx context.Context, c *channel.Channel, l *channel.Link) PlaybackLink {
	origin := visitorOf(ctx).origin
	out := PlaybackLink{
		ID: l.ID, Name: l.Name, Created: l.Created,
		// Behind #, where neither a log nor another site sees it. A player has only the query.
		Page: fmt.Sprintf("%s/%s#pass=%s", origin, c.Slug, l.Secret), Playlist: fmt.Sprintf("%s/%s/index.m3u8?t=%s", origin, c.Slug, l.Secret),
	}
	if !l.Expires.IsZero() {
		out.Expires = &l.Expires
	}
	return out
}

func (a *API) links(ctx context.Context, in *channelInput) (*linksOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Share)
	if err != nil {
		return nil, err
	}
	out := &linksOutput{}
	out.Body.Links = []PlaybackLink{}
	for i := range c.Links {
		if l := &c.Links[i]; l.Expires.IsZero() || a.now().Before(l.Expires) {
			out.Body.Links = append(out.Body.Links, showLink(ctx, c, l))
		}
	}
	return out, nil
}

func (a *API) makeLink(ctx context.Context, in *playbackLinkInput) (*playbackLinkOutput, error) {
	var made channel.Link
	c, err := a.changed(ctx, in.Channel, account.Share, "link.create", func(c *channel.Channel) (detail string, err error) {
		made, err = c.AddLink(in.Body.Name, callerOf(ctx).ID(), time.Duration(in.Body.Hours)*time.Hour, a.now())
		return in.Body.Name, err
	})
	if err != nil {
		return nil, err
	}
	return &playbackLinkOutput{showLink(ctx, c, &made)}, nil
}

func (a *API) revokeLink(ctx context.Context, in *revokeInput) (*struct{}, error) {
	_, err := a.changed(ctx, in.Channel, account.Share, "link.revoke", func(c *channel.Channel) (string, error) {
		l, err := c.RevokeLink(in.Link)
		return l.Name, err
	})
	return nil, err
}
