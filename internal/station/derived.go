package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/derive"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

const (
	// deriveTime is how long a derived take may need to its first part: it may have to wait for a keyframe.
	deriveTime = 6 * time.Second
	// soundPatience is how long pictures on air wait for the sound along them.
	soundPatience = time.Second
	// seamTime is how long a derived take stands still at the place where another one is to go on.
	seamTime = 1500 * time.Millisecond
	// unairedTime is how long a derived take may wait to be on air.
	unairedTime = deriveTime + 4*time.Second
	deriveTick  = 100 * time.Millisecond
)

var (
	// ErrNoSound is returned for a cut to sound that is not there.
	ErrNoSound = errors.New("the source of the sound sends nothing at the moment")
	// errPictures and errSound say which of a derived take's sources is out.
	errPictures = errors.New("the take of its pictures ended")
	errSound    = errors.New("its sound stays out")
	// ErrNotDerived is returned for a cut whose pictures or sound did not come in time.
	ErrNotDerived = errors.New("its pictures and sound did not come in time")
	errLeft       = errors.New("it has left the program")
)

// derived is a take that this node makes of the pictures of one take and the sound of another. It has one
// goroutine; it is asked to stand still and go on by others.
type derived struct {
	program *Program
	mix     program.Mix
	source  string       // the mix's name
	sound   media.TakeID // that is heard; zero: silence
	from    media.Ticks  // the sound's time before which nothing is heard: others have shown it
	born    time.Time    // when it was asked for

	mu      sync.Mutex
	mixer   *derive.Mixer
	picture *reading
	heard   *reading // nil: silence
	writer  *take.Writer
	ended   bool
	first   chan struct{} // closed when there is a first part, or will be none
	moved   chan struct{} // closed when it has come farther
	held    time.Time     // until when it stands still; zero: it does not
	lacking time.Time     // since when pictures wait for sound
	start   media.Ticks   // the sound's time at which it begins
	aired   bool
}

// reading is a place in a log.
type reading struct {
	log  *take.Log
	next media.Pos
}

// read hands on what has come. changed is closed when there is more.
func (r *reading) read(f func(*media.Part) error) (changed <-chan struct{}, err error) {
	for {
		part, next, wait, err := r.log.Part(r.next)
		if part == nil || err != nil {
			return wait, err
		}
		r.next = next
		if err := f(part); err != nil {
			return nil, err
		}
	}
}

// run makes the take until its pictures or sound end, nobody sees it any more, or ctx ends.
func (d *derived) run(ctx context.Context) {
	tick := time.NewTicker(deriveTick)
	defer tick.Stop()
	for {
		picture, sound, err := d.step()
		if err != nil {
			d.over(ctx, err)
			return
		}
		select {
		case <-picture:
		case <-sound:
		case <-tick.C:
			d.look()
		case <-ctx.Done():
			d.end(ErrLeaving)
			return
		}
	}
}

// step takes what has come and writes what is complete. It returns what is closed when there is more.
func (d *derived) step() (picture, sound <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return nil, nil, errLeft
	}
	soundEnded := false
	if d.heard != nil {
		sound, err = d.heard.read(d.mixer.Sound)
		if soundEnded = errors.Is(err, io.EOF); err != nil && !soundEnded {
			return nil, nil, err
		}
	}
	picture, err = d.picture.read(d.mixer.Picture)
	picturesEnded := errors.Is(err, io.EOF)
	if err != nil && !picturesEnded {
		return nil, nil, err
	}
	if err := d.write(); err != nil {
		return nil, nil, err
	}
	lacks := d.writer != nil && d.mixer.Lacks()
	switch {
	case picturesEnded:
		return nil, nil, errPictures
	case lacks && soundEnded:
		return nil, nil, errSound
	case !lacks:
		d.lacking = time.Time{}
	case d.lacking.IsZero():
		d.lacking = time.Now()
	case time.Since(d.lacking) > soundPatience:
		return nil, nil, errSound
	}
	return picture, sound, nil
}

// write writes the parts that are complete, and begins the take with the first; the lock is held.
func (d *derived) write() error {
	if d.writer == nil {
		at, sound, ok := d.mixer.Begin(d.from)
		switch {
		case !ok && time.Since(d.born) > deriveTime:
			return ErrNotDerived
		case !ok:
			return nil
		}
		if err := d.begin(at); err != nil {
			return err
		}
		d.start = sound
	}
	d.mixer.Emit(d.writer.Part)
	select {
	case <-d.first:
	default:
		close(d.first)
	}
	close(d.moved)
	d.moved = make(chan struct{})
	return nil
}

// begin gives birth to the take; the lock is held.
func (d *derived) begin(at media.Ticks) error {
	s, source := d.program.station, d.picture.log.Take()
	r := s.runs()
	if r == nil {
		return ErrLeaving
	}
	if r.flusher.Full() {
		return ErrStorageFull
	}
	w, err := take.NewWriter(take.Birth{
		Take: media.Take{
			Channel: source.Channel, Source: d.source, Node: r.incarnation.Node, Incarnation: r.incarnation.ID,
			Born: source.Born.Add(at.Duration()),
		},
		Parts: d.mixer.Tracks(), Recorder: r.flusher, Watch: d.program.logChanged, Exact: r.flusher.Exact,
	})
	if err != nil {
		return fmt.Errorf("begin a derived take: %w", err)
	}
	d.writer = w
	s.stats.takes.Add(1)
	s.store.Add(w.Log())
	d.program.began(w)
	d.program.derives(d, w.Log().Take().ID)
	return nil
}

// log returns the log of the take, or nil before it has begun and after it has ended.
func (d *derived) log() *take.Log {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writer == nil {
		return nil
	}
	return d.writer.Log()
}

// look lets go what nobody sees, and what has stood still for long enough.
func (d *derived) look() {
	p, l := d.program, d.log()
	p.mu.Lock()
	p.want(false) // its sound may come from another node
	airs := l != nil && p.airs(l)
	p.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.held.IsZero() && time.Now().After(d.held) {
		d.held = time.Time{}
		d.mixer.Go()
	}
	if airs {
		d.aired = true
	} else if d.aired || time.Since(d.born) > unairedTime {
		d.close(errLeft)
	}
}

// over ends the take. If it is on air and only its sound is out, the program goes on with its pictures alone.
func (d *derived) over(ctx context.Context, why error) {
	p, l := d.program, d.log()
	p.mu.Lock()
	airs := l != nil && p.airs(l)
	if airs && errors.Is(why, errSound) {
		p.mixRetry = time.Now().Add(mixPause)
		p.tellLost(d.mix.Sound)
	}
	p.mu.Unlock()
	if airs && !errors.Is(why, errPictures) {
		if _, _, err := p.putOnAir(ctx, d.mix.Picture); err != nil {
			p.station.log.Warn("the program cannot go on with the pictures alone", "channel", p.id, "error", err)
		}
	}
	if airs {
		p.station.log.Info("a derived take ends", "channel", p.id, "source", d.source, "why", why)
	}
	d.end(why)
}

// end ends the take, and waits until it has ended.
func (d *derived) end(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.close(why)
}

// close ends the take; the lock is held.
func (d *derived) close(why error) {
	if d.ended {
		return
	}
	d.ended = true
	if w := d.writer; w != nil {
		d.writer = nil
		w.Finish()
		d.program.left(w)
		w.End(why.Error())
	}
	d.gone()
}

// drop ends the take without writing anything more: its incarnation is over.
func (d *derived) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ended {
		d.ended, d.writer = true, nil
		d.gone()
	}
}

// gone tells who waits that nothing follows; the lock is held.
func (d *derived) gone() {
	select {
	case <-d.first:
	default:
		close(d.first)
	}
	close(d.moved)
	d.moved = make(chan struct{})
	d.program.underive(d)
}

// hold has the take stand still, and returns the time of the sound with which it would go on.
func (d *derived) hold(sound media.TakeID) (at media.Ticks, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || d.writer == nil || d.sound != sound {
		return 0, false
	}
	d.held = time.Now().Add(seamTime)
	return d.mixer.Hold(), true
}

// goTo has the take that stands still go on to a time of the sound, and stand still there. It reports whether
// it got there.
func (d *derived) goTo(ctx context.Context, at media.Ticks) bool {
	ctx, cancel := context.WithTimeout(ctx, seamTime/2)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || d.writer == nil || d.held.IsZero() || !d.mixer.Leave(at) {
		return false
	}
	d.held = time.Now().Add(seamTime)
	d.mixer.Emit(d.writer.Part)
	for !d.ended && !d.mixer.Arrived() {
		moved := d.moved
		d.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		d.mu.Lock()
		if ctx.Err() != nil {
			break
		}
	}
	return !d.ended && d.mixer.Arrived()
}
