package program

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Mark is what the log of a take says of the program (rule A). It counts when it is safe.
type Mark struct {
	Ended string `json:"ended,omitempty"` // id of the entry that ends
	End   *End   `json:"end,omitempty"`   // and where
	Entry *Entry `json:"entry,omitempty"` // the entry that begins
	// Format is the channel's, with the mark that puts it on air for the first time.
	Format *Format `json:"format,omitempty"`
	// Words are the processes that gave their word for the end of a clock-driven entry.
	Words []string `json:"words,omitempty"`
}

// Encode writes the mark as it stands in a log.
func (m *Mark) Encode() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode mark: %v", err)) // it has only plain fields
	}
	return b
}

// ParseMark reads what Encode wrote.
func ParseMark(b []byte) (*Mark, error) {
	m := &Mark{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("mark in a take's log: %w", err)
	}
	if m.Entry == nil && m.End == nil {
		return nil, fmt.Errorf("mark in a take's log: it neither begins nor ends an entry: %w", ErrInvalid)
	}
	return m, nil
}

// apply returns the list with a mark.
func (c *CutList) apply(m *Mark) *CutList {
	if m.leapt(c) {
		c = c.doubt()
	}
	last := c.last()
	ends := m.End != nil && last != nil && last.ID == m.Ended && last.End == nil
	begins := m.Entry != nil && c.Entry(m.Entry.ID) == nil && m.follows(c)
	if !ends && !begins {
		return c
	}
	return c.with(func(c *CutList) {
		if ends {
			c.last().End = m.End
		}
		if begins {
			c.Entries = append(c.Entries, *m.Entry)
			if c.Format == nil {
				c.Format = m.Format
			}
		}
	})
}

// follows reports whether the entry that begins comes right after the list's last one, as it ends or as the
// mark ends it.
func (m *Mark) follows(list *CutList) bool {
	last := list.last()
	if last == nil {
		return m.Entry != nil && m.Entry.Number == list.Begin
	}
	before := *last
	if before.End == nil && m.Ended == before.ID {
		before.End = m.End
	}
	return before.End != nil && (m.Entry == nil || m.Entry.Number == before.next())
}

// leapt reports whether the entry that begins comes right after the list's last one, but for a leap that the list does
// not have: whoever began it had a doubt that was lost with its memory.
func (m *Mark) leapt(list *CutList) bool {
	if m.Entry == nil || m.Ended != "" || list.Entry(m.Entry.ID) != nil || m.follows(list) {
		return false
	}
	discontinuity := int64(0)
	if last := list.last(); last != nil {
		if last.End == nil {
			return false
		}
		discontinuity = last.Discontinuity + last.End.Breaks + 1
	}
	return m.Entry.Discontinuity == discontinuity && m.follows(list.doubt())
}

// ID names what is claimed: the entry that begins, or else the one that ends.
func (m *Mark) ID() string {
	if m.Entry != nil {
		return m.Entry.ID
	}
	return m.Ended
}

// done reports whether a list has what a claim asks for.
func (m *Mark) done(list *CutList) bool {
	if m.Entry != nil {
		return list.Entry(m.Entry.ID) != nil
	}
	e := list.Entry(m.Ended)
	return e != nil && e.End != nil && sameEnd(e.End, m.End)
}

// over reports whether a claim cannot be carried out any more, because the entry that it ends has ended.
func (m *Mark) over(list *CutList) bool {
	e := list.OnAir()
	return m.Ended != "" && (e == nil || e.ID != m.Ended)
}

// weighed returns the claim as it is carried out: if a process may have listed more of the entry that ends than it
// gave its word for, nobody knows what was listed, and the next number is far higher.
func (m *Mark) weighed(e *Entry) *Mark {
	beyond := int64(0)
	for who, segments := range e.Listers {
		if whole := e.Whole(); whole != nil {
			segments = min(segments, int64(whole.At.Segment)) // there is no more of it
		}
		if !slices.Contains(m.Words, who) {
			beyond = max(beyond, segments-int64(m.End.At.Segment))
		}
	}
	if beyond == 0 {
		return m
	}
	end, before, w := *m.End, *e, *m
	end.Leap, end.Beyond = true, beyond
	before.End, w.End = &end, &end
	if m.Entry != nil {
		next := *m.Entry
		next.Number = before.next()
		w.Entry = &next
	}
	return &w
}

// Exact reports whether a claim ends an entry without a leap, as far as a list knows who may list it.
func (m *Mark) Exact(list *CutList) bool {
	e := list.OnAir()
	return e == nil || e.Play == nil || m.End == nil || m.weighed(e) == m
}
