package station

// orphaned ends what is on air if its take was written here and closed before it was on air: another node has put it
// there, by a mark in the log of what was on air before, and that was known only later. No mark can be put into a log
// that is closed; where it ends follows from itself, as from a seal.
func (p *Program) orphaned() {
	r := p.station.runs()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil || p.gone || r == nil {
		return
	}
	e := p.director.List().OnAir()
	if e == nil || e.Play != nil || e.Origin != r.incarnation.String() || p.writers[e.Take] != nil || p.director.Until() != nil {
		return // or its end is on its way
	}
	l := p.station.store.Log(e.Take)
	if l == nil || !l.Ended() {
		return
	}
	before := p.director.List()
	p.director.Sealed(e.Take, edgeOf(l, l.Edge()), true, false)
	p.listChanged(before)
}
