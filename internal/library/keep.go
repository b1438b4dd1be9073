package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
)

const (
	// keepWait is how long what was just shown is waited for until it lies in the bucket, and keepMost how long keeping
	// something may take in all: what can still be rewound stays longer than that.
	keepWait = 8 * time.Second
	keepMost = 60 * time.Second
)

// Stretch is a stretch of a channel's program.
type Stretch struct {
	From, To time.Time // program time
	Title    string
}

// Keep makes a recording of a stretch of the program that can still be rewound.
func (l *Library) Keep(ctx context.Context, channel string, s Stretch) (Recording, error) {
	r, err := l.keep(ctx, channel, s, "")
	if err != nil {
		return r, err
	}
	return r, l.gather(ctx, channel, r.ID)
}

// keep makes a recording, for a clip or for people to see.
func (l *Library) keep(ctx context.Context, channel string, s Stretch, clip string) (Recording, error) {
	began, most := l.now(), media.Ticks(longest).Duration()
	s.Title = strings.Join(strings.Fields(s.Title), " ")
	if err := checkText("title", s.Title, 1, maxTitle); err != nil {
		return Recording{}, err
	}
	switch {
	case l.cfg.Programs == nil:
		return Recording{}, invalid("this server keeps no recordings")
	case !s.From.Before(s.To):
		return Recording{}, invalid("it would end before it begins: mark the end behind the beginning")
	case s.To.Sub(s.From) > most:
		return Recording{}, invalid("%v are too much at once: keep at most %v", s.To.Sub(s.From).Round(time.Second), most)
	}
	g := growth{library: l, channel: channel, recording: Recording{ID: newID(), Title: s.Title, State: Kept, Clip: clip}, from: s.From, to: s.To}
	err := l.catch(ctx, &g, began)
	if err == nil && l.now().Sub(began) > keepMost {
		err = fmt.Errorf("%w: it took too long: try again", context.DeadlineExceeded)
	}
	if err == nil {
		_, err = l.updateArchive(ctx, channel, func(a *archive) error {
			if len(a.Recordings) >= maxRecordings {
				return fmt.Errorf("%w: it has %d recordings: delete some", ErrFull, len(a.Recordings))
			}
			if clip == "" && a.used()+g.recording.Bytes > l.cfg.Recordings {
				return fmt.Errorf("%w: recordings use %s of %s, and this needs %s: delete some", ErrFull, Size(a.used()), Size(l.cfg.Recordings), Size(g.recording.Bytes))
			}
			a.Recordings = slices.Insert(a.Recordings, 0, g.recording)
			return nil
		})
	}
	if err != nil {
		if p, lost := l.passages(ctx, channel, g.recording.ID); lost == nil {
			err = errors.Join(err, l.removeIndexes(ctx, &p), l.bucket.Delete(ctx, passagesKey(channel, g.recording.ID)))
		}
		return Recording{}, err
	}
	return g.recording, nil
}

// catch gathers what there is of a stretch, and waits for its end if that is not in the bucket yet.
func (l *Library) catch(ctx context.Context, g *growth, began time.Time) error {
	for try := 1; ; try++ {
		airings, err := l.cfg.Programs.Airings(ctx, g.channel)
		if err != nil && !errors.Is(err, station.ErrNotYet) {
			return err
		}
		whole := false
		if err == nil {
			airings = slices.DeleteFunc(airings, func(a station.Airing) bool { return !a.Begin.Before(g.to) || a.To != nil && !a.End.After(g.from) })
			if whole, err = g.follow(ctx, airings); err != nil {
				return err
			}
		}
		if whole || l.now().Sub(began) > keepWait {
			break
		}
		if err := l.pause(ctx, 4); err != nil {
			return err
		}
	}
	if g.recording.Duration == 0 {
		return invalid("nothing that was live then can be rewound any more, or nothing was: look at what the player still shows")
	}
	return nil
}

// Cut is a stretch out of which a clip is to be made: of a recording, or of the program that can still be rewound.
type Cut struct {
	Stretch
	Recording string
	Tags      []string
}

// AddCut makes a clip of what somebody marked. It is played from the first mark to the second one.
func (l *Library) AddCut(ctx context.Context, channel string, cut Cut) (Clip, error) {
	a := Arrival{Title: cut.Title, Tags: cut.Tags, Origin: Origin{Kind: FromRecording, Recording: cut.Recording}}
	if a.Title == "" {
		a.Title = cut.From.UTC().Format("2006-01-02 15:04")
	}
	id := newID()
	if cut.Recording == "" {
		r, err := l.keep(ctx, channel, Stretch{cut.From, cut.To, a.Title}, id)
		if err != nil {
			return Clip{}, err
		}
		a.Origin.Recording, a.Origin.Hold = r.ID, true
	}
	p, err := l.passages(ctx, channel, a.Origin.Recording)
	if err == nil {
		a.Origin.From, err = l.within(ctx, &p, cut.From)
	}
	if err == nil {
		a.Origin.To, err = l.within(ctx, &p, cut.To)
	}
	if err == nil && a.Origin.To <= a.Origin.From {
		err = invalid("nothing of the recording lies between the two marks")
	}
	var c Clip
	if err == nil {
		c, err = l.add(ctx, channel, id, a)
	}
	if err != nil {
		if a.Origin.Hold {
			err = errors.Join(err, l.DeleteRecording(ctx, channel, a.Origin.Recording))
		}
		return Clip{}, err
	}
	c.State = Waiting
	return c, l.submit(ctx, channel, c.ID)
}

// within returns how far into a recording a moment of the program is. One that is missing in it is where it would be.
func (l *Library) within(ctx context.Context, p *passages, at time.Time) (into media.Ticks, err error) {
	for i := range p.Passages {
		begin := p.Passages[i].Begin
		listing, err := l.Listing(ctx, p.Passages[i].Take)
		if err != nil {
			return 0, err
		}
		length := (&reel{listing: *listing}).length()
		if since := media.TicksOf(at.Sub(begin)); since < length {
			return into + max(0, since), nil
		}
		into += length
	}
	return into, nil
}

// Moment returns the program time at which a number of the program begins that can still be rewound.
func (l *Library) Moment(ctx context.Context, channel string, number int64) (time.Time, error) {
	if l.cfg.Programs == nil {
		return time.Time{}, invalid("this server keeps no recordings")
	}
	airings, err := l.cfg.Programs.Airings(ctx, channel)
	if err != nil {
		return time.Time{}, err
	}
	for i := range slices.Backward(airings) {
		a := &airings[i]
		if number < a.Number {
			continue
		}
		segment := a.From + uint32(min(number-a.Number, 1<<31))
		if a.To != nil && !(media.Pos{Segment: segment}).Before(*a.To) {
			break // what comes then is not live, or missing
		}
		found, err := l.cfg.Programs.Passage(ctx, channel, *a, segment)
		if err != nil {
			return time.Time{}, err
		}
		if len(found.Segments) > 0 && found.Segments[0].Number == segment {
			return found.Zero.Add(found.Segments[0].Start.Duration()), nil
		}
		break
	}
	return time.Time{}, invalid("number %d cannot be rewound any more, or is not in the bucket yet", number)
}
