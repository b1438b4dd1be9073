package api

import (
	"cmp"
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// OnAir is what is on air now.
type OnAir struct {
	Source string    `json:"source"`
	Take   string    `json:"take"`
	Number int64     `json:"number" doc:"media sequence number that it began with"`
	Since  time.Time `json:"since"`
	Ahead  float64   `json:"ahead,omitempty" doc:"seconds that the program's time is ahead of when it was sent"`

	Cue *OnCue `json:"cue,omitempty" doc:"the clips that are played on cue"`

	Heard
}

type cutInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Source string   `json:"source" doc:"the id of a source, \"autopilot\", \"off\", or \"clip:\" and the id of a clip of the library, which is played once"`
		Clips  []string `json:"clips,omitempty" maxItems:"19" doc:"with a clip: the ids of those that are played after it"`
		Then   string   `json:"then,omitempty" maxLength:"64" doc:"with a clip: what is cut to at its end, the id of a source, \"autopilot\" or \"off\"; absent: what was on air before"`

		Sound
	}
}

type cutOutput struct {
	Body struct {
		Number     int64     `json:"number" doc:"media sequence number that the cut begins with"`
		ExpectedAt time.Time `json:"expectedAt"`
	}
}

func (a *API) cut(ctx context.Context, in *cutInput) (*cutOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Cut)
	if err != nil {
		return nil, err
	}
	source := in.Body.Source
	clip, cued := program.ClipOf(source)
	switch {
	case cued:
	case source == "off":
		source = ""
	case source == program.AutopilotSource:
	case c.Source(source) == nil:
		return nil, huma.Error422UnprocessableEntity("the channel has no source of that id: read the channel to see its sources")
	}
	if !cued && (len(in.Body.Clips) > 0 || in.Body.Then != "") {
		return nil, huma.Error422UnprocessableEntity("clips and then are for a cut to a clip: leave them out, or name one as the source, such as clip:ID")
	}
	if c.Rehearsal != nil {
		return a.rehearse(ctx, c, source)
	}
	p, err := a.cfg.Station.Program(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	if source != "" && source != program.AutopilotSource && !cued {
		m, err := in.Body.mix(c, p.Mix(source))
		if err != nil {
			return nil, a.problem(err)
		}
		source = m.Source()
	}
	if source == "" && c.Plan != nil && c.Plan.Card != "" {
		source = program.CardSource
	}
	out := &cutOutput{}
	if cued {
		out.Body.Number, out.Body.ExpectedAt, err = a.cue(ctx, c, p, clip, in)
	} else if out.Body.Number, out.Body.ExpectedAt, err = p.Cut(ctx, source); err != nil {
		err = a.problem(err)
	}
	if err != nil {
		return nil, err
	}
	a.cfg.People.Note(c.ID, callerOf(ctx), "cut", cmp.Or(source, "off"))
	return out, nil
}
