package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Mailer sends letters to people. Without one the fleet sends none.
type Mailer interface {
	// Send sends a letter of plain text. It returns when the mail server has taken it.
	Send(ctx context.Context, to, subject, text string) error
}

// Config says what People is made of.
type Config struct {
	Docs *bucket.Documents
	Mail Mailer // nil: no letters; an operator makes links and hands them over
	// Public is the address that links in letters and in the log begin with, such as https://tv.example.org.
	Public func() string
	OIDC   OIDCConfig
	Log    *slog.Logger
	Now    func() time.Time // nil: the clock
}

// People are the accounts of a fleet, as one node serves them. All methods are safe for concurrent use.
type People struct {
	cfg        Config
	store      *store
	signer     *signer
	hasher     *hasher
	limits     *limits
	trail      *Trail
	oidc       *provider // nil without one
	log        *slog.Logger
	now        func() time.Time
	notes      chan note
	background sync.WaitGroup // letters that nobody waits for; Run does at its end
	options    cached[Settings]
	owner      cached[ownerDocument]
}

// NewPeople makes the accounts of the fleet whose bucket the documents lie in. It asks nobody yet.
func NewPeople(cfg Config) (*People, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &People{cfg: cfg, log: cfg.Log, now: cfg.Now, signer: newSigner(cfg.Docs, cfg.Now), notes: make(chan note, maxNotes)}
	var err error
	if p.store, err = newStore(cfg.Docs, cfg.Now); err != nil {
		return nil, err
	}
	if p.hasher, err = newHasher(); err != nil {
		return nil, err
	}
	if p.limits, err = newLimits(cfg.Now); err != nil {
		return nil, err
	}
	if p.oidc, err = newProvider(cfg.OIDC); err != nil {
		return nil, err
	}
	p.trail = NewTrail(cfg.Docs, cfg.Now)
	p.options = cached[Settings]{docs: cfg.Docs, key: settingsKey, now: cfg.Now}
	p.owner = cached[ownerDocument]{docs: cfg.Docs, key: ownerKey, now: cfg.Now}
	return p, nil
}

// Trail is where what people change is noted.
func (p *People) Trail() *Trail { return p.trail }

// Run prints the link that makes the first account, while there is none, and keeps the audit trail. It
// returns when ctx has ended and everything that was begun is done.
func (p *People) Run(ctx context.Context) error {
	defer p.background.Wait()
	p.background.Go(func() { p.showSetup(ctx) })
	p.keepNotes(ctx)
	return nil
}

// showSetup prints the link that makes the owner's account.
func (p *People) showSetup(ctx context.Context) {
	for {
		link, err := p.SetupLink(ctx)
		if err == nil {
			if link != "" {
				p.log.Warn("there is no owner yet: whoever opens this link within 24 hours makes the owner's account", "link", link)
			}
			return
		}
		if ctx.Err() == nil {
			p.log.Warn("whether there is an owner could not be read; trying again", "error", err)
		}
		select {
		case <-time.After(setupAgain):
		case <-ctx.Done():
			return
		}
	}
}

// setupAgain is the time between two looks whether there is an owner, while the bucket is away.
const setupAgain = 5 * time.Second

// Profile is what a person says when an account is made.
type Profile struct {
	Email    string
	Name     string
	Password string // may be empty for who comes from an OpenID provider
	Login    Login
	Proven   bool // the e-mail address was proven, by whoever vouches for it
}

// newAccount makes an account from a profile, without storing it.
func (p *People) newAccount(ctx context.Context, f Profile) (*Account, error) {
	email, err := cleanEmail(f.Email)
	if err != nil {
		return nil, err
	}
	name, err := cleanName(f.Name, email)
	if err != nil {
		return nil, err
	}
	now := p.now().UTC().Truncate(time.Second)
	a := &Account{ID: newID(), Email: email, Name: name, Created: now}
	if f.Proven {
		a.Confirmed = now
	}
	if f.Login.Subject != "" {
		a.Logins = []Login{f.Login}
	}
	if f.Password == "" && len(a.Logins) > 0 {
		return a, nil
	}
	if err := checkPassword(f.Password, email, name); err != nil {
		return nil, err
	}
	a.Password, err = p.hasher.hash(ctx, f.Password)
	return a, err
}

// SignUp makes an account, as far as the fleet's settings allow. With an invitation it is confirmed if
// the invitation was sent to that address, and gets what it was invited to. from is where the request
// came from.
func (p *People) SignUp(ctx context.Context, f Profile, invitation, from string) (*Account, *Invitation, error) {
	if err := p.limits.take(signUpsFrom, from); err != nil {
		return nil, nil, err
	}
	var invited *Invitation
	if invitation != "" {
		var err error
		if invited, err = p.Invited(ctx, invitation); err != nil {
			return nil, nil, err
		}
		f.Proven = f.Proven || invited.Email != "" && fold(invited.Email) == fold(f.Email)
	} else if err := p.mayJoin(ctx); err != nil {
		return nil, nil, err
	}
	a, err := p.newAccount(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	a.Operator = invited != nil && invited.Operator
	if invited != nil {
		if err := p.useInvitation(ctx, invited); err != nil {
			return nil, nil, err
		}
	}
	if err := p.store.create(ctx, a); err != nil {
		if invited != nil {
			p.returnInvitation(ctx, invited)
		}
		return nil, nil, err
	}
	p.welcome(ctx, a)
	return a, invited, nil
}

// mayJoin returns ErrClosed unless anybody may sign up.
func (p *People) mayJoin(ctx context.Context) error {
	s, err := p.Settings(ctx)
	if err != nil {
		return err
	}
	if s.SignUp != SignUpOpen {
		return ErrClosed
	}
	return nil
}

// SignIn returns the account of an e-mail address and a password, or ErrRefused.
func (p *People) SignIn(ctx context.Context, email, password, from string) (*Account, error) {
	who := fold(email)
	for _, l := range []struct {
		allowance
		who string
	}{{signInsFrom, from}, {signInsBoth, who + " " + from}, {signInsOf, who}} {
		if err := p.limits.take(l.allowance, l.who); err != nil {
			return nil, err
		}
	}
	a, err := p.store.find(ctx, emailName(email))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	stored := ""
	if a != nil {
		stored = a.Password
	}
	ok, err := p.hasher.matches(ctx, password, stored)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrRefused
	}
	return admitted(a)
}

// admitted returns an account that has proven itself, unless it is suspended.
func admitted(a *Account) (*Account, error) {
	if a.Suspended != "" {
		return nil, fmt.Errorf("%w: %s", ErrSuspended, a.Suspended)
	}
	return a, nil
}

// Get returns an account, or ErrNotFound. The caller must not change it.
func (p *People) Get(ctx context.Context, id string) (*Account, error) { return p.store.get(ctx, id) }

// ByEmail returns the account with that e-mail address, or ErrNotFound. The caller must not change it.
func (p *People) ByEmail(ctx context.Context, email string) (*Account, error) {
	return p.store.find(ctx, emailName(email))
}

// All returns accounts in the order of their ids, at most limit of them, after the one named; next is
// where the following page begins, "" at the end.
func (p *People) All(ctx context.Context, after string, limit int) (accounts []*Account, next string, err error) {
	return p.store.all(ctx, after, limit)
}

// Rename changes the name that others see.
func (p *People) Rename(ctx context.Context, id, name string) (*Account, error) {
	return p.store.update(ctx, id, func(a *Account) error {
		clean, err := cleanName(name, a.Email)
		a.Name = clean
		return err
	})
}

// SetPassword gives an account a new password, and ends all its sessions. Who knows the present one
// must say it, unless there is none yet.
func (p *People) SetPassword(ctx context.Context, id, present, password, from string) (*Account, error) {
	a, err := p.store.get(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.Password != "" {
		if err := p.limits.take(signInsBoth, a.ID+" "+from); err != nil {
			return nil, err
		}
		ok, err := p.hasher.matches(ctx, present, a.Password)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, invalid("the present password is another one")
		}
	}
	return p.setPassword(ctx, a, a.Epoch, password)
}

// setPassword stores a password if nobody ended the account's sessions since the epoch.
func (p *People) setPassword(ctx context.Context, a *Account, epoch int, password string) (*Account, error) {
	if err := checkPassword(password, a.Email, a.Name); err != nil {
		return nil, err
	}
	hash, err := p.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return p.store.update(ctx, a.ID, func(a *Account) error {
		if a.Epoch != epoch {
			return ErrLink
		}
		a.Password = hash
		a.Epoch++
		return nil
	})
}

// EndSessions signs an account out everywhere.
func (p *People) EndSessions(ctx context.Context, id string) (*Account, error) {
	return p.store.update(ctx, id, func(a *Account) error { a.Epoch++; return nil })
}

// Suspend keeps an account from signing in and from acting, for a reason that it is told; "" ends that.
func (p *People) Suspend(ctx context.Context, id, reason string) (*Account, error) {
	if len(reason) > 500 {
		return nil, invalid("reason of %d bytes: use at most 500", len(reason))
	}
	owner, err := p.IsOwner(ctx, id)
	if err != nil {
		return nil, err
	}
	if owner && reason != "" {
		return nil, ErrOwner
	}
	return p.store.update(ctx, id, func(a *Account) error { a.Suspended = strings.TrimSpace(reason); return nil })
}

// Delete ends an account. What it was is gone at once, its address is free; only its id stays, so that
// nothing of it comes back.
func (p *People) Delete(ctx context.Context, id string) error {
	owner, err := p.ownerID(ctx)
	if err != nil {
		return err
	}
	if owner == id {
		return ErrOwner
	}
	return p.erase(ctx, id)
}

// erase deletes an account, whoever it is.
func (p *People) erase(ctx context.Context, id string) error {
	var names []string
	_, err := p.store.update(ctx, id, func(a *Account) error {
		names = a.names()
		*a = Account{ID: a.ID, Deleted: p.now().UTC()}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) { // update says so of what it has just deleted
		return err
	}
	if len(names) == 0 {
		return ErrNotFound
	}
	for _, name := range names {
		if err := p.store.release(ctx, name, id); err != nil {
			p.log.Warn("a deleted account's address is still noted; it is free all the same", "account", id, "error", err)
		}
	}
	return nil
}

func isNone(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrRefused) }
