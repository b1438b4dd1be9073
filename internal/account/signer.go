package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// purpose is what a signed text is for. One that was signed for another purpose counts for nothing.
type purpose string

const (
	forSession purpose = "session"
	forSetup   purpose = "setup"
	forReset   purpose = "reset"
	forConfirm purpose = "confirm"
	forPasskey purpose = "passkey"
	forOIDC    purpose = "oidc"
)

// claims are what is signed: RFC 7519, HMAC with SHA-256, and a few members of our own.
type claims struct {
	jwt.RegisteredClaims
	Epoch int    `json:"epoch,omitempty"`
	Data  string `json:"data,omitempty"`
}

const (
	keysKey = "people/keys"
	// keyLife is how long a key signs; it is believed until everything that it has signed is too old.
	keyLife   = 30 * 24 * time.Hour
	keyBelief = keyLife + SessionLife
)

// keyRing is the document of the keys, newest last.
type keyRing struct {
	Keys []signingKey `json:"keys"`
}

type signingKey struct {
	ID     string    `json:"id"`
	Secret []byte    `json:"secret"`
	Made   time.Time `json:"made"`
}

// signer signs what browsers and letters carry, with keys that all nodes of the fleet share.
type signer struct {
	docs *bucket.Documents
	now  func() time.Time

	mu    sync.Mutex
	ring  keyRing
	asked time.Time
	last  atomic.Pointer[[]signingKey] // of the ring: read without waiting for who asks the bucket
}

func newSigner(docs *bucket.Documents, now func() time.Time) *signer {
	return &signer{docs: docs, now: now}
}

// sign returns a text that says c for as long as life.
func (s *signer) sign(ctx context.Context, p purpose, c claims, life time.Duration) (string, error) {
	key, err := s.current(ctx)
	if err != nil {
		return "", err
	}
	now := s.now()
	c.Audience = jwt.ClaimStrings{string(p)}
	c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(life))
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	t.Header["kid"] = key.ID
	return t.SignedString(key.Secret)
}

// verify reads what was signed for a purpose, or returns ErrLink.
func (s *signer) verify(ctx context.Context, p purpose, text string) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return s.key(ctx, id)
	}, jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience(string(p)), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(s.now), jwt.WithLeeway(clockLeeway))
	if errors.Is(err, bucket.ErrUnavailable) {
		return claims{}, err
	}
	if err != nil {
		return claims{}, ErrLink
	}
	return c, nil
}

// clockLeeway is what two nodes' clocks may differ by.
const clockLeeway = 5 * time.Second

// current returns the key that signs now. It makes one if there is none, or the newest is too old.
func (s *signer) current(ctx context.Context) (signingKey, error) {
	now := s.now()
	if known := s.known(); len(known) > 0 && now.Sub(known[len(known)-1].Made) < keyLife {
		return known[len(known)-1], nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.newest(); k != nil && now.Sub(k.Made) < keyLife {
		return *k, nil
	}
	ring, err := bucket.Update(ctx, s.docs, keysKey, func(r *keyRing) error {
		if n := len(r.Keys); n > 0 && now.Sub(r.Keys[n-1].Made) < keyLife {
			return errKeep
		}
		secret := make([]byte, sha256.Size)
		rand.Read(secret)
		kept := r.Keys[:0:0]
		for _, k := range r.Keys {
			if now.Sub(k.Made) < keyBelief {
				kept = append(kept, k)
			}
		}
		id := sha256.Sum256(secret)
		r.Keys = append(kept, signingKey{ID: hex.EncodeToString(id[:6]), Secret: secret, Made: now.UTC()})
		return nil
	})
	if err == nil || errors.Is(err, errKeep) {
		s.keep(ring, now)
	} else if s.newest() == nil {
		return signingKey{}, fmt.Errorf("keys of the sessions: %w", err)
	}
	return *s.newest(), nil // an old one signs on while the bucket is away
}

// keep notes the keys as they were read; the lock is held.
func (s *signer) keep(ring keyRing, now time.Time) {
	s.ring, s.asked = ring, now
	s.last.Store(&ring.Keys)
}

// known returns the keys that this node knows, without asking the bucket. They must not be changed.
func (s *signer) known() []signingKey {
	if keys := s.last.Load(); keys != nil {
		return *keys
	}
	return nil
}

// errKeep ends an update that has nothing to change.
var errKeep = errors.New("nothing to change")

func (s *signer) newest() *signingKey {
	if len(s.ring.Keys) == 0 {
		return nil
	}
	return &s.ring.Keys[len(s.ring.Keys)-1]
}

// key returns the secret of that id. An id that is not known is looked for in the bucket, at most once
// in a while: anybody can make ids up.
func (s *signer) key(ctx context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 2 {
		for _, k := range s.ring.Keys {
			if k.ID == id {
				return k.Secret, nil
			}
		}
		if !s.asked.IsZero() && s.now().Sub(s.asked) < keysAgain {
			break
		}
		ring, err := bucket.LoadIfThere[keyRing](ctx, s.docs, keysKey)
		if err != nil {
			return nil, err
		}
		s.keep(ring, s.now())
	}
	return nil, ErrLink
}

// keysAgain is the least time between two looks for a key that is not known.
const keysAgain = 2 * time.Second
