// Package graphics keeps what lies over a channel's pictures: the graphics that its producers have prepared, and which
// of them was shown from when to when, in program time.
//
// It promises that a showing is a record: it holds what viewers saw and is not changed by what happens to the graphic
// afterwards, so that whoever watches again sees the same over the same pictures.
package graphics

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is what a graphic looks like.
type Kind string

// The kinds of graphics.
const (
	LowerThird Kind = "lower-third" // who somebody is: a name, and a line below it
	Picture    Kind = "picture"     // over somebody's shoulder, with a line below it
	Ticker     Kind = "ticker"      // items that run along the lower edge
	Sting      Kind = "sting"       // fills the screen for a moment
	Heading    Kind = "heading"     // fills the screen: a heading and a sub-heading
	ComingUp   Kind = "coming-up"   // fills the screen: up to four lines of what comes
	Bug        Kind = "bug"         // a small mark in a corner
	Countdown  Kind = "countdown"   // to a time
	Chat       Kind = "chat"        // a line that a viewer wrote
)

// Kinds are all kinds.
var Kinds = []Kind{LowerThird, Picture, Ticker, Sting, Heading, ComingUp, Bug, Countdown, Chat}

// Content is what viewers see of a graphic. Which fields count depends on its kind.
type Content struct {
	Kind   Kind      `json:"kind" enum:"lower-third,picture,ticker,sting,heading,coming-up,bug,countdown,chat"`
	Title  string    `json:"title,omitempty" doc:"the name, the heading, the ticker's label, what is counted down to, the viewer's nickname; at most 120 characters"`
	Text   string    `json:"text,omitempty" doc:"the line below it; at most 300 characters"`
	Lines  []string  `json:"lines,omitempty" doc:"a ticker's items, or up to four lines of what comes; at most 200 characters each"`
	Place  string    `json:"place,omitempty" enum:"left,right,top-left,top-right,bottom-left,bottom-right" doc:"the side of a picture, the corner of a bug or a countdown"`
	Speed  int       `json:"speed,omitempty" minimum:"0" maximum:"5" doc:"of a ticker: 1 (slow) to 5 (fast)"`
	Back   bool      `json:"back,omitempty" doc:"the ticker runs to the right, as for scripts that are read from there"`
	To     time.Time `json:"to,omitzero" doc:"what a countdown counts down to"`
	Reload int       `json:"reload,omitempty" doc:"s after which a picture that lies at an address is fetched again; 0: never"`
}

// Limits of what a graphic holds.
const (
	maxTitle   = 120
	maxText    = 300
	maxLine    = 200
	maxItems   = 30
	maxComing  = 4
	maxContent = 6000 // bytes as JSON: what a showing may take up in a document
	minReload  = 5
	maxReload  = 3600
	maxLasts   = 24 * 60 * 60
	maxName    = 80
)

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("invalid graphic")
	// ErrNotFound is returned for a graphic that is not there.
	ErrNotFound = errors.New("that graphic is not there any more")
	// ErrChanged is returned for a change of a graphic that somebody else has changed.
	ErrChanged = errors.New("somebody else has changed that graphic meanwhile")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Layer is where a graphic lies: of two on the same layer one is shown.
func (c *Content) Layer() string {
	switch c.Kind {
	case LowerThird, Chat:
		return "lower"
	case Sting, Heading, ComingUp:
		return "full"
	case Picture:
		return "picture " + c.Place
	case Bug, Countdown:
		return "corner " + c.Place
	}
	return string(c.Kind)
}

// places are where graphics of a kind may lie; the first is where they do if nothing is said.
var places = map[Kind][]string{
	Picture: {"right", "left"}, Bug: {"top-right", "top-left", "bottom-right", "bottom-left"},
	Countdown: {"top-left", "top-right", "bottom-left", "bottom-right"},
}

// tidy trims what was written, drops what the kind has no use for, and fills in what was left out.
func (c *Content) tidy() {
	c.Title, c.Text = strings.TrimSpace(c.Title), strings.TrimSpace(c.Text)
	lines := c.Lines
	c.Lines = nil
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" && (c.Kind == Ticker || c.Kind == ComingUp) {
			c.Lines = append(c.Lines, l)
		}
	}
	if all := places[c.Kind]; all == nil {
		c.Place = ""
	} else if c.Place == "" {
		c.Place = all[0]
	}
	if c.Kind != Ticker {
		c.Speed, c.Back = 0, false
	} else if c.Speed == 0 {
		c.Speed = 3
	}
	if c.Kind != Countdown {
		c.To = time.Time{}
	}
	if c.Kind != Picture {
		c.Reload = 0
	}
	c.To = c.To.UTC()
}

func (c *Content) validate() error {
	if !slices.Contains(Kinds, c.Kind) {
		return invalid("there is no kind %q: use one of %v", c.Kind, Kinds)
	}
	if err := c.checkWords(); err != nil {
		return err
	}
	needs := func(missing bool, what string) error {
		if missing {
			return invalid("a %s needs %s", strings.ReplaceAll(string(c.Kind), "-", " "), what)
		}
		return nil
	}
	switch c.Kind {
	case LowerThird:
		return needs(c.Title == "", "a name")
	case Ticker:
		if c.Speed < 1 || c.Speed > 5 {
			return invalid("a speed of %d: use 1 (slow) to 5 (fast)", c.Speed)
		}
		if len(c.Lines) > maxItems {
			return invalid("a ticker of %d items: at most %d", len(c.Lines), maxItems)
		}
		return needs(len(c.Lines) == 0, "an item")
	case Sting, Heading:
		return needs(c.Title == "", "a heading")
	case ComingUp:
		if len(c.Lines) > maxComing {
			return invalid("%d lines of what comes: at most %d", len(c.Lines), maxComing)
		}
		return needs(len(c.Lines) == 0, "a line")
	case Countdown:
		if !c.To.IsZero() && (c.To.Year() < 2000 || c.To.Year() > 9999) {
			return invalid("a countdown to the year %d", c.To.Year())
		}
		return needs(c.To.IsZero(), "a time")
	case Chat:
		return needs(c.Title == "" || c.Text == "", "a nickname and a text")
	case Picture:
		if c.Reload != 0 && (c.Reload < minReload || c.Reload > maxReload) {
			return invalid("reloading every %d s: use %d to %d, or 0 for never", c.Reload, minReload, maxReload)
		}
	}
	return nil
}

// checkWords says whether the text is plain, and not longer than it may be.
func (c *Content) checkWords() error {
	if err := plain("a title", c.Title, maxTitle); err != nil {
		return err
	}
	if err := plain("a text", c.Text, maxText); err != nil {
		return err
	}
	for _, l := range c.Lines {
		if err := plain("a line", l, maxLine); err != nil {
			return err
		}
	}
	if all := places[c.Kind]; all != nil && !slices.Contains(all, c.Place) {
		return invalid("the place %q: use one of %v", c.Place, all)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return invalid("%v", err)
	}
	if len(data) > maxContent {
		return invalid("all its text takes %d bytes: at most %d", len(data), maxContent)
	}
	return nil
}

// plain says whether a text is plain: one line without control characters.
func plain(what, text string, most int) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' }):
		return invalid("%s with characters that are none: use plain text on one line", what)
	case n > most:
		return invalid("%s of %d characters: at most %d", what, n, most)
	}
	return nil
}
