package media

// PartInfo is what a playlist says of a part, and where its bytes lie within its segment.
type PartInfo struct {
	Duration    Ticks
	Independent bool
	Length      uint32   // bytes of the part
	Spans       []uint32 // as in Part
}

// SegmentInfo is what a playlist says of a segment.
type SegmentInfo struct {
	Number      uint32
	Start       Ticks
	Duration    Ticks // sum of its parts so far
	Independent bool
	Complete    bool // no further part follows
	Parts       []PartInfo
}

// Listing is an immutable snapshot of what one rendition of a take holds. Nobody changes
// what it points to; a take that grows gives a new one.
type Listing struct {
	Take      *Take
	Rendition string
	// Segments are in order and without holes; the last one may be incomplete. The first
	// one is not number 0 if older ones have left the DVR window.
	Segments []*SegmentInfo
	// Limit bounds what may be listed: a segment before Limit.Segment whole, of that segment the parts
	// before Limit.Part, and nothing behind (rule C).
	Limit Pos
	// Ended says that the writer closed the take: nothing follows the last segment.
	Ended bool
	// Sealed says that the writer died and others ended the take: of it counts what lies before Seal.
	Sealed bool
	Seal   Pos
}

// Segment returns the segment of that number, or nil.
func (l *Listing) Segment(n uint32) *SegmentInfo {
	if len(l.Segments) == 0 || n < l.Segments[0].Number {
		return nil
	}
	i := n - l.Segments[0].Number
	if int64(i) >= int64(len(l.Segments)) {
		return nil
	}
	return l.Segments[i]
}

// Edge returns the place after the newest part.
func (l *Listing) Edge() Pos {
	if len(l.Segments) == 0 {
		return Pos{}
	}
	last := l.Segments[len(l.Segments)-1]
	if last.Complete {
		return Pos{Segment: last.Number + 1}
	}
	return Pos{Segment: last.Number, Part: uint32(len(last.Parts))}
}

// Extent is a run of bytes within a segment.
type Extent struct{ Offset, Length uint32 }

// Extents says which bytes of a segment of these parts an address asks for: all of it, a run of parts, or one
// track (by its index among the rendition's tracks) of all parts. ok is false if a part is not there.
func Extents(parts []PartInfo, a Address, track int) (_ []Extent, ok bool) {
	var out []Extent
	var at uint32
	switch {
	case a.Run:
		if int64(a.To) >= int64(len(parts)) {
			return nil, false
		}
		var e Extent
		for i, p := range parts[:a.To+1] {
			if uint32(i) < a.From {
				e.Offset += p.Length
			} else {
				e.Length += p.Length
			}
		}
		return []Extent{e}, true
	case a.Track == 0:
		for _, p := range parts {
			at += p.Length
		}
		return []Extent{{Length: at}}, true
	}
	for _, p := range parts {
		for i, n := range p.Spans {
			if i == track && n > 0 {
				out = append(out, Extent{at, n})
			}
			at += n
		}
	}
	return out, true
}
