// Package account keeps the people of a fleet: who they are, how they prove it, what they may do, and who
// changed what. Everything is a document in the bucket; a session is a signed cookie that any node can check.
package account

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
)

// Account is a person.
type Account struct {
	ID        string    `json:"id"` // never reused
	Email     string    `json:"email"`
	Name      string    `json:"name"`               // shown to others
	Password  string    `json:"password,omitempty"` // argon2id, as a PHC string; empty without one
	Confirmed time.Time `json:"confirmed"`          // when the address was proven; zero before
	Created   time.Time `json:"created"`
	Operator  bool      `json:"operator,omitempty"`  // runs the fleet: may do everything
	Suspended string    `json:"suspended,omitempty"` // why it may not sign in; empty if it may
	Deleted   time.Time `json:"deleted"`             // zero unless deleted
	// Epoch counts the times that all sessions and links were ended: by a new password, or by wish.
	Epoch    int       `json:"epoch"`
	Tokens   []Token   `json:"tokens,omitempty"`
	Passkeys []Passkey `json:"passkeys,omitempty"`
	Logins   []Login   `json:"logins,omitempty"`
}

// Login is an identity at an OpenID provider that signs an account in.
type Login struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Passkey is a key of an authenticator, such as a phone, that signs an account in.
type Passkey struct {
	Name       string              `json:"name"`
	Created    time.Time           `json:"created"`
	Credential webauthn.Credential `json:"credential"`
}

// Bounds of what an account holds.
const (
	maxName, maxEmail       = 80, 254
	minPassword             = 10
	maxPassword             = 256 // bytes: hashing more would be work for nothing
	maxTokens, maxPasskeys  = 20, 10
	maxLogins, maxTokenName = 5, 60
)

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("invalid")
	// ErrExists is returned for an e-mail address that another account has.
	ErrExists = errors.New("there is already an account with this e-mail address")
	// ErrNotFound is returned for an account, token, passkey or invitation that is not there.
	ErrNotFound = errors.New("not found")
	// ErrRefused is returned for a wrong password or passkey. It does not say whether there is such an account.
	ErrRefused = errors.New("e-mail address and password do not belong together")
	// ErrPassword is returned for a wrong password of a broadcast.
	ErrPassword = errors.New("that is not the password of this channel: ask whoever gave you the address")
	// ErrSuspended is wrapped by what a suspended account is told after it has proven itself.
	ErrSuspended = errors.New("this account is suspended")
	// ErrLink is returned for a link that is too old, was used, or was never given.
	ErrLink = errors.New("this link is too old, or was used already: ask for a new one")
	// ErrClosed is returned when nobody may sign up, or only who is invited.
	ErrClosed = errors.New("sign-up needs an invitation: ask whoever runs this server for one")
	// ErrOften is returned to whoever tries too often.
	ErrOften = errors.New("too many tries")
	// ErrLast is returned instead of leaving a fleet or a channel without anybody who runs it.
	ErrLast = errors.New("somebody must stay in charge")
	// ErrOwner is returned for what cannot be done to the owner's account.
	ErrOwner = fmt.Errorf("%w: this is the owner's account: make another one the owner first", ErrLast)
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// gone reports whether the account is no more, or never was.
func (a *Account) gone() bool { return a.ID == "" || !a.Deleted.IsZero() }

// cleanEmail checks an e-mail address and cuts what is around it.
func cleanEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || len(s) > maxEmail || !strings.Contains(s, "@") {
		return "", invalid("“%.60s” is not an e-mail address: use one like name@example.org", s)
	}
	return s, nil
}

// fold is the form in which addresses are compared.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// cleanName checks the name that others see.
func cleanName(s, email string) (string, error) {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		s, _, _ = strings.Cut(email, "@")
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", invalid("name: use plain text")
	}
	if n := utf8.RuneCountInString(s); n > maxName {
		return "", invalid("name of %d characters: use at most %d", n, maxName)
	}
	return s, nil
}

// newID draws an id of 96 random bits.
func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// isID says whether s has the form of an id, so that it can be part of a key.
func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 12 && strings.ToLower(s) == s
}
