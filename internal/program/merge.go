package program

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

var (
	// ErrConflict is returned when two cut lists contradict each other. It must not happen (law 2).
	ErrConflict = errors.New("two cut lists contradict each other")
	// ErrTaken is returned for a claim that came too late, or that the channel's state forbids.
	ErrTaken = errors.New("something else is on air, or a producer took the channel off air")
)

// Merge returns what two lists of one channel say together. Both are beginnings of the same list, so it
// is the longer one, and the end of an entry that either knows.
func (c *CutList) Merge(o *CutList) (*CutList, error) {
	longer, shorter := c, o
	if c.before(o) {
		longer, shorter = o, c
	}
	out := longer
	if e := shorter.last(); e != nil && len(longer.Entries) > 0 {
		same := longer.Entry(e.ID)
		switch {
		case same == nil && e.Number >= longer.Entries[0].Number:
			return nil, fmt.Errorf("number %d is entry %s in one and another entry in the other: %w", e.Number, e.ID, ErrConflict)
		case same == nil: // so old that the longer one has dropped it
		case same.Take != e.Take || same.Number != e.Number || same.From != e.From:
			return nil, fmt.Errorf("entry %s is not the same in both: %w", e.ID, ErrConflict)
		case e.End != nil && same.End == nil:
			out = longer.with(func(n *CutList) { n.Entry(e.ID).End = e.End })
		case e.End != nil && e.End.Leap && !same.End.Leap && same == longer.last() && sameEnd(e.End, same.End):
			out = longer.doubt()
		case e.End != nil && !sameEnd(e.End, same.End):
			return nil, fmt.Errorf("entry %s ends at %v in one and at %v in the other: %w", e.ID, *e.End, *same.End, ErrConflict)
		}
	}
	if shorter.Turns > longer.Turns || out.Format == nil && shorter.Format != nil || out.Channel == "" {
		out = out.with(func(n *CutList) {
			if shorter.Turns > longer.Turns {
				n.Off, n.Turns = shorter.Off, shorter.Turns
			}
			if n.Format == nil {
				n.Format = shorter.Format
			}
			if n.Channel == "" {
				n.Channel = shorter.Channel
			}
		})
	}
	if out != c && reflect.DeepEqual(out, c) {
		return c, nil
	}
	return out, nil
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

// doubt returns the list with a leap behind its last entry, which has ended: nobody knows what was listed
// after it.
func (c *CutList) doubt() *CutList {
	return c.with(func(n *CutList) {
		end := *n.last().End
		end.Leap = true
		n.last().End = &end
	})
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
	if list.Entry(claim.Entry.ID) != nil {
		return list, nil // the answer to it was lost
	}
	if list.Off || list.OnAir() != nil || !claim.follows(list.last()) {
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
