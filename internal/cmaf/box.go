// Package cmaf writes samples as fragmented MP4 (ISO/IEC 14496-12 and 23000-19): the init of a set of
// tracks, and fragments of one track each; and it reads both. It also reads the headers that H.264 and
// AAC encoders send. It is pure: the same input gives the same bytes.
package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// boxes writes nested boxes whose sizes are filled in when their content is there. It is for inits;
// fragments have a faster way.
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

// u32s writes each value as 32 bits.
func (w *boxes) u32s(v ...uint32) {
	for _, x := range v {
		w.u32(x)
	}
}

// errShort is wrapped by every complaint about a box that ends too early.
var errShort = errors.New("box cut short")

// nextBox splits the first box off b. It reads 32-bit and 64-bit sizes and "until the end" (0). The
// name is 4 bytes of b; the body is what follows the header.
func nextBox(b []byte) (name string, body, rest []byte, err error) {
	if len(b) < boxHeader {
		return "", nil, nil, fmt.Errorf("%w: %d bytes left for a header of 8", errShort, len(b))
	}
	name = string(b[4:8])
	size, header := uint64(binary.BigEndian.Uint32(b)), uint64(boxHeader)
	switch size {
	case 0:
		size = uint64(len(b))
	case 1:
		if len(b) < 16 {
			return "", nil, nil, fmt.Errorf("%w: %q without its 64-bit size", errShort, name)
		}
		size, header = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < header {
		return "", nil, nil, fmt.Errorf("box %q: size %d is less than its header", name, size)
	}
	if size > uint64(len(b)) {
		return "", nil, nil, fmt.Errorf("%w: %q says %d bytes and %d are there", errShort, name, size, len(b))
	}
	return name, b[header:size], b[size:], nil
}

// eachBox calls f for every box in b, and stops at its first error.
func eachBox(b []byte, f func(name string, body []byte) error) error {
	for len(b) > 0 {
		name, body, rest, err := nextBox(b)
		if err != nil {
			return err
		}
		if err := f(name, body); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// fields reads the fields of a box one after the other. After the first field that is not there all
// are zero, and short is set; so a reader checks once, at the end.
type fields struct {
	b     []byte
	short bool
}

// bytes returns the next n bytes, or nil.
func (r *fields) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *fields) skip(n int) { r.bytes(n) }

func (r *fields) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *fields) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *fields) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *fields) u64() uint64 {
	hi := r.u32()
	return uint64(hi)<<32 | uint64(r.u32())
}

// err says whether all fields of the named box were there.
func (r *fields) err(name string) error {
	if r.short {
		return fmt.Errorf("%w: %q", errShort, name)
	}
	return nil
}
