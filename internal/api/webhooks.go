package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// Webhook is an address that is told of what happens in a channel.
type Webhook struct {
	ID      string           `json:"id"`
	URL     string           `json:"url"`
	Events  []channel.Event  `json:"events" doc:"that it is told of; empty: all"`
	On      bool             `json:"on"`
	Created time.Time        `json:"created"`
	Waiting int              `json:"waiting,omitempty" doc:"events that it has not taken yet"`
	Answers []webhook.Answer `json:"answers" doc:"what it answered lately, newest first"`
	Secret  string           `json:"secret,omitempty" doc:"what is sent is signed with; shown once, when it is made"`
}

type webhooksOutput struct {
	Body struct {
		Webhooks []Webhook `json:"webhooks"`
	}
}

type webhookOutput struct{ Body Webhook }

type newWebhookInput struct {
	Channel string `path:"channel"`
	Body    struct {
		URL    string          `json:"url" maxLength:"2000" doc:"that is posted to"`
		Events []channel.Event `json:"events,omitempty" maxItems:"20" doc:"that it is told of: air.on, air.off, cut, recording.ready, chat.held; absent: all"`
	}
}

type webhookInput struct {
	Channel string `path:"channel"`
	Webhook string `path:"webhook" maxLength:"40"`
}

type changeWebhookInput struct {
	Channel string `path:"channel"`
	Webhook string `path:"webhook" maxLength:"40"`
	Body    struct {
		URL    *string          `json:"url,omitempty" maxLength:"2000"`
		Events *[]channel.Event `json:"events,omitempty" maxItems:"20"`
		On     *bool            `json:"on,omitempty" doc:"false: it is told nothing, and what waits for it is dropped"`
	}
}

type answerOutput struct{ Body webhook.Answer }

func (a *API) registerWebhooks(doc huma.API) {
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, "/channels/{channel}/webhooks"+path, id, summary, "webhooks", status, true)
	}
	huma.Register(doc, op(http.MethodGet, "", "list-webhooks", "The addresses that are told of what happens in a channel, and what they answered", 200), a.webhooks)
	huma.Register(doc, op(http.MethodPost, "", "add-webhook", "Add a webhook; the answer has its secret", 201), a.addWebhook)
	huma.Register(doc, op(http.MethodPatch, "/{webhook}", "change-webhook", "Change a webhook", 200), a.changeWebhook)
	huma.Register(doc, op(http.MethodPost, "/{webhook}/secret", "rotate-webhook", "Give a webhook a new secret; the answer has it", 200), a.rotateWebhook)
	huma.Register(doc, op(http.MethodPost, "/{webhook}/test", "test-webhook", "Send a webhook a test, and see what it answers", 200), a.testWebhook)
	huma.Register(doc, op(http.MethodDelete, "/{webhook}", "remove-webhook", "Remove a webhook", 204), a.removeWebhook)
}

func showWebhook(w *channel.Webhook) Webhook {
	out := Webhook{ID: w.ID, URL: w.URL, Events: w.Events, On: !w.Off, Created: w.Created, Answers: []webhook.Answer{}}
	if out.Events == nil {
		out.Events = []channel.Event{}
	}
	return out
}

func (a *API) webhooks(ctx context.Context, in *channelInput) (*webhooksOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	answers, waits, err := a.cfg.Webhooks.Log(bounded, c)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &webhooksOutput{}
	out.Body.Webhooks = []Webhook{}
	for i := range c.Webhooks {
		w := showWebhook(&c.Webhooks[i])
		w.Waiting = waits[w.ID]
		if list := answers[w.ID]; list != nil {
			w.Answers = list
		}
		out.Body.Webhooks = append(out.Body.Webhooks, w)
	}
	return out, nil
}

// hooked makes a change of a webhook and answers with it as it is then, with its secret if it is a new one.
func (a *API) hooked(ctx context.Context, slug, did string, secret bool, change func(*channel.Channel) (channel.Webhook, error)) (*webhookOutput, error) {
	var made channel.Webhook
	if _, err := a.changed(ctx, slug, account.Change, did, func(c *channel.Channel) (detail string, err error) {
		made, err = change(c)
		return serverOf(made.URL), err
	}); err != nil {
		return nil, err
	}
	out := showWebhook(&made)
	if secret {
		out.Secret = made.Secret
	}
	return &webhookOutput{out}, nil
}

// serverOf names an address in the audit trail: what stands behind the server may be a secret of its owner's.
func serverOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func (a *API) addWebhook(ctx context.Context, in *newWebhookInput) (*webhookOutput, error) {
	return a.hooked(ctx, in.Channel, "webhook.add", true, func(c *channel.Channel) (channel.Webhook, error) {
		return c.AddWebhook(in.Body.URL, in.Body.Events, callerOf(ctx).ID(), a.now())
	})
}

func (a *API) changeWebhook(ctx context.Context, in *changeWebhookInput) (*webhookOutput, error) {
	b := &in.Body
	return a.hooked(ctx, in.Channel, "webhook.change", false, func(c *channel.Channel) (channel.Webhook, error) {
		return c.ChangeWebhook(in.Webhook, func(w *channel.Webhook) {
			set(&w.URL, b.URL)
			set(&w.Events, b.Events)
			if b.On != nil {
				w.Off = !*b.On
			}
		})
	})
}

func (a *API) rotateWebhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	return a.hooked(ctx, in.Channel, "webhook.secret", true, func(c *channel.Channel) (channel.Webhook, error) { return c.RotateWebhook(in.Webhook) })
}

func (a *API) removeWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	_, err := a.hooked(ctx, in.Channel, "webhook.remove", false, func(c *channel.Channel) (channel.Webhook, error) { return c.RemoveWebhook(in.Webhook) })
	return nil, err
}

func (a *API) testWebhook(ctx context.Context, in *webhookInput) (*answerOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	answer, err := a.cfg.Webhooks.Test(ctx, c, in.Webhook, rand.Text())
	if err != nil {
		return nil, a.problem(err)
	}
	return &answerOutput{answer}, nil
}
