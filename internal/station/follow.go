package station

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

const (
	// wantedFor is how long a channel is followed after somebody last asked for it.
	wantedFor = 30 * time.Second
	// gatherTime is how long a window is held back until all of it is known.
	gatherTime = 1500 * time.Millisecond
	// gatherDVRTime is how long the whole DVR window is held back: of a hundred dead incarnations the index of
	// every bundle is read.
	gatherDVRTime = time.Minute
	// feedPatience is how long a feed may be silent.
	feedPatience = 3 * take.BeatEvery
	followRetry  = 250 * time.Millisecond
	askEvery     = time.Second
	// tailEvery is how often the bundles of a node are looked for that only the bucket can be asked for.
	tailEvery = 400 * time.Millisecond
)

// following is what a program follows of takes that other nodes write. The program's lock protects it.
type following struct {
	wanted    time.Time // when somebody last asked
	wantedDVR time.Time
	sinceDVR  time.Time // since when that is wanted
	since     time.Time // since when it is wanted
	running   bool
	feeds     map[media.TakeID]*feeding
	wake      chan struct{}
}

// feeding is one take that is followed.
type feeding struct {
	stop   context.CancelFunc
	direct bool // from its writer, so that others may follow it here
}

// want notes that somebody watches the channel, or that this node has a duty there, and begins to follow
// it. The lock is held.
func (p *Program) want(dvr bool) {
	if p.station.fleet == nil || p.director == nil {
		return
	}
	now := time.Now()
	f := &p.follow
	f.wanted = now
	if dvr {
		if now.Sub(f.wantedDVR) > wantedFor {
			f.sinceDVR = now
		}
		f.wantedDVR = now
	}
	if f.running {
		return
	}
	f.running, f.since, f.feeds, f.wake = true, now, map[media.TakeID]*feeding{}, make(chan struct{}, 1)
	p.station.tasks.start(p.followAll)
}

// rouse makes followAll look again; the lock is held.
func (f *following) rouse() {
	if f.running {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// followAll follows what the channel's windows list, for as long as somebody asks for it.
func (p *Program) followAll(ctx context.Context) {
	tick := time.NewTicker(followRetry)
	defer tick.Stop()
	asked, asks := time.Time{}, 0
	for {
		p.mu.Lock()
		if ctx.Err() != nil || time.Since(p.follow.wanted) > wantedFor && len(p.writers) == 0 || p.gone {
			p.release()
			p.mu.Unlock()
			return
		}
		for _, e := range p.missing() {
			p.followOne(ctx, e)
		}
		e := p.director.List().OnAir()
		unsure := e == nil || p.writers[e.Take] == nil && p.follow.feeds[e.Take] == nil
		if e != nil && e.Play != nil { // its end is told by who asks for this node's word
			unsure = p.director.Until() != nil || time.Since(asked) > 3*askEvery
		}
		wake := p.follow.wake
		p.mu.Unlock()
		if unsure && time.Since(asked) >= askEvery {
			asked = time.Now()
			p.station.fleet.askAround(ctx, p, asks)
			asks++
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// askAround asks one of the others what is on air, another one each time.
func (f *fleet) askAround(ctx context.Context, p *Program, n int) {
	var others []string
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State == mesh.Alive {
			others = append(others, m.Node)
		}
	}
	if len(others) > 0 {
		ctx, cancel := context.WithTimeout(ctx, askEvery)
		defer cancel()
		f.learnFrom(ctx, p, others[n%len(others)])
	}
}

// release lets go what was followed; the lock is held.
func (p *Program) release() {
	for id, f := range p.follow.feeds {
		f.stop()
		if l := p.station.store.Log(id); l != nil && p.writers[id] == nil && !l.Ended() {
			p.station.forget(l)
		}
	}
	if time.Since(p.follow.wanted) > wantedFor { // else there are viewers to whom less was shown, though this node leaves
		p.live.floor, p.dvr.floor = 0, 0
	}
	p.follow = following{}
	p.touch()
}

// missing returns the entries whose takes the windows need and this node does not have or follow, the
// newest first. The lock is held.
func (p *Program) missing() (out []program.Entry) {
	list := p.director.List()
	span := media.Ticks(program.LiveSpan + margin)
	if time.Since(p.follow.wantedDVR) < wantedFor {
		span = max(span, media.TicksOf(p.channel.Window()))
	}
	var covered media.Ticks
	for i := len(list.Entries) - 1; i >= 0 && covered < span; i-- {
		e := &list.Entries[i]
		end := time.Now()
		if e.End != nil {
			end = e.End.ProgramTime
		}
		covered += max(0, media.TicksOf(end.Sub(e.ProgramTime)))
		if e.Play != nil {
			continue
		}
		if p.follow.feeds[e.Take] != nil || p.writers[e.Take] != nil {
			continue
		}
		if l := p.station.store.Log(e.Take); l == nil && (e.End == nil || !p.station.lost(e)) || l != nil && !l.Ended() {
			out = append(out, *e)
		}
	}
	return out
}

// logShort says so if the DVR window is about to be listed for the first time without its older part: it never
// lists that again. The lock is held.
func (p *Program) logShort(state program.State) {
	for _, e := range p.missing() {
		l := p.station.store.Log(e.Take)
		if e.End == nil || l == nil && e.ProgramTime.Before(time.Now().Add(-p.channel.Window())) {
			continue
		}
		p.station.log.Warn("the DVR window is listed without what is older, because a take could not be read", "channel", p.channel.Slug, "take", e.Take,
			"incarnation", e.Origin, "known", l != nil, "ended", p.station.ended(e.Origin), "number", e.Number)
		return
	}
	if state.Lacking {
		p.station.log.Warn("the DVR window is listed without what is older, because the end of a take is not known here", "channel", p.channel.Slug)
	}
}

// patient reports whether a window that was not listed so far is held back until all of it is known. What a
// window has left out once it never lists again, so the whole DVR window is worth a longer wait, unless the
// bucket is away. The lock is held.
func (p *Program) patient(dvr bool) bool {
	since, most := p.follow.since, gatherTime
	if dvr && p.station.Health().AwayFor == 0 {
		since, most = p.follow.sinceDVR, gatherDVRTime
	}
	return p.station.fleet != nil && p.follow.running && time.Since(since) <= most
}

// gathering reports whether takes that the windows need are still being looked for. The lock is held.
func (p *Program) gathering() bool {
	for id, f := range p.follow.feeds {
		if l := p.station.store.Log(id); f != nil && l == nil {
			return true
		}
	}
	return len(p.missing()) > 0
}

// followOne begins to follow one take; the lock is held.
func (p *Program) followOne(ctx context.Context, e program.Entry) {
	ctx, stop := context.WithCancel(ctx)
	own := &feeding{stop: stop}
	p.follow.feeds[e.Take] = own
	p.station.tasks.start(func(context.Context) {
		defer stop()
		p.station.fleet.follow(ctx, p, &e, own)
		if l := p.station.store.Log(e.Take); l == nil || !l.Ended() { // nobody has it: not again at once
			select {
			case <-time.After(followRetry):
			case <-ctx.Done():
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.follow.feeds[e.Take] == own {
			delete(p.follow.feeds, e.Take)
		}
		p.touch()
		p.follow.rouse()
	})
}

// follow follows a take until it has ended here too.
func (f *fleet) follow(ctx context.Context, p *Program, e *program.Entry, own *feeding) {
	i, err := bundle.ParseIncarnation(e.Origin)
	if err != nil {
		return
	}
	var x *take.Replica
	for ctx.Err() == nil {
		if x != nil && x.Log().Ended() {
			return // by the word of its witnesses
		}
		if !f.lives(i) || f.station.ended(e.Origin) {
			if _, err := f.station.origin(ctx, e.Origin); err == nil {
				p.resettle(ctx, e.Origin)
				return
			}
		}
		for n, node := range f.upstreams(i) {
			err := f.feed(ctx, p, &x, e.Take, node, func(on bool) {
				p.mu.Lock()
				own.direct = on && n == 0 && node == i.Node
				p.mu.Unlock()
			})
			if err == nil {
				return
			}
			f.station.log.Debug("a take is not fed any more", "take", e.Take, "from", node, "error", err)
		}
		if f.station.ended(e.Origin) {
			continue
		}
		if f.tailed(ctx, p, &x, e, i) {
			return
		}
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
		}
	}
}

// upstreams names the nodes that may have what an incarnation writes: its node, and if that is not
// heard, the others.
func (f *fleet) upstreams(i bundle.Incarnation) (nodes []string) {
	if f.lives(i) {
		return []string{i.Node}
	}
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State == mesh.Alive && m.Node != i.Node {
			nodes = append(nodes, m.Node)
		}
	}
	return nodes
}

// feed follows a take at one node. It returns nil when the take has ended.
func (f *fleet) feed(ctx context.Context, p *Program, x **take.Replica, id media.TakeID, node string, on func(bool)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	from, refs := media.Pos{}, uint32(0)
	if *x != nil {
		from, refs = (*x).From()
	}
	u := fmt.Sprintf("http://%s/mesh/takes/%s?from=%d.%d&refs=%d", node, id, from.Segment, from.Part, refs)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	answer, err := f.mesh.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("node %s answers %s", node, answer.Status)
	}
	late := time.AfterFunc(feedPatience, stop)
	defer late.Stop()
	in := bufio.NewReaderSize(lively{answer.Body, late}, 64<<10)
	t, err := take.ReadBirth(in)
	if err != nil || t.ID != id {
		return errors.Join(take.ErrFeed, err)
	}
	if *x == nil {
		*x = take.NewReplica(t, p.logChanged)
		f.station.store.Add((*x).Log())
		p.mu.Lock()
		p.touch()
		p.mu.Unlock()
	}
	on(true)
	defer on(false)
	return (*x).Read(in)
}

// lively puts off a timer whenever something is read.
type lively struct {
	io.Reader
	late *time.Timer
}

func (l lively) Read(b []byte) (int, error) {
	n, err := l.Reader.Read(b)
	l.late.Reset(feedPatience)
	return n, err
}

// resettle lets a program go on whose entry on air was written by an incarnation that has ended.
func (p *Program) resettle(ctx context.Context, origin string) {
	p.mu.Lock()
	e := p.director.List().OnAir()
	concerned := e != nil && e.Origin == origin
	if concerned {
		p.settled = false
	}
	p.touch()
	p.mu.Unlock()
	if concerned {
		p.settle(ctx)
	}
}
