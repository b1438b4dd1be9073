package library

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// air is a channel's program as a station shows it, whose media lies in bundles: one for each segment.
type air struct {
	t       *testing.T
	bucket  bucket.Bucket
	origin  bundle.Incarnation
	entries []station.Airing
	takes   map[media.TakeID]*shown
	next    uint64
}

// shown is a take of the program.
type shown struct {
	take   *media.Take
	all    []take.Kept
	stored int // how many segments are in the bucket
	zero   time.Time
}

func (a *air) Airings(context.Context, string) ([]station.Airing, error) {
	return slices.Clone(a.entries), nil
}

func (a *air) Passage(_ context.Context, _ string, of station.Airing, from uint32) (*station.Passage, error) {
	s := a.takes[of.Take]
	p := &station.Passage{Take: s.take, Zero: s.zero}
	for _, k := range s.all[:s.stored] {
		if k.Number >= max(from, of.From) && (of.To == nil || (media.Pos{Segment: k.Number}).Before(*of.To)) {
			p.Segments = append(p.Segments, k)
		}
	}
	p.Whole = of.To != nil && s.stored >= int(of.To.Segment)
	return p, nil
}

func (a *air) LastAired(string) (entry string, ended, records bool) {
	if len(a.entries) == 0 {
		return "", false, true
	}
	last := &a.entries[len(a.entries)-1]
	return last.Entry, last.To != nil, true
}

func (a *air) read(ctx context.Context, refs []bundle.Ref) (out [][]byte, err error) {
	for _, r := range refs {
		o, err := a.bucket.GetRange(ctx, r.Incarnation.Key(r.Sequence), int64(r.Offset), int64(r.Length))
		if err != nil {
			return nil, err
		}
		out = append(out, o.Data)
	}
	return out, nil
}

// show puts the media of a clip on air as what an encoder sends, beginning at a number and a time.
func (a *air) show(l *Library, c Clip, number int64, at time.Time) *station.Airing {
	a.t.Helper()
	r, err := l.reels.reel(a.t.Context(), c.Take)
	if err != nil {
		a.t.Fatal(err)
	}
	t := *r.listing.Take
	t.ID, t.Node, t.Incarnation, t.Born = media.NewTakeID(), a.origin.Node, a.origin.ID, at
	s := &shown{take: &t, zero: at}
	for n, info := range r.listing.Segments {
		data, err := l.reels.read(a.t.Context(), &r.places[n])
		if err != nil {
			a.t.Fatal(err)
		}
		const ahead = "what another take sent"
		if _, err := a.bucket.PutIfAbsent(a.t.Context(), a.origin.Key(a.next), bucket.Body{[]byte(ahead), data}); err != nil {
			a.t.Fatal(err)
		}
		s.all = append(s.all, take.Kept{Number: info.Number, Start: info.Start, Parts: info.Parts, Refs: []bundle.Ref{{Incarnation: &a.origin, Sequence: a.next, Offset: uint32(len(ahead)), Length: uint32(len(data))}}})
		a.next++
	}
	a.takes[t.ID] = s
	a.entries = append(a.entries, station.Airing{Entry: fmt.Sprintf("e%d", number), Number: number, Take: t.ID, Origin: a.origin.String(), Begin: at})
	return &a.entries[len(a.entries)-1]
}

// end ends what is on air.
func (a *air) end() {
	e := &a.entries[len(a.entries)-1]
	s := a.takes[e.Take]
	s.stored = len(s.all)
	last := s.all[len(s.all)-1]
	e.To, e.End = &media.Pos{Segment: uint32(len(s.all))}, s.zero.Add((last.Start + last.Duration()).Duration())
}

// onAir makes nodes with a library each, of one channel whose broadcasts are recorded.
func onAir(t *testing.T, now *time.Time) (*air, []*Library) {
	t.Helper()
	b := bucket.NewMem()
	a := &air{t: t, bucket: b, origin: bundle.NewIncarnation("writer", *now), takes: map[media.TakeID]*shown{}}
	var nodes []*Library
	for _, name := range []string{"a", "b"} {
		l := newLibrary(t, b, name, func() time.Time { return *now })
		l.cfg.Programs, l.cfg.Recordings, l.reels.bundles = a, 1<<30, a.read
		l.cfg.Channels = func() []*channel.Channel {
			return []*channel.Channel{{ID: someChannel, Slug: "show", Title: "The show", Record: true, DVRWindow: 7200}}
		}
		nodes = append(nodes, l)
	}
	return a, nodes
}

// listed returns the lines of a recording's playlist.
func listed(t *testing.T, l *Library, id string) (uris []string, text string) {
	t.Helper()
	data, err := l.RecordingPlaylist(t.Context(), someChannel, id, "")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "/media/") {
			uris = append(uris, line)
		}
	}
	return uris, string(data)
}

// get returns what lies at addresses.
func get(t *testing.T, l *Library, uris []string) (out [][]byte) {
	t.Helper()
	for _, u := range uris {
		a, err := media.ParseAddress(u)
		if err != nil {
			t.Fatal(err)
		}
		body, err := l.Open(t.Context(), a)
		if err != nil {
			t.Fatalf("%s: %v", u, err)
		}
		out = append(out, bytes.Join(body, nil))
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// film makes a clip to be shown, of so many seconds and with sound.
func film(t *testing.T, l *Library, size string, seconds int) Clip {
	t.Helper()
	c := convert(t, l, makeFile(t, "a.mp4", join(pictures(size, "25", seconds), tone(seconds), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac")...), Origin{})
	if c.State != Ready {
		t.Fatal(c.Fault)
	}
	return c
}
