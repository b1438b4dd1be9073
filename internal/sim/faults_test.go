package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// kinds of faults. A run has some of them.
const (
	crash     = "crash"     // kill -9, and start again with the spool, with an empty one, or after a reboot
	leave     = "leave"     // SIGTERM, and start again
	pause     = "pause"     // SIGSTOP and SIGCONT
	partition = "partition" // the mesh is cut between nodes, both ways or one way
	outage    = "outage"    // the bucket is away for all
	oneSided  = "one-sided" // the bucket is away for one node
	slow      = "slow"      // the bucket is slow, for all or for one node
	errors30  = "errors"    // 30 % of the bucket's requests fail
	lost      = "lost"      // answers of the bucket are lost, writes happen late
	messages  = "messages"  // messages are lost and reordered
	skew      = "skew"      // nodes tell others wrong times
)

var allKinds = []string{crash, leave, pause, partition, outage, oneSided, slow, errors30, lost, messages, skew}

// plan is what is fixed for a run from its beginning.
type plan struct {
	nodes, channels      int
	part, segment, flush time.Duration
	cutEvery             time.Duration
	kinds                []string
	span                 time.Duration // with faults
	every                time.Duration // between faults
	skew                 map[string]time.Duration
}

// newPlan draws the plan of a run. kinds, if not nil, are the faults it has.
func newPlan(rnd *rand.Rand, kinds []string) plan {
	p := plan{
		nodes: pick(rnd, 3, 3, 3, 3, 3, 3, 2, 2, 4, 1), channels: pick(rnd, 1, 1, 1, 2),
		part: pick(rnd, 250*time.Millisecond, 250*time.Millisecond, 200*time.Millisecond), segment: pick(rnd, 2*time.Second, 2*time.Second, 1500*time.Millisecond),
		flush:    pick(rnd, 500*time.Millisecond, 500*time.Millisecond, 300*time.Millisecond),
		cutEvery: pick(rnd, 3*time.Second, 6*time.Second, 15*time.Second, time.Hour),
		span:     12*time.Second + time.Duration(rnd.Int64N(int64(18*time.Second))), every: pick(rnd, time.Second, 3*time.Second, 6*time.Second),
		skew: map[string]time.Duration{},
	}
	if p.kinds = kinds; kinds == nil {
		for _, k := range allKinds {
			if rnd.Float64() < 0.3 {
				p.kinds = append(p.kinds, k)
			}
		}
	}
	if slices.Contains(p.kinds, skew) {
		for i := range p.nodes {
			p.skew[nodeName(i)] = time.Duration(rnd.Int64N(int64(4*time.Second))) - 2*time.Second
		}
	}
	return p
}

func (p *plan) String() string {
	kinds := "no faults"
	if len(p.kinds) > 0 {
		kinds = strings.Join(p.kinds, ", ")
	}
	return fmt.Sprintf("%d nodes, %d channels, parts of %v, segments of %v, bundles every %v, cuts every %v, %v with: %s",
		p.nodes, p.channels, p.part, p.segment, p.flush, p.cutEvery, p.span.Round(time.Second), kinds)
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

func nodeName(i int) string { return string(rune('a' + i)) }

// faults is what goes wrong at the moment, and when it ends.
type faults struct {
	world    *world
	over     bool      // no more faults
	quietAt  time.Time // since when
	next     time.Time
	ends     []ending
	busy     map[string]bool // what is wrong already
	troubled time.Time       // when something else than the bucket's absence was last wrong
	loss     atomic.Int64    // of 1,000 messages
	late     atomic.Int64    // ns
}

type ending struct {
	at   time.Time
	what string
	do   func()
}

// delay says how much later a message is delivered.
func (f *faults) delay(d *dice) time.Duration {
	if late := time.Duration(f.late.Load()); late > 0 && d.chance(0.3) {
		return d.upTo(late)
	}
	return 0
}

func (f *faults) step() {
	now := time.Now()
	f.ends = slices.DeleteFunc(f.ends, func(e ending) bool {
		if now.Before(e.at) {
			return false
		}
		f.finish(e)
		return true
	})
	for what := range f.busy {
		if kind := kindOf(what); kind != outage && kind != oneSided {
			f.troubled = now
		}
	}
	if f.over || len(f.world.plan.kinds) == 0 || now.Before(f.next) {
		return
	}
	f.next = now.Add(f.world.between(f.world.plan.every/3, 2*f.world.plan.every))
	f.begin(f.world.plan.kinds[f.world.rnd.IntN(len(f.world.plan.kinds))])
}

func kindOf(what string) string {
	kind, _, _ := strings.Cut(what, " ")
	return kind
}

func (f *faults) finish(e ending) {
	f.world.say("FAULT", "over: %s", e.what)
	delete(f.busy, e.what)
	e.do()
}

// quiet ends all faults.
func (f *faults) quiet() {
	f.over, f.quietAt = true, time.Now()
	for _, e := range f.ends {
		f.finish(e)
	}
	f.ends = nil
	for _, n := range f.world.nodes {
		f.world.again(n)
	}
}

// during makes something wrong for a while.
func (f *faults) during(least, most time.Duration, what string, begin, end func()) {
	if f.busy[what] {
		return
	}
	d := f.world.between(least, most)
	f.world.say("FAULT", "%s, for %v", what, d.Round(10*time.Millisecond))
	f.busy[what] = true
	f.ends = append(f.ends, ending{time.Now().Add(d), what, end})
	begin()
}

func (f *faults) begin(kind string) {
	w := f.world
	n := w.any()
	if n == nil {
		return
	}
	switch kind {
	case crash:
		f.crash(n)
	case leave:
		if !n.proc.leaving {
			f.during(time.Second, 25*time.Second, leave+" "+n.name, func() { w.leave(n) }, func() { w.again(n) })
		}
	case pause:
		p := n.proc
		longest := pick(w.rnd, 3*time.Second, 10*time.Second, 59*time.Second)
		f.during(500*time.Millisecond, longest, pause+" "+n.name, func() { p.paused = true; p.gate.pause() }, func() { p.paused = false; p.gate.resume() })
	case partition:
		f.partition(n)
	case outage:
		f.during(time.Second, pick(w.rnd, 4*time.Second, 15*time.Second), outage, func() { w.store.Down(true) }, func() { w.store.Down(false) })
	case oneSided:
		f.during(time.Second, pick(w.rnd, 4*time.Second, 15*time.Second), oneSided+" "+n.name, func() { n.proc.way.Down(true) }, func() { f.way(n, func(b *bucket.Faulty) { b.Down(false) }) })
	case slow, errors30, lost:
		f.bucket(kind, n)
	case messages:
		f.during(time.Second, 8*time.Second, messages, func() {
			f.loss.Store(w.rnd.Int64N(500))
			f.late.Store(int64(w.between(0, time.Second)))
		}, func() {
			f.loss.Store(0)
			f.late.Store(0)
		})
	}
}

func (f *faults) way(n *node, do func(*bucket.Faulty)) {
	if n.proc != nil {
		do(n.proc.way)
	}
}

// crash kills one node, or now and then all of them.
func (f *faults) crash(n *node) {
	w := f.world
	victims := []*node{n}
	if w.rnd.Float64() < 0.1 {
		victims = w.living()
	}
	for _, n := range victims {
		how := pick(w.rnd, withSpool, withSpool, "with an empty spool", "after a reboot")
		f.during(100*time.Millisecond, pick(w.rnd, time.Second, 8*time.Second), crash+" "+n.name+", to start "+how, func() {
			w.kill(n)
			if how != withSpool {
				w.wipes = append(w.wipes, wipe{n.name, time.Now()})
			}
		}, func() {
			switch {
			case n.proc != nil: // the end of another fault has started it
			case how == "with an empty spool":
				w.empty(n)
			case how == "after a reboot":
				w.reboot(n)
			}
			w.again(n)
		})
	}
}

const withSpool = "with its spool"

func (f *faults) partition(n *node) {
	w := f.world
	if len(w.nodes) < 2 {
		return
	}
	other := w.nodes[w.rnd.IntN(len(w.nodes))]
	if other == n {
		return
	}
	cut := [][2]string{{n.name, other.name}, {other.name, n.name}}
	what := partition + " between " + n.name + " and " + other.name
	switch p := w.rnd.Float64(); {
	case p < 0.25:
		cut, what = cut[:1], partition+" from "+n.name+" to "+other.name
	case p < 0.7:
		cut, what = nil, partition+" around "+n.name
		for _, o := range w.nodes {
			if o != n {
				cut = append(cut, [2]string{n.name, o.name}, [2]string{o.name, n.name})
			}
		}
	}
	set := func(on bool) {
		for _, c := range cut {
			w.net.Cut(c[0], c[1], on)
		}
	}
	f.during(time.Second, pick(w.rnd, 3*time.Second, 15*time.Second), what, func() { set(true) }, func() { set(false) })
}

// bucket makes the bucket bad for all, or for one node.
func (f *faults) bucket(kind string, n *node) {
	w := f.world
	var bad bucket.Faults
	switch kind {
	case slow:
		bad = bucket.Faults{Latency: w.between(0, time.Second), Jitter: w.between(time.Millisecond, 4*time.Second)}
	case errors30:
		bad = bucket.Faults{Error: 0.3}
	case lost:
		bad = bucket.Faults{Lost: 0.2, Late: 0.2, LateBy: w.between(time.Millisecond, 8*time.Second)}
	}
	if w.rnd.IntN(2) == 0 {
		f.during(time.Second, 10*time.Second, kind, func() { w.store.Set(bad) }, func() { w.store.Set(bucket.Faults{}) })
		return
	}
	f.during(time.Second, 10*time.Second, kind+" for "+n.name, func() { n.proc.way.Set(bad) }, func() { f.way(n, func(b *bucket.Faulty) { b.Set(usual) }) })
}

// usual is the bucket without faults.
var usual = bucket.Faults{Latency: 4 * time.Millisecond, Jitter: 4 * time.Millisecond}
