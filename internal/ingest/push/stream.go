package push

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	maxKnown = 20000 // names of pieces that are remembered
	maxInits = 16
	// maxYears bounds how far a session's times may be apart, in seconds.
	maxYears = 50 * 365 * 86400
)

// durableFunc waits until a piece is durable.
type durableFunc = func(ctx context.Context) error

// piece is what is remembered of an object that was written.
type piece struct {
	sum     [32]byte
	durable durableFunc // nil: it is
}

// event is what the state machine wants done, in order.
type event struct {
	tracks []media.Track // not nil: they are new
	sample media.Sample  // with data: to be written
	piece  *object       // not nil: it is complete
	rest   bool          // with piece: all tracks stand at the end of an object
	gone   *object       // not nil: this one is missing before gone and was given up
}

// stream is the state machine of a session: uploads go in, in whatever order they arrive, and events
// come out. It has no goroutine, no clock and does no I/O: now is the time since the session began.
type stream struct {
	explicit bool
	maxHeld  int64

	open     map[string]*object // by name: begun, and neither written nor failed
	known    map[string]piece
	order    []string // names in known, oldest first
	lanes    map[string]*lane
	inits    map[string]*header // by name
	repeated bool               // an init came again: perhaps the encoder began anew
	maps     map[string]string  // lane -> name of its init, from playlists
	ended    bool               // a manifest said so
	leaving  bool               // the publisher said so: it ends with what comes before final
	final    uint64

	slots     [slots]slot
	begun     bool // tracks were given
	gathering time.Duration
	stuck     time.Duration // since when the merge waits for a track
	origin    int64         // seconds that are subtracted from all times
	anchored  bool
	held      int64 // bytes of samples that wait

	out []event
}

func newStream(explicit bool, maxHeld int64, known map[string][32]byte) *stream {
	s := &stream{
		explicit: explicit, maxHeld: maxHeld, open: map[string]*object{}, known: map[string]piece{}, lanes: map[string]*lane{},
		inits: map[string]*header{}, maps: map[string]string{}, gathering: never, stuck: never,
	}
	for name, sum := range known {
		s.remember(name, piece{sum: sum})
		p := place{name: name}
		p.findNumber(path.Base(name))
		if l, err := s.lane(p.lane); err == nil && p.numbered && (!l.started || p.number > l.last) {
			l.started, l.last = true, p.number
		}
	}
	return s
}

func (s *stream) remember(name string, p piece) {
	if _, ok := s.known[name]; !ok {
		if s.order = append(s.order, name); len(s.order) > maxKnown {
			delete(s.known, s.order[0])
			s.order = s.order[1:]
		}
	}
	s.known[name] = p
}

func (s *stream) lane(name string) (*lane, error) {
	l := s.lanes[name]
	if l == nil {
		if len(s.lanes) >= maxLanes {
			return nil, errMany
		}
		l = &lane{name: name, holeSince: never}
		s.lanes[name] = l
	}
	return l, nil
}

// init notes an init. An init never changes within a session.
func (s *stream) init(name string, h *header) error {
	if old := s.inits[name]; old != nil {
		s.repeated = true
		if old.sum != h.sum {
			return errOther
		}
		return nil
	}
	if len(s.inits) >= maxInits {
		return errMany
	}
	s.inits[name] = h
	return nil
}

// headerFor finds the init of a lane's segments: the one that a playlist names, or whose name shares a
// word with theirs in the same directory, or that is the only one there and has no name of its own.
// With loose, the only one there is enough.
func (s *stream) headerFor(p place, loose bool) *header {
	if name, ok := s.maps[p.lane]; ok {
		return s.inits[name]
	}
	dir := path.Dir(p.name)
	var best, only *header
	most, count := 0, 0
	words := nameWords(p.lane)
	for name, h := range s.inits {
		if path.Dir(name) != dir {
			continue
		}
		only = h
		count++
		own := nameWords(name)
		shared := 0
		for _, w := range own {
			if slices.Contains(words, w) {
				shared++
			}
		}
		switch {
		case len(own) == 0 && best == nil:
			best = h
		case shared > most:
			best, most = h, shared
		case shared == most && most > 0:
			best = nil // two are as near
		}
	}
	if best == nil && loose && count == 1 {
		return only
	}
	return best
}

// nameWords returns the words of a file's name that tell representations apart.
func nameWords(name string) []string {
	base := path.Base(name)
	base = strings.TrimSuffix(base, path.Ext(base))
	words := strings.FieldsFunc(base, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
	})
	return slices.DeleteFunc(words, func(w string) bool { return w == "init" || w == "header" || w == "map" })
}

// begin notes that an upload of an object that is not known begins. oldest is the lowest number that
// will still come, if the publisher says so.
func (s *stream) begin(p place, oldest uint64, hinted bool) (*object, error) {
	l, err := s.lane(p.lane)
	if err != nil {
		return nil, err
	}
	if hinted && (!l.hinted || oldest > l.oldest) {
		l.oldest, l.hinted = oldest, true
	}
	if p.numbered && l.started && p.number <= l.last {
		if !s.explicit && (s.repeated || l.last-p.number > maxAhead) {
			return nil, errOther // the encoder began anew
		}
		return nil, errLate
	}
	if len(l.pending) >= maxAhead {
		return nil, errAhead
	}
	if s.held >= s.maxHeld {
		return nil, errFull
	}
	o := &object{place: p, ready: never, done: make(chan struct{})}
	s.open[p.name] = o
	l.uploads++
	l.enqueue(o)
	return o, nil
}

// own notes that a long upload begins with its own init: it is a representation by itself, whatever
// its name.
func (s *stream) own(o *object, h *header) error {
	o.header, o.endless = h, true
	old := s.lanes[o.lane]
	if o.lane == o.name && !o.numbered {
		return nil
	}
	l, err := s.lane(o.name)
	if err != nil {
		return err
	}
	old.forget(o)
	old.uploads--
	o.lane, o.numbered = o.name, false
	l.uploads++
	l.enqueue(o)
	return nil
}

// feed takes samples of an upload that have arrived.
func (s *stream) feed(now time.Duration, o *object, samples []sample) error {
	if o.ended {
		return o.err
	}
	for i := range samples {
		x := &samples[i]
		if l := s.slots[x.slot].lane; l != nil && l != s.lanes[o.lane] {
			return errSecond
		}
		if !s.anchored {
			s.anchored, s.origin = true, seconds(x.dts, s.scale(o, x.slot))
		}
		if d := seconds(x.dts, s.scale(o, x.slot)) - s.origin; !o.ts && (d > maxYears || d < -maxYears) {
			return broken("decode times are more than 50 years apart")
		}
		o.bytes += int64(len(x.data))
		s.held += int64(len(x.data))
	}
	if o.ready == never {
		o.ready = now
	}
	o.waiting = append(o.waiting, samples...)
	s.tick(now)
	return o.err
}

// scale is the time scale of an upload's samples.
func (s *stream) scale(o *object, slot int) int64 {
	if o.ts {
		return tsRate
	}
	return int64(o.header.tracks[slot].Timescale)
}

// finish notes that all of an upload has arrived.
func (s *stream) finish(now time.Duration, o *object, sum [32]byte) {
	if o.whole || o.ended {
		return
	}
	o.whole, o.sum = true, sum
	s.lanes[o.lane].uploads--
	if o.ready == never {
		o.ready = now
	}
	s.tick(now)
}

// abort ends an upload that will not become whole, or an object that nobody waits for any more. What
// was taken in of it stays.
func (s *stream) abort(now time.Duration, o *object, err error) {
	l := s.lanes[o.lane]
	if o.ended || o.whole && o.taken {
		return
	}
	if !o.whole {
		l.uploads--
	}
	l.forget(o)
	if o.taken {
		l.partial = o.name
		if o.numbered { // it is still the next one
			l.started, l.last = o.number > 0, max(o.number, 1)-1
		}
	}
	s.fail(o, err)
	s.tick(now)
}

// fail ends an object that was not written.
func (s *stream) fail(o *object, err error) {
	s.held -= o.bytes
	o.waiting, o.bytes = nil, 0
	o.ended, o.err = true, err
	s.closed(o)
	close(o.done)
}

// tick does what is due now.
func (s *stream) tick(now time.Duration) {
	for _, l := range s.lanes {
		s.advance(now, l)
	}
	s.merge(now)
}

// advance takes in the objects of a lane that are next.
func (s *stream) advance(now time.Duration, l *lane) {
	for {
		if o := l.current; o != nil {
			s.takeIn(l, o)
			if l.current == o && !o.whole {
				return
			}
			l.current = nil
			continue
		}
		o, skipped := l.next(now, s.explicit, s.follows)
		if o == nil {
			return
		}
		if skipped {
			s.out = append(s.out, event{gone: o})
		}
		l.pending = slices.Delete(l.pending, 0, 1)
		l.current, o.taken, l.holeSince = o, true, never
		if o.numbered {
			l.started = true
			l.last = o.number
		}
	}
}

// takeIn moves what has arrived of the current object into the slots.
func (s *stream) takeIn(l *lane, o *object) {
	s.held -= o.bytes // push counts what it keeps
	waiting := o.waiting
	o.waiting, o.bytes = nil, 0
	shift := int64(0)
	if o.ts && len(waiting) > 0 {
		shift = l.clock.unwrap(waiting[0].dts)
	}
	for _, x := range waiting {
		if o.ts {
			x.dts += shift
			l.clock.going, l.clock.last = true, x.dts
		}
		if err := s.push(l, o, x); err != nil {
			l.forget(o)
			if !o.whole {
				l.uploads--
			}
			s.fail(o, err)
			return
		}
	}
	if o.whole {
		l.partial = ""
		if o.left == 0 {
			s.complete(o)
		}
	}
}

// follows reports whether an object begins where the slots of its lane end.
func (s *stream) follows(o *object) bool {
	for _, x := range o.waiting {
		sl := &s.slots[x.slot]
		if sl.lane == nil || sl.lane != s.lanes[o.lane] || o.ts {
			continue
		}
		d := ticks(x.dts, sl.scale, s.origin) - sl.end
		return d <= closeBy && d >= -closeBy
	}
	return false
}

// complete says that an object is written.
func (s *stream) complete(o *object) {
	o.ended = true
	s.closed(o)
	if !o.endless {
		s.remember(o.name, piece{sum: o.sum})
	}
	s.out = append(s.out, event{piece: o, rest: s.rests(o)})
}

// rests reports whether all tracks stand at the end of an object, of which o is one.
func (s *stream) rests(o *object) bool {
	for i := range s.slots {
		sl := &s.slots[i]
		if len(sl.queue) > 0 || sl.lane != nil && sl.lane.current != nil && sl.lane.current != o {
			return false
		}
	}
	return true
}

// closed forgets an object that has ended.
func (s *stream) closed(o *object) {
	if s.open[o.name] == o {
		delete(s.open, o.name)
	}
}

// end gives out everything that waits, in order: of an explicit session only what nothing is missing
// before, because its publisher sends the rest again.
func (s *stream) end(now time.Duration) {
	if !s.explicit {
		for _, l := range s.lanes {
			s.drain(now, l)
		}
	}
	s.gathering = now - time.Hour
	for i := range s.slots {
		s.slots[i].absent = true
	}
	s.merge(now)
	for _, l := range s.lanes {
		for _, o := range slices.Concat(l.pending, []*object{l.current}) {
			if o != nil && !o.ended {
				s.fail(o, errBusy)
			}
		}
		l.pending, l.current = nil, nil
	}
}

// drain takes in the objects of a lane that are there. What is still on its way is given up, and nothing waits for it.
func (s *stream) drain(now time.Duration, l *lane) {
	for l.current != nil || len(l.pending) > 0 {
		if o := l.current; o != nil {
			l.current = nil
			s.fail(o, errBusy)
			continue
		}
		o := l.pending[0]
		if !o.whole {
			l.pending = l.pending[1:]
			s.fail(o, errBusy)
			continue
		}
		l.started, l.last = true, max(o.number, 1)-1
		s.advance(now, l)
	}
}

// over reports whether all has come of a stream whose publisher said goodbye.
func (s *stream) over() bool {
	if !s.leaving || len(s.open) > 0 {
		return false
	}
	for _, l := range s.lanes {
		if l.started && l.last+1 >= s.final {
			return true
		}
	}
	return s.final == 0
}

// take returns what is to be done, and forgets it.
func (s *stream) take() []event {
	out := s.out
	s.out = nil
	return out
}

// frameOf is the duration of a frame of sound in its own time scale.
func frameOf(t media.Track) int64 { return int64(cmaf.AACFrame(t)) }
