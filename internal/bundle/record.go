// Package bundle keeps media in the bucket: the finished parts of all takes of a node go into one
// object per flush, a bundle, which carries its own index. From bundles alone everything can be
// rebuilt after a crash.
//
// The bundles of one run of a node (an incarnation) are numbered without holes and written only if
// absent, so that a fence in the next number ends the writing of a node that died, or that others
// believe to have died.
package bundle

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Incarnation is one run of a node, from start to end. A node that was fenced begins a new one.
type Incarnation struct {
	Node string `json:"node"`
	ID   string `json:"id"` // sorts by time of start within a node
}

// NewIncarnation makes a new incarnation of a node.
func NewIncarnation(node string, now time.Time) Incarnation {
	var b [4]byte
	rand.Read(b[:])
	return Incarnation{Node: node, ID: fmt.Sprintf("%011x%s", now.UnixMilli(), hex.EncodeToString(b[:]))}
}

func (i Incarnation) String() string { return i.Node + "/" + i.ID }

// ParseIncarnation reads what String writes.
func ParseIncarnation(s string) (Incarnation, error) {
	node, id, ok := strings.Cut(s, "/")
	if !ok || node == "" || id == "" || strings.Contains(id, "/") {
		return Incarnation{}, fmt.Errorf("incarnation %.80q: want node/id", s)
	}
	return Incarnation{Node: node, ID: id}, nil
}

// prefix is what the keys of all bundles of the incarnation begin with. It starts with a hash so that
// nodes spread over the bucket's partitions, and one incarnation can be listed.
func (i Incarnation) prefix() string {
	sum := sha256.Sum256([]byte(i.String()))
	return fmt.Sprintf("media/%02x/%s/", sum[0], i)
}

// Key returns the bucket key of a bundle.
func (i Incarnation) Key(sequence uint64) string {
	return fmt.Sprintf("%s%016x", i.prefix(), sequence)
}

// parseSequence reads the number at the end of a bundle's key.
func parseSequence(key string) (uint64, error) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	if len(name) != 16 {
		return 0, fmt.Errorf("bundle key %.120q: want 16 hex digits at its end", key)
	}
	n, err := strconv.ParseUint(name, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("bundle key %.120q: %w", key, err)
	}
	return n, nil
}

// parseKey reads what Key writes; what else lies there is nothing of ours.
func parseKey(key string) (i Incarnation, sequence uint64, ok bool) {
	elements := strings.Split(key, "/") // media, hash, node, incarnation, number
	sequence, err := parseSequence(key)
	if len(elements) != 5 || err != nil {
		return Incarnation{}, 0, false
	}
	i = Incarnation{Node: elements[2], ID: elements[3]}
	return i, sequence, i.Key(sequence) == key
}

// Kind says what a record is.
type Kind uint8

// The kinds of records.
const (
	KindBirth Kind = 1 // a take begins
	KindPart  Kind = 2 // a part of a take
	KindMark  Kind = 3 // the program leaves the take here
	KindEnd   Kind = 4 // the writer closed the take
	KindPiece Kind = 5 // an object that a publisher pushed is complete in what comes before
)

// Record is one line of a take's log.
type Record struct {
	Kind  Kind
	Take  media.TakeID
	Birth *media.Take // KindBirth
	Part  PartRecord  // KindPart
	Mark  []byte      // KindMark: opaque here, JSON of package program
	End   string      // KindEnd: why the take ended, for people
	Piece Piece       // KindPiece
}

// Piece is an object that a publisher pushed: when it comes again after a death, it is known by that.
type Piece struct {
	Session string
	Name    string
	Sum     [32]byte // SHA-256
}

// PartRecord is what the index says of a part; its bytes lie in the bundle's data.
type PartRecord struct {
	Rendition   uint8 // index into the take's renditions
	Segment     uint32
	Index       uint32
	Start       media.Ticks
	Duration    media.Ticks
	Independent bool
	Last        bool
	Spans       []uint32
	Offset      uint32 // of the part's bytes from the start of the bundle
	Length      uint32
	CRC         uint32 // CRC-32C of the part's bytes
}

// PartOf makes the record of a part of a take's first rendition; offset and checksum are filled in
// when the bundle is made.
func PartOf(take media.TakeID, p *media.Part) Record {
	return Record{Kind: KindPart, Take: take, Part: PartRecord{
		Segment: p.Segment, Index: p.Index, Start: p.Start, Duration: p.Duration,
		Independent: p.Independent, Last: p.Last, Spans: p.Spans, Length: uint32(len(p.Data)),
	}}
}

// Ref says where bytes lie: a stretch of a bundle of one incarnation.
type Ref struct {
	Incarnation *Incarnation // shared by all refs of an incarnation
	Sequence    uint64
	Offset      uint32
	Length      uint32
}

// StoredRecord is a record and the place of its bytes (KindPart only).
type StoredRecord struct {
	Record Record
	Ref    Ref
}

// Owner is told, in order, what became of its records. It must not block.
type Owner interface {
	// Stored says where records lie: in a bundle that landed, or, while the bucket is away, in one
	// that is synced in the node's spool.
	Stored(records []StoredRecord)
	// Safe says that records survive the death of this node: they count, whoever ends its takes.
	Safe(records []Record)
}

// Item is a record on its way into a bundle. Data is the part's bytes, which nobody changes any more.
type Item struct {
	Record Record
	Data   []byte
}
