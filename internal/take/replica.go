package take

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Replica is a follower's copy of a log that is written elsewhere. It takes in feeds, one after the
// other: when the node that it follows dies, it goes on with another one that has the log.
type Replica struct {
	log         *Log
	incarnation *bundle.Incarnation
	bundles     int // that were taken in
	marks       int // found in them
}

// NewReplica makes a replica of a log of which nothing is known but the take; see NewLog for watch.
func NewReplica(t *media.Take, watch func(*Log, Event)) *Replica {
	l := NewLog(t, watch)
	l.replica = true
	return &Replica{log: l, incarnation: &bundle.Incarnation{Node: t.Node, ID: t.Incarnation}}
}

// ReadBirth reads the beginning of a feed: the description of the take that follows.
func ReadBirth(r *bufio.Reader) (*media.Take, error) {
	kind, body, err := readFrame(r)
	if err != nil {
		return nil, err
	}
	t := &media.Take{}
	if kind != frameBirth || json.Unmarshal(body, t) != nil || t.ID.IsZero() || t.Rendition(media.Main) == nil {
		return nil, fmt.Errorf("it does not begin with a take: %w", ErrFeed)
	}
	return t, nil
}

// Log returns the log that the replica fills.
func (x *Replica) Log() *Log { return x.log }

// From returns where the next feed shall begin: at the first part whose bytes can not be had here. refs is
// the first segment of which it is not known where all parts lie.
func (x *Replica) From() (at media.Pos, refs uint32) {
	l := x.log
	l.mu.Lock()
	defer l.mu.Unlock()
	at = l.edge()
	refs = at.Segment
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := l.segments[i]
		stored := s.stored == s.count()
		if !stored {
			refs = s.info.Number
		}
		// Of the segment in the making all bytes are needed, for the parts to come can only be kept behind them.
		if len(s.data) < s.count() && (!stored || !s.info.Complete) {
			at = media.Pos{Segment: s.info.Number, Part: uint32(len(s.data))}
		}
	}
	return at, refs
}

// Read takes in a feed behind its birth. It returns nil when the log has ended and it is known where all
// of it lies, io.EOF when the feed ended before.
func (x *Replica) Read(r *bufio.Reader) error {
	ended := false
	for {
		kind, body, err := readFrame(r)
		if err == io.EOF && ended {
			return nil
		}
		if err != nil {
			return err
		}
		n := &numbers{b: body}
		switch kind {
		case frameSegment:
			x.segment(n)
		case framePart:
			x.part(n)
		case frameRefs:
			x.refs(n)
		case frameMark:
			x.mark(n)
		case frameLimit:
			x.limit(n)
		case frameEnd:
			x.end(n)
			ended = !n.bad
		case frameBeat:
		default:
			return fmt.Errorf("frame of kind %q: %w", kind, ErrFeed)
		}
		if n.bad {
			return fmt.Errorf("malformed frame of kind %q: %w", kind, ErrFeed)
		}
	}
}

func (x *Replica) part(n *numbers) {
	p := media.Part{Segment: n.u32(), Index: n.u32(), Start: n.ticks(), Duration: n.ticks()}
	flags, spans := n.next(3), n.next(maxTracks)
	var total uint64
	for range spans {
		p.Spans = append(p.Spans, n.u32())
		total += uint64(p.Spans[len(p.Spans)-1])
	}
	p.Independent, p.Last, p.Data = flags&1 != 0, flags&2 != 0, n.b
	if n.bad || total != uint64(len(p.Data)) {
		n.bad = true
		return
	}
	l := x.log
	l.mu.Lock()
	at := media.Pos{Segment: p.Segment, Part: p.Index}
	if edge := l.edge(); len(l.segments) > 0 && at.Before(edge) {
		if s := l.at(p.Segment); s != nil && (s.stored < s.count() || !s.info.Complete) {
			l.keep(s, int(p.Index), p.Data) // it was known from bundles only
		}
		l.mu.Unlock()
		return
	} else if len(l.segments) == 0 || at != edge {
		if n.bad = at.Part != 0; n.bad { // in the middle of a segment whose beginning nobody sent
			l.mu.Unlock()
			return
		}
		l.forget() // what lay between has been trimmed
	}
	l.add(p)
	l.mu.Unlock()
	l.tell(Event{Kind: Grown})
}

// forget drops all segments: what follows does not follow them. The lock is held.
func (l *Log) forget() {
	l.segments, l.bytes, l.inMemory, l.unpacked = nil, 0, 0, 0
}

const maxTracks = 16

// segment takes a segment that is stored and has left the memory of the other node.
func (x *Replica) segment(n *numbers) {
	info := &media.SegmentInfo{Number: n.u32(), Start: n.ticks(), Duration: n.ticks()}
	flags := n.next(3)
	info.Independent, info.Complete = flags&1 != 0, flags&2 != 0
	parts, ok := unpackParts(n.bytes(maxFrameText))
	if !ok {
		n.bad = true
	}
	stored, refs := n.refs(x.incarnation)
	if n.bad || stored != len(parts) {
		n.bad = true
		return
	}
	info.Parts = parts
	s := &segment{info: info, refs: refs, stored: stored}
	for i := range parts {
		s.size += parts[i].Length
	}
	l := x.log
	l.mu.Lock()
	grown := l.place(s)
	l.mu.Unlock()
	if grown {
		l.tell(Event{Kind: Grown})
	}
}

// place puts a stored segment where it belongs: behind the others, or in the place of one of which
// parts were missing. A hole before it makes what is older worthless. The lock is held.
func (l *Log) place(s *segment) bool {
	if old := l.at(s.info.Number); old != nil {
		if old.info.Complete || old.count() >= s.count() {
			if s.stored > old.stored && s.stored <= old.count() {
				old.stored, old.refs = s.stored, s.refs
				l.wake()
			}
			return false
		}
		l.drop(old)
		l.segments[len(l.segments)-1] = s // only the last can be incomplete
	} else {
		if len(l.segments) > 0 && l.edge() != (media.Pos{Segment: s.info.Number}) {
			if s.info.Number < l.segments[0].info.Number {
				return false
			}
			l.forget()
		}
		l.segments = append(l.segments, s)
	}
	l.inMemory, l.unpacked = min(l.inMemory, len(l.segments)), min(l.unpacked, len(l.segments))
	l.shrink()
	return true
}

func (x *Replica) refs(n *numbers) {
	number := n.u32()
	stored, refs := n.refs(x.incarnation)
	if n.bad {
		return
	}
	l := x.log
	l.mu.Lock()
	if s := l.at(number); s != nil && stored <= s.count() && stored > s.stored {
		s.stored, s.refs = stored, refs
		l.shrink()
	}
	l.mu.Unlock()
	l.tell(Event{Kind: Stored})
}

func (x *Replica) mark(n *numbers) {
	index, at := n.next(maxParts), n.pos()
	data := n.b
	if n.bad || len(data) > maxFrameText {
		n.bad = true
		return
	}
	l := x.log
	l.mu.Lock()
	known := index < uint64(len(l.marks))
	if n.bad = index > uint64(len(l.marks)); !known && !n.bad {
		l.marks = append(l.marks, markLine{at, data})
	}
	l.mu.Unlock()
	if !known && !n.bad {
		l.tell(Event{Kind: Marked, Mark: data})
	}
}

func (x *Replica) limit(n *numbers) {
	safe, limit, marks := n.pos(), n.pos(), int(n.next(maxParts))
	if n.bad {
		return
	}
	l := x.log
	l.mu.Lock()
	if l.safe.Before(safe) {
		l.safe = safe
	}
	if l.limit.Before(limit) {
		l.limit = limit
	}
	from := l.marksSafe
	l.marksSafe = max(l.marksSafe, min(marks, len(l.marks)))
	counted := l.marks[from:l.marksSafe]
	l.mu.Unlock()
	l.tell(Event{Kind: Safe})
	for _, m := range counted {
		l.tell(Event{Kind: MarkSafe, Mark: m.Data})
	}
}

func (x *Replica) end(n *numbers) {
	sealed, seal := n.next(1) == 1, n.pos()
	if n.bad {
		return
	}
	l := x.log
	l.mu.Lock()
	if ended := l.ended; ended && !l.sealed {
		l.mu.Unlock()
		return
	}
	l.ended, l.sealed, l.seal = true, sealed, seal
	if !sealed {
		l.finish()
	}
	l.mu.Unlock()
	l.tell(Event{Kind: Ended})
}

// Bundles takes in what the bundles of the writer say of the take: for when no node can be followed.
// The list is always the same one, which only grows. It reports whether the log has ended.
func (x *Replica) Bundles(list []bundle.Scanned) (ended bool) {
	l := x.log
	grown, stored := false, false
	for ; x.bundles < len(list); x.bundles++ {
		s := &list[x.bundles]
		for i := range s.Index.Records {
			r := &s.Index.Records[i]
			if r.Take != l.take.ID {
				continue
			}
			switch r.Kind {
			case bundle.KindPart:
				ref := bundle.Ref{Incarnation: x.incarnation, Sequence: s.Sequence, Offset: r.Part.Offset, Length: r.Part.Length}
				grown, stored = x.storedPart(&r.Part, ref) || grown, true
			case bundle.KindMark:
				x.storedMark(r.Mark)
			case bundle.KindEnd:
				ended = true
			}
		}
	}
	if grown {
		l.tell(Event{Kind: Grown})
	}
	if stored {
		l.mu.Lock()
		l.shrink()
		l.mu.Unlock()
		l.tell(Event{Kind: Stored})
		l.tell(Event{Kind: Safe})
	}
	if ended && !l.Ended() {
		l.End()
	}
	return ended || l.Ended()
}

// storedPart notes a part that lies in a bundle, and reports whether it is new.
func (x *Replica) storedPart(p *bundle.PartRecord, ref bundle.Ref) bool {
	l := x.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.at(p.Segment); s != nil && int(p.Index) < s.count() {
		if int(p.Index) == s.stored {
			s.store(ref)
		}
		l.survives(after(p))
		return false
	}
	before := l.edge()
	l.restore(p, ref)
	return before != l.edge()
}

func (x *Replica) storedMark(data []byte) {
	l := x.log
	l.mu.Lock()
	x.marks++
	known := len(l.marks) >= x.marks
	if !known {
		l.marks = append(l.marks, markLine{l.edge(), data})
	}
	told := l.marksSafe >= x.marks
	l.marksSafe = max(l.marksSafe, x.marks)
	l.mu.Unlock()
	if !known {
		l.tell(Event{Kind: Marked, Mark: data})
	}
	if !told {
		l.tell(Event{Kind: MarkSafe, Mark: data})
	}
}
