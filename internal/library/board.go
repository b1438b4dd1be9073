package library

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Storyboard is an ordered list of clips with a name. Each change makes another version, which is never changed, so
// that a program can say which one it plays.
type Storyboard struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"` // that it belongs to
	Name    string    `json:"name"`
	Version int       `json:"version"` // counts from 1
	Object  string    `json:"object"`  // of the version, so that two writers of one number never meet
	Changed time.Time `json:"changed"`
	Shared  bool      `json:"shared,omitempty"` // other channels may play it
}

// Placed is a clip's place in a storyboard: a clip of this or of another channel.
type Placed struct {
	Channel string `json:"channel"`
	Clip    string `json:"clip"`
}

// boards is the document that says which storyboards a channel has.
type boards struct {
	Own      []Storyboard `json:"own,omitempty"`
	Borrowed []Borrowed   `json:"borrowed,omitempty"`
}

// Borrowed is a storyboard of another channel, by reference: what is changed there is changed here.
type Borrowed struct {
	Channel string `json:"channel"`
	ID      string `json:"id"`
}

// version is what an immutable version of a storyboard holds.
type version struct {
	Name  string   `json:"name"`
	Clips []Placed `json:"clips"`
}

const (
	maxBoards   = 100
	maxBorrowed = 100
	maxPlaced   = 1000
)

func boardsKey(channel string) string { return shelfPrefix + channel + "/storyboards" }

func versionKey(b *Storyboard) string {
	return fmt.Sprintf("storyboards/%s/%06d-%s", b.ID, b.Version, b.Object)
}

// Storyboards returns a channel's own storyboards, and those of other channels that it may still play.
func (l *Library) Storyboards(ctx context.Context, channel string) (own, borrowed []Storyboard, err error) {
	doc, err := l.boards(ctx, channel)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range doc.Borrowed {
		theirs, err := l.boards(ctx, b.Channel)
		if err != nil {
			return nil, nil, err
		}
		if found := theirs.find(b.ID); found != nil && found.Shared {
			borrowed = append(borrowed, *found)
		}
	}
	return doc.Own, borrowed, nil
}

func (l *Library) boards(ctx context.Context, channel string) (boards, error) {
	return bucket.LoadIfThere[boards](ctx, l.docs, boardsKey(channel))
}

func (b *boards) find(id string) *Storyboard {
	for i := range b.Own {
		if b.Own[i].ID == id {
			return &b.Own[i]
		}
	}
	return nil
}

// Storyboard returns a storyboard that the channel owns or borrowed, and its clips in order. Clips that were
// deleted are still named.
func (l *Library) Storyboard(ctx context.Context, channel, id string) (Storyboard, []Placed, error) {
	own, borrowed, err := l.Storyboards(ctx, channel)
	if err != nil {
		return Storyboard{}, nil, err
	}
	for _, b := range append(own, borrowed...) {
		if b.ID == id {
			placed, err := l.Version(ctx, b)
			return b, placed, err
		}
	}
	return Storyboard{}, nil, ErrNotFound
}

// Version returns the clips of one version of a storyboard, which never change.
func (l *Library) Version(ctx context.Context, b Storyboard) ([]Placed, error) {
	o, err := l.bucket.Get(ctx, versionKey(&b))
	if err != nil {
		return nil, fmt.Errorf("read storyboard: %w", err)
	}
	var v version
	if err := json.Unmarshal(o.Data, &v); err != nil {
		return nil, fmt.Errorf("read storyboard %s: %w", versionKey(&b), err)
	}
	return v.Clips, nil
}

// SaveStoryboard makes a storyboard, or with its id another version of it. The caller says which version it changed:
// if that is not the newest any more, it is ErrChanged.
func (l *Library) SaveStoryboard(ctx context.Context, channel string, b Storyboard, clips []Placed) (Storyboard, error) {
	b.Name = strings.Join(strings.Fields(b.Name), " ")
	if err := checkText("name", b.Name, 1, maxTitle); err != nil {
		return b, err
	}
	if len(clips) > maxPlaced {
		return b, invalid("%d clips in a storyboard: use at most %d", len(clips), maxPlaced)
	}
	for _, p := range clips {
		if !validID(p.Channel) || !validID(p.Clip) {
			return b, invalid("a clip of a storyboard is named by its channel's id and its own")
		}
	}
	before := b.Version
	if b.ID == "" {
		b.ID, before = newID(), 0
	}
	b.Channel, b.Version, b.Object, b.Changed = channel, before+1, newID(), l.now().UTC().Truncate(time.Second)
	text, err := json.Marshal(version{Name: b.Name, Clips: clips})
	if err != nil {
		return b, fmt.Errorf("write storyboard: %w", err)
	}
	if _, err := l.boards(ctx, channel); err != nil { // before anything is written
		return b, err
	}
	if _, err := l.bucket.PutIfAbsent(ctx, versionKey(&b), bucket.Bytes(text)); err != nil {
		return b, fmt.Errorf("write storyboard: %w", err)
	}
	_, err = bucket.Update(ctx, l.docs, boardsKey(channel), func(doc *boards) error {
		old := doc.find(b.ID)
		switch {
		case old == nil && before > 0:
			return ErrNotFound
		case old == nil && len(doc.Own) >= maxBoards:
			return fmt.Errorf("%w: it has %d storyboards, and no more are allowed: delete one", ErrFull, len(doc.Own))
		case old == nil:
			doc.Own = append(doc.Own, b)
		case old.Version != before:
			return ErrChanged
		default:
			*old = b
		}
		return nil
	})
	return b, err
}

// DeleteStoryboard takes a storyboard away, or gives a borrowed one back. Its clips stay.
func (l *Library) DeleteStoryboard(ctx context.Context, channel, id string) error {
	_, err := bucket.Update(ctx, l.docs, boardsKey(channel), func(doc *boards) error {
		own, borrowed := len(doc.Own), len(doc.Borrowed)
		doc.Own = slices.DeleteFunc(doc.Own, func(b Storyboard) bool { return b.ID == id })
		doc.Borrowed = slices.DeleteFunc(doc.Borrowed, func(b Borrowed) bool { return b.ID == id })
		if len(doc.Own) == own && len(doc.Borrowed) == borrowed {
			return ErrNotFound
		}
		return nil
	})
	return err
}

// Borrow puts a storyboard that another channel shares among those that a channel may play.
func (l *Library) Borrow(ctx context.Context, channel string, b Borrowed) error {
	theirs, err := l.boards(ctx, b.Channel)
	if err != nil {
		return err
	}
	if found := theirs.find(b.ID); found == nil || !found.Shared || b.Channel == channel {
		return ErrNotFound
	}
	_, err = bucket.Update(ctx, l.docs, boardsKey(channel), func(doc *boards) error {
		if slices.Contains(doc.Borrowed, b) {
			return nil
		}
		if len(doc.Borrowed) >= maxBorrowed {
			return fmt.Errorf("%w: it has %d storyboards of other channels, and no more are allowed: give one back", ErrFull, len(doc.Borrowed))
		}
		doc.Borrowed = append(doc.Borrowed, b)
		return nil
	})
	return err
}
