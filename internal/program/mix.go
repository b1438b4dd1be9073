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
	Gain    float64 // dB
	Mute    bool
}

// Bounds of a mix. Sound that comes early holds the pictures back for as long.
const (
	MinDelay, MaxDelay = -1 * time.Second, 3 * time.Second
	MinGain, MaxGain   = -40.0, 20.0
)

// ErrMix is wrapped by what Validate finds.
var ErrMix = errors.New("that sound cannot be put on air")

// Validate says whether a mix can be made.
func (m Mix) Validate() error {
	switch {
	case m.Picture == "":
		return fmt.Errorf("%w: name the source of the pictures", ErrMix)
	case m.Delay < MinDelay || m.Delay > MaxDelay:
		return fmt.Errorf("%w: a delay of %d ms: use %d to %d", ErrMix, m.Delay.Milliseconds(), MinDelay.Milliseconds(), MaxDelay.Milliseconds())
	case m.Gain < MinGain || m.Gain > MaxGain || m.Gain != m.Gain:
		return fmt.Errorf("%w: a gain of %g dB: use %g to %g", ErrMix, m.Gain, MinGain, MaxGain)
	}
	return nil
}

// Plain reports whether the mix is a source as it is.
func (m Mix) Plain() bool {
	return (m.Sound == "" || m.Sound == m.Picture) && m.Delay == 0 && m.Gain == 0 && !m.Mute
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
	return fmt.Sprintf("%s+%s:%d:%s", m.Picture, m.Sound, m.Delay.Milliseconds(), strconv.FormatFloat(m.Gain, 'f', -1, 64))
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
	delay, gain, _ := strings.Cut(how, ":")
	ms, _ := strconv.Atoi(delay)
	m.Delay = time.Duration(ms) * time.Millisecond
	m.Gain, _ = strconv.ParseFloat(gain, 64)
	return m
}

// PictureOf returns the source whose pictures a source or mix shows.
func PictureOf(source string) string { return ParseMix(source).Picture }
