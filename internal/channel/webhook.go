package channel

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Event is a kind of thing that happens in a channel and that webhooks are told of. A name is never given another
// meaning.
type Event string

const (
	EventOnAir     Event = "air.on"          // a source is on air, after nothing or autopilot
	EventOffAir    Event = "air.off"         // no source is on air any more
	EventCut       Event = "cut"             // something else is on air
	EventRecording Event = "recording.ready" // a recording can be played
	EventChatHeld  Event = "chat.held"       // a chat message waits for a moderator
	EventTest      Event = "test"            // somebody tries whether the address answers; goes to every webhook
)

// Events are those that a webhook may ask for.
var Events = []Event{EventOnAir, EventOffAir, EventCut, EventRecording, EventChatHeld}

// Webhook is an address that is told of what happens in the channel.
type Webhook struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	Secret  string    `json:"secret"`           // signs what is sent
	Events  []Event   `json:"events,omitempty"` // that it is told of; empty: all
	Off     bool      `json:"off,omitempty"`    // it is told nothing
	By      string    `json:"by,omitempty"`     // the account
	Created time.Time `json:"created"`
}

const (
	// MaxWebhooks bounds a channel's webhooks.
	MaxWebhooks = 10
	maxAddress  = 2000
	// secretPrefix begins secrets, as Standard Webhooks says.
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// Wants reports whether the webhook is to be told of a kind of event.
func (w *Webhook) Wants(e Event) bool {
	return !w.Off && (e == EventTest || len(w.Events) == 0 || slices.Contains(w.Events, e))
}

// Webhook returns the webhook of that id, or nil.
func (c *Channel) Webhook(id string) *Webhook {
	for i := range c.Webhooks {
		if c.Webhooks[i].ID == id {
			return &c.Webhooks[i]
		}
	}
	return nil
}

// AddWebhook makes a webhook, with a new secret.
func (c *Channel) AddWebhook(address string, events []Event, by string, now time.Time) (Webhook, error) {
	if len(c.Webhooks) >= MaxWebhooks {
		return Webhook{}, invalid("%d webhooks: remove one that is not used any more first", len(c.Webhooks))
	}
	w := Webhook{ID: newID(), URL: address, Secret: newSecret(), Events: events, By: by, Created: now.UTC().Truncate(time.Second)}
	c.Webhooks = append(slices.Clone(c.Webhooks), w)
	return w, w.validate()
}

// ChangeWebhook changes a webhook; its id, secret and creation stay.
func (c *Channel) ChangeWebhook(id string, change func(*Webhook)) (Webhook, error) {
	c.Webhooks = slices.Clone(c.Webhooks)
	w := c.Webhook(id)
	if w == nil {
		return Webhook{}, fmt.Errorf("webhook %q: %w", id, ErrNotFound)
	}
	change(w)
	return *w, w.validate()
}

// RotateWebhook gives a webhook a new secret; what is signed with the old one stops.
func (c *Channel) RotateWebhook(id string) (Webhook, error) {
	return c.ChangeWebhook(id, func(w *Webhook) { w.Secret = newSecret() })
}

// RemoveWebhook takes a webhook away; what waits for it is not sent.
func (c *Channel) RemoveWebhook(id string) (Webhook, error) {
	w := c.Webhook(id)
	if w == nil {
		return Webhook{}, fmt.Errorf("webhook %q: %w", id, ErrNotFound)
	}
	gone := *w
	c.Webhooks = slices.DeleteFunc(slices.Clone(c.Webhooks), func(w Webhook) bool { return w.ID == id })
	return gone, nil
}

// validate checks what a person gave. Whether the address leads to a public network is seen when it is asked.
func (w *Webhook) validate() error {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || len(w.URL) > maxAddress || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return invalid("webhook address %.80q: use one like https://example.org/hook, of at most %d characters", w.URL, maxAddress)
	case u.User != nil:
		return invalid("webhook address: leave out the name and password before the server; what is sent is signed")
	}
	for _, e := range w.Events {
		if !slices.Contains(Events, e) {
			return invalid("event %.40q: use some of %v", e, Events)
		}
	}
	return nil
}

func newSecret() string {
	var b [secretBytes]byte
	rand.Read(b[:])
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}
