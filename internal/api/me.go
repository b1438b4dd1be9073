package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

type meOutput struct{ Body Me }

type exportOutput struct {
	Disposition string `header:"Content-Disposition"`
	Body        Me
}

type renameInput struct {
	Body struct {
		Name string `json:"name" maxLength:"80"`
	}
}

type newPasswordInput struct {
	Body struct {
		Present  string `json:"present,omitempty" maxLength:"256" doc:"the present password, if there is one"`
		Password string `json:"password" maxLength:"256" doc:"at least 10 characters"`
	}
}

type deleteMeInput struct {
	Body struct {
		Email string `json:"email" maxLength:"254" doc:"the account's address, so that it is not deleted by mistake"`
	}
}

type tokenInput struct {
	Body struct {
		Name   string          `json:"name" maxLength:"60" doc:"what it is for"`
		Scopes []account.Scope `json:"scopes" enum:"read,produce,manage,operate" maxItems:"4"`
		Days   int             `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"how long it lasts; 0: until it is revoked"`
	}
}

type tokenOutput struct {
	Body struct {
		ID    string `json:"id"`
		Token string `json:"token" doc:"shown this once"`
	}
}

type tokenIDInput struct {
	Token string `path:"token" maxLength:"20"`
}

type newPasskeyInput struct {
	RawBody []byte `contentType:"application/json"`
	Kept    string `cookie:"mayfly-passkey"`
	Secured string `cookie:"__Host-mayfly-passkey"`
	Name    string `query:"name" maxLength:"80" doc:"what the person calls the passkey"`
}

type passkeyIDInput struct {
	Number int `path:"number" minimum:"0" doc:"counts from 0 in the order of the account's passkeys"`
}

func (a *API) registerMe(doc huma.API) {
	const tag = "me"
	huma.Register(doc, operation(http.MethodGet, "/me", "me", "One's own account", tag, 200, true), bySelf(a, a.me))
	huma.Register(doc, operation(http.MethodGet, "/me/export", "export", "All that is kept of one's own account, as a file", tag, 200, true), bySelf(a, a.export))
	huma.Register(doc, operation(http.MethodPatch, "/me", "rename", "Change the name that others see", tag, 200, true), bySelf(a, a.rename))
	huma.Register(doc, operation(http.MethodDelete, "/me", "delete-me", "Delete one's own account", tag, 204, true), bySelf(a, a.deleteMe))
	huma.Register(doc, operation(http.MethodPut, "/me/email", "change-email", "Change the e-mail address, or ask for the letter again", tag, 202, true), bySelf(a, a.changeEmail))
	huma.Register(doc, operation(http.MethodPut, "/me/password", "change-password", "Set a new password, and sign out everywhere else", tag, 200, true), bySelf(a, a.changePassword))
	huma.Register(doc, operation(http.MethodPost, "/me/sessions/end", "end-sessions", "Sign out everywhere else", tag, 200, true), bySelf(a, a.endSessions))
}

func (a *API) registerKeys(doc huma.API) {
	const tag = "me"
	huma.Register(doc, operation(http.MethodPost, "/me/tokens", "make-token", "Make a token for a program", tag, 201, true), bySelf(a, a.makeToken))
	huma.Register(doc, operation(http.MethodDelete, "/me/tokens/{token}", "revoke-token", "Revoke a token", tag, 204, true), bySelf(a, a.revokeToken))
	huma.Register(doc, operation(http.MethodPost, "/me/passkeys/begin", "begin-passkey", "Begin to add a passkey", tag, 200, true), bySelf(a, a.beginPasskey))
	huma.Register(doc, raw(operation(http.MethodPost, "/me/passkeys", "add-passkey", "Add a passkey", tag, 200, true)), bySelf(a, a.addPasskey))
	huma.Register(doc, operation(http.MethodDelete, "/me/passkeys/{number}", "remove-passkey", "Remove a passkey", tag, 204, true), bySelf(a, a.removePasskey))
}

// showMe answers with the account as it is after a change.
func (a *API) showMe(ctx context.Context, who *account.Account, err error) (*meOutput, error) {
	if err != nil {
		return nil, a.problem(err)
	}
	me, err := a.aboutMe(ctx, who)
	if err != nil {
		return nil, a.problem(err)
	}
	return &meOutput{*me}, nil
}

func (a *API) me(ctx context.Context, who *account.Account, _ *struct{}) (*meOutput, error) {
	return a.showMe(ctx, who, nil)
}

func (a *API) export(ctx context.Context, who *account.Account, _ *struct{}) (*exportOutput, error) {
	out, err := a.showMe(ctx, who, nil)
	if err != nil {
		return nil, err
	}
	return &exportOutput{`attachment; filename="mayfly-account.json"`, out.Body}, nil
}

func (a *API) rename(ctx context.Context, who *account.Account, in *renameInput) (*meOutput, error) {
	who, err := a.cfg.People.Rename(ctx, who.ID, in.Body.Name)
	return a.showMe(ctx, who, err)
}

func (a *API) deleteMe(ctx context.Context, who *account.Account, in *deleteMeInput) (*cookieOutput, error) {
	if in.Body.Email != who.Email {
		return nil, huma.Error422UnprocessableEntity("that is not this account's e-mail address: nothing was deleted")
	}
	if err := a.removeAccount(ctx, who); err != nil {
		return nil, err
	}
	return a.signOut(ctx, nil)
}

// removeAccount takes a person out of all channels and deletes the account. A channel that would be left
// without an owner stands in the way.
func (a *API) removeAccount(ctx context.Context, who *account.Account) error {
	owner, err := a.cfg.People.IsOwner(ctx, who.ID)
	if err == nil && owner {
		err = account.ErrOwner
	}
	if err != nil {
		return a.problem(err)
	}
	mine := a.cfg.Channels.Of(who.ID)
	for _, c := range mine {
		copied := *c
		if err := copied.SetRole(who.ID, ""); err != nil {
			return a.problem(fmt.Errorf("%w in the channel “%s”: make somebody else its owner, or delete it first", account.ErrLast, c.Slug))
		}
	}
	for _, c := range mine {
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		_, err := a.cfg.Channels.Update(bounded, c.Slug, func(c *channel.Channel) error { return c.SetRole(who.ID, "") })
		cancel()
		if err != nil {
			return a.problem(err)
		}
	}
	if err := a.cfg.People.Delete(ctx, who.ID); err != nil {
		return a.problem(err)
	}
	a.note(ctx, account.FleetTrail, "account.delete", who.ID)
	return nil
}

func (a *API) changeEmail(ctx context.Context, who *account.Account, in *emailInput) (*struct{}, error) {
	if a.cfg.People.CanWrite() {
		return nil, a.problem(a.cfg.People.AskConfirm(ctx, who.ID, in.Body.Email))
	}
	_, err := a.cfg.People.SetEmail(ctx, who.ID, in.Body.Email, false)
	return nil, a.problem(err)
}

func (a *API) changePassword(ctx context.Context, who *account.Account, in *newPasswordInput) (*sessionOutput, error) {
	who, err := a.cfg.People.SetPassword(ctx, who.ID, in.Body.Present, in.Body.Password, visitorOf(ctx).from)
	return a.begin(ctx, who, err)
}

func (a *API) endSessions(ctx context.Context, who *account.Account, _ *struct{}) (*sessionOutput, error) {
	who, err := a.cfg.People.EndSessions(ctx, who.ID)
	return a.begin(ctx, who, err)
}

func (a *API) makeToken(ctx context.Context, who *account.Account, in *tokenInput) (*tokenOutput, error) {
	t, text, err := a.cfg.People.MakeToken(ctx, who.ID, in.Body.Name, in.Body.Scopes, time.Duration(in.Body.Days)*24*time.Hour)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, account.FleetTrail, "token.create", t.Name)
	out := &tokenOutput{}
	out.Body.ID, out.Body.Token = t.ID, text
	return out, nil
}

func (a *API) revokeToken(ctx context.Context, who *account.Account, in *tokenIDInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.People.RevokeToken(ctx, who.ID, in.Token))
}

func (a *API) beginPasskey(ctx context.Context, who *account.Account, _ *struct{}) (*passkeyOutput, error) {
	v := visitorOf(ctx)
	options, keep, err := a.cfg.People.BeginPasskey(ctx, who.ID, v.origin)
	if err != nil {
		return nil, a.problem(err)
	}
	return &passkeyOutput{[]string{cookie(v, passkeyCookie, keep, passkeyAge)}, options}, nil
}

func (a *API) addPasskey(ctx context.Context, who *account.Account, in *newPasskeyInput) (*meOutput, error) {
	v := visitorOf(ctx)
	who, err := a.cfg.People.AddPasskey(ctx, who.ID, v.origin, v.pick(in.Kept, in.Secured), in.Name, bytes.NewReader(in.RawBody))
	return a.showMe(ctx, who, err)
}

func (a *API) removePasskey(ctx context.Context, who *account.Account, in *passkeyIDInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.People.RemovePasskey(ctx, who.ID, in.Number))
}
