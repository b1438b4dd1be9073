package program

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Plan is one version of what a channel plays when nobody is live. A version never changes: an edit makes another
// one, and a cut. It holds all that play-out needs, so that what is listed under a number hangs on nothing else.
type Plan struct {
	Version     int64        `json:"version"`
	Made        time.Time    `json:"made"`
	Zone        Zone         `json:"zone"`
	Format      Format       `json:"format"` // that all clips have
	Storyboards []Storyboard `json:"storyboards"`
	// Filler is the storyboard that plays in a loop where no slot says otherwise.
	Filler string `json:"filler"`
	Slots  []Slot `json:"slots,omitempty"`
	// Once says that the filler is played once, from its beginning, and nothing else: a cue.
	Once bool `json:"once,omitempty"`
	// Lenders are the channels, by their ids, whose clips it plays beside its own.
	Lenders []string `json:"lenders,omitempty"`
	// Card is the clip of the off-air card, by its id, if it plays nothing else.
	Card string `json:"card,omitempty"`
}

// Plays reports whether a plan plays something of a take.
func (p *Plan) Plays(id media.TakeID) bool {
	return slices.ContainsFunc(p.Storyboards, func(b Storyboard) bool {
		return slices.ContainsFunc(b.Clips, func(c Clip) bool { return c.Take == id })
	})
}

// Storyboard is an ordered list of clips.
type Storyboard struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Clips []Clip `json:"clips"`
}

// Clip is a stretch of a finished take.
type Clip struct {
	Take    media.TakeID `json:"take"`
	Title   string       `json:"title,omitempty"`
	From    uint32       `json:"from,omitempty"` // the first segment that is played
	To      uint32       `json:"to,omitempty"`   // the first one that is not, 0 for all
	Cadence Cadence      `json:"cadence"`        // of the segments that are played

	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FrameRate float64 `json:"frameRate,omitempty"`
	Bandwidth int     `json:"bandwidth,omitempty"`
}

// Cadence says how long the segments of a clip are: so many of so many ticks, then so many of so many.
type Cadence [][2]int64

// CadenceOf returns the cadence of segments.
func CadenceOf(segments []*media.SegmentInfo) (c Cadence) {
	for _, s := range segments {
		if n := len(c); n > 0 && c[n-1][1] == int64(s.Duration) {
			c[n-1][0]++
		} else {
			c = append(c, [2]int64{1, int64(s.Duration)})
		}
	}
	return c
}

// Slot begins a storyboard at a fixed time. It cuts what plays at the next boundary of segments. When its storyboard
// is over, the filler goes on until the next slot.
type Slot struct {
	Storyboard string         `json:"storyboard"`
	At         int            `json:"at"` // seconds of the local day
	Days       []time.Weekday `json:"days,omitempty"`
	Date       string         `json:"date,omitempty"` // instead of days: only then, as 2006-01-02
	Repeat     bool           `json:"repeat,omitempty"`
}

// ErrPlan is wrapped by what is wrong with a plan.
var ErrPlan = errors.New("the plan cannot be played")

// Bounds of a plan.
const (
	MaxSlots       = 500
	MaxStoryboards = 200
	MaxClips       = 5000 // in all storyboards
	// maxSegments and maxClip bound a clip: a day and a half of segments of two seconds.
	maxSegments = leapUnit
	maxClip     = 48 * 3600 * media.TicksPerSecond
	shortest    = media.TicksPerSecond / 4 // how long the segments of a clip last at least, on the average
)

// Schedule is a plan that was checked, in a form to compute with. It never changes.
type Schedule struct {
	Plan   *Plan
	filler *board
	week   [7][]fixed // by weekday, by the second of the day
	dated  []dated    // by time
}

// fixed is a slot as it can be computed with.
type fixed struct {
	second int
	board  *board
}

// dated is a slot that comes once.
type dated struct {
	at    time.Time
	board *board
}

// board is a storyboard as it can be computed with. A place in it is the number of a segment, counted through all
// its clips, and on and on if it plays in a loop.
type board struct {
	*Storyboard
	clips  []cadence
	number []int64       // of each clip's first segment, and of the end
	at     []media.Ticks // likewise
	loop   bool
}

// cadence is a clip's cadence with its sums: of each run, the first segment and its time.
type cadence struct {
	runs []run
}

type run struct {
	number int64
	at     media.Ticks
	each   media.Ticks
}

// NewSchedule checks a plan.
func NewSchedule(p *Plan) (*Schedule, error) {
	if err := p.Zone.validate(); err != nil {
		return nil, err
	}
	if n := len(p.Storyboards); n == 0 || n > MaxStoryboards || len(p.Slots) > MaxSlots {
		return nil, fmt.Errorf("%w: %d storyboards and %d slots, want 1 to %d storyboards and at most %d slots", ErrPlan, n, len(p.Slots), MaxStoryboards, MaxSlots)
	}
	s := &Schedule{Plan: p}
	once, loops := map[string]*board{}, map[string]*board{}
	clips := 0
	for i := range p.Storyboards {
		b, err := newBoard(&p.Storyboards[i])
		if err != nil {
			return nil, err
		}
		if once[b.ID] != nil {
			return nil, fmt.Errorf("%w: two storyboards have the id %.40q", ErrPlan, b.ID)
		}
		if clips += len(b.Clips); clips > MaxClips {
			return nil, fmt.Errorf("%w: over %d clips in all storyboards: make some of them shorter", ErrPlan, MaxClips)
		}
		again := *b
		again.loop = true
		once[b.ID], loops[b.ID] = b, &again
	}
	if s.filler = loops[p.Filler]; p.Once {
		s.filler = once[p.Filler]
	}
	if s.filler == nil || p.Once && len(p.Slots) > 0 {
		return nil, fmt.Errorf("%w: there is no storyboard %.40q for the filler: name one of the plan's", ErrPlan, p.Filler)
	}
	for i, slot := range p.Slots {
		b := once[slot.Storyboard]
		if slot.Repeat {
			b = loops[slot.Storyboard]
		}
		if b == nil {
			return nil, fmt.Errorf("%w: slot %d plays storyboard %.40q, which is not in the plan", ErrPlan, i+1, slot.Storyboard)
		}
		if err := s.add(&slot, b); err != nil {
			return nil, fmt.Errorf("%w: slot %d: %w", ErrPlan, i+1, err)
		}
	}
	for d := range s.week {
		sort.SliceStable(s.week[d], func(a, b int) bool { return s.week[d][a].second < s.week[d][b].second })
	}
	sort.SliceStable(s.dated, func(a, b int) bool { return s.dated[a].at.Before(s.dated[b].at) })
	return s, nil
}

func (s *Schedule) add(slot *Slot, b *board) error {
	if slot.At < 0 || slot.At >= day {
		return fmt.Errorf("it begins at second %d of the day, want 0 to %d", slot.At, day-1)
	}
	if slot.Date != "" {
		d, err := time.Parse(time.DateOnly, slot.Date)
		if err != nil || len(slot.Days) > 0 {
			return fmt.Errorf("date %.20q and %d weekdays: want either a date such as 2026-12-24 or weekdays", slot.Date, len(slot.Days))
		}
		s.dated = append(s.dated, dated{s.Plan.Zone.at(floor(d.Unix(), day), slot.At), b})
		return nil
	}
	if len(slot.Days) == 0 {
		return errors.New("it has no weekdays and no date: name at least one")
	}
	for i, d := range slot.Days {
		if d < 0 || d > 6 || slices.Contains(slot.Days[:i], d) {
			return fmt.Errorf("weekday %d: want each of 0 (Sunday) to 6 at most once", d)
		}
		s.week[d] = append(s.week[d], fixed{slot.At, b})
	}
	return nil
}

func newBoard(sb *Storyboard) (*board, error) {
	if sb.ID == "" || len(sb.Clips) == 0 {
		return nil, fmt.Errorf("%w: storyboard %.80q has no id or no clips: add a clip, or leave it out", ErrPlan, sb.Title)
	}
	b := &board{Storyboard: sb, number: []int64{0}, at: []media.Ticks{0}}
	for i := range sb.Clips {
		c := &sb.Clips[i]
		var sums cadence
		segments, ticks := int64(0), media.Ticks(0)
		for _, r := range c.Cadence {
			n, each := r[0], media.Ticks(r[1])
			if n <= 0 || each <= 0 || n > maxSegments || each > maxClip {
				return nil, fmt.Errorf("%w: clip %.80q of storyboard %.80q has %d segments of %d ticks", ErrPlan, c.Title, sb.Title, n, each)
			}
			sums.runs = append(sums.runs, run{segments, ticks, each})
			if segments, ticks = segments+n, ticks+media.Ticks(n)*each; segments > maxSegments || ticks > maxClip {
				return nil, fmt.Errorf("%w: clip %.80q of storyboard %.80q is longer than two days", ErrPlan, c.Title, sb.Title)
			}
		}
		if segments == 0 || c.Take.IsZero() {
			return nil, fmt.Errorf("%w: clip %.80q of storyboard %.80q is empty", ErrPlan, c.Title, sb.Title)
		}
		if ticks < media.Ticks(segments)*shortest {
			return nil, fmt.Errorf("%w: the segments of clip %.80q of storyboard %.80q are too short: convert it again", ErrPlan, c.Title, sb.Title)
		}
		b.clips = append(b.clips, sums)
		b.number = append(b.number, b.number[i]+segments)
		b.at = append(b.at, b.at[i]+ticks)
	}
	return b, nil
}

// latest returns the newest slot that begins at a moment or before, and when; nil if there is none.
func (s *Schedule) latest(t time.Time) (at time.Time, b *board) {
	i := sort.Search(len(s.dated), func(i int) bool { return s.dated[i].at.After(t) })
	if i > 0 {
		at, b = s.dated[i-1].at, s.dated[i-1].board
	}
	today, _ := s.Plan.Zone.day(t)
	for n := today + 1; n >= today-8; n-- {
		week := s.week[weekday(n)]
		for i := len(week) - 1; i >= 0; i-- {
			if u := s.Plan.Zone.at(n, week[i].second); !u.After(t) {
				if b == nil || u.After(at) {
					return u, week[i].board
				}
				return at, b
			}
		}
	}
	return at, b
}

// next returns when the first slot after a moment begins; ok is false if there is none.
func (s *Schedule) next(t time.Time) (at time.Time, ok bool) {
	i := sort.Search(len(s.dated), func(i int) bool { return s.dated[i].at.After(t) })
	if i < len(s.dated) {
		at, ok = s.dated[i].at, true
	}
	today, _ := s.Plan.Zone.day(t)
	for n := today - 1; n <= today+8; n++ {
		for _, f := range s.week[weekday(n)] {
			if u := s.Plan.Zone.at(n, f.second); u.After(t) {
				if !ok || u.Before(at) {
					return u, true
				}
				return at, true
			}
		}
	}
	return at, ok
}

// size and length are those of one round.
func (b *board) size() int64         { return b.number[len(b.clips)] }
func (b *board) length() media.Ticks { return b.at[len(b.clips)] }

// clip returns in which round, clip and segment of it a place is.
func (b *board) clip(place int64) (round int64, clip int, segment int64) {
	round = place / b.size()
	place -= round * b.size()
	clip = sort.Search(len(b.clips), func(i int) bool { return b.number[i+1] > place })
	if clip == len(b.clips) {
		return round, clip, 0
	}
	return round, clip, place - b.number[clip]
}

// start returns when a place begins, from the board's beginning.
func (b *board) start(place int64) media.Ticks {
	round, clip, segment := b.clip(place)
	t := media.Ticks(round)*b.length() + b.at[clip]
	if clip < len(b.clips) {
		t += b.clips[clip].start(segment)
	}
	return t
}

// holding returns the place that plays at a time.
func (b *board) holding(t media.Ticks) int64 {
	round := int64(t / b.length())
	t -= media.Ticks(round) * b.length()
	clip := sort.Search(len(b.clips), func(i int) bool { return b.at[i+1] > t })
	return round*b.size() + b.number[clip] + b.clips[clip].holding(t-b.at[clip])
}

// from returns the first place that begins at a time or later.
func (b *board) from(t media.Ticks) int64 {
	place := b.holding(t)
	if b.start(place) < t {
		place++
	}
	return place
}

// breaks returns how many clips begin up to a place, its own included.
func (b *board) breaks(place int64) int64 {
	round, clip, _ := b.clip(place)
	return round*int64(len(b.clips)) + int64(clip)
}

func (c *cadence) start(segment int64) media.Ticks {
	r := c.runs[sort.Search(len(c.runs), func(i int) bool { return c.runs[i].number > segment })-1]
	return r.at + media.Ticks(segment-r.number)*r.each
}

func (c *cadence) each(segment int64) media.Ticks {
	return c.runs[sort.Search(len(c.runs), func(i int) bool { return c.runs[i].number > segment })-1].each
}

func (c *cadence) holding(t media.Ticks) int64 {
	r := c.runs[sort.Search(len(c.runs), func(i int) bool { return c.runs[i].at > t })-1]
	return r.number + int64((t-r.at)/r.each)
}
