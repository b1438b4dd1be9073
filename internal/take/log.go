// Package take keeps takes: it cuts an encoder's samples into parts (Packager), holds the newest of
// them in memory and knows where the older ones lie in bundles (Log), writes a take's log (Writer),
// answers requests for media (Store), and finds takes again after a crash (Recover).
package take

import (
	"math"
	"sync"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// tailSpan is how long a stored segment stays in memory behind the live edge. Viewers at the
	// edge ask for the newest segments only; the rest is read back from the spool or the bucket.
	tailSpan = 6 * media.TicksPerSecond
	// partSpan is how long the parts of a segment are kept apart: playlists list parts for three
	// target durations (12 s), and a request may be as late as a playlist is old.
	partSpan = 30 * media.TicksPerSecond
)

// Log is one take as this node knows it: the order of its segments and parts, the tail in memory,
// and where the rest is stored. It is safe for concurrent use.
//
// What a log holds only grows at its end, and only until it has ended or is sealed; at its
// beginning segments leave once they are older than the DVR window (Trim).
type Log struct {
	take *media.Take

	mu        sync.Mutex
	segments  []*segment // in order, without holes
	safe      media.Pos  // everything before it survives the death of the writer's machine
	limit     media.Pos  // what may be listed; it only grows
	replica   bool
	passed    bool        // parts beyond its seal were passed over when it was rebuilt
	exact     func() bool // nothing may be listed that is not safe
	marks     []markLine
	marksSafe int // how many of them
	inMemory  int // index of the first segment whose bytes are in memory
	unpacked  int // index of the first segment whose parts are kept apart
	ended     bool
	endSafe   bool // whoever ends its writer finds that it closed the take
	sealed    bool
	seal      media.Pos
	bytes     int64 // bytes of the tail in memory
	watch     func(*Log, Event)
	grown     chan struct{} // closed when media came or the log ended; made on demand
	changed   chan struct{} // closed at every change; made on demand
}

// markLine is a mark and the place where it stands: behind everything before At.
type markLine struct {
	At   media.Pos
	Data []byte
}

// Event is a change that a log tells its watcher.
type Event struct {
	Kind EventKind
	Mark []byte // Marked, MarkSafe: as the writer wrote it
}

// EventKind says what changed in a log.
type EventKind int

// The changes of a log.
const (
	Grown    EventKind = iota // a part was added
	Marked                    // a mark came behind the newest part; the writer itself is not told
	Stored                    // more of the log is in bundles
	Safe                      // more of the log is safe
	MarkSafe                  // a mark is safe
	Ended                     // the writer closed the take, or it was sealed
)

// Edge says where the log of a take stands.
type Edge struct {
	At  media.Pos   // the place after the newest part
	Cut media.Ticks // how long the segment in the making is so far
	End media.Ticks // the end of the newest part
}

// NewLog makes the log of a take that is about to be written, or rebuilt. The watcher, if any, is
// called after every change, without locks held, by whoever made the change; it must not block.
func NewLog(t *media.Take, watch func(*Log, Event)) *Log {
	return &Log{take: t, watch: watch}
}

// Take returns the take's description, which never changes.
func (l *Log) Take() *media.Take { return l.take }

// Append adds the next part. The log keeps p.Data. It calls record before anybody can see the part.
func (l *Log) Append(p media.Part, record func()) {
	l.mu.Lock()
	record()
	l.add(p)
	l.mu.Unlock()
	l.tell(Event{Kind: Grown})
}

// add adds the next part; the lock is held.
func (l *Log) add(p media.Part) {
	s := l.open(p.Segment, p.Start)
	s.add(&p, uint32(len(p.Data)))
	l.keep(s, int(p.Index), p.Data)
	if p.Last {
		l.shrink()
	}
	l.advance()
}

// keep keeps the bytes of a part in memory, if those of all parts before it are; the lock is held.
func (l *Log) keep(s *segment, index int, data []byte) {
	if index == len(s.data) {
		s.data = append(s.data, data)
		l.bytes += int64(len(data))
	}
}

// drop lets the bytes of a segment leave memory; the lock is held.
func (l *Log) drop(s *segment) {
	for _, d := range s.data {
		l.bytes -= int64(len(d))
	}
	s.data = nil
}

// advance moves the limit of what may be listed; the lock is held. With an exact word to be had, only
// what is safe may be listed; else at most one finished segment that is not, and the parts after it.
func (l *Log) advance() {
	if l.replica { // its writer says
		return
	}
	to := l.safe
	if l.exact == nil || !l.exact() {
		// No further than there is: what comes later may find a witness named.
		to = media.Pos{Segment: l.safe.Segment + 1, Part: math.MaxUint32}
		if edge := l.edge(); edge.Before(to) {
			to = edge
		}
	}
	if l.limit.Before(to) {
		l.limit = to
	}
}

// open returns the segment of that number, beginning it if it is the next one.
func (l *Log) open(number uint32, start media.Ticks) *segment {
	if n := len(l.segments); n > 0 && l.segments[n-1].info.Number == number {
		return l.segments[n-1]
	}
	s := &segment{info: &media.SegmentInfo{Number: number, Start: start}}
	l.segments = append(l.segments, s)
	return s
}

// Stored notes where the parts of these records lie. Records of other kinds are passed over. It is
// called in the order of the log.
func (l *Log) Stored(recs []bundle.StoredRecord) {
	l.mu.Lock()
	for i := range recs {
		if p := recs[i].Record.Part; recs[i].Record.Kind == bundle.KindPart {
			if s := l.at(p.Segment); s != nil { // else trimmed: the bucket was away for longer than the DVR window
				s.store(recs[i].Ref)
			}
		}
	}
	l.shrink()
	l.mu.Unlock()
	l.tell(Event{Kind: Stored})
}

// Safe notes that these records survive the death of this machine. It is called in the order of the log.
func (l *Log) Safe(recs []bundle.Record) {
	l.mu.Lock()
	marks := l.marksSafe
	for i := range recs {
		switch recs[i].Kind {
		case bundle.KindPart:
			l.safe = after(&recs[i].Part)
		case bundle.KindMark:
			l.marksSafe = min(l.marksSafe+1, len(l.marks))
		case bundle.KindEnd:
			l.endSafe = true
		}
	}
	l.advance()
	safe := l.marks[marks:l.marksSafe]
	l.mu.Unlock()
	l.tell(Event{Kind: Safe})
	for _, m := range safe {
		l.tell(Event{Kind: MarkSafe, Mark: m.Data})
	}
}

// after returns the place behind a part.
func after(p *bundle.PartRecord) media.Pos {
	if p.Last {
		return media.Pos{Segment: p.Segment + 1}
	}
	return media.Pos{Segment: p.Segment, Part: p.Index + 1}
}

// shrink lets stored segments leave memory once they are behind the tail.
func (l *Log) shrink() {
	if len(l.segments) == 0 {
		return
	}
	last := l.segments[len(l.segments)-1].info
	edge := last.Start + last.Duration
	for ; l.inMemory < len(l.segments)-1; l.inMemory++ {
		s := l.segments[l.inMemory]
		if edge-(s.info.Start+s.info.Duration) < tailSpan || s.stored < len(s.info.Parts) {
			break
		}
		l.drop(s)
	}
	for ; l.unpacked < l.inMemory; l.unpacked++ {
		s := l.segments[l.unpacked]
		if edge-(s.info.Start+s.info.Duration) < partSpan {
			break
		}
		s.pack()
	}
}

// Release lets everything stored leave memory; for a take that has ended.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.stored == s.count() {
			l.drop(s)
		}
	}
}

// End closes the log: its writer adds nothing more.
func (l *Log) End() {
	l.mu.Lock()
	l.finish()
	l.mu.Unlock()
	l.tell(Event{Kind: Ended})
}

// finish ends the log where it stands; the lock is held.
func (l *Log) finish() {
	l.ended = true
	if n := len(l.segments); n > 0 && !l.segments[n-1].info.Complete {
		info := *l.segments[n-1].info
		info.Complete = true
		l.segments[n-1].info = &info
	}
}

// Seal ends the log of a dead writer: what lies at or beyond pos does not count.
func (l *Log) Seal(pos media.Pos) {
	l.mu.Lock()
	l.ended, l.sealed, l.seal = true, true, pos
	l.mu.Unlock()
	l.tell(Event{Kind: Ended})
}

// Trim forgets the segments that end before the given time of the take, which no playlist lists
// any more. The newest segment stays, and what the writer holds and has not stored.
func (l *Log) Trim(before media.Ticks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for (n < l.inMemory || l.replica) && n < len(l.segments)-1 {
		info := l.segments[n].info
		if info.Start+info.Duration >= before {
			break
		}
		l.drop(l.segments[n])
		n++
	}
	if n == 0 {
		return
	}
	l.segments = append([]*segment(nil), l.segments[n:]...)
	l.inMemory = max(0, l.inMemory-n)
	l.unpacked = max(0, l.unpacked-n)
}

// Listing returns a snapshot of the newest segments of the log: of so much time and at least
// leastListed, or with 0 of all.
func (l *Log) Listing(span media.Ticks) *media.Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	segments := l.segments
	if n := len(segments); span > 0 && n > leastListed {
		last := segments[n-1].info
		after := last.Start + last.Duration - span
		first := n - leastListed
		for first > 0 && segments[first-1].info.Start+segments[first-1].info.Duration > after {
			first--
		}
		segments = segments[first:]
	}
	out := &media.Listing{
		Take: l.take, Rendition: media.Main, Limit: l.limit,
		Ended: l.ended, Sealed: l.sealed, Seal: l.seal,
		Segments: make([]*media.SegmentInfo, len(segments)),
	}
	for i, s := range segments {
		out.Segments[i] = s.info
	}
	return out
}

// leastListed is how many segments a listing has at least, if there are so many.
const leastListed = 8

// Ended reports whether nothing follows.
func (l *Log) Ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Finished reports whether its own writer closed the take, rather than a seal.
func (l *Log) Finished() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended && !l.sealed
}

// Settled reports whether its own writer closed the take, and whoever ends that finds it so: how the last segment is
// listed hangs on it.
func (l *Log) Settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.endSafe
}

// Oldest returns where the oldest stored part of the log lies; ok is false if none is stored.
func (l *Log) Oldest() (ref bundle.Ref, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if len(s.refs) > 0 {
			return s.refs[0], true
		}
	}
	return bundle.Ref{}, false
}

// TailBytes returns how many bytes of media the log holds in memory.
func (l *Log) TailBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// Edge returns where the log stands.
func (l *Log) Edge() Edge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole()
}

// whole returns the edge; the lock is held.
func (l *Log) whole() Edge {
	e := Edge{At: l.edge()}
	if n := len(l.segments); n > 0 {
		info := l.segments[n-1].info
		e.End = info.Start + info.Duration
		if !info.Complete {
			e.Cut = info.Duration
		}
	}
	return e
}

// Start returns where the program would enter the take: its first segment if it has only begun, else its
// newest. With a time of the take that is still held, it is the first segment that begins no earlier.
func (l *Log) Start(after media.Ticks) (segment uint32, at media.Ticks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.segments)
	if n == 0 {
		return 0, 0
	}
	s := l.segments[n-1].info
	if s.Number < 2 {
		s = l.segments[0].info
	}
	for i := n - 1; after > 0 && i >= 0 && l.segments[i].info.Start >= after-startSlack; i-- {
		if l.segments[i].info.Independent {
			s = l.segments[i].info
		}
	}
	return s.Number, s.Start
}

// startSlack is how much of what was shown already may be shown again when a backup goes on air.
const startSlack = media.TicksPerSecond / 4

// mark calls record with the place where the log stands, and keeps the mark that it returns; no part
// comes in between.
func (l *Log) mark(record func(Edge) []byte) {
	l.mu.Lock()
	e := l.whole()
	data := record(e)
	l.marks = append(l.marks, markLine{e.At, data})
	l.wake()
	l.mu.Unlock()
}

// wake wakes followers; the lock is held.
func (l *Log) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (l *Log) edge() media.Pos {
	n := len(l.segments)
	if n == 0 {
		return media.Pos{}
	}
	info := l.segments[n-1].info
	if info.Complete {
		return media.Pos{Segment: info.Number + 1}
	}
	return media.Pos{Segment: info.Number, Part: uint32(len(info.Parts))}
}

// at returns the segment of that number, or nil.
func (l *Log) at(number uint32) *segment {
	if len(l.segments) == 0 || number < l.segments[0].info.Number {
		return nil
	}
	i := int64(number) - int64(l.segments[0].info.Number)
	if i >= int64(len(l.segments)) {
		return nil
	}
	return l.segments[i]
}

// tell wakes who waits for media and calls the watcher. No lock is held.
func (l *Log) tell(e Event) {
	l.mu.Lock()
	if l.grown != nil && (e.Kind == Grown || e.Kind == Ended || e.Kind == Stored) {
		close(l.grown)
		l.grown = nil
	}
	l.wake()
	watch := l.watch
	l.mu.Unlock()
	if watch != nil {
		watch(l, e)
	}
}
