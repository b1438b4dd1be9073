package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Me is the signed-in person, as the person sees it.
type Me struct {
	account.Export
	Channels []MyChannel `json:"channels" doc:"in which the person has a role"`
	Owner    bool        `json:"owner" doc:"the account that runs this server and cannot be deleted"`
}

// MyChannel is a channel and what one may do in it.
type MyChannel struct {
	Slug  string       `json:"slug"`
	Title string       `json:"title"`
	Role  channel.Role `json:"role" enum:"owner,producer,moderator"`
}

// Session says who is signed in, and how somebody could.
type Session struct {
	Me       *Me            `json:"me,omitempty" doc:"absent if nobody is signed in"`
	SignUp   account.SignUp `json:"signUp" enum:"open,invitation,closed" doc:"who may make an account"`
	Letters  bool           `json:"letters" doc:"this server can send letters"`
	Provider string         `json:"provider,omitempty" doc:"name of the other service that one can sign in with, at /login/oidc"`
	Owned    bool           `json:"owned" doc:"the owner's account was made"`
}

type sessionOutput struct {
	Cookies []string `header:"Set-Cookie"`
	Body    Session
}

type cookieOutput struct {
	Cookies []string `header:"Set-Cookie"`
}

// operation describes one operation; signed ones need somebody.
func operation(method, path, id, summary, tag string, status int, signed bool) huma.Operation {
	o := huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxBody, Tags: []string{tag}}
	if signed {
		o.Security = signedIn
	}
	return o
}

// raw marks an operation whose body is read by a library that checks it better than we could.
func raw(o huma.Operation) huma.Operation {
	o.SkipValidateBody = true
	return o
}

type signInInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"256"`
	}
}

type signUpInput struct {
	Body struct {
		Email      string `json:"email" maxLength:"254"`
		Name       string `json:"name,omitempty" maxLength:"80" doc:"that others see; what stands before @ if absent"`
		Password   string `json:"password" maxLength:"256" doc:"at least 10 characters"`
		Invitation string `json:"invitation,omitempty" maxLength:"200" doc:"what stands behind # in the link of an invitation"`
	}
}

type setupInput struct {
	Body struct {
		Link     string `json:"link" maxLength:"2000" doc:"what stands behind # in the link that the log prints"`
		Email    string `json:"email" maxLength:"254"`
		Name     string `json:"name,omitempty" maxLength:"80"`
		Password string `json:"password" maxLength:"256"`
	}
}

type linkInput struct {
	Body struct {
		Link string `json:"link" maxLength:"2000" doc:"what stands behind # in the link"`
	}
}

type passwordLinkInput struct {
	Body struct {
		Link     string `json:"link" maxLength:"2000" doc:"what stands behind # in the link"`
		Password string `json:"password" maxLength:"256" doc:"at least 10 characters"`
	}
}

type emailInput struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

func (a *API) registerSessions(doc huma.API) {
	const tag = "people"
	huma.Register(doc, operation(http.MethodGet, "/session", "session", "Who is signed in", tag, 200, false), a.session)
	huma.Register(doc, operation(http.MethodPost, "/session", "sign-in", "Sign in with a password", tag, 200, false), a.signIn)
	huma.Register(doc, operation(http.MethodDelete, "/session", "sign-out", "Sign out here", tag, 204, false), a.signOut)
	huma.Register(doc, operation(http.MethodPost, "/session/passkey/begin", "ask-passkey", "Begin to sign in with a passkey", tag, 200, false), a.askPasskey)
	huma.Register(doc, raw(operation(http.MethodPost, "/session/passkey", "sign-in-passkey", "Sign in with a passkey", tag, 200, false)), a.byPasskey)
	huma.Register(doc, operation(http.MethodPost, "/setup/check", "check-setup", "Whether a setup link counts", tag, 204, false), a.checkSetup)
	huma.Register(doc, operation(http.MethodPost, "/setup", "setup", "Make the owner's account", tag, 201, false), a.setup)
	huma.Register(doc, operation(http.MethodPost, "/accounts", "sign-up", "Make an account", tag, 201, false), a.signUp)
	huma.Register(doc, operation(http.MethodPost, "/passwords/forgot", "forgot-password", "Ask for a letter with a link for a new password", tag, 202, false), a.forgot)
	huma.Register(doc, operation(http.MethodPost, "/passwords", "reset-password", "Set a password with such a link", tag, 200, false), a.reset)
	huma.Register(doc, operation(http.MethodPost, "/confirmations", "confirm", "Confirm an e-mail address with the link in a letter", tag, 204, false), a.confirm)
}

// begin signs an account in: the cookie, and what the page wants to know.
func (a *API) begin(ctx context.Context, who *account.Account, err error) (*sessionOutput, error) {
	if err != nil {
		return nil, a.problem(err)
	}
	text, err := a.cfg.People.NewSession(ctx, who)
	if err != nil {
		return nil, a.problem(err)
	}
	out, err := a.describe(ctx, &account.Caller{Account: who})
	if err != nil {
		return nil, err
	}
	out.Cookies = []string{sessionCookie(visitorOf(ctx), text)}
	return out, nil
}

// describe says who is signed in and how one could.
func (a *API) describe(ctx context.Context, who *account.Caller) (*sessionOutput, error) {
	settings, err := a.cfg.People.Settings(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	owned, err := a.cfg.People.Owned(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &sessionOutput{Body: Session{SignUp: settings.SignUp, Letters: a.cfg.People.CanWrite(), Provider: a.cfg.People.ProviderName(), Owned: owned}}
	if who != nil && who.Account != nil && who.Scopes == nil {
		me, err := a.aboutMe(ctx, who.Account)
		if err != nil {
			return nil, a.problem(err)
		}
		out.Body.Me = me
	}
	return out, nil
}

// aboutMe is what a person may see of the own account.
func (a *API) aboutMe(ctx context.Context, who *account.Account) (*Me, error) {
	owner, err := a.cfg.People.IsOwner(ctx, who.ID)
	if err != nil {
		return nil, err
	}
	me := &Me{Export: who.Export(), Channels: []MyChannel{}, Owner: owner}
	for _, c := range a.cfg.Channels.Of(who.ID) {
		me.Channels = append(me.Channels, MyChannel{c.Slug, c.Title, c.Role(who.ID)})
	}
	return me, nil
}

func (a *API) session(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	return a.describe(ctx, callerOf(ctx))
}

func (a *API) signIn(ctx context.Context, in *signInInput) (*sessionOutput, error) {
	who, err := a.cfg.People.SignIn(ctx, in.Body.Email, in.Body.Password, visitorOf(ctx).from)
	return a.begin(ctx, who, err)
}

func (a *API) signOut(ctx context.Context, _ *struct{}) (*cookieOutput, error) {
	return &cookieOutput{[]string{cookie(visitorOf(ctx), cookieName, "", -1)}}, nil
}

func (a *API) checkSetup(ctx context.Context, in *linkInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.People.CheckSetup(ctx, in.Body.Link))
}

func (a *API) setup(ctx context.Context, in *setupInput) (*sessionOutput, error) {
	who, err := a.cfg.People.Setup(ctx, in.Body.Link, account.Profile{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password}, visitorOf(ctx).from)
	if err == nil {
		a.noteAs(ctx, who, account.FleetTrail, "owner.create", who.Email)
	}
	return a.begin(ctx, who, err)
}

func (a *API) signUp(ctx context.Context, in *signUpInput) (*sessionOutput, error) {
	profile := account.Profile{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password}
	who, invited, err := a.cfg.People.SignUp(ctx, profile, in.Body.Invitation, visitorOf(ctx).from)
	if err != nil {
		return nil, a.problem(err)
	}
	a.noteAs(ctx, who, account.FleetTrail, "account.create", who.Email)
	if err := a.join(ctx, who, invited); err != nil {
		a.cfg.Log.Warn("a new account did not get the role it was invited to", "account", who.ID, "channel", invited.Channel, "error", err)
	}
	return a.begin(ctx, who, nil)
}

func (a *API) forgot(ctx context.Context, in *emailInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.People.ForgotPassword(ctx, in.Body.Email, visitorOf(ctx).from))
}

func (a *API) reset(ctx context.Context, in *passwordLinkInput) (*sessionOutput, error) {
	who, err := a.cfg.People.Reset(ctx, in.Body.Link, in.Body.Password, visitorOf(ctx).from)
	return a.begin(ctx, who, err)
}

func (a *API) confirm(ctx context.Context, in *linkInput) (*struct{}, error) {
	_, err := a.cfg.People.Confirm(ctx, in.Body.Link)
	return nil, a.problem(err)
}

type passkeyOutput struct {
	Cookies []string `header:"Set-Cookie"`
	Body    any      `json:"options"`
}

type passkeyInput struct {
	RawBody []byte `contentType:"application/json"`
	Kept    string `cookie:"mayfly-passkey"`
	Secured string `cookie:"__Host-mayfly-passkey"`
}

// pick returns the cookie that was set for the way that the request came.
func (v visitor) pick(plain, secured string) string {
	if v.secure {
		return secured
	}
	return plain
}

const (
	passkeyCookie = "mayfly-passkey"
	passkeyAge    = 300 // seconds
)

func (a *API) askPasskey(ctx context.Context, _ *struct{}) (*passkeyOutput, error) {
	v := visitorOf(ctx)
	options, keep, err := a.cfg.People.AskPasskey(ctx, v.origin)
	if err != nil {
		return nil, a.problem(err)
	}
	return &passkeyOutput{[]string{cookie(v, passkeyCookie, keep, passkeyAge)}, options}, nil
}

func (a *API) byPasskey(ctx context.Context, in *passkeyInput) (*sessionOutput, error) {
	v := visitorOf(ctx)
	who, err := a.cfg.People.ByPasskey(ctx, v.origin, v.pick(in.Kept, in.Secured), bytes.NewReader(in.RawBody), v.from)
	return a.begin(ctx, who, err)
}
