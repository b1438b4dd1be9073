package channel

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Visibility says who finds a channel, and who may watch it.
type Visibility string

const (
	// Private: who works on the channel may watch, and whoever has a playback link.
	Private Visibility = "private"
	// Unlisted: whoever has the address may watch.
	Unlisted Visibility = "unlisted"
	// Listed: the guide shows it too.
	Listed Visibility = "listed"
)

// Visibilities are all of them, from the one that shows least.
var Visibilities = []Visibility{Private, Unlisted, Listed}

// Access says who may watch a channel.
type Access struct {
	Visibility Visibility `json:"visibility"`
	// Listed is what documents without a visibility say, and what is told to who reads only that.
	Listed bool `json:"listed"`
	// Password is what viewers of a channel that is not private enter once: argon2id, as a PHC string; empty
	// without one.
	Password string `json:"password,omitempty"`
	// Turn counts the times that everybody who watches had to prove anew that they may: by a new password, or
	// because somebody works on the channel no more.
	Turn int64 `json:"turn,omitempty"`
	// ViewerLimit is how many may watch at once; 0 for any number.
	ViewerLimit int    `json:"viewerLimit,omitempty"`
	Links       []Link `json:"links,omitempty"`
	// Suspended is why an operator lets nobody watch or publish; empty if everybody may.
	Suspended string `json:"suspended,omitempty"`
}

// Link lets whoever has its secret watch a channel, until it ends or is revoked.
type Link struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // for whom it is
	Secret  string    `json:"secret"`
	By      string    `json:"by,omitempty"` // the account
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"` // zero: when it is revoked
}

const (
	maxLinks       = 50
	maxViewerLimit = 1_000_000
	maxReason      = 500
)

// settle fills in what the documents of older versions do not say.
func (a *Access) settle() {
	if a.Visibility == "" {
		a.Visibility = Unlisted
		if a.Listed {
			a.Visibility = Listed
		}
	}
	a.Listed = a.Visibility == Listed
}

// Open reports whether anybody may watch who has the address.
func (a *Access) Open() bool {
	return a.Visibility != Private && a.Password == "" && a.Suspended == ""
}

// Locked reports whether a password lets viewers in.
func (a *Access) Locked() bool { return a.Visibility != Private && a.Password != "" }

// SetPassword exchanges the password's hash, or with "" takes the password away. Who watches proves anew that they may.
func (a *Access) SetPassword(hash string) {
	a.Password = hash
	a.Turn++
}

// AddLink makes a playback link. A life of 0 means that it counts until it is revoked. Links that have ended go.
func (a *Access) AddLink(name, by string, life time.Duration, now time.Time) (Link, error) {
	if err := checkText("name of the link", name, 1, maxTitle); err != nil {
		return Link{}, err
	}
	a.Links = slices.DeleteFunc(slices.Clone(a.Links), func(l Link) bool { return !l.counts(now) })
	if len(a.Links) >= maxLinks {
		return Link{}, invalid("%d playback links: revoke one that is not used any more first", len(a.Links))
	}
	l := Link{ID: newID(), Name: name, Secret: NewKey(), By: by, Created: now.UTC().Truncate(time.Second)}
	if life > 0 {
		l.Expires = l.Created.Add(life)
	}
	a.Links = append(a.Links, l)
	return l, nil
}

// RevokeLink ends a playback link.
func (a *Access) RevokeLink(id string) (Link, error) {
	i := slices.IndexFunc(a.Links, func(l Link) bool { return l.ID == id })
	if i < 0 {
		return Link{}, fmt.Errorf("playback link %q: %w", id, ErrNotFound)
	}
	l := a.Links[i]
	a.Links = slices.Delete(slices.Clone(a.Links), i, i+1)
	return l, nil
}

// ByLink returns the playback link with that secret, if it counts now, or nil.
func (a *Access) ByLink(secret string, now time.Time) (found *Link) {
	for i := range a.Links {
		l := &a.Links[i]
		if subtle.ConstantTimeCompare([]byte(l.Secret), []byte(secret)) == 1 && l.counts(now) {
			found = l
		}
	}
	return found
}

func (l *Link) counts(now time.Time) bool { return l.Expires.IsZero() || now.Before(l.Expires) }

func (a *Access) validate() error {
	if !slices.Contains(Visibilities, a.Visibility) {
		return invalid("visibility %q: use one of %v", a.Visibility, Visibilities)
	}
	if a.ViewerLimit < 0 || a.ViewerLimit > maxViewerLimit {
		return invalid("viewerLimit of %d: use 1 to %d, or 0 for no limit", a.ViewerLimit, maxViewerLimit)
	}
	if n := utf8.RuneCountInString(a.Suspended); n > maxReason || !utf8.ValidString(a.Suspended) {
		return invalid("reason of %d characters: use at most %d", n, maxReason)
	}
	return nil
}
