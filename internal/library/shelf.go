package library

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// shelf is the document that holds all clips of a channel, so that they are listed by one request, and a quota
// counts whichever node something is added on.
type shelf struct {
	Channel string `json:"channel"`
	Clips   []Clip `json:"clips"` // newest first
	Gone    []gone `json:"gone,omitempty"`
}

// gone is a clip that was deleted and whose bytes are still to be.
type gone struct {
	Clip string       `json:"clip"`
	Take media.TakeID `json:"take,omitzero"`
	At   time.Time    `json:"at"`
}

const (
	shelfPrefix = "library/"
	// maxShelf keeps a shelf below the largest document.
	maxShelf = 1_000_000
	// maxGone is how many deletions may wait.
	maxGone = 500
)

func shelfKey(channel string) string { return shelfPrefix + channel + "/clips" }

// clip returns the clip of that id, or nil.
func (s *shelf) clip(id string) *Clip {
	for i := range s.Clips {
		if s.Clips[i].ID == id {
			return &s.Clips[i]
		}
	}
	return nil
}

// Quota is how much a channel's library may hold.
type Quota struct {
	Bytes int64 `json:"bytes"`
	Clips int   `json:"clips"`
}

// DefaultQuota is what a channel may keep if nobody says otherwise.
var DefaultQuota = Quota{Bytes: 100 << 30, Clips: 500}

// used says how much there is.
func (s *shelf) used() (q Quota) {
	for i := range s.Clips {
		q.Bytes += s.Clips[i].Bytes
	}
	q.Clips = len(s.Clips)
	return q
}

// fits says whether so many bytes more fit into what a channel may keep.
func (q Quota) fits(s *shelf, bytes int64) error {
	used := s.used()
	if most := min(q.Clips, maxClips); used.Clips >= most {
		return fmt.Errorf("%w: it has %d clips, and %d are allowed: delete some, or ask whoever runs this server for more", ErrFull, used.Clips, most)
	}
	if used.Bytes+bytes > q.Bytes {
		return fmt.Errorf("%w: %s of %s are used, and this needs %s: delete some clips, or ask whoever runs this server for more",
			ErrFull, Size(used.Bytes), Size(q.Bytes), Size(bytes))
	}
	return nil
}

// Size writes a number of bytes for people.
func Size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d kB", (n+999)/1000)
}

// Clips returns the clips of a channel, newest first, and how much it uses and may.
func (l *Library) Clips(ctx context.Context, channel string) (clips []Clip, used, most Quota, err error) {
	s, err := l.shelf(ctx, channel)
	return s.Clips, s.used(), l.cfg.Quota, err
}

// Clip returns a clip, or ErrNotFound.
func (l *Library) Clip(ctx context.Context, channel, id string) (Clip, error) {
	s, err := l.shelf(ctx, channel)
	if err != nil {
		return Clip{}, err
	}
	c := s.clip(id)
	if c == nil {
		return Clip{}, ErrNotFound
	}
	return *c, nil
}

// shelf reads a channel's shelf, which is empty if nothing was ever put there.
func (l *Library) shelf(ctx context.Context, channel string) (shelf, error) {
	return bucket.LoadIfThere[shelf](ctx, l.docs, shelfKey(channel))
}

// Arrival is what somebody wants to put into the library.
type Arrival struct {
	Title  string // made of the file's name if empty
	Tags   []string
	Bytes  int64 // of the file
	Origin Origin
}

// Add makes a place for a clip; its file comes next.
func (l *Library) Add(ctx context.Context, channel string, n Arrival) (Clip, error) {
	return l.add(ctx, channel, newID(), n)
}

func (l *Library) add(ctx context.Context, channel, id string, n Arrival) (Clip, error) {
	c := Clip{ID: id, Title: strings.Join(strings.Fields(n.Title), " "), Created: l.now().UTC().Truncate(time.Second), Origin: n.Origin, State: Uploading, Bytes: n.Bytes}
	if c.Title == "" {
		c.Title = titleOf(n.Origin.File)
	}
	c.setTags(n.Tags)
	if c.Origin.Seconds == 0 {
		c.Origin.Seconds = usualPhoto
	}
	switch {
	case n.Bytes <= 0 && n.Origin.Kind == FromUpload:
		return Clip{}, invalid("the file is empty: choose another")
	case n.Bytes > MaxFile:
		return Clip{}, invalid("a file of %s: at most %s are taken in: export it smaller", Size(n.Bytes), Size(MaxFile))
	}
	if err := c.validate(); err != nil {
		return Clip{}, err
	}
	_, err := l.updateShelf(ctx, channel, func(s *shelf) error {
		if err := l.cfg.Quota.fits(s, n.Bytes); err != nil {
			return err
		}
		s.Clips = slices.Insert(s.Clips, 0, c)
		return nil
	})
	return c, err
}

// Change is what may be changed of a clip; nil leaves it as it is.
type Change struct {
	Title   *string
	Tags    *[]string
	In, Out *media.Ticks
	Public  *bool
}

// Change changes what people say of a clip.
func (l *Library) Change(ctx context.Context, channel, id string, by Change) (Clip, error) {
	return l.updateClip(ctx, channel, id, func(c *Clip) error {
		if by.Title != nil {
			c.Title = strings.Join(strings.Fields(*by.Title), " ")
		}
		if by.Tags != nil {
			c.setTags(*by.Tags)
		}
		if (by.In != nil || by.Out != nil) && c.State != Ready {
			return fmt.Errorf("%w: wait until it is ready to set where it begins and ends", ErrState)
		}
		if by.In != nil {
			c.In = *by.In
		}
		if by.Out != nil {
			c.Out = *by.Out
		}
		if by.Public != nil {
			c.Public = *by.Public
		}
		return c.validate()
	})
}

// updateClip changes one clip by compare-and-swap.
func (l *Library) updateClip(ctx context.Context, channel, id string, change func(*Clip) error) (Clip, error) {
	s, err := l.updateShelf(ctx, channel, func(s *shelf) error {
		c := s.clip(id)
		if c == nil {
			return ErrNotFound
		}
		return change(c)
	})
	if err != nil {
		return Clip{}, err
	}
	return *s.clip(id), nil
}

func (l *Library) updateShelf(ctx context.Context, channel string, change func(*shelf) error) (shelf, error) {
	return bucket.Update(ctx, l.docs, shelfKey(channel), func(s *shelf) error {
		s.Channel = channel
		if err := change(s); err != nil {
			return err
		}
		if text, err := json.Marshal(s); err == nil && len(text) > maxShelf {
			return fmt.Errorf("%w: there is no room for more titles and tags: delete some clips", ErrFull)
		}
		return nil
	})
}

// Delete takes a clip away. It cannot be played any more from then on; its bytes go soon after.
// One that a program plays stays.
func (l *Library) Delete(ctx context.Context, channel, id string) error {
	c, err := l.Clip(ctx, channel, id)
	if err != nil {
		return err
	}
	if !c.Take.IsZero() {
		by, err := l.cfg.Played(ctx, channel, c.Take)
		if err != nil {
			return err
		}
		if by != "" {
			return fmt.Errorf("%w %s", ErrPlayed, by)
		}
	}
	return l.takeAway(ctx, channel, id)
}

// takeAway takes a clip away, whoever plays it.
func (l *Library) takeAway(ctx context.Context, channel, id string) error {
	var take media.TakeID
	_, err := l.updateShelf(ctx, channel, func(s *shelf) error {
		c := s.clip(id)
		if c == nil {
			return ErrNotFound
		}
		if len(s.Gone) >= maxGone {
			return fmt.Errorf("%w: %d deletions are still under way: try again in a minute", ErrFull, len(s.Gone))
		}
		take = c.Take
		s.Gone = append(s.Gone, gone{Clip: id, Take: take, At: l.now().UTC()})
		s.Clips = slices.DeleteFunc(s.Clips, func(c Clip) bool { return c.ID == id })
		return nil
	})
	if err != nil {
		return err
	}
	l.forget(take)
	if !take.IsZero() {
		err = l.bucket.Delete(ctx, indexKey(take))
	}
	return err
}
