package webpush

import (
	"context"
	"errors"
	"fmt"
	"time"

	vapid "github.com/SherClockHolmes/webpush-go"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// keyPair is the installation's document: push services know it by the public key, which every subscription is made for.
// Another key would make all of them worthless, so it never changes.
type keyPair struct {
	Public  string    `json:"public"`
	Private string    `json:"private"`
	Made    time.Time `json:"made"`
}

const pairKey = "push/keys"

// PublicKey is what browsers subscribe with: an uncompressed point of P-256 as base64url.
func (s *Sender) PublicKey(ctx context.Context) (string, error) {
	pair, err := s.pair(ctx)
	if err != nil {
		return "", err
	}
	return pair.Public, nil
}

// pair reads the keys, and makes them if there are none. Of several nodes that do, one succeeds.
func (s *Sender) pair(ctx context.Context) (*keyPair, error) {
	if p := s.keys.Load(); p != nil {
		return p, nil
	}
	p, err := bucket.Load[keyPair](ctx, s.cfg.Docs, pairKey)
	if errors.Is(err, bucket.ErrNotFound) {
		made := keyPair{Made: s.cfg.Now().UTC().Truncate(time.Second)}
		if made.Private, made.Public, err = vapid.GenerateVAPIDKeys(); err != nil {
			return nil, fmt.Errorf("make the keys for push services: %w", err)
		}
		if err = bucket.Create(ctx, s.cfg.Docs, pairKey, made); err == nil || errors.Is(err, bucket.ErrPrecondition) {
			p, err = bucket.Load[keyPair](ctx, s.cfg.Docs, pairKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keys for push services: %w", err)
	}
	s.keys.Store(&p)
	return &p, nil
}
