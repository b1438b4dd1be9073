package hlstest

import "fmt"

// Follower is fed the successive playlists of one channel, whole or delta updates, from any window of it,
// and says what breaks the promises that players rely on.
type Follower struct {
	seen  map[int64]Segment
	parts map[string]string // "number.part" to address
	last  int64
	hint  string
	hints int // how many hints were followed by the part that they named
	begun bool
}

// Hints returns how many preload hints came true.
func (f *Follower) Hints() int { return f.hints }

// Numbers returns how many segments were seen.
func (f *Follower) Numbers() int { return len(f.seen) }

// Next checks the next playlist, by itself and against those before.
func (f *Follower) Next(text []byte) []error {
	p, faults := Parse(text)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if f.seen == nil {
		f.seen, f.parts, f.last = map[int64]Segment{}, map[string]string{}, -1
	}
	if len(p.Segments) == 0 {
		fault("no segments")
		return faults
	}
	newest := p.Segments[len(p.Segments)-1]
	if newest.Number < f.last {
		fault("the newest number went from %d to %d", f.last, newest.Number)
	}
	f.last = newest.Number
	if f.begun && p.Skipped > 0 {
		if _, known := f.seen[p.Sequence+int64(p.Skipped)-1]; !known {
			fault("a delta update skips segment %d, which was never listed", p.Sequence+int64(p.Skipped)-1)
		}
	}
	f.begun = true
	cc := p.Discontinuity
	if p.Skipped > 0 { // what is skipped may hold discontinuities: go by what was seen
		if old, ok := f.seen[p.Segments[0].Number]; ok {
			cc = old.Discontinuity - p.Segments[0].Discontinuity + p.Discontinuity
		}
	}
	for _, s := range p.Segments {
		s.Discontinuity += cc - p.Discontinuity
		f.segment(s, fault)
	}
	f.hintCameTrue(p, newest)
	return faults
}

func (f *Follower) segment(s Segment, fault func(string, ...any)) {
	old, known := f.seen[s.Number]
	switch {
	case known && old.URI != "" && s.URI != "" && old.URI != s.URI:
		fault("number %d: address %s, was %s", s.Number, s.URI, old.URI)
	case known && old.URI != "" && s.URI == "":
		fault("number %d was whole and is not any more", s.Number)
	case known && old.Discontinuity != s.Discontinuity:
		fault("number %d: discontinuity %d, was %d", s.Number, s.Discontinuity, old.Discontinuity)
	case known && old.Map != s.Map:
		fault("number %d: map %s, was %s", s.Number, s.Map, old.Map)
	case known && !old.Time.Equal(s.Time) && !s.Gap:
		fault("number %d: program time %v, was %v", s.Number, s.Time, old.Time)
	}
	for i, part := range s.Parts {
		id := fmt.Sprintf("%d.%d", s.Number, i)
		if was, ok := f.parts[id]; ok && was != part.URI {
			fault("part %s: address %s, was %s", id, part.URI, was)
		}
		f.parts[id] = part.URI
	}
	f.seen[s.Number] = s
}

// hintCameTrue counts hints that were followed by their part. One that is not is no fault: the take ended.
func (f *Follower) hintCameTrue(p *Playlist, newest Segment) {
	if f.hint != "" {
		for _, s := range p.Segments[max(0, len(p.Segments)-3):] {
			for _, part := range s.Parts {
				if part.URI == f.hint {
					f.hints++
				}
			}
		}
	}
	f.hint = p.Hint
}
