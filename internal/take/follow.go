package take

import (
	"io"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Part returns the part at a place, or behind it if no part is there because a segment ended; next is the place
// behind it. If it is still to come, changed is closed when it is worth asking again. The error is io.EOF behind the
// last part of a log that has ended, and ErrNoMedia for a part whose bytes have left memory.
func (l *Log) Part(at media.Pos) (p *media.Part, next media.Pos, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.at(at.Segment)
	if s != nil && s.info.Complete && int(at.Part) >= s.count() {
		at = media.Pos{Segment: at.Segment + 1}
		s = l.at(at.Segment)
	}
	switch {
	case s == nil && len(l.segments) > 0 && at.Segment < l.segments[0].info.Number:
		return nil, at, nil, ErrNoMedia
	case s == nil || int(at.Part) >= s.count():
		if l.ended {
			return nil, at, nil, io.EOF
		}
		return nil, at, l.wait(), nil
	case int(at.Part) >= len(s.data):
		return nil, at, nil, ErrNoMedia
	}
	parts, start := s.parts(), s.info.Start
	for i := range parts[:at.Part] {
		start += parts[i].Duration
	}
	info := &parts[at.Part]
	return &media.Part{
		Segment: at.Segment, Index: at.Part, Start: start, Duration: info.Duration, Independent: info.Independent,
		Last: s.info.Complete && int(at.Part) == len(parts)-1, Spans: info.Spans, Data: s.data[at.Part],
	}, media.Pos{Segment: at.Segment, Part: at.Part + 1}, nil, nil
}

// Since returns the place of the first part that is in memory and of a segment that ends after a time of the take.
func (l *Log) Since(t media.Ticks) media.Pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.edge()
	for i := len(l.segments) - 1; i >= l.inMemory && i >= 0; i-- {
		s := l.segments[i]
		if len(s.data) == 0 || s.info.Start+s.info.Duration <= t {
			break
		}
		at = media.Pos{Segment: s.info.Number}
	}
	return at
}
