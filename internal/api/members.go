package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Member is a person with a role in a channel.
type Member struct {
	Account string       `json:"account"`
	Name    string       `json:"name"`
	Email   string       `json:"email,omitempty" doc:"only for who may say who else works on the channel"`
	Role    channel.Role `json:"role" enum:"owner,producer,moderator"`
}

type membersOutput struct {
	Body struct {
		Members []Member `json:"members"`
	}
}

type roleInput struct {
	Channel string `path:"channel"`
	Account string `path:"account" maxLength:"40"`
	Body    struct {
		Role channel.Role `json:"role" enum:"owner,producer,moderator"`
	}
}

type memberInput struct {
	Channel string `path:"channel"`
	Account string `path:"account" maxLength:"40"`
}

type invitationInput struct {
	Body struct {
		Email    string       `json:"email,omitempty" maxLength:"254" doc:"whom to send the link to, if this server can send letters"`
		Channel  string       `json:"channel,omitempty" doc:"slug of the channel that it is to"`
		Role     channel.Role `json:"role,omitempty" enum:"owner,producer,moderator" doc:"in that channel"`
		Operator bool         `json:"operator,omitempty" doc:"make an operator of this server"`
		Uses     int          `json:"uses,omitempty" minimum:"0" maximum:"100" doc:"how often the link counts; default 1"`
	}
}

type invitationOutput struct {
	Body struct {
		Link    string    `json:"link" doc:"to hand over; it is shown this once"`
		Sent    bool      `json:"sent" doc:"it was sent to the e-mail address"`
		Expires time.Time `json:"expires"`
	}
}

// Invited is what an invitation is to.
type Invited struct {
	Email    string       `json:"email,omitempty"`
	Channel  string       `json:"channel,omitempty"`
	Title    string       `json:"title,omitempty" doc:"of the channel"`
	Role     channel.Role `json:"role,omitempty" enum:"owner,producer,moderator"`
	Operator bool         `json:"operator,omitempty"`
	Expires  time.Time    `json:"expires"`
}

type invitedOutput struct{ Body Invited }

type auditInput struct {
	Before int64 `query:"before" minimum:"0" doc:"only entries with a smaller number"`
}

type channelAuditInput struct {
	Channel string `path:"channel"`
	Before  int64  `query:"before" minimum:"0" doc:"only entries with a smaller number"`
}

type auditOutput struct {
	Body struct {
		Entries []account.Entry `json:"entries" doc:"newest first"`
	}
}

func (a *API) registerMembers(doc huma.API) {
	const tag = "channels"
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/members", "members", "Who works on a channel", tag, 200, true), a.members)
	huma.Register(doc, operation(http.MethodPut, "/channels/{channel}/members/{account}", "set-role", "Change somebody's role", tag, 200, true), a.setRole)
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/members/{account}", "remove-member", "Take somebody's role away; anybody may give up the own one", tag, 200, true), a.removeMember)
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/audit", "channel-audit", "Who changed what in a channel", tag, 200, true), a.channelAudit)
}

func (a *API) registerInvitations(doc huma.API) {
	const tag = "people"
	huma.Register(doc, operation(http.MethodPost, "/invitations", "invite", "Invite somebody to a channel, or to this server", tag, 201, true), a.invite)
	huma.Register(doc, operation(http.MethodPost, "/invitations/look", "look-invitation", "What an invitation is to", tag, 200, false), a.lookInvitation)
	huma.Register(doc, operation(http.MethodPost, "/invitations/accept", "accept-invitation", "Accept an invitation with the account that is signed in", tag, 200, true), bySelf(a, a.acceptInvitation))
}

func (a *API) members(ctx context.Context, in *channelInput) (*membersOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	return a.listMembers(ctx, c)
}

func (a *API) listMembers(ctx context.Context, c *channel.Channel) (*membersOutput, error) {
	out := &membersOutput{}
	out.Body.Members = []Member{}
	for _, m := range c.Members {
		who, err := a.cfg.People.Get(ctx, m.Account)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, a.problem(err)
		}
		line := Member{Account: m.Account, Name: who.Name, Role: m.Role}
		if callerOf(ctx).May(account.Members, c) {
			line.Email = who.Email
		}
		out.Body.Members = append(out.Body.Members, line)
	}
	return out, nil
}

func (a *API) setRole(ctx context.Context, in *roleInput) (*membersOutput, error) {
	who, err := a.cfg.People.Get(ctx, in.Account)
	if err != nil {
		return nil, a.problem(err)
	}
	c, err := a.changed(ctx, in.Channel, account.Members, "member.role", func(c *channel.Channel) (string, error) {
		if c.Role(who.ID) == "" && !callerOf(ctx).May(account.Operate, nil) {
			return "", fmt.Errorf("this person does not work on the channel yet: invite them: %w", channel.ErrNotFound)
		}
		return fmt.Sprintf("%s: %s → %s", who.Name, c.Role(who.ID), in.Body.Role), c.SetRole(who.ID, in.Body.Role)
	})
	if err != nil {
		return nil, err
	}
	return a.listMembers(ctx, c)
}

func (a *API) removeMember(ctx context.Context, in *memberInput) (*membersOutput, error) {
	needs := account.Members
	if caller := callerOf(ctx); in.Account == caller.ID() && caller.Scopes == nil {
		needs = account.See // everybody may leave
	}
	c, err := a.changed(ctx, in.Channel, needs, "member.remove", func(c *channel.Channel) (string, error) {
		if c.Role(in.Account) == "" {
			return "", fmt.Errorf("nobody of that id works on the channel: %w", channel.ErrNotFound)
		}
		return in.Account, c.SetRole(in.Account, "")
	})
	if err != nil {
		return nil, err
	}
	return a.listMembers(ctx, c)
}

func (a *API) invite(ctx context.Context, in *invitationInput) (*invitationOutput, error) {
	b := &in.Body
	i := account.Invitation{By: callerOf(ctx).ID(), Email: b.Email, Role: b.Role, Operator: b.Operator, Left: b.Uses}
	trail := account.FleetTrail
	if b.Channel != "" {
		c, err := a.channel(ctx, b.Channel, account.Members)
		if err != nil {
			return nil, err
		}
		i.Channel, i.ChannelID, trail = c.Slug, c.ID, c.ID
	}
	if b.Channel == "" || b.Operator {
		if err := a.allow(ctx, account.Operate, nil); err != nil {
			return nil, err
		}
	}
	made, path, sent, err := a.cfg.People.Invite(ctx, i)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, trail, "invite", fmt.Sprintf("%s %s", b.Role, b.Email))
	out := &invitationOutput{}
	out.Body.Link, out.Body.Sent, out.Body.Expires = visitorOf(ctx).origin+path, sent, made.Expires
	return out, nil
}

func (a *API) lookInvitation(ctx context.Context, in *linkInput) (*invitedOutput, error) {
	i, err := a.cfg.People.Invited(ctx, in.Body.Link)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &invitedOutput{Invited{Email: i.Email, Channel: i.Channel, Role: i.Role, Operator: i.Operator, Expires: i.Expires}}
	if i.Channel != "" {
		c, err := a.cfg.Channels.Get(i.Channel)
		if err != nil || c.ID != i.ChannelID {
			return nil, a.problem(account.ErrLink)
		}
		out.Body.Title = c.Title
	}
	return out, nil
}

func (a *API) acceptInvitation(ctx context.Context, who *account.Account, in *linkInput) (*meOutput, error) {
	i, err := a.cfg.People.Accept(ctx, who.ID, in.Body.Link)
	if err != nil {
		return nil, a.problem(err)
	}
	if err := a.join(ctx, who, i); err != nil {
		return nil, a.problem(err)
	}
	who, err = a.cfg.People.Get(ctx, who.ID)
	return a.showMe(ctx, who, err)
}

// join gives an account the role that it was invited to, unless it has one that may do more.
func (a *API) join(ctx context.Context, who *account.Account, i *account.Invitation) error {
	if i == nil || i.Channel == "" {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	c, err := a.cfg.Channels.Update(bounded, i.Channel, func(c *channel.Channel) error {
		if c.ID != i.ChannelID {
			return channel.ErrNotFound
		}
		if had := c.Role(who.ID); had == channel.Owner || had == channel.Producer && i.Role == channel.Moderator {
			return nil
		}
		return c.SetRole(who.ID, i.Role)
	})
	if err != nil {
		return err
	}
	a.noteAs(ctx, who, c.ID, "member.join", string(i.Role))
	return nil
}

func (a *API) channelAudit(ctx context.Context, in *channelAuditInput) (*auditOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Members)
	if err != nil {
		return nil, err
	}
	return a.audit(ctx, c.ID, in.Before)
}

func (a *API) audit(ctx context.Context, trail string, before int64) (*auditOutput, error) {
	entries, err := a.cfg.People.Trail().Read(ctx, trail, before)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &auditOutput{}
	out.Body.Entries = append([]account.Entry{}, entries...)
	return out, nil
}
