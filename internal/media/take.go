// Package media holds the nouns of live television: takes, tracks, samples,
// parts and segments, and the addresses under which viewers fetch them.
//
// It does no I/O and imports nothing else of Mayfly.
package media

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"time"
)

// TakeID names a take. It carries 128 random bits and is never reused, so that
// an address under it can be cached for ever.
type TakeID [16]byte

var takeEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewTakeID draws a new take id from the system's source of randomness.
func NewTakeID() TakeID {
	var id TakeID
	rand.Read(id[:]) // never fails since Go 1.24
	return id
}

// ParseTakeID reads the 26 characters that TakeID.String writes.
func ParseTakeID(s string) (TakeID, error) {
	var id TakeID
	if len(s) != takeEncoding.EncodedLen(len(id)) {
		return TakeID{}, fmt.Errorf("take id %.40q: want 26 characters", s)
	}
	if _, err := takeEncoding.Decode(id[:], []byte(s)); err != nil {
		return TakeID{}, fmt.Errorf("take id %q: %w", s, err)
	}
	if id.String() != s {
		return TakeID{}, fmt.Errorf("take id %q: not in canonical form", s)
	}
	return id, nil
}

func (id TakeID) String() string { return takeEncoding.EncodeToString(id[:]) }

// IsZero reports whether id names no take.
func (id TakeID) IsZero() bool { return id == TakeID{} }

// MarshalText writes the id in its text form.
func (id TakeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the id from its text form.
func (id *TakeID) UnmarshalText(b []byte) error {
	v, err := ParseTakeID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// Take describes what one source sent over one connection to one node: an
// append-only log with one writer, for life. The description is fixed at birth;
// new codec parameters make a new take.
type Take struct {
	ID          TakeID      `json:"id"`
	Channel     string      `json:"channel"`          // id of the channel (not its slug)
	Source      string      `json:"source"`           // id of the source
	Backup      bool        `json:"backup,omitempty"` // sent with the source's backup key
	Node        string      `json:"node"`             // name of the writing node
	Incarnation string      `json:"incarnation"`      // the writing node's incarnation
	Born        time.Time   `json:"born"`             // wall clock of tick 0 on the writing node
	Renditions  []Rendition `json:"renditions"`
}

// Rendition is one encoding of a take.
type Rendition struct {
	Name      string  `json:"name"` // "main" for what a publisher sent
	Tracks    []Track `json:"tracks"`
	Init      []byte  `json:"init"`                // ftyp+moov of all tracks
	Bandwidth int     `json:"bandwidth,omitempty"` // declared by the publisher in bit/s, 0 if unknown
}

// Main is the rendition name of what the publisher itself sent.
const Main = "main"

// Rendition returns the rendition of that name, or nil.
func (t *Take) Rendition(name string) *Rendition {
	for i := range t.Renditions {
		if t.Renditions[i].Name == name {
			return &t.Renditions[i]
		}
	}
	return nil
}
