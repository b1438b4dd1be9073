package bundle

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// DecodeIndex reads the index at the end of a bundle. tail is the end of the bundle; if it is too
// short to hold the whole index, need says how many bytes from the end are wanted, and err is nil.
func DecodeIndex(tail []byte) (x *Index, need int64, err error) {
	if len(tail) < footerSize {
		return nil, 0, corrupt("bundle of %d bytes", len(tail))
	}
	footer := tail[len(tail)-footerSize:]
	if string(footer[8:]) != footerMagic {
		return nil, 0, corrupt("bundle without its end mark")
	}
	n := binary.LittleEndian.Uint32(footer)
	if n > maxIndex {
		return nil, 0, corrupt("bundle index of %d bytes, at most %d are allowed", n, maxIndex)
	}
	if int(n)+footerSize > len(tail) {
		return nil, int64(n) + footerSize, nil
	}
	raw := tail[len(tail)-footerSize-int(n) : len(tail)-footerSize]
	if sum := crc32.Checksum(raw, castagnoli); sum != binary.LittleEndian.Uint32(footer[4:]) {
		return nil, 0, corrupt("bundle index: checksum does not match")
	}
	d := decoder{b: raw}
	x = d.index()
	if d.err == nil && len(d.b) != 0 {
		d.fail("bundle index: %d bytes too many", len(d.b))
	}
	if d.err != nil {
		return nil, 0, d.err
	}
	return x, 0, nil
}

// decoder reads an index. After the first error it reads nothing more.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = corrupt(format, args...)
	}
	d.b = nil
}

func (d *decoder) index() *Index {
	x := &Index{}
	flags := d.uint(math.MaxUint64)
	x.Fence = string(d.bytes(maxName))
	if flags&^(flagFence|flagNamed|flagQuiet) != 0 || (flags&flagFence != 0) != (x.Fence != "") {
		d.fail("bundle index: unknown flags %#x", flags)
	}
	x.Quiet = flags&flagQuiet != 0
	if flags&flagNamed != 0 {
		n := d.uint(maxWitnesses)
		if n == 0 {
			d.fail("bundle index: names no witness, and says that it does")
		}
		for range n {
			x.Witnesses = append(x.Witnesses, string(d.bytes(maxName)))
		}
	}
	takes := make([]media.TakeID, d.count(16))
	for i := range takes {
		copy(takes[i][:], d.take(16))
	}
	x.Records = make([]Record, d.count(3))
	for i := range x.Records {
		if d.err != nil {
			return nil
		}
		d.record(&x.Records[i], takes)
	}
	return x
}

func (d *decoder) record(r *Record, takes []media.TakeID) {
	if kind := d.take(1); len(kind) == 1 {
		r.Kind = Kind(kind[0])
	}
	n := d.uint(math.MaxUint32)
	if n >= uint64(len(takes)) {
		d.fail("bundle index: record of take %d of %d", n, len(takes))
		return
	}
	r.Take = takes[n]
	switch r.Kind {
	case KindBirth:
		r.Birth = &media.Take{}
		if err := json.Unmarshal(d.bytes(maxText), r.Birth); err != nil && d.err == nil {
			d.fail("bundle index: birth: %v", err)
		}
		if d.err == nil && r.Birth.ID != r.Take {
			d.fail("bundle index: birth of another take")
		}
	case KindPart:
		d.part(&r.Part)
	case KindMark:
		r.Mark = append([]byte(nil), d.bytes(maxText)...)
	case KindEnd:
		r.End = string(d.bytes(maxEnd))
	case KindPiece:
		r.Piece.Session, r.Piece.Name = string(d.bytes(maxName)), string(d.bytes(maxName))
		copy(r.Piece.Sum[:], d.take(len(r.Piece.Sum)))
	default:
		d.fail("bundle index: unknown kind %d", r.Kind)
	}
}

func (d *decoder) part(p *PartRecord) {
	head := d.take(2)
	if len(head) < 2 {
		return
	}
	if head[0] > 3 {
		d.fail("bundle index: unknown part flags %#x", head[0])
	}
	p.Independent, p.Last, p.Rendition = head[0]&1 != 0, head[0]&2 != 0, head[1]
	p.Segment = uint32(d.uint(math.MaxUint32))
	p.Index = uint32(d.uint(math.MaxUint32))
	p.Start = media.Ticks(d.int())
	p.Duration = media.Ticks(d.uint(math.MaxInt64))
	p.Offset = uint32(d.uint(maxPartBytes))
	p.Length = uint32(d.uint(maxPartBytes))
	if sum := d.take(4); len(sum) == 4 {
		p.CRC = binary.LittleEndian.Uint32(sum)
	}
	n := d.uint(maxSpans)
	if d.err != nil {
		return
	}
	p.Spans = make([]uint32, n)
	var total uint64
	for i := range p.Spans {
		p.Spans[i] = uint32(d.uint(maxPartBytes))
		total += uint64(p.Spans[i])
	}
	if d.err == nil && n > 0 && total != uint64(p.Length) {
		d.fail("bundle index: tracks of %d bytes in a part of %d", total, p.Length)
	}
}

func (d *decoder) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > limit {
		d.fail("bundle index: malformed number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("bundle index: malformed number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many things of at least size bytes follow.
func (d *decoder) count(size int) int {
	n := d.uint(math.MaxUint32)
	if n > uint64(len(d.b)/size) {
		d.fail("bundle index: says %d things in %d bytes", n, len(d.b))
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail("bundle index: cut short")
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) bytes(limit uint64) []byte { return d.take(int(d.uint(limit))) }

// damaged says which part of a whole bundle is not what its index says, if one is.
func damaged(data []byte, x *Index) error {
	for i := range x.Records {
		p := &x.Records[i].Part
		if x.Records[i].Kind != KindPart {
			continue
		}
		from, to := uint64(p.Offset), uint64(p.Offset)+uint64(p.Length)
		if to > uint64(len(data)) || crc32.Checksum(data[from:to], castagnoli) != p.CRC {
			return corrupt("part %d of segment %d", p.Index, p.Segment)
		}
	}
	return nil
}
