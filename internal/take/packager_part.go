package take

import (
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// minBuffer is the least that is allocated for a segment at a time.
const minBuffer = 16 << 10

// output holds what parts are put together in. The parts of a segment lie next to each other in one
// buffer, so that a whole segment can be sent in one piece; what has come out is never moved.
type output struct {
	buffer     []byte
	size       int    // bytes of the segment so far
	before     [2]int // bytes of the two segments before it
	sequence   uint32
	everything bool            // the take ends: the part takes what waits, whenever it begins
	fragments  []cmaf.Fragment // of the part in the making; reused
	counts     []int           // samples of each lane in it; reused
	spans      []uint32        // room for the spans of parts to come
}

// spansRoom is for how many parts room for spans is allocated at a time.
const spansRoom = 32

// assemble makes a part of the samples that are complete and begin before end: all of the leading
// track, because they decide where the part ends. The bytes of a track are copied once, in one piece.
func (p *Packager) assemble(end media.Ticks) media.Part {
	o := &p.out
	if len(o.spans) < len(p.lanes) {
		o.spans = make([]uint32, spansRoom*len(p.lanes))
	}
	part := media.Part{Spans: o.spans[:len(p.lanes):len(p.lanes)]}
	o.spans = o.spans[len(p.lanes):]
	o.fragments, o.counts = o.fragments[:0], o.counts[:0]
	size := 0
	for i := range p.lanes {
		l := &p.lanes[i]
		limit := l.scaled(end)
		if l == p.lead || o.everything {
			limit = l.end
		}
		n, bytes := l.ready(limit)
		o.counts = append(o.counts, n)
		if n == 0 {
			continue
		}
		f := cmaf.Fragment{
			Track: l.track.ID, Audio: !l.track.Codec.IsVideo(), Base: uint64(l.first),
			Samples: l.samples[:n], Data: l.data[l.head : l.head+bytes],
		}
		if l == p.lead {
			part.Independent = f.Samples[0].Key
		}
		part.Spans[i] = o.add(f)
		size += int(part.Spans[i])
	}
	if size == 0 {
		part.Spans[p.leadIndex()] = o.add(cmaf.Fragment{
			Track: p.lead.track.ID, Base: uint64(p.lead.scaled(p.partStart)),
			Gap: uint32(p.lead.scaled(end) - p.lead.scaled(p.partStart)),
		})
		size = int(part.Spans[p.leadIndex()])
	}
	part.Data = o.write(size)
	for i := range p.lanes {
		p.lanes[i].drop(o.counts[i])
	}
	return part
}

func (p *Packager) leadIndex() int {
	for i := range p.lanes {
		if &p.lanes[i] == p.lead {
			return i
		}
	}
	return 0
}

// add numbers a fragment for the part in the making and returns its size.
func (o *output) add(f cmaf.Fragment) uint32 {
	o.sequence++
	f.Sequence = o.sequence
	o.fragments = append(o.fragments, f)
	return uint32(f.Size())
}

// write appends the fragments, which have so many bytes, to the segment's buffer.
func (o *output) write(size int) []byte {
	if cap(o.buffer)-len(o.buffer) < size {
		o.buffer = make([]byte, 0, o.room(size))
	}
	start := len(o.buffer)
	for i := range o.fragments {
		o.buffer = cmaf.AppendFragment(o.buffer, &o.fragments[i])
	}
	o.size += size
	return o.buffer[start:]
}

// room returns how large a buffer to begin for a part of so many bytes. At a segment's beginning that is
// what the larger of the two before had, and some more; when that was too little, a quarter of it.
func (o *output) room(size int) int {
	expect := max(o.before[0], o.before[1])
	switch {
	case expect == 0:
		return max(minBuffer, 4*size)
	case o.size > 0:
		return max(minBuffer, 2*size, expect/4)
	default:
		return max(minBuffer, size, expect+expect/8)
	}
}

// nextSegment begins a new buffer with the next part.
func (o *output) nextSegment() {
	o.before[0], o.before[1] = o.size, o.before[0]
	o.size, o.buffer = 0, nil
}
