package take

import (
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Kept is a segment of which all that counts lies in bundles of the bucket.
type Kept struct {
	Number uint32
	Start  media.Ticks
	Parts  []media.PartInfo
	Refs   []bundle.Ref
}

// Duration returns how long the segment is.
func (k *Kept) Duration() (d media.Ticks) {
	for i := range k.Parts {
		d += k.Parts[i].Duration
	}
	return d
}

// Kept returns the segments from one on and before a place, as far as they are complete and lie in bundles, without a
// hole. A segment that the place is in the middle of is cut there. The first is a later one if older ones were trimmed.
// whole says that it is all there will ever be up to the place; without a place, nothing is ever whole.
func (l *Log) Kept(from uint32, to *media.Pos) (out []Kept, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		number := s.info.Number
		if number < from {
			continue
		}
		if to != nil && !(media.Pos{Segment: number}).Before(*to) {
			return out, true
		}
		parts, most := s.parts(), s.count()
		cut := to != nil && number == to.Segment
		if cut {
			most = min(most, int(to.Part))
		}
		enough := s.info.Complete || cut && most == int(to.Part) || l.ended
		if !enough || s.stored < most {
			return out, false
		}
		var size uint32
		for i := range parts[:most] {
			size += parts[i].Length
		}
		if most > 0 {
			out = append(out, Kept{number, s.info.Start, parts[:most], s.inStore([]media.Extent{{Length: size}})})
		}
		if cut {
			return out, true
		}
	}
	return out, to != nil && (l.ended || !l.edge().Before(*to))
}
