package take

import (
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// close makes a part of everything before end and hands it out. The samples' bytes are copied once,
// into a buffer that the parts of a segment share.
func (p *Packager) close(end media.Ticks, last bool, emit func(media.Part)) {
	if p.fill != nil {
		p.fill.add(p.run(p.fill.track.ID), p.partStart, end)
	}
	fragments := make([]cmaf.Fragment, 0, 2)
	spans := make([]uint32, len(p.runs))
	size := 0
	independent := p.runs[p.leading].track.Codec.IsVideo() == false
	for i := range p.runs {
		f, ok := p.runs[i].cut(end, p.flushAll)
		if !ok {
			continue
		}
		p.sequence++
		f.Sequence = p.sequence
		spans[i] = uint32(f.Size())
		size += f.Size()
		fragments = append(fragments, f)
		if i == p.leading {
			independent = f.Samples[0].Key
		}
	}
	data := p.room(size)
	start := len(data)
	for i := range fragments {
		data = cmaf.AppendFragment(data, &fragments[i])
	}
	p.buffer = data
	p.size += size
	for i := range p.runs {
		p.runs[i].drop(spans[i] > 0)
	}
	part := media.Part{
		Segment: p.number, Index: p.index, Start: p.partStart, Duration: end - p.partStart,
		Independent: independent, Last: last, Spans: spans, Data: data[start:],
	}
	p.partStart = end
	p.index++
	if last {
		p.number++
		p.index = 0
		p.segmentStart = end
		p.guess, p.size, p.buffer = p.size, 0, nil
	}
	emit(part)
}

// room returns the segment's buffer with room for n more bytes: if they do not fit, a new one, for the
// parts that are out are never moved.
func (p *Packager) room(n int) []byte {
	if cap(p.buffer)-len(p.buffer) >= n {
		return p.buffer
	}
	if p.buffer == nil { // the first part: expect a segment like the one before
		return make([]byte, 0, max(n, p.guess+p.guess/8, minBuffer))
	}
	return make([]byte, 0, max(n, p.guess/4, minBuffer))
}

// cut returns the finished samples that begin before end as a fragment (all: whenever they begin).
// What the fragment refers to is valid until drop.
func (r *run) cut(end media.Ticks, all bool) (f cmaf.Fragment, ok bool) {
	at, n, bytes := r.base, 0, 0
	limit := r.scaled(end + headroom)
	for n < len(r.samples) && (at < limit || all) {
		at += int64(r.samples[n].Duration)
		bytes += int(r.samples[n].Size)
		n++
	}
	if n == 0 {
		return cmaf.Fragment{}, false
	}
	r.taken, r.takenBytes, r.takenEnd = n, bytes, at
	return cmaf.Fragment{Track: r.track.ID, Base: uint64(r.base), Samples: r.samples[:n], Data: r.data[:bytes]}, true
}

// drop lets go what was cut.
func (r *run) drop(cut bool) {
	if !cut {
		return
	}
	r.samples = r.samples[:copy(r.samples, r.samples[r.taken:])]
	r.data = r.data[:copy(r.data, r.data[r.takenBytes:])]
	r.base = r.takenEnd
	if cap(r.data) > 1<<20 && len(r.data) < 1<<16 { // a large picture has passed
		r.data = append(make([]byte, 0, 1<<16), r.data...)
	}
}
