package program

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

var (
	// ErrConflict is returned when two cut lists contradict each other. It must not happen (law 2).
	ErrConflict = errors.New("two cut lists contradict each other")
	// ErrTaken is returned for a claim that came too late, or that the channel's state forbids.
	ErrTaken = errors.New("something else is on air, or a producer took the channel off air")
)

// Merge returns what two lists of one channel say together. Both are stretches of the same list, which
// only grows: what is told between nodes are its newest entries (Tail). So it is the one that reaches
// further, with the older entries that only the other one has.
func (c *CutList) Merge(o *CutList) (*CutList, error) {
	longer, shorter := c, o
	if c.before(o) {
		longer, shorter = o, c
	}
	older, err := longer.compare(shorter)
	if err != nil {
		return nil, err
	}
	out := longer
	if older > 0 {
		out = out.with(func(n *CutList) {
			n.Entries = slices.Concat(shorter.Entries[:older], n.Entries)
			n.Dropped = shorter.Dropped
		})
	}
	if mine, other := longer.last(), shorter.last(); mine != nil && other != nil && mine.ID == other.ID && mine.End == nil && len(other.Listers) > 0 {
		if all := joined(mine.Listers, other.Listers); !maps.Equal(all, mine.Listers) {
			out = out.with(func(n *CutList) { n.last().Listers = all })
		}
	}
	if mine, other := out.last(), shorter.last(); mine != nil && other != nil && mine.ID == other.ID && other.End != nil && other.End.Leap && (!mine.End.Leap || mine.End.Beyond < other.End.Beyond) {
		out = out.with(func(n *CutList) { n.last().End = mine.End.leap(other.End.Beyond) })
	}
	if shorter.Turns > longer.Turns || shorter.Begin > longer.Begin || out.Format == nil && shorter.Format != nil || out.Channel == "" && shorter.Channel != "" {
		out = out.with(func(n *CutList) { n.settings(shorter) })
	}
	if out != c && reflect.DeepEqual(out, c) {
		return c, nil
	}
	return out, nil
}

// settings takes what another list knows beside the entries.
func (c *CutList) settings(o *CutList) {
	if o.Turns > c.Turns { // Off changes with every turn: of as many turns there is one outcome
		c.Off, c.Turns = o.Off, o.Turns
	}
	c.Begin = max(c.Begin, o.Begin)
	if c.Format == nil {
		c.Format = o.Format
	}
	if c.Channel == "" {
		c.Channel = o.Channel
	}
}

// compare looks for contradictions with a list that reaches no further. It returns how many older entries
// than this one that list has; 0 if something is missing between the two.
func (c *CutList) compare(o *CutList) (older int, err error) {
	if len(c.Entries) == 0 || len(o.Entries) == 0 {
		return 0, nil
	}
	older, from := o.at(c.Entries[0].Number), c.at(o.Entries[0].Number)
	for i := range o.Entries[older:] {
		// Both begin with the entry that the later one of them begins with.
		if from+i >= len(c.Entries) {
			break
		}
		if err := c.Entries[from+i].agrees(&o.Entries[older+i]); err != nil {
			return 0, err
		}
	}
	if older == len(o.Entries) {
		if last := o.last(); last.End == nil || last.next() != c.Entries[0].Number {
			return 0, nil
		}
	}
	return older, nil
}

// at returns the index of the first entry with that number or a higher one.
func (c *CutList) at(number int64) int {
	i, _ := slices.BinarySearchFunc(c.Entries, number, func(e Entry, n int64) int { return cmp.Compare(e.Number, n) })
	return i
}

// agrees says whether two entries that stand in one place are the same.
func (e *Entry) agrees(o *Entry) error {
	switch {
	case e.ID != o.ID:
		return fmt.Errorf("number %d is entry %s in one and number %d entry %s in the other: %w", e.Number, e.ID, o.Number, o.ID, ErrConflict)
	case e.Take != o.Take || (e.Play == nil) != (o.Play == nil) || e.Play != nil && e.Play.Plan != o.Play.Plan || e.Number != o.Number || e.From != o.From:
		return fmt.Errorf("entry %s is not the same in both: %w", e.ID, ErrConflict)
	case e.End != nil && o.End != nil && !sameEnd(e.End, o.End):
		return fmt.Errorf("entry %s ends at %v in one and at %v in the other: %w", e.ID, *e.End, *o.End, ErrConflict)
	}
	return nil
}

// before reports whether a list ends before another one does.
func (c *CutList) before(o *CutList) bool {
	a, b := c.last(), o.last()
	switch {
	case a == nil || b == nil:
		return a == nil && b != nil
	case a.Number != b.Number:
		return a.Number < b.Number
	}
	return a.End == nil && b.End != nil
}

// doubt returns the list with a leap behind its last entry, which has ended, or before its first one: nobody
// knows what was listed there. Behind a leap it is what began there that is in doubt.
func (c *CutList) doubt() *CutList {
	return c.with(func(n *CutList) {
		if len(n.Entries) == 0 {
			n.Begin += leapUnit
			return
		}
		end := n.last().End
		if end.Leap {
			n.last().End = end.leap(end.Beyond + leapUnit)
		} else {
			n.last().End = end.leap(end.Beyond)
		}
	})
}

// leap returns the end with a leap over so many numbers at least.
func (e *End) leap(beyond int64) *End {
	n := *e
	n.Leap, n.Beyond = true, beyond
	return &n
}

// sameEnd compares ends. That one of them has a leap says only that it was doubted what came behind it.
func sameEnd(a, b *End) bool {
	return a.At == b.At && a.Gaps == b.Gaps
}

// Claimed returns the list in the bucket with a claim of this node carried out; ours is what this node
// knows of the list. ErrTaken comes with what both know.
func Claimed(inBucket, ours *CutList, claim *Mark) (*CutList, error) {
	list, err := inBucket.Merge(ours)
	if err != nil {
		return inBucket, errors.Join(ErrTaken, err)
	}
	if claim.done(list) {
		return list, nil // the answer to it was lost
	}
	if on := list.OnAir(); on != nil && on.Play != nil && on.ID == claim.Ended {
		claim = claim.weighed(on)
	} else if on != nil || claim.Ended != "" {
		return list, ErrTaken
	}
	if list.Off && claim.Entry != nil || !claim.follows(list) {
		return list, ErrTaken
	}
	next := list.apply(claim)
	if next == list {
		return list, ErrTaken
	}
	return next, nil
}

// Tail returns the list with its newest entries only, to be told to other nodes.
func (c *CutList) Tail(entries int) *CutList {
	if len(c.Entries) <= entries {
		return c
	}
	n := *c
	n.Entries = slices.Clone(c.Entries[len(c.Entries)-entries:])
	n.Dropped = c.Dropped + int64(len(c.Entries)-entries)
	return &n
}
