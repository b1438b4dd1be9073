package api

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/rundown"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// OnCue is the clips that are played on cue now.
type OnCue struct {
	Clips []CuedClip `json:"clips"`
	Ends  time.Time  `json:"ends" doc:"when the last one ends"`
	Then  string     `json:"then,omitempty" doc:"what is cut to then: the id of a source, \"autopilot\" or \"off\"; absent: what is live, else the plan"`
}

// CuedClip is one of them.
type CuedClip struct {
	Clip   string    `json:"clip"`
	Begins time.Time `json:"begins"`
	Ends   time.Time `json:"ends"`
}

// onCue makes what people see of a cue.
func onCue(s *station.Status) *OnCue {
	if s.Cue == nil {
		return nil
	}
	out := &OnCue{Then: s.Cue.Then, Ends: s.CuedAt}
	for _, c := range s.Cue.Clips {
		begins := out.Ends
		out.Ends = begins.Add(c.Duration.Duration()).Round(time.Millisecond)
		out.Clips = append(out.Clips, CuedClip{Clip: c.Clip, Begins: begins, Ends: out.Ends})
	}
	return out
}

// cue plays clips of the channel's library once: that one, and those that are to follow it.
func (a *API) cue(ctx context.Context, c *channel.Channel, p *station.Program, first string, in *cutInput) (number int64, expected time.Time, err error) {
	ids := append([]string{first}, in.Body.Clips...)
	then := in.Body.Then
	if then != "" && then != program.OffAir && then != program.AutopilotSource && c.Source(then) == nil {
		return 0, expected, huma.Error422UnprocessableEntity(fmt.Sprintf("then %.40q: the channel has no source of that id: name one, \"autopilot\" or \"off\", or leave it out to go back to what was on air", then))
	}
	if a.cfg.Library == nil {
		return 0, expected, a.problem(station.ErrNoClips)
	}
	if len(ids) > program.MaxCued {
		return 0, expected, a.problem(program.ErrCue)
	}
	clips := make([]station.Cued, len(ids))
	for i, id := range ids {
		if clips[i], err = a.cued(ctx, c, id); err != nil {
			return 0, expected, a.problem(err)
		}
	}
	number, expected, err = p.Cue(ctx, clips, then)
	return number, expected, a.problem(err)
}

// cued returns what is played of a clip of the channel's library.
func (a *API) cued(ctx context.Context, c *channel.Channel, id string) (out station.Cued, err error) {
	x, err := a.plannedClip(ctx, library.Placed{Channel: c.ID, Clip: id})
	if err != nil {
		return out, fmt.Errorf("clip %.40q: %w", id, err)
	}
	take, err := media.ParseTakeID(x.Take)
	return station.Cued{ID: id, Clip: program.Clip{Take: take, Title: x.Title, From: x.From, To: x.To}}, err
}

// known says whether a step of a rundown may cut to a source or a clip.
func (a *API) known(ctx context.Context, c *channel.Channel, source string) error {
	if id, ok := program.ClipOf(source); ok && a.cfg.Library != nil {
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		defer cancel()
		_, err := a.cfg.Library.Clip(bounded, c.ID, id)
		return err
	}
	if source != "" && c.Source(source) == nil {
		return fmt.Errorf("%w: the channel has no source %q: read the channel to see its sources", rundown.ErrInvalid, source)
	}
	return nil
}
