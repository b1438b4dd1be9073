package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

const settingsKey = "people/settings"

// SignUp says who may make an account.
type SignUp string

const (
	SignUpOpen       SignUp = "open"       // anybody
	SignUpInvitation SignUp = "invitation" // who was invited; what counts until somebody says otherwise
	SignUpClosed     SignUp = "closed"     // nobody: invitations do not count either
)

// Settings are what an operator decides for the whole fleet.
type Settings struct {
	SignUp SignUp `json:"signUp"`
	// Channels is how many channels an account may own; operators may own any number.
	Channels int `json:"channels"`
	// Sources is how many sources a channel may have, and Hours how far back it may be rewound. They count when
	// a channel is changed, for who is no operator: what it has by then stays.
	Sources int `json:"sources"`
	Hours   int `json:"hours"`
	// NoKeep: channels may not keep everything, whatever the rewind window.
	NoKeep bool `json:"noKeep"`
}

const (
	defaultChannels = 5
	maxChannels     = 1000
	maxHours        = channel.MaxDVRWindow / 3600
)

// Settings returns the fleet's settings, at most some seconds old.
func (p *People) Settings(ctx context.Context) (Settings, error) {
	s, err := p.options.get(ctx)
	if err != nil {
		return s, err
	}
	return s.filled(), nil
}

func (s Settings) filled() Settings {
	if s.SignUp == "" {
		s.SignUp = SignUpInvitation
	}
	if s.Channels == 0 {
		s.Channels = defaultChannels
	}
	if s.Sources == 0 {
		s.Sources = channel.MaxSources
	}
	if s.Hours == 0 {
		s.Hours = maxHours
	}
	return s
}

// ChangeSettings changes the fleet's settings. change may be called more than once.
func (p *People) ChangeSettings(ctx context.Context, change func(*Settings)) (Settings, error) {
	return p.options.update(ctx, func(s *Settings) error {
		*s = s.filled()
		change(s)
		switch s.SignUp {
		case SignUpOpen, SignUpInvitation, SignUpClosed:
		default:
			return invalid("signUp %q: use open, invitation or closed", s.SignUp)
		}
		if s.Channels < 1 || s.Channels > maxChannels {
			return invalid("channels %d: use 1 to %d", s.Channels, maxChannels)
		}
		if s.Sources < 1 || s.Sources > channel.MaxSources {
			return invalid("sources %d: use 1 to %d", s.Sources, channel.MaxSources)
		}
		if s.Hours < 1 || s.Hours > maxHours {
			return invalid("hours %d: use 1 to %d", s.Hours, maxHours)
		}
		return nil
	})
}

// cached is one document that is read often and changes seldom.
type cached[T any] struct {
	docs *bucket.Documents
	key  string
	now  func() time.Time

	mu    sync.Mutex
	value T
	at    time.Time
}

// get returns the document, the zero value if there is none, at most fresh old unless the bucket is away.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && c.now().Sub(c.at) < fresh {
		return c.value, nil
	}
	v, err := bucket.Load[T](ctx, c.docs, c.key)
	switch {
	case err == nil || errors.Is(err, bucket.ErrNotFound):
		c.value, c.at = v, c.now()
	case c.at.IsZero() || !errors.Is(err, bucket.ErrUnavailable):
		return v, fmt.Errorf("read %s: %w", c.key, err)
	}
	return c.value, nil
}

// update changes the document.
func (c *cached[T]) update(ctx context.Context, change func(*T) error) (T, error) {
	v, err := bucket.Update(ctx, c.docs, c.key, change)
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.at = v, c.now()
	return v, nil
}
