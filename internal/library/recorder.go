package library

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Programs is what recordings are made of. station.Station is one.
type Programs interface {
	// Airings returns what a channel showed live, the oldest first.
	Airings(ctx context.Context, channel string) ([]station.Airing, error)
	// Passage returns what lies in the bucket of an airing, from a segment of its take on.
	Passage(ctx context.Context, channel string, a station.Airing, from uint32) (*station.Passage, error)
	// LastAired says what is on air live, or was last, without asking anybody, and whether it is this node that records it.
	LastAired(channel string) (entry string, ended, records bool)
}

const (
	// recordLook is how often a node looks whether there is something to be recorded.
	recordLook = 2 * time.Second
	// recordEvery is how often what came is added to a recording while its broadcast is on air. It is shorter than the
	// shortest DVR window, so that all of it is still there.
	recordEvery = 50 * time.Second
	// comesBack is how long after the end of an airing the next one still belongs to the same broadcast: an encoder
	// that was away for a moment does not make two recordings of it.
	comesBack = 2 * time.Minute
	// patience is how long the rest of a broadcast is waited for that some node may still have.
	patience = time.Hour
	// longest is how much one recording holds at most; what comes after goes into another.
	longest = 6 * 60 * 60 * media.TicksPerSecond
)

// recorder is what a node remembers of the channels that it records, so that it asks the bucket for nothing where
// nothing has happened.
type recorder struct {
	mu   sync.Mutex
	seen map[string]seen // by channel
}

// seen is how a channel was found when it was last looked at.
type seen struct {
	entry string
	ended bool
	at    time.Time
	quiet bool // nothing goes on
}

// stir has a channel looked at anew, also one that is not recorded any more and has a recording to be closed.
func (r *recorder) stir(channel string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[channel] = seen{}
}

// record looks at every channel whose broadcasts are kept, or were until now.
func (l *Library) record(ctx context.Context) error {
	var failed error
	for _, c := range l.cfg.Channels() {
		entry, ended, records := l.cfg.Programs.LastAired(c.ID)
		l.recorder.mu.Lock()
		last, known := l.recorder.seen[c.ID]
		l.recorder.mu.Unlock()
		if !records || !c.Record && !known {
			continue
		}
		now := l.now()
		same := known && last.entry == entry && last.ended == ended
		if same && (last.quiet || now.Sub(last.at) < recordEvery) {
			continue
		}
		quiet, err := l.recordChannel(ctx, c)
		if err != nil && ctx.Err() == nil && !errors.Is(err, station.ErrNotYet) {
			failed = errors.Join(failed, fmt.Errorf("record %s: %w", c.Slug, err))
		}
		if err != nil {
			continue // soon again
		}
		l.recorder.mu.Lock()
		if l.recorder.seen[c.ID] = (seen{entry, ended, now, quiet}); quiet && !c.Record {
			delete(l.recorder.seen, c.ID)
		}
		l.recorder.mu.Unlock()
	}
	return failed
}

// behind returns the number behind the last one of an airing that has ended.
func behind(a *station.Airing) int64 {
	n := a.Number + int64(a.To.Segment) - int64(a.From)
	if a.To.Part > 0 {
		n++
	}
	return n
}

// broadcast returns the airings from a number on that belong to one broadcast, and whether nothing more can.
func broadcast(airings []station.Airing, first int64, now time.Time) (span []station.Airing, over bool) {
	for _, a := range airings {
		if a.To != nil && behind(&a) <= first {
			continue
		}
		if n := len(span); n > 0 && a.Begin.Sub(span[n-1].End) > comesBack {
			return span, true
		}
		span = append(span, a)
	}
	if len(span) == 0 {
		return nil, true
	}
	last := &span[len(span)-1]
	return span, last.To != nil && now.Sub(last.End) > comesBack
}

// begins returns the number at which a recording of what is on air now, or was a moment ago, would begin: where the
// broadcast began, as far as it can be rewound and was not recorded.
func begins(airings []station.Airing, next int64, window time.Duration, now time.Time) (number int64, ok bool) {
	for i := len(airings) - 1; i >= 0; i-- {
		a := &airings[i]
		follows := now
		if ok {
			follows = airings[i+1].Begin
		}
		switch {
		case a.To != nil && (follows.Sub(a.End) > comesBack || now.Sub(a.End) > window || behind(a) <= next):
			return number, ok
		case a.Number < next:
			return next, true
		}
		number, ok = a.Number, true
	}
	return number, ok
}

// recordChannel brings a channel's recordings up to what is in the bucket. quiet says that nothing goes on.
func (l *Library) recordChannel(ctx context.Context, c *channel.Channel) (quiet bool, err error) {
	airings, err := l.cfg.Programs.Airings(ctx, c.ID)
	if err != nil {
		return false, err
	}
	a, err := l.archive(ctx, c.ID)
	if err != nil {
		return false, err
	}
	r := a.open()
	if r == nil {
		first, ok := begins(airings, a.Next, c.Window(), l.now())
		if !c.Record || !ok {
			return true, nil
		}
		if r, err = l.begin(ctx, c, first); err != nil || r == nil {
			return r == nil && err == nil, err
		}
	}
	span, over := broadcast(airings, r.First, l.now())
	g := growth{library: l, channel: c.ID, recording: *r}
	whole, err := g.follow(ctx, span)
	if err != nil {
		return false, err
	}
	onAir := len(span) > 0 && span[len(span)-1].To == nil
	late := len(span) > 0 && !onAir && l.now().Sub(span[len(span)-1].End) > patience // what did not come by then is lost
	over = over && (whole || late) || !c.Record || g.recording.Duration >= longest
	return false, l.grown(ctx, &g, onAir, over)
}

// begin begins a recording.
func (l *Library) begin(ctx context.Context, c *channel.Channel, first int64) (*Recording, error) {
	r := Recording{ID: newID(), Title: c.Title, State: OnAir, Open: true, First: first, Next: first}
	a, err := l.updateArchive(ctx, c.ID, func(a *archive) error {
		if a.open() != nil || a.Next > first {
			return errHeld // another node was first
		}
		if len(a.Recordings) >= maxRecordings {
			return fmt.Errorf("%w: it has %d recordings: delete some", ErrFull, len(a.Recordings))
		}
		a.Recordings = append([]Recording{r}, a.Recordings...)
		return nil
	})
	if errors.Is(err, errHeld) {
		return a.open(), nil
	}
	if err != nil {
		return nil, err
	}
	l.log.Info("a broadcast is recorded", "channel", c.Slug, "recording", r.ID)
	return &r, nil
}

// grown writes down how far a recording is, and closes it if it is over.
func (l *Library) grown(ctx context.Context, g *growth, onAir, over bool) error {
	if over && g.recording.Duration > 0 && l.cfg.Recorded != nil { // first: should the node die over it, the next one says so again
		l.cfg.Recorded(ctx, g.channel, g.recording)
	}
	_, err := l.updateArchive(ctx, g.channel, func(a *archive) error {
		r := a.recording(g.recording.ID)
		if r == nil || !r.Open {
			return errHeld
		}
		r.Begin, r.End, r.Duration, r.Bytes, r.Next = g.recording.Begin, g.recording.End, g.recording.Duration, g.recording.Bytes, max(r.Next, g.recording.Next)
		r.need(g.recording.Needs)
		r.State = Kept
		if onAir && !over {
			r.State = OnAir
		}
		if over {
			r.Open = false
			a.Next = max(a.Next, r.Next)
		}
		if over && r.Duration == 0 { // nothing of it ever came
			a.Gone = append(a.Gone, gone{Clip: r.ID, At: l.now().UTC()})
			id := r.ID
			for i := range a.Recordings {
				if a.Recordings[i].ID == id {
					a.Recordings = append(a.Recordings[:i], a.Recordings[i+1:]...)
					break
				}
			}
		}
		return nil
	})
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil || g.recording.Duration == 0 {
		return err
	}
	if !onAir && g.recording.Poster == 0 {
		l.picture(ctx, g.channel, g.recording.ID)
	}
	if !over {
		return nil
	}
	l.log.Info("a recording is complete", "recording", g.recording.ID, "duration", g.recording.Duration.Duration().Round(time.Second), "size", Size(g.recording.Bytes))
	return l.gather(ctx, g.channel, g.recording.ID)
}

// picture gives a recording its poster as soon as it is listed. If that fails, it gets one when it is gathered.
func (l *Library) picture(ctx context.Context, channel, id string) {
	p, err := l.passages(ctx, channel, id)
	if err != nil || len(p.Passages) == 0 {
		return
	}
	r, err := l.reels.reel(ctx, p.Passages[0].Take)
	if err == nil {
		var poster int
		if poster, err = l.drawPoster(ctx, r, channel, id, 1, r.length()/10); err == nil {
			_, err = l.updateRecording(ctx, channel, id, func(r *Recording) error { r.Poster = poster; return nil })
		}
	}
	if err != nil && ctx.Err() == nil {
		l.log.Debug("a recording has no poster yet", "recording", id, "error", err)
	}
}

// need adds what is needed of bundles.
func (r *Recording) need(more map[string]uint64) {
	for origin, from := range more {
		if old, ok := r.Needs[origin]; !ok || from < old {
			if r.Needs == nil {
				r.Needs = map[string]uint64{}
			}
			r.Needs[origin] = from
		}
	}
}

// growth adds to a recording what has come to the bucket.
type growth struct {
	library   *Library
	channel   string
	recording Recording // what is to be written down of it
	from, to  time.Time // bounds, if somebody set them
}

// follow adds what there is of airings. whole says that it is all there will be.
func (g *growth) follow(ctx context.Context, airings []station.Airing) (whole bool, err error) {
	l := g.library
	p, err := l.passages(ctx, g.channel, g.recording.ID)
	if err != nil {
		return false, err
	}
	whole = true
	for i := range airings {
		all, err := g.airing(ctx, &p, &airings[i])
		if errors.Is(err, station.ErrNotYet) {
			whole = false
			continue
		}
		if err != nil {
			return false, err
		}
		whole = whole && all
	}
	return whole, g.measure(ctx, &p)
}

// airing adds what there is of one airing.
func (g *growth) airing(ctx context.Context, p *passages, a *station.Airing) (whole bool, err error) {
	l := g.library
	from := a.From
	if skip := g.recording.First - a.Number; skip > 0 {
		from += uint32(skip)
	}
	var last *passage
	for i := range p.Passages {
		if p.Passages[i].Entry == a.Entry {
			last = &p.Passages[i]
		}
	}
	if last != nil && last.Done {
		return true, nil
	}
	if last != nil {
		n, err := l.counted(ctx, last.Take)
		if err != nil {
			return false, err
		}
		from = last.From + uint32(n)
	}
	found, err := l.cfg.Programs.Passage(ctx, g.channel, *a, from)
	if err != nil {
		return false, err
	}
	kept, past := g.within(found)
	whole = found.Whole || past
	if len(kept) == 0 {
		if whole && last != nil {
			return true, l.done(ctx, p, last)
		}
		return whole, nil
	}
	if last != nil && kept[0].Number != from { // what lies between is gone
		if err := l.done(ctx, p, last); err != nil {
			return false, err
		}
		last = nil
	}
	if last == nil {
		if last, err = l.enter(ctx, p, passage{
			Entry: a.Entry, Number: a.Number + int64(kept[0].Number-a.From), Take: media.NewTakeID(), From: kept[0].Number, Begin: found.Zero.Add(kept[0].Start.Duration()),
		}); err != nil {
			return false, err
		}
	}
	if err := l.extend(ctx, g.channel, g.recording.ID, last, found.Take, kept); err != nil {
		return false, err
	}
	g.recording.need(map[string]uint64{a.Origin: kept[0].Refs[0].Sequence})
	if end := last.Number + int64(kept[len(kept)-1].Number-last.From) + 1; end > g.recording.Next {
		g.recording.Next = end
	}
	if whole {
		return true, l.done(ctx, p, last)
	}
	return false, nil
}

// within leaves out what lies outside the bounds. past says that what comes next lies behind them.
func (g *growth) within(found *station.Passage) (kept []take.Kept, past bool) {
	for i := range found.Segments {
		k := &found.Segments[i]
		begin := found.Zero.Add(k.Start.Duration())
		switch {
		case !g.to.IsZero() && !begin.Before(g.to):
			return kept, true
		case !g.from.IsZero() && !begin.Add(k.Duration().Duration()).After(g.from):
			continue
		}
		kept = append(kept, *k)
	}
	return kept, false
}

// measure notes how long and large the recording is.
func (g *growth) measure(ctx context.Context, p *passages) error {
	r := &g.recording
	r.Duration, r.Bytes = 0, 0
	for i := range p.Passages {
		length, bytes := p.Passages[i].Length, p.Passages[i].Bytes
		if !p.Passages[i].Done {
			var err error
			if length, bytes, err = g.library.measure(ctx, p.Passages[i].Take); err != nil {
				return err
			}
		}
		if i == 0 {
			r.Begin = p.Passages[i].Begin
		}
		r.End = p.Passages[i].Begin.Add(length.Duration())
		r.Duration += length
		r.Bytes += bytes
	}
	return nil
}
