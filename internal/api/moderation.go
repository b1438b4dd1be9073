package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
)

// ChatBan is a ban as moderators see it: not by which address a guest is known.
type ChatBan struct {
	ID     string     `json:"id"`
	Who    string     `json:"who"`
	Name   string     `json:"name"`
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by"`
	At     time.Time  `json:"at"`
	Until  *time.Time `json:"until,omitempty" doc:"absent: until it is lifted"`
}

// ChatRules are the rules of a channel's chat as moderators see them.
type ChatRules struct {
	Version int64      `json:"version"`
	Mode    chat.Mode  `json:"mode" enum:"open,members,crew,closed,off"`
	Slow    int        `json:"slow" doc:"seconds between two messages of one viewer; 0: as each likes"`
	Links   bool       `json:"holdLinks" doc:"messages with an address in them wait for a moderator"`
	Words   []string   `json:"words" doc:"messages with one of these wait for a moderator"`
	Bans    []ChatBan  `json:"bans"`
	Poll    *chat.Poll `json:"poll,omitempty"`
	Emotes  []Emote    `json:"emotes" doc:"the channel's own"`
}

type rulesOutput struct{ Body ChatRules }

func shownRules(c *channel.Channel, r chat.Rules) *rulesOutput {
	out := ChatRules{Emotes: shownEmotes(c, r.Emotes), Version: r.Version, Mode: r.Mode, Slow: r.Slow, Links: r.Links, Words: append([]string{}, r.Words...), Bans: []ChatBan{}, Poll: r.Poll}
	for _, b := range r.Bans {
		shown := ChatBan{ID: b.ID, Who: b.Who, Name: b.Name, Reason: b.Reason, By: b.By, At: b.At}
		if !b.Until.IsZero() {
			shown.Until = &b.Until
		}
		out.Bans = append(out.Bans, shown)
	}
	return &rulesOutput{out}
}

type changeRulesInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Mode  *chat.Mode `json:"mode,omitempty" enum:"open,members,crew,closed,off"`
		Slow  *int       `json:"slow,omitempty" minimum:"0" maximum:"3600"`
		Links *bool      `json:"holdLinks,omitempty"`
		Words *[]string  `json:"words,omitempty" maxItems:"500"`
	}
}

type messageInput struct {
	RoomInput
	ID string `path:"id" maxLength:"40"`
}

type banInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Who     string `json:"who" minLength:"1" maxLength:"40" doc:"as a message of that person says it"`
		Seconds int    `json:"seconds" minimum:"0" maximum:"31536000" doc:"0: until the ban is lifted"`
		Reason  string `json:"reason,omitempty" maxLength:"800"`
		Erase   bool   `json:"erase,omitempty" doc:"remove what the person has said lately, too"`
	}
}

type liftInput struct {
	Channel string `path:"channel"`
	ID      string `path:"id" maxLength:"40"`
}

type newPollInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Question string   `json:"question" maxLength:"1000"`
		Options  []string `json:"options" minItems:"2" maxItems:"20"`
	}
}

type endPollInput struct {
	Channel string `path:"channel"`
	ID      string `path:"id" maxLength:"40"`
}

// registerModeration answers what moderators do.
func (a *API) registerModeration(doc huma.API) {
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, chatPath+path, id, summary, "chat", status, true)
	}
	huma.Register(doc, op(http.MethodGet, "/rules", "chat-rules", "The rules of the chat, and who is kept out", 200), a.chatRules)
	huma.Register(doc, op(http.MethodPatch, "/rules", "change-chat-rules", "Change the rules of the chat", 200), a.changeRules)
	huma.Register(doc, op(http.MethodDelete, "/messages/{id}", "remove-message", "Remove a message, from what is kept too", 204), a.removeMessage)
	huma.Register(doc, op(http.MethodPost, "/messages/{id}/release", "release-message", "Show a message that waits for a moderator", 200), a.releaseMessage)
	huma.Register(doc, op(http.MethodDelete, "/messages", "clear-chat", "Remove every message that the room shows", 204), a.clearChat)
	huma.Register(doc, op(http.MethodPost, "/bans", "ban", "Keep somebody from writing, for a while or until the ban is lifted", 201), a.ban)
	huma.Register(doc, op(http.MethodDelete, "/bans/{id}", "lift-ban", "Let somebody write again", 200), a.liftBan)
	huma.Register(doc, op(http.MethodPost, "/polls", "begin-poll", "Ask the viewers; a poll that is there goes", 201), a.beginPoll)
	huma.Register(doc, op(http.MethodPost, "/polls/{id}/end", "end-poll", "Close a poll; its result stays", 200), a.endPoll)
	huma.Register(doc, op(http.MethodDelete, "/polls/{id}", "remove-poll", "Take a poll and its result away", 200), a.removePoll)
	a.registerEmotes(doc)
}

// ruled changes the rules of a channel's chat, and notes it.
func (a *API) ruled(ctx context.Context, slug, did string, change func(*channel.Channel, *chat.Rules) (detail string, err error)) (*rulesOutput, error) {
	detail := ""
	c, rules, err := edited(ctx, a, slug, account.Moderate, a.cfg.Chat.Change, func(c *channel.Channel, r *chat.Rules) (err error) {
		detail, err = change(c, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.note(ctx, c.ID, did, detail)
	return shownRules(c, rules), nil
}

func (a *API) chatRules(ctx context.Context, in *channelInput) (*rulesOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Moderate)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	rules, err := a.cfg.Chat.Rules(bounded, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	return shownRules(c, rules), nil
}

func (a *API) changeRules(ctx context.Context, in *changeRulesInput) (*rulesOutput, error) {
	return a.ruled(ctx, in.Channel, "chat.rules", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		var changed []string
		b := &in.Body
		if b.Mode != nil && *b.Mode != r.Mode {
			changed = append(changed, "mode "+string(*b.Mode))
		}
		if b.Slow != nil && *b.Slow != r.Slow {
			changed = append(changed, fmt.Sprintf("slow %d s", *b.Slow))
		}
		if b.Links != nil && *b.Links != r.Links {
			changed = append(changed, fmt.Sprintf("hold links %t", *b.Links))
		}
		if b.Words != nil {
			changed = append(changed, "word list")
		}
		set(&r.Mode, b.Mode)
		set(&r.Slow, b.Slow)
		set(&r.Links, b.Links)
		set(&r.Words, b.Words)
		return strings.Join(changed, ", "), r.Check()
	})
}

// removed takes messages away for a moderator.
func (a *API) removed(ctx context.Context, in *RoomInput, did string, ids func(chat.Where) []string) (*struct{}, error) {
	c, err := a.channel(ctx, in.Channel, account.Moderate)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	where := chat.Where{Channel: c.ID, Private: in.private()}
	list := ids(where)
	if err := a.cfg.Chat.Remove(bounded, where, list); err != nil {
		return nil, a.problem(err)
	}
	a.cfg.People.Note(c.ID, callerOf(ctx), did, fmt.Sprintf("%d in the room of the %s", len(list), in.Room))
	return nil, nil
}

func (a *API) removeMessage(ctx context.Context, in *messageInput) (*struct{}, error) {
	return a.removed(ctx, &in.RoomInput, "chat.remove", func(chat.Where) []string { return []string{in.ID} })
}

func (a *API) clearChat(ctx context.Context, in *RoomInput) (*struct{}, error) {
	return a.removed(ctx, in, "chat.clear", func(w chat.Where) []string { ids, _, _ := a.cfg.Chat.Of(ctx, w, ""); return ids })
}

func (a *API) releaseMessage(ctx context.Context, in *messageInput) (*saidOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Moderate)
	if err != nil {
		return nil, err
	}
	m, err := a.cfg.Chat.Release(ctx, c.ID, in.ID, a.ahead(c.Slug))
	if err != nil {
		return nil, a.problem(err)
	}
	a.cfg.People.Note(c.ID, callerOf(ctx), "chat.release", m.Name)
	return &saidOutput{http.StatusOK, chat.Said{Message: m}}, nil
}

func (a *API) ban(ctx context.Context, in *banInput) (*rulesOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Moderate)
	if err != nil {
		return nil, err
	}
	for _, m := range c.Members {
		if chat.Account(c.ID, m.Account) == in.Body.Who {
			return nil, huma.Error409Conflict("that person works on the channel: take the role away first")
		}
	}
	where := chat.Where{Channel: c.ID}
	ids, mark, name := a.cfg.Chat.Of(ctx, where, in.Body.Who)
	if len(ids) == 0 {
		return nil, a.problem(chat.ErrNotFound)
	}
	if in.Body.Who[0] != 'g' {
		mark = ""
	}
	did := "chat.ban"
	if in.Body.Seconds > 0 {
		did = "chat.time-out"
	}
	life := time.Duration(in.Body.Seconds) * time.Second
	out, err := a.ruled(ctx, in.Channel, did, func(_ *channel.Channel, r *chat.Rules) (string, error) {
		b, err := r.Ban(chat.Ban{Who: in.Body.Who, Mark: mark, Name: name, Reason: in.Body.Reason, By: callerOf(ctx).Name()}, life, a.now())
		detail := b.Name
		if life > 0 {
			detail += " for " + life.String()
		}
		return detail, err
	})
	if err == nil && in.Body.Erase {
		_, err = a.removed(ctx, &RoomInput{Channel: in.Channel, Room: "viewers"}, "chat.remove", func(chat.Where) []string { return ids })
	}
	return out, err
}

func (a *API) liftBan(ctx context.Context, in *liftInput) (*rulesOutput, error) {
	return a.ruled(ctx, in.Channel, "chat.lift", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		b, err := r.Lift(in.ID)
		return b.Name, err
	})
}

func (a *API) beginPoll(ctx context.Context, in *newPollInput) (*rulesOutput, error) {
	p, err := chat.NewPoll(in.Body.Question, in.Body.Options, a.now())
	if err != nil {
		return nil, a.problem(err)
	}
	return a.ruled(ctx, in.Channel, "chat.poll", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		r.Poll = p
		return p.Question, nil
	})
}

func (a *API) endPoll(ctx context.Context, in *endPollInput) (*rulesOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Moderate)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	rules, err := a.cfg.Chat.EndPoll(bounded, c.ID, in.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "chat.poll.end", rules.Poll.Question)
	return shownRules(c, rules), nil
}

func (a *API) removePoll(ctx context.Context, in *endPollInput) (*rulesOutput, error) {
	return a.ruled(ctx, in.Channel, "chat.poll.remove", func(_ *channel.Channel, r *chat.Rules) (string, error) {
		if r.Poll == nil || r.Poll.ID != in.ID {
			return "", chat.ErrNotFound
		}
		question := r.Poll.Question
		r.Poll = nil
		return question, nil
	})
}
