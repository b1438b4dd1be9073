package program

import (
	"errors"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Cue is what a clock-driven entry plays that is no channel's plan: clips that a producer asked for, once, one after
// the other. The version of the plan that holds them is below 0. How long they are stands in the entry, so that
// whoever has the list knows when it is over, and that nobody can list more of it.
type Cue struct {
	Clips []Cued `json:"clips"`
	// Then is what is cut to at the end: a source, AutopilotSource or OffAir. With "" it is what there is.
	Then string `json:"then,omitempty"`
}

// Cued is a clip of a cue.
type Cued struct {
	Clip     string      `json:"clip"` // its id in the library
	Segments int64       `json:"segments"`
	Duration media.Ticks `json:"duration"`
}

const (
	// OffAir is what follows a cue behind which the channel goes off air.
	OffAir = "off"
	// MaxCued is how many clips a cue has at most: cut lists keep it.
	MaxCued = 20
	// Early is how long before its end a cue may be left: what is listed of it then is all of it, and what follows
	// is decided when the end is reached.
	Early = 300 * time.Millisecond

	clipPrefix = "clip:"
)

// ErrCue is returned for a cue without clips, or with too many.
var ErrCue = errors.New("a cue has 1 to 20 clips: leave some out")

// ClipSource names a clip as something to cut to.
func ClipSource(clip string) string { return clipPrefix + clip }

// ClipOf returns the clip that a source names; ok is false if it names none.
func ClipOf(source string) (clip string, ok bool) { return strings.CutPrefix(source, clipPrefix) }

// CueOf returns the cue that plays the clips of a plan that is played once, which have those ids.
func CueOf(s *Schedule, ids []string, then string) (*Cue, error) {
	b := s.filler
	if !s.Plan.Once || len(ids) != len(b.clips) || len(ids) > MaxCued {
		return nil, ErrCue
	}
	c := &Cue{Then: then}
	for i, id := range ids {
		c.Clips = append(c.Clips, Cued{Clip: id, Segments: b.number[i+1] - b.number[i], Duration: b.at[i+1] - b.at[i]})
	}
	return c, nil
}

// length returns how much a cue plays.
func (c *Cue) length() (segments int64, duration media.Ticks) {
	for _, x := range c.Clips {
		segments, duration = segments+x.Segments, duration+x.Duration
	}
	return segments, duration
}

// valid reports whether a cue can be one.
func (c *Cue) valid() bool {
	for _, x := range c.Clips {
		if x.Segments <= 0 || x.Segments > maxSegments || x.Duration <= 0 || x.Duration > maxClip {
			return false
		}
	}
	return len(c.Clips) > 0 && len(c.Clips) <= MaxCued
}

// Source is what an entry has for a source that plays this.
func (p *Play) Source() string {
	if p.Cue != nil {
		return ClipSource(p.Cue.Clips[0].Clip)
	}
	return AutopilotSource
}

// Whole returns the end of an entry that plays a cue to its end, or nil if it plays none. It is known from the
// beginning: no word is needed for it.
func (e *Entry) Whole() *End {
	if e.Play == nil || e.Play.Cue == nil {
		return nil
	}
	segments, duration := e.Play.Cue.length()
	place := e.Play.Place
	return &End{
		At: media.Pos{Segment: uint32(segments)}, Breaks: int64(len(e.Play.Cue.Clips) - 1), Place: &place,
		ProgramTime: e.ProgramTime.Add(duration.Duration()).Round(time.Millisecond).UTC(),
	}
}

// Over returns the end of a cue that is over, or as good as over; nil if it is not, or if the entry plays none.
func (e *Entry) Over(now time.Time) *End {
	if end := e.Whole(); end != nil && !e.Time(now).Before(end.ProgramTime.Add(-Early)) {
		return end
	}
	return nil
}

// Cue puts clips on air that are played once. What was on air before follows them, unless the cue says otherwise.
func (d *Director) Cue(c Contender) (*Order, error) {
	if !c.Play.Cue.valid() {
		return nil, ErrCue
	}
	if d.list.Format != nil {
		if err := d.list.Format.fits(c.Format); err != nil {
			return nil, err
		}
	}
	if d.pending != nil {
		return nil, ErrBusy
	}
	e := d.list.OnAir()
	play, cue := *c.Play, *c.Play.Cue
	if e != nil && cue.Then == "" {
		cue.Then = e.followed()
	}
	play.Cue, play.Place, play.Asked = &cue, d.list.Place(), true
	c.Play = &play
	if e == nil {
		o := d.begin(c)
		d.setOff(false)
		return o, nil
	}
	o, err := d.leave(&c)
	if o != nil && o.Words != "" {
		d.pending.on = true
	}
	return o, err
}

// followed returns what follows a cue that interrupts an entry.
func (e *Entry) followed() string {
	if e.Play != nil && e.Play.Cue != nil {
		return e.Play.Cue.Then
	}
	return PictureOf(e.Source)
}

// Past says that a cue is over, or cannot go on, and that what was to follow it cannot either: a source that is live
// goes on air, or the plan, or nothing does.
func (d *Director) Past(entry string) *Order {
	e := d.list.OnAir()
	if d.held || d.pending != nil || e == nil || e.ID != entry || e.Play == nil || e.Play.Cue == nil {
		return nil
	}
	if d.autoLive && !d.list.Off && !d.rehearses {
		for i := len(d.live) - 1; i >= 0; i-- {
			if c := d.live[i]; d.list.Format == nil || d.list.Format.Fits(c.Take.Renditions[0].Tracks) == nil {
				return d.part(e, &c)
			}
		}
	}
	if d.list.Off || d.fitsPlan() != nil {
		return d.part(e, nil)
	}
	to := d.plan(false)
	return d.part(e, &to)
}
