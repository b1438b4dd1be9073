package program

import (
	"math"
	"sort"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Play says what a clock-driven entry plays: a version of the channel's plan, from a place on. The entry's program
// time is when that begins; all else is arithmetic (Playout).
type Play struct {
	Plan  int64 `json:"plan"` // version
	Place Place `json:"place"`
	// Asked says that a producer asked for it: only a source that comes later goes on air in its stead by itself.
	Asked bool `json:"asked,omitempty"`
	// Held says that a producer took the channel off air and it plays its off-air card: no source goes on air in its
	// stead by itself.
	Held bool `json:"held,omitempty"`
	// Ahead is how far its program time is ahead of the clock: what was on air before it began so late that the program
	// has gone further than the clock has.
	Ahead time.Duration `json:"ahead,omitempty"`
	// Cue is set if it plays clips on cue. The channel's plan stands still at its place meanwhile.
	Cue *Cue `json:"cue,omitempty"`
}

// Place is where a plan stands: what is to be played next.
type Place struct {
	Slot   time.Time `json:"slot,omitzero"` // when the newest slot began; zero if none did
	Main   Spot      `json:"main"`          // in the storyboard of the slot
	Filler Spot      `json:"filler"`
}

// Spot is a place in a storyboard. It names the take, too, so that it is found again in another version.
type Spot struct {
	Take    media.TakeID `json:"take,omitzero"`
	Clip    int          `json:"clip,omitempty"`
	Segment int64        `json:"segment,omitempty"`
	Over    bool         `json:"over,omitempty"` // the storyboard has been played to its end
}

// Playout is what a clock-driven entry lists, as a function of nothing but the plan and the entry's beginning. It
// remembers what it has reckoned, and is not safe for concurrent use.
type Playout struct {
	schedule  *Schedule
	start     time.Time
	place     Place // where it began
	first     stretch
	stretches []stretch // neighbours, in order; the newest ones that were asked for
}

// stretch is what is played of one storyboard without a slot that cuts it.
type stretch struct {
	number int64       // of its first segment in the entry
	at     media.Ticks // when that begins, from the entry's beginning
	breaks int64       // discontinuities from the entry's first segment to its first one
	count  int64       // segments; forever if nothing follows

	board *board
	place int64 // of the first segment, in the board
	slot  time.Time
	main  *board // of the slot, nil if there was none
	in    bool   // the slot's storyboard plays, not the filler
	other int64  // where the one stands that does not play
}

const (
	forever = math.MaxInt64 / 4
	// farthest is how far ahead a slot is looked for: no longer than a plan knows its local time.
	farthest = zoneYears * 365 * 24 * time.Hour
	// maxStretches is how many stretches a playout remembers: some months of a plan with a slot every hour.
	maxStretches = 4096
)

// NewPlayout begins to play a schedule from a place on.
func NewPlayout(s *Schedule, from Place, start time.Time) *Playout {
	p := &Playout{schedule: s, start: start, place: from}
	if s.Plan.Once {
		p.first = stretch{board: s.filler, count: s.filler.size()}
		p.stretches = []stretch{p.first}
		return p
	}
	x := stretch{slot: from.Slot}
	at, main := s.latest(start)
	x.slot, x.main = at, main
	filler := s.filler.find(from.Filler)
	if main != nil && at.Equal(from.Slot) {
		p.first = p.begin(x, main.find(from.Main), filler)
	} else {
		p.first = p.begin(x, 0, filler)
	}
	p.stretches = []stretch{p.first}
	return p
}

// find returns where a spot is that may be of another version of the storyboard: in the same clip if that is still
// there, else at the beginning of what stands in its stead.
func (b *board) find(s Spot) int64 {
	if s.Over && !b.loop {
		return b.size()
	}
	found := -1
	for i := range b.Clips {
		if b.Clips[i].Take == s.Take && (found < 0 || i == s.Clip) {
			found = i
		}
	}
	if found >= 0 {
		size := b.number[found+1] - b.number[found]
		if segment := s.Segment - int64(b.Clips[found].From); segment >= 0 && segment < size {
			return b.number[found] + segment
		}
		return b.number[found]
	}
	return b.number[max(0, min(s.Clip, len(b.Clips)-1))]
}

// spot is the reverse.
func (b *board) spot(place int64) Spot {
	if !b.loop && place >= b.size() {
		return Spot{Over: true}
	}
	_, clip, segment := b.clip(place)
	return Spot{Take: b.Clips[clip].Take, Clip: clip, Segment: segment + int64(b.Clips[clip].From)}
}

// begin completes a stretch that begins with the places of the slot's storyboard and of the filler as given. It ends
// with its storyboard, or where the next slot cuts it.
func (p *Playout) begin(x stretch, main, filler int64) stretch {
	x.in = x.main != nil && (x.main.loop || main < x.main.size())
	x.board, x.place, x.other = p.schedule.filler, filler, main
	if x.in {
		x.board, x.place, x.other = x.main, main, filler
	}
	x.count = forever
	if !x.board.loop {
		x.count = x.board.size() - x.place
	}
	now := p.start.Add(x.at.Duration())
	if cut, ok := p.schedule.next(now); ok && cut.Sub(now) < farthest {
		t := media.TicksOf(cut.Sub(p.start)) - x.at
		x.count = min(x.count, max(1, x.board.from(x.board.start(x.place)+t)-x.place))
	}
	return x
}

// next returns the stretch after another one.
func (p *Playout) next(x *stretch) stretch {
	end := x.place + x.count
	n := stretch{number: x.number + x.count, at: x.start(x.count), breaks: x.breaks + x.board.breaks(end-1) - x.board.breaks(x.place) + 1}
	main, filler := x.other, end
	if x.in {
		main, filler = end, x.other
	}
	n.slot, n.main = x.slot, x.main
	if at, board := p.schedule.latest(p.start.Add(n.at.Duration())); board != nil && !at.Equal(x.slot) {
		n.slot, n.main, main = at, board, 0
	}
	return p.begin(n, main, filler%p.schedule.filler.size())
}

// start returns when the n-th segment of a stretch begins, from the entry's beginning.
func (x *stretch) start(n int64) media.Ticks {
	return x.at + x.board.start(x.place+n) - x.board.start(x.place)
}

// seek returns the stretch in which something is, which says whether it comes after a stretch begins.
func (p *Playout) seek(after func(x *stretch) bool) *stretch {
	list := &p.stretches
	if !after(&p.stretches[0]) {
		list = &[]stretch{p.first} // so old that it was forgotten
	}
	for last := &(*list)[len(*list)-1]; last.count < forever && !p.schedule.Plan.Once && after(last); last = &(*list)[len(*list)-1] {
		if *list = append(*list, p.next(last)); len(*list) > maxStretches {
			*list = append([]stretch(nil), (*list)[maxStretches/2:]...)
		}
	}
	i := sort.Search(len(*list), func(i int) bool { return !after(&(*list)[i]) })
	return &(*list)[max(0, i-1)]
}

// Played is one segment of a playout.
type Played struct {
	Clip     *Clip
	Segment  uint32      // of the clip's take
	Start    media.Ticks // from the entry's beginning
	Duration media.Ticks
	Break    bool  // a clip begins, or begins again in the middle
	Breaks   int64 // how many did since the entry's first segment
}

// Segment returns the n-th segment of the entry.
func (p *Playout) Segment(n int64) Played {
	x := p.stretch(n)
	place := x.place + n - x.number
	_, clip, segment := x.board.clip(place)
	c := &x.board.Clips[clip]
	return Played{
		Clip: c, Segment: c.From + uint32(segment), Start: x.start(n - x.number), Duration: x.board.clips[clip].each(segment),
		Break: n == x.number || segment == 0, Breaks: x.breaks + x.board.breaks(place) - x.board.breaks(x.place),
	}
}

func (p *Playout) stretch(n int64) *stretch {
	return p.seek(func(x *stretch) bool { return x.number <= n })
}

// Place returns where the plan stands when the n-th segment is to be played; for what is played once, where the
// channel's plan stands still.
func (p *Playout) Place(n int64) Place {
	if p.schedule.Plan.Once {
		return p.place
	}
	x := p.stretch(n)
	place := x.place + n - x.number
	w := Place{Slot: x.slot}
	if x.in {
		w.Main, w.Filler = x.board.spot(place), p.schedule.filler.spot(x.other)
	} else {
		w.Filler = x.board.spot(place)
		if x.main != nil {
			w.Main = x.main.spot(x.other)
		}
	}
	return w
}

// Playing returns the number of the segment that plays at a moment, -1 before the first one.
func (p *Playout) Playing(now time.Time) int64 {
	if now.Before(p.start) {
		return -1
	}
	t := media.TicksOf(now.Sub(p.start))
	x := p.seek(func(x *stretch) bool { return x.at <= t })
	return x.number + min(x.count-1, x.board.holding(x.board.start(x.place)+t-x.at)-x.place)
}

// over reports whether what is played once has been played.
func (p *Playout) over(now time.Time) bool {
	x := &p.first
	return p.schedule.Plan.Once && !now.Before(p.start.Add(x.start(x.count).Duration()))
}

// At returns the program time at the beginning of the n-th segment.
func (p *Playout) At(n int64) time.Time {
	return p.start.Add(p.Segment(n).Start.Duration()).UTC()
}

// End makes the end of the entry before its n-th segment.
func (p *Playout) End(n int64) *End {
	n = max(n, 1)
	place := p.Place(n)
	return &End{At: media.Pos{Segment: uint32(n)}, Breaks: p.Segment(n - 1).Breaks, Place: &place, ProgramTime: p.At(n).Round(time.Millisecond).UTC()}
}
