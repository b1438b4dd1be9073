package graphics

import (
	"reflect"
	"slices"
	"time"
)

// Showing is a graphic from one moment of the program to another, as viewers saw it.
type Showing struct {
	Number  int64     `json:"number" doc:"counts the channel's showings from 1"`
	Graphic string    `json:"graphic" doc:"the prepared graphic; \"chat\" for a line that none was prepared for"`
	From    time.Time `json:"from" doc:"program time"`
	Until   time.Time `json:"until,omitzero" doc:"program time; absent: it is shown until somebody hides it"`
	Look    Look      `json:"look"`
	Image   string    `json:"image,omitempty"`
	Logo    string    `json:"logo,omitempty" doc:"the channel's, as it was then"`

	Content
}

// open reports whether it is shown at a moment, or later.
func (s *Showing) open(at time.Time) bool { return s.Until.IsZero() || s.Until.After(at) }

// overlaps reports whether any of it lies in a stretch of time.
func (s *Showing) overlaps(from, to time.Time) bool { return s.open(from) && s.From.Before(to) }

// Shown is what is shown, and what was lately. Older showings lie in pages, which never change.
type Shown struct {
	Last     int64     `json:"last"` // number of the newest
	Showings []Showing `json:"showings"`
	Pages    []Page    `json:"pages,omitempty"`
	Paged    int64     `json:"paged,omitempty"`  // pages that were ever made
	Images   []string  `json:"images,omitempty"` // that showings name, the one named last at the end
}

// Page says which showings lie in an older page: their times lie within it.
type Page struct {
	Number int64     `json:"n"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

const (
	pageLength = 20             // showings in a page
	headLength = 2 * pageLength // that have ended, before a page is cut off
	maxPages   = 1000           // that are known; what lies in older ones is forgotten
	maxImages  = 500            // likewise
)

// Show begins a showing at a moment of the program, in place of what lies on the same layer. What is shown already,
// as it is, stays.
func (s *Shown) Show(n Showing, lasts int, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	for i := range s.Showings {
		old := &s.Showings[i]
		if !old.open(at) {
			continue
		}
		if old.Graphic == n.Graphic && old.Until.IsZero() && lasts == 0 && same(old, &n) {
			return
		}
		if old.Graphic == n.Graphic || old.Layer() == n.Layer() {
			old.end(at)
		}
	}
	s.Last++
	n.Number, n.From, n.Until = s.Last, at, time.Time{}
	if lasts > 0 {
		n.Until = at.Add(time.Duration(lasts) * time.Second)
	}
	s.Showings = append(s.Showings, n)
	for _, image := range []string{n.Image, n.Logo} {
		s.named(image)
	}
}

// same reports whether viewers see the same of two showings.
func same(a, b *Showing) bool {
	x, y := a.Content, b.Content
	x.To, y.To = time.Time{}, time.Time{}
	return a.Look == b.Look && a.Image == b.Image && a.Logo == b.Logo && a.To.Equal(b.To) && reflect.DeepEqual(x, y)
}

func (s *Showing) end(at time.Time) {
	if at.Before(s.From) {
		at = s.From
	}
	s.Until = at
}

func (s *Shown) named(image string) {
	if image == "" {
		return
	}
	s.Images = slices.DeleteFunc(s.Images, func(x string) bool { return x == image })
	s.Images = append(s.Images, image)
	if len(s.Images) > maxImages {
		s.Images = slices.Delete(s.Images, 0, len(s.Images)-maxImages)
	}
}

// Hide ends what is shown of a graphic at a moment of the program, or with "" all that is shown.
func (s *Shown) Hide(graphic string, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	for i := range s.Showings {
		if x := &s.Showings[i]; x.open(at) && (graphic == "" || x.Graphic == graphic) {
			x.end(at)
		}
	}
}

// Since returns the showings that reach beyond a moment, as far as no page is needed for them.
func (s *Shown) Since(at time.Time) []Showing {
	all := []Showing{}
	for _, x := range s.Showings {
		if x.open(at) {
			all = append(all, x)
		}
	}
	return all
}

// oldest returns what the next page is to hold, or nothing if there is no need for one. It depends on nothing but
// what is stored, so that two who cut off the same page cut off the same.
func (s *Shown) oldest() []Showing {
	var over []Showing
	if len(s.Showings) <= headLength {
		return nil
	}
	newest := s.Showings[len(s.Showings)-1].From
	for _, x := range s.Showings {
		if !x.open(newest) {
			over = append(over, x)
		}
	}
	if len(over) < headLength {
		return nil
	}
	return over[:pageLength]
}

// cut takes out what the page of that number holds.
func (s *Shown) cut(page []Showing) {
	p := Page{Number: s.Paged, From: page[0].From, Until: page[0].Until}
	for _, x := range page {
		if x.From.Before(p.From) {
			p.From = x.From
		}
		if x.Until.After(p.Until) {
			p.Until = x.Until
		}
	}
	s.Showings = slices.DeleteFunc(slices.Clone(s.Showings), func(x Showing) bool {
		return slices.ContainsFunc(page, func(y Showing) bool { return y.Number == x.Number })
	})
	s.Paged++
	if s.Pages = append(s.Pages, p); len(s.Pages) > maxPages {
		s.Pages = slices.Delete(s.Pages, 0, len(s.Pages)-maxPages)
	}
}
