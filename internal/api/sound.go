package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// Kept is the sound of one source that is heard while the pictures of others are cut.
type Kept struct {
	Source string `json:"source"`
	Delay  int    `json:"delay,omitempty" doc:"ms that it is heard later than it came"`
}

// Heard says what is heard with the pictures on air, if it is not simply their own sound.
type Heard struct {
	Sound string `json:"sound,omitempty" doc:"the source that is heard"`
	Delay int    `json:"delay,omitempty" doc:"ms"`
	Mute  bool   `json:"mute,omitempty"`
}

func heardOf(m program.Mix) Heard {
	return Heard{Sound: m.Sound, Delay: int(m.Delay.Milliseconds()), Mute: m.Mute}
}

// Sound is what a cut says of the sound. What it leaves out is as the channel has it.
type Sound struct {
	Sound *string `json:"sound,omitempty" doc:"the id of the source that is heard; absent: the sound that the channel keeps, else the pictures' own"`
	Delay *int    `json:"delay,omitempty" doc:"ms that the sound is heard later than it came, -1000 to 3000"`
	Mute  *bool   `json:"mute,omitempty" doc:"silence"`
}

type keepInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Source string `json:"source" doc:"the id of a source, or \"\": each source's own sound"`
		Delay  int    `json:"delay,omitempty" doc:"ms that it is heard later than it came, -1000 to 3000"`
	}
}

type levelInput struct {
	Channel string `path:"channel"`
	Source  string `path:"source"`
	Body    struct {
		Mute *bool    `json:"mute,omitempty" doc:"whether viewers hear it when it is on air"`
		Gain *float64 `json:"gain,omitempty" doc:"dB that it is heard louder than it came, -30 to 12, in steps of 1.5"`
	}
}

func (a *API) registerSound(doc huma.API) {
	op := func(path, id, summary string) huma.Operation {
		return operation(http.MethodPatch, path, id, summary, "channels", 200, true)
	}
	huma.Register(doc, op("/channels/{channel}/sound", "keep-sound", "Keep the sound of one source while pictures are cut, or let each source be heard with its own"), a.keepSound)
	huma.Register(doc, op("/channels/{channel}/sources/{source}/sound", "mute-source", "Say whether a source is heard when it is on air, and how loud"), a.level)
}

// mix says what a cut to the pictures of a source puts on air. p is what it is if the cut says no more.
func (s *Sound) mix(c *channel.Channel, m program.Mix) (program.Mix, error) {
	if s.Sound != nil && *s.Sound != m.Sound {
		src := c.Source(*s.Sound)
		if src == nil {
			return m, fmt.Errorf("%w: the channel has no source %q: read the channel to see its sources", program.ErrMix, *s.Sound)
		}
		m.Sound, m.Delay, m.Mute = src.ID, 0, src.Mute
	}
	if s.Delay != nil {
		m.Delay = time.Duration(*s.Delay) * time.Millisecond
	}
	set(&m.Mute, s.Mute)
	m.Through = m.Through && m.Sound == m.Picture && m.Delay == 0 && !m.Mute
	return m, m.Validate()
}

func (a *API) keepSound(ctx context.Context, in *keepInput) (*channelOutput, error) {
	return a.shown(ctx, in.Channel, account.Cut, "sound.keep", func(c *channel.Channel) (string, error) {
		if err := c.KeepSound(in.Body.Source, in.Body.Delay); err != nil || c.Kept == nil {
			return "", err
		}
		m := program.Mix{Picture: in.Body.Source, Delay: time.Duration(in.Body.Delay) * time.Millisecond}
		return fmt.Sprintf("%s, %d ms later", in.Body.Source, in.Body.Delay), m.Validate()
	})
}

func (a *API) level(ctx context.Context, in *levelInput) (*channelOutput, error) {
	mute, gain := in.Body.Mute, in.Body.Gain
	did := "sound.mute"
	switch {
	case mute == nil && gain == nil:
		return nil, huma.Error422UnprocessableEntity("say what is to change: mute, gain or both")
	case gain != nil:
		did = "sound.gain"
	}
	return a.shown(ctx, in.Channel, account.Cut, did, func(c *channel.Channel) (string, error) {
		src := c.Source(in.Source)
		if src == nil {
			return "", fmt.Errorf("source %q: %w", in.Source, channel.ErrNotFound)
		}
		set(&src.Mute, mute)
		if gain == nil {
			return fmt.Sprintf("%s: %v", src.Name, src.Mute), nil
		}
		err := c.SetGain(in.Source, *gain)
		return fmt.Sprintf("%s: %+g dB, mute %v", src.Name, src.Gain, src.Mute), err
	})
}
