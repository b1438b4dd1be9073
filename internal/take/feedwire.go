package take

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The form of a feed: frames of a kind (1 byte), the length of what follows (unsigned varint), and
// that; numbers are varints.
const (
	frameBirth   = 'B' // JSON of media.Take
	frameSegment = 'S' // a segment without its bytes, and where they lie
	framePart    = 'P' // a part
	frameRefs    = 'R' // where the parts of a segment lie, as far as they are stored
	frameMark    = 'M' // a mark
	frameLimit   = 'L' // what is safe, and what may be listed
	frameEnd     = 'E' // the log has ended
	frameBeat    = 'H' // nothing new

	maxFrame     = 256 << 20 // a part of a 4K keyframe has several MB
	maxFrameText = 1 << 20
	maxFrameRefs = 1 << 16
	maxParts     = 1 << 16
)

// ErrFeed is returned for bytes that are no feed.
var ErrFeed = errors.New("not the feed of a take")

var beatFrame = []byte{frameBeat, 0}

// encoder gathers frames; the bytes of media are not copied.
type encoder struct {
	list [][]byte
	b    []byte
}

func (e *encoder) out() [][]byte {
	if len(e.b) > 0 {
		e.list = append(e.list, e.b)
		e.b = nil
	}
	return e.list
}

func (e *encoder) frame(kind byte, body []byte, data []byte) {
	e.b = append(e.b, kind)
	e.b = binary.AppendUvarint(e.b, uint64(len(body)+len(data)))
	e.b = append(e.b, body...)
	if len(data) > 0 {
		e.list = append(e.list, e.b, data)
		e.b = nil
	}
}

func (e *encoder) birth(t *media.Take) {
	text, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("encode take %s: %v", t.ID, err)) // it has only plain fields
	}
	e.frame(frameBirth, text, nil)
}

func (e *encoder) part(p *media.Part) {
	flags := uint64(0)
	if p.Independent {
		flags |= 1
	}
	if p.Last {
		flags |= 2
	}
	b := appendNumbers(nil, uint64(p.Segment), uint64(p.Index), uint64(p.Start), uint64(p.Duration), flags, uint64(len(p.Spans)))
	for _, n := range p.Spans {
		b = binary.AppendUvarint(b, uint64(n))
	}
	e.frame(framePart, b, p.Data)
}

func (e *encoder) segment(s *segment) int {
	flags := uint64(0)
	if s.info.Independent {
		flags |= 1
	}
	if s.info.Complete {
		flags |= 2
	}
	b := appendNumbers(nil, uint64(s.info.Number), uint64(s.info.Start), uint64(s.info.Duration), flags)
	packed := packParts(s.parts())
	b = binary.AppendUvarint(b, uint64(len(packed)))
	b = append(b, packed...)
	b = appendRefs(b, s)
	e.frame(frameSegment, b, nil)
	return len(b)
}

func (e *encoder) refs(s *segment) {
	b := binary.AppendUvarint(nil, uint64(s.info.Number))
	e.frame(frameRefs, appendRefs(b, s), nil)
}

func appendRefs(b []byte, s *segment) []byte {
	b = appendNumbers(b, uint64(s.stored), uint64(len(s.refs)))
	for _, r := range s.refs {
		b = appendNumbers(b, r.Sequence, uint64(r.Offset), uint64(r.Length))
	}
	return b
}

func (e *encoder) mark(index int, m markLine) {
	e.frame(frameMark, appendNumbers(nil, uint64(index), uint64(m.At.Segment), uint64(m.At.Part)), m.Data)
}

func (e *encoder) limit(safe, limit media.Pos, marks int) {
	e.frame(frameLimit, appendNumbers(nil, uint64(safe.Segment), uint64(safe.Part), uint64(limit.Segment), uint64(limit.Part), uint64(marks)), nil)
}

func (e *encoder) end(sealed bool, seal media.Pos) {
	flag := uint64(0)
	if sealed {
		flag = 1
	}
	e.frame(frameEnd, appendNumbers(nil, flag, uint64(seal.Segment), uint64(seal.Part)), nil)
}

func appendNumbers(b []byte, list ...uint64) []byte {
	for _, n := range list {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// readFrame reads one frame.
func readFrame(r *bufio.Reader) (kind byte, body []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, fmt.Errorf("read frame of a feed: %w", err)
	}
	limit := uint64(maxFrame)
	if kind != framePart {
		limit = 2 * maxFrameText
	}
	if n > limit {
		return 0, nil, fmt.Errorf("frame %q of %d bytes, at most %d are allowed: %w", kind, n, limit, ErrFeed)
	}
	if n <= maxFrameText {
		body = make([]byte, n)
		_, err = io.ReadFull(r, body)
	} else if body, err = io.ReadAll(io.LimitReader(r, int64(n))); err == nil && uint64(len(body)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read frame of a feed: %w", err)
	}
	return kind, body, nil
}

// numbers reads varints; after the first fault it reads only zeros.
type numbers struct {
	b   []byte
	bad bool
}

func (n *numbers) next(limit uint64) uint64 {
	v, size := binary.Uvarint(n.b)
	if size <= 0 || v > limit {
		n.bad, n.b = true, nil
		return 0
	}
	n.b = n.b[size:]
	return v
}

func (n *numbers) u32() uint32 { return uint32(n.next(math.MaxUint32)) }

func (n *numbers) ticks() media.Ticks { return media.Ticks(n.next(math.MaxInt64)) }

func (n *numbers) pos() media.Pos { return media.Pos{Segment: n.u32(), Part: n.u32()} }

func (n *numbers) bytes(limit uint64) []byte {
	size := n.next(limit)
	if size > uint64(len(n.b)) {
		n.bad, n.b = true, nil
		return nil
	}
	out := n.b[:size:size]
	n.b = n.b[size:]
	return out
}

func (n *numbers) refs(i *bundle.Incarnation) (stored int, refs []bundle.Ref) {
	stored = int(n.next(maxParts))
	for range n.next(maxFrameRefs) {
		if n.bad {
			return 0, nil
		}
		refs = append(refs, bundle.Ref{Incarnation: i, Sequence: n.next(math.MaxInt64), Offset: n.u32(), Length: n.u32()})
	}
	return stored, refs
}
