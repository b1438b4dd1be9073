package api

import (
	"context"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Source is an encoder's place in a channel, with the keys it publishes with.
type Source struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	StreamKey       string `json:"streamKey,omitempty"`
	BackupStreamKey string `json:"backupStreamKey,omitempty"`
	CameraKey       string `json:"cameraKey,omitempty" doc:"lets a browser's camera send, over HTTP alone; for as long as the stream key is the same"`

	Mute bool    `json:"mute,omitempty" doc:"viewers do not hear it"`
	Gain float64 `json:"gain,omitempty" doc:"dB that it is heard louder than it came; below 0: quieter"`

	Sending *Sending `json:"sending,omitempty" doc:"what it sends now; absent if nothing"`
}

// Sending is what a source sends now.
type Sending struct {
	Preview string `json:"preview" doc:"playlist of it, for who works on the channel"`
	Node    string `json:"node" doc:"that takes it in"`
	Backup  bool   `json:"backup,omitempty" doc:"by its backup publisher"`
	OnAir   bool   `json:"onAir"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`

	Warnings []take.Warning `json:"warnings,omitempty" doc:"what is wrong with it, and how to mend it"`

	take string
}

type newSource struct {
	Name            string `json:"name,omitempty" maxLength:"120"`
	StreamKey       string `json:"streamKey,omitempty" doc:"16 to 128 letters, digits, hyphens and underscores; made up if absent. Only the administrator's token may choose it"`
	BackupStreamKey string `json:"backupStreamKey,omitempty"`
}

type rotateInput struct {
	Channel string `path:"channel"`
	Source  string `path:"source"`
	Body    struct {
		Backup bool `json:"backup,omitempty" doc:"the backup key instead"`
	} `required:"false"`
}

type sourceInput struct {
	Channel string `path:"channel"`
	Source  string `path:"source"`
}

type newSourceInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Name string `json:"name" maxLength:"120" doc:"such as the camera's place"`
	}
}

type renameSourceInput struct {
	Channel string `path:"channel"`
	Source  string `path:"source"`
	Body    struct {
		Name string `json:"name" maxLength:"120"`
	}
}

func (a *API) rotate(ctx context.Context, in *rotateInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Keys, "key.rotate", func(c *channel.Channel) (string, error) {
		return in.Source, c.Rotate(in.Source, in.Body.Backup)
	})
}

func (a *API) addSource(ctx context.Context, in *newSourceInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Change, "source.add", func(c *channel.Channel) (string, error) {
		before := *c
		c.AddSource(in.Body.Name)
		return in.Body.Name, a.withinQuota(ctx, &before, c)
	})
}

func (a *API) renameSource(ctx context.Context, in *renameSourceInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Change, "source.rename", func(c *channel.Channel) (string, error) {
		return in.Source + ": " + in.Body.Name, c.Rename(in.Source, in.Body.Name)
	})
}

func (a *API) removeSource(ctx context.Context, in *sourceInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Change, "source.remove", func(c *channel.Channel) (string, error) {
		return in.Source, c.RemoveSource(in.Source)
	})
}
