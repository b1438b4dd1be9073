package burn

import (
	"cmp"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
)

// fade is how long a graphic takes to come and to go.
const fade = 100 * time.Millisecond

// seen is a showing as it is over one picture.
type seen struct {
	*graphics.Showing
	leaves bool
	opaque float64 // 0 to 1
}

// seenAt returns what lies over the picture of a program time: what our player shows over it (web/src/graphics/showing.ts).
func seenAt(all []graphics.Showing, at time.Time) []seen {
	var out []seen
	taken := map[string]bool{}
	for i := range all {
		s := &all[i]
		if s.From.After(at) || !s.Until.IsZero() && !s.Until.After(at) {
			continue
		}
		taken[s.Layer()] = true
		x := seen{Showing: s, opaque: 1}
		if since := at.Sub(s.From); since < fade && !goesOn(all, s) {
			x.opaque = (float64(since) + float64(fade)/8) / float64(fade)
		}
		out = append(out, x)
	}
	for i := range all {
		s := &all[i]
		if s.Until.IsZero() || s.Until.After(at) || !s.Until.Add(fade).After(at) || !s.From.Before(s.Until) || taken[s.Layer()] {
			continue
		}
		out = append(out, seen{Showing: s, leaves: true, opaque: 1 - float64(at.Sub(s.Until))/float64(fade)})
	}
	slices.SortFunc(out, func(a, b seen) int {
		return cmp.Or(cmp.Compare(depth(a.Kind), depth(b.Kind)), cmp.Compare(a.Number, b.Number))
	})
	for i := range out {
		out[i].opaque = min(1, max(0, out[i].opaque))
	}
	return out
}

// goesOn reports whether a showing goes on from one of the same graphic whose words were others.
func goesOn(all []graphics.Showing, s *graphics.Showing) bool {
	return slices.ContainsFunc(all, func(x graphics.Showing) bool {
		return x.Graphic == s.Graphic && x.Number != s.Number && x.Until.Equal(s.From) && x.From.Before(s.From)
	})
}

// depth is what lies over what, as in the player's styles.
func depth(k graphics.Kind) int {
	switch k {
	case graphics.LowerThird, graphics.Chat, graphics.Sting, graphics.Heading, graphics.ComingUp:
		return 1
	}
	return 0
}
