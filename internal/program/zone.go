package program

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Zone is the local time of a channel as a version of its plan fixed it. Nodes may know different rules for the
// same place, and a number must not hang on which: so the plan carries the offsets themselves.
type Zone struct {
	Name    string   `json:"name"` // as in the IANA database, for people
	Offsets []Offset `json:"offsets"`
}

// Offset is what local time is ahead of UTC, from a moment on.
type Offset struct {
	From    int64 `json:"from,omitempty"` // Unix seconds; of the first one it does not count
	Seconds int   `json:"seconds"`
}

// zoneYears is for how long a plan knows when clocks are put forward and back.
const zoneYears = 20

// NewZone returns the local time of a place, from a moment on.
func NewZone(name string, from time.Time) (Zone, error) {
	l, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return Zone{}, fmt.Errorf("%w: time zone %.60q is not known: use a name such as Europe/Berlin", ErrPlan, name)
	}
	z := Zone{Name: name}
	for t, end := from.In(l), from.AddDate(zoneYears, 0, 0); ; {
		_, seconds := t.Zone()
		if n := len(z.Offsets); n == 0 || z.Offsets[n-1].Seconds != seconds {
			z.Offsets = append(z.Offsets, Offset{From: t.Unix(), Seconds: seconds})
		}
		_, next := t.ZoneBounds()
		if next.IsZero() || next.After(end) {
			break
		}
		if !next.After(t) { // beyond its tables the time package takes the last day of a leap year for the end of the year
			next = t.AddDate(0, 0, 1)
		}
		t = next
	}
	z.Offsets[0].From = 0
	return z, nil
}

func (z *Zone) validate() error {
	if len(z.Offsets) == 0 || len(z.Offsets) > 8*zoneYears {
		return fmt.Errorf("%w: time zone with %d offsets, want 1 to %d", ErrPlan, len(z.Offsets), 8*zoneYears)
	}
	for i, o := range z.Offsets {
		if o.Seconds < -day || o.Seconds > day || i > 1 && o.From <= z.Offsets[i-1].From {
			return fmt.Errorf("%w: the offsets of the time zone are not in order", ErrPlan)
		}
	}
	return nil
}

// day is how many seconds a day has when no clock is changed.
const day = 24 * 60 * 60

// from and to are between which moments an offset holds.
func (z *Zone) from(i int) int64 {
	if i == 0 {
		return math.MinInt64
	}
	return z.Offsets[i].From
}

func (z *Zone) to(i int) int64 {
	if i+1 == len(z.Offsets) {
		return math.MaxInt64
	}
	return z.Offsets[i+1].From
}

// day returns which day it is, counted from 1970-01-01, and which second of it the clock shows.
func (z *Zone) day(t time.Time) (n int64, second int) {
	u := t.Unix()
	i, _ := slices.BinarySearchFunc(z.Offsets[1:], u, func(o Offset, u int64) int {
		if o.From <= u {
			return -1
		}
		return 1
	})
	u += int64(z.Offsets[i].Seconds)
	n = floor(u, day)
	return n, int(u - n*day)
}

// at returns when the clock shows a second of a day: the first time if it does twice, and when the clock is put
// forward if it jumps over it.
func (z *Zone) at(n int64, second int) time.Time {
	local := n*day + int64(second)
	for i, o := range z.Offsets {
		u := local - int64(o.Seconds)
		if u < z.from(i) {
			return time.Unix(z.from(i), 0).UTC()
		}
		if u < z.to(i) {
			return time.Unix(u, 0).UTC()
		}
	}
	return time.Unix(local-int64(z.Offsets[len(z.Offsets)-1].Seconds), 0).UTC()
}

// weekday returns which weekday a day is.
func weekday(n int64) time.Weekday { return time.Weekday(n + 4 - 7*floor(n+4, 7)) }

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
