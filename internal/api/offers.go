package api

import (
	"context"
	"errors"

	"github.com/mayfly-tv/mayfly/internal/library"
)

// clipOffers are the clips of the library that are public.
type clipOffers struct{ library *library.Library }

func (o clipOffers) Offered(ctx context.Context, channel string) (out []Offered, err error) {
	clips, _, _, err := o.library.Clips(ctx, channel)
	for i := range clips {
		if c := &clips[i]; c.Public && c.State == library.Ready {
			end := c.Duration
			if c.Out > 0 {
				end = c.Out
			}
			out = append(out, Offered{ID: c.ID, Kind: OfferedClip, Title: c.Title, Made: c.Created, Duration: (end - c.In).Duration(), Poster: c.Poster})
		}
	}
	return out, err
}

// public returns a clip that is offered.
func (o clipOffers) public(ctx context.Context, channel, id string) (library.Clip, error) {
	c, err := o.library.Clip(ctx, channel, id)
	if errors.Is(err, library.ErrNotFound) || err == nil && (!c.Public || c.State != library.Ready) {
		err = ErrNotOffered
	}
	return c, err
}

func (o clipOffers) Playlist(ctx context.Context, channel, id, token string) ([]byte, error) {
	c, err := o.public(ctx, channel, id)
	if err != nil {
		return nil, err
	}
	return o.library.PlayedPlaylist(ctx, c, token)
}

func (o clipOffers) Poster(ctx context.Context, channel, id string, number int) ([]byte, error) {
	if _, err := o.public(ctx, channel, id); err != nil {
		return nil, err
	}
	data, err := o.library.Poster(ctx, channel, id, number)
	if errors.Is(err, library.ErrNotFound) {
		err = ErrNotOffered
	}
	return data, err
}

// recordingOffers are the recordings that viewers are shown.
type recordingOffers struct{ library *library.Library }

func (o recordingOffers) Offered(ctx context.Context, channel string) (out []Offered, err error) {
	all, err := o.library.Recordings(ctx, channel)
	for i := range all {
		if r := &all[i]; visible(r, false) {
			out = append(out, Offered{ID: r.ID, Kind: OfferedRecording, Title: r.Title, Made: r.Begin, Duration: r.Duration.Duration(), Poster: r.Poster})
		}
	}
	return out, err
}

// shown returns nil if a recording is offered.
func (o recordingOffers) shown(ctx context.Context, channel, id string) error {
	r, err := o.library.Recording(ctx, channel, id)
	if errors.Is(err, library.ErrNotFound) || err == nil && !visible(&r, false) {
		return ErrNotOffered
	}
	return err
}

func (o recordingOffers) Playlist(ctx context.Context, channel, id, token string) ([]byte, error) {
	if err := o.shown(ctx, channel, id); err != nil {
		return nil, err
	}
	return o.library.RecordingPlaylist(ctx, channel, id, token)
}

func (o recordingOffers) Poster(ctx context.Context, channel, id string, number int) ([]byte, error) {
	if err := o.shown(ctx, channel, id); err != nil {
		return nil, err
	}
	data, err := o.library.Poster(ctx, channel, id, number)
	if errors.Is(err, library.ErrNotFound) {
		err = ErrNotOffered
	}
	return data, err
}
