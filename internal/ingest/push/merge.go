package push

import (
	"math"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// gatherWait is how long a stream of one kind of track waits for the other kind before it begins
	// alone, and gatherLong if an init says that it will come.
	gatherWait, gatherLong = time.Second, 5 * time.Second
	// slack is how much out of order two tracks may be where their objects end, in ticks: segments of
	// sound and pictures never end at the same time, and to wait for the next one would hold up the
	// acknowledgement of this one.
	slack = ticksPerSecond / 10
	// quietWait is how long a sample waits for a track that nobody uploads, mateWait for one of the
	// same upload, and busyWait for one whose upload is under way.
	quietWait, mateWait, busyWait = 500 * time.Millisecond, 2 * time.Second, 8 * time.Second
)

// slot is a track of the session.
type slot struct {
	lane   *lane       // where it comes from; nil: nowhere yet
	track  media.Track // as of the newest sample that was pushed
	scale  int64       // time scale of the samples' times on their way in
	source *header
	given  *media.Track // as the sink knows it
	queue  []queued
	end    int64 // when the next sample is expected, in ticks
	absent bool  // nobody waits for it until it comes again
	clock  audioClock
}

// queued is a sample that waits for its turn.
type queued struct {
	sample
	time int64 // decode time in ticks
	o    *object
}

// push puts a sample of the current object of a lane into its slot.
func (s *stream) push(l *lane, o *object, x sample) error {
	sl := &s.slots[x.slot]
	if sl.lane == nil {
		sl.lane = l
	} else if sl.lane != l {
		return errSecond
	}
	if !o.ts && sl.source != o.header {
		sl.source = o.header
		t := *o.header.tracks[x.slot]
		x.track = &t
	}
	if x.track != nil {
		sl.track, sl.scale = *x.track, s.scale(o, x.slot)
		sl.track.ID = x.slot + VideoTrack
		t := sl.track
		x.track = &t
	}
	if sl.scale == 0 {
		return broken("MPEG-TS: no picture can be decoded: the segment does not begin with H.264 parameters")
	}
	at := ticks(x.dts, sl.scale, s.origin)
	after := ticks(x.dts+x.dur, sl.scale, s.origin)
	if l.partial == o.name && at+(after-at)/2 < sl.end && sl.end-at < repeat {
		return nil // it was taken in before the upload was cut off
	}
	sl.end = after
	x.dts -= s.origin * sl.scale
	if o.ts && x.slot == audioSlot {
		x.dts = sl.clock.at(x.dts, int64(sl.track.Timescale), frameOf(sl.track))
	}
	sl.queue = append(sl.queue, queued{x, at, o})
	sl.absent = false
	s.held += int64(len(x.data))
	o.left++
	return nil
}

// merge gives out samples in the order of their decode times, as far as it is known.
func (s *stream) merge(now time.Duration) {
	if !s.begun && !s.gathered(now) {
		return
	}
	for {
		next := s.earliest()
		if next < 0 || s.waits(now, next) {
			return
		}
		s.stuck = never
		s.give(&s.slots[next])
	}
}

// gathered decides whether the tracks are known, and begins.
func (s *stream) gathered(now time.Duration) bool {
	have := 0
	for i := range s.slots {
		if len(s.slots[i].queue) > 0 {
			have++
		}
	}
	if have == 0 {
		return false
	}
	if s.gathering == never {
		s.gathering = now
	}
	wait := gatherWait
	if s.promised() {
		wait = gatherLong
	}
	if have < slots && now-s.gathering < wait && s.held < s.maxHeld/2 {
		return false
	}
	s.begun = true
	for i := range s.slots {
		if q := s.slots[i].queue; len(q) > 0 {
			s.slots[i].given, q[0].track = q[0].track, nil
		}
	}
	s.giveTracks()
	return true
}

// promised reports whether the inits have tracks of both kinds.
func (s *stream) promised() bool {
	var kinds [slots]bool
	for _, h := range s.inits {
		for i, t := range h.tracks {
			kinds[i] = kinds[i] || t != nil
		}
	}
	return kinds[videoSlot] && kinds[audioSlot]
}

func (s *stream) giveTracks() {
	var tracks []media.Track
	for i := range s.slots {
		if t := s.slots[i].given; t != nil {
			tracks = append(tracks, *t)
		}
	}
	s.out = append(s.out, event{tracks: tracks})
}

// earliest returns the slot with the earliest sample, or -1.
func (s *stream) earliest() int {
	next := -1
	for i := range s.slots {
		q := s.slots[i].queue
		if len(q) > 0 && (next < 0 || q[0].time < s.slots[next].queue[0].time) {
			next = i
		}
	}
	return next
}

// waits decides whether the first sample of a slot waits for another slot, whose next sample may come
// before it.
func (s *stream) waits(now time.Duration, next int) bool {
	mine := &s.slots[next]
	at := mine.queue[0].time
	for i := range s.slots {
		other := &s.slots[i]
		if i == next || other.lane == nil || len(other.queue) > 0 || other.absent || at <= other.end || s.held > s.maxHeld/2 {
			continue
		}
		mate, between := other.lane == mine.lane, other.lane.current == nil
		if (mate || between) && at <= other.end+slack || mate && between {
			continue
		}
		wait := quietWait
		if mate {
			wait = mateWait
		} else if other.lane.uploads > 0 {
			wait = busyWait
		}
		if s.stuck == never {
			s.stuck = now
		}
		if now-s.stuck < wait {
			return true
		}
		other.absent = true
	}
	return false
}

// give writes the first sample of a slot, and says so if its object is complete with it.
func (s *stream) give(sl *slot) {
	q := sl.queue[0]
	sl.queue[0] = queued{}
	if sl.queue = sl.queue[1:]; len(sl.queue) == 0 {
		sl.queue = nil
	}
	if q.track != nil {
		sl.given = q.track
		s.giveTracks()
	}
	x := media.Sample{Track: q.slot + VideoTrack, DTS: q.dts, CTO: q.cto, Key: q.key, Data: q.data}
	if !q.o.ts && q.dur > 0 && q.dur <= math.MaxUint32 {
		x.Duration = uint32(q.dur)
	}
	s.out = append(s.out, event{sample: x})
	s.held -= int64(len(q.data))
	if q.o.left--; q.o.whole && q.o.left == 0 && !q.o.ended {
		s.complete(q.o)
	}
}
