package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// What keeps somebody from watching. Status calls them by the same words.
var (
	ErrPrivate  = errors.New("private")
	ErrPassword = errors.New("password")
)

// Pass is what a request for a channel's playlists is let in with.
type Pass struct {
	Private      bool   // not everybody may have the answer
	Lists, Media string // tokens that the addresses of playlists and of media get
	Limit        int    // how many may watch, 0 for any number; it does not count for Crew
	Crew         bool
}

// Watch says whether a request may have a channel's playlists, by its session, its token in the header, or the
// playback token or link in its address.
func (a *API) Watch(r *http.Request, slug string) (Pass, error) {
	c, err := a.cfg.Channels.Get(slug)
	if err != nil {
		return Pass{}, nil // whether there is none, the station knows best
	}
	if c.Suspended != "" {
		return Pass{}, channel.ErrNotFound
	}
	if c.Open() && c.ViewerLimit == 0 {
		return Pass{}, nil
	}
	ctx := context.WithValue(r.Context(), visitorKey{}, a.visitor(r))
	token := r.URL.Query().Get("t")
	good, crew := a.opens(ctx, c, token)
	lists := token
	if !good {
		caller, _, err := a.caller(r.WithContext(ctx))
		if crew = err == nil && caller.May(account.See, c); crew {
			if lists, err = a.cfg.People.PlaybackToken(ctx, account.PlayCrew, c); err != nil {
				return Pass{}, err
			}
		}
	}
	switch {
	case c.Open(): // with a limit
		return Pass{Limit: c.ViewerLimit, Crew: crew}, nil
	case !good && !crew:
		return Pass{}, a.turnedAway(ctx, c, token)
	}
	media, err := a.cfg.People.PlaybackToken(ctx, account.PlayMedia, c)
	return Pass{Private: true, Lists: lists, Media: media, Limit: c.ViewerLimit, Crew: crew}, err
}

// Fetch says whether a request with that token may have media of a channel that not everybody may watch.
func (a *API) Fetch(r *http.Request, c *channel.Channel, token string) error {
	if c.Suspended != "" {
		return channel.ErrNotFound
	}
	if what, ok := a.cfg.People.CheckPlayback(r.Context(), c, token); ok && what == account.PlayMedia {
		return nil
	}
	return a.turnedAway(context.WithValue(r.Context(), visitorKey{}, a.visitor(r)), c, token)
}

// opens reports whether a playback token or the secret of a link opens a channel's playlists, and whether it is
// that of somebody who works on it.
func (a *API) opens(ctx context.Context, c *channel.Channel, token string) (good, crew bool) {
	if token == "" {
		return false, false
	}
	switch what, _ := a.cfg.People.CheckPlayback(ctx, c, token); what {
	case account.PlayCrew:
		return true, true
	case account.PlayLists:
		return c.Locked(), false
	}
	return c.ByLink(token, a.now()) != nil, false
}

// barred is why somebody may not watch who has nothing to show.
func barred(c *channel.Channel) error {
	if c.Locked() {
		return ErrPassword
	}
	return ErrPrivate
}

// turnedAway says why somebody may not watch, and counts the try: who shows too many tokens that are none is told
// to wait.
func (a *API) turnedAway(ctx context.Context, c *channel.Channel, token string) error {
	if token != "" {
		if err := a.cfg.People.Guessed(visitorOf(ctx).from); err != nil {
			return err
		}
	}
	return barred(c)
}

// mayWatch returns nil if who asks may watch a channel, and otherwise why not.
func (a *API) mayWatch(ctx context.Context, c *channel.Channel, token string) error {
	if callerOf(ctx).May(account.See, c) {
		return nil
	}
	if c.Suspended != "" {
		return channel.ErrNotFound
	}
	if good, _ := a.opens(ctx, c, token); good || c.Open() {
		return nil
	}
	return barred(c)
}

// sealed is what is said of a channel to who may not watch it: of a private one nothing but that.
func sealed(s station.Status, why error) station.Status {
	if errors.Is(why, ErrPassword) {
		s.Gate, s.Notice, s.Air, s.Show = "password", "", nil, nil
		return s
	}
	return station.Status{Slug: s.Slug, State: station.Never, Gate: "private"}
}

type enterInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Password string `json:"password" maxLength:"256"`
	}
}

type enterOutput struct {
	Body struct {
		Token string `json:"token" doc:"to be given as ?t= wherever the channel is asked for; it counts for some weeks, or until the password is changed"`
	}
}

func (a *API) registerWatching(doc huma.API) {
	huma.Register(doc, operation(http.MethodPost, "/channels/{channel}/enter", "enter", "Enter the password that viewers need", "watching", 200, false), a.enter)
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/links", "playback-links", "Playback links that count", "watching", 200, true), a.links)
	huma.Register(doc, operation(http.MethodPost, "/channels/{channel}/links", "make-playback-link", "Make a link that lets whoever has it watch", "watching", 201, true), a.makeLink)
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/links/{link}", "revoke-playback-link", "Revoke a playback link", "watching", 204, true), a.revokeLink)
}

func (a *API) enter(ctx context.Context, in *enterInput) (*enterOutput, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err == nil && c.Suspended != "" {
		err = channel.ErrNotFound
	}
	if err != nil {
		return nil, a.problem(err)
	}
	if !c.Locked() {
		return nil, huma.Error409Conflict("this channel wants no password: load its page again")
	}
	out := &enterOutput{}
	if out.Body.Token, err = a.cfg.People.Enter(ctx, c, in.Body.Password, visitorOf(ctx).from); err != nil {
		return nil, a.problem(err)
	}
	return out, nil
}
