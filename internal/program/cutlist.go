// Package program is a channel's output timeline: what was on air from when (the cut list), what a
// playlist of it lists (Of, a pure function of cut list and takes), and who decides it (Director, a
// state machine without goroutines, clocks or I/O of its own).
//
// It keeps rules A to I of the design (ARCHITECTURE.md, "Numbers").
package program

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// leapUnit is what the first number after a leap is a multiple of (rule E).
	leapUnit = 65536
	// gapsAfterSeal is how many segments after the last sealed whole one may have been listed (rule D).
	gapsAfterSeal = 2
	// gapDuration is what a segment that never came is said to last.
	gapDuration = 2 * media.TicksPerSecond
	// maxEntries is how many entries a cut list keeps (rule H).
	maxEntries = 200
)

// CutList says what was on air from when. Entries are in order of their numbers; all but the last
// have ended. A CutList that was handed out is never changed: every change makes a new one.
type CutList struct {
	Channel string  `json:"channel"` // id of the channel
	Format  *Format `json:"format,omitempty"`
	Entries []Entry `json:"entries,omitempty"`
	Off     bool    `json:"off,omitempty"` // a producer took it off air: nothing goes on by itself
	// Turns counts how often Off changed: of two lists the one with more turns knows better.
	Turns int64 `json:"turns,omitempty"`
	// Begin is the number that the first entry begins with: not 0 if a node was ended of which nobody knows
	// whether it had listed something.
	Begin int64 `json:"begin,omitempty"`
	// Dropped counts entries that were cut off at the front.
	Dropped int64 `json:"dropped,omitempty"`
}

// Entry is one cut: from a number on, a take from one of its segments on.
type Entry struct {
	ID            string    `json:"id"`
	Number        int64     `json:"number"`        // of its first segment
	Discontinuity int64     `json:"discontinuity"` // EXT-X-DISCONTINUITY-SEQUENCE of its segments
	ProgramTime   time.Time `json:"programTime"`   // of its first segment
	// Shift is what the program's time is ahead of the take's own: of its birth plus its ticks.
	Shift  time.Duration `json:"shift,omitempty"`
	Source string        `json:"source"`
	Take   media.TakeID  `json:"take,omitzero"`
	Origin string        `json:"origin,omitempty"` // the incarnation that wrote the take, as node/id
	// Play is set for an entry that is driven by the clock: instead of a take it has a plan.
	Play *Play `json:"play,omitempty"`
	// Listers are the processes that may list it while it is on air, and how many of its segments: what is
	// not here nobody lists (rule F).
	Listers map[string]int64 `json:"listers,omitempty"`
	From    uint32           `json:"from"` // first segment of the take
	// Renditions maps the playlist's renditions to the take's; one that is not named is the take's
	// of the same name.
	Renditions map[string]string `json:"renditions,omitempty"`
	End        *End              `json:"end,omitempty"` // nil while on air
}

// End says where an entry ends.
type End struct {
	At          media.Pos   `json:"at"`               // the first place of the take that is not in the program
	Cut         media.Ticks `json:"cut,omitempty"`    // duration of the segment that is cut short, if At is in the middle of one
	Gaps        int         `json:"gaps,omitempty"`   // segments from At.Segment on that are listed as gaps
	Leap        bool        `json:"leap,omitempty"`   // nobody knows what was listed: the next number is far higher
	Beyond      int64       `json:"beyond,omitempty"` // with Leap, how many numbers behind At may have been listed, at most
	Breaks      int64       `json:"breaks,omitempty"` // discontinuities within a clock-driven entry
	Place       *Place      `json:"place,omitempty"`  // where the plan stands then
	ProgramTime time.Time   `json:"programTime"`      // of the end
}

// numbers returns how many numbers an ended entry owns.
func (e *Entry) numbers() int64 {
	n := int64(e.End.At.Segment) - int64(e.From) + int64(e.End.Gaps)
	if e.End.At.Part > 0 && e.End.Gaps == 0 {
		n++ // a segment cut short
	}
	return max(n, 1)
}

// empty reports whether an ended entry has nothing of its take: its node died before anything survived.
// The one number that it owns is a gap, so that what came before it can still be listed.
func (e *Entry) empty() bool {
	return e.End.Gaps == 0 && e.End.At == media.Pos{Segment: e.From}
}

// next returns the number that the entry after an ended one begins with.
func (e *Entry) next() int64 {
	n := e.Number + e.numbers()
	if e.End.Leap {
		n = ((n+e.End.Beyond)/leapUnit + 1) * leapUnit
	}
	return n
}

// rendition returns the name that a rendition of the playlist has in the entry's take.
func (e *Entry) rendition(name string) string {
	if mapped, ok := e.Renditions[name]; ok {
		return mapped
	}
	return name
}

// newID draws the id of an entry.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// OnAir returns the entry that is on air, or nil.
func (c *CutList) OnAir() *Entry {
	if e := c.last(); e != nil && e.End == nil {
		return e
	}
	return nil
}

// last returns the newest entry, or nil.
func (c *CutList) last() *Entry {
	if len(c.Entries) == 0 {
		return nil
	}
	return &c.Entries[len(c.Entries)-1]
}

// Entry returns the entry with that id, or nil.
func (c *CutList) Entry(id string) *Entry {
	for i := range c.Entries {
		if c.Entries[i].ID == id {
			return &c.Entries[i]
		}
	}
	return nil
}

// ErrInvalid is wrapped by what Validate finds.
var ErrInvalid = errors.New("invalid cut list")

// Validate says whether the list keeps its own rules.
func (c *CutList) Validate() error {
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.ID == "" || e.Take.IsZero() == (e.Play == nil) || e.Number < 0 {
			return fmt.Errorf("%w: entry %d has no id, no number, or not either a take or a plan", ErrInvalid, i)
		}
		if e.Play != nil && e.End != nil && (e.End.At.Segment == 0 || e.End.At.Part > 0 || e.End.Gaps > 0 || e.End.Breaks < 0 || e.End.Beyond < 0 || e.End.Place == nil) {
			return fmt.Errorf("%w: entry %s of a plan ends at %v with %d gaps, want the end of a segment, a place and no gaps", ErrInvalid, e.ID, e.End.At, e.End.Gaps)
		}
		if e.Play != nil && e.Play.Cue != nil && (!e.Play.Cue.valid() || e.Play.Plan >= 0 || e.End != nil && e.End.At.Segment > e.Whole().At.Segment) {
			return fmt.Errorf("%w: entry %s plays a cue that is none, or more of it than there is", ErrInvalid, e.ID)
		}
		if e.End != nil && (e.End.Gaps < 0 || e.End.Gaps > gapsAfterSeal || e.End.At.Segment < e.From) {
			return fmt.Errorf("%w: entry %s ends at segment %d with %d gaps, want not before segment %d and at most %d gaps",
				ErrInvalid, e.ID, e.End.At.Segment, e.End.Gaps, e.From, gapsAfterSeal)
		}
		if i == 0 {
			continue
		}
		before := &c.Entries[i-1]
		switch {
		case before.End == nil:
			return fmt.Errorf("%w: entry %s has not ended, and is not the last", ErrInvalid, before.ID)
		case e.Number != before.next():
			return fmt.Errorf("%w: entry %s begins with number %d, want %d", ErrInvalid, e.ID, e.Number, before.next())
		case e.Discontinuity != before.Discontinuity+before.End.Breaks+1:
			return fmt.Errorf("%w: entry %s has discontinuity %d, want %d", ErrInvalid, e.ID, e.Discontinuity, before.Discontinuity+before.End.Breaks+1)
		case e.ProgramTime.Before(before.End.ProgramTime):
			return fmt.Errorf("%w: entry %s begins before its predecessor ends", ErrInvalid, e.ID)
		}
	}
	return nil
}

// following makes the entry that puts a take on air after the list's last one, which must have
// ended, or ends as given. at is the take's own time at the beginning of its segment from.
func (c *CutList) following(end *End, t *media.Take, from uint32, at time.Time) Entry {
	e := c.after(end, Entry{Take: t.ID, Source: t.Source, Origin: t.Node + "/" + t.Incarnation, From: from}, at)
	e.Shift = e.ProgramTime.Sub(at)
	return e
}

// after gives an entry its place after the list's last one.
func (c *CutList) after(end *End, e Entry, at time.Time) Entry {
	e.ID, e.ProgramTime = newID(), at.UTC().Truncate(time.Millisecond)
	if last := c.last(); last == nil {
		e.Number = c.Begin
	} else {
		before := *last
		if end != nil {
			before.End = end
		}
		e.Number, e.Discontinuity = before.next(), before.Discontinuity+before.End.Breaks+1
		if e.ProgramTime.Before(before.End.ProgramTime) {
			e.ProgramTime = before.End.ProgramTime
		}
		e.lead(at)
	}
	return e
}

// maxWait is how long what the clock drives waits at most for the clock to reach its beginning: a picture that stands still
// is worse than a program whose time is ahead of the clock. Each cut to a source puts it ahead by what is shown of that
// again, from its keyframe on, and each entry that waits makes the lead less.
const maxWait = 250 * time.Millisecond

// lead has a clock-driven entry that begins at a time of the clock be as far ahead of that as it must.
func (e *Entry) lead(clock time.Time) {
	if ahead := e.ProgramTime.Sub(clock) - maxWait; e.Play != nil && ahead > 0 {
		play := *e.Play
		play.Ahead, e.Play = ahead.Truncate(time.Millisecond), &play
	}
}

// Time returns the program time of a clock-driven entry at a time of the clock.
func (e *Entry) Time(clock time.Time) time.Time { return clock.Add(e.Play.Ahead) }

// with returns a copy of the list that a change was made to.
func (c *CutList) with(change func(*CutList)) *CutList {
	n := *c
	n.Entries = slices.Clone(c.Entries)
	change(&n)
	if drop := len(n.Entries) - maxEntries; drop > 0 {
		n.Entries = slices.Clone(n.Entries[drop:])
		n.Dropped += int64(drop)
	}
	return &n
}

// Format is a channel's one output format, fixed when it is first on air, because players read the
// multivariant playlist only once.
type Format struct {
	Video string `json:"video"` // RFC 6381, of the first take on air
	Audio string `json:"audio"`
}

// FormatOf returns the format that a take's tracks have.
func FormatOf(tracks []media.Track) Format {
	var f Format
	for _, t := range tracks {
		if t.Codec.IsVideo() {
			f.Video = t.CodecString()
		} else {
			f.Audio = t.CodecString()
		}
	}
	return f
}

// Codecs is the CODECS attribute of the format.
func (f Format) Codecs() string {
	switch {
	case f.Video == "":
		return f.Audio
	case f.Audio == "":
		return f.Video
	}
	return f.Video + "," + f.Audio
}

// ErrFormat is wrapped by what Fits finds.
var ErrFormat = errors.New("the source does not fit the channel's format")

// Fits says whether tracks can be on air in this format: the same kinds of codec. Another resolution,
// frame rate, profile or level is no obstacle: each take has its own init.
func (f Format) Fits(tracks []media.Track) error {
	return f.fits(FormatOf(tracks))
}

func (f Format) fits(other Format) error {
	if kind(f.Video) != kind(other.Video) {
		return fmt.Errorf("%w: the channel's pictures are %s, and these are %s: set the encoder to the channel's codec", ErrFormat, describe(f.Video), describe(other.Video))
	}
	if kind(f.Audio) != kind(other.Audio) {
		return fmt.Errorf("%w: the channel's sound is %s, and this is %s: set the encoder to the channel's codec", ErrFormat, describe(f.Audio), describe(other.Audio))
	}
	return nil
}

// kind is the part of a codec string that names the codec.
func kind(codec string) string {
	for i := range len(codec) {
		if codec[i] == '.' {
			return codec[:i]
		}
	}
	return codec
}

func describe(codec string) string {
	switch kind(codec) {
	case "":
		return "absent"
	case "avc1":
		return "H.264"
	case "hvc1", "hev1":
		return "HEVC"
	case "av01":
		return "AV1"
	case "mp4a":
		return "AAC"
	case "opus":
		return "Opus"
	}
	return codec
}
