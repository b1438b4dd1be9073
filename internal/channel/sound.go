package channel

import "fmt"

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

// SameSound reports whether two states of a channel are heard alike.
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
