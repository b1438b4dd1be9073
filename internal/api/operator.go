package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
)

// Person is an account as an operator sees it.
type Person struct {
	ID        string     `json:"id"`
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Created   time.Time  `json:"created"`
	Confirmed *time.Time `json:"confirmed,omitempty"`
	Operator  bool       `json:"operator"`
	Owner     bool       `json:"owner"`
	Suspended string     `json:"suspended,omitempty" doc:"why"`
	Channels  int        `json:"channels" doc:"how many it owns"`
}

type peopleInput struct {
	After string `query:"after" maxLength:"40" doc:"id of the last one of the page before"`
}

type peopleOutput struct {
	Body struct {
		Accounts []Person `json:"accounts"`
		Next     string   `json:"next,omitempty"`
	}
}

type personOutput struct{ Body Person }

type accountInput struct {
	Account string `path:"account" maxLength:"40"`
}

type changePersonInput struct {
	Account string `path:"account" maxLength:"40"`
	Body    struct {
		Operator  *bool   `json:"operator,omitempty"`
		Suspended *string `json:"suspended,omitempty" maxLength:"500" doc:"a reason suspends the account; an empty one ends that"`
		Email     *string `json:"email,omitempty" maxLength:"254" doc:"counts as confirmed"`
	}
}

type passwordLinkOutput struct {
	Body struct {
		Link string `json:"link" doc:"to hand over: with it a new password can be set once, within an hour"`
	}
}

type settingsOutput struct{ Body account.Settings }

type settingsInput struct {
	Body struct {
		SignUp   *account.SignUp `json:"signUp,omitempty" enum:"open,invitation,closed"`
		Channels *int            `json:"channels,omitempty" doc:"how many channels an account may own"`
		Sources  *int            `json:"sources,omitempty" doc:"how many sources a channel may have"`
		Hours    *int            `json:"hours,omitempty" doc:"how many hours a channel may let viewers rewind"`
		NoKeep   *bool           `json:"noKeep,omitempty" doc:"channels may not keep everything"`
	}
}

const peoplePage = 100

func (a *API) registerOperator(doc huma.API) {
	const tag = "operator"
	huma.Register(doc, operation(http.MethodGet, "/accounts", "accounts", "All accounts, page by page", tag, 200, true), byOperator(a, a.accounts))
	huma.Register(doc, operation(http.MethodPatch, "/accounts/{account}", "change-account", "Suspend an account, make it an operator, or correct its address", tag, 200, true), byOperator(a, a.changePerson))
	huma.Register(doc, operation(http.MethodDelete, "/accounts/{account}", "delete-account", "Delete an account", tag, 204, true), byOperator(a, a.deletePerson))
	huma.Register(doc, operation(http.MethodPost, "/accounts/{account}/password-link", "password-link", "Make a one-time link for a new password", tag, 201, true), byOperator(a, a.passwordLink))
	huma.Register(doc, operation(http.MethodPost, "/accounts/{account}/own", "pass-on", "Make another account the owner; only the owner may", tag, 204, true), bySelf(a, a.passOn))
	huma.Register(doc, operation(http.MethodGet, "/settings", "settings", "Who may sign up, and how much an account and a channel may have", tag, 200, true), byOperator(a, a.settings))
	huma.Register(doc, operation(http.MethodPatch, "/settings", "change-settings", "Change that", tag, 200, true), byOperator(a, a.changeSettings))
	huma.Register(doc, operation(http.MethodGet, "/audit", "audit", "Who changed what on this server", tag, 200, true), byOperator(a, a.fleetAudit))
}

func (a *API) person(ctx context.Context, who *account.Account) (Person, error) {
	owner, err := a.cfg.People.IsOwner(ctx, who.ID)
	p := Person{
		ID: who.ID, Email: who.Email, Name: who.Name, Created: who.Created, Operator: who.Operator, Owner: owner,
		Suspended: who.Suspended, Channels: a.owns(who.ID),
	}
	if !who.Confirmed.IsZero() {
		p.Confirmed = &who.Confirmed
	}
	return p, err
}

func (a *API) accounts(ctx context.Context, in *peopleInput) (*peopleOutput, error) {
	all, next, err := a.cfg.People.All(ctx, in.After, peoplePage)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &peopleOutput{}
	out.Body.Accounts, out.Body.Next = []Person{}, next
	for _, who := range all {
		p, err := a.person(ctx, who)
		if err != nil {
			return nil, a.problem(err)
		}
		out.Body.Accounts = append(out.Body.Accounts, p)
	}
	return out, nil
}

func (a *API) changePerson(ctx context.Context, in *changePersonInput) (*personOutput, error) {
	who, err := a.cfg.People.Get(ctx, in.Account)
	if err != nil {
		return nil, a.problem(err)
	}
	if err := a.sparesOwner(ctx, who.ID); err != nil {
		return nil, err
	}
	b := &in.Body
	for _, change := range []struct {
		asked bool
		did   string
		do    func() (*account.Account, error)
	}{
		{b.Operator != nil, "account.operator", func() (*account.Account, error) { return a.cfg.People.SetOperator(ctx, who.ID, *b.Operator) }},
		{b.Suspended != nil, "account.suspend", func() (*account.Account, error) { return a.cfg.People.Suspend(ctx, who.ID, *b.Suspended) }},
		{b.Email != nil, "account.email", func() (*account.Account, error) { return a.cfg.People.SetEmail(ctx, who.ID, *b.Email, true) }},
	} {
		if !change.asked {
			continue
		}
		now, err := change.do()
		if err != nil {
			return nil, a.problem(err)
		}
		who = now
		a.note(ctx, account.FleetTrail, change.did, who.ID+" "+who.Name)
	}
	p, err := a.person(ctx, who)
	if err != nil {
		return nil, a.problem(err)
	}
	return &personOutput{p}, nil
}

// sparesOwner keeps operators from taking over the owner's account.
func (a *API) sparesOwner(ctx context.Context, id string) error {
	owner, err := a.cfg.People.IsOwner(ctx, id)
	if err != nil {
		return a.problem(err)
	}
	if caller := callerOf(ctx); owner && caller.ID() != id && !caller.Root {
		return a.problem(fmt.Errorf("%w: the owner's account can only be changed by the owner, or with the value of MAYFLY_ADMIN_TOKEN", errForbidden))
	}
	return nil
}

func (a *API) deletePerson(ctx context.Context, in *accountInput) (*struct{}, error) {
	who, err := a.cfg.People.Get(ctx, in.Account)
	if err != nil {
		return nil, a.problem(err)
	}
	return nil, a.removeAccount(ctx, who)
}

func (a *API) passwordLink(ctx context.Context, in *accountInput) (*passwordLinkOutput, error) {
	if err := a.sparesOwner(ctx, in.Account); err != nil {
		return nil, err
	}
	path, err := a.cfg.People.ResetLink(ctx, in.Account)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, account.FleetTrail, "account.password-link", in.Account)
	out := &passwordLinkOutput{}
	out.Body.Link = visitorOf(ctx).origin + path
	return out, nil
}

func (a *API) passOn(ctx context.Context, who *account.Account, in *accountInput) (*struct{}, error) {
	if owner, err := a.cfg.People.IsOwner(ctx, who.ID); err != nil {
		return nil, a.problem(err)
	} else if !owner {
		return nil, a.problem(fmt.Errorf("%w: only the owner of this server can make somebody else the owner", errForbidden))
	}
	if err := a.cfg.People.PassOn(ctx, who.ID, in.Account); err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, account.FleetTrail, "owner.pass-on", in.Account)
	return nil, nil
}

func (a *API) settings(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
	s, err := a.cfg.People.Settings(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	return &settingsOutput{s}, nil
}

func (a *API) changeSettings(ctx context.Context, in *settingsInput) (*settingsOutput, error) {
	s, err := a.cfg.People.ChangeSettings(ctx, func(s *account.Settings) {
		set(&s.SignUp, in.Body.SignUp)
		set(&s.Channels, in.Body.Channels)
		set(&s.Sources, in.Body.Sources)
		set(&s.Hours, in.Body.Hours)
		set(&s.NoKeep, in.Body.NoKeep)
	})
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, account.FleetTrail, "settings.change", fmt.Sprintf("sign-up %s; channels %d; sources %d; hours %d; keep all %v", s.SignUp, s.Channels, s.Sources, s.Hours, !s.NoKeep))
	return &settingsOutput{s}, nil
}

func (a *API) fleetAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	return a.audit(ctx, account.FleetTrail, in.Before)
}
