package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/golang-jwt/jwt/v5"
)

// passkeyLife bounds how long a person may look for the authenticator.
const passkeyLife = 5 * time.Minute

// holder shows an account to the library.
type holder struct{ *Account }

func (h holder) WebAuthnID() []byte          { return []byte(h.ID) }
func (h holder) WebAuthnName() string        { return h.Email }
func (h holder) WebAuthnDisplayName() string { return h.Account.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range h.Passkeys {
		out = append(out, k.Credential)
	}
	return out
}

// relyingParty is us, as a browser sees us at origin, such as https://tv.example.org. A passkey belongs
// to the host it was made at; the browser sees to that, so the address that a request names may be used.
func relyingParty(origin string) (*webauthn.WebAuthn, error) {
	_, host, ok := strings.Cut(origin, "://")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !ok || host == "" {
		return nil, invalid("origin %q: want one such as https://tv.example.org", origin)
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Mayfly", RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationPreferred,
		},
	})
}

// keep signs what the library wants to see again; a browser carries it in a cookie.
func (p *People) keep(ctx context.Context, id string, s *webauthn.SessionData) (string, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("begin with a passkey: %w", err)
	}
	return p.signer.sign(ctx, forPasskey, claims{RegisteredClaims: jwt.RegisteredClaims{Subject: id}, Data: string(data)}, passkeyLife)
}

func (p *People) kept(ctx context.Context, id, text string) (webauthn.SessionData, error) {
	var s webauthn.SessionData
	c, err := p.signer.verify(ctx, forPasskey, text)
	if err != nil {
		return s, err
	}
	if c.Subject != id || json.Unmarshal([]byte(c.Data), &s) != nil {
		return s, ErrLink
	}
	return s, nil
}

// BeginPasskey begins to give an account a new passkey: what the browser is told, and what it keeps.
func (p *People) BeginPasskey(ctx context.Context, id, origin string) (*protocol.CredentialCreation, string, error) {
	a, err := p.store.get(ctx, id)
	if err != nil {
		return nil, "", err
	}
	rp, err := relyingParty(origin)
	if err != nil {
		return nil, "", err
	}
	options, session, err := rp.BeginRegistration(holder{a}, webauthn.WithExclusions(webauthn.Credentials(holder{a}.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, "", fmt.Errorf("begin with a passkey: %w", err)
	}
	keep, err := p.keep(ctx, id, session)
	return options, keep, err
}

// AddPasskey gives an account the passkey that a browser has made.
func (p *People) AddPasskey(ctx context.Context, id, origin, kept, name string, answer io.Reader) (*Account, error) {
	name, err := cleanName(name, "Passkey@")
	if err != nil {
		return nil, err
	}
	session, err := p.kept(ctx, id, kept)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBody(answer)
	if err != nil {
		return nil, invalid("answer of the passkey: %v", err)
	}
	rp, err := relyingParty(origin)
	if err != nil {
		return nil, err
	}
	a, err := p.store.get(ctx, id)
	if err != nil {
		return nil, err
	}
	made, err := rp.CreateCredential(holder{a}, session, parsed)
	if err != nil {
		return nil, invalid("this passkey could not be added: %v", err)
	}
	return p.store.update(ctx, id, func(a *Account) error {
		if len(a.Passkeys) >= maxPasskeys {
			return invalid("%d passkeys: remove one first", len(a.Passkeys))
		}
		if slices.ContainsFunc(a.Passkeys, func(k Passkey) bool { return string(k.Credential.ID) == string(made.ID) }) {
			return invalid("this passkey is there already")
		}
		a.Passkeys = append(a.Passkeys, Passkey{Name: name, Created: p.now().UTC().Truncate(time.Second), Credential: *made})
		return nil
	})
}

// RemovePasskey ends a passkey; n counts from 0 in the order of the account's passkeys.
func (p *People) RemovePasskey(ctx context.Context, id string, n int) error {
	_, err := p.store.update(ctx, id, func(a *Account) error {
		if n < 0 || n >= len(a.Passkeys) {
			return fmt.Errorf("passkey: %w", ErrNotFound)
		}
		if a.Password == "" && len(a.Logins) == 0 && len(a.Passkeys) == 1 {
			return invalid("this passkey is the only way into the account: set a password first")
		}
		a.Passkeys = slices.Delete(a.Passkeys, n, n+1)
		return nil
	})
	return err
}

// AskPasskey begins a sign-in with a passkey. Nobody says who they are: the passkey does.
func (p *People) AskPasskey(ctx context.Context, origin string) (*protocol.CredentialAssertion, string, error) {
	rp, err := relyingParty(origin)
	if err != nil {
		return nil, "", err
	}
	options, session, err := rp.BeginDiscoverableLogin()
	if err != nil {
		return nil, "", fmt.Errorf("begin with a passkey: %w", err)
	}
	keep, err := p.keep(ctx, "", session)
	return options, keep, err
}

// ByPasskey returns the account that a passkey has signed in, or ErrRefused.
func (p *People) ByPasskey(ctx context.Context, origin, kept string, answer io.Reader, from string) (*Account, error) {
	if err := p.limits.take(signInsFrom, from); err != nil {
		return nil, err
	}
	session, err := p.kept(ctx, "", kept)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBody(answer)
	if err != nil {
		return nil, invalid("answer of the passkey: %v", err)
	}
	rp, err := relyingParty(origin)
	if err != nil {
		return nil, err
	}
	var found *Account
	var reason error
	used, err := rp.ValidateDiscoverableLogin(func(_, user []byte) (webauthn.User, error) {
		found, reason = p.store.get(ctx, string(user))
		if reason != nil {
			return nil, reason
		}
		return holder{found}, nil
	}, session, parsed)
	if reason != nil && !isNone(reason) {
		return nil, reason // the bucket is away
	}
	if err != nil {
		return nil, fmt.Errorf("%w: this passkey is not known here, or was removed", ErrRefused)
	}
	if used.Authenticator.CloneWarning {
		return nil, fmt.Errorf("%w: this passkey seems to have been copied: remove it and add it again", ErrRefused)
	}
	return p.usedPasskey(ctx, found, used)
}

// usedPasskey keeps the authenticator's counter, and admits the account.
func (p *People) usedPasskey(ctx context.Context, a *Account, used *webauthn.Credential) (*Account, error) {
	now, err := p.store.update(ctx, a.ID, func(a *Account) error {
		for i := range a.Passkeys {
			if string(a.Passkeys[i].Credential.ID) == string(used.ID) {
				if a.Passkeys[i].Credential.Authenticator.SignCount == used.Authenticator.SignCount {
					return errKeep
				}
				a.Passkeys[i].Credential = *used
				return nil
			}
		}
		return ErrRefused
	})
	if errors.Is(err, errKeep) {
		now, err = a, nil
	}
	if err != nil {
		return nil, err
	}
	return admitted(now)
}
