package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

type guideOutput struct {
	Body struct {
		Channels []station.Status `json:"channels"`
	}
}

type nodesOutput struct {
	Body struct {
		Nodes []Node `json:"nodes"`
	}
}

func (a *API) registerStatus(doc huma.API) {
	huma.Register(doc, huma.Operation{
		OperationID: "guide", Method: http.MethodGet, Path: "/api/v1/guide", Summary: "What is on", Tags: []string{"status"},
	}, func(ctx context.Context, _ *struct{}) (*guideOutput, error) {
		out := &guideOutput{}
		out.Body.Channels = a.guide(ctx, "", "")
		return out, nil
	})
	huma.Register(doc, huma.Operation{
		OperationID: "nodes", Method: http.MethodGet, Path: "/api/v1/nodes", Summary: "The fleet as this node sees it", Tags: []string{"status"},
	}, func(context.Context, *struct{}) (*nodesOutput, error) {
		out := &nodesOutput{}
		out.Body.Nodes = a.cfg.Nodes()
		return out, nil
	})
}

// guide returns the statuses of the listed channels, those on air first, or that of one channel, as far as who
// asks with a playback token may know it.
func (a *API) guide(ctx context.Context, slug, token string) []station.Status {
	if slug != "" {
		p, err := a.cfg.Station.Program(slug)
		if err != nil || !p.Known() {
			return nil
		}
		c, err := a.cfg.Channels.Get(slug)
		if err == nil {
			err = a.mayWatch(ctx, c, token)
		}
		if errors.Is(err, channel.ErrNotFound) {
			return nil
		}
		s := p.Status()
		if err != nil {
			s = sealed(s, err)
		}
		s.Notice = ""
		return []station.Status{s}
	}
	all := slices.DeleteFunc(a.cfg.Station.Statuses(), func(s station.Status) bool {
		return s.Access.Visibility != channel.Listed || s.Access.Suspended != ""
	})
	for i := range all {
		all[i].Notice = ""
	}
	order := map[station.State]int{station.Live: 0, station.Off: 1, station.Never: 2}
	slices.SortFunc(all, func(x, y station.Status) int {
		if d := order[x.State] - order[y.State]; d != 0 {
			return d
		}
		if x.State == station.Live && x.Viewers != y.Viewers {
			return y.Viewers - x.Viewers
		}
		return strings.Compare(x.Slug, y.Slug)
	})
	return all
}

type eventsInput struct {
	Channel string `query:"channel" doc:"only this channel"`
	Token   string `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch it"`
}

// statusEvent is the status of a channel, sent at first and whenever it changed.
type statusEvent struct {
	station.Status
	Now time.Time `json:"now" doc:"the node's clock"`
}

// removedEvent says that a channel is no more.
type removedEvent struct {
	Slug string `json:"slug"`
}

// beatEvent keeps the connection open while nothing changes.
type beatEvent struct {
	Now time.Time `json:"now"`
}

const (
	eventPause = 500 * time.Millisecond // between two rounds of events about all channels
	cutPause   = 100 * time.Millisecond // about one: producers who work together see the same
	eventRound = 3 * time.Second        // viewers are counted so often
	eventBeat  = 15 * time.Second
)

func (a *API) registerEvents(doc huma.API) {
	sse.Register(doc, huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/api/v1/events", Summary: "Changes, as server-sent events", Tags: []string{"status"},
	}, map[string]any{"status": statusEvent{}, "removed": removedEvent{}, "beat": beatEvent{}, "graphics": graphicsEvent{}},
		func(ctx context.Context, in *eventsInput, send sse.Sender) { a.events(ctx, in.Channel, in.Token, send) })
}

// events tells one listener of changes until it leaves. However much happens, it is told at most twice a
// second, or ten times of a single channel, and a slow listener hurts only itself.
func (a *API) events(ctx context.Context, slug, token string, send sse.Sender) {
	if c, err := a.cfg.Channels.Get(slug); err == nil && token != "" && a.mayWatch(ctx, c, token) != nil && a.cfg.People.Guessed(visitorOf(ctx).from) != nil {
		return
	}
	told := map[string]station.Status{}
	over := overlay{api: a}
	beat := time.Now()
	for {
		changed := a.cfg.Station.Changed()
		now := time.Now()
		current := map[string]bool{}
		for _, s := range a.guide(ctx, slug, token) {
			current[s.Slug] = true
			if slug != "" && s.Gate == "" && !over.tell(ctx, s, send) {
				return
			}
			if old, ok := told[s.Slug]; ok && reflect.DeepEqual(old, s) {
				continue
			}
			if send.Data(statusEvent{s, now.UTC()}) != nil {
				return
			}
			told[s.Slug] = s
			beat = now
		}
		for slug := range told {
			if !current[slug] {
				delete(told, slug)
				if send.Data(removedEvent{slug}) != nil {
					return
				}
			}
		}
		if now.Sub(beat) >= eventBeat {
			beat = now
			if send.Data(beatEvent{now.UTC()}) != nil {
				return
			}
		}
		wait := eventPause
		if slug != "" {
			wait = cutPause
		}
		if !pause(ctx, wait) {
			return
		}
		select {
		case <-changed:
		case <-time.After(eventRound):
		case <-ctx.Done():
			return
		}
	}
}

// pause waits, and reports false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
