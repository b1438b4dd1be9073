package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webpush"
)

type pushKeyOutput struct {
	Body struct {
		Key string `json:"key" doc:"applicationServerKey of the Push API: a public key as base64url"`
	}
}

type subscribeInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Endpoint string `json:"endpoint" maxLength:"1000" doc:"of the browser's push service"`
		Keys     struct {
			P256dh string `json:"p256dh" maxLength:"120"`
			Auth   string `json:"auth" maxLength:"60"`
		} `json:"keys"`
		ExpirationTime *int64 `json:"expirationTime,omitempty" doc:"ms since 1970, if the browser knows one"`
	}
}

type subscriberInput struct {
	Channel    string `path:"channel"`
	Subscriber string `path:"subscriber" maxLength:"40" doc:"the first 16 bytes of the endpoint's SHA-256, hexadecimal"`
}

func (a *API) registerSubscribers(doc huma.API) {
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, path, id, summary, "watching", status, false)
	}
	const at = "/channels/{channel}/subscribers"
	huma.Register(doc, op(http.MethodGet, "/push-key", "push-key", "The key that browsers subscribe with, to be told when a channel goes on air", 200), a.pushKey)
	huma.Register(doc, op(http.MethodPost, at, "subscribe", "Have a browser told when a channel goes on air: what its PushSubscription says as JSON", 204), a.subscribe)
	huma.Register(doc, op(http.MethodGet, at+"/{subscriber}", "subscribed", "Whether a browser is told of a channel", 204), a.subscribed)
	huma.Register(doc, op(http.MethodDelete, at+"/{subscriber}", "unsubscribe", "Have a browser told no more", 204), a.unsubscribe)
}

func (a *API) pushKey(ctx context.Context, _ *struct{}) (*pushKeyOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	out := &pushKeyOutput{}
	var err error
	out.Body.Key, err = a.cfg.WebPush.PublicKey(bounded)
	return out, a.problem(err)
}

// openChannel returns a channel that browsers may be told of. One that not everybody may watch tells nobody: who could watch it
// once would hear of it for ever.
func (a *API) openChannel(slug string) (*channel.Channel, error) {
	c, err := a.cfg.Channels.Get(slug)
	if err == nil && c.Suspended != "" {
		err = channel.ErrNotFound
	}
	if err != nil {
		return nil, a.problem(err)
	}
	if !c.Open() {
		return nil, a.problem(barred(c))
	}
	return c, nil
}

func (a *API) subscribe(ctx context.Context, in *subscribeInput) (*struct{}, error) {
	c, err := a.openChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.People.MaySubscribe(visitorOf(ctx).from); err != nil {
		return nil, a.problem(err)
	}
	b := &in.Body
	s := webpush.Subscription{Endpoint: b.Endpoint, P256dh: b.Keys.P256dh, Auth: b.Keys.Auth}
	if b.ExpirationTime != nil {
		s.Until = time.UnixMilli(*b.ExpirationTime).UTC()
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.WebPush.Subscribe(bounded, c, s))
}

func (a *API) subscribed(ctx context.Context, in *subscriberInput) (*struct{}, error) {
	c, err := a.openChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.People.MayLookUp(visitorOf(ctx).from); err != nil {
		return nil, a.problem(err)
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.WebPush.Subscribed(bounded, c, in.Subscriber))
}

// unsubscribe takes a subscription back, also of a channel that not everybody may watch any more.
func (a *API) unsubscribe(ctx context.Context, in *subscriberInput) (*struct{}, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	if err := a.cfg.People.MayLookUp(visitorOf(ctx).from); err != nil {
		return nil, a.problem(err)
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.WebPush.Unsubscribe(bounded, c, in.Subscriber))
}
