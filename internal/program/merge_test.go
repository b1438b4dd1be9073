package program

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// drawList draws a list as a channel comes to have it.
func drawList(t *rapid.T, entries int) *CutList {
	c := &CutList{Channel: "c", Format: &Format{Video: "avc1.4d401f", Audio: "mp4a.40.2"}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range entries {
		take := &media.Take{ID: media.TakeID{byte(i), 1}, Source: "s", Node: "n", Incarnation: "1"}
		from := rapid.Uint32Range(0, 9).Draw(t, "from")
		e := c.following(nil, take, from, at)
		e.ID = fmt.Sprint("e", i)
		at = e.ProgramTime.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "seconds")) * time.Second)
		e.End = drawEnd(t, from, at)
		c = c.with(func(n *CutList) { n.Entries = append(n.Entries, e) })
	}
	return c
}

func drawEnd(t *rapid.T, from uint32, at time.Time) *End {
	end := &End{At: media.Pos{Segment: from + rapid.Uint32Range(0, 5).Draw(t, "segments")}, ProgramTime: at}
	switch rapid.IntRange(0, 5).Draw(t, "how it ends") {
	case 0:
		end.At.Part, end.Cut = 3, 67500
	case 1:
		end.Gaps = gapsAfterSeal
	case 2:
		end.Gaps, end.Leap = gapsAfterSeal, true
	}
	return end
}

// beginning returns a list as it was when it had so many entries and, if it is open, the last was on air.
func (c *CutList) beginning(entries int, open bool) *CutList {
	n := *c
	n.Entries = slices.Clone(c.Entries[:entries])
	if open && entries > 0 {
		n.Entries[entries-1].End = nil
	}
	return &n
}

// piece is a list as some node knows it: a beginning, or the newest entries of one.
func drawPiece(t *rapid.T, c *CutList) *CutList {
	n := c.beginning(rapid.IntRange(0, len(c.Entries)).Draw(t, "entries"), rapid.Bool().Draw(t, "open"))
	if len(n.Entries) > 0 {
		n = n.Tail(rapid.IntRange(1, len(n.Entries)).Draw(t, "tail"))
	}
	n.Turns = rapid.Int64Range(0, 5).Draw(t, "turns")
	n.Off = n.Turns%2 == 1
	return n
}

// whole returns what two pieces of a list say together.
func whole(a, b *CutList) (first, last int64, open bool) {
	if len(a.Entries) == 0 || len(b.Entries) > 0 && a.before(b) {
		a, b = b, a
	}
	first, last, open = a.Dropped, a.Dropped+int64(len(a.Entries)), a.OnAir() != nil
	if end := b.Dropped + int64(len(b.Entries)); len(b.Entries) > 0 && (end > first || end == first && b.OnAir() == nil) {
		first = min(first, b.Dropped)
	}
	return first, last, open
}

// TestMerge merges any two of what nodes may know of one list, in any order: nothing that one of them knows
// is lost, if nothing between the two is missing.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawList(t, rapid.IntRange(0, 12).Draw(t, "list"))
		a, b := drawPiece(t, c), drawPiece(t, c)
		ab, err := a.Merge(b)
		ba, err2 := b.Merge(a)
		if err != nil || err2 != nil || !reflect.DeepEqual(ab, ba) {
			t.Fatalf("merged one way it is %+v, %v, the other way %+v, %v", ab, err, ba, err2)
		}
		if err := ab.Validate(); err != nil {
			t.Fatal(err)
		}
		first, last, open := whole(a, b)
		want := c.beginning(int(last), open).Entries[first:]
		if ab.Dropped != first || len(ab.Entries) != len(want) || len(want) > 0 && !reflect.DeepEqual(ab.Entries, want) {
			t.Fatalf("%d entries from %d on and %d from %d on are merged to %d from %d on, want %d from %d on", len(a.Entries), a.Dropped, len(b.Entries), b.Dropped, len(ab.Entries), ab.Dropped, len(want), first)
		}
		if turns := max(a.Turns, b.Turns); ab.Turns != turns || ab.Off != (turns%2 == 1) {
			t.Fatalf("off %v after %d turns, want the newest of %d and %d", ab.Off, ab.Turns, a.Turns, b.Turns)
		}
		for _, x := range []*CutList{a, b} {
			if again, err := ab.Merge(x); err != nil || again != ab {
				t.Fatalf("merged again it is another list: %+v, %v", again, err)
			}
		}
	})
}

// TestMergeContradictions are found wherever both know the place.
func TestMergeContradictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawList(t, rapid.IntRange(1, 12).Draw(t, "list"))
		at := rapid.IntRange(0, len(c.Entries)-1).Draw(t, "at")
		other := c.beginning(len(c.Entries), false)
		e := &other.Entries[at]
		open := false
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			e.ID, open = "x", true
		case 1:
			e.Take, open = media.TakeID{99}, true
		case 2:
			e.From, open = e.From+1, true
		case 3:
			end := *e.End
			if end.At.Segment += 2; end.Gaps == gapsAfterSeal {
				end.Gaps = 0
			}
			e.End = &end
		}
		a, b := drawPiece(t, c), drawPiece(t, other)
		knows := func(p *CutList) bool {
			i := at - int(p.Dropped)
			return i >= 0 && i < len(p.Entries) && (open || p.Entries[i].End != nil)
		}
		_, err := a.Merge(b)
		_, err2 := b.Merge(a)
		if found := knows(a) && knows(b); errors.Is(err, ErrConflict) != found || errors.Is(err2, ErrConflict) != found {
			t.Fatalf("they contradict each other in entry %d: both know it: %v; %v, %v", at, found, err, err2)
		}
	})
}

// TestMergeDoubt keeps a doubt as long as nothing came behind it.
func TestMergeDoubt(t *testing.T) {
	end := func(leap bool) *End { return &End{At: media.Pos{Segment: 5}, Leap: leap} }
	list := func(leap bool) *CutList {
		return &CutList{Channel: "c", Entries: []Entry{{ID: "a", Take: media.TakeID{1}, End: end(leap)}}}
	}
	for _, c := range []struct{ a, b *CutList }{{list(true), list(false)}, {list(false), list(true)}} {
		if m, err := c.a.Merge(c.b); err != nil || !m.last().End.Leap || m.last().next() != leapUnit {
			t.Errorf("the doubt of one is lost: %+v, %v", m, err)
		}
	}
	twice := list(true).doubt()
	for _, c := range []struct{ a, b *CutList }{{list(true), twice}, {twice, list(true)}, {list(false), twice}} {
		if m, err := c.a.Merge(c.b); err != nil || m.last().next() != 2*leapUnit || m.Validate() != nil {
			t.Errorf("the second doubt is lost: %+v, %v", m, err)
		}
	}
	behind := list(false).with(func(n *CutList) {
		n.Entries = append(n.Entries, Entry{ID: "b", Number: 5, Discontinuity: 1, Take: media.TakeID{2}})
	})
	leapt := list(true).with(func(n *CutList) {
		n.Entries = append(n.Entries, Entry{ID: "c", Number: leapUnit, Discontinuity: 1, Take: media.TakeID{3}})
	})
	if m, err := behind.Merge(list(true)); err != nil || m != behind {
		t.Errorf("a doubt changes what came behind: %+v, %v", m, err)
	}
	if _, err := behind.Merge(leapt); !errors.Is(err, ErrConflict) {
		t.Errorf("one leapt and the other did not: %v, want %v", err, ErrConflict)
	}
}

// TestClaimed carries out a claim in the bucket, once.
func TestClaimed(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	take := &media.Take{ID: media.TakeID{7}, Source: "s", Node: "n", Incarnation: "1", Born: at}
	claim := func(c *CutList) *Mark {
		e := c.following(nil, take, 0, at)
		return &Mark{Entry: &e, Format: &Format{Video: "avc1.4d401f"}}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := drawList(t, rapid.IntRange(0, 6).Draw(t, "list"))
		m := claim(c)
		ours := drawPiece(t, c)
		ours.Off, ours.Turns = false, 0
		done, err := Claimed(c, ours, m)
		if err != nil || done.OnAir() == nil || done.OnAir().ID != m.Entry.ID || done.Validate() != nil || len(done.Entries) != len(c.Entries)+1 {
			t.Fatalf("claimed: %+v, %v", done, err)
		}
		if again, err := Claimed(done, ours, m); err != nil || again.OnAir() == nil || len(again.Entries) != len(done.Entries) {
			t.Fatalf("its answer was lost, and it is claimed again: %+v, %v", again, err)
		}
		if list, err := Claimed(done, c, claim(c)); !errors.Is(err, ErrTaken) || list.OnAir().ID != m.Entry.ID {
			t.Fatalf("another one was quicker: %v, want %v", err, ErrTaken)
		}
		off := c.with(func(n *CutList) { n.Off, n.Turns = true, 9 })
		if _, err := Claimed(c, off, m); !errors.Is(err, ErrTaken) {
			t.Fatalf("a producer took it off air: %v", err)
		}
	})
	one, other := &CutList{Entries: []Entry{{ID: "a", Take: media.TakeID{1}, End: &End{}}}}, &CutList{Entries: []Entry{{ID: "b", Take: media.TakeID{2}, End: &End{}}}}
	if list, err := Claimed(one, other, claim(other)); !errors.Is(err, ErrTaken) || !errors.Is(err, ErrConflict) || list != one {
		t.Errorf("lists that contradict each other: %v", err)
	}
}
