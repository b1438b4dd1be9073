package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// ErrMixed is returned for what cannot be one film as it is, because its pictures or sound are not of one kind.
var ErrMixed = errors.New("its parts have different kinds of pictures or sound, so one file of them has to be made first: ask for that with POST …/export, or the button on its page")

// Film is some finished takes, or stretches of them, as one file: a fragmented MP4, which needs no second look at what was
// written. Its samples are those that were sent; only their times are made one timeline that begins with 0.
type Film struct {
	Size    int64
	Begin   media.Ticks // where in what was asked for its first segment begins
	library *Library
	strips  []strip
}

// strip is a stretch of a take in a film.
type strip struct {
	reel     *reel
	from, to uint32
}

// Film returns what is played of a clip as one MP4.
func (l *Library) Film(ctx context.Context, c Clip) (*Film, error) {
	r, err := l.reels.reel(ctx, c.Take)
	if err != nil {
		return nil, err
	}
	from, to := c.Played(&r.listing)
	f := &Film{library: l}
	f.add(strip{r, from, to})
	return f, nil
}

// RecordingFilm returns the segments of a recording that a stretch of its time lies in, counted without what is missing;
// with 0 for to, up to its end. ErrMixed comes with the film: it can be written in strips only.
func (l *Library) RecordingFilm(ctx context.Context, channel, id string, from, to media.Ticks) (*Film, error) {
	p, err := l.passages(ctx, channel, id)
	if err != nil {
		return nil, err
	}
	f := &Film{library: l}
	var at media.Ticks
	for i := range p.Passages {
		r, err := l.reels.reel(ctx, p.Passages[i].Take)
		if errors.Is(err, take.ErrNoMedia) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := strip{reel: r, to: uint32(len(r.places))}
		length := r.length()
		if from > at {
			s.from = r.at(from - at)
		}
		if to > 0 && to < at+length {
			s.to = r.at(max(to-at, 1)-1) + 1
		}
		if at+length > from && (to == 0 || to > at) && s.from < s.to {
			if len(f.strips) == 0 {
				f.Begin = at + r.listing.Segments[s.from].Start
			}
			f.add(s)
		}
		at += length
	}
	if len(f.strips) == 0 {
		return nil, ErrNotFound
	}
	for _, s := range f.strips {
		if !reflect.DeepEqual(s.tracks(), f.strips[0].tracks()) {
			return f, ErrMixed
		}
	}
	return f, nil
}

// Mixed reports whether what there is of a recording is of several kinds, so that it is no MP4 as it is. Where that is not
// noted it looks.
func (l *Library) Mixed(ctx context.Context, channel string, r *Recording) (bool, error) {
	if r.Mixed != nil {
		return *r.Mixed, nil
	}
	_, err := l.RecordingFilm(ctx, channel, r.ID, 0, 0)
	if err == nil || errors.Is(err, ErrMixed) || errors.Is(err, ErrNotFound) { // nothing of it may have come
		return errors.Is(err, ErrMixed), nil
	}
	return false, err
}

func (f *Film) add(s strip) {
	if len(f.strips) == 0 {
		f.Size = int64(len(s.reel.init()))
	}
	for n := s.from; n < s.to; n++ {
		f.Size += int64(s.reel.places[n].size)
	}
	f.strips = append(f.strips, s)
}

func (r *reel) init() []byte { return r.listing.Take.Rendition(media.Main).Init }

// tracks returns what a player has to know of the strip's tracks. Encoders measure the frame rate; it decides nothing.
func (s *strip) tracks() []media.Track {
	out := slices.Clone(s.reel.listing.Take.Rendition(media.Main).Tracks)
	for i := range out {
		out[i].FrameRate = 0
	}
	return out
}

// kinds parts the film where its tracks change: each part can be written as one file.
func (f *Film) kinds() (out []*Film) {
	for i, s := range f.strips {
		if i == 0 || !reflect.DeepEqual(s.tracks(), f.strips[i-1].tracks()) {
			out = append(out, &Film{library: f.library})
		}
		out[len(out)-1].add(s)
	}
	return out
}

// WriteTo writes the file, of which no more than a segment is in memory. flush is called behind each; it bounds how long
// whoever reads may take.
func (f *Film) WriteTo(ctx context.Context, w io.Writer, flush func() error) error {
	if _, err := w.Write(f.strips[0].reel.init()); err != nil {
		return err
	}
	t := timeline{tracks: f.strips[0].tracks(), ends: map[int]int64{}}
	for _, s := range f.strips {
		t.moved = nil
		for n := s.from; n < s.to; n++ {
			data, err := f.library.reels.read(ctx, &s.reel.places[n])
			if err != nil {
				return fmt.Errorf("read film: %w", err)
			}
			if err := t.place(data); err != nil {
				return fmt.Errorf("read film: %w", err)
			}
			if _, err := w.Write(data); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// timeline gives what was cut out of several timelines its place in one.
type timeline struct {
	tracks   []media.Track
	moved    map[int]int64 // by track, what is added to the times of a strip; nil before its first segment
	ends     map[int]int64 // where the newest samples end, by track
	sequence uint32
}

// place moves a segment to where it belongs. A strip begins where all tracks of the one before have ended, so that sound
// and pictures stay together as they were.
func (t *timeline) place(data []byte) error {
	fragments, err := cmaf.ReadFragments(data)
	if err != nil {
		return err
	}
	if t.moved == nil {
		t.enter(fragments)
	}
	if t.sequence, err = cmaf.Move(data, t.moved, t.sequence+1); err != nil {
		return err
	}
	t.sequence--
	for i := range fragments {
		f := &fragments[i]
		t.ends[f.Track] = max(t.ends[f.Track], int64(f.Base)+int64(f.Duration())+t.moved[f.Track])
	}
	return nil
}

// enter reckons how far a strip is moved, by its first segment.
func (t *timeline) enter(fragments []cmaf.FragmentInfo) {
	scale := func(track int) int64 {
		for i := range t.tracks {
			if t.tracks[i].ID == track {
				return int64(t.tracks[i].Timescale)
			}
		}
		return media.TicksPerSecond
	}
	var end, begin media.Ticks
	for track, at := range t.ends {
		end = max(end, media.Ticks((at*media.TicksPerSecond+scale(track)-1)/scale(track)))
	}
	first := map[int]int64{}
	for i := range fragments {
		f := &fragments[i]
		if at, ok := first[f.Track]; !ok || int64(f.Base) < at {
			first[f.Track] = int64(f.Base)
		}
	}
	known := false
	for track, at := range first {
		if ticks := media.Ticks(at * media.TicksPerSecond / scale(track)); !known || ticks < begin {
			begin, known = ticks, true
		}
	}
	t.moved = map[int]int64{}
	for i := range t.tracks {
		s := int64(t.tracks[i].Timescale)
		by := int64(end)*s/media.TicksPerSecond - int64(begin)*s/media.TicksPerSecond
		if at, ok := first[t.tracks[i].ID]; ok {
			by = max(by, t.ends[t.tracks[i].ID]-at)
		}
		t.moved[t.tracks[i].ID] = by
	}
}
