// Package channel holds what a channel is, apart from its media: title, sources, stream keys, settings.
// Each channel is one document in the bucket.
package channel

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Channel is what a viewer watches, with one address.
type Channel struct {
	ID          string     `json:"id"` // never reused, unlike the slug
	Slug        string     `json:"slug"`
	Title       string     `json:"title"`
	Description string     `json:"description,omitempty"`
	Created     time.Time  `json:"created"`
	Sources     []Source   `json:"sources"`
	AutoLive    bool       `json:"autoLive"`             // a source that connects goes on air if nothing else is
	DVRWindow   int        `json:"dvrWindow"`            // seconds that can be rewound
	Keep        bool       `json:"keep"`                 // keep everything, whatever the DVR window
	Record      bool       `json:"record,omitempty"`     // every broadcast is kept as a recording
	RecordDays  int        `json:"recordDays,omitempty"` // for how long; 0: as long as there is room
	Members     []Member   `json:"members,omitempty"`    // people with a role in it
	Kept        *Kept      `json:"kept,omitempty"`       // the sound that is heard under all pictures
	Plan        *Plan      `json:"plan,omitempty"`       // what autopilot plays; nil if nothing
	Card        *Card      `json:"card,omitempty"`       // what is shown instead of a plan; nil if nothing
	Shows       []Show     `json:"shows,omitempty"`      // that are announced, by time
	Rehearsal   *Rehearsal `json:"rehearsal,omitempty"`  // nil while there is none
	Burn        *bool      `json:"burn,omitempty"`       // its graphics are drawn into the pictures of another program; nil: it never asked
	Webhooks    []Webhook  `json:"webhooks,omitempty"`
	Subscribed  bool       `json:"subscribed,omitempty"` // browsers are to be told when it goes on air
	Deleted     time.Time  `json:"deleted"`              // zero unless deleted
	Before      []Gone     `json:"before,omitempty"`     // deleted channels that had this address before
	Profile
	Access
}

// Plan says which version of its plan a channel plays when nobody is live. The versions are documents of their own.
type Plan struct {
	Version int64  `json:"version"`
	Video   string `json:"video"` // RFC 6381, of all its clips
	Audio   string `json:"audio"`
	// Lenders are the channels, by their ids, whose clips it plays beside its own.
	Lenders []string `json:"lenders,omitempty"`
	// Card is the clip of the off-air card, if it plays nothing else.
	Card string `json:"card,omitempty"`
}

// Source is what can be put on air: here, an encoder.
type Source struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	StreamKey       string `json:"streamKey"`
	BackupStreamKey string `json:"backupStreamKey"`
	Mute            bool   `json:"mute,omitempty"` // viewers do not hear it
	// Gain is by how many dB it is heard louder than it came.
	Gain float64 `json:"gain,omitempty"`
}

// Gone is a channel that was deleted.
type Gone struct {
	ID      string    `json:"id"`
	Deleted time.Time `json:"deleted"`
}

// Window returns the DVR window as a duration.
func (c *Channel) Window() time.Duration { return time.Duration(c.DVRWindow) * time.Second }

// Burns reports whether the channel asks for its graphics to be drawn into pictures, for players that are not ours.
func (c *Channel) Burns() bool { return c.Burn != nil && *c.Burn }

// Source returns the source of that id, or nil.
func (c *Channel) Source(id string) *Source {
	for i := range c.Sources {
		if c.Sources[i].ID == id {
			return &c.Sources[i]
		}
	}
	return nil
}

// AddSource gives the channel one more source, with new keys.
func (c *Channel) AddSource(name string) {
	s := Source{Name: name}
	fillSource(&s, len(c.Sources))
	c.Sources = append(c.Sources, s)
}

// Rename changes what a source is called.
func (c *Channel) Rename(source, name string) error {
	src := c.Source(source)
	if src == nil {
		return fmt.Errorf("source %q: %w", source, ErrNotFound)
	}
	src.Name = name
	return nil
}

// RemoveSource takes a source away; who publishes to it is sent away.
func (c *Channel) RemoveSource(source string) error {
	if c.Source(source) == nil {
		return fmt.Errorf("source %q: %w", source, ErrNotFound)
	}
	if len(c.Sources) == 1 {
		return invalid("a channel needs a source: add another one first")
	}
	c.Sources = slices.DeleteFunc(slices.Clone(c.Sources), func(s Source) bool { return s.ID == source })
	if c.Kept != nil && c.Kept.Source == source {
		c.Kept = nil
	}
	return nil
}

// CameraKey is what a browser's camera sends with, and who got a camera link: it counts like the stream key, as long as
// that does, for sending over HTTP alone, and nobody finds the stream key by it.
func (s *Source) CameraKey() string {
	mac := hmac.New(sha256.New, []byte(s.StreamKey))
	mac.Write([]byte("camera"))
	return "cam-" + keyEncoding.EncodeToString(mac.Sum(nil)[:20])
}

// Keys returns all keys that count for the source.
func (s *Source) Keys() []string { return []string{s.StreamKey, s.BackupStreamKey, s.CameraKey()} }

// Rotate gives a source a new stream key, or a new backup stream key.
func (c *Channel) Rotate(source string, backup bool) error {
	src := c.Source(source)
	if src == nil {
		return fmt.Errorf("source %q: %w", source, ErrNotFound)
	}
	if backup {
		src.BackupStreamKey = NewKey()
	} else {
		src.StreamKey = NewKey()
	}
	return nil
}

// Bounds of what a channel may say of itself.
const (
	DefaultDVRWindow = 2 * 60 * 60
	MaxDVRWindow     = 7 * 24 * 60 * 60
	maxTitle         = 120
	MaxRecordDays    = 3650
	maxDescription   = 2000
	MaxSources       = 16
	minKey, maxKey   = 16, 128
)

// reserved are slugs that would hide other addresses.
var reserved = strings.Fields("api studio media mesh whip whep push embed operate healthz readyz metrics assets login oembed")

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("invalid channel")
	// ErrExists is returned for a slug or a stream key that another channel has.
	ErrExists = errors.New("already taken")
	// ErrNotFound is returned for a channel or source that is not there.
	ErrNotFound = errors.New("no such channel")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// CheckSlug says whether s can be a channel's address.
func CheckSlug(s string) error {
	if len(s) < 2 || len(s) > 40 {
		return invalid("slug of %d characters: use 2 to 40", len(s))
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return invalid("slug %q: use small letters, digits and hyphens", s)
		}
	}
	if slices.Contains(reserved, s) {
		return invalid("slug %q is reserved: choose another, for example %q", s, s+"-tv")
	}
	return nil
}

// Validate checks all of a channel, as it is before it is stored.
func (c *Channel) Validate() error {
	if err := CheckSlug(c.Slug); err != nil {
		return err
	}
	if err := checkText("title", c.Title, 1, maxTitle); err != nil {
		return err
	}
	if err := checkText("description", c.Description, 0, maxDescription); err != nil {
		return err
	}
	if c.DVRWindow < 60 || c.DVRWindow > MaxDVRWindow {
		return invalid("dvrWindow of %d s: use 60 s (a minute) to %d s (a week)", c.DVRWindow, MaxDVRWindow)
	}
	if c.RecordDays < 0 || c.RecordDays > MaxRecordDays {
		return invalid("recordDays of %d: use 1 to %d days, or 0 to keep recordings as long as there is room", c.RecordDays, MaxRecordDays)
	}
	if len(c.Sources) < 1 || len(c.Sources) > MaxSources {
		return invalid("%d sources: use 1 to %d", len(c.Sources), MaxSources)
	}
	if err := c.Profile.validate(); err != nil {
		return err
	}
	if err := c.Access.validate(); err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, s := range c.Sources {
		if err := checkText("source name", s.Name, 1, maxTitle); err != nil {
			return err
		}
		for _, k := range []string{s.StreamKey, s.BackupStreamKey} {
			if err := checkKey(k); err != nil {
				return err
			}
			if keys[k] {
				return invalid("two sources have the same stream key")
			}
			keys[k] = true
		}
	}
	return nil
}

func checkText(what, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' }) {
		return invalid("%s: use plain text", what)
	}
	if n < least || n > most {
		return invalid("%s of %d characters: use %d to %d", what, n, least, most)
	}
	return nil
}

// checkKey never shows the key.
func checkKey(k string) error {
	if len(k) < minKey || len(k) > maxKey {
		return invalid("stream key of %d characters: use %d to %d", len(k), minKey, maxKey)
	}
	for i := range len(k) {
		c := k[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return invalid("stream key: use letters, digits, hyphens and underscores")
		}
	}
	return nil
}

// newID draws an id.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// keyEncoding leaves out letters that are taken for digits, because people read keys aloud.
var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewKey draws a stream key of 160 random bits.
func NewKey() string {
	var b [20]byte
	rand.Read(b[:])
	return keyEncoding.EncodeToString(b[:])
}
