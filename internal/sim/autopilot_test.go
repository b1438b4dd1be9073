package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// clips is the library of all nodes: clips of sound and the still that the packager makes to it, that are always there.
type clips struct {
	listings map[media.TakeID]*media.Listing
	order    []media.TakeID
}

const clipSegment = 3 * media.TicksPerSecond / 2

// newClips makes some clips, of 3 to 20 segments.
func newClips(rnd *rand.Rand) *clips {
	c := &clips{listings: map[media.TakeID]*media.Listing{}}
	picture := media.Track{ID: 1, Codec: media.H264, Timescale: 90000, Config: []byte{1, 0x64, 0, 0x1f}, Width: 640, Height: 360}
	for range 5 {
		t := &media.Take{ID: media.NewTakeID(), Renditions: []media.Rendition{{Name: media.Main, Bandwidth: 64000, Tracks: []media.Track{picture, sound}}}}
		l := &media.Listing{Take: t, Rendition: media.Main, Ended: true}
		for n := range 3 + rnd.IntN(18) {
			s := &media.SegmentInfo{Number: uint32(n), Start: media.Ticks(n) * clipSegment, Duration: clipSegment, Independent: true, Complete: true}
			for range 6 {
				s.Parts = append(s.Parts, media.PartInfo{Duration: clipSegment / 6, Independent: true, Length: 1})
			}
			l.Segments = append(l.Segments, s)
		}
		c.listings[t.ID] = l
		c.order = append(c.order, t.ID)
	}
	return c
}

func (c *clips) Listing(_ context.Context, id media.TakeID) (*media.Listing, error) {
	if l := c.listings[id]; l != nil {
		return l, nil
	}
	return nil, take.ErrNoMedia
}

func (c *clips) Open(ctx context.Context, a media.Address) ([][]byte, error) {
	l, err := c.Listing(ctx, a.Take)
	if err != nil || !a.Init && l.Segment(a.Segment) == nil {
		return nil, errors.Join(err, take.ErrNoMedia)
	}
	return [][]byte{[]byte(a.String())}, nil
}

// open opens media at a process, which asks the library for what no station knows.
func (w *world) open(ctx context.Context, p *process, a media.Address) ([][]byte, <-chan struct{}, error) {
	data, changed, err := p.station.Open(ctx, a)
	if errors.Is(err, take.ErrNoMedia) {
		data, err = w.clips.Open(ctx, a)
	}
	return data, changed, err
}

// plan draws a plan, with slots that come while the run lasts.
func (c *clips) plan(rnd *rand.Rand) program.Plan {
	p := program.Plan{Zone: program.Zone{Name: "UTC", Offsets: []program.Offset{{}}}, Filler: "filler"}
	for _, id := range []string{"filler", "show"} {
		b := program.Storyboard{ID: id, Title: id}
		for range 1 + rnd.IntN(3) {
			b.Clips = append(b.Clips, program.Clip{Take: c.order[rnd.IntN(len(c.order))]})
		}
		p.Storyboards = append(p.Storyboards, b)
	}
	for range rnd.IntN(3) {
		p.Slots = append(p.Slots, program.Slot{Storyboard: "show", At: 5 + rnd.IntN(60), Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Repeat: rnd.IntN(2) == 0})
	}
	return p
}

// cue draws clips that are played once.
func (c *clips) cue(rnd *rand.Rand) (out []station.Cued) {
	for i := range 1 + rnd.IntN(2) {
		id := c.order[rnd.IntN(len(c.order))]
		x := station.Cued{ID: fmt.Sprint("clip-", i), Clip: program.Clip{Take: id}}
		if rnd.IntN(2) == 0 {
			x.Clip.From, x.Clip.To = 1, 3
		}
		out = append(out, x)
	}
	return out
}

// schedule gives a channel a plan, or another one.
func (w *world) schedule(n *process, slug string, plan program.Plan) error {
	p, err := n.station.Program(slug)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
	defer cancel()
	version, err := p.Replan(ctx, plan)
	w.say("schedule", "version %d for %s at %s: %v", version, slug, n.node.name, err)
	return err
}

// onClock reports whether what is driven by the clock is on air, as the bucket knows.
func (s *spy) onClock(channel string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.cuts["cuts/"+channel]
	return list != nil && list.OnAir() != nil && list.OnAir().Play != nil
}

// noHighest has every node but the one that asks say that it lists nothing of a clock-driven entry.
func noHighest() *cheat {
	return &cheat{autopilot: true, onAnswer: func(subject string, out []byte, err error) ([]byte, error) {
		var word struct {
			Segments int64  `json:"segments"`
			Process  string `json:"process"`
		}
		if subject != "word" || err != nil || json.Unmarshal(out, &word) != nil {
			return out, err
		}
		return fmt.Appendf(nil, `{"process":%q}`, word.Process), nil
	}}
}
