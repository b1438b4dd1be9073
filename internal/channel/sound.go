package channel

import (
	"fmt"
	"math"
)

// Kept is the sound of one source that is heard while the pictures of others are cut.
type Kept struct {
	Source string `json:"source"`
	Delay  int    `json:"delay,omitempty"` // ms
}

// KeepSound has the sound of a source heard under all pictures, or with "" each source's own.
func (c *Channel) KeepSound(source string, delay int) error {
	if source == "" {
		c.Kept = nil
		return nil
	}
	if c.Source(source) == nil {
		return fmt.Errorf("source %q: %w", source, ErrNotFound)
	}
	c.Kept = &Kept{Source: source, Delay: delay}
	return nil
}

// Bounds of a source's gain in dB, and the steps that it goes by.
const MinGain, MaxGain, GainStep = -30, 12, 1.5

// SetGain has a source heard louder or quieter than it came, by the step that is nearest to so many dB.
func (c *Channel) SetGain(source string, dB float64) error {
	src := c.Source(source)
	if src == nil {
		return fmt.Errorf("source %q: %w", source, ErrNotFound)
	}
	if !(dB >= MinGain && dB <= MaxGain) {
		return invalid("a gain of %g dB: use %d to %d", dB, MinGain, MaxGain)
	}
	src.Gain = math.Round(dB/GainStep) * GainStep
	return nil
}

// SameSound reports whether two states of a channel put the same sounds on air. How loud they are is no part of it:
// that is changed where they come in.
func (c *Channel) SameSound(o *Channel) bool {
	if (c.Kept == nil) != (o.Kept == nil) || c.Kept != nil && *c.Kept != *o.Kept || len(c.Sources) != len(o.Sources) {
		return false
	}
	for i := range c.Sources {
		if c.Sources[i].Mute != o.Sources[i].Mute {
			return false
		}
	}
	return true
}
