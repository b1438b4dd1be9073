package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/rundown"
)

type rundownOutput struct{ Body rundown.Rundown }

type newStepInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Source  string `json:"source,omitempty" doc:"that is cut to; absent: what is on air stays"`
		Note    string `json:"note,omitempty"`
		Planned int    `json:"duration,omitempty" doc:"planned, in seconds; 0: open"`
		After   string `json:"after,omitempty" doc:"the id of the step that it comes behind; absent: at the end"`

		Graphics []string `json:"graphics,omitempty" doc:"ids of graphics that are shown; at most 10"`
	}
}

type stepInput struct {
	Channel string `path:"channel"`
	Step    string `path:"step"`
}

type changeStepInput struct {
	Channel string `path:"channel"`
	Step    string `path:"step"`
	Body    struct {
		Version int     `json:"version" doc:"of the step as it was read: a step that somebody else has changed is not changed"`
		Source  *string `json:"source,omitempty"`
		Note    *string `json:"note,omitempty"`
		Planned *int    `json:"duration,omitempty"`

		Graphics *[]string `json:"graphics,omitempty"`
	}
}

type moveStepInput struct {
	Channel string `path:"channel"`
	Step    string `path:"step"`
	Body    struct {
		After string `json:"after" doc:"the id of the step that it comes behind, or \"\": at the beginning"`
	}
}

type walkInput struct {
	Channel string `path:"channel"`
	Body    struct {
		From string `json:"from" doc:"the step that is on as it was read: of two producers who go on at once one does"`
		To   string `json:"to" doc:"the step that is to be on, or \"\": none"`
	}
}

func (a *API) registerRundown(doc huma.API) {
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, "/channels/{channel}/rundown"+path, id, summary, "rundown", status, true)
	}
	huma.Register(doc, op(http.MethodGet, "", "get-rundown", "Read the rundown: the prepared steps of a show, and which one is on", 200), func(ctx context.Context, in *channelInput) (*rundownOutput, error) {
		c, err := a.channel(ctx, in.Channel, account.See)
		if err != nil {
			return nil, err
		}
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		defer cancel()
		r, err := a.cfg.Rundowns.Load(bounded, c.ID)
		if r.Steps == nil {
			r.Steps = []rundown.Step{}
		}
		return &rundownOutput{r}, a.problem(err)
	})
	huma.Register(doc, op(http.MethodPost, "/steps", "add-step", "Add a step", 201), func(ctx context.Context, in *newStepInput) (*rundownOutput, error) {
		b := &in.Body
		return a.walked(ctx, in.Channel, "rundown.add", cmp.Or(b.Note, b.Source), func(c *channel.Channel, r *rundown.Rundown) error {
			if err := a.known(ctx, c, b.Source); err != nil {
				return err
			}
			return r.Add(rundown.Step{Source: b.Source, Note: b.Note, Planned: b.Planned, Graphics: b.Graphics}, b.After)
		})
	})
	huma.Register(doc, op(http.MethodPatch, "/steps/{step}", "change-step", "Change a step", 200), func(ctx context.Context, in *changeStepInput) (*rundownOutput, error) {
		b := &in.Body
		return a.walked(ctx, in.Channel, "rundown.change", in.Step, func(c *channel.Channel, r *rundown.Rundown) error {
			if b.Source != nil {
				if err := a.known(ctx, c, *b.Source); err != nil {
					return err
				}
			}
			return r.Change(in.Step, b.Version, func(s *rundown.Step) {
				set(&s.Source, b.Source)
				set(&s.Note, b.Note)
				set(&s.Planned, b.Planned)
				set(&s.Graphics, b.Graphics)
			})
		})
	})
	huma.Register(doc, op(http.MethodPost, "/steps/{step}/move", "move-step", "Put a step elsewhere", 200), func(ctx context.Context, in *moveStepInput) (*rundownOutput, error) {
		return a.walked(ctx, in.Channel, "rundown.move", in.Step, func(_ *channel.Channel, r *rundown.Rundown) error { return r.Move(in.Step, in.Body.After) })
	})
	huma.Register(doc, op(http.MethodDelete, "/steps/{step}", "remove-step", "Remove a step", 200), func(ctx context.Context, in *stepInput) (*rundownOutput, error) {
		return a.walked(ctx, in.Channel, "rundown.remove", in.Step, func(_ *channel.Channel, r *rundown.Rundown) error { return r.Remove(in.Step) })
	})
	huma.Register(doc, op(http.MethodPost, "/go", "go-to-step", "Go on to a step; what it cuts to and shows is cut to and shown by who goes on", 200), func(ctx context.Context, in *walkInput) (*rundownOutput, error) {
		return a.walked(ctx, in.Channel, "", "", func(_ *channel.Channel, r *rundown.Rundown) error {
			return r.Go(in.Body.From, in.Body.To, time.Now())
		})
	})
}

// walked changes a rundown, tells all producers, and notes it, unless did is "".
func (a *API) walked(ctx context.Context, slug, did, detail string, change func(*channel.Channel, *rundown.Rundown) error) (*rundownOutput, error) {
	c, r, err := edited(ctx, a, slug, account.Cut, a.cfg.Rundowns.Update, change)
	if err != nil {
		return nil, err
	}
	a.cfg.Station.Touch(c.ID)
	if did != "" {
		a.note(ctx, c.ID, did, detail)
	}
	return &rundownOutput{r}, nil
}
