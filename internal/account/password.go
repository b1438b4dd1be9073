package account

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// hashing is what a password costs: 19 MiB and two passes, which OWASP's password storage sheet asks of
// argon2id. Stored hashes name their own cost, so it can be raised.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hasher hashes passwords, a few at a time: a flood of sign-ins must not take the memory and the
// processors that television needs.
type hasher struct {
	slots chan struct{}
	// decoy is compared with when there is no such account, so that it takes as long.
	decoy string
}

const hashersAtOnce = 2

func newHasher() (*hasher, error) {
	h := &hasher{slots: make(chan struct{}, hashersAtOnce)}
	var err error
	if h.decoy, err = argon2id.CreateHash(newID(), hashing); err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return h, nil
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash returns what to store of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	return argon2id.CreateHash(password, hashing)
}

// matches compares a password with what was stored; with "" it takes its time and says no.
func (h *hasher) matches(ctx context.Context, password, stored string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.slots }()
	if stored == "" {
		argon2id.ComparePasswordAndHash(password, h.decoy) // only for the time that it takes
		return false, nil
	}
	return argon2id.ComparePasswordAndHash(password, stored)
}

// checkPassword refuses passwords that are guessed first. Length is what helps; which characters it
// consists of is nobody's business.
func checkPassword(password, email, name string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return invalid("password of %d characters: use at least %d; three or four words do well", n, minPassword)
	case len(password) > maxPassword:
		return invalid("password of %d bytes: use at most %d", len(password), maxPassword)
	}
	seen := map[rune]bool{}
	for _, r := range password {
		seen[r] = true
	}
	low := strings.ToLower(password)
	for _, own := range []string{fold(email), strings.ToLower(name)} {
		if own != "" && strings.Trim(strings.ReplaceAll(low, own, ""), "0123456789!. ") == "" {
			return invalid("password: your own name or address is guessed first; use something else")
		}
	}
	if len(seen) < 5 || strings.Contains("01234567890123456789 qwertyuiopasdfghjkl passwordpassword password1234567890", low) {
		return invalid("password: this one is guessed first; three or four words do well")
	}
	return nil
}
