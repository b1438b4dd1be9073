package take

import (
	"context"
	"io"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// BeatEvery is how often a feed says that it lives if it has nothing to say.
	BeatEvery = time.Second
	// lastTime is how long a feed goes on after its log has ended, to say where the last of it is stored.
	lastTime = 30 * time.Second
	// feedBatch bounds what a feed takes from its log at once, so that the log is not held up.
	feedBatch = 4 << 20
)

// feed is one follower's place in a log. What the follower has not been sent yet is taken from the log
// when the follower can take it: a slow one costs no memory, it gets what has left memory meanwhile as
// references.
type feed struct {
	log       *Log
	next      media.Pos // the first part not sent
	begun     bool
	marks     int // sent
	marksSafe int
	safe      media.Pos
	limit     media.Pos
	refsFrom  uint32 // segments before it were announced as stored whole
	ended     bool
	refs      map[uint32]int // how many stored parts of the others were announced
}

// Feed writes a log to a follower, from a place on: what is there, and then everything as it comes,
// until the log ends. It tells where the parts of the segments from refs on lie. flush is called when
// there is nothing more to write for the moment.
func (l *Log) Feed(ctx context.Context, from media.Pos, refs uint32, w io.Writer, flush func() error) error {
	f := newFeed(l, from, refs)
	beat := time.NewTicker(BeatEvery)
	defer beat.Stop()
	var last <-chan time.Time // when it is not waited any longer until all of an ended log is stored
	for {
		b, changed, more, ended := f.take()
		if f.ended && last == nil {
			last = time.After(lastTime)
		}
		for _, s := range b {
			if _, err := w.Write(s); err != nil {
				return err
			}
		}
		if ended {
			return flush()
		}
		if more {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-last:
			return flush()
		case <-beat.C:
			if _, err := w.Write(beatFrame); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newFeed(l *Log, from media.Pos, refs uint32) *feed {
	return &feed{log: l, next: from, refsFrom: min(refs, from.Segment), refs: map[uint32]int{}}
}

// take takes from the log what the follower has not been sent. more says that there is more; changed is
// closed when there will be.
func (f *feed) take() (out [][]byte, changed <-chan struct{}, more, ended bool) {
	l := f.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	e := &encoder{}
	if !f.begun {
		f.begun = true
		e.birth(l.take)
		if len(l.segments) > 0 && f.next.Segment < l.segments[0].info.Number {
			f.next = media.Pos{Segment: l.segments[0].info.Number}
		}
		if len(l.segments) > 0 {
			f.refsFrom = max(f.refsFrom, l.segments[0].info.Number)
		}
	}
	size := 0
	for size < feedBatch {
		n := f.media(e)
		if n == 0 {
			break
		}
		size += n
	}
	if size >= feedBatch {
		return e.out(), nil, true, false
	}
	f.marksBefore(e, l.edge())
	f.stored(e)
	if f.safe != l.safe || f.limit != l.limit || f.marksSafe != l.marksSafe {
		f.safe, f.limit, f.marksSafe = l.safe, l.limit, l.marksSafe
		e.limit(l.safe, l.limit, l.marksSafe)
	}
	if l.ended && !f.ended {
		f.ended = true
		e.end(l.sealed, l.seal)
	}
	if l.ended && f.announced() {
		return e.out(), nil, false, true
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return e.out(), l.changed, false, false
}

// media takes the next part, or a segment that has left memory, and returns its size; 0 says that there
// is none.
func (f *feed) media(e *encoder) int {
	l := f.log
	s := l.at(f.next.Segment)
	if s == nil {
		if len(l.segments) > 0 && f.next.Segment < l.segments[0].info.Number { // trimmed
			f.next = media.Pos{Segment: l.segments[0].info.Number}
			return 1
		}
		return 0
	}
	parts := s.parts()
	if int(f.next.Part) >= len(parts) {
		if !s.info.Complete {
			return 0
		}
		f.next = media.Pos{Segment: f.next.Segment + 1}
		return 1
	}
	if int(f.next.Part) >= len(s.data) { // its bytes have left memory
		if s.stored < len(parts) {
			return 0
		}
		f.next.Part = uint32(len(parts))
		f.marksBefore(e, f.next) // a feed may break behind the segment: nothing is known without the marks that stand in it
		if s.info.Complete {
			f.next = media.Pos{Segment: f.next.Segment + 1}
		}
		return e.segment(s)
	}
	f.marksBefore(e, f.next)
	n := f.next.Part
	start := s.info.Start
	for i := range n {
		start += parts[i].Duration
	}
	e.part(&media.Part{
		Segment: f.next.Segment, Index: n, Start: start, Duration: parts[n].Duration,
		Independent: parts[n].Independent, Last: s.info.Complete && int(n) == len(parts)-1, Spans: parts[n].Spans, Data: s.data[n],
	})
	f.next.Part++
	return len(s.data[n]) + 1
}

// marksBefore takes the marks that stand at or before a place.
func (f *feed) marksBefore(e *encoder, at media.Pos) {
	for ; f.marks < len(f.log.marks) && !at.Before(f.log.marks[f.marks].At); f.marks++ {
		e.mark(f.marks, f.log.marks[f.marks])
	}
}

// announced reports whether the follower knows where everything lies.
func (f *feed) announced() bool {
	n := len(f.log.segments)
	return n == 0 || f.log.segments[n-1].stored == f.log.segments[n-1].count()
}

// stored announces where parts that were sent with their bytes lie now.
func (f *feed) stored(e *encoder) {
	l := f.log
	for n := f.refsFrom; n <= f.next.Segment; n++ {
		s := l.at(n)
		if s == nil {
			if n < f.next.Segment {
				f.refsFrom = n + 1
			}
			continue
		}
		if s.stored > f.refs[n] {
			f.refs[n] = s.stored
			e.refs(s)
		}
		if n == f.refsFrom && s.info.Complete && s.stored == s.count() && n < f.next.Segment {
			delete(f.refs, n)
			f.refsFrom = n + 1
		}
	}
}
