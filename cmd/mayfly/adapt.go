package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/api"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/deliver"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/ingest/rtmp"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
	"github.com/mayfly-tv/mayfly/internal/thumbnail"
)

// The packages that are joined here do not know one another's errors.

// desk lets encoders publish to a station.
type desk struct{ node *node }

func (d desk) Publish(ctx context.Context, p rtmp.Publication) (rtmp.Sink, error) {
	s, err := d.node.station.Publish(ctx, station.Publication{
		Key: p.Key, Remote: p.Remote, Encoder: p.Encoder,
		Kick:      func(reason error) { p.Kick(refusal(reason)) },
		Reconnect: p.Reconnect,
	})
	if err != nil {
		d.node.holdGuess(ctx, err, p.Remote)
		return nil, refusal(err)
	}
	return sink{s}, nil
}

// holdGuess keeps who tries one stream key after the other waiting.
func (n *node) holdGuess(ctx context.Context, err error, remote string) {
	if errors.Is(err, station.ErrUnknownKey) {
		n.people.HoldGuess(ctx, remote)
	}
}

// sink gives a session's errors the words that encoders show.
type sink struct{ *station.Session }

func (s sink) Tracks(t []media.Track) error { return refusal(s.Session.Tracks(t)) }

func (s sink) Sample(m media.Sample) error {
	return refusal(s.Session.Sample(m))
}

// reasons are the stations' reasons and the words that the encoder is told.
var reasons = []struct {
	reason error
	words  *rtmp.Refusal
}{
	{station.ErrUnknownKey, rtmp.ErrUnknownKey},
	{station.ErrReplaced, rtmp.ErrReplaced},
	{station.ErrTwoEncoders, rtmp.ErrTwoEncoders},
	{station.ErrStorageFull, rtmp.ErrStorageFull},
	{station.ErrKeyRevoked, rtmp.ErrKeyRevoked},
	{station.ErrLeaving, rtmp.Leaving},
}

// refusal turns a station's reason into the one that the encoder is told.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := errors.AsType[*station.SuspendedError](err); ok {
		return rtmp.Suspended(s.Reason)
	}
	for _, r := range reasons {
		if errors.Is(err, r.reason) {
			return r.words
		}
	}
	return err
}

// programs shows a station's programs to viewers.
type programs struct {
	station *station.Station
	asked   *asked
}

func (p programs) Program(slug string) (deliver.Program, error) {
	found, err := p.station.Program(slug)
	if err != nil {
		return nil, viewerError(err)
	}
	if of, burnt := strings.CutSuffix(slug, station.BurntPath); burnt {
		p.asked.note(of)
	}
	return shown{found}, nil
}

// timeline is what a program or a preview has to show.
type timeline interface {
	Window(rendition string, dvr bool) (*hls.Window, <-chan struct{}, error)
	Variants() ([]hls.Variant, <-chan struct{}, error)
}

type shown struct{ program timeline }

func (s shown) Window(rendition string, dvr bool) (*hls.Window, <-chan struct{}, error) {
	w, changed, err := s.program.Window(rendition, dvr)
	return w, changed, viewerError(err)
}

func (s shown) Variants() ([]hls.Variant, <-chan struct{}, error) {
	v, changed, err := s.program.Variants()
	return v, changed, viewerError(err)
}

// previews shows what sources send.
type previews struct{ node *node }

func (p previews) ServePreview(w http.ResponseWriter, r *http.Request, slug, take, rendition string, pass api.Pass) {
	id, err := media.ParseTakeID(take)
	var found *station.Program
	if err == nil {
		found, err = p.node.station.Program(slug)
	}
	var preview *station.Preview
	if err == nil {
		preview, err = found.Preview(id)
	}
	if err != nil {
		http.Error(w, "Nobody sends that any more.", http.StatusNotFound)
		return
	}
	p.node.viewers.ServeProgram(w, r, slug+"/"+take, shown{preview}, rendition, admission(pass))
}

// gate lets viewers in as the accounts say.
type gate struct{ node *node }

func (g gate) Channel(r *http.Request, slug string) (deliver.Admission, error) {
	pass, err := g.node.pages.Watch(r, slug)
	return admission(pass), gateError(err)
}

func (g gate) Media(r *http.Request, take media.TakeID) (private bool, err error) {
	if g.node.channels.AllOpen() {
		return false, nil
	}
	id := g.node.station.ChannelOf(take)
	if id == "" {
		if id, err = g.node.library.ChannelOf(r.Context(), take); err != nil {
			return true, viewerError(err)
		}
	}
	c, err := g.node.channels.ByID(id)
	if err != nil {
		select {
		case <-g.node.channels.Loaded():
			return true, deliver.ErrNotFound
		default:
			return true, deliver.ErrUnavailable // too early to know
		}
	}
	if c.Open() {
		return false, nil
	}
	return true, gateError(g.node.pages.Fetch(r, c, deliver.TokenOf(r)))
}

func (g gate) Elsewhere(slug string) (sum int) {
	joined := g.node.mesh.Load()
	if joined == nil {
		return 0
	}
	for _, m := range joined.Members() {
		if !m.Self && m.State == mesh.Alive {
			sum += m.Load.Watching[slug]
		}
	}
	return sum
}

func admission(p api.Pass) deliver.Admission {
	return deliver.Admission{Private: p.Private, Lists: p.Lists, Media: p.Media, Limit: p.Limit, Crew: p.Crew}
}

// gateError turns what the accounts say into what deliver answers with.
func gateError(err error) error {
	var often *account.OftenError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &often):
		return &deliver.OftenError{Wait: often.Wait}
	case errors.Is(err, api.ErrPrivate):
		return deliver.ErrPrivate
	case errors.Is(err, api.ErrPassword):
		return deliver.ErrPassword
	case errors.Is(err, channel.ErrNotFound):
		return deliver.ErrNoChannel
	}
	return fmt.Errorf("%w: %w", deliver.ErrUnavailable, err)
}

// newest gives a station's keyframes to who makes thumbnails.
type newest struct{ station *station.Station }

func (n newest) keyframe(ctx context.Context, take media.TakeID) ([]byte, error) {
	data, err := n.station.Newest(ctx, take)
	if errors.Is(err, station.ErrNotFound) {
		return nil, thumbnail.ErrNone
	}
	return data, err
}

// thumbnails shows what takes show, small.
type thumbnails struct {
	maker   *thumbnail.Maker
	library *library.Library
}

func (t thumbnails) Clip(ctx context.Context, a media.Address) ([]byte, error) {
	return t.maker.Clip(ctx, a.Take, func(ctx context.Context) ([]byte, error) {
		init := a
		init.Init = true
		head, err := t.library.Open(ctx, init)
		if err != nil {
			return nil, err
		}
		segment, err := t.library.Open(ctx, a)
		return slices.Concat(slices.Concat(head, segment)...), err
	})
}

func (t thumbnails) Thumbnail(ctx context.Context, take, node string) ([]byte, error) {
	id, err := media.ParseTakeID(take)
	if err != nil {
		return nil, err
	}
	return t.maker.Picture(ctx, id, node)
}

// opener opens a station's media, and that of clips, which no station knows.
type opener struct {
	station *station.Station
	library *library.Library
}

func (o opener) Open(ctx context.Context, a media.Address) (deliver.Body, <-chan struct{}, error) {
	b, changed, err := o.station.Open(ctx, a)
	if errors.Is(err, take.ErrNoMedia) {
		b, err = o.library.Open(ctx, a)
	}
	return b, changed, viewerError(err)
}

// answers are errors from below and the ones that deliver answers with.
var answers = []struct{ ours, theirs error }{
	{station.ErrNotYet, deliver.ErrNotYet},
	{take.ErrNotYet, deliver.ErrNotYet},
	{take.ErrNoMedia, deliver.ErrNotFound},
	{station.ErrNotOnAir, deliver.ErrNotOnAir},
	{station.ErrNoChannel, deliver.ErrNoChannel},
	{station.ErrNotFound, deliver.ErrNotFound},
}

// viewerError turns an error into the one that deliver answers with.
func viewerError(err error) error {
	if err == nil {
		return nil
	}
	for _, a := range answers {
		if errors.Is(err, a.ours) {
			return a.theirs
		}
	}
	return fmt.Errorf("%w: %w", deliver.ErrUnavailable, err)
}
