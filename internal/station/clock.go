package station

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

const (
	// maxOff is how far a node's clock may be from the fleet's and still pace what plans play.
	maxOff = 2 * time.Second
	// offEvery is how often it is looked how far it is.
	offEvery = 500 * time.Millisecond
)

// pace is what is remembered of the clock that paces what plans play.
type pace struct {
	off    atomic.Int64 // ns that the fleet's clock is ahead of ours, as far as that counts
	looked atomic.Int64 // when that was looked at, in ns; 0 if never
	last   atomic.Int64 // the newest time that was told, in ns since 1970
}

// now is the clock that paces what plans play: the node's own, or the fleet's if the two are far apart, so that a node
// with a wrong clock lists what the others do. It never goes back: what was listed stays listed.
func (s *Station) now() time.Time {
	own := s.cfg.Now()
	if at := time.Now().UnixNano(); at-s.pace.looked.Load() >= int64(offEvery) {
		s.pace.looked.Store(at)
		s.pace.off.Store(int64(s.fleet.off()))
	}
	t := own.UnixNano() + s.pace.off.Load()
	for {
		last := s.pace.last.Load()
		if t <= last {
			return time.Unix(0, last)
		}
		if s.pace.last.CompareAndSwap(last, t) {
			return time.Unix(0, t)
		}
	}
}

// off returns how far the fleet's clock is ahead of this node's, or 0 if that is near enough.
func (f *fleet) off() time.Duration {
	if f == nil {
		return 0
	}
	var others []time.Duration
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State == mesh.Alive {
			others = append(others, m.Clock)
		}
	}
	return offOf(others)
}

// offOf returns the median of all clocks, the own one among them, if it is far from that. Of two in the middle it is the
// earlier, so that two nodes agree which of them is wrong.
func offOf(others []time.Duration) time.Duration {
	all := append(slices.Clone(others), 0)
	slices.Sort(all)
	median := all[(len(all)-1)/2]
	if median >= -maxOff && median <= maxOff {
		return 0
	}
	return median
}
