package program

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Contender is a take that may go on air: it has a first part. Or it is the channel's plan.
type Contender struct {
	Take *media.Take
	Play *Play // instead of a take
	// Format is that of what Play plays.
	Format Format
	// Start says with which segment the take would go on air just now: its first one if it has only
	// begun, else its newest; or the first one after a time, if that is not zero and the take has it.
	// at is the take's own time at the beginning of that segment.
	Start func(after time.Time) (segment uint32, at time.Time)
	// idle says that it was not to go on air by itself when it came: what it has sent so far nobody waits for.
	idle bool
	// held says that it was there during a rehearsal, and nothing has been cut to since.
	held bool
	// due says that it was to go on air by itself at once when it came: who sends it waits for all that it has sent.
	due bool
}

// from says after which time of its own a take goes on air instead of the plan: its beginning, if it was to go on
// air when it came.
func (c *Contender) from() time.Time {
	if c.due {
		return c.Take.Born.Add(time.Millisecond)
	}
	return time.Time{}
}

// Director decides what a channel's program is. It is a state machine: everything that happens is told
// to it, and it answers with the mark that is to be written into a take's log; once that is safe it is
// told so (Safe), and only then the cut list changes. It is not safe for concurrent use.
type Director struct {
	list      *CutList
	autoLive  bool
	rehearses bool
	held      bool                 // the past is not known yet: nothing goes on air
	awaited   string               // the source whose publisher is waited for after a death
	live      []Contender          // takes that this node writes, in the order in which they came
	pending   *pending             // at most one mark or claim that begins an entry is on its way
	early     map[string]*Mark     // that became safe before the beginnings of the entries that they end, which lie in other logs
	bounds    map[string]media.Pos // where entries will end once their marks are safe, or the word of this node
	autopilot *Autopilot           // nil if the channel has no plan
}

// pending is a mark on its way into a log, or a claim.
type pending struct {
	mark  *Mark
	take  media.TakeID // whose log it is in
	words bool         // it is to end a clock-driven entry
	to    *Contender   // what is to follow that
	off   bool         // nothing, because a producer says so
	on    bool         // what follows is what a producer says: the channel is not off air any more
}

// Order is what the director asks for.
//
// With Claim: the right to begin an entry while nothing is on air. Nobody has the pen then, so it is
// the bucket that decides (Claimed), or, while that is away, the word of the others. The answer is
// told by Learn, Granted or Denied.
//
// With Words: everyone's word that they list no more of a clock-driven entry than they have (Word). The answer
// is told by Agreed, or Denied.
//
// Else a mark in the log of a take, whose writer may be another node; there it is Leave that gives the
// order. The writer calls Fill at the moment it writes it, with the place and time at which its log
// stands; no part may come in between.
type Order struct {
	Claim *Mark
	Words string // id of the entry
	Take  media.TakeID
	Entry string     // that is to end
	To    *Contender // what is to follow, or nil
	Fill  func(Edge) *Mark
}

// Edge is where a take's log stands.
type Edge struct {
	At  media.Pos
	Cut media.Ticks // duration of the segment in the making, as far as there is one
	End time.Time   // the take's own time of the end of its newest part
}

var (
	// ErrNoSuchSource is returned for a cut to something that is not there to be cut to.
	ErrNoSuchSource = errors.New("that source sends nothing at the moment")
	// ErrBusy is returned for a cut while the mark of another one is on its way.
	ErrBusy = errors.New("another cut is under way: try again in a second")
)

// NewDirector directs a channel whose cut list is as given. With autoLive a source that connects goes
// on air if nothing else is. Nothing does before Resume.
func NewDirector(list *CutList, autoLive bool) *Director {
	return &Director{list: list, autoLive: autoLive, held: true, early: map[string]*Mark{}, bounds: map[string]media.Pos{}}
}

// List returns the cut list as it counts at the moment.
func (d *Director) List() *CutList { return d.list }

// Learn takes in what another node or the bucket knows of the list. sure says that it is from the
// bucket, which has the last word if the two contradict each other; an error says that they do.
func (d *Director) Learn(list *CutList, sure bool) (*Order, error) {
	merged, err := d.list.Merge(list)
	if err != nil && !sure {
		return nil, err
	}
	if err != nil {
		merged = list
	}
	d.list = merged
	d.settleEarly()
	if p := d.pending; p != nil && (p.mark.Entry != nil && p.mark.done(d.list) || p.words && p.mark.over(d.list)) {
		d.pending = nil
	}
	return d.next(), err
}

// Granted says that the others gave their word for a claim while the bucket is away. The entry is put
// into the log of its take, and counts when it is safe there.
func (d *Director) Granted(entry string) *Order {
	p := d.pending
	if p == nil || p.mark.Entry == nil || p.mark.Entry.ID != entry || p.mark.Entry.Play != nil || !p.mark.follows(d.list) {
		return nil
	}
	return &Order{Take: p.take, Fill: func(Edge) *Mark { return p.mark }}
}

// Denied says that a claim was not granted, or that the words for it were not to be had.
func (d *Director) Denied(id string) {
	if p := d.pending; p != nil && (p.mark.Entry != nil || p.words) && p.mark.ID() == id {
		d.pending = nil
	}
}

// Next returns what is to be done now, if anything is: after a claim was denied, or the time of grace
// is over.
func (d *Director) Next() *Order { return d.next() }

// Marked says that a mark stands in the log of a take that another node writes: nothing behind it may
// be listed, even before it counts.
func (d *Director) Marked(m *Mark) {
	if m.End != nil {
		makeRoom(d.bounds)
		d.bounds[m.Ended] = m.End.At
	}
}

// Awaited returns the source whose publisher is waited for, after a death, before another source goes
// on air by itself.
func (d *Director) Awaited() string { return d.awaited }

// Waited says that it was waited for long enough.
func (d *Director) Waited() *Order {
	d.awaited = ""
	return d.next()
}

// Waits reports whether a take that this node writes is about to go on air by itself.
func (d *Director) Waits(take media.TakeID) bool {
	if p := d.pending; p != nil && p.take == take && p.mark.Entry != nil {
		return true
	}
	e := d.list.OnAir()
	if d.list.Off || !d.autoLive {
		return false
	}
	for _, c := range d.live {
		if c.Take.ID == take && !d.onlyCut(&c) && (e == nil || e.yields(&c)) {
			return d.list.Format == nil || d.list.Format.Fits(c.Take.Renditions[0].Tracks) == nil
		}
	}
	return false
}

// Has reports whether a take is or was in the program, as far back as the list goes.
func (c *CutList) Has(take media.TakeID) bool {
	return slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Take == take })
}

// SetAutoLive changes whether a source that connects goes on air by itself.
func (d *Director) SetAutoLive(on bool) { d.autoLive = on }

// Began says that a take has its first part.
func (d *Director) Began(c Contender) *Order {
	c.held = d.rehearses
	c.idle = d.list.Off || !d.autoLive || d.rehearses
	e := d.list.OnAir()
	c.due = !c.idle && (e == nil || e.yields(&c))
	d.live = append(d.live, c)
	return d.next()
}

// Left says that the writer of a take closed it at that edge. What the take's writer has to put behind
// its last part is returned.
func (d *Director) Left(take media.TakeID, at Edge) *Mark {
	d.forget(take)
	e := d.list.OnAir()
	if d.pending != nil && d.pending.mark.Entry != nil && d.pending.mark.Entry.Take == take {
		e = d.pending.mark.Entry // it goes before it has come: its beginning is on its way in the same log
	}
	if e == nil || e.Take != take {
		return nil
	}
	if d.pending != nil && d.pending.mark.Ended == e.ID {
		return nil // its end is on its way already
	}
	m := &Mark{Ended: e.ID, End: e.endAt(at)}
	d.Marked(m) // a derived take may end in the middle of a segment
	return m
}

// endAt makes the end of the entry at a place that everybody knows.
func (e *Entry) endAt(at Edge) *End {
	end := &End{At: at.At, ProgramTime: at.End.Add(e.Shift).UTC().Truncate(time.Millisecond)}
	if at.At.Part > 0 {
		end.Cut = at.Cut
	}
	if end.At.Segment < e.From {
		end.At = media.Pos{Segment: e.From}
	}
	if end.ProgramTime.Before(e.ProgramTime) {
		end.ProgramTime = e.ProgramTime
	}
	return end
}

func (d *Director) forget(take media.TakeID) {
	for i := range d.live {
		if d.live[i].Take.ID == take {
			d.live = append(d.live[:i:i], d.live[i+1:]...)
			return
		}
	}
}

// Safe says that a mark is safe: from now on it counts. Marks that were found in logs after a crash are
// given to it as well, in their order; one that the list knows already changes nothing.
func (d *Director) Safe(m *Mark) *Order {
	if p := d.pending; p != nil && (m.Entry != nil && p.mark.Entry != nil && p.mark.Entry.ID == m.Entry.ID || m.Entry == nil && p.mark.Entry == nil && p.mark.Ended == m.Ended) {
		d.pending = nil
	}
	if m.End != nil && d.list.Entry(m.Ended) == nil {
		makeRoom(d.early)
		d.early[m.Ended] = m
	}
	d.list = d.list.apply(m)
	delete(d.bounds, m.Ended)
	d.settleEarly()
	return d.next()
}

// makeRoom bounds what is kept of marks whose entries are not known. Most of them are of entries that are so
// old that the list has dropped them; the newest is always kept.
func makeRoom[T any](m map[string]T) {
	for id := range m {
		if len(m) < maxEntries {
			return
		}
		delete(m, id)
	}
}

// settleEarly ends the entry on air if its end was known before its beginning, and begins what follows it.
func (d *Director) settleEarly() {
	for e := d.list.OnAir(); e != nil && d.early[e.ID] != nil; e = d.list.OnAir() {
		m := d.early[e.ID]
		delete(d.early, e.ID)
		d.list = d.list.apply(m)
	}
}

// Sealed says that a take was ended by its seal, after the death of its node (rules D, E, G). exact
// says that nothing more of it was ever listed; leap, that nobody knows what was listed behind what is known.
func (d *Director) Sealed(take media.TakeID, at Edge, exact, leap bool) {
	d.forget(take)
	if d.pending != nil && d.pending.take == take {
		d.pending = nil // it did not become safe, or it would have been found in the log
	}
	e := d.list.OnAir()
	if e == nil || e.Take != take {
		return
	}
	end := e.endAt(at)
	end.Leap = leap
	if !exact {
		// The broken segment may have been listed whole. It and the one after it become gaps.
		end.At.Part, end.Cut = 0, 0
		end.Gaps = gapsAfterSeal
		end.ProgramTime = end.ProgramTime.Add(media.Ticks(gapsAfterSeal * gapDuration).Duration())
	}
	delete(d.bounds, e.ID)
	d.awaited = PictureOf(e.Source)
	d.list = d.list.with(func(c *CutList) { c.last().End = end })
}

// Doubt says that incarnations were ended of which nobody knows what they had listed: they may have begun
// entries that died with them, behind a leap, too. If nothing is on air, the next number is far higher (rules E and G).
func (d *Director) Doubt() {
	if e := d.list.last(); e == nil || e.End != nil {
		d.list = d.list.doubt()
	}
}

// Resume says that all of the past is known, and returns what to do about the takes that came meanwhile.
func (d *Director) Resume() *Order {
	d.held = false
	return d.next()
}

// next puts the newest take that fits on air if it should be there and nothing is in the way.
func (d *Director) next() *Order {
	e := d.list.OnAir()
	if e != nil && (e.Play == nil || e.Play.Cue != nil) { // nobody waits any more for what others have sent so far
		for i := range d.live {
			d.live[i].due, d.live[i].held = false, false
		}
		return nil
	}
	if d.held || d.pending != nil || d.list.Off || !d.autoLive || len(d.live) == 0 {
		return nil
	}
	for i := len(d.live) - 1; i >= 0; i-- {
		c := d.live[i]
		if d.onlyCut(&c) {
			continue
		}
		if d.awaited != "" && PictureOf(c.Take.Source) != d.awaited || e != nil && !e.yields(&c) {
			continue
		}
		if d.list.Format != nil && d.list.Format.Fits(c.Take.Renditions[0].Tracks) != nil {
			continue
		}
		if e != nil {
			return d.part(e, &c)
		}
		return d.begin(c)
	}
	return nil
}

// begin puts a take or the plan on air while nothing is.
func (d *Director) begin(c Contender) *Order {
	m := &Mark{}
	d.pending = &pending{mark: m}
	if c.Play != nil {
		_, at := c.Start(time.Time{})
		e := d.list.after(nil, Entry{Source: c.Play.Source(), Play: c.Play}, at)
		m.Entry, m.Format = &e, d.format(c.Format)
	} else {
		first, at := c.Start(d.left(c))
		e := d.list.following(nil, c.Take, first, at)
		m.Entry, m.Format, d.pending.take = &e, d.format(FormatOf(c.Take.Renditions[0].Tracks)), c.Take.ID
	}
	d.awaited = ""
	return &Order{Claim: m}
}

// left returns where the source of a take left the program. A take that was sent beside what was on air, such as a
// backup's, goes on from there; one that came after goes on from its beginning, however long its claim took: what it
// has was acknowledged to who sent it. It is zero for another source, and for a take that has waited for a cut.
func (d *Director) left(c Contender) time.Time {
	e := d.list.last()
	if e == nil || PictureOf(e.Source) != PictureOf(c.Take.Source) || e.End == nil {
		return time.Time{}
	}
	at := e.End.ProgramTime.Add(-e.Shift - media.Ticks(int64(e.End.Gaps)*gapDuration).Duration())
	switch {
	case !e.End.Leap && !at.Before(c.Take.Born):
		return at
	case c.idle:
		return time.Time{}
	}
	return c.Take.Born.Add(time.Millisecond)
}

// format returns the format that the channel gets with what is first on air, or nil if it has one.
func (d *Director) format(f Format) *Format {
	if d.list.Format != nil {
		return nil
	}
	return &f
}

// Fenced says that this node lost its incarnation: its takes and the marks on their way are gone until
// they are found in the bucket.
func (d *Director) Fenced() {
	d.live, d.pending, d.held = nil, nil, true
	e := d.list.OnAir()
	maps.DeleteFunc(d.bounds, func(id string, _ media.Pos) bool { // a word binds on: it is not in the log
		return e == nil || e.Play == nil || e.ID != id
	})
}

// Until returns where the entry on air will end once a mark is safe, or nil: nothing beyond may be listed.
func (d *Director) Until() *media.Pos {
	e := d.list.OnAir()
	if e == nil {
		return nil
	}
	at, ok := d.bounds[e.ID]
	if !ok {
		return nil
	}
	return &at
}

// NextNumber returns the number that the next entry begins with, as far as that is known.
func (d *Director) NextNumber() int64 {
	if d.pending != nil && d.pending.mark.Entry != nil {
		return d.pending.mark.Entry.Number
	}
	last := d.list.last()
	if last == nil {
		return d.list.Begin
	}
	before := *last
	if d.pending != nil && d.pending.mark.End != nil {
		before.End = d.pending.mark.End
	}
	if before.End == nil {
		return before.Number
	}
	return before.next()
}
