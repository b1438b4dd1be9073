package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/mayfly-tv/mayfly/internal/ingest/push"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/thumbnail"
)

// pushDesk lets publishers that push over HTTP publish to a station.
type pushDesk struct{ node *node }

func (d pushDesk) Publish(ctx context.Context, p push.Publication) (push.Sink, error) {
	s, err := d.node.station.Publish(ctx, station.Publication{
		Key: p.Key, Remote: p.Remote, Encoder: p.Encoder, Session: p.Session,
		Kick: func(reason error) { p.Kick(pushRefusal(reason)) },
	})
	if err != nil {
		d.node.holdGuess(ctx, err, p.Remote)
		return nil, pushRefusal(err)
	}
	return pushSink{s}, nil
}

type pushSink struct{ *station.Session }

func (s pushSink) Tracks(t []media.Track) error { return pushRefusal(s.Session.Tracks(t)) }

func (s pushSink) Sample(m media.Sample) error { return pushRefusal(s.Session.Sample(m)) }

// pushReasons are the station's reasons and the answers to a publisher that pushes.
var pushReasons = []struct {
	reason error
	answer *push.Refusal
}{
	{station.ErrUnknownKey, push.ErrUnknownKey},
	{station.ErrReplaced, push.ErrReplaced},
	{station.ErrTwoEncoders, push.ErrTwoEncoders},
	{station.ErrStorageFull, push.ErrStorageFull},
	{station.ErrKeyRevoked, push.ErrKeyRevoked},
	{station.ErrLeaving, push.Leaving},
}

func pushRefusal(err error) error {
	if s, ok := errors.AsType[*station.SuspendedError](err); ok {
		return push.Suspended(s.Reason)
	}
	for _, r := range pushReasons {
		if errors.Is(err, r.reason) {
			return r.answer
		}
	}
	return err
}

// mesher sends requests to other nodes, by their names as the host.
type mesher struct{ node *node }

func (m mesher) RoundTrip(q *http.Request) (*http.Response, error) {
	joined := m.node.mesh.Load()
	if joined == nil {
		return nil, mesh.ErrUnreachable
	}
	return joined.RoundTrip(q)
}

// pushRouter reaches the node that takes in a session.
type pushRouter struct{ mesher }

func (r pushRouter) Owner(key, session string) string { return r.node.station.Owner(key, session) }

// meshHandler answers other nodes: media, and what publishers pushed to a node that another one takes in.
func (n *node) meshHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mesh/", n.station.MeshHandler())
	mux.Handle(thumbnail.Pattern, n.pictures)
	mux.Handle("/push/", n.pushed)
	n.operated(mux)
	return mux
}
