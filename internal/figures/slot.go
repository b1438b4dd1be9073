// Package figures is what a producer learns of a channel's audience: how many watched and for how long, from where, with
// what, and how well it played.
//
// Each node counts in memory what it is asked for, and adds it to a document of the channel and the hour. Nobody can be
// found in there: no address, no session and no name leaves memory, where a viewer is a number that means nothing to
// another process and is forgotten within half a minute.
package figures

import (
	"maps"
	"slices"
	"time"
)

// Span is how long a slot is.
const Span = 5 * time.Minute

const (
	minutes = int(Span / time.Minute)
	// maxKinds bounds each of a slot's lists of kinds; what comes besides is one kind.
	maxKinds = 40
	// Other is the kind of what had no room.
	Other = "other"
)

// Slot is what was counted within one span of time.
type Slot struct {
	Watch     int64            `json:"watch"`           // ms that viewers watched, all together
	Views     int64            `json:"views"`           // viewers who came
	Most      [minutes]int64   `json:"most"`            // viewers at once in each minute, at most
	Devices   map[string]int64 `json:"devices"`         // ms by kind of device
	Countries map[string]int64 `json:"countries"`       // ms by country
	Referrers map[string]int64 `json:"referrers"`       // ms by the site that led here
	Stalls    int64            `json:"stalls"`          // times that a player had nothing to play
	Stalled   int64            `json:"stalled"`         // ms of those, as far as players say
	Latency   int64            `json:"latency"`         // delay in ms, summed over Reports
	Reports   int64            `json:"reports"`         // how often players said that
	Bytes     int64            `json:"bytes"`           // of media that was sent
	Said      int64            `json:"said,omitempty"`  // chat messages
	Voices    int64            `json:"voice,omitempty"` // people who wrote them
}

// add adds what was counted elsewhere in the same span.
func (s *Slot) add(o *Slot) {
	s.Watch += o.Watch
	s.Views += o.Views
	for i := range s.Most {
		s.Most[i] += o.Most[i]
	}
	s.Devices, s.Countries, s.Referrers = sum(s.Devices, o.Devices), sum(s.Countries, o.Countries), sum(s.Referrers, o.Referrers)
	s.Stalls += o.Stalls
	s.Stalled += o.Stalled
	s.Latency += o.Latency
	s.Reports += o.Reports
	s.Bytes += o.Bytes
	s.Said += o.Said
	s.Voices += o.Voices
}

// empty reports whether nothing was counted.
func (s *Slot) empty() bool {
	return s.Watch == 0 && s.Views == 0 && s.Bytes == 0 && s.Said == 0 && s.Stalls == 0
}

func sum(a, b map[string]int64) map[string]int64 {
	if len(b) == 0 {
		return a
	}
	out := maps.Clone(a)
	for _, kind := range slices.Sorted(maps.Keys(b)) {
		out = count(out, kind, b[kind])
	}
	return out
}

// count adds to a kind, or to Other if there are too many kinds.
func count(m map[string]int64, kind string, n int64) map[string]int64 {
	if m == nil {
		m = map[string]int64{}
	}
	if _, known := m[kind]; !known && len(m) >= maxKinds {
		kind = Other
	}
	m[kind] += n
	return m
}

// clone copies a slot.
func (s *Slot) clone() *Slot {
	out := *s
	out.Devices, out.Countries, out.Referrers = maps.Clone(s.Devices), maps.Clone(s.Countries), maps.Clone(s.Referrers)
	return &out
}

// Total sums slots.
func Total(slots []At) Slot {
	var out Slot
	for i := range slots {
		s := slots[i].Slot
		out.add(&s)
	}
	return out
}

// Peak returns how many watched at once, at most.
func (s *Slot) Peak() int64 { return slices.Max(s.Most[:]) }

// At is a slot and when it began.
type At struct {
	Start time.Time
	Slot
}
