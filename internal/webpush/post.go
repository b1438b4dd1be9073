package webpush

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	vapid "github.com/SherClockHolmes/webpush-go"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/fetch"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// tell sends browsers a message, some at once, and begins none after a time.
func (s *Sender) tell(ctx context.Context, until time.Time, pair *keyPair, subs []Subscription, topic string, message []byte) map[string]outcome {
	var mu sync.Mutex
	came := map[string]outcome{}
	var group sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for _, sub := range subs {
		free <- struct{}{}
		if ctx.Err() != nil || !s.cfg.Now().Before(until) {
			break
		}
		group.Go(func() {
			defer func() { <-free }()
			o := s.post(ctx, pair, &sub, topic, message)
			if o == away && ctx.Err() != nil {
				return // this node leaves: the browser's push service is not to blame
			}
			mu.Lock()
			defer mu.Unlock()
			came[sub.ID()] = o
		})
	}
	group.Wait()
	return came
}

// post sends one browser a message. Why one could not be sent is not logged: the address is the browser's own.
func (s *Sender) post(ctx context.Context, pair *keyPair, sub *Subscription, topic string, message []byte) outcome {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	status, err := send(ctx, guarded{s.cfg.Poster}, pair, s.cfg.Contact, sub, topic, message)
	switch {
	case errors.Is(err, fetch.ErrAddress):
		return refused // it leads into a network of ours
	case err != nil:
		return away
	}
	return outcomeOf(status)
}

// send encrypts and signs a message, posts it, and returns the push service's answer.
func send(ctx context.Context, by vapid.HTTPClient, pair *keyPair, contact string, sub *Subscription, topic string, message []byte) (status int, err error) {
	// It pads the message in place, behind its end too: each browser's needs bytes of its own.
	answer, err := vapid.SendNotificationWithContext(ctx, slices.Clone(message), &vapid.Subscription{Endpoint: sub.Endpoint, Keys: vapid.Keys{Auth: sub.Auth, P256dh: sub.P256dh}}, &vapid.Options{
		HTTPClient: by, Subscriber: contact, TTL: int(life.Seconds()), Topic: topic, Urgency: vapid.UrgencyHigh,
		VAPIDPublicKey: pair.Public, VAPIDPrivateKey: pair.Private,
	})
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, nil
}

// guarded lets the library send by a Poster, which looks where an address leads to.
type guarded struct{ poster webhook.Poster }

// Do sends a request.
func (g guarded) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a, err := g.poster.Post(r.Context(), r.URL.String(), r.Header, body, maxSaid)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: a.Status, Body: io.NopCloser(bytes.NewReader(a.Body))}, nil
}

// maxBody is how much of a channel's description a message has, in characters.
const maxBody = 140

// messageOf is what browsers are told of a channel that is on air: all that their service worker needs.
func (s *Sender) messageOf(c *channel.Channel) ([]byte, error) {
	text := c.Description
	if utf8.RuneCountInString(text) > maxBody {
		text = string([]rune(text)[:maxBody-1]) + "…"
	}
	return json.Marshal(map[string]string{"title": c.Title + " is on air", "body": text, "path": "/" + c.Slug, "icon": s.cfg.Logo(c)})
}
