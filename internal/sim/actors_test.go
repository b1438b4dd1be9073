package sim

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

var sound = media.Track{ID: 2, Codec: media.AAC, Timescale: 48000, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}

// publisher is an encoder that wants to be on air. It connects to any node that is there, and again
// whenever its connection ends.
type publisher struct {
	world   *world
	name    string
	key     string
	channel int
	pushes  bool // it wants to be told what is durable
	session int
	pushed  int64 // its clock at the newest piece
	pieces  int

	proc   *process // where it is connected, or connects
	x      *station.Session
	came   chan *station.Session // the answer to its connection
	kicked *atomic.Bool
	since  time.Time // when it connected
	clock  int64     // of its samples
	fed    time.Time // up to when it has sent
	retry  time.Time
	stuck  time.Time // since when its node takes nothing
	idle   bool      // it was switched off
}

// connects begins to connect to a node.
func (x *publisher) connect(n *node) {
	kicked := &atomic.Bool{}
	came := make(chan *station.Session, 1)
	x.proc, x.kicked, x.came = n.proc, kicked, came
	x.world.say(x.name, "connects to %s", n.name)
	x.session++
	name := ""
	if x.pushes {
		name = fmt.Sprint(x.name, "-", x.session)
	}
	p, w := n.proc, x.world
	w.asking.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s, err := p.station.Publish(ctx, station.Publication{Key: x.key, Session: name, Kick: func(reason error) {
			w.say(x.name, "is sent away by %s: %v", p.node.name, reason)
			kicked.Store(true)
		}})
		if err == nil {
			err = s.Tracks([]media.Track{sound})
		}
		if err != nil {
			w.say(x.name, "is refused by %s: %v", p.node.name, err)
			s = nil
		}
		came <- s
	})
}

// lost says that a process has died.
func (x *publisher) lost(p *process) {
	if x.proc == p {
		x.drop("its connection to " + p.node.name + " broke")
	}
}

func (x *publisher) drop(why string) {
	x.world.say(x.name, "%s", why)
	if came := x.came; x.x == nil && came != nil {
		x.world.asking.Go(func() {
			if s := <-came; s != nil {
				s.Close(nil)
			}
		})
	}
	x.proc, x.x, x.came, x.stuck = nil, nil, nil, time.Time{}
	x.retry = time.Now().Add(x.world.between(100*time.Millisecond, 2*time.Second))
}

// step does what an encoder does in a while.
func (x *publisher) step() {
	now := time.Now()
	w := x.world
	switch {
	case x.proc == nil:
		if x.idle || now.Before(x.retry) {
			return
		}
		if n := w.any(); n != nil {
			x.connect(n)
		}
		return
	case x.x == nil:
		select {
		case s := <-x.came:
			x.came = nil
			if x.x = s; s == nil {
				x.drop("tries again soon")
			}
			x.since, x.fed, x.pushed = now, now, x.clock
		default:
			if now.Sub(x.retry) > 8*time.Second {
				x.drop("waits no longer")
			}
		}
		return
	case x.kicked.Load():
		x.drop("has lost its connection")
		return
	case x.proc.paused:
		if x.stuck.IsZero() {
			x.stuck = now
		}
		if now.Sub(x.stuck) > 5*time.Second { // its write timed out; what it had sent lies in the other's buffer
			x.proc.left(x.x, x.clock)
			x.drop("gets nothing through to " + x.proc.node.name + " any more")
		}
		return
	}
	x.stuck = time.Time{}
	if err := x.send(now.Sub(x.fed)); err != nil {
		w.say(x.name, "cannot send: %v", err)
		s := x.x
		w.asking.Go(func() { s.Close(err) })
		x.drop("closes")
		return
	}
	x.fed = now
	if x.pushes && x.clock-x.pushed > 48000 {
		x.push()
	}
	x.whim()
}

// push notes a piece, and waits for its acknowledgement.
func (x *publisher) push() {
	w, p := x.world, x.proc
	x.pushed = x.clock
	x.pieces++
	note := bundle.Piece{Session: fmt.Sprint(x.name, "-", x.session), Name: fmt.Sprint("piece-", x.pieces)}
	durable := x.x.Piece(note.Name, note.Sum, false)
	w.asking.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := durable(ctx); err == nil {
			w.laws.durable(note, p.node.name)
		}
	})
}

// close ends a connection for good.
func (x *publisher) close() {
	if s := x.x; s != nil {
		x.world.asking.Go(func() { s.Close(nil) })
	}
	if x.proc != nil {
		x.drop("goes home")
	}
}

// send sends so much sound.
func (x *publisher) send(d time.Duration) error {
	return feed(x.x, &x.clock, d)
}

func feed(s *station.Session, clock *int64, d time.Duration) error {
	for end := *clock + int64(d)*48000/int64(time.Second); *clock < end; *clock += 1024 {
		if err := s.Sample(media.Sample{Track: 2, DTS: *clock, Key: true, Data: []byte{0x21, 0x10, 0x04, byte(*clock >> 10)}}); err != nil {
			return err
		}
	}
	return nil
}

// whim is what encoders do without a reason.
func (x *publisher) whim() {
	w := x.world
	if w.faults.over || time.Since(x.since) < 2*time.Second {
		return
	}
	switch p := w.rnd.Float64(); {
	case p < 0.002:
		w.say(x.name, "stops")
		x.x.Close(nil)
		x.drop("is off")
		x.retry = time.Now().Add(w.between(500*time.Millisecond, 8*time.Second))
	case p < 0.003:
		w.say(x.name, "moves on")
		s := x.x
		w.asking.Go(func() { time.Sleep(time.Second); s.Close(nil) })
		x.drop("connects anew")
	case p < 0.004:
		x.clock += 48000 * 20
		w.say(x.name, "its clock jumps")
	}
}

// left keeps what a paused process finds in the buffers of a connection when it wakes up.
func (p *process) left(s *station.Session, clock int64) { p.gate.later(func() { leftover(s, clock) }) }

func leftover(s *station.Session, clock int64) {
	if feed(s, &clock, 700*time.Millisecond) == nil {
		s.Close(context.Canceled)
	}
}

// producer cuts between sources.
type producer struct {
	world   *world
	name    string
	channel int
	next    time.Time
	asked   time.Time
	told    atomic.Int64 // ns: when it was answered last
	busy    atomic.Bool
	off     atomic.Bool // it does not know that the channel may be on air
}

func (x *producer) step() {
	w := x.world
	if w.faults.over && !x.off.Load() && w.spy.off(w.channels[x.channel].ID) {
		x.off.Store(true) // what it was told was lost with the node that told it, and it sees so
	}
	if w.faults.over && !x.off.Load() || time.Now().Before(x.next) || x.busy.Load() {
		return
	}
	x.next = time.Now().Add(w.between(w.plan.cutEvery/3, 2*w.plan.cutEvery))
	if w.faults.over {
		x.next = time.Now().Add(time.Second)
	}
	n := w.any()
	if n == nil {
		return
	}
	c := w.channels[x.channel]
	source := c.Sources[w.rnd.IntN(len(c.Sources))].ID
	if w.rnd.Float64() < 0.25 && !w.faults.over {
		source = ""
	} else if w.rnd.Float64() < 0.4 { // with the sound of another source, or its own changed: a derived take
		m := program.Mix{Picture: source, Sound: c.Sources[w.rnd.IntN(len(c.Sources))].ID, Delay: time.Duration(w.rnd.IntN(300)) * time.Millisecond}
		m.Mute = w.rnd.Float64() < 0.2
		source = m.Source()
	}
	if w.planned && w.rnd.IntN(3) == 0 {
		source = program.AutopilotSource
	}
	if w.planned && !w.faults.over && w.rnd.IntN(6) == 0 {
		p, plan := n.proc, w.clips.plan(w.clipsRnd)
		w.asking.Go(func() { w.schedule(p, c.Slug, plan) })
		return
	}
	x.asked = time.Now()
	x.off.Store(true) // until it is told that a source is on air
	if !w.faults.over && w.clipsRnd.IntN(4) == 0 {
		clips, then := w.clips.cue(w.clipsRnd), []string{"", "", program.AutopilotSource, c.Sources[0].ID}[w.clipsRnd.IntN(4)]
		x.ask(n, c.Slug, fmt.Sprintf("%d clips, then %q", len(clips), then), false, func(ctx context.Context, p *station.Program) (int64, error) {
			number, _, err := p.Cue(ctx, clips, then)
			return number, err
		})
		return
	}
	x.cut(n, c.Slug, source)
}

func (x *producer) cut(n *node, slug, source string) {
	what := "source " + source
	if source == "" {
		what = "nothing"
	}
	x.ask(n, slug, what, source == "", func(ctx context.Context, p *station.Program) (int64, error) {
		number, _, err := p.Cut(ctx, source)
		return number, err
	})
}

// ask asks a node for something to be on air, or with off for nothing.
func (x *producer) ask(n *node, slug, what string, off bool, does func(context.Context, *station.Program) (int64, error)) {
	w, p := x.world, n.proc
	w.say(x.name, "asks %s for %s on %s", n.name, what, slug)
	x.busy.Store(true)
	w.asking.Go(func() {
		defer x.busy.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
		defer cancel()
		c, err := p.station.Program(slug)
		if err != nil {
			w.say(x.name, "is told: %v", err)
			return
		}
		number, err := does(ctx, c)
		x.told.Store(time.Now().UnixNano())
		if err != nil {
			w.say(x.name, "is told: %v", err)
			return
		}
		w.say(x.name, "is told: number %d", number)
		x.off.Store(off)
	})
}
