// Package cmaf writes samples as fragmented MP4 (ISO/IEC 14496-12 and 23000-19): the init of a set of
// tracks, and fragments of one track each. It is pure: the same input gives the same bytes.
package cmaf

import "encoding/binary"

// boxes writes nested boxes: open leaves room for the size, which close fills in.
type boxes struct{ b []byte }

func (w *boxes) box(name string, content func()) {
	at := len(w.b)
	w.u32(0)
	w.b = append(w.b, name...)
	content()
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

// full writes a full box: one with a version and flags.
func (w *boxes) full(name string, version byte, flags uint32, content func()) {
	w.box(name, func() {
		w.u32(uint32(version)<<24 | flags)
		content()
	})
}

func (w *boxes) u8(v ...byte)  { w.b = append(w.b, v...) }
func (w *boxes) u16(v uint16)  { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *boxes) u32(v uint32)  { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *boxes) text(s string) { w.b = append(w.b, s...) }
func (w *boxes) zeros(n int)   { w.b = append(w.b, make([]byte, n)...) }
func (w *boxes) u32s(v ...int64) { // values are written as 32 bits
	for _, x := range v {
		w.u32(uint32(x))
	}
}
