package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/report"
)

type reportInput struct {
	Channel string `path:"channel"`
	Token   string `query:"t" maxLength:"200" doc:"playback token"`
	Body    struct {
		Reason string `json:"reason" enum:"violence,sexual,children,rights,fraud,privacy,other"`
		Words  string `json:"words,omitempty" maxLength:"2000"`
		Email  string `json:"email,omitempty" maxLength:"254" doc:"to answer to; it is deleted with the report"`
	}
}

// Reported is what viewers report of one channel.
type Reported struct {
	report.Pile
	Title     string `json:"title,omitempty" doc:"absent if the channel is gone"`
	Suspended string `json:"suspended,omitempty"`
}

// Suspension is a channel that nobody may watch or publish to.
type Suspension struct {
	Slug   string `json:"slug"`
	Title  string `json:"title"`
	Reason string `json:"reason"`
}

type reportsOutput struct {
	Body struct {
		Reports   []Reported   `json:"reports"`
		Suspended []Suspension `json:"suspended"`
	}
}

type answerInput struct {
	Pile string `path:"pile" doc:"id of the channel" maxLength:"40" pattern:"^[0-9a-f]+$"`
	Body struct {
		Last int64 `json:"last" minimum:"1" doc:"number of the newest report that was read"`
	}
}

type suspendInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"the people who work on the channel read it"`
	}
}

func (a *API) registerReports(doc huma.API) {
	const tag = "operator"
	huma.Register(doc, operation(http.MethodPost, "/channels/{channel}/reports", "report", "Report a channel to who runs this server", "watching", 202, false), a.report)
	huma.Register(doc, operation(http.MethodGet, "/reports", "reports", "What viewers report, and which channels are suspended", tag, 200, true), byOperator(a, a.reports))
	huma.Register(doc, operation(http.MethodPost, "/reports/{pile}/dismiss", "dismiss-reports", "Drop the reports of a channel that were read", tag, 204, true), byOperator(a, a.dismiss))
	huma.Register(doc, operation(http.MethodPut, "/channels/{channel}/suspension", "suspend-channel", "Suspend a channel: nobody may watch it or publish to it", tag, 204, true), byOperator(a, a.suspend))
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/suspension", "end-suspension", "End a channel's suspension", tag, 204, true), byOperator(a, a.unsuspend))
}

func (a *API) report(ctx context.Context, in *reportInput) (*struct{}, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err == nil && c.Suspended != "" {
		err = channel.ErrNotFound
	}
	if err == nil && a.mayWatch(ctx, c, in.Token) != nil {
		err = a.turnedAway(ctx, c, in.Token)
	}
	if err != nil {
		return nil, a.problem(err)
	}
	r := report.Report{At: a.now().UTC(), Reason: in.Body.Reason, Words: in.Body.Words, Email: in.Body.Email}
	if err := r.Check(); err != nil {
		return nil, a.problem(err)
	}
	if err := a.cfg.People.MayReport(visitorOf(ctx).from); err != nil {
		return nil, a.problem(err)
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.Reports.Add(bounded, c.ID, c.Slug, r))
}

func (a *API) reports(ctx context.Context, _ *struct{}) (*reportsOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	piles, err := a.cfg.Reports.Open(bounded)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &reportsOutput{}
	out.Body.Reports, out.Body.Suspended = []Reported{}, []Suspension{}
	for _, p := range piles {
		line := Reported{Pile: p}
		if c, err := a.cfg.Channels.ByID(p.Channel); err == nil {
			line.Title, line.Suspended = c.Title, c.Suspended
		}
		out.Body.Reports = append(out.Body.Reports, line)
	}
	for _, c := range a.cfg.Channels.All() {
		if c.Suspended != "" {
			out.Body.Suspended = append(out.Body.Suspended, Suspension{c.Slug, c.Title, c.Suspended})
		}
	}
	return out, nil
}

func (a *API) dismiss(ctx context.Context, in *answerInput) (*struct{}, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	count, err := a.cfg.Reports.Answered(bounded, in.Pile, in.Body.Last)
	if err != nil {
		return nil, a.problem(err)
	}
	name := in.Pile
	if c, err := a.cfg.Channels.ByID(in.Pile); err == nil {
		name = c.Slug
	}
	a.note(ctx, account.FleetTrail, "reports.answer", fmt.Sprintf("%s: %d", name, count))
	return nil, nil
}

func (a *API) suspend(ctx context.Context, in *suspendInput) (*struct{}, error) {
	return a.suspension(ctx, in.Channel, in.Body.Reason)
}

func (a *API) unsuspend(ctx context.Context, in *channelInput) (*struct{}, error) {
	return a.suspension(ctx, in.Channel, "")
}

// suspension sets why a channel is suspended, and notes it in both trails: the channel's people and the operators
// read different ones.
func (a *API) suspension(ctx context.Context, slug, reason string) (*struct{}, error) {
	c, err := a.changed(ctx, slug, account.Operate, "channel.suspend", func(c *channel.Channel) (string, error) {
		c.Suspended = reason
		return reason, nil
	})
	if err != nil {
		return nil, err
	}
	a.note(ctx, account.FleetTrail, "channel.suspend", c.Slug+": "+reason)
	return nil, nil
}
