package program

// Rehearse says whether the channel rehearses: nothing live goes on air by itself meanwhile. What is there then goes on
// air by itself only after a cut has put something on air: the end of a rehearsal shows viewers nothing.
func (d *Director) Rehearse(on bool) {
	if d.rehearses == on {
		return
	}
	d.rehearses = on
	for i := range d.live {
		d.live[i].held = true
	}
}

// onlyCut reports whether nothing but a cut puts a take on air.
func (d *Director) onlyCut(c *Contender) bool { return d.rehearses || c.held }
