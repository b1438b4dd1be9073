package station

import "github.com/mayfly-tv/mayfly/internal/take"

// orphaned ends what is on air if its take was written here and closed before it was on air: another node has put it
// there, by a mark in the log of what was on air before, and that was known only later. No mark can be put into a log
// that is closed; where it ends follows from itself, as from a seal, once it is safe that it was closed: else who ends this
// incarnation may know less of it, and end it sooner. The lock is held.
func (p *Program) orphaned() {
	e, r := p.director.List().OnAir(), p.station.runs()
	if e == nil || e.Play != nil || r == nil || e.Origin != r.incarnation.String() || p.writers[e.Take] != nil || p.director.Until() != nil {
		return // or its end is on its way
	}
	if l := p.station.store.Log(e.Take); l != nil && l.Settled() {
		p.director.Sealed(e.Take, edgeOf(l, l.Edge()), true, false)
	}
}

// closed is called when more of a log is safe: perhaps that its take was closed. The lock is held.
func (p *Program) closed(l *take.Log) {
	if p.director == nil || !l.Settled() {
		return
	}
	before := p.director.List()
	p.orphaned()
	p.listChanged(before)
}
