package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Program is the program of one channel as this node runs it.
type Program struct {
	station *Station
	id      string // of the channel

	mu       sync.Mutex
	channel  *channel.Channel
	director *program.Director // nil until the cut list is loaded
	settled  bool              // what was on air before this node's start has been ended
	told     bool              // it was settled since the cut list was loaded: before that nothing is listed (rule G)
	reloaded bool              // the logs that the DVR window lists are known
	gone     bool              // the channel was deleted
	writers  map[media.TakeID]*take.Writer
	waiting  map[media.TakeID]*take.Writer // born, without a part so far
	live     view
	dvr      view
	previews map[media.TakeID]*Preview
	follow   following
	derived  map[*derived]media.TakeID // in the making; zero before they have begun
	asked    program.Mix               // what a producer has cut to, if the channel's settings say otherwise
	askedAt  time.Time
	turns    atomic.Int64 // counts the cuts that were asked for here
	revision int64        // counts changes of the settings
	mixing   bool         // keepMix is at work
	mixRetry time.Time    // when it may be again

	publishers map[string]*Session    // by source and key
	hands      map[string][]time.Time // when the publisher was replaced, likewise
	pieces     []noted                // that publishers pushed here
	notice     string                 // something the producer should know
	noticeAt   time.Time

	auto autopilot

	saved   *program.CutList // as it lies in the bucket
	savedAt time.Time
}

// view is one kind of window, kept until it changes.
type view struct {
	window  *hls.Window
	given   time.Time // when the window was last given to somebody
	stale   bool
	floor   int64         // no number below it is listed
	lacking time.Time     // since when the window is held back for the end of a take
	held    bool          // something is finished and not listed because it is not safe
	gathers bool          // nothing was listed so far, and the end of a take is on its way
	changed chan struct{} // made when somebody waits
	due     time.Time     // when there is more of what is driven by the clock
	timer   *time.Timer   // touches the view then
}

func newProgram(s *Station, c *channel.Channel) *Program {
	return &Program{
		station: s, id: c.ID, channel: c,
		writers: map[media.TakeID]*take.Writer{}, waiting: map[media.TakeID]*take.Writer{},
		publishers: map[string]*Session{}, hands: map[string][]time.Time{},
		live: view{stale: true}, dvr: view{stale: true}, previews: map[media.TakeID]*Preview{},
		derived: map[*derived]media.TakeID{},
	}
}

// wait returns the channel that is closed when the view changes; the program's lock is held.
func (v *view) wait() <-chan struct{} {
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.changed
}

// touch says that the view changed; the program's lock is held.
func (v *view) touch() {
	v.stale = true
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

func (p *Program) touch() {
	p.live.touch()
	p.dvr.touch()
}

// began says that a take is about to be written.
func (p *Program) began(w *take.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := w.Log().Take().ID
	p.writers[id] = w
	p.waiting[id] = w
	p.want(false) // what is on air now may end at another node
}

// logChanged is the watcher of the logs of the channel's takes.
func (p *Program) logChanged(l *take.Log, e take.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.previews[l.Take().ID]; v != nil {
		v.view.touch()
	}
	switch e.Kind {
	case take.Grown:
		p.station.stats.parts.Add(1)
		p.grown(l)
	case take.Marked:
		p.marked(e.Mark)
	case take.Safe:
		p.closed(l)
		if (p.live.held || p.dvr.held) && p.airs(l) {
			p.touch()
		}
	case take.MarkSafe:
		p.markSafe(e.Mark)
	case take.Ended:
		delete(p.writers, l.Take().ID)
		delete(p.waiting, l.Take().ID)
		p.touch()
	}
}

// grown is called for every part.
func (p *Program) grown(l *take.Log) {
	id := l.Take().ID
	if w := p.waiting[id]; w != nil {
		delete(p.waiting, id)
		if p.director != nil {
			p.order(p.director.Began(contender(l)))
		}
	}
	if !p.airs(l) {
		for _, v := range []*view{&p.live, &p.dvr} {
			if v.gathers {
				v.touch()
			}
		}
		return
	}
	p.live.touch()
	if l.Edge().At.Part == 0 {
		p.dvr.touch()
	}
}

// airs reports whether a take is what is on air.
func (p *Program) airs(l *take.Log) bool {
	if p.director == nil {
		return false
	}
	e := p.director.List().OnAir()
	return e != nil && e.Take == l.Take().ID
}

func contender(l *take.Log) program.Contender {
	return program.Contender{Take: l.Take(), Start: func(after time.Time) (uint32, time.Time) {
		var ticks media.Ticks
		if !after.IsZero() {
			ticks = media.TicksOf(after.Sub(l.Take().Born))
		}
		segment, at := l.Start(ticks)
		return segment, l.Take().Born.Add(at.Duration())
	}}
}

func edgeOf(l *take.Log, e take.Edge) program.Edge {
	return program.Edge{At: e.At, Cut: e.Cut, End: l.Take().Born.Add(e.End.Duration())}
}

// order carries out what the director asks for.
func (p *Program) order(o *program.Order) {
	if o == nil {
		return
	}
	if o.Claim != nil {
		p.station.tasks.start(func(ctx context.Context) { p.claim(ctx, o.Claim) })
		return
	}
	if o.Words != "" {
		p.station.tasks.start(func(ctx context.Context) {
			if err := p.words(ctx, o.Words); err != nil && ctx.Err() == nil {
				p.station.log.Info("the plan goes on for now", "channel", p.id, "error", err)
			}
		})
		return
	}
	w := p.writers[o.Take]
	if w == nil || o.Fill == nil {
		return
	}
	w.Mark(func(e take.Edge) []byte { return o.Fill(edgeOf(w.Log(), e)).Encode() })
	p.touch() // a mark bounds the listing even before it is safe
}

// left says that a take's writer has finished its last part: its end is marked if it is on air.
func (p *Program) left(w *take.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return
	}
	l := w.Log()
	if m := p.director.Left(l.Take().ID, edgeOf(l, l.Edge())); m != nil {
		w.Mark(func(take.Edge) []byte { return m.Encode() })
	}
}

// marked says that a mark stands in a log that another node writes.
func (p *Program) marked(data []byte) {
	if m, err := program.ParseMark(data); err == nil && p.director != nil {
		p.director.Marked(m)
		p.touch()
	}
}

// markSafe says that a mark counts from now on.
func (p *Program) markSafe(data []byte) {
	m, err := program.ParseMark(data)
	if err != nil || p.director == nil {
		p.station.log.Error("a mark in a take's log cannot be read", "channel", p.channel.Slug, "error", err)
		return
	}
	before := p.director.List()
	p.order(p.director.Safe(m))
	p.listChanged(before)
}

// listChanged wakes who waits for the program if its cut list is another than before.
func (p *Program) listChanged(before *program.CutList) {
	if p.director.List() == before {
		return
	}
	p.orphaned()
	p.touch()
	p.station.index(p)
	p.tellCuts()
	p.grace()
	p.idle()
	p.cued()
	p.follow.rouse()
	p.station.stats.cuts.Add(1)
	p.station.tell()
	p.station.wakeKeeper()
}

// fenced forgets takes and marks that the ended incarnation did not make safe.
func (p *Program) fenced() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled, p.reloaded = false, false
	clear(p.writers)
	clear(p.waiting)
	if p.director != nil {
		p.director.Fenced()
	}
}

// change takes new settings, and returns the sessions whose key is no longer valid.
func (p *Program) change(c *channel.Channel) (revoked []*Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	window := p.channel.DVRWindow
	if !c.SameSound(p.channel) {
		p.asked = program.Mix{} // the newer word counts
	}
	p.channel = c
	p.revision++
	if p.director != nil {
		p.director.SetAutoLive(c.AutoLive)
		p.director.Rehearse(c.Rehearsal != nil)
		p.setPlan()
	}
	if c.DVRWindow != window {
		p.dvr.touch()
	}
	for _, x := range p.publishers {
		x.wants(c)
		src := c.Source(x.source)
		if src == nil || !slices.Contains(src.Keys(), x.pub.Key) {
			revoked = append(revoked, x)
		}
	}
	return revoked
}

// end says that the channel is no more.
func (p *Program) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.touch()
	if p.director == nil {
		return
	}
	for _, e := range p.director.List().Entries {
		if e.Play == nil {
			p.station.store.Remove(e.Take)
		}
	}
}

// cutPatience is how long a cut that met a dead node is tried: until the dead is ended, and its publishers are back.
const (
	cutPatience = 10 * time.Second
	cutAgain    = 250 * time.Millisecond
)

// Cut puts a source on air, or with "" takes the channel off air. It returns the number that the
// next entry begins with, and when it is expected to be listed. Any node may be asked: it asks the
// channel's director, that the one that takes the source in, and that the one that writes what is on air.
// If one of them has just died, it waits until others are in their places, and for the source to come back.
func (p *Program) Cut(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, cutPatience)
	defer cancel()
	turn := p.turns.Add(1)
	for lost := false; ; {
		number, expected, err = p.cutOnce(ctx, source)
		lost = lost || errors.Is(err, mesh.ErrUnreachable)
		if !lost || !errors.Is(err, mesh.ErrUnreachable) && !errors.Is(err, program.ErrNoSuchSource) && !errors.Is(err, program.ErrBusy) {
			return number, expected, err
		}
		select {
		case <-time.After(cutAgain):
		case <-ctx.Done():
			return number, expected, err
		}
		if p.turns.Load() != turn { // who asked later has the last word
			return 0, time.Time{}, program.ErrBusy
		}
	}
}

func (p *Program) cutOnce(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	if source == program.AutopilotSource || source == program.CardSource { // who is asked may alone know the newest plan
		return p.cutNow(ctx, source)
	}
	if number, expected, err, done := p.station.fleet.direct(ctx, p, source); done {
		return number, expected, err
	}
	return p.cut(ctx, source)
}

// cut carries out a cut as the channel's director, or in its place.
func (p *Program) cut(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	if p.station.fleet.primary(p, source) {
		return p.station.fleet.cutThere(ctx, p, source)
	}
	number, expected, err = p.cutHere(ctx, source)
	if errors.Is(err, program.ErrNoSuchSource) && p.station.fleet != nil {
		return p.station.fleet.cutThere(ctx, p, source)
	}
	return number, expected, err
}

// cutHere carries out a cut to a source that this node takes in, or to nothing, as a producer asked.
func (p *Program) cutHere(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	number, expected, err = p.putOnAir(ctx, source)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.askedAt = time.Now()
		if p.asked = program.ParseMix(source); p.settings(p.asked.Picture).Source() == source {
			p.asked = program.Mix{}
		}
	}
	return number, expected, err
}

// cutNow carries out a cut to a source that this node takes in or derives, to the plan, or to nothing. A plan that cannot
// begin does not take the place of what is on air: nobody would see anything.
func (p *Program) cutNow(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	if source == program.AutopilotSource || source == program.CardSource {
		if _, err := p.Plan(ctx); err != nil && !errors.Is(err, program.ErrNoPlan) {
			return 0, time.Time{}, err
		}
		if p.station.Health().AwayFor > 0 { // who may list it stands there
			return 0, time.Time{}, fmt.Errorf("a plan can begin only while the bucket answers: %w: try again in a moment", bucket.ErrUnavailable)
		}
	}
	return p.decide(ctx, func() (*program.Order, error) { return p.director.Cut(source) })
}

// decide carries out what the director says to something that a producer asks of it.
func (p *Program) decide(ctx context.Context, what func() (*program.Order, error)) (number int64, expected time.Time, err error) {
	p.mu.Lock()
	if p.director == nil || !p.settled {
		p.mu.Unlock()
		return 0, time.Time{}, ErrStarting
	}
	before := p.director.List()
	o, err := what()
	p.listChanged(before)
	if err == nil && o != nil && o.Words != "" {
		p.mu.Unlock()
		return p.partNow(ctx, o.Words)
	}
	if err == nil && o != nil && o.Claim == nil && o.Fill == nil { // another node has the pen
		p.mu.Unlock()
		if p.station.fleet == nil {
			return 0, time.Time{}, program.ErrBusy
		}
		number, err = p.station.fleet.leaveThere(ctx, p, o)
		return number, time.Now().Add(p.station.flushTime()), err
	}
	defer p.mu.Unlock()
	if err != nil {
		return 0, time.Time{}, err
	}
	p.order(o)
	return p.director.NextNumber(), time.Now().Add(p.station.flushTime()), nil
}

// partNow ends a clock-driven entry for who waits for the answer.
func (p *Program) partNow(ctx context.Context, entry string) (number int64, expected time.Time, err error) {
	if err := p.words(ctx, entry); err != nil {
		return 0, time.Time{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.director.NextNumber(), time.Now().Add(p.station.flushTime()), nil
}

// flushTime is how often bundles are written.
func (s *Station) flushTime() time.Duration {
	if s.cfg.Flush > 0 {
		return s.cfg.Flush
	}
	return 500 * time.Millisecond
}
