package channel

import "time"

// Rehearsal is what producers cut to for themselves while viewers see none of it.
type Rehearsal struct {
	Source string    `json:"source,omitempty"` // id of a source, or a clip; "" for nothing
	Since  time.Time `json:"since"`
	At     time.Time `json:"at"` // of the newest cut
}

// Rehearse begins a rehearsal, or cuts in the one that goes on.
func (c *Channel) Rehearse(source string, now time.Time) {
	r := Rehearsal{Source: source, Since: now.UTC(), At: now.UTC()}
	if c.Rehearsal != nil {
		r.Since = c.Rehearsal.Since
	}
	c.Rehearsal = &r
}
