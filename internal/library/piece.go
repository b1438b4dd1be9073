package library

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The media of a clip lies in pieces, objects of some 60 s or 8 MiB. A piece is whole segments, one behind the
// other, and a trailer, so that pieces alone say all that is needed to go on behind them, and what clip they make.

const (
	pieceSpan  = 60 * media.TicksPerSecond
	pieceBytes = 8 << 20
	pieceMagic = "MFC1"
	pieceFoot  = 8 // the trailer's length and the magic
	maxTrailer = 1 << 20
	maxPieces  = 100_000
)

// trailer is what stands behind the media of a piece.
type trailer struct {
	Tracks   []media.Track `json:"tracks"`
	Segments []byte        `json:"segments"` // see packSegments
	Bytes    int64         `json:"bytes"`    // of the media
	Next     position      `json:"next"`     // where the next piece begins
	End      bool          `json:"end,omitempty"`
}

func clipPrefix(channel, clip string) string { return "clips/" + channel + "/" + clip + "/" }

// mediaKey names a piece of the media of a clip.
func mediaKey(channel, clip string, take media.TakeID, n int) string {
	return fmt.Sprintf("%s%s-%05d", clipPrefix(channel, clip), take, n)
}

// seal appends a trailer to the media of a piece.
func (t *trailer) seal(body bucket.Body) (bucket.Body, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write piece: %w", err)
	}
	foot := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	return append(body, text, append(foot, pieceMagic...)), nil
}

var errPiece = errors.New("not a piece of a clip")

// readTrailer reads the trailer at the end of a piece, of which tail is at least the last bytes. With more than it has,
// want says how many are needed.
func readTrailer(tail []byte) (t trailer, want int, err error) {
	if len(tail) < pieceFoot || string(tail[len(tail)-4:]) != pieceMagic {
		return t, 0, errPiece
	}
	n := int(binary.BigEndian.Uint32(tail[len(tail)-pieceFoot:]))
	if n > maxTrailer {
		return t, 0, errPiece
	}
	if n+pieceFoot > len(tail) {
		return t, n + pieceFoot, nil
	}
	if err := json.Unmarshal(tail[len(tail)-pieceFoot-n:len(tail)-pieceFoot], &t); err != nil {
		return t, 0, fmt.Errorf("%w: %w", errPiece, err)
	}
	return t, 0, nil
}

// trailerOf reads the trailer of a piece in the bucket.
func (l *Library) trailerOf(ctx context.Context, key string) (trailer, error) {
	want := 16 << 10
	for range 2 {
		o, err := l.bucket.GetRange(ctx, key, int64(-want), 0)
		if err != nil {
			return trailer{}, err
		}
		t, more, err := readTrailer(o.Data)
		if err != nil || more == 0 {
			return t, err
		}
		want = more
	}
	return trailer{}, errPiece
}

// trailers reads those of all pieces of a take, which are numbered from 0 without holes.
func (l *Library) trailers(ctx context.Context, channel, clip string, take media.TakeID, all bool) (keys []string, out []trailer, err error) {
	prefix := clipPrefix(channel, clip) + take.String() + "-"
	err = bucket.All(ctx, l.bucket, prefix, func(e bucket.Entry) error {
		if e.Key != mediaKey(channel, clip, take, len(keys)) {
			return fmt.Errorf("clip %s: %s is not its piece %d", clip, strings.TrimPrefix(e.Key, prefix), len(keys))
		}
		keys = append(keys, e.Key)
		return nil
	})
	if err != nil || len(keys) == 0 {
		return keys, nil, err
	}
	from := 0
	if !all {
		from = len(keys) - 1
	}
	for _, key := range keys[from:] {
		t, err := l.trailerOf(ctx, key)
		if err != nil {
			return keys, nil, fmt.Errorf("read %s: %w", key, err)
		}
		out = append(out, t)
	}
	return keys, out, nil
}

// packSegments writes the parts of segments in short form.
func packSegments(segments [][]media.PartInfo) []byte {
	b := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, parts := range segments {
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
	}
	return b
}

const (
	maxSegments = 200_000
	maxParts    = 4096
	maxTracks   = 8
)

// unpackSegments reads what packSegments wrote. It is safe on any input.
func unpackSegments(b []byte) ([][]media.PartInfo, error) {
	r := &numbers{b: b}
	count := r.next(min(maxSegments, uint64(len(b))))
	out := make([][]media.PartInfo, 0, count)
	for range count {
		n := r.next(min(maxParts, uint64(len(r.b))))
		parts := make([]media.PartInfo, 0, n)
		for range n {
			p := media.PartInfo{Duration: media.Ticks(r.next(60 * media.TicksPerSecond))}
			flags := r.next(maxTracks<<1 | 1)
			p.Independent = flags&1 != 0
			p.Spans = make([]uint32, flags>>1)
			for i := range p.Spans {
				p.Spans[i] = uint32(r.next(1 << 27))
				p.Length += p.Spans[i]
			}
			parts = append(parts, p)
		}
		if r.bad {
			return nil, errPiece
		}
		out = append(out, parts)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errPiece
	}
	return out, nil
}

// packRefs writes where the bytes of segments lie, in short form.
func packRefs(segments [][]bundle.Ref) []byte {
	var b []byte
	before := uint64(0)
	for _, refs := range segments {
		b = binary.AppendUvarint(b, uint64(len(refs)))
		for _, r := range refs {
			b = binary.AppendVarint(b, int64(r.Sequence-before))
			b = binary.AppendUvarint(b, uint64(r.Offset))
			b = binary.AppendUvarint(b, uint64(r.Length))
			before = r.Sequence
		}
	}
	return b
}

// unpackRefs reads what packRefs wrote of so many segments. It is safe on any input.
func unpackRefs(b []byte, origin *bundle.Incarnation, segments int) ([][]bundle.Ref, error) {
	r := &numbers{b: b}
	out := make([][]bundle.Ref, 0, min(segments, len(b)))
	before := uint64(0)
	for range segments {
		n := r.next(min(maxParts, uint64(len(r.b))))
		refs := make([]bundle.Ref, 0, n)
		for range n {
			step, width := binary.Varint(r.b)
			if width <= 0 {
				return nil, errPiece
			}
			r.b = r.b[width:]
			before += uint64(step)
			refs = append(refs, bundle.Ref{Incarnation: origin, Sequence: before, Offset: uint32(r.next(1<<32 - 1)), Length: uint32(r.next(1 << 30))})
		}
		if r.bad {
			return nil, errPiece
		}
		out = append(out, refs)
	}
	if len(r.b) > 0 {
		return nil, errPiece
	}
	return out, nil
}

// sizeOf says how many bytes refs name.
func sizeOf(refs []bundle.Ref) (n uint64) {
	for i := range refs {
		n += uint64(refs[i].Length)
	}
	return n
}

// numbers reads varints.
type numbers struct {
	b   []byte
	bad bool
}

// next reads a number of at most that much.
func (r *numbers) next(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}
