package bundle

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The form of a bundle (all integers little-endian or unsigned varints):
//
//	"MFB1"                                   4 bytes
//	the bytes of the parts, one behind the other, those of one take together and in order
//	index: flags, who fenced, names of the witnesses if the flags say so, count of takes, their ids,
//	then per record: kind, take, body
//	footer: length of the index (4), CRC-32C of the index (4), "MFBI" (4)
//
// An index page is an index of its own with the same records, each behind its bundle's number.
const (
	magic        = "MFB1"
	footerMagic  = "MFBI"
	footerSize   = 12
	flagFence    = 1
	flagNamed    = 2
	flagQuiet    = 4
	maxWitnesses = 8
	maxName      = 1024
	maxIndex     = 16 << 20
	maxText      = 1 << 20 // births (with init), marks
	maxEnd       = 4096    // why a take ended
	maxSpans     = 16
	maxPartBytes = 256 << 20
)

// ErrCorrupt is returned for bytes that are no bundle, or that changed since they were written.
var ErrCorrupt = errors.New("corrupt bundle")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrCorrupt)
}

// Index is what a bundle says of itself.
type Index struct {
	Fence string // who fenced, if the bundle is a fence; its records are what a witness held
	// Witnesses are the nodes that hold what is in no bundle yet, from this bundle on until another
	// one names others.
	Witnesses []string
	Quiet     bool // the incarnation lists nothing before another bundle has landed that does not say so
	Records   []Record
}

// check says whether a record can be read again: the limits are those of DecodeIndex.
func (r *Record) check() error {
	switch {
	case r.Kind == KindMark && len(r.Mark) > maxText:
		return fmt.Errorf("mark of %d bytes, at most %d are allowed", len(r.Mark), maxText)
	case r.Kind == KindEnd && len(r.End) > maxEnd:
		return fmt.Errorf("end with a text of %d bytes, at most %d are allowed", len(r.End), maxEnd)
	case r.Kind == KindPiece && (len(r.Piece.Session) > maxName || len(r.Piece.Name) > maxName):
		return fmt.Errorf("piece with a name of %d bytes, at most %d are allowed", max(len(r.Piece.Session), len(r.Piece.Name)), maxName)
	case r.Kind == KindBirth && (r.Birth == nil || r.Birth.ID != r.Take):
		return errors.New("birth of another take, or of none")
	case r.Kind != KindPart:
		return nil
	}
	p, total := &r.Part, uint64(0)
	for _, n := range p.Spans {
		total += uint64(n)
	}
	if p.Duration < 0 || len(p.Spans) > maxSpans || len(p.Spans) > 0 && total != uint64(p.Length) {
		return fmt.Errorf("part of %d bytes with %d tracks of %d bytes, lasting %d", p.Length, len(p.Spans), total, p.Duration)
	}
	return nil
}

// Encode lays out a bundle. The data of the parts is not copied: the body refers to it. The records
// get their offsets and checksums.
func Encode(items []Item) (bucket.Body, []Record, error) { return encode(items, Index{}) }

// encode lays out a bundle whose index says what x does, and has the records of the items.
func encode(items []Item, x Index) (bucket.Body, []Record, error) {
	body := bucket.Body{[]byte(magic)}
	offset := uint64(len(magic))
	records := make([]Record, len(items))
	for i := range items {
		records[i] = items[i].Record
		if err := records[i].check(); err != nil {
			return nil, nil, fmt.Errorf("encode record of take %s: %w", records[i].Take, err)
		}
		if records[i].Kind != KindPart {
			continue
		}
		data := items[i].Data
		p := &records[i].Part
		p.Offset, p.Length = uint32(offset), uint32(len(data))
		p.CRC = crc32.Checksum(data, castagnoli)
		if offset += uint64(len(data)); offset > maxPartBytes {
			return nil, nil, fmt.Errorf("bundle of over %d bytes", maxPartBytes)
		}
		body = append(body, data)
	}
	x.Records = records
	index, err := x.append(nil)
	if err != nil {
		return nil, nil, err
	}
	return append(body, index), records, nil
}

// EncodeFence lays out a fence.
func EncodeFence(by string) bucket.Body {
	index, _ := Index{Fence: by}.append(nil) // only births can fail
	return bucket.Body{[]byte(magic), index}
}

// append appends the index and the footer to b.
func (x Index) append(b []byte) ([]byte, error) {
	start := len(b)
	b, err := x.appendRecords(b)
	if err != nil {
		return nil, err
	}
	n := len(b) - start
	if n > maxIndex {
		return nil, fmt.Errorf("bundle index of %d bytes, at most %d are allowed", n, maxIndex)
	}
	sum := crc32.Checksum(b[start:], castagnoli)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = binary.LittleEndian.AppendUint32(b, sum)
	return append(b, footerMagic...), nil
}

func (x Index) appendRecords(b []byte) ([]byte, error) {
	flags := uint64(0)
	if x.Fence != "" {
		flags |= flagFence
	}
	if len(x.Witnesses) > 0 {
		flags |= flagNamed
	}
	if x.Quiet {
		flags |= flagQuiet
	}
	b = binary.AppendUvarint(b, flags)
	b = appendBytes(b, []byte(x.Fence))
	if len(x.Witnesses) > 0 {
		b = binary.AppendUvarint(b, uint64(len(x.Witnesses)))
		for _, name := range x.Witnesses {
			b = appendBytes(b, []byte(name))
		}
	}
	takes := map[media.TakeID]uint64{}
	var ids []media.TakeID
	for i := range x.Records {
		if _, ok := takes[x.Records[i].Take]; !ok {
			takes[x.Records[i].Take] = uint64(len(ids))
			ids = append(ids, x.Records[i].Take)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(x.Records)))
	var err error
	for i := range x.Records {
		r := &x.Records[i]
		b = append(b, byte(r.Kind))
		b = binary.AppendUvarint(b, takes[r.Take])
		if b, err = r.append(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (r *Record) append(b []byte) ([]byte, error) {
	switch r.Kind {
	case KindBirth:
		text, err := json.Marshal(r.Birth)
		if err != nil {
			return nil, fmt.Errorf("encode birth of take %s: %w", r.Take, err)
		}
		return appendBytes(b, text), nil
	case KindPart:
		return r.Part.append(b), nil
	case KindMark:
		return appendBytes(b, r.Mark), nil
	case KindEnd:
		return appendBytes(b, []byte(r.End)), nil
	case KindPiece:
		b = appendBytes(appendBytes(b, []byte(r.Piece.Session)), []byte(r.Piece.Name))
		return append(b, r.Piece.Sum[:]...), nil
	}
	return nil, fmt.Errorf("encode record of take %s: unknown kind %d", r.Take, r.Kind)
}

func (p *PartRecord) append(b []byte) []byte {
	flags := byte(0)
	if p.Independent {
		flags |= 1
	}
	if p.Last {
		flags |= 2
	}
	b = append(b, flags, p.Rendition)
	b = binary.AppendUvarint(b, uint64(p.Segment))
	b = binary.AppendUvarint(b, uint64(p.Index))
	b = binary.AppendVarint(b, int64(p.Start))
	b = binary.AppendUvarint(b, uint64(p.Duration))
	b = binary.AppendUvarint(b, uint64(p.Offset))
	b = binary.AppendUvarint(b, uint64(p.Length))
	b = binary.LittleEndian.AppendUint32(b, p.CRC)
	b = binary.AppendUvarint(b, uint64(len(p.Spans)))
	for _, n := range p.Spans {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func appendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
