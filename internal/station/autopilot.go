package station

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// Clips is what a station needs to know of the finished takes that plans play.
type Clips interface {
	// Listing returns all of a finished take, with its parts, or take.ErrNoMedia.
	Listing(ctx context.Context, take media.TakeID) (*media.Listing, error)
}

const (
	// planTime is how long the bucket has to give a plan or a clip, and planRetry how long a failure counts.
	planTime, planRetry = 5 * time.Second, 2 * time.Second
	// boundTime is how long a word may bind before it is looked after what became of it.
	boundTime = 4 * time.Second
)

// autopilot is what a program knows of the plans that its entries play. What can be read again is let go while
// nobody asks. The program's lock protects it.
type autopilot struct {
	plans    map[int64]*planned
	playouts map[string]*program.Playout // by entry
	clips    map[media.TakeID]*clipped
	asked    time.Time // when somebody last watched
	entry    string    // the clock-driven entry that listed is about
	listed   int64     // how many of its segments this process has listed, or was about to
	playing  int64     // how many the clock would have listed
	reserves bool      // it is being asked how many may be
	refused  time.Time // when the bucket last did not answer that
	minds    string    // an entry of which it is looked after what becomes of this node's word
	cue      string    // an entry that plays a cue, of which it is looked after what follows it
	waits    bool      // the time of grace before the plan begins is running
}

// planned is a version of the plan, known or on its way.
type planned struct {
	schedule *program.Schedule
	tried    time.Time
	loading  bool
}

type clipped struct {
	listing *media.Listing
	tried   time.Time
	loading bool
}

func planKey(channel string, version int64) string {
	return fmt.Sprintf("%s%08d", planPrefix(channel), version)
}

func planPrefix(channel string) string { return "plans/" + channel + "/" }

// processName names this run of the program: its memory, which words are bound to (rule G).
func processName(node string) string { return node + "/" + rand.Text()[:12] }

// setPlan tells the director which plan the channel has. The lock is held.
func (p *Program) setPlan() {
	if p.director == nil {
		return
	}
	if c := p.channel.Plan; p.planned() {
		p.director.SetAutopilot(&program.Autopilot{Version: c.Version, Format: program.Format{Video: c.Video, Audio: c.Audio}, Now: p.station.now})
		return
	}
	p.director.SetAutopilot(nil)
}

// planned reports whether the channel has a plan that this node can play.
func (p *Program) planned() bool {
	return p.channel.Plan != nil && p.station.cfg.Clips != nil && p.channel.Suspended == ""
}

// onClock returns the clock-driven entry that is on air, or nil. The lock is held.
func (p *Program) onClock() *program.Entry {
	if p.director != nil {
		if e := p.director.List().OnAir(); e != nil && e.Play != nil {
			return e
		}
	}
	return nil
}

// playout returns what a clock-driven entry plays, or nil while its plan is being read. The lock is held.
func (p *Program) playout(e *program.Entry) *program.Playout {
	a := &p.auto
	if x := a.playouts[e.ID]; x != nil {
		return x
	}
	s := p.schedule(e.Play.Plan)
	if s == nil {
		return nil
	}
	if a.playouts == nil {
		a.playouts = map[string]*program.Playout{}
	}
	x := program.NewPlayout(s, e.Play.Place, e.ProgramTime)
	a.playouts[e.ID] = x
	return x
}

// schedule returns a version of the plan, or nil while it is being read. The lock is held.
func (p *Program) schedule(version int64) *program.Schedule {
	a := &p.auto
	if a.plans == nil {
		a.plans = map[int64]*planned{}
	}
	x := a.plans[version]
	if x == nil {
		x = &planned{}
		a.plans[version] = x
	}
	if x.schedule == nil && !x.loading && time.Since(x.tried) >= planRetry {
		x.loading = true
		p.station.tasks.start(func(ctx context.Context) { p.loadPlan(ctx, version, x) })
	}
	return x.schedule
}

func (p *Program) loadPlan(ctx context.Context, version int64, x *planned) {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	var s *program.Schedule
	plan, err := bucket.Load[program.Plan](ctx, p.station.cfg.Docs, planKey(p.id, version))
	if err == nil {
		s, err = program.NewSchedule(&plan)
	}
	if err != nil && ctx.Err() == nil {
		p.station.log.Warn("the channel's plan cannot be read; it is tried again", "channel", p.id, "version", version, "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x.schedule, x.loading, x.tried = s, false, time.Now()
	p.tried(err)
}

// tried has the windows made anew after something was asked of the bucket: now, and when it is asked again if it was
// not to be had. The lock is held.
func (p *Program) tried(err error) {
	p.touch()
	if err != nil {
		time.AfterFunc(planRetry, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.touch()
		})
	}
}

// await returns the playout of an entry once its plan is known.
func (p *Program) await(ctx context.Context, entry string) (*program.Playout, error) {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	for {
		p.mu.Lock()
		e := p.director.List().Entry(entry)
		if e == nil || e.Play == nil {
			p.mu.Unlock()
			return nil, program.ErrBusy
		}
		x, changed := p.playout(e), p.live.wait()
		p.mu.Unlock()
		if x != nil {
			return x, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("the channel's plan cannot be read: %w", ctx.Err())
		}
	}
}

// partsOf returns the parts of a segment of a clip, or nil while they are being read. The lock is held.
func (p *Program) partsOf(id media.TakeID, segment uint32) []media.PartInfo {
	a := &p.auto
	if a.clips == nil {
		a.clips = map[media.TakeID]*clipped{}
	}
	x := a.clips[id]
	if x == nil {
		x = &clipped{}
		a.clips[id] = x
	}
	if x.listing != nil {
		if s := x.listing.Segment(segment); s != nil {
			return s.Parts
		}
		return nil
	}
	if !x.loading && time.Since(x.tried) >= planRetry && p.station.cfg.Clips != nil {
		x.loading = true
		p.station.tasks.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, planTime)
			defer cancel()
			l, err := p.station.cfg.Clips.Listing(ctx, id)
			if err != nil && ctx.Err() == nil {
				p.station.log.Warn("a clip cannot be read; it is tried again", "channel", p.id, "take", id, "error", err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			x.listing, x.loading, x.tried = l, false, time.Now()
			p.tried(err)
		})
	}
	return nil
}

// gathersPlan reports whether the plan is being read that is on air. The lock is held.
func (p *Program) gathersPlan() bool {
	e := p.onClock()
	if e == nil {
		return false
	}
	x := p.auto.plans[e.Play.Plan]
	return x != nil && x.loading
}

// play makes a view of the program able to list what is driven by the clock. The lock is held.
func (p *Program) play(v *program.View) {
	v.Now, v.Playout, v.Parts = p.station.now(), p.playout, p.partsOf
	p.auto.asked = time.Now()
	e := p.onClock()
	if e == nil {
		return
	}
	allowed := &media.Pos{Segment: uint32(e.Listers[p.station.process])}
	if v.Until == nil || allowed.Before(*v.Until) {
		v.Until = allowed
	}
	if x := p.playout(e); x != nil {
		p.auto.playing = x.Playing(e.Time(v.Now)) + 1
		p.reserve(e, p.auto.playing)
	}
}

// played notes what was listed of what is driven by the clock, and when there is more. The lock is held.
func (p *Program) played(v *view, state program.State) {
	e := p.onClock()
	if e == nil {
		v.due = time.Time{}
		return
	}
	p.listedOf(e.ID, state.Listed)
	if state.Next.IsZero() {
		v.due = time.Time{}
		return
	}
	wait := max(state.Next.Sub(p.station.now()), time.Millisecond)
	v.due = time.Now().Add(wait)
	if v.timer != nil {
		v.timer.Stop()
	}
	v.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !v.due.IsZero() && !time.Now().Before(v.due) {
			v.due = time.Time{}
			v.touch()
		}
	})
}

func (p *Program) listedOf(entry string, segments int64) {
	if a := &p.auto; a.entry != entry {
		a.entry, a.listed = entry, segments
	} else {
		a.listed = max(a.listed, segments)
	}
}

// reserve asks the bucket to be allowed to list more of the clock-driven entry on air, in time. The lock is held.
func (p *Program) reserve(e *program.Entry, segments int64) {
	want := e.Reserve(p.station.process, segments)
	if want == 0 || p.auto.reserves || p.director.Until() != nil || !p.told || time.Since(p.auto.refused) < planRetry {
		return
	}
	p.auto.reserves = true
	id := e.ID
	p.station.tasks.start(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		err := p.reserveNow(ctx, id, segments, want)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.auto.reserves = false
		if errors.Is(err, program.ErrTaken) {
			err = nil // the entry has ended, and this node knows so now
		}
		if err != nil {
			p.auto.refused = time.Now()
		}
		p.tried(err)
	})
}

func (p *Program) reserveNow(ctx context.Context, entry string, segments, want int64) error {
	p.mu.Lock()
	ours := p.director.List()
	p.mu.Unlock()
	var list *program.CutList
	_, err := bucket.Update(ctx, p.station.cfg.Docs, cutsKey(p.id), func(c *program.CutList) (err error) {
		if list, err = program.Reserved(c, ours, entry, p.station.process, want); err == nil {
			*c = *list
		}
		return err
	})
	if err != nil && !errors.Is(err, program.ErrTaken) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.listedOf(entry, segments)
	}
	p.learn(list, true)
	return err
}

// variantsOf describes what a clock-driven entry plays to players. The lock is held.
func (p *Program) variantsOf(e *program.Entry, codecs string) ([]hls.Variant, error) {
	x := p.playout(e)
	if x == nil {
		return nil, ErrNotYet
	}
	c := x.Segment(max(0, x.Playing(e.Time(p.station.now())))).Clip
	v := hls.Variant{URI: media.Main + ".m3u8", Codecs: codecs, Width: c.Width, Height: c.Height, FrameRate: c.FrameRate, Bandwidth: c.Bandwidth}
	if v.Bandwidth == 0 {
		v.Bandwidth = usualBandwidth
	}
	return []hls.Variant{v}, nil
}

// idle begins the plan when nothing has been on air for the time of grace. The lock is held.
func (p *Program) idle() {
	list := p.director.List()
	if p.auto.waits || !p.planned() || p.gone || list.Off || list.OnAir() != nil {
		return
	}
	p.auto.waits = true
	p.station.tasks.start(func(ctx context.Context) {
		select {
		case <-time.After(graceTime + p.station.fleet.turnOf(p.id)):
		case <-ctx.Done():
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.auto.waits = false
		if ctx.Err() == nil && p.settled && !p.gone {
			p.order(p.director.Idle())
		}
	})
}

// mind looks after what becomes of this node's word that an entry ends. The lock is held.
func (p *Program) mind(entry string) {
	if p.auto.minds == entry {
		return
	}
	p.auto.minds = entry
	p.station.tasks.start(func(ctx context.Context) {
		for {
			select {
			case <-time.After(boundTime + p.station.fleet.turnOf(p.id)):
			case <-ctx.Done():
				return
			}
			p.station.fleet.gather(ctx, p)
			p.mu.Lock()
			e := p.onClock()
			if e == nil || e.ID != entry || p.gone {
				p.mu.Unlock()
				return
			}
			if e.Whole() == nil {
				p.order(p.director.GoOn())
			}
			p.mu.Unlock()
			if e.Whole() != nil && !p.leaveCue(ctx, entry) {
				return
			}
		}
	})
}

// tidyPlay lets go what is known of plans while nobody watches, and of entries that have left the list.
func (p *Program) tidyPlay() {
	a := &p.auto
	if time.Since(a.asked) > wantedFor {
		a.plans, a.playouts, a.clips = nil, nil, nil
		return
	}
	list := p.director.List()
	for id := range a.playouts {
		if list.Entry(id) == nil {
			delete(a.playouts, id)
		}
	}
	e := p.onClock()
	if e == nil || a.playouts[e.ID] == nil {
		return
	}
	x := a.playouts[e.ID]
	now := max(0, x.Playing(e.Time(p.station.now())))
	for id, c := range a.clips {
		near := false
		for n := max(0, now-maxParted); n <= now+1 && !near; n++ {
			near = x.Segment(n).Clip.Take == id
		}
		if !near && !c.loading {
			delete(a.clips, id)
		}
	}
}

// maxParted is how many segments of a window have their parts listed, at most.
const maxParted = 100
