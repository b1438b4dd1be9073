package push

import (
	"cmp"
	"slices"
	"time"
)

const (
	maxLanes = 16
	// maxAhead is how many objects of a lane may wait for those before them.
	maxAhead = 16
	// startWait is how long the first object of a lane waits for lower numbers, which may come over
	// another connection, if the publisher does not say which is the lowest.
	startWait = 300 * time.Millisecond
	// holeWait is how long what follows a missing object waits for it. Encoders that do not send again
	// what failed would else be stuck behind it; a publisher of an explicit session sends it again.
	holeWait, explicitHoleWait = 4 * time.Second, 30 * time.Second
	// closeBy is how near an object begins to the end of the one before it if it is the next one, in
	// ticks. Some encoders number their objects by time.
	closeBy = ticksPerSecond / 10
	// repeat is how far back an upload that was cut off may begin again, in ticks.
	repeat = 60 * ticksPerSecond

	never = time.Duration(-1)
)

// object is one upload of one object.
type object struct {
	place
	ts      bool
	header  *header  // fragmented MP4
	endless bool     // a long upload: a whole stream, which may come again under its name
	waiting []sample // what has arrived and was not taken in yet
	bytes   int64    // of waiting
	ready   time.Duration

	whole bool // all of it has arrived
	sum   [32]byte
	taken bool // its samples go into the slots
	left  int  // samples in the slots
	ended bool // done is closed

	// done is closed when the object is written, or failed.
	done chan struct{}
	err  error
	// durable is what Sink.Piece returned.
	durable durableFunc
}

// lane is the objects of one representation, in order.
type lane struct {
	name    string
	uploads int // under way
	started bool
	last    uint64 // newest number that was taken in
	current *object
	pending []*object // by number
	partial string    // the object whose upload was cut off after a part of it had been taken in

	oldest    uint64 // nothing below will come; if hinted
	hinted    bool
	holeSince time.Duration
	clock     tsClock
}

// enqueue puts an object among those that wait.
func (l *lane) enqueue(o *object) {
	i := len(l.pending)
	if o.numbered {
		i, _ = slices.BinarySearchFunc(l.pending, o.number, func(p *object, n uint64) int { return cmp.Compare(p.number, n) })
	}
	l.pending = slices.Insert(l.pending, i, o)
}

// forget takes an object off those that wait.
func (l *lane) forget(o *object) {
	if i := slices.Index(l.pending, o); i >= 0 {
		l.pending = slices.Delete(l.pending, i, i+1)
	}
	if l.current == o {
		l.current = nil
	}
}

// next returns the object that is to be taken in now, or nil. skipped says that something before it
// is missing and was given up.
func (l *lane) next(now time.Duration, explicit bool, follows func(*object) bool) (o *object, skipped bool) {
	if l.current != nil || len(l.pending) == 0 {
		return nil, false
	}
	o = l.pending[0]
	if o.ready == never {
		return nil, false // who it is shows when something of it arrives
	}
	wait := holeWait
	if explicit {
		wait = explicitHoleWait
	}
	switch {
	case !o.numbered,
		l.hinted && o.number <= l.oldest,
		l.started && o.number <= l.last+1,
		l.started && !explicit && l.partial == "" && follows(o),
		!l.started && !l.hinted && o.number <= 1:
		return o, false
	case !l.started && !l.hinted:
		if now-o.ready < startWait {
			return nil, false
		}
		return o, false
	}
	if l.holeSince == never {
		l.holeSince = now
	}
	if now-l.holeSince < wait {
		return nil, false
	}
	return o, true
}
