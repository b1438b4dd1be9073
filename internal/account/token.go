package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Token lets a program act for an account. Only its hash is kept.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"` // zero: never
	Hash    []byte    `json:"hash"`
}

// tokenMark begins every token, so that a person, and a search for leaked secrets, can tell what it is.
const tokenMark = "mayfly_"

// MakeToken makes a token for a program. It is shown once: the account keeps only its hash. A life of 0
// means that it lasts until it is revoked.
func (p *People) MakeToken(ctx context.Context, id, name string, scopes []Scope, life time.Duration) (Token, string, error) {
	name, err := cleanName(name, "")
	if err != nil || name == "" || len(name) > maxTokenName {
		return Token{}, "", invalid("name of the token: use 1 to %d characters of plain text that say what it is for", maxTokenName)
	}
	if len(scopes) == 0 {
		return Token{}, "", invalid("scopes: name at least one of %v", Scopes)
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return Token{}, "", invalid("scope %q: use some of %v", s, Scopes)
		}
	}
	if life < 0 {
		return Token{}, "", invalid("life of the token: it would be over before it began")
	}
	secret := make([]byte, 24)
	rand.Read(secret)
	sum := sha256.Sum256(secret)
	t := Token{ID: newID()[:8], Name: name, Scopes: slices.Clone(scopes), Created: p.now().UTC().Truncate(time.Second), Hash: sum[:]}
	if life > 0 {
		t.Expires = t.Created.Add(life)
	}
	_, err = p.store.update(ctx, id, func(a *Account) error {
		if len(a.Tokens) >= maxTokens {
			return invalid("%d tokens: revoke one that is not used any more first", len(a.Tokens))
		}
		a.Tokens = append(a.Tokens, t)
		return nil
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, tokenMark + id + "_" + t.ID + "_" + hex.EncodeToString(secret), nil
}

// RevokeToken ends a token.
func (p *People) RevokeToken(ctx context.Context, id, token string) error {
	_, err := p.store.update(ctx, id, func(a *Account) error {
		left := slices.DeleteFunc(a.Tokens, func(t Token) bool { return t.ID == token })
		if len(left) == len(a.Tokens) {
			return fmt.Errorf("token %q: %w", token, ErrNotFound)
		}
		a.Tokens = left
		return nil
	})
	return err
}

// ByToken returns who a token acts for, or ErrRefused. from is where the request came from.
func (p *People) ByToken(ctx context.Context, text, from string) (*Caller, error) {
	id, token, secret, err := splitToken(text)
	if err != nil {
		return nil, err
	}
	if !p.store.knows(id) && p.limits.spent(tokenTries, from) {
		return nil, p.limits.take(tokenTries, from) // ids that are made up must not cost a request of the bucket each
	}
	a, err := p.store.get(ctx, id)
	if err == nil {
		sum := sha256.Sum256(secret)
		for _, t := range a.Tokens {
			if t.ID == token && subtle.ConstantTimeCompare(t.Hash, sum[:]) == 1 && (t.Expires.IsZero() || p.now().Before(t.Expires)) {
				if a.Suspended != "" {
					return nil, fmt.Errorf("%w: %s", ErrSuspended, a.Suspended)
				}
				return &Caller{Account: a, Scopes: t.Scopes, Program: t.Name}, nil
			}
		}
		err = ErrRefused
	}
	if isNone(err) {
		err = ErrRefused
		if often := p.limits.take(tokenTries, from); often != nil {
			return nil, often
		}
	}
	return nil, err
}

// splitToken takes a token apart: account, token and secret.
func splitToken(text string) (id, token string, secret []byte, err error) {
	rest, ok := strings.CutPrefix(text, tokenMark)
	parts := strings.Split(rest, "_")
	if !ok || len(parts) != 3 || !isID(parts[0]) || len(parts[1]) != 8 {
		return "", "", nil, ErrRefused
	}
	if secret, err = hex.DecodeString(parts[2]); err != nil || len(secret) != 24 {
		return "", "", nil, ErrRefused
	}
	return parts[0], parts[1], secret, nil
}
