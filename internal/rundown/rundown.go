// Package rundown keeps a channel's rundown: the steps of a show, prepared beforehand and walked through with one key.
// It is a document of its own. Every change is of one step, made on what is stored, so that producers who work at
// once do not undo each other; what cannot be merged is said.
package rundown

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Rundown is the steps of a channel's show, and where it is.
type Rundown struct {
	Steps   []Step    `json:"steps"`
	Current string    `json:"current,omitempty"` // the step that is on; "" before the first
	Since   time.Time `json:"since"`             // since when
}

// Step is one thing that happens in a show.
type Step struct {
	ID      string `json:"id"`
	Version int    `json:"version"`            // counts its changes
	Source  string `json:"source,omitempty"`   // that is cut to; "": nothing changes
	Note    string `json:"note,omitempty"`     // for the producers
	Planned int    `json:"duration,omitempty"` // s; 0: open

	Graphics []string `json:"graphics,omitempty"` // that are shown
}

// Bounds of a rundown.
const (
	MaxSteps   = 200
	maxNote    = 500
	maxPlanned = 24 * 60 * 60

	maxGraphics  = 10
	maxGraphicID = 40
)

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("invalid step")
	// ErrNotFound is returned for a step that is not there.
	ErrNotFound = errors.New("that step is not in the rundown any more")
	// ErrChanged is returned for a change of a step that somebody else has changed.
	ErrChanged = errors.New("somebody else has changed that step meanwhile")
	// ErrMoved is returned for a walk from a step that is not on any more.
	ErrMoved = errors.New("somebody else has gone on in the rundown")
)

func (r *Rundown) at(id string) int {
	return slices.IndexFunc(r.Steps, func(s Step) bool { return s.ID == id })
}

func (s *Step) validate() error {
	switch n := utf8.RuneCountInString(s.Note); {
	case n > maxNote || !utf8.ValidString(s.Note) || strings.ContainsFunc(s.Note, func(r rune) bool { return r < ' ' && r != '\n' }):
		return fmt.Errorf("%w: a note of %d characters: use plain text, at most %d", ErrInvalid, n, maxNote)
	case s.Planned < 0 || s.Planned > maxPlanned:
		return fmt.Errorf("%w: a duration of %d s: use 0 (open) to %d", ErrInvalid, s.Planned, maxPlanned)
	case len(s.Graphics) > maxGraphics || slices.ContainsFunc(s.Graphics, func(id string) bool { return id == "" || len(id) > maxGraphicID }):
		return fmt.Errorf("%w: graphics that cannot be: give the ids of at most %d", ErrInvalid, maxGraphics)
	case s.Source == "" && len(s.Graphics) == 0 && strings.TrimSpace(s.Note) == "":
		return fmt.Errorf("%w: give it a source, a graphic or a note", ErrInvalid)
	}
	return nil
}

// Add puts a step behind the one of that id, or with "" at the end.
func (r *Rundown) Add(s Step, after string) error {
	if err := s.validate(); err != nil {
		return err
	}
	if len(r.Steps) >= MaxSteps {
		return fmt.Errorf("%w: a rundown has at most %d steps: remove some", ErrInvalid, MaxSteps)
	}
	at := len(r.Steps)
	if i := r.at(after); i >= 0 { // one that was removed meanwhile is no reason to refuse
		at = i + 1
	}
	s.ID, s.Version = newID(), 1
	r.Steps = slices.Insert(slices.Clone(r.Steps), at, s)
	return nil
}

// Change changes a step that is as its version says.
func (r *Rundown) Change(id string, version int, change func(*Step)) error {
	i := r.at(id)
	if i < 0 {
		return ErrNotFound
	}
	if r.Steps[i].Version != version {
		return ErrChanged
	}
	s := r.Steps[i]
	change(&s)
	if err := s.validate(); err != nil {
		return err
	}
	s.ID, s.Version = id, version+1
	r.Steps[i] = s
	return nil
}

// Move puts a step behind another one, or with "" at the beginning.
func (r *Rundown) Move(id, after string) error {
	i := r.at(id)
	if i < 0 || after != "" && r.at(after) < 0 {
		return ErrNotFound
	}
	if id == after {
		return nil
	}
	s := r.Steps[i]
	r.Steps = slices.Delete(slices.Clone(r.Steps), i, i+1)
	r.Steps = slices.Insert(r.Steps, r.at(after)+1, s)
	return nil
}

// Remove takes a step out. If it is on, the one before it counts as on, so that the next one is still the next.
func (r *Rundown) Remove(id string) error {
	i := r.at(id)
	if i < 0 {
		return ErrNotFound
	}
	if r.Current == id {
		r.Current = ""
		if i > 0 {
			r.Current = r.Steps[i-1].ID
		}
	}
	r.Steps = slices.Delete(slices.Clone(r.Steps), i, i+1)
	return nil
}

// Go walks from one step to another, or with "" back before the first.
func (r *Rundown) Go(from, to string, now time.Time) error {
	switch {
	case r.Current != from:
		return ErrMoved
	case to != "" && r.at(to) < 0:
		return ErrNotFound
	}
	r.Current, r.Since = to, now.UTC()
	return nil
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Store keeps rundowns in the bucket.
type Store struct{ docs *bucket.Documents }

// NewStore makes a store on the documents of a bucket.
func NewStore(docs *bucket.Documents) *Store { return &Store{docs} }

func key(channel string) string { return "rundowns/" + channel }

// Remove removes the rundown of a channel that was deleted.
func (s *Store) Remove(ctx context.Context, channel string) error {
	return s.docs.Bucket().Delete(ctx, key(channel))
}

// Load reads the rundown of a channel, by the channel's id.
func (s *Store) Load(ctx context.Context, channel string) (Rundown, error) {
	return bucket.LoadIfThere[Rundown](ctx, s.docs, key(channel))
}

// Update changes the rundown of a channel as it is stored.
func (s *Store) Update(ctx context.Context, channel string, change func(*Rundown) error) (Rundown, error) {
	return bucket.Update(ctx, s.docs, key(channel), change)
}
