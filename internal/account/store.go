package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

const (
	accountPrefix = "people/accounts/"
	namePrefix    = "people/names/"
	// fresh is how old the known form of an account may be. A change counts on other nodes after this
	// at the latest; on the node that made it, at once.
	fresh = 10 * time.Second
	// maxKnown bounds how many accounts a node remembers.
	maxKnown = 10_000
)

// named is the document of a name: an e-mail address, or an identity at an OpenID provider. The account
// has the last word: a name that its account does not claim is free.
type named struct {
	Account string `json:"account"`
}

// store keeps the documents of accounts and of their names.
type store struct {
	docs  *bucket.Documents
	now   func() time.Time
	known *otter.Cache[string, known]
}

// known is an account as it was read. It is never changed.
type known struct {
	account *Account
	at      time.Time
}

func newStore(docs *bucket.Documents, now func() time.Time) (*store, error) {
	cache, err := otter.New(&otter.Options[string, known]{MaximumSize: maxKnown})
	if err != nil {
		return nil, fmt.Errorf("remember accounts: %w", err)
	}
	return &store{docs: docs, now: now, known: cache}, nil
}

// get returns an account that is not deleted, or ErrNotFound. While the bucket is away, what was read
// last counts. The caller must not change it.
func (s *store) get(ctx context.Context, id string) (*Account, error) {
	if !isID(id) {
		return nil, ErrNotFound
	}
	had, ok := s.known.GetIfPresent(id)
	if ok && s.now().Sub(had.at) < fresh {
		return living(had.account)
	}
	a, err := bucket.Load[Account](ctx, s.docs, accountPrefix+id)
	switch {
	case err == nil:
		s.remember(&a)
		return living(&a)
	case errors.Is(err, bucket.ErrNotFound):
		return nil, ErrNotFound
	case ok && errors.Is(err, bucket.ErrUnavailable):
		return living(had.account)
	}
	return nil, err
}

// knows reports whether the account is in memory.
func (s *store) knows(id string) bool {
	_, ok := s.known.GetIfPresent(id)
	return ok
}

func living(a *Account) (*Account, error) {
	if a.gone() {
		return nil, ErrNotFound
	}
	return a, nil
}

func (s *store) remember(a *Account) { s.known.Set(a.ID, known{a, s.now()}) }

// update changes an account. change may be called more than once.
func (s *store) update(ctx context.Context, id string, change func(*Account) error) (*Account, error) {
	if !isID(id) {
		return nil, ErrNotFound
	}
	a, err := bucket.Update(ctx, s.docs, accountPrefix+id, func(a *Account) error {
		if a.gone() {
			return ErrNotFound
		}
		a.Tokens, a.Passkeys, a.Logins = slices.Clone(a.Tokens), slices.Clone(a.Passkeys), slices.Clone(a.Logins)
		return change(a)
	})
	if err != nil {
		return nil, err
	}
	s.remember(&a)
	return living(&a)
}

// create stores a new account, and claims its names. If one is taken it leaves nothing behind and
// returns ErrExists.
func (s *store) create(ctx context.Context, a *Account) error {
	if err := bucket.Create(ctx, s.docs, accountPrefix+a.ID, *a); err != nil {
		return fmt.Errorf("store an account: %w", err)
	}
	for _, name := range a.names() {
		if err := s.claim(ctx, name, a.ID); err != nil {
			s.docs.Bucket().Delete(context.WithoutCancel(ctx), accountPrefix+a.ID) // nothing names it, so nothing is wrong if it stays
			return err
		}
	}
	s.remember(a)
	return nil
}

// names are all that an account can be found by.
func (a *Account) names() []string {
	names := []string{emailName(a.Email)}
	for _, l := range a.Logins {
		names = append(names, l.name())
	}
	return names
}

func emailName(email string) string { return hashed("email:" + fold(email)) }

func (l Login) name() string { return hashed("login:" + l.Issuer + "\x00" + l.Subject) }

// hashed makes a name part of a key, and keeps addresses out of listings.
func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// find returns the account of a name, or ErrNotFound.
func (s *store) find(ctx context.Context, name string) (*Account, error) {
	n, err := bucket.Load[named](ctx, s.docs, namePrefix+name)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		var ok bool
		if n, ok = bucket.Cached[named](s.docs, namePrefix+name); !ok || !errors.Is(err, bucket.ErrUnavailable) {
			return nil, err
		}
	}
	a, err := s.get(ctx, n.Account)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(a.names(), name) {
		return nil, ErrNotFound
	}
	return a, nil
}

// claim gives a name to an account, unless a living account has it. The account must say already that
// the name is its own, else somebody else may claim it meanwhile.
func (s *store) claim(ctx context.Context, name, id string) error {
	_, err := bucket.Update(ctx, s.docs, namePrefix+name, func(n *named) error {
		if n.Account == id {
			return errKeep
		}
		if n.Account != "" {
			other, err := bucket.Load[Account](ctx, s.docs, accountPrefix+n.Account)
			if err != nil && !errors.Is(err, bucket.ErrNotFound) {
				return err
			}
			if err == nil && !other.gone() && slices.Contains(other.names(), name) {
				return ErrExists
			}
		}
		n.Account = id
		return nil
	})
	if errors.Is(err, errKeep) {
		return nil
	}
	return err
}

// release gives a name back that an account had.
func (s *store) release(ctx context.Context, name, id string) error {
	_, err := bucket.Update(ctx, s.docs, namePrefix+name, func(n *named) error {
		if n.Account != id {
			return errKeep
		}
		n.Account = ""
		return nil
	})
	if errors.Is(err, errKeep) {
		return nil
	}
	return err
}

// all reads the accounts after an id, at most limit of them, in order of their ids.
func (s *store) all(ctx context.Context, after string, limit int) (accounts []*Account, next string, err error) {
	if after != "" {
		after = accountPrefix + after
	}
	page, err := s.docs.Bucket().List(ctx, accountPrefix, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("list accounts: %w", err)
	}
	for _, e := range page.Entries {
		a, err := bucket.LoadListed[Account](ctx, s.docs, e)
		if errors.Is(err, bucket.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if !a.gone() {
			accounts = append(accounts, &a)
		}
	}
	if page.Next != "" {
		next = page.Next[len(accountPrefix):]
	}
	return accounts, next, nil
}
