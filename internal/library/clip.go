package library

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// State is how far a clip is.
type State string

// The states of a clip, in the order in which it has them; it ends as one of the last two.
const (
	Uploading  State = "uploading"  // its file is not there as a whole
	Waiting    State = "waiting"    // for a node that converts it
	Converting State = "converting" // some node does
	Ready      State = "ready"      // it can be played
	Failed     State = "failed"     // Fault says why
)

// Clip is something to be played: a take that has ended, with a title.
type Clip struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Tags    []string  `json:"tags,omitempty"`
	Created time.Time `json:"created"`
	Origin  Origin    `json:"origin"`
	State   State     `json:"state"`
	Fault   string    `json:"fault,omitempty"` // a sentence for people, of a clip that failed
	Bytes   int64     `json:"bytes"`           // of the file while that is what there is, then of the media

	// What it is once it is ready. With these and nothing else its place in a program can be reckoned.
	Take      media.TakeID `json:"take,omitzero"`
	Duration  media.Ticks  `json:"duration,omitempty"`
	Segments  uint32       `json:"segments,omitempty"`
	Width     int          `json:"width,omitempty"`
	Height    int          `json:"height,omitempty"`
	FrameRate float64      `json:"frameRate,omitempty"`

	// In and Out are where it begins and ends when it is played. It begins with the segment that In is in and
	// ends with the one that Out is in; 0 for Out is its end.
	In  media.Ticks `json:"in,omitempty"`
	Out media.Ticks `json:"out,omitempty"`
	// Poster is the number of its poster, 0 as long as it has none.
	Poster int `json:"poster,omitempty"`
	// Public clips are offered on the channel's page to whoever may watch the channel.
	Public bool `json:"public,omitempty"`
}

// Origin is where a clip came from.
type Origin struct {
	Kind OriginKind `json:"kind"`
	File string     `json:"file,omitempty"` // name of the file, as its person named it
	URL  string     `json:"url,omitempty"`
	// Feed and Item are the feed that it is of, and what that calls it.
	Feed string `json:"feed,omitempty"`
	Item string `json:"item,omitempty"`
	// Seconds is how long a photo is shown.
	Seconds int `json:"seconds,omitempty"`
	// Recording is what it was cut out of, From and To where in that. Hold: it is kept for this clip alone.
	Recording string      `json:"recording,omitempty"`
	From      media.Ticks `json:"from,omitempty"`
	To        media.Ticks `json:"to,omitempty"`
	Hold      bool        `json:"hold,omitempty"`
}

// OriginKind is a way into the library.
type OriginKind string

// The ways into the library.
const (
	FromUpload    OriginKind = "upload"
	FromAddress   OriginKind = "address"
	FromFeed      OriginKind = "feed"
	FromRecording OriginKind = "recording"
	FromCard      OriginKind = "card" // that is shown when nobody is live
)

// Bounds of what may be said of a clip, and of how many there may be. A shelf of clips with the longest texts that
// are allowed still fits a document.
const (
	maxTitle   = 120
	maxTags    = 8
	maxTag     = 32
	maxFile    = 200
	maxURL     = 1000
	maxFault   = 300
	maxClips   = 1000
	maxPhoto   = 60 * 60 // seconds
	usualPhoto = 10
	// MaxFile is the largest file that is taken in.
	MaxFile = 32 << 30
)

var (
	// ErrInvalid is wrapped by the errors of what a caller gave.
	ErrInvalid = errors.New("invalid clip")
	// ErrNotFound is returned for a clip or storyboard that is not there.
	ErrNotFound = errors.New("no such clip or storyboard: it may have been deleted")
	// ErrFull is wrapped where a channel's library has no room.
	ErrFull = errors.New("the library is full")
	// ErrState is wrapped where a clip is not in the state that something needs.
	ErrState = errors.New("not in this state of the clip")
	// ErrPlayed is wrapped where a clip cannot be deleted because a program plays it.
	ErrPlayed = errors.New("the clip cannot be deleted: it is played by")
	// ErrChanged is returned for a change of something that somebody else changed meanwhile.
	ErrChanged = errors.New("somebody else changed it meanwhile: look at what it is now, and change that")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// newID draws an id.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

var idForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// validID reports whether an id has the form of one, so that it can be part of a key.
func validID(id string) bool { return idForm.MatchString(id) }

// checkText checks what people wrote, which may become part of a page.
func checkText(what, s string, least, most int) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return invalid("%s: use plain text on one line", what)
	}
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return invalid("%s of %d characters: use %d to %d", what, n, least, most)
	}
	return nil
}

// validate checks all of a clip, as it is before it is stored.
func (c *Clip) validate() error {
	if err := checkText("title", c.Title, 1, maxTitle); err != nil {
		return err
	}
	if len(c.Tags) > maxTags {
		return invalid("%d tags: use at most %d", len(c.Tags), maxTags)
	}
	for _, t := range c.Tags {
		if err := checkText("tag", t, 1, maxTag); err != nil {
			return err
		}
	}
	if err := checkText("file name", c.Origin.File, 0, maxFile); err != nil {
		return err
	}
	if c.Origin.Seconds < 0 || c.Origin.Seconds > maxPhoto {
		return invalid("a photo of %d s: use 1 to %d", c.Origin.Seconds, maxPhoto)
	}
	if c.In < 0 || c.Out < 0 || c.Out != 0 && c.Out <= c.In {
		return invalid("it would end before it begins: set the out point behind the in point")
	}
	if c.State == Ready && (c.In >= c.Duration || c.Out > c.Duration) {
		return invalid("in and out points lie within the clip, which lasts %.1f s", c.Duration.Seconds())
	}
	return nil
}

// setTags sets the tags, without those that are there twice.
func (c *Clip) setTags(tags []string) {
	c.Tags = nil
	for _, t := range tags {
		if t = strings.Join(strings.Fields(t), " "); t != "" && !slices.Contains(c.Tags, t) {
			c.Tags = append(c.Tags, t)
		}
	}
}

// titleOf makes a title of a file's name.
func titleOf(file string) string {
	name := path.Base(strings.ReplaceAll(file, `\`, "/"))
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == ' ' || r < ' ' }), " ")
	if runes := []rune(strings.ToValidUTF8(name, "")); len(runes) > maxTitle {
		name = string(runes[:maxTitle])
	}
	if name == "" || name == "." || name == "/" {
		return "Untitled"
	}
	return name
}

// shorten cuts a sentence so that it can be stored.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "")
	if runes := []rune(s); len(runes) > maxFault {
		return string(runes[:maxFault-1]) + "…"
	}
	return s
}
