package take

import "github.com/mayfly-tv/mayfly/internal/media"

// cursor is where on the timeline the packager is.
type cursor struct {
	partStart    media.Ticks // where the part in the making begins, as playlists will say
	segmentStart media.Ticks
	clock        media.Ticks // while the leading track is missing: how far the others have come
	number       uint32      // of the segment in the making
	index        uint32      // of the part in the making within it
	dependent    bool        // the segment in the making does not begin with a keyframe
	cutNext      bool        // the part in the making ends the segment
}

// arrive is called when a sample of the leading track comes, with its time on that track. It gives the
// sample before it its duration, and closes what is complete.
func (p *Packager) arrive(dts int64, key bool, emit func(media.Part)) {
	now := p.lead.ticks(dts)
	p.complete(dts, emit)
	if p.endsSegment(now, key) {
		p.closeSegment(now, false, emit)
		return
	}
	length := now - p.partStart
	usual := p.lead.ticks(p.lead.usual)
	// Close a part early, rather than wait for one more frame to see that it does not fit.
	if length >= p.part || length >= p.enough && length+usual > p.part {
		p.closePart(now, false, emit)
	}
	for now-p.partStart >= p.part {
		p.closePart(now, false, emit)
	}
}

// lagging is how far sound may be behind the end of the pictures and still count as complete with them.
const lagging = media.TicksPerSecond / 10

// Through says that an object ends with what was written so far: its last samples last as long as they
// said. If that is where a segment ends, it need not wait for what follows.
func (p *Packager) Through(emit func(media.Part)) {
	l := p.lead
	if !p.begun || p.done || !l.pending || l.told == 0 || !p.endsSegment(l.ticks(l.newest+l.told), true) {
		return
	}
	end := l.newest + l.told
	for i := range p.lanes {
		o := &p.lanes[i]
		if until, ok := o.until(); !p.fill.owns(o) && (!ok || o.ticks(until) < l.ticks(end)-lagging) {
			return // some of it is still to come
		}
	}
	for i := range p.lanes {
		if o := &p.lanes[i]; o != l && !p.fill.owns(o) {
			until, _ := o.until()
			o.finish(until)
			o.floor = max(o.floor, o.end)
		}
	}
	p.fill.before(end)
	p.complete(end, emit)
	p.closeSegment(l.ticks(end), true, emit)
	p.out.everything = false
	l.floor = max(l.floor, end)
}

// complete gives the newest sample of the leading track its duration, until dts. If it turns out to
// last longer than the part has room for, and the part is long enough without it, the part ends before it.
func (p *Packager) complete(dts int64, emit func(media.Part)) {
	if !p.lead.pending {
		return
	}
	begins := p.lead.ticks(p.lead.newest)
	if begins-p.partStart >= p.enough && p.lead.ticks(dts)-p.partStart > p.part {
		p.closePart(begins, false, emit)
	}
	p.lead.finish(dts)
}

// endsSegment decides whether a sample of the leading track at now begins a new segment.
func (p *Packager) endsSegment(now media.Ticks, key bool) bool {
	age := now - p.segmentStart
	if p.index == 0 && age == 0 {
		return false
	}
	if n, _ := p.lead.ready(p.lead.end); n == 0 && now-p.partStart < p.part/8 {
		return false // the last part is out already, and there is not enough for another
	}
	switch {
	case !key:
		return age >= MaxSegment
	case p.dependent:
		return true
	case p.number < earlySegments && !p.even:
		return age >= p.part
	default:
		return age >= p.segment-early
	}
}

// closeSegment closes everything up to end, and the segment with it. A rest on the timeline of less
// than half a part counts for the next segment. At the end of a take everything that waits goes in.
func (p *Packager) closeSegment(end media.Ticks, everything bool, emit func(media.Part)) {
	for {
		last := end-p.partStart-p.part < p.part/2
		p.out.everything = everything && last
		p.closePart(end, last, emit)
		if last {
			return
		}
	}
}

// closePart makes a part of everything that is complete. On the timeline it ends at end, or after the
// longest time that a part may last. The segment ends with it if the next part would make it too long.
func (p *Packager) closePart(end media.Ticks, last bool, emit func(media.Part)) {
	duration := min(end-p.partStart, p.part)
	until := p.partStart + duration
	if age := until - p.segmentStart; age >= MaxSegment || age+min(end-until, p.part) > longest {
		last = true
	}
	last = last || p.cutNext
	part := p.assemble(until)
	part.Segment, part.Index = p.number, p.index
	part.Start, part.Duration, part.Last = p.partStart, duration, last
	if p.index == 0 {
		p.dependent = !part.Independent
	}
	p.partStart = until
	p.index++
	if last {
		p.number++
		p.index = 0
		p.segmentStart = until
		p.dependent, p.cutNext = false, false
		p.out.nextSegment()
	}
	emit(part)
}

// overtake is called when another track has come to now. If the leading one stays out for too long,
// the take goes on without it: its last frame lasts on, and the other tracks move the timeline.
func (p *Packager) overtake(now media.Ticks, emit func(media.Part)) {
	l := p.lead
	switch {
	case l.pending && now-l.ticks(l.newest) <= patience:
		return
	case !l.pending && now <= p.clock:
		return
	}
	p.clock = now
	p.arrive(l.scaled(now), false, emit)
	l.floor = max(l.floor, l.scaled(now)+l.step)
}

// finishAll ends the take: samples that wait get the duration that their track usually has.
func (p *Packager) finishAll(emit func(media.Part)) {
	if p.index == 0 && !p.waits() {
		return // all of it is out: an object ended here
	}
	var others media.Ticks // how far the other tracks reach
	for i := range p.lanes {
		if l := &p.lanes[i]; l != p.lead {
			l.finish(l.newest + max(l.frame, l.usual, l.step))
			others = max(others, l.ticks(l.end))
		}
	}
	l := p.lead
	end := max(l.end, l.scaled(p.clock))
	if l.pending {
		end = l.newest + l.usual
		if l.usual == 0 {
			end = l.newest + l.scaled(p.part)
		}
	}
	// A picture that ends long before the sound stays, and so does a still that was made for it.
	if l.ticks(end)+p.part < others || !l.pending || p.fill.leads() {
		end = max(l.scaled(others), l.newest+l.step)
	}
	// What came late for an object that has ended lasts for a moment at least.
	end = max(end, l.scaled(p.partStart+media.TicksPerSecond/1000)+l.step)
	p.fill.before(end)
	p.complete(end, emit)
	p.closeSegment(l.ticks(end), true, emit)
}

// waits reports whether there are samples that no part has.
func (p *Packager) waits() bool {
	for i := range p.lanes {
		if len(p.lanes[i].samples) > 0 {
			return true
		}
	}
	return false
}
