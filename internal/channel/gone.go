package channel

import (
	"slices"
	"time"
)

const (
	// goneSpan is for how long it is remembered that an address was that of a deleted channel: its media is out of the
	// bucket by then.
	goneSpan = 30 * 24 * time.Hour
	maxGone  = 100
)

// before returns what a channel that gets the address of this one, which was deleted, has to remember.
func (c *Channel) before() []Gone {
	if c.ID == "" {
		return nil
	}
	all := append(slices.Clone(c.Before), Gone{c.ID, c.Deleted})
	all = slices.DeleteFunc(all, func(g Gone) bool { return time.Since(g.Deleted) > goneSpan })
	return all[max(0, len(all)-maxGone):]
}

// Gone returns the channels that were deleted in the last 30 days, as far as this node knows.
func (s *Store) Gone() []Gone {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Gone
	for _, e := range s.bySlug {
		out = append(out, e.channel.Before...)
		if c := e.channel; !c.Deleted.IsZero() {
			out = append(out, Gone{c.ID, c.Deleted})
		}
	}
	return slices.DeleteFunc(out, func(g Gone) bool { return time.Since(g.Deleted) > goneSpan })
}
