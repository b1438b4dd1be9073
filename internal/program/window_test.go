package program

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// listed makes the listing of a take whose segments of two seconds have eight parts; the last one has so many.
func listed(id byte, from, to uint32, parts int) *media.Listing {
	l := &media.Listing{Take: &media.Take{ID: media.TakeID{id}, Born: noon}, Rendition: media.Main, Limit: media.Pos{Segment: math.MaxUint32}}
	for n := from; n <= to; n++ {
		s := &media.SegmentInfo{Number: n, Start: media.Ticks(n) * 180000, Independent: true, Complete: true}
		count := 8
		if n == to && parts < 8 {
			count, s.Complete = parts, false
		}
		for range count {
			s.Parts = append(s.Parts, media.PartInfo{Duration: 22500, Length: 1})
			s.Duration += 22500
		}
		l.Segments = append(l.Segments, s)
	}
	return l
}

// listOf makes a list of takes 1, 2, …, each from its segment 0 to an end; the last one is on air if its end
// is nil.
func listOf(ends ...*End) *CutList {
	c := &CutList{Channel: "c"}
	for i, end := range ends {
		e := c.following(nil, &media.Take{ID: media.TakeID{byte(i + 1)}, Source: "s", Node: "n", Incarnation: "1"}, 0, noon)
		if e.End = end; end != nil {
			end.ProgramTime = e.ProgramTime.Add(time.Duration(end.At.Segment) * 2 * time.Second)
		}
		c = c.with(func(n *CutList) { n.Entries = append(n.Entries, e) })
	}
	return c
}

// windowOf lists with the listings of these takes.
func windowOf(c *CutList, v View, listings ...*media.Listing) (*hls.Window, State) {
	if v.Rendition == "" {
		v.Rendition, v.Part, v.LowLatency = media.Main, 250*time.Millisecond, true
	}
	return Of(c, func(id media.TakeID, _ string, _ *Entry) *media.Listing {
		for _, l := range listings {
			if l.Take.ID == id {
				return l
			}
		}
		return nil
	}, v)
}

// brief says what a window lists: W for a whole segment, G for a gap, the number of parts of one that is not
// whole, | before the first segment of an entry.
func brief(w *hls.Window) string {
	var b strings.Builder
	for _, s := range w.Segments {
		switch {
		case s.Discontinuity:
			b.WriteByte('|')
		}
		switch {
		case s.Gap:
			b.WriteByte('G')
		case s.Complete && strings.Contains(s.URI, "-"):
			b.WriteByte('C') // cut short
		case s.Complete:
			b.WriteByte('W')
		default:
			b.WriteByte('0' + byte(len(s.Parts)))
		}
	}
	return b.String()
}

func at(segment, part uint32) *End {
	return &End{At: media.Pos{Segment: segment, Part: part}, Cut: media.Ticks(part) * 22500}
}

// TestWindowLimit lists nothing behind what is safe, and nothing behind a mark that is on its way.
func TestWindowLimit(t *testing.T) {
	long := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond, LowLatency: true}
	for name, c := range map[string]struct {
		limit media.Pos
		until *media.Pos
		want  string
		hint  string
		held  bool
	}{
		"all of it":                    {media.Pos{Segment: 9}, nil, "WWWW3", "4.3-3", false},
		"one whole segment is unsafe":  {media.Pos{Segment: 3, Part: math.MaxUint32}, nil, "WWW8", "", true},
		"in mid-segment":               {media.Pos{Segment: 2, Part: 3}, nil, "WW3", "2.3-3", true},
		"at the end of one":            {media.Pos{Segment: 2}, nil, "WW", "2.0-0", true},
		"in the segment in the making": {media.Pos{Segment: 4, Part: 2}, nil, "WWWW2", "4.2-2", true},
		"nothing":                      {media.Pos{}, nil, "", "0.0-0", true},
		"until a mark":                 {media.Pos{Segment: 9}, &media.Pos{Segment: 2, Part: 5}, "WW5", "", true},
		"until a mark at its end":      {media.Pos{Segment: 9}, &media.Pos{Segment: 4, Part: 3}, "WWWW3", "", true},
		"a mark behind the limit":      {media.Pos{Segment: 1, Part: 1}, &media.Pos{Segment: 2, Part: 5}, "W1", "1.1-1", true},
		"a mark before the limit":      {media.Pos{Segment: 3}, &media.Pos{Segment: 2}, "WW", "", true},
	} {
		l := listed(1, 0, 4, 3)
		l.Limit = c.limit
		v := long
		v.Until = c.until
		w, state := windowOf(listOf(nil), v, l)
		hint := w.Hint
		if i := strings.LastIndexByte(hint, '/'); i >= 0 {
			hint = strings.TrimSuffix(hint[i+1:], ".m4s")
		}
		if got := strings.TrimPrefix(brief(w), "|"); got != c.want || hint != c.hint || state.Held != c.held || state.Lacking {
			t.Errorf("%s: it lists %s, hint %q, held %v, lacking %v; want %s, hint %q", name, got, hint, state.Held, state.Lacking, c.want, c.hint)
		}
	}
}

// TestWindowOfEnded lists entries that have ended whole, whatever is safe or comes behind.
func TestWindowOfEnded(t *testing.T) {
	long := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond, LowLatency: true}
	sealed := at(3, 0)
	sealed.Gaps = 2
	leap := at(2, 0)
	leap.Leap = true
	for name, c := range map[string]struct {
		list     *CutList
		listings []*media.Listing
		want     string
		first    int64
		lacking  bool
	}{
		"two entries":                        {listOf(at(3, 0), nil), []*media.Listing{listed(1, 0, 5, 8), listed(2, 0, 1, 4)}, "WWW|W4", 0, false},
		"cut short":                          {listOf(at(2, 5), nil), []*media.Listing{listed(1, 0, 5, 8), listed(2, 0, 1, 4)}, "WWC|W4", 0, false},
		"cut short where the take ends":      {listOf(at(2, 5), nil), []*media.Listing{listed(1, 0, 2, 5), listed(2, 0, 1, 4)}, "WWC|W4", 0, false},
		"sealed with gaps":                   {listOf(sealed, nil), []*media.Listing{listed(1, 0, 3, 2), listed(2, 0, 0, 4)}, "WWWGG|4", 0, false},
		"a leap":                             {listOf(leap, nil), []*media.Listing{listed(1, 0, 5, 8), listed(2, 0, 1, 8)}, "WW", leapUnit, false},
		"off air":                            {listOf(at(3, 0)), []*media.Listing{listed(1, 0, 5, 8)}, "WWW", 0, false},
		"older ones are trimmed":             {listOf(at(5, 0), nil), []*media.Listing{listed(1, 3, 5, 8), listed(2, 0, 1, 4)}, "WW|W4", 3, false},
		"its end is not here yet":            {listOf(at(3, 0), nil), []*media.Listing{listed(1, 0, 1, 8), listed(2, 0, 1, 4)}, "W4", 3, true},
		"some parts of its end are not here": {listOf(at(2, 5), nil), []*media.Listing{listed(1, 0, 2, 4), listed(2, 0, 1, 4)}, "W4", 3, true},
		"its last segment is not whole here": {listOf(at(3, 0), nil), []*media.Listing{listed(1, 0, 2, 4), listed(2, 0, 1, 4)}, "W4", 3, true},
		"nothing is known of it":             {listOf(at(3, 0), nil), []*media.Listing{listed(2, 0, 1, 4)}, "W4", 3, false},
		"nothing is known of what is on air": {listOf(at(3, 0), nil), []*media.Listing{listed(1, 0, 5, 8)}, "", 0, false},
	} {
		for _, l := range c.listings {
			if len(c.list.Entries) > 1 && l.Take.ID == (media.TakeID{1}) {
				l.Limit = media.Pos{} // what has ended is settled
			}
		}
		w, state := windowOf(c.list, long, c.listings...)
		if got := strings.TrimPrefix(brief(w), "|"); got != c.want || state.Lacking != c.lacking || len(w.Segments) > 0 && w.MediaSequence != c.first {
			t.Errorf("%s: it lists %s from %d on, lacking %v; want %s from %d on", name, got, w.MediaSequence, state.Lacking, c.want, c.first)
		}
	}
}

// TestWindowBehindLeap lists no more gaps where nobody knows what was listed than were shown here.
func TestWindowBehindLeap(t *testing.T) {
	sealed := at(3, 0)
	sealed.Gaps, sealed.Leap = 2, true // would be numbers 3 and 4
	v := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond}
	for shown, want := range []string{"WWW", "WWW", "WWW", "WWW", "WWWG", "WWWGG", "WWWGG"} {
		v.Shown = int64(shown)
		if w, _ := windowOf(listOf(sealed), v, listed(1, 0, 3, 2)); brief(w) != want {
			t.Errorf("%d numbers were shown: it lists %s, want %s", shown, brief(w), want)
		}
	}
}

// TestWindowFloor never lists below a number, whatever comes to be known, and counts discontinuities right.
func TestWindowFloor(t *testing.T) {
	sealed := at(3, 0)
	sealed.Gaps = 2 // numbers 0 to 4
	list := listOf(sealed, at(4, 0), nil)
	takes := []*media.Listing{listed(1, 0, 3, 8), listed(2, 0, 4, 8), listed(3, 0, 2, 8)}
	v := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond}
	whole, _ := windowOf(list, v, takes...)
	if brief(whole) != "WWWGG|WWWW|WWW" {
		t.Fatalf("all of it is %s", brief(whole))
	}
	for floor := range int64(13) {
		v.Floor = floor
		w, state := windowOf(list, v, takes...)
		from := min(floor, int64(len(whole.Segments)))
		want := slices.Clone(whole.Segments[from:])
		if len(want) > 0 {
			want[0].Discontinuity = false
		}
		cc := int64(0)
		for _, first := range []int64{5, 9} {
			if from >= first {
				cc++
			}
		}
		if len(w.Segments) != len(want) || state.Lacking {
			t.Errorf("floor %d: %d segments, want %d", floor, len(w.Segments), len(want))
			continue
		}
		for i := range want {
			if w.Segments[i].URI != want[i].URI || w.Segments[i].Discontinuity != want[i].Discontinuity || !w.Segments[i].ProgramTime.Equal(want[i].ProgramTime) {
				t.Errorf("floor %d: number %d is %+v, want %+v", floor, from+int64(i), w.Segments[i], want[i])
			}
		}
		if len(want) > 0 && (w.MediaSequence != floor || w.DiscontinuitySequence != cc) {
			t.Errorf("floor %d: it begins with number %d, discontinuity %d, want discontinuity %d", floor, w.MediaSequence, w.DiscontinuitySequence, cc)
		}
	}
}

// TestEmptyEntry had a take on air of which nothing survived: its number is a gap, and does not hide what
// came before it.
func TestEmptyEntry(t *testing.T) {
	v := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond}
	list := listOf(at(3, 0), at(0, 0), nil)
	for floor, want := range map[int64]string{0: "WWW|G|WWW", 3: "G|WWW", 4: "WWW"} {
		v.Floor = floor
		w, state := windowOf(list, v, listed(1, 0, 3, 8), listed(3, 0, 2, 8))
		if got := brief(w); got != want || w.MediaSequence != floor || state.Lacking {
			t.Errorf("floor %d: it lists %s from %d on, lacking %v; want %s", floor, got, w.MediaSequence, state.Lacking, want)
		}
	}
}

// TestLostEntry had a take on air that others saw and of which nothing ever came into the bucket: its numbers are
// gaps, those that a seal adds too, and hide nothing that came before.
func TestLostEntry(t *testing.T) {
	v := View{Rendition: media.Main, Span: 3600 * media.TicksPerSecond, Part: 250 * time.Millisecond}
	lost := &media.Listing{Take: &media.Take{ID: media.TakeID{2}}, Rendition: media.Main, Sealed: true}
	for gaps, want := range map[int]string{0: "WWW|GG|WWW", 2: "WWW|GGGG|WWW"} {
		end := at(2, 0)
		end.Gaps = gaps
		w, state := windowOf(listOf(at(3, 0), end, nil), v, listed(1, 0, 3, 8), lost, listed(3, 0, 2, 8))
		if got := brief(w); got != want || w.MediaSequence != 0 || state.Lacking {
			t.Errorf("%d gaps: it lists %s from %d on, lacking %v; want %s", gaps, got, w.MediaSequence, state.Lacking, want)
		}
	}
}
