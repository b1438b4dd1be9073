package program

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Mix says what is on air: the pictures of one source, and with them its own sound or that of another one. A mix
// that is more than a source is put on air as a derived take, whose source is the mix.
type Mix struct {
	Picture string // source
	Sound   string // source; "" or Picture: the pictures' own
	Delay   time.Duration
	Mute    bool
	// Through says that the pictures' own sound goes on without a break when others are cut to. A take is derived
	// for that too.
	Through bool
}

// MinDelay and MaxDelay bound the delay of a mix. Sound that is heard earlier holds the pictures back for as long.
const MinDelay, MaxDelay = -1 * time.Second, 3 * time.Second

// ErrMix is wrapped by what Validate finds.
var ErrMix = errors.New("that sound cannot be put on air")

// Validate says whether a mix can be made.
func (m Mix) Validate() error {
	switch {
	case m.Picture == "":
		return fmt.Errorf("%w: name the source of the pictures", ErrMix)
	case m.Delay < MinDelay || m.Delay > MaxDelay:
		return fmt.Errorf("%w: a delay of %d ms: use %d to %d", ErrMix, m.Delay.Milliseconds(), MinDelay.Milliseconds(), MaxDelay.Milliseconds())
	}
	return nil
}

// own reports whether the pictures are heard with their own sound, as it came.
func (m Mix) own() bool {
	return (m.Sound == "" || m.Sound == m.Picture) && m.Delay == 0 && !m.Mute
}

// Plain reports whether the mix is put on air as the source sends it.
func (m Mix) Plain() bool { return m.own() && !m.Through }

// Same reports whether two mixes look and sound alike.
func (m Mix) Same(o Mix) bool {
	m.Through, o.Through = false, false
	return m.Source() == o.Source()
}

// Source names what is put on air: the source, or the mix of it. ParseMix reads it.
func (m Mix) Source() string {
	if m.Plain() || m.Picture == "" {
		return m.Picture
	}
	if m.Mute { // of silence nothing else is heard
		return m.Picture + "+:mute"
	}
	if m.Sound == "" {
		m.Sound = m.Picture
	}
	return fmt.Sprintf("%s+%s:%d", m.Picture, m.Sound, m.Delay.Milliseconds())
}

// ParseMix reads what Source writes.
func ParseMix(source string) Mix {
	picture, rest, mixed := strings.Cut(source, "+")
	m := Mix{Picture: picture, Sound: picture}
	if !mixed {
		return m
	}
	var how string
	m.Sound, how, _ = strings.Cut(rest, ":")
	if m.Mute = how == "mute"; m.Mute {
		m.Sound = picture
		return m
	}
	ms, _ := strconv.Atoi(how)
	m.Delay = time.Duration(ms) * time.Millisecond
	m.Through = m.own()
	return m
}

// PictureOf returns the source whose pictures a source or mix shows.
func PictureOf(source string) string { return ParseMix(source).Picture }
