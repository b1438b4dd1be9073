package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// Rehearsal is what producers cut to for themselves.
type Rehearsal struct {
	Source string    `json:"source,omitempty" doc:"as of a cut; absent: nothing"`
	Since  time.Time `json:"since" doc:"when it began"`
	At     time.Time `json:"at" doc:"when it was cut to that"`
}

func (a *API) registerRehearsal(doc huma.API) {
	const path = "/channels/{channel}/rehearsal"
	huma.Register(doc, operation(http.MethodPut, path, "rehearse", "Begin a rehearsal: cuts are seen by producers alone, and no source goes on air by itself", "channels", 200, true),
		func(ctx context.Context, in *channelInput) (*channelOutput, error) {
			if err := a.clearStage(ctx, in.Channel); err != nil {
				return nil, err
			}
			return a.shown(ctx, in.Channel, account.Cut, "rehearsal.begin", func(c *channel.Channel) (string, error) {
				if c.Rehearsal == nil {
					c.Rehearse("", time.Now())
				}
				return "", nil
			})
		})
	huma.Register(doc, operation(http.MethodDelete, path, "end-rehearsal", "End the rehearsal: viewers see what they saw, until a cut", "channels", 200, true),
		func(ctx context.Context, in *channelInput) (*channelOutput, error) {
			return a.shown(ctx, in.Channel, account.Cut, "rehearsal.end", func(c *channel.Channel) (string, error) {
				c.Rehearsal = nil
				return "", nil
			})
		})
}

// clearStage hides what the last rehearsal left, unless one goes on.
func (a *API) clearStage(ctx context.Context, slug string) error {
	c, err := a.channel(ctx, slug, account.Cut)
	if err != nil || c.Rehearsal != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	now := time.Now()
	_, err = a.cfg.Graphics.Rehearse(bounded, c.ID, func(s *graphics.Shown) { s.Hide("", now) })
	return a.problem(err)
}

// rehearse carries out a cut that viewers do not see.
func (a *API) rehearse(ctx context.Context, c *channel.Channel, source string) (*cutOutput, error) {
	if clip, ok := program.ClipOf(source); ok {
		if _, err := a.cued(ctx, c, clip); err != nil {
			return nil, a.problem(err)
		}
	}
	now := time.Now()
	_, err := a.changed(ctx, c.Slug, account.Cut, "rehearsal.cut", func(c *channel.Channel) (string, error) {
		if c.Rehearsal != nil { // else it has just ended
			c.Rehearse(source, now)
		}
		return source, nil
	})
	out := &cutOutput{}
	out.Body.ExpectedAt = now.UTC()
	return out, err
}
