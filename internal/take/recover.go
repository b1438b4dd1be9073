package take

import (
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Mark is a mark found in the log of a take.
type Mark struct {
	Take media.TakeID
	Data []byte
}

// Rebuilt is what the bundles of an incarnation say.
type Rebuilt struct {
	Logs  []*Log // ended or sealed, in order of birth
	Marks []Mark // in the order of the bundles
	// Pieces are what publishers pushed and what is complete in the bucket, by channel.
	Pieces map[string][]Pushed
}

// Pushed is an object that was pushed, and the take that it is in.
type Pushed struct {
	bundle.Piece
	Take media.TakeID
}

// Rebuild makes the logs of all takes of an incarnation that has ended. A take that its writer
// closed is ended; another is sealed where the seal says. Parts of takes whose birth the collector
// has deleted are passed over.
func Rebuild(r *bundle.Recovered) *Rebuilt {
	out := &Rebuilt{Pieces: map[string][]Pushed{}}
	logs := map[media.TakeID]*Log{}
	for _, s := range r.Bundles {
		for i := range s.Index.Records {
			rec := &s.Index.Records[i]
			switch rec.Kind {
			case bundle.KindBirth:
				l := NewLog(rec.Birth, nil)
				logs[rec.Take] = l
				out.Logs = append(out.Logs, l)
			case bundle.KindPart:
				l := logs[rec.Take]
				switch {
				case l == nil:
				case beyond(r.Seal, rec.Take, media.Pos{Segment: rec.Part.Segment, Part: rec.Part.Index}):
					l.passed = true
				default:
					l.restore(&rec.Part, bundle.Ref{Incarnation: r.Incarnation, Sequence: s.Sequence, Offset: rec.Part.Offset, Length: rec.Part.Length})
				}
			case bundle.KindMark:
				if l := logs[rec.Take]; l != nil && l.passed {
					continue
				}
				out.Marks = append(out.Marks, Mark{rec.Take, rec.Mark})
				if l := logs[rec.Take]; l != nil {
					l.marks = append(l.marks, markLine{l.edge(), rec.Mark})
					l.marksSafe++
				}
			case bundle.KindPiece:
				// Also beyond the seal: it was acknowledged as soon as its bundle landed, and its bytes are there.
				if l := logs[rec.Take]; l != nil {
					out.Pieces[l.take.Channel] = append(out.Pieces[l.take.Channel], Pushed{rec.Piece, rec.Take})
				}
			case bundle.KindEnd:
				if l := logs[rec.Take]; l != nil && !l.passed {
					l.ended = true
				}
			}
		}
	}
	for id, l := range logs {
		if !l.ended {
			l.ended, l.sealed, l.seal = true, true, r.Seal.Takes[id]
		}
	}
	return out
}

// beyond reports whether a place of a take lies beyond its seal: what landed there does not count.
func beyond(s *bundle.Seal, id media.TakeID, at media.Pos) bool {
	end, ok := s.Takes[id]
	return ok && !at.Before(end)
}

// restore adds a part that is stored already. Nobody else knows the log yet. What does not follow what
// is there is passed over: it was stored twice, or nobody was told of it.
func (l *Log) restore(p *bundle.PartRecord, ref bundle.Ref) {
	if !l.follows(media.Pos{Segment: p.Segment, Part: p.Index}) {
		return
	}
	s := l.open(p.Segment, p.Start)
	s.add(&media.Part{
		Segment: p.Segment, Index: p.Index, Start: p.Start, Duration: p.Duration,
		Independent: p.Independent, Last: p.Last, Spans: p.Spans,
	}, p.Length)
	s.store(ref)
	l.survives(after(p))
	// All but the newest segments are old: their parts matter to late requests only.
	if n := len(l.segments); p.Last && n > 8 {
		l.segments[n-8].pack()
		l.unpacked = max(l.unpacked, n-7)
	}
	if !l.replica {
		l.inMemory = len(l.segments)
	}
}

// follows reports whether a part at that place can be added; the lock is held. A log that is empty begins
// with any segment, for older ones may have been trimmed.
func (l *Log) follows(at media.Pos) bool {
	if len(l.segments) == 0 {
		return at.Part == 0
	}
	return at == l.edge()
}

// survives notes that everything before a place lies in bundles that count, so that it is safe and may be
// listed; the lock is held.
func (l *Log) survives(at media.Pos) {
	if l.safe.Before(at) {
		l.safe = at
	}
	if l.limit.Before(at) {
		l.limit = at
	}
}

// Held is what a witness holds of one take.
type Held struct {
	Birth *media.Take // nil if it was stored before
	Parts []media.Part
	Marks [][]byte
	Ended bool // its writer closed it
}

// Gather sorts what a witness holds by take.
func Gather(items []bundle.Item) map[media.TakeID]Held {
	out := map[media.TakeID]Held{}
	for i := range items {
		r := &items[i].Record
		h := out[r.Take]
		switch r.Kind {
		case bundle.KindBirth:
			h.Birth = r.Birth
		case bundle.KindPart:
			p := &r.Part
			h.Parts = append(h.Parts, media.Part{
				Segment: p.Segment, Index: p.Index, Start: p.Start, Duration: p.Duration,
				Independent: p.Independent, Last: p.Last, Spans: p.Spans, Data: items[i].Data,
			})
		case bundle.KindMark:
			h.Marks = append(h.Marks, r.Mark)
		case bundle.KindEnd:
			h.Ended = true
		}
		out[r.Take] = h
	}
	return out
}

// Complete adds to the log of a dead writer what a witness holds of it and the log lacks, and ends it there.
func (l *Log) Complete(h Held) {
	l.mu.Lock()
	for _, p := range h.Parts {
		if l.follows(media.Pos{Segment: p.Segment, Part: p.Index}) {
			l.add(p)
		}
	}
	if h.Ended {
		l.finish()
	}
	l.ended, l.sealed, l.seal = true, !h.Ended, l.edge()
	l.safe = l.edge()
	l.limit = l.safe
	l.mu.Unlock()
	l.tell(Event{Kind: Grown})
	l.tell(Event{Kind: Ended})
}
