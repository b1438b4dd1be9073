package take

import (
	"encoding/binary"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// segment is one segment of a log: what a playlist says of it, and where its bytes are. While it is
// young its bytes are in memory; once they are stored and it has left the tail, only refs remain.
type segment struct {
	info   *media.SegmentInfo // replaced, never changed, because listings share it
	data   [][]byte           // of the parts from the first on, as far as they are in memory
	refs   []bundle.Ref       // where the stored parts lie, neighbours joined, in order
	stored int                // how many parts are stored
	size   uint32             // bytes of all parts
	packed []byte             // the parts' infos in short form, once info.Parts is dropped
}

// add notes one more part, of that many bytes.
func (s *segment) add(p *media.Part, length uint32) {
	info := *s.info
	info.Parts = append(info.Parts, media.PartInfo{
		Duration: p.Duration, Independent: p.Independent, Length: length, Spans: p.Spans,
	})
	info.Duration += p.Duration
	info.Complete = p.Last
	if p.Index == 0 {
		info.Independent = p.Independent
	}
	s.info = &info
	s.size += length
}

// store notes where the next part that was not stored yet has gone.
func (s *segment) store(ref bundle.Ref) {
	s.stored++
	if n := len(s.refs); n > 0 {
		last := &s.refs[n-1]
		if last.Sequence == ref.Sequence && last.Offset+last.Length == ref.Offset {
			last.Length += ref.Length
			return
		}
	}
	s.refs = append(s.refs, ref)
}

// pack drops the parts' infos in favour of a short form. Old segments are listed whole, so their
// parts matter only to a request for an old part.
func (s *segment) pack() {
	if s.packed != nil || len(s.info.Parts) == 0 {
		return
	}
	s.packed = packParts(s.info.Parts)
	info := *s.info
	info.Parts = nil
	s.info = &info
}

func packParts(parts []media.PartInfo) []byte {
	var b []byte
	b = binary.AppendUvarint(b, uint64(len(parts)))
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(p.Duration))
		flags := uint64(len(p.Spans)) << 1
		if p.Independent {
			flags |= 1
		}
		b = binary.AppendUvarint(b, flags)
		for _, n := range p.Spans {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return append(make([]byte, 0, len(b)), b...)
}

// parts returns the parts' infos, from the short form if need be.
func (s *segment) parts() []media.PartInfo {
	if s.packed == nil {
		return s.info.Parts
	}
	parts, _ := unpackParts(s.packed)
	return parts
}

// count returns how many parts there are.
func (s *segment) count() int {
	if s.packed == nil {
		return len(s.info.Parts)
	}
	n, _ := binary.Uvarint(s.packed)
	return int(n)
}

// unpackParts reads what packParts wrote; ok is false if it did not.
func unpackParts(b []byte) (_ []media.PartInfo, ok bool) {
	n := &numbers{b: b}
	count := n.next(maxParts)
	if count > uint64(len(b)) {
		return nil, false
	}
	parts := make([]media.PartInfo, count)
	for i := range parts {
		p := &parts[i]
		p.Duration = n.ticks()
		flags := n.next(maxTracks<<1 | 1)
		p.Independent = flags&1 != 0
		p.Spans = make([]uint32, flags>>1)
		for j := range p.Spans {
			p.Spans[j] = n.u32()
			p.Length += p.Spans[j]
		}
	}
	return parts, !n.bad && len(n.b) == 0
}

// extents says which bytes of the segment an address asks for; see media.Extents.
func (s *segment) extents(a media.Address, track int) (_ []media.Extent, ok bool) {
	if !a.Run && a.Track == 0 {
		return []media.Extent{{Length: s.size}}, s.info.Complete
	}
	out, ok := media.Extents(s.parts(), a, track)
	return out, ok && (a.Run || s.info.Complete)
}

// inMemory returns the bytes of the extents from the parts in memory, joining neighbours so that
// a whole segment is normally one slice.
func (s *segment) inMemory(extents []media.Extent) [][]byte {
	var out [][]byte
	for _, e := range extents {
		var at uint32
		for _, d := range s.data {
			n := uint32(len(d))
			from, to := max(e.Offset, at), min(e.Offset+e.Length, at+n)
			if from < to {
				out = appendJoined(out, d[from-at:to-at])
			}
			at += n
		}
	}
	return out
}

// appendJoined appends d to list, or lengthens the last slice if d lies right behind it in the same
// buffer: the packager lays the parts of a segment next to each other and leaves them that capacity.
func appendJoined(list [][]byte, d []byte) [][]byte {
	if n := len(list); n > 0 && len(d) > 0 {
		last := list[n-1]
		if cap(last)-len(last) >= len(d) && &last[:len(last)+1][len(last)] == &d[0] {
			list[n-1] = last[:len(last)+len(d)]
			return list
		}
	}
	return append(list, d)
}

// inStore returns where the extents lie in bundles.
func (s *segment) inStore(extents []media.Extent) []bundle.Ref {
	var out []bundle.Ref
	for _, e := range extents {
		var at uint32
		for _, r := range s.refs {
			n := r.Length
			from, to := max(e.Offset, at), min(e.Offset+e.Length, at+n)
			if from < to {
				r.Offset += from - at
				r.Length = to - from
				out = append(out, r)
			}
			at += n
		}
	}
	return out
}
