package api

import (
	"context"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// ProfileInput is what may be said of what a channel is about and looks like.
type ProfileInput struct {
	Category   *string   `json:"category,omitempty" maxLength:"40" doc:"an id, or empty"`
	Language   *string   `json:"language,omitempty" maxLength:"40" doc:"BCP 47 such as en or pt-BR, or empty"`
	Tags       *[]string `json:"tags,omitempty" maxItems:"50" doc:"at most 10; small letters, words joined by hyphens"`
	Accent     *string   `json:"accent,omitempty" maxLength:"7" doc:"#rrggbb, or empty"`
	Background *string   `json:"background,omitempty" maxLength:"7" doc:"#rrggbb, or empty"`

	Visibility  *channel.Visibility `json:"visibility,omitempty" enum:"private,unlisted,listed" doc:"who finds it and who may watch; counts before listed"`
	Listed      *bool               `json:"listed,omitempty" doc:"the short form: true is listed, false is unlisted unless it is private; default true"`
	ViewerLimit *int                `json:"viewerLimit,omitempty" minimum:"0" doc:"how many may watch at once; 0: any number"`
	Password    *string             `json:"password,omitempty" maxLength:"256" doc:"what viewers enter once; empty takes it away. Whoever watches then enters the new one"`
}

// hashed returns what to store of a password that was given, nil if none was.
func (a *API) hashed(ctx context.Context, password *string) (*string, error) {
	if password == nil || *password == "" {
		return password, nil
	}
	hash, err := a.cfg.People.BroadcastPassword(ctx, *password)
	return &hash, a.problem(err)
}

// apply changes a channel; hash is what is stored of the password.
func (p *ProfileInput) apply(c *channel.Channel, hash *string) {
	set(&c.Category, p.Category)
	set(&c.Language, p.Language)
	set(&c.Tags, p.Tags)
	set(&c.Accent, p.Accent)
	set(&c.Background, p.Background)
	set(&c.ViewerLimit, p.ViewerLimit)
	switch {
	case p.Visibility != nil:
		c.Visibility = *p.Visibility
	case p.Listed != nil && *p.Listed:
		c.Visibility = channel.Listed
	case p.Listed != nil && c.Visibility != channel.Private:
		c.Visibility = channel.Unlisted
	}
	if hash != nil {
		c.SetPassword(*hash)
	}
}

// withinQuota refuses what takes more than this server's operators allow, and more than the channel had before.
func (a *API) withinQuota(ctx context.Context, before, after *channel.Channel) error {
	if callerOf(ctx).May(account.Operate, nil) {
		return nil
	}
	s, err := a.cfg.People.Settings(ctx)
	if err != nil {
		return a.problem(err)
	}
	const ask = "ask whoever runs this server for more"
	switch {
	case len(after.Sources) > channel.MaxSources || after.DVRWindow > channel.MaxDVRWindow:
		return nil // nobody may: Validate says so
	case len(after.Sources) > s.Sources && len(after.Sources) > len(before.Sources):
		return a.problem(fmt.Errorf("%w: a channel may have %d sources: remove one, or %s", errForbidden, s.Sources, ask))
	case after.DVRWindow > s.Hours*3600 && after.DVRWindow > before.DVRWindow:
		return a.problem(fmt.Errorf("%w: a channel may let viewers rewind %d hours: %s", errForbidden, s.Hours, ask))
	case after.Keep && s.NoKeep && !before.Keep:
		return a.problem(fmt.Errorf("%w: channels of this server may not keep everything: %s", errForbidden, ask))
	}
	return nil
}
