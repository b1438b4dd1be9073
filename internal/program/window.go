package program

import (
	"math"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// LiveSpan is how much the live playlist lists, and leastSegments how many segments at least.
	LiveSpan      = 60 * media.TicksPerSecond
	leastSegments = 6
	// partsSpan is how far from the end parts are named in a window; playlists list less of them.
	partsSpan = 5 * hls.TargetDuration * media.TicksPerSecond
)

// View says which window is wanted.
type View struct {
	Rendition  string
	Span       media.Ticks   // how far back it reaches
	Part       time.Duration // EXT-X-PART-INF
	LowLatency bool          // with parts
	// Until is where the entry on air will end, once the mark that says so is safe: it bounds the
	// listing from the moment at which it stands in the log (Director.Until).
	Until *media.Pos
	// Floor is the lowest number that may be listed: a node that comes to know more of the past must
	// not show it to viewers to whom it has shown less.
	Floor int64
	// Shown is the number behind the last one that was listed whole before. Behind an end that leaps nothing else is
	// listed, not even a gap: who wrote the take may have listed something else there (rule E), or have cut short
	// what is known in part.
	Shown int64

	// Now paces what is driven by the clock, and decides nothing else.
	Now time.Time
	// Playout returns what a clock-driven entry plays, or nil if its plan is not known.
	Playout func(*Entry) *Playout
	// Parts returns the parts of a segment of a clip, or nil if they are not known.
	Parts func(take media.TakeID, segment uint32) []media.PartInfo
}

// Lookup returns what this node knows of a take's rendition, or nil. It may leave out segments at
// the front.
type Lookup func(take media.TakeID, rendition string, entry *Entry) *media.Listing

// Of returns what a playlist of the program lists. It is a pure function: whoever knows the same cut
// list and the same takes lists the same addresses under the same numbers; who knows less of the
// takes lists less, at the end or at the front.
//
// state says that something is finished and not listed, because too much before it is not safe (rule C),
// or that the end of a take is not known here that others list.
func Of(list *CutList, lookup Lookup, v View) (w *hls.Window, state State) {
	b := builder{view: v}
	w = &hls.Window{TargetDuration: hls.TargetDuration, PartTarget: v.Part, LowLatency: v.LowLatency}
	for i := len(list.Entries) - 1; i >= 0; i-- {
		e := &list.Entries[i]
		if i < len(list.Entries)-1 && e.End.Leap {
			break // the window begins after the leap
		}
		if e.Play != nil {
			p := v.Playout(e)
			b.lacking = b.lacking || p == nil
			if p == nil || !b.playout(e, p) || b.enough() {
				break
			}
			continue
		}
		l := lookup(e.Take, e.rendition(v.Rendition), e)
		if l == nil && e.End != nil && e.empty() {
			l = &media.Listing{Take: &media.Take{ID: e.Take}, Rendition: e.rendition(v.Rendition)} // there is nothing to be known of it
		}
		if l == nil {
			break
		}
		if !b.entry(e, l) || b.enough() {
			break
		}
	}
	w.MediaSequence, w.DiscontinuitySequence = b.first, b.discontinuity
	slices.Reverse(b.segments)
	w.Segments, w.Hint = b.segments, b.hint
	if len(w.Segments) > 0 {
		w.Segments[0].Discontinuity = false
	}
	return w, State{Held: b.held, Lacking: b.lacking, Next: b.next, Listed: b.listed}
}

// State is what there is to know of a window besides what it lists.
type State struct {
	Held    bool // something is finished and not listed, because too much before it is not safe
	Lacking bool // this node does not have the end of a take that has left the program, or a plan
	// Next is when a clock-driven entry that is on air goes on; zero if none is, or it may list nothing more.
	Next   time.Time
	Listed int64 // segments of it that are listed, with the one of which only parts are
}

// builder gathers a window from its end to its front.
type builder struct {
	view          View
	segments      []hls.Segment // the newest first
	span          media.Ticks   // of the complete ones
	complete      int
	first         int64 // number of the segment added last
	discontinuity int64 // of its entry
	hint          string
	held, lacking bool
	bound         media.Pos // of the entry on air: nothing at or behind it is listed
	next          time.Time
	listed        int64
}

func (b *builder) enough() bool {
	return b.span >= b.view.Span && b.complete >= leastSegments
}

// add puts a segment before the others.
func (b *builder) add(e *Entry, number int64, s hls.Segment) {
	b.first, b.discontinuity = number, e.Discontinuity
	if s.Complete {
		b.span += s.Duration
		b.complete++
	}
	b.segments = append(b.segments, s)
}

// entry adds an entry's segments, newest first. It returns false if the entry's first one was not
// reached, so that nothing may come before.
func (b *builder) entry(e *Entry, l *media.Listing) bool {
	base := media.Address{Take: e.Take, Rendition: l.Rendition}
	clock := entryClock(e, l)
	if e.End != nil {
		b.gaps(e, base)
	}
	last := b.last(e, l, base)
	lost := firstLost(e, l)
	for n := last; n >= int64(e.From); n-- {
		if e.End != nil && n >= lost {
			if b.enough() || e.Number+n-int64(e.From) < b.view.Floor {
				return false
			}
			b.lost(e, n, lost, l, base, clock)
			continue
		}
		s := l.Segment(uint32(n))
		if s == nil {
			newest := len(l.Segments) - 1
			b.lacking = b.lacking || e.End != nil && (newest < 0 || n > int64(l.Segments[newest].Number))
			return false
		}
		if e.End != nil && !e.has(s) {
			b.lacking = true // left out, it would move the numbers before it
			return false
		}
		if b.enough() || e.Number+n-int64(e.From) < b.view.Floor {
			return false
		}
		b.segment(e, s, l, base, clock)
	}
	return last >= int64(e.From) || e.End != nil && (e.End.Gaps > 0 || e.empty())
}

// has reports whether a segment has all that an ended entry lists of it.
func (e *Entry) has(s *media.SegmentInfo) bool {
	return s.Complete || s.Number == e.End.At.Segment && int(e.End.At.Part) <= len(s.Parts)
}

// firstLost returns the first segment of an entry that lies beyond the seal of its take, though a mark says
// that it was in the program: what the mark stood in did not count in the end.
func firstLost(e *Entry, l *media.Listing) int64 {
	if e.End == nil || !l.Sealed {
		return math.MaxInt64
	}
	n := len(l.Segments)
	if n == 0 {
		return int64(e.From)
	}
	if s := l.Segments[n-1]; !e.has(s) {
		return int64(s.Number)
	}
	return int64(l.Segments[n-1].Number) + 1
}

// lost adds a segment that was listed, perhaps, and lies beyond the seal: it keeps its number and its address
// and is a gap (rule D).
func (b *builder) lost(e *Entry, n, first int64, l *media.Listing, base media.Address, clock func(media.Ticks) time.Time) {
	from, to := e.ProgramTime, e.End.ProgramTime.Add(-media.Ticks(int64(e.End.Gaps)*gapDuration).Duration()) // the gaps behind have their own time
	if s := l.Segment(uint32(first - 1)); s != nil {
		from = clock(s.Start + s.Duration)
	}
	out := hls.Segment{Init: initAddress(base), Duration: gapDuration, Gap: true, Complete: true, Discontinuity: n == int64(e.From)}
	count := int64(e.End.At.Segment) - first
	base.Segment = uint32(n)
	if e.End.At.Part > 0 {
		count++
		if base.Segment == e.End.At.Segment {
			base.Run, base.To = true, e.End.At.Part-1
			out.Duration = e.End.Cut
		}
	}
	out.URI = base.String()
	out.ProgramTime = from.Add(to.Sub(from) / time.Duration(max(count, 1)) * time.Duration(n-first)).UTC()
	b.add(e, e.Number+n-int64(e.From), out)
}

// entryClock returns the function from a take's time to program time.
func entryClock(e *Entry, l *media.Listing) func(media.Ticks) time.Time {
	zero := l.Take.Born.Add(e.Shift).UTC()
	return func(t media.Ticks) time.Time { return zero.Add(t.Duration()) }
}

// last returns the newest segment of an entry that may be listed, and sets the bound and the hint.
func (b *builder) last(e *Entry, l *media.Listing, base media.Address) int64 {
	if e.End != nil {
		if e.End.At.Part > 0 && e.End.Gaps == 0 {
			return int64(e.End.At.Segment)
		}
		return int64(e.End.At.Segment) - 1
	}
	if len(l.Segments) == 0 {
		return int64(e.From) - 1
	}
	b.bound = l.Edge()
	if l.Limit.Before(b.bound) {
		b.bound, b.held = l.Limit, true
	}
	hint := !l.Ended && b.view.LowLatency && len(b.segments) == 0 && b.bound.Part != math.MaxUint32
	if u := b.view.Until; u != nil && !b.bound.Before(*u) {
		b.bound, b.held, hint = *u, true, false
	}
	if hint {
		base.Run, base.Segment, base.From, base.To = true, b.bound.Segment, b.bound.Part, b.bound.Part
		b.hint = base.String()
	}
	if b.bound.Part == 0 {
		return int64(b.bound.Segment) - 1
	}
	return int64(b.bound.Segment)
}

// segment adds one segment of a take.
func (b *builder) segment(e *Entry, s *media.SegmentInfo, l *media.Listing, base media.Address, clock func(media.Ticks) time.Time) {
	number := e.Number + int64(s.Number) - int64(e.From)
	out := hls.Segment{
		Duration: s.Duration, ProgramTime: clock(s.Start), Complete: s.Complete,
		Discontinuity: s.Number == e.From, Init: initAddress(base),
	}
	parts := s.Parts
	base.Segment = s.Number
	switch {
	case e.End != nil && s.Number == e.End.At.Segment: // cut short
		if int(e.End.At.Part) < len(parts) {
			parts = parts[:e.End.At.Part]
		}
		out.Complete, out.Duration = true, e.End.Cut
		run := base
		run.Run, run.To = true, e.End.At.Part-1
		out.URI = run.String()
	case e.End == nil && s.Number == b.bound.Segment:
		parts = parts[:min(uint64(len(parts)), uint64(b.bound.Part))]
		out.Complete = false
	default:
		out.URI = base.String()
	}
	if !out.Complete {
		out.URI = ""
	}
	if b.view.LowLatency && b.span < partsSpan {
		out.Parts = partsOf(base, parts)
	} else if !out.Complete {
		return // nothing of it is listed
	}
	b.add(e, number, out)
}

func initAddress(base media.Address) string {
	base.Init = true
	return base.String()
}

func partsOf(base media.Address, parts []media.PartInfo) []hls.Part {
	base.Run = true
	out := make([]hls.Part, len(parts))
	for i := range parts {
		base.From, base.To = uint32(i), uint32(i)
		out[i] = hls.Part{URI: base.String(), Duration: parts[i].Duration, Independent: parts[i].Independent}
	}
	return out
}

// gaps adds the segments after a seal that may have been listed and are not there.
func (b *builder) gaps(e *Entry, base media.Address) {
	if e.empty() {
		if base.Segment = e.From; e.Number >= b.view.Floor {
			b.add(e, e.Number, hls.Segment{
				URI: base.String(), Init: initAddress(base), Duration: gapDuration, Gap: true, Complete: true,
				ProgramTime: e.ProgramTime, Discontinuity: true,
			})
		}
		return
	}
	for i := e.End.Gaps - 1; i >= 0; i-- {
		base.Segment = e.End.At.Segment + uint32(i)
		number := e.Number + int64(base.Segment) - int64(e.From)
		if number < b.view.Floor {
			return
		}
		if e.End.Leap && number >= b.view.Shown {
			continue
		}
		behind := media.Ticks(e.End.Gaps-i) * gapDuration
		b.add(e, number, hls.Segment{
			URI: base.String(), Init: initAddress(base), Duration: gapDuration, Gap: true, Complete: true,
			ProgramTime: e.End.ProgramTime.Add(-behind.Duration()), Discontinuity: base.Segment == e.From,
		})
	}
}
