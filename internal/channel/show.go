package channel

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Show is a broadcast that is announced for a time.
type Show struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Text    string    `json:"text,omitempty"`
	At      time.Time `json:"at"`
	Minutes int       `json:"minutes"` // how long it is planned to last
	Changed time.Time `json:"changed"`
	Version int       `json:"version"` // counts changes, from 0
}

// Bounds of what may be announced.
const (
	MaxShows = 50
	// MaxMinutes is how long a show may be planned to last.
	MaxMinutes = 24 * 60
	farthest   = 366 * 24 * time.Hour
	pastShows  = 24 * time.Hour // how long a show is kept that is over
)

// Ends returns when a show is planned to end.
func (s *Show) Ends() time.Time { return s.At.Add(time.Duration(s.Minutes) * time.Minute) }

// validate checks a show at the time when it is announced.
func (s *Show) validate(now time.Time) error {
	if err := checkText("title of the show", s.Title, 1, maxTitle); err != nil {
		return err
	}
	if err := checkText("text of the show", s.Text, 0, maxDescription); err != nil {
		return err
	}
	if s.Minutes < 1 || s.Minutes > MaxMinutes {
		return invalid("a show of %d minutes: use 1 to %d", s.Minutes, MaxMinutes)
	}
	if !s.Ends().After(now) || s.At.After(now.Add(farthest)) {
		return invalid("a show at %s: choose a time that is ahead, within a year", s.At.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	return nil
}

// Announce puts a show among those that are announced, or with the id of one changes it.
func (c *Channel) Announce(s Show, now time.Time) (Show, error) {
	s.At, s.Changed = s.At.UTC().Truncate(time.Second), now.UTC().Truncate(time.Second)
	if err := s.validate(now); err != nil {
		return s, err
	}
	shows := slices.DeleteFunc(slices.Clone(c.Shows), func(old Show) bool { return now.Sub(old.Ends()) > pastShows })
	if s.ID == "" {
		if len(shows) >= MaxShows {
			return s, invalid("%d shows are announced: take one away first", len(shows))
		}
		var b [8]byte
		rand.Read(b[:])
		s.ID = hex.EncodeToString(b[:])
		shows = append(shows, s)
	} else {
		i := slices.IndexFunc(shows, func(old Show) bool { return old.ID == s.ID })
		if i < 0 {
			return s, fmt.Errorf("show %.40q: %w", s.ID, ErrNotFound)
		}
		s.Version = shows[i].Version + 1
		shows[i] = s
	}
	slices.SortStableFunc(shows, func(a, b Show) int { return a.At.Compare(b.At) })
	c.Shows = shows
	return s, nil
}

// Withdraw takes a show away.
func (c *Channel) Withdraw(id string) error {
	if c.Show(id) == nil {
		return fmt.Errorf("show %.40q: %w", id, ErrNotFound)
	}
	c.Shows = slices.DeleteFunc(slices.Clone(c.Shows), func(s Show) bool { return s.ID == id })
	return nil
}

// Show returns the show of that id, or nil.
func (c *Channel) Show(id string) *Show {
	for i := range c.Shows {
		if c.Shows[i].ID == id {
			return &c.Shows[i]
		}
	}
	return nil
}

// ComingUp returns the shows that are not over.
func (c *Channel) ComingUp(now time.Time) []Show {
	return slices.DeleteFunc(slices.Clone(c.Shows), func(s Show) bool { return !s.Ends().After(now) })
}
