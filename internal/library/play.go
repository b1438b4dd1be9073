package library

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Playlist returns the media playlist of a whole clip, whatever its in and out points: who edits it sees all of it. Its
// addresses get a token, if there is one, for what not everybody may have.
func (l *Library) Playlist(ctx context.Context, c Clip, token string) ([]byte, error) {
	listing, err := l.Listing(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	return playlist(c, listing.Segments, token), nil
}

// PlayedPlaylist returns the media playlist of what is played of a clip: who watches sees no more.
func (l *Library) PlayedPlaylist(ctx context.Context, c Clip, token string) ([]byte, error) {
	listing, err := l.Listing(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	from, to := c.Played(listing)
	return playlist(c, listing.Segments[from:to], token), nil
}

func playlist(c Clip, segments []*media.SegmentInfo, token string) []byte {
	w := hls.Window{TargetDuration: hls.TargetDuration, Ended: true}
	a := media.Address{Take: c.Take, Rendition: media.Main}
	if token != "" {
		token = "?t=" + token
	}
	for _, s := range segments {
		at := a
		at.Segment = s.Number
		a.Init = true
		w.Segments = append(w.Segments, hls.Segment{
			URI: at.String() + token, Init: a.String() + token, Duration: s.Duration, Complete: true, ProgramTime: time.Unix(0, 0).Add(s.Start.Duration()),
		})
		a.Init = false
	}
	return w.Media(hls.SkipNo, nil)
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

// Film is what is played of a clip as one file: a fragmented MP4, which needs no second look at what was written.
type Film struct {
	Size     int64
	library  *Library
	reel     *reel
	from, to uint32
}

// Film returns what is played of a clip as one MP4.
func (l *Library) Film(ctx context.Context, c Clip) (*Film, error) {
	r, err := l.reels.reel(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	f := &Film{library: l, reel: r, Size: int64(len(r.init()))}
	f.from, f.to = c.Played(&r.listing)
	for n := f.from; n < f.to; n++ {
		f.Size += int64(r.places[n].size)
	}
	return f, nil
}

func (r *reel) init() []byte { return r.listing.Take.Rendition(media.Main).Init }

// WriteTo writes the file, of which no more than a segment is in memory. flush is called behind each; it bounds how long
// whoever reads may take.
func (f *Film) WriteTo(ctx context.Context, w io.Writer, flush func() error) error {
	if _, err := w.Write(f.reel.init()); err != nil {
		return err
	}
	for n := f.from; n < f.to; n++ {
		p := f.reel.places[n]
		o, err := f.library.bucket.GetRange(ctx, p.key, p.offset, int64(p.size))
		if err != nil {
			return fmt.Errorf("read clip: %w", err)
		}
		if _, err := w.Write(o.Data); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}
