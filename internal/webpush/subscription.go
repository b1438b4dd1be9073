// Package webpush tells browsers that a channel is on air, also when none of its pages is open: Web Push (RFC 8030), signed
// with the installation's key (VAPID, RFC 8292) and encrypted for the one browser (RFC 8291).
//
// Who wants to be told is kept by channel, as the browser gives it and with nothing else: an address at its maker's push
// service and two keys. What has to be told is the same pure function of the cut list as for webhooks
// (webhook.Told.Next), so no node has to be there when a channel goes on air. One node sends at a time, under a lease, and
// notes by whom each subscription was told: when it dies, another goes on, and at most one batch is told twice.
package webpush

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// Bounds of what is kept of a channel.
const (
	maxEndpoint = 1000
	shards      = 16 // documents that a channel's subscriptions lie in, so that many can come at once
	maxInShard  = 500
	// keepFor is how long a subscription is kept that its browser does not confirm by a visit, and confirmAfter how old
	// it is before a visit counts as one.
	keepFor      = 180 * 24 * time.Hour
	confirmAfter = 7 * 24 * time.Hour
	// maxFailed is how often a push service may refuse messages, without one that it took between them.
	maxFailed = 12
	authBytes = 16 // RFC 8291, 3.2
)

var (
	// ErrInvalid is wrapped by what is wrong with a subscription.
	ErrInvalid = errors.New("invalid subscription")
	// ErrFull is returned where no more browsers can be told.
	ErrFull = errors.New("as many browsers as can be are told of this channel already")
	// ErrNotFound is returned for a subscription that is not there.
	ErrNotFound = errors.New("this browser is not told of this channel")
	// errNothing ends an update that would change nothing.
	errNothing = errors.New("nothing to note")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Subscription is where one browser is told, as its PushSubscription says.
type Subscription struct {
	Endpoint string    `json:"endpoint"`
	P256dh   string    `json:"p256dh"`
	Auth     string    `json:"auth"`
	Since    time.Time `json:"since"`            // when it was made, or confirmed last
	Until    time.Time `json:"until"`            // it is forgotten then
	Told     string    `json:"told,omitempty"`   // the newest event that it was told, or that it needs not be told
	Failed   int       `json:"failed,omitempty"` // messages that were refused since the last one that was not
}

// ID names a subscription: nobody finds the address by it.
func (s *Subscription) ID() string {
	sum := sha256.Sum256([]byte(s.Endpoint))
	return hex.EncodeToString(sum[:16])
}

// validID reports whether a subscription could have that id.
func validID(id string) bool { return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" }

// Check says whether a push service could take a message for it, and writes its keys as base64url without padding, as
// they are kept. Whether the address leads to a public network is seen when it is asked.
func (s *Subscription) Check() error {
	u, err := fetch.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" || len(s.Endpoint) > maxEndpoint {
		return invalid("endpoint: want the https address of a push service, of at most %d characters", maxEndpoint)
	}
	key, err := decode(s.P256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if err != nil {
		return invalid("keys.p256dh: want the browser's public key: a point of P-256, 65 bytes as base64url")
	}
	auth, err := decode(s.Auth)
	if err != nil || len(auth) != authBytes {
		return invalid("keys.auth: want the browser's secret: %d bytes as base64url", authBytes)
	}
	s.P256dh, s.Auth = base64.RawURLEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(auth)
	return nil
}

// decode reads base64url, with or without padding.
func decode(text string) ([]byte, error) {
	if len(text) > 120 {
		return nil, errors.New("too long")
	}
	return base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
}

// shard is a document with some of a channel's subscriptions, by id.
type shard struct {
	Subscriptions map[string]Subscription `json:"subscriptions"`
}

// add takes in a subscription. told is the event that it needs not be told, because it came later.
func (d *shard) add(s Subscription, told string, now time.Time) error {
	id := s.ID()
	old, known := d.Subscriptions[id]
	if known && old.P256dh == s.P256dh && old.Auth == s.Auth && now.Sub(old.Since) < confirmAfter {
		return errNothing
	}
	d.expire(now)
	if _, known = d.Subscriptions[id]; !known && len(d.Subscriptions) >= maxInShard {
		return ErrFull
	}
	s.Since, s.Told, s.Failed = now.UTC().Truncate(time.Second), told, 0
	if limit := s.Since.Add(keepFor); s.Until.IsZero() || s.Until.After(limit) {
		s.Until = limit
	}
	if known {
		s.Told = old.Told
	}
	if d.Subscriptions == nil {
		d.Subscriptions = map[string]Subscription{}
	}
	d.Subscriptions[id] = s
	return nil
}

// expire forgets what has ended, and reports whether there was any.
func (d *shard) expire(now time.Time) bool {
	before := len(d.Subscriptions)
	maps.DeleteFunc(d.Subscriptions, func(_ string, s Subscription) bool { return !now.Before(s.Until) })
	return len(d.Subscriptions) < before
}

// due returns who is still to be told an event, at most so many.
func (d *shard) due(event string, tried map[string]bool, most int) (out []Subscription) {
	for id, s := range d.Subscriptions {
		if s.Told != event && !tried[id] && len(out) < most {
			out = append(out, s)
		}
	}
	return out
}

// outcome is what came of telling one browser.
type outcome int

const (
	took    outcome = iota // the push service has the message
	gone                   // the browser is not told any more, says its push service
	refused                // perhaps another time
	away                   // no push service could be reached, which may be for reasons of ours
)

// outcomeOf reads a push service's answer (RFC 8030, 5 and 7.3).
func outcomeOf(status int) outcome {
	switch {
	case status >= 200 && status < 300:
		return took
	case status == 404 || status == 410:
		return gone
	}
	return refused
}

// settle notes what came of telling an event.
func (d *shard) settle(event string, came map[string]outcome, now time.Time) {
	d.expire(now)
	for id, o := range came {
		s, known := d.Subscriptions[id]
		if !known {
			continue // taken back meanwhile
		}
		switch o {
		case took:
			s.Told, s.Failed = event, 0
		case refused:
			s.Failed++
		}
		if d.Subscriptions[id] = s; o == gone || s.Failed >= maxFailed {
			delete(d.Subscriptions, id)
		}
	}
}
