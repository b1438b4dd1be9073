package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDCConfig names an OpenID provider that people may sign in with. All empty: none.
type OIDCConfig struct {
	Issuer, ClientID, Secret string
	Name                     string // on the button; the issuer's host if empty
}

// provider is the OpenID provider (OpenID Connect Core 1.0, the code flow with PKCE, RFC 7636).
type provider struct {
	cfg    OIDCConfig
	client *http.Client

	mu     sync.Mutex
	found  *oidc.Provider // read from the issuer when it is first needed
	failed time.Time
}

const (
	oidcTime  = 10 * time.Second // bounds one request to the provider
	oidcLife  = 10 * time.Minute // bounds the visit to the provider's page
	oidcAgain = 3 * time.Second  // between two tries to read what the provider says of itself
)

// ErrNoProvider is returned where there is no OpenID provider, or it does not answer.
var ErrNoProvider = errors.New("signing in by another service is not possible at the moment")

func newProvider(cfg OIDCConfig) (*provider, error) {
	if cfg == (OIDCConfig{}) {
		return nil, nil
	}
	if cfg.Issuer == "" || cfg.ClientID == "" {
		return nil, errors.New("OpenID provider: give its issuer and the client's id together")
	}
	return &provider{cfg: cfg, client: &http.Client{Timeout: oidcTime}}, nil
}

// ProviderName is what the sign-in page calls the OpenID provider, "" if there is none.
func (p *People) ProviderName() string {
	if p.oidc == nil {
		return ""
	}
	if p.oidc.cfg.Name != "" {
		return p.oidc.cfg.Name
	}
	_, host, _ := strings.Cut(p.oidc.cfg.Issuer, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// get reads what the provider says of itself, once.
func (o *provider) get(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found != nil {
		return o.found, nil
	}
	if time.Since(o.failed) < oidcAgain {
		return nil, ErrNoProvider
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), o.client)
	found, err := oidc.NewProvider(ctx, o.cfg.Issuer)
	if err != nil {
		o.failed = time.Now()
		return nil, fmt.Errorf("%w: %w", ErrNoProvider, err)
	}
	o.found = found
	return found, nil
}

func (o *provider) oauth(found *oidc.Provider, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.cfg.ClientID, ClientSecret: o.cfg.Secret, Endpoint: found.Endpoint(), RedirectURL: callback,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// visit is what the browser keeps, signed, while it is at the provider.
type visit struct {
	State, Nonce, Verifier string
	Next                   string // where the person wanted to go
	Invitation             string
	Link                   string // the signed-in account that the identity is to be added to
}

// Visit begins a sign-in at the OpenID provider: where to send the browser, and what it is to keep in a
// cookie meanwhile. callback is the address that the provider sends it back to.
func (p *People) Visit(ctx context.Context, callback, next, invitation, link string) (url, keep string, err error) {
	if p.oidc == nil {
		return "", "", ErrNoProvider
	}
	found, err := p.oidc.get(ctx)
	if err != nil {
		return "", "", err
	}
	v := visit{State: newID(), Nonce: newID(), Verifier: oauth2.GenerateVerifier(), Next: next, Invitation: invitation, Link: link}
	data, err := json.Marshal(v)
	if err != nil {
		return "", "", fmt.Errorf("begin a visit: %w", err)
	}
	if keep, err = p.signer.sign(ctx, forOIDC, claims{Data: string(data)}, oidcLife); err != nil {
		return "", "", err
	}
	return p.oidc.oauth(found, callback).AuthCodeURL(v.State, oidc.Nonce(v.Nonce), oauth2.S256ChallengeOption(v.Verifier)), keep, nil
}

// Return ends a visit: the account that the provider's identity signs in, a new one if need be and the
// settings or an invitation allow it, and where the person wanted to go.
func (p *People) Return(ctx context.Context, callback, kept, state, code, from string) (a *Account, invited *Invitation, next string, err error) {
	if p.oidc == nil {
		return nil, nil, "", ErrNoProvider
	}
	c, err := p.signer.verify(ctx, forOIDC, kept)
	if err != nil {
		return nil, nil, "", err
	}
	var v visit
	if err := json.Unmarshal([]byte(c.Data), &v); err != nil || v.State != state {
		return nil, nil, "", ErrLink
	}
	f, err := p.oidc.identity(ctx, callback, code, v)
	if err != nil {
		return nil, nil, "", err
	}
	a, invited, err = p.bySubject(ctx, f, v, from)
	if err == nil && invited == nil && v.Invitation != "" { // the account was there before
		if invited, err = p.Accept(ctx, a.ID, v.Invitation); errors.Is(err, ErrLink) {
			err = nil // signed in all the same; the page of the invitation says that it counts no more
		}
	}
	return a, invited, v.Next, err
}

// identity exchanges the code for an identity.
func (o *provider) identity(ctx context.Context, callback, code string, v visit) (Profile, error) {
	found, err := o.get(ctx)
	if err != nil {
		return Profile{}, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	tokens, err := o.oauth(found, callback).Exchange(ctx, code, oauth2.VerifierOption(v.Verifier))
	if err != nil {
		return Profile{}, fmt.Errorf("%w: %w", ErrNoProvider, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: o.cfg.ClientID}).Verify(ctx, raw)
	if err != nil || id.Nonce != v.Nonce {
		return Profile{}, ErrLink
	}
	var said struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Name     string `json:"name"`
	}
	if err := id.Claims(&said); err != nil {
		return Profile{}, fmt.Errorf("read the identity: %w", err)
	}
	if said.Email == "" { // providers that put little into the token say it here
		if info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens)); err == nil && info.Subject == id.Subject {
			said.Email, said.Verified = info.Email, info.EmailVerified
		}
	}
	return Profile{Email: said.Email, Name: said.Name, Proven: said.Verified, Login: Login{id.Issuer, id.Subject}}, nil
}

// bySubject finds or makes the account of an identity.
func (p *People) bySubject(ctx context.Context, f Profile, v visit, from string) (*Account, *Invitation, error) {
	a, err := p.store.find(ctx, f.Login.name())
	if err == nil {
		if v.Link != "" && v.Link != a.ID {
			return nil, nil, fmt.Errorf("%w: that identity signs in another account", ErrExists)
		}
		a, err = admitted(a)
		return a, nil, err
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, nil, err
	}
	if v.Link != "" {
		a, err = p.addLogin(ctx, v.Link, f.Login)
		return a, nil, err
	}
	if !f.Proven {
		return nil, nil, invalid("the other service does not vouch for your e-mail address: confirm it there first")
	}
	a, err = p.store.find(ctx, emailName(f.Email))
	switch {
	case err == nil && a.Confirmed.IsZero():
		// Whoever made that account never showed that the address is theirs.
		return nil, nil, fmt.Errorf("%w: sign in with its password, and add the other service there", ErrExists)
	case err == nil:
		if a, err = admitted(a); err == nil {
			a, err = p.addLogin(ctx, a.ID, f.Login)
		}
		return a, nil, err
	case !errors.Is(err, ErrNotFound):
		return nil, nil, err
	}
	return p.SignUp(ctx, f, v.Invitation, from)
}

// addLogin lets an identity sign an account in.
func (p *People) addLogin(ctx context.Context, id string, l Login) (*Account, error) {
	a, err := p.store.update(ctx, id, func(a *Account) error {
		if len(a.Logins) >= maxLogins {
			return invalid("%d other services: remove one first", len(a.Logins))
		}
		if !slices.Contains(a.Logins, l) {
			a.Logins = append(a.Logins, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.store.claim(ctx, l.name(), id); err != nil {
		_, undo := p.store.update(context.WithoutCancel(ctx), id, func(a *Account) error {
			a.Logins = slices.DeleteFunc(a.Logins, func(had Login) bool { return had == l })
			return nil
		})
		return nil, errors.Join(err, undo)
	}
	return a, nil
}
