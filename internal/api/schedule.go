package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Schedule is what a channel plays when nobody is live.
type Schedule struct {
	Zone        string         `json:"zone" example:"Europe/Berlin" doc:"local time of the slots"`
	Storyboards []PlannedBoard `json:"storyboards" maxItems:"200"`
	Filler      string         `json:"filler" doc:"id of the storyboard that plays in a loop where no slot says otherwise"`
	Slots       []Slot         `json:"slots,omitempty" maxItems:"500"`
}

// PlannedBoard is a storyboard of the library, or an ordered list of clips of its own.
type PlannedBoard struct {
	ID    string        `json:"id" minLength:"1" maxLength:"64"`
	Title string        `json:"title,omitempty" maxLength:"120"`
	Clips []PlannedClip `json:"clips,omitempty" doc:"absent: as they stand now in the library's storyboard of that id"`
}

// PlannedClip is a clip, or a stretch of it.
type PlannedClip struct {
	Take  string `json:"take" doc:"its id"`
	Title string `json:"title,omitempty" maxLength:"120"`
	From  uint32 `json:"from,omitempty" doc:"the first segment that is played"`
	To    uint32 `json:"to,omitempty" doc:"the first segment that is not; 0 for all"`
}

// Slot begins a storyboard at a fixed time.
type Slot struct {
	Storyboard string `json:"storyboard"`
	At         string `json:"at" example:"20:15" doc:"local time, with or without seconds; what plays is cut at the next boundary of segments"`
	Days       []int  `json:"days,omitempty" doc:"0 is Sunday"`
	Date       string `json:"date,omitempty" example:"2026-12-24" doc:"instead of days: only then"`
	Repeat     bool   `json:"repeat,omitempty" doc:"in a loop until the next slot; else the filler follows"`
}

type scheduleInput struct {
	Channel string `path:"channel"`
	Body    Schedule
}

type scheduleOutput struct {
	Body struct {
		Schedule
		Version int64     `json:"version" doc:"each change makes another; 0: nothing is planned so far"`
		Made    time.Time `json:"made"`
		Card    bool      `json:"card,omitempty" doc:"it plays nothing but the off-air card"`
	}
}

type timesInput struct {
	Channel string    `path:"channel"`
	Token   string    `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch it"`
	From    time.Time `query:"from" doc:"default: now for the guide, 24 hours ago for the log"`
	To      time.Time `query:"to" doc:"default: a week later for the guide, now for the log"`
}

type plannedOutput struct {
	Body struct {
		Now        *program.Programme  `json:"now,omitempty"`
		Next       *program.Programme  `json:"next,omitempty"`
		Programmes []program.Programme `json:"programmes"`
	}
}

type asRunOutput struct {
	Body struct {
		Aired []Aired `json:"aired"`
	}
}

// Aired is one line of the as-run log.
type Aired struct {
	Start      time.Time `json:"start"`
	Seconds    float64   `json:"seconds"`
	Source     string    `json:"source" doc:"id of the source, or \"autopilot\""`
	Storyboard string    `json:"storyboard,omitempty"`
	Title      string    `json:"title,omitempty" doc:"of the clip, or name of the source"`
	Number     int64     `json:"number" doc:"media sequence number that it began with"`
}

type fileOutput struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// maxSchedule bounds the body of a schedule.
const maxSchedule = 1 << 20

func (a *API) registerSchedule(doc huma.API) {
	op := func(method, path, id, summary string, signed bool) huma.Operation {
		return operation(method, "/channels/{channel}"+path, id, summary, "channels", 200, signed)
	}
	put := op(http.MethodPut, "/schedule", "put-schedule", "Say what is played when nobody is live: a new version, that is cut to if an older one is on air", true)
	put.MaxBodyBytes = maxSchedule
	huma.Register(doc, put, a.putSchedule)
	huma.Register(doc, op(http.MethodGet, "/schedule", "get-schedule", "Read what is played when nobody is live", true), a.getSchedule)
	huma.Register(doc, op(http.MethodGet, "/guide", "channel-guide", "What plays now, next and later", false), a.upcoming)
	huma.Register(doc, op(http.MethodGet, "/guide.xml", "channel-guide-xmltv", "The same as XMLTV", false), a.guideXML)
	huma.Register(doc, op(http.MethodGet, "/as-run", "as-run", "What was on air", true), a.asRun)
	huma.Register(doc, op(http.MethodGet, "/as-run.csv", "as-run-csv", "The same as CSV", true), a.asRunCSV)
}

// plan makes a plan of what a producer sent.
func (s *Schedule) plan(now time.Time) (plan program.Plan, err error) {
	if plan.Zone, err = program.NewZone(s.Zone, now); err != nil {
		return plan, err
	}
	plan.Filler = s.Filler
	for _, b := range s.Storyboards {
		board := program.Storyboard{ID: b.ID, Title: b.Title}
		for _, c := range b.Clips {
			id, err := media.ParseTakeID(c.Take)
			if err != nil {
				return plan, fmt.Errorf("%w: storyboard %.40q: %w", program.ErrPlan, b.ID, err)
			}
			board.Clips = append(board.Clips, program.Clip{Take: id, Title: c.Title, From: c.From, To: c.To})
		}
		plan.Storyboards = append(plan.Storyboards, board)
	}
	for i, x := range s.Slots {
		at, err := time.Parse(time.TimeOnly, x.At)
		if err != nil {
			at, err = time.Parse("15:04", x.At)
		}
		if err != nil {
			return plan, fmt.Errorf("%w: slot %d begins at %.20q: want a time such as 20:15", program.ErrPlan, i+1, x.At)
		}
		slot := program.Slot{Storyboard: x.Storyboard, At: at.Hour()*3600 + at.Minute()*60 + at.Second(), Date: x.Date, Repeat: x.Repeat}
		for _, d := range x.Days {
			slot.Days = append(slot.Days, time.Weekday(d))
		}
		plan.Slots = append(plan.Slots, slot)
	}
	return plan, nil
}

// fill takes the clips of storyboards that name none from the library, as they stand there now. It returns the channels
// that they belong to, if it is another one.
func (a *API) fill(ctx context.Context, c *channel.Channel, s *Schedule) (lenders []string, err error) {
	for i := range s.Storyboards {
		b := &s.Storyboards[i]
		if len(b.Clips) > 0 {
			if c.Plan != nil { // they are of the plan before
				lenders = append(lenders, c.Plan.Lenders...)
			}
			continue
		}
		if a.cfg.Library == nil {
			return nil, station.ErrNoClips
		}
		board, placed, err := a.cfg.Library.Storyboard(ctx, c.ID, b.ID)
		if err != nil {
			return nil, fmt.Errorf("%w: storyboard %.40q: %w", program.ErrPlan, b.ID, err)
		}
		if b.Title == "" {
			b.Title = board.Name
		}
		for _, x := range placed {
			clip, err := a.plannedClip(ctx, x)
			if err != nil {
				return nil, fmt.Errorf("%w: storyboard %.80q: clip %.40q: %w: take it out, or wait until it is ready", program.ErrPlan, board.Name, x.Clip, err)
			}
			b.Clips = append(b.Clips, clip)
			if x.Channel != c.ID {
				lenders = append(lenders, x.Channel)
			}
		}
	}
	slices.Sort(lenders)
	return slices.Compact(lenders), nil
}

// plannedClip returns what is played of a clip of the library.
func (a *API) plannedClip(ctx context.Context, x library.Placed) (out PlannedClip, err error) {
	clip, err := a.cfg.Library.Clip(ctx, x.Channel, x.Clip)
	if err != nil {
		return out, err
	}
	if clip.State != library.Ready {
		return out, library.ErrState
	}
	l, err := a.cfg.Library.Listing(ctx, clip.Take)
	if err != nil {
		return out, err
	}
	from, to := clip.Played(l)
	return PlannedClip{Take: clip.Take.String(), Title: clip.Title, From: from, To: to}, nil
}

// scheduleOf is the reverse.
func scheduleOf(plan *program.Plan) *scheduleOutput {
	out := &scheduleOutput{}
	out.Body.Version, out.Body.Made, out.Body.Card = plan.Version, plan.Made, plan.Card != ""
	s := &out.Body.Schedule
	s.Zone, s.Filler = plan.Zone.Name, plan.Filler
	for _, b := range plan.Storyboards {
		board := PlannedBoard{ID: b.ID, Title: b.Title}
		for _, c := range b.Clips {
			board.Clips = append(board.Clips, PlannedClip{Take: c.Take.String(), Title: c.Title, From: c.From, To: c.To})
		}
		s.Storyboards = append(s.Storyboards, board)
	}
	for _, x := range plan.Slots {
		slot := Slot{Storyboard: x.Storyboard, At: fmt.Sprintf("%02d:%02d:%02d", x.At/3600, x.At/60%60, x.At%60), Date: x.Date, Repeat: x.Repeat}
		for _, d := range x.Days {
			slot.Days = append(slot.Days, int(d))
		}
		s.Slots = append(s.Slots, slot)
	}
	return out
}

// program returns a channel's program, if the caller may do something there.
func (a *API) program(ctx context.Context, slug string, do account.Action) (*channel.Channel, *station.Program, error) {
	c, err := a.channel(ctx, slug, do)
	if err != nil {
		return nil, nil, err
	}
	p, err := a.cfg.Station.Program(slug)
	if err != nil {
		return nil, nil, a.problem(err)
	}
	return c, p, nil
}

func (a *API) putSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	c, p, err := a.program(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	lenders, err := a.fill(ctx, c, &in.Body)
	if err != nil {
		return nil, a.problem(err)
	}
	plan, err := in.Body.plan(time.Now())
	if err != nil {
		return nil, a.problem(err)
	}
	plan.Lenders = lenders
	version, err := p.Replan(ctx, plan)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "schedule.put", strconv.FormatInt(version, 10))
	plan.Version, plan.Made = version, time.Now().UTC().Truncate(time.Second)
	return scheduleOf(&plan), nil
}

func (a *API) getSchedule(ctx context.Context, in *channelInput) (*scheduleOutput, error) {
	_, p, err := a.program(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	s, err := p.Plan(ctx)
	if errors.Is(err, program.ErrNoPlan) {
		out := &scheduleOutput{}
		out.Body.Storyboards = []PlannedBoard{}
		return out, nil
	}
	if err != nil {
		return nil, a.problem(err)
	}
	return scheduleOf(s.Plan), nil
}

const (
	guideSpan = 7 * 24 * time.Hour
	// maxSpan bounds for how long a guide or a log may be asked for.
	maxSpan = 31 * 24 * time.Hour
)

// programmes answers for the guide, which whoever may watch the channel may read.
func (a *API) programmes(ctx context.Context, in *timesInput) (*channel.Channel, []program.Programme, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, nil, err
	}
	p, err := a.cfg.Station.Program(in.Channel)
	if err != nil {
		return nil, nil, a.problem(err)
	}
	if in.From.IsZero() {
		in.From = time.Now()
	}
	if in.To.IsZero() {
		in.To = in.From.Add(guideSpan)
	}
	if err := in.check(); err != nil {
		return nil, nil, err
	}
	list, err := p.Guide(ctx, in.From, in.To)
	if errors.Is(err, program.ErrNoPlan) {
		err = nil // nothing is planned
	}
	if c.Plan != nil && c.Plan.Card != "" {
		list = nil // a card is no programme
	}
	return c, withShows(c, list, in.From, in.To), a.problem(err)
}

func (in *timesInput) check() error {
	if span := in.To.Sub(in.From); span <= 0 || span > maxSpan {
		return huma.Error422UnprocessableEntity(fmt.Sprintf("from %s to %s: want a later time, at most 31 days later", in.From.Format(time.RFC3339), in.To.Format(time.RFC3339)))
	}
	return nil
}

func (a *API) upcoming(ctx context.Context, in *timesInput) (*plannedOutput, error) {
	_, list, err := a.programmes(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &plannedOutput{}
	if out.Body.Programmes = list; list == nil {
		out.Body.Programmes = []program.Programme{}
	}
	now := time.Now()
	for i := range list {
		switch x := &list[i]; {
		case x.Show != "" && !x.Start.After(now): // whether it is on is seen by what is on air
		case !x.Start.After(now) && x.Stop.After(now):
			out.Body.Now = x
		case x.Start.After(now) && out.Body.Next == nil:
			out.Body.Next = x
		}
	}
	return out, nil
}

// xmltv is a guide as other programs read it.
type xmltv struct {
	XMLName   xml.Name `xml:"tv"`
	Generator string   `xml:"generator-info-name,attr"`
	Channel   struct {
		ID   string `xml:"id,attr"`
		Name string `xml:"display-name"`
	} `xml:"channel"`
	Programmes []xmltvProgramme `xml:"programme"`
}

type xmltvProgramme struct {
	Start   string `xml:"start,attr"`
	Stop    string `xml:"stop,attr"`
	Channel string `xml:"channel,attr"`
	Title   string `xml:"title"`
}

func (a *API) guideXML(ctx context.Context, in *timesInput) (*fileOutput, error) {
	c, list, err := a.programmes(ctx, in)
	if err != nil {
		return nil, err
	}
	tv := xmltv{Generator: "Mayfly"}
	tv.Channel.ID, tv.Channel.Name = c.Slug, c.Title
	const form = "20060102150405 -0700"
	for _, x := range list {
		tv.Programmes = append(tv.Programmes, xmltvProgramme{Start: x.Start.Format(form), Stop: x.Stop.Format(form), Channel: c.Slug, Title: x.Title})
	}
	body, err := xml.MarshalIndent(tv, "", " ")
	if err != nil {
		return nil, a.problem(err)
	}
	return &fileOutput{Type: "application/xml; charset=utf-8", Body: append([]byte(xml.Header), body...)}, nil
}

func (a *API) aired(ctx context.Context, in *timesInput) ([]Aired, error) {
	c, p, err := a.program(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	if in.To.IsZero() {
		in.To = time.Now()
	}
	if in.From.IsZero() {
		in.From = in.To.Add(-24 * time.Hour)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	list, err := p.AsRun(ctx, in.From, in.To)
	if err != nil {
		return nil, a.problem(err)
	}
	out := []Aired{}
	for _, x := range list {
		title := x.Title
		if s := c.Source(x.Source); s != nil {
			title = s.Name
		}
		out = append(out, Aired{Start: x.Start, Seconds: x.Duration.Seconds(), Source: x.Source, Storyboard: x.Storyboard, Title: title, Number: x.Number})
	}
	return out, nil
}

func (a *API) asRun(ctx context.Context, in *timesInput) (*asRunOutput, error) {
	out := &asRunOutput{}
	var err error
	out.Body.Aired, err = a.aired(ctx, in)
	return out, err
}

func (a *API) asRunCSV(ctx context.Context, in *timesInput) (*fileOutput, error) {
	list, err := a.aired(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"start", "seconds", "source", "storyboard", "title", "number"})
	for _, x := range list {
		w.Write([]string{x.Start.UTC().Format(time.RFC3339Nano), strconv.FormatFloat(x.Seconds, 'f', 3, 64), cell(x.Source), cell(x.Storyboard), cell(x.Title), strconv.FormatInt(x.Number, 10)})
	}
	w.Flush()
	return &fileOutput{Type: "text/csv; charset=utf-8", Disposition: `attachment; filename="` + in.Channel + `-as-run.csv"`, Body: b.Bytes()}, w.Error()
}

// cell keeps a spreadsheet from taking a title for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
