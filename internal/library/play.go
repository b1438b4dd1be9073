package library

import (
	"context"
	"errors"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Playlist returns the media playlist of a whole clip, whatever its in and out points: who edits it sees all of it. Its
// addresses get a token, if there is one, for what not everybody may have.
func (l *Library) Playlist(ctx context.Context, c Clip, token string) ([]byte, error) {
	listing, err := l.Listing(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	return playlist(segmentsOf(listing, time.Unix(0, 0)), token), nil
}

// PlayedPlaylist returns the media playlist of what is played of a clip: who watches sees no more.
func (l *Library) PlayedPlaylist(ctx context.Context, c Clip, token string) ([]byte, error) {
	listing, err := l.Listing(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	from, to := c.Played(listing)
	return playlist(segmentsOf(listing, time.Unix(0, 0))[from:to], token), nil
}

// playlist renders what is finished.
func playlist(segments []hls.Segment, token string) []byte {
	w := hls.Window{TargetDuration: hls.TargetDuration, Ended: true, VOD: true, Segments: segments}
	if token != "" {
		w.Query = "?t=" + token
	}
	return w.Media(hls.SkipNo, nil)
}

// segmentsOf lists all segments of a finished take that begins at a time.
func segmentsOf(listing *media.Listing, begin time.Time) []hls.Segment {
	out := make([]hls.Segment, len(listing.Segments))
	a := media.Address{Take: listing.Take.ID, Rendition: media.Main, Init: true}
	init := a.String()
	a.Init = false
	for i, s := range listing.Segments {
		a.Segment = s.Number
		out[i] = hls.Segment{URI: a.String(), Init: init, Duration: s.Duration, Complete: true, ProgramTime: begin.Add(s.Start.Duration())}
	}
	return out
}

// RecordingPlaylist returns the media playlist of a whole recording, in program time. What is missing between two of its
// passages is left out.
func (l *Library) RecordingPlaylist(ctx context.Context, channel, id, token string) ([]byte, error) {
	p, err := l.passages(ctx, channel, id)
	if err != nil {
		return nil, err
	}
	var all []hls.Segment
	for i := range p.Passages {
		listing, err := l.Listing(ctx, p.Passages[i].Take)
		if errors.Is(err, take.ErrNoMedia) {
			continue // it has only just begun
		}
		if err != nil {
			return nil, err
		}
		segments := segmentsOf(listing, p.Passages[i].Begin)
		if len(segments) > 0 {
			segments[0].Discontinuity = len(all) > 0
		}
		all = append(all, segments...)
	}
	if len(all) == 0 {
		return nil, ErrNotFound
	}
	return playlist(all, token), nil
}

// Played returns the segments that are played of a clip, from the first to before the last: those that its in and out
// points lie in, and all between.
func (c *Clip) Played(listing *media.Listing) (from, to uint32) {
	r := reel{listing: *listing}
	from, to = r.at(c.In), uint32(len(listing.Segments))
	if c.Out > 0 && c.Out < r.length() {
		to = r.at(c.Out-1) + 1
	}
	return from, to
}
