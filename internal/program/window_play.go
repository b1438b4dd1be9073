package program

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// playout adds the segments of a clock-driven entry, newest first. It returns false if its first one was not
// reached, so that nothing may come before.
func (b *builder) playout(e *Entry, p *Playout) bool {
	last := int64(-1)
	if e.End != nil {
		last = int64(e.End.At.Segment) - 1
	} else {
		last = b.onAir(e, p)
	}
	for n := last; n >= 0; n-- {
		if b.enough() || e.Number+n < b.view.Floor {
			return false
		}
		s := p.Segment(n)
		b.addPlayed(e, n, &s, b.played(&s, p.start))
	}
	return true
}

// onAir adds the segment that is playing, as far as its parts have been reached, and returns the newest one before
// it that is whole. What plays when is a matter of the node's clock; what has which number is not.
func (b *builder) onAir(e *Entry, p *Playout) (last int64) {
	now := e.Time(b.view.Now)
	playing := p.Playing(now)
	if u := b.view.Until; u != nil && playing >= int64(u.Segment) {
		b.held, b.listed = true, int64(u.Segment)
		return int64(u.Segment) - 1
	}
	if p.over(now) {
		b.listed = playing + 1
		return playing
	}
	b.listed = max(0, playing)
	s := p.Segment(max(0, playing))
	end := p.start.Add((s.Start + s.Duration).Duration())
	if b.wait(e, end); playing < 0 {
		b.wait(e, p.start)
	}
	if !b.view.LowLatency || playing < 0 {
		return playing - 1
	}
	parts := b.view.Parts(s.Clip.Take, s.Segment)
	reached, at := 0, s.Start
	for _, part := range parts {
		at += part.Duration
		next := p.start.Add(at.Duration())
		if b.wait(e, next); next.After(now) {
			break
		}
		reached++
	}
	if base := s.base(); reached < len(parts) {
		base.Run, base.From, base.To = true, uint32(reached), uint32(reached)
		b.hint = base.String()
	} else {
		b.wait(e, end)
	}
	if reached > 0 {
		b.listed++
		out := b.played(&s, p.start)
		out.URI, out.Complete, out.Parts = "", false, partsOf(s.base(), parts[:reached])
		b.addPlayed(e, playing, &s, out)
	}
	return playing - 1
}

// wait says at which program time of the entry there is more.
func (b *builder) wait(e *Entry, until time.Time) { b.next = until.Add(-e.Play.Ahead) }

func (b *builder) addPlayed(e *Entry, n int64, s *Played, out hls.Segment) {
	b.add(e, e.Number+n, out)
	b.discontinuity += s.Breaks
}

// played makes a whole segment of a playout.
func (b *builder) played(s *Played, start time.Time) hls.Segment {
	base := s.base()
	out := hls.Segment{
		URI: base.String(), Init: initAddress(base), Duration: s.Duration, Complete: true, Discontinuity: s.Break,
		ProgramTime: start.Add(s.Start.Duration()).UTC(),
	}
	if b.view.LowLatency && b.span < partsSpan {
		out.Parts = partsOf(base, b.view.Parts(s.Clip.Take, s.Segment))
	}
	return out
}

func (s *Played) base() media.Address {
	return media.Address{Take: s.Clip.Take, Rendition: media.Main, Segment: s.Segment}
}
