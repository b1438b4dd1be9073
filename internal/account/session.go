package account

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// SessionLife is how long somebody stays signed in who does not come back, and a session's cookie is kept.
	SessionLife = 30 * 24 * time.Hour
	// sessionRenew is the age at which a session that is used is replaced by a new one.
	sessionRenew = 24 * time.Hour
)

// Session is a signed-in person.
type Session struct {
	Caller *Caller
	// Renewed is the new text of a session that has come of age, "" otherwise.
	Renewed string
}

// NewSession returns the text of a session, to be kept in a cookie for SessionLife.
func (p *People) NewSession(ctx context.Context, a *Account) (string, error) {
	return p.signer.sign(ctx, forSession, claims{RegisteredClaims: jwt.RegisteredClaims{Subject: a.ID}, Epoch: a.Epoch}, SessionLife)
}

// BySession returns who a session belongs to, or ErrLink. It needs no store of sessions: the text is
// signed, and the account says from which epoch on sessions count.
func (p *People) BySession(ctx context.Context, text string) (Session, error) {
	c, err := p.signer.verify(ctx, forSession, text)
	if err != nil {
		return Session{}, err
	}
	a, err := p.store.get(ctx, c.Subject)
	if isNone(err) {
		return Session{}, ErrLink
	}
	if err != nil {
		return Session{}, err
	}
	if a.Epoch != c.Epoch {
		return Session{}, ErrLink
	}
	if a.Suspended != "" {
		return Session{}, fmt.Errorf("%w: %s", ErrSuspended, a.Suspended)
	}
	s := Session{Caller: &Caller{Account: a}}
	if p.now().Sub(c.IssuedAt.Time) > sessionRenew {
		s.Renewed, err = p.NewSession(ctx, a)
	}
	return s, err
}
