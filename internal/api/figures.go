package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/figures"
)

// Figure is what was counted of a channel's audience from a moment on, up to the next one.
type Figure struct {
	Start    time.Time `json:"start"`
	Seconds  float64   `json:"seconds" doc:"how long the span is"`
	Viewers  float64   `json:"viewers" doc:"at once, on average"`
	Most     int64     `json:"most" doc:"at once, at most"`
	Views    int64     `json:"views" doc:"viewers who came"`
	Watched  float64   `json:"watched" doc:"hours, of all viewers together"`
	Stalls   int64     `json:"stalls" doc:"times that a player had nothing to play"`
	Stalled  float64   `json:"stalled" doc:"seconds of those, as far as players say"`
	Latency  float64   `json:"latency,omitempty" doc:"seconds of delay from the camera to the picture on average, as players say; absent if none did"`
	Bytes    int64     `json:"bytes" doc:"of media that was sent"`
	Messages int64     `json:"messages" doc:"in the chat"`
}

// Kind is a part of the audience.
type Kind struct {
	Name    string  `json:"name"`
	Watched float64 `json:"watched" doc:"hours"`
}

type figuresOutput struct {
	Body struct {
		Total     Figure   `json:"total"`
		Spans     []Figure `json:"spans" doc:"oldest first; spans in which nothing happened are left out"`
		Devices   []Kind   `json:"devices"`
		Countries []Kind   `json:"countries" doc:"empty unless a proxy says them"`
		Referrers []Kind   `json:"referrers" doc:"sites that viewers came from"`
	}
}

// hourly is the length of a time from which on spans are hours.
const hourly = 50 * time.Hour

func (a *API) registerFigures(doc huma.API) {
	op := func(path, id, summary string) huma.Operation {
		return operation(http.MethodGet, "/channels/{channel}/"+path, id, summary, "figures", 200, true)
	}
	huma.Register(doc, op("figures", "figures", "How many watched, for how long, from where, with what, and how well it played"), a.figures)
	huma.Register(doc, op("figures.csv", "figures-csv", "The same as a table"), a.figuresCSV)
}

func figureOf(at time.Time, span time.Duration, s *figures.Slot) Figure {
	f := Figure{
		Start: at, Seconds: span.Seconds(), Most: s.Peak(), Views: s.Views, Watched: float64(s.Watch) / 3.6e6, Stalls: s.Stalls, Stalled: float64(s.Stalled) / 1000,
		Bytes: s.Bytes, Messages: s.Said,
	}
	if span > 0 {
		f.Viewers = float64(s.Watch) / float64(span.Milliseconds())
	}
	if s.Reports > 0 {
		f.Latency = float64(s.Latency) / float64(s.Reports) / 1000
	}
	return f
}

// counted reads what a caller asks for: the last day, unless something else is said.
func (a *API) counted(ctx context.Context, in *timesInput) ([]figures.At, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	if in.To.IsZero() {
		in.To = a.now()
	}
	if in.From.IsZero() {
		in.From = in.To.Add(-24 * time.Hour)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, 2*bucketTime)
	defer cancel()
	list, err := a.cfg.Figures.Read(bounded, c.ID, in.From, in.To)
	return list, a.problem(err)
}

// spans sums slots so that there are not too many to be shown.
func spans(list []figures.At, over time.Duration) []Figure {
	span := figures.Span
	if over > hourly {
		span = time.Hour
	}
	out := []Figure{}
	for i := 0; i < len(list); {
		start, most := list[i].Start.Truncate(span), int64(0)
		first := i
		for ; i < len(list) && list[i].Start.Truncate(span).Equal(start); i++ {
			most = max(most, list[i].Peak())
		}
		total := figures.Total(list[first:i])
		f := figureOf(start, span, &total)
		f.Most = most
		out = append(out, f)
	}
	return out
}

func (a *API) figures(ctx context.Context, in *timesInput) (*figuresOutput, error) {
	list, err := a.counted(ctx, in)
	if err != nil {
		return nil, err
	}
	over := in.To.Sub(in.From)
	total := figures.Total(list)
	out := &figuresOutput{}
	out.Body.Spans = spans(list, over)
	out.Body.Total = figureOf(in.From, over, &total)
	out.Body.Total.Most = 0
	for _, s := range out.Body.Spans {
		out.Body.Total.Most = max(out.Body.Total.Most, s.Most)
	}
	out.Body.Devices, out.Body.Countries, out.Body.Referrers = kindsOf(total.Devices), kindsOf(total.Countries), kindsOf(total.Referrers)
	return out, nil
}

// kindsOf lists kinds, the one that watched most first.
func kindsOf(m map[string]int64) []Kind {
	out := []Kind{}
	for _, name := range slices.SortedFunc(maps.Keys(m), func(x, y string) int { return cmp.Or(cmp.Compare(m[y], m[x]), cmp.Compare(x, y)) }) {
		out = append(out, Kind{name, float64(m[name]) / 3.6e6})
	}
	return out
}

func (a *API) figuresCSV(ctx context.Context, in *timesInput) (*fileOutput, error) {
	list, err := a.counted(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"start", "viewers", "most", "views", "hours watched", "stalls", "seconds stalled", "latency", "bytes", "messages", "device", "country", "referrer"})
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }
	for _, f := range spans(list, in.To.Sub(in.From)) {
		w.Write([]string{
			f.Start.UTC().Format(time.RFC3339), number(f.Viewers), strconv.FormatInt(f.Most, 10), strconv.FormatInt(f.Views, 10), number(f.Watched),
			strconv.FormatInt(f.Stalls, 10), number(f.Stalled), number(f.Latency), strconv.FormatInt(f.Bytes, 10), strconv.FormatInt(f.Messages, 10), "", "", "",
		})
	}
	total := figures.Total(list)
	for _, part := range []struct {
		column int
		kinds  []Kind
	}{{10, kindsOf(total.Devices)}, {11, kindsOf(total.Countries)}, {12, kindsOf(total.Referrers)}} {
		for _, k := range part.kinds {
			row := make([]string, 13)
			row[4], row[part.column] = number(k.Watched), cell(k.Name)
			w.Write(row)
		}
	}
	w.Flush()
	return &fileOutput{Type: "text/csv; charset=utf-8", Disposition: `attachment; filename="` + in.Channel + `-figures.csv"`, Body: b.Bytes()}, w.Error()
}
