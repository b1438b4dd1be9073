package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
)

// chatPath begins what is said in a channel.
const chatPath = "/channels/{channel}/chat"

// RoomInput names a room of a channel's chat.
type RoomInput struct {
	Channel string `path:"channel"`
	Room    string `query:"room" enum:"viewers,crew" default:"viewers" doc:"crew: the room of who works on the channel"`
	Token   string `query:"t" doc:"playback token or secret of a link, where not everybody may watch"`
}

func (in *RoomInput) private() bool { return in.Room == "crew" }

type sayInput struct {
	RoomInput
	Body struct {
		Text  string `json:"text" minLength:"1" maxLength:"3200" doc:"at most 400 characters are shown"`
		Name  string `json:"name,omitempty" maxLength:"200" doc:"a nickname, for who has not signed in"`
		Guest string `json:"guest,omitempty" maxLength:"64" doc:"a secret of 16 letters or more that your program makes up once: it tells guests apart"`
	}
}

type saidOutput struct {
	Status int
	Body   chat.Said
}

// GuestBody says who a guest is.
type GuestBody struct {
	Guest string `json:"guest,omitempty" maxLength:"64" doc:"as for a message"`
}

type reactInput struct {
	RoomInput
	Body struct {
		GuestBody
		Kind string `json:"kind" enum:"heart,clap,laugh,wow,sad,party"`
	}
}

type voteInput struct {
	RoomInput
	Body struct {
		GuestBody
		Poll   string `json:"poll" maxLength:"40"`
		Option int    `json:"option" minimum:"0" maximum:"20" doc:"counted from 0"`
	}
}

type pollOutput struct{ Body *chat.Poll }

type logInput struct {
	RoomInput
	From time.Time `query:"from" required:"true" doc:"program time"`
	To   time.Time `query:"to" doc:"program time, exclusive; absent: now"`
}

type logOutput struct {
	Body struct {
		Messages []chat.Message `json:"messages"`
		Next     *time.Time     `json:"next,omitempty" doc:"ask again from here: this was not all"`
	}
}

// registerChat answers what viewers say. What moderators do is in registerModeration.
func (a *API) registerChat(doc huma.API) {
	if a.cfg.Chat == nil {
		return
	}
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, chatPath+path, id, summary, "chat", status, false)
	}
	a.mux.HandleFunc("GET /api/v1/channels/{channel}/chat/live", a.listen)
	huma.Register(doc, op(http.MethodPost, "/messages", "say", "Say something", 201), a.say)
	huma.Register(doc, op(http.MethodPost, "/reactions", "react", "Let a reaction rise over the player", 204), a.react)
	huma.Register(doc, op(http.MethodPost, "/votes", "vote", "Vote in the poll; the last vote of a person counts", 200), a.vote)
	huma.Register(doc, op(http.MethodGet, "/log", "chat-log", "What was said, by program time", 200), a.chatLog)
	a.registerModeration(doc)
}

// room returns a channel if who asks may read what is said in one of its rooms: who may watch may read.
func (a *API) room(ctx context.Context, in *RoomInput) (*channel.Channel, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	if in.private() {
		if callerOf(ctx) == nil {
			return nil, huma.Error401Unauthorized("this room is for who works on the channel: sign in")
		}
		return c, a.allow(ctx, account.See, c)
	}
	if err := a.mayWatch(ctx, c, in.Token); err != nil {
		if in.Token != "" {
			if often := a.cfg.People.Guessed(visitorOf(ctx).from); often != nil {
				err = often
			}
		}
		return nil, a.problem(err)
	}
	return c, nil
}

// speaker is who asks, as a room sees it.
func (a *API) speaker(ctx context.Context, c *channel.Channel, guest, name string) (s chat.Speaker, err error) {
	s = chat.Speaker{Mark: chat.MarkOf(c.ID, visitorOf(ctx).from), Name: name}
	caller := callerOf(ctx)
	switch {
	case caller == nil:
		s.Who, err = chat.Guest(c.ID, guest)
		return s, err
	case caller.Root:
		s.Who, s.Account = chat.Account(c.ID, "administrator"), true
		if s.Name == "" {
			s.Name = "Administrator"
		}
	default:
		s.Who, s.Account, s.Name = chat.Account(c.ID, caller.ID()), true, caller.Account.Name
	}
	if s.Crew = caller.May(account.Moderate, c); s.Crew {
		s.Role = string(c.Role(caller.ID()))
	}
	return s, nil
}

func (a *API) say(ctx context.Context, in *sayInput) (*saidOutput, error) {
	c, err := a.room(ctx, &in.RoomInput)
	if err != nil {
		return nil, err
	}
	s, err := a.speaker(ctx, c, in.Body.Guest, in.Body.Name)
	if err != nil {
		return nil, a.problem(err)
	}
	said, err := a.cfg.Chat.Say(ctx, chat.Where{Channel: c.ID, Private: in.private()}, s, in.Body.Text, a.ahead(c.Slug), func() []string { return a.crewNames(ctx, c) })
	if err != nil {
		return nil, a.problem(err)
	}
	if said.Held {
		return &saidOutput{http.StatusAccepted, said}, nil
	}
	return &saidOutput{http.StatusCreated, said}, nil
}

// ahead is how much the time of a channel's program is ahead of the clock.
func (a *API) ahead(slug string) time.Duration {
	p, err := a.cfg.Station.Program(slug)
	if err != nil || !p.Known() {
		return 0
	}
	return p.Status().Ahead
}

// crewNames are the names that nobody else may have in a channel's chat, as far as they are known now.
func (a *API) crewNames(ctx context.Context, c *channel.Channel) []string {
	names := make([]string, 0, len(c.Members))
	for _, m := range c.Members {
		if who, err := a.cfg.People.Get(ctx, m.Account); err == nil {
			names = append(names, who.Name)
		}
	}
	return names
}

func (a *API) react(ctx context.Context, in *reactInput) (*struct{}, error) {
	c, err := a.room(ctx, &in.RoomInput)
	if err != nil {
		return nil, err
	}
	s, err := a.speaker(ctx, c, in.Body.Guest, "")
	if err == nil {
		err = a.cfg.Chat.React(ctx, c.ID, s, in.Body.Kind)
	}
	return nil, a.problem(err)
}

func (a *API) vote(ctx context.Context, in *voteInput) (*pollOutput, error) {
	c, err := a.room(ctx, &in.RoomInput)
	if err != nil {
		return nil, err
	}
	s, err := a.speaker(ctx, c, in.Body.Guest, "")
	var p *chat.Poll
	if err == nil {
		p, err = a.cfg.Chat.Vote(ctx, c.ID, s, in.Body.Poll, in.Body.Option)
	}
	return &pollOutput{p}, a.problem(err)
}

func (a *API) chatLog(ctx context.Context, in *logInput) (*logOutput, error) {
	c, err := a.room(ctx, &in.RoomInput)
	if err != nil {
		return nil, err
	}
	to := in.To
	if to.IsZero() {
		to = a.now().Add(time.Hour) // the program's time may be ahead of the clock
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	list, next, err := a.cfg.Chat.Log(bounded, chat.Where{Channel: c.ID, Private: in.private()}, in.From, to)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &logOutput{}
	if out.Body.Messages = list; list == nil {
		out.Body.Messages = []chat.Message{}
	}
	if !next.IsZero() {
		out.Body.Next = &next
	}
	return out, nil
}

// listen tells over a web socket what is said.
func (a *API) listen(w http.ResponseWriter, r *http.Request) {
	caller, _, err := a.caller(r)
	if errors.Is(err, account.ErrSuspended) {
		err = nil // listens like anybody
	}
	ctx := context.WithValue(r.Context(), callerKey{}, caller)
	q := r.URL.Query()
	in := &RoomInput{Channel: r.PathValue("channel"), Room: q.Get("room"), Token: q.Get("t")}
	var c *channel.Channel
	if err = a.problem(err); err == nil {
		c, err = a.room(ctx, in)
	}
	if err == nil {
		_, none := r.Cookie(cookieFor(visitorOf(ctx), cookieName))
		err = a.problem(a.cfg.Chat.Serve(w, r, chat.Listener{
			Where: chat.Where{Channel: c.ID, Private: in.private()}, Crew: caller.May(account.Moderate, c),
			Mark: chat.MarkOf("", visitorOf(ctx).from), Cursor: q.Get("after"), Origins: none == nil,
			Stays: func() bool { return a.stays(r, in) },
		}))
	}
	if err != nil {
		writeProblem(w, err)
	}
}

// stays reports whether somebody who listens still may: may have been sent away, or have signed out everywhere.
func (a *API) stays(r *http.Request, in *RoomInput) bool {
	caller, _, err := a.caller(r)
	if err != nil && !errors.Is(err, account.ErrSuspended) {
		return false
	}
	_, err = a.room(context.WithValue(r.Context(), callerKey{}, caller), in)
	return err == nil
}
