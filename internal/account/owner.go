package account

import (
	"context"
	"errors"
	"strings"
	"time"
)

const ownerKey = "people/owner"

// ownerDocument names the account that was made first, or was made the owner since. It cannot be deleted
// or suspended, so that a fleet always has somebody who runs it.
type ownerDocument struct {
	Account string    `json:"account"`
	Since   time.Time `json:"since"`
}

const setupLife = 24 * time.Hour

// ErrOwned is returned to who comes with a setup link after the owner's account was made.
var ErrOwned = errors.New("the owner's account was made already: sign in, or ask the owner for an invitation")

// ownerID returns the owner's account, "" while there is none.
func (p *People) ownerID(ctx context.Context) (string, error) {
	o, err := p.owner.get(ctx)
	return o.Account, err
}

// Owned reports whether there is an owner.
func (p *People) Owned(ctx context.Context) (bool, error) {
	id, err := p.ownerID(ctx)
	return id != "", err
}

// IsOwner reports whether an account is the owner's.
func (p *People) IsOwner(ctx context.Context, id string) (bool, error) {
	owner, err := p.ownerID(ctx)
	return id != "" && owner == id, err
}

// SetupLink returns a link that makes the owner's account, or "" if there is one.
func (p *People) SetupLink(ctx context.Context) (string, error) {
	owned, err := p.Owned(ctx)
	if err != nil || owned {
		return "", err
	}
	text, err := p.signer.sign(ctx, forSetup, claims{}, setupLife)
	if err != nil {
		return "", err
	}
	return p.absolute(link("setup", text)), nil
}

// link is the path of a page that takes a secret. The secret stands behind #, so that it is in no log of a
// proxy and in no Referer.
func link(page, secret string) string { return "/login/" + page + "#" + secret }

// absolute gives a path the address that people outside know us by.
func (p *People) absolute(path string) string { return strings.TrimSuffix(p.cfg.Public(), "/") + path }

// CheckSetup says whether a setup link still counts.
func (p *People) CheckSetup(ctx context.Context, text string) error {
	owned, err := p.Owned(ctx)
	if err != nil {
		return err
	}
	if owned {
		return ErrOwned
	}
	_, err = p.signer.verify(ctx, forSetup, text)
	return err
}

// Setup makes the owner's account for who holds a setup link. Of two who come at once, one gets it.
func (p *People) Setup(ctx context.Context, text string, f Profile, from string) (*Account, error) {
	if err := p.limits.take(linkTries, from); err != nil {
		return nil, err
	}
	if err := p.CheckSetup(ctx, text); err != nil {
		return nil, err
	}
	f.Proven = true // whoever reads the log runs the fleet
	a, err := p.newAccount(ctx, f)
	if err != nil {
		return nil, err
	}
	a.Operator = true
	err = p.store.create(ctx, a)
	if errors.Is(err, ErrExists) { // an earlier try got so far
		if a, err = p.SignIn(ctx, f.Email, f.Password, from); err == nil {
			a, err = p.store.update(ctx, a.ID, func(a *Account) error { a.Operator = true; return nil })
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = p.owner.update(ctx, func(o *ownerDocument) error {
		if o.Account != "" && o.Account != a.ID {
			return ErrOwned
		}
		o.Account, o.Since = a.ID, p.now().UTC()
		return nil
	})
	if errors.Is(err, ErrOwned) {
		if err := p.erase(context.WithoutCancel(ctx), a.ID); err != nil {
			p.log.Warn("an account that came too late to be the owner's stays", "account", a.ID, "error", err)
		}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// PassOn makes another account the owner. Nothing is changed unless from is the owner: the new one has to be an operator
// before, so that the owner always is.
func (p *People) PassOn(ctx context.Context, from, to string) error {
	if owner, err := p.ownerID(ctx); err != nil {
		return err
	} else if owner != from {
		return errNotOwner
	}
	if _, err := p.store.update(ctx, to, func(a *Account) error {
		if a.Suspended != "" {
			return ErrSuspended
		}
		a.Operator = true
		return nil
	}); err != nil {
		return err
	}
	_, err := p.owner.update(ctx, func(o *ownerDocument) error {
		if o.Account != from {
			return errNotOwner
		}
		o.Account, o.Since = to, p.now().UTC()
		return nil
	})
	return err
}

var errNotOwner = invalid("only the owner can make somebody else the owner")

// SetOperator says whether an account runs the fleet. The owner always does.
func (p *People) SetOperator(ctx context.Context, id string, operator bool) (*Account, error) {
	owner, err := p.ownerID(ctx)
	if err != nil {
		return nil, err
	}
	if id == owner && !operator {
		return nil, ErrOwner
	}
	return p.store.update(ctx, id, func(a *Account) error { a.Operator = operator; return nil })
}
