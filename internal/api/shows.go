package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// ShowBody is what is said of a show.
type ShowBody struct {
	Title   string    `json:"title" maxLength:"120"`
	Text    string    `json:"text,omitempty" maxLength:"2000"`
	At      time.Time `json:"at" doc:"when it begins"`
	Minutes int       `json:"minutes,omitempty" minimum:"0" maximum:"1440" doc:"how long it is planned to last; default 60"`
}

type newShowInput struct {
	Channel string `path:"channel"`
	Body    ShowBody
}

type showInput struct {
	Channel string `path:"channel"`
	Show    string `path:"show" maxLength:"40"`
	Body    ShowBody
}

type noShowInput struct {
	Channel string `path:"channel"`
	Show    string `path:"show" maxLength:"40"`
}

type calendarInput struct {
	Channel string `path:"channel"`
	Show    string `path:"show" maxLength:"40"`
	Token   string `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch it"`
}

type showOutput struct{ Body station.Show }

type showsOutput struct {
	Body struct {
		Shows []station.Show `json:"shows" doc:"that are not over, the next one first"`
	}
}

func (a *API) registerShows(doc huma.API) {
	const path = "/channels/{channel}/shows"
	op := func(method, path, id, summary string, status int, signed bool) huma.Operation {
		return operation(method, path, id, summary, "channels", status, signed)
	}
	huma.Register(doc, op(http.MethodGet, path, "shows", "The shows that are announced", 200, false), a.shows)
	huma.Register(doc, op(http.MethodPost, path, "announce", "Announce a show", 201, true), func(ctx context.Context, in *newShowInput) (*showOutput, error) {
		return a.announce(ctx, in.Channel, "", &in.Body)
	})
	huma.Register(doc, op(http.MethodPut, path+"/{show}", "change-show", "Change what is announced", 200, true), func(ctx context.Context, in *showInput) (*showOutput, error) {
		return a.announce(ctx, in.Channel, in.Show, &in.Body)
	})
	huma.Register(doc, op(http.MethodDelete, path+"/{show}", "withdraw", "Take a show away", 204, true), func(ctx context.Context, in *noShowInput) (*struct{}, error) {
		_, err := a.changed(ctx, in.Channel, account.Change, "show.withdraw", func(c *channel.Channel) (string, error) { return in.Show, c.Withdraw(in.Show) })
		return nil, err
	})
	huma.Register(doc, op(http.MethodGet, path+"/{show}/calendar.ics", "show-calendar", "A show for a calendar, with a reminder", 200, false), a.calendar)
}

func (a *API) announce(ctx context.Context, slug, id string, b *ShowBody) (*showOutput, error) {
	var made channel.Show
	_, err := a.changed(ctx, slug, account.Change, "show.announce", func(c *channel.Channel) (_ string, err error) {
		minutes := b.Minutes
		if minutes == 0 {
			minutes = 60
		}
		made, err = c.Announce(channel.Show{ID: id, Title: b.Title, Text: b.Text, At: b.At, Minutes: minutes}, time.Now())
		return made.Title, err
	})
	if err != nil {
		return nil, err
	}
	return &showOutput{station.ShowOf(slug, &made)}, nil
}

func (a *API) shows(ctx context.Context, in *watchInput) (*showsOutput, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, err
	}
	out := &showsOutput{}
	out.Body.Shows = []station.Show{}
	for _, s := range c.ComingUp(time.Now()) {
		out.Body.Shows = append(out.Body.Shows, station.ShowOf(c.Slug, &s))
	}
	return out, nil
}

func (a *API) calendar(ctx context.Context, in *calendarInput) (*fileOutput, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, err
	}
	s := c.Show(in.Show)
	if s == nil {
		return nil, huma.Error404NotFound("there is no such show any more: look at the channel's page for those that are announced")
	}
	base := a.outside(ctx)
	host := "mayfly"
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return &fileOutput{
		Type: "text/calendar; charset=utf-8", Disposition: `attachment; filename="` + c.Slug + `.ics"`, Body: calendarOf(c, s, base+"/"+c.Slug, host),
	}, nil
}

// withShows puts what is announced among what the plan plays.
func withShows(c *channel.Channel, list []program.Programme, from, to time.Time) []program.Programme {
	for _, s := range c.Shows {
		if s.Ends().After(from) && s.At.Before(to) {
			list = append(list, program.Programme{Start: s.At, Stop: s.Ends(), Title: s.Title, Show: s.ID})
		}
	}
	slices.SortStableFunc(list, func(a, b program.Programme) int { return a.Start.Compare(b.Start) })
	return list
}
