package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// world is one run: a fleet, who uses it, and what goes wrong.
type world struct {
	seed  uint64
	plan  plan
	cheat *cheat
	dir   string
	trace *trace

	rnd      *rand.Rand // of the schedule: only the goroutine of the run draws from it
	lossesMu sync.Mutex
	losses   map[string]*dice // by the way of a message

	store  *bucket.Faulty // the way to the bucket that all have in common
	spy    *spy
	net    *mesh.Switch
	laws   *laws
	nodes  []*node
	faults *faults

	clips    *clips
	clipsRnd *rand.Rand
	planned  bool // the channels have plans

	channels   []*channel.Channel
	publishers []*publisher
	producers  []*producer
	wipes      []wipe
	dying      sync.WaitGroup
	asking     sync.WaitGroup // requests of actors on their way
}

// node is a machine. Its processes come and go.
type node struct {
	name  string
	spool string
	runs  int
	proc  *process // nil while none runs
}

// wipe is the death of a machine that took what it had not synced with it, or all that it had.
type wipe struct {
	node string
	at   time.Time
}

// wiped names the nodes whose machines died in a time; without an end, ever since. Law 1 speaks of single ones:
// what the bucket does not have yet lies on three machines.
func (w *world) wiped(from, to time.Time) map[string]bool {
	out := map[string]bool{}
	for _, x := range w.wipes {
		if !x.at.Before(from) && (to.IsZero() || x.at.Before(to)) {
			out[x.node] = true
		}
	}
	return out
}

// process is one run of a node's program.
type process struct {
	node     *node
	gate     *gate
	way      *bucket.Faulty // its own way to the bucket
	port     *mesh.Port
	mesh     *mesh.Mesh
	channels *channel.Store
	station  *station.Station
	stop     context.CancelFunc // it leaves
	unmesh   context.CancelFunc
	ended    chan struct{}
	paused   bool
	leaving  bool
	began    time.Time
	seen     map[string]*seen // by channel and kind of window
}

// dice is randomness of one thing, so that what else happens in the same moment does not change it.
type dice struct {
	mu  sync.Mutex
	rnd *rand.Rand
}

func (w *world) newDice(of string) *dice {
	h := fnv.New64a()
	h.Write([]byte(of))
	return &dice{rnd: rand.New(rand.NewPCG(w.seed, h.Sum64()))}
}

func (d *dice) chance(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.Float64() < p
}

func (d *dice) upTo(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rnd.Int64N(int64(most) + 1))
}

// lose decides whether a message is lost.
func (w *world) lose(from, to, _ string) bool {
	loss := float64(w.faults.loss.Load()) / 1000
	if loss == 0 {
		return false
	}
	w.lossesMu.Lock()
	d := w.losses[from+to]
	if d == nil {
		d = w.newDice("from " + from + " to " + to)
		w.losses[from+to] = d
	}
	w.lossesMu.Unlock()
	return d.chance(loss)
}

// start starts a process on a node whose last one has died.
func (w *world) start(n *node) {
	n.runs++
	w.laws.begins(n.name)
	spool, err := bundle.OpenSpool(n.spool, n.name, nil, bundle.SpoolConfig{Keep: time.Minute})
	if err != nil {
		panic(fmt.Sprintf("start %s: %v", n.name, err))
	}
	d := w.newDice(fmt.Sprint("process ", n.name, " ", n.runs))
	g := &gate{cheat: w.cheat, skew: w.plan.skew[n.name], zombie: func() bool { return d.chance(0.5) }, delay: func() time.Duration { return w.faults.delay(d) }}
	p := &process{node: n, gate: g, began: time.Now(), seen: map[string]*seen{}, ended: make(chan struct{})}
	p.way = bucket.NewFaulty(w.cheat.bucket(w.store), w.seed+uint64(n.runs), usual)
	b := acks{way{g, p.way}, func(key string, data []byte) { w.laws.acked(n.name, key, data) }}
	docs := bucket.NewDocuments(b)
	log := slog.New(w.trace.handler(n.name, g.alive))
	p.channels = channel.NewStore(docs, log)
	p.station = station.New(station.Config{
		Docs: docs, Spool: spool, Channels: p.channels, Log: log, Part: w.plan.part, Segment: w.plan.segment, Flush: w.plan.flush,
		Clips: w.clips, Now: func() time.Time { return time.Now().Add(w.plan.skew[n.name]) },
	})
	p.port = w.net.Link(n.name)
	l := &link{p.port, g}
	p.mesh = mesh.New(mesh.Config{Node: n.name, Link: l, Log: log, Handler: p.station.MeshHandler(), Beat: p.station.Beat})
	if err := p.station.Join(p.mesh, n.name); err != nil {
		panic(fmt.Sprintf("start %s: %v", n.name, err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	rest, unmesh := context.WithCancel(context.Background()) // the mesh stays until the station has left
	p.stop, p.unmesh = cancel, unmesh
	run := func(ctx context.Context, what string, f func(context.Context) error) func() {
		return func() {
			if err := f(ctx); err != nil && g.alive() {
				w.laws.fail("run", "%s of %s ended: %v", what, n.name, err)
			}
		}
	}
	var group sync.WaitGroup
	group.Go(run(rest, "the mesh", p.mesh.Run))
	group.Go(run(rest, "the channels", p.channels.Run))
	group.Go(func() {
		defer unmesh()
		run(ctx, "the station", p.station.Run)()
	})
	w.dying.Go(func() {
		group.Wait()
		spool.Close()
		close(p.ended)
	})
	n.proc = p
}

// kill ends a process as kill -9 does. What it left in the spool is kept as it is at this moment.
func (w *world) kill(n *node) {
	p := n.proc
	n.proc = nil
	synctest.Wait() // nobody writes just now
	next := filepath.Join(w.dir, fmt.Sprint(n.name, "-", n.runs))
	if err := os.CopyFS(next, os.DirFS(n.spool)); err != nil {
		panic(fmt.Sprintf("keep the spool of %s: %v", n.name, err))
	}
	n.spool = next
	p.gate.kill()
	p.port.Kill()
	p.stop()
	p.unmesh()
	for _, x := range w.publishers {
		x.lost(p)
	}
}

// leave begins to end a process as SIGTERM does.
func (w *world) leave(n *node) {
	n.proc.leaving = true
	n.proc.stop()
}

// gone notes processes that have ended by themselves.
func (w *world) gone() {
	for _, n := range w.nodes {
		if n.proc == nil || !n.proc.leaving {
			continue
		}
		select {
		case <-n.proc.ended:
			w.say(n.name, "has left")
			p := n.proc
			n.proc = nil
			for _, x := range w.publishers {
				x.lost(p)
			}
		default:
		}
	}
}

// again starts a node that has left, or does so now at the latest.
func (w *world) again(n *node) {
	if n.proc != nil && n.proc.leaving {
		w.kill(n)
	}
	if n.proc == nil {
		w.start(n)
	}
}

// empty takes a node's spool away.
func (w *world) empty(n *node) {
	n.spool = filepath.Join(w.dir, fmt.Sprint(n.name, "-", n.runs, "-new"))
}

// reboot makes a spool what the death of a machine leaves of it: another boot, and of the files that
// were never synced only a part.
func (w *world) reboot(n *node) {
	for _, pattern := range []string{"journal/*/*", "witness/*/*/*"} {
		files, _ := filepath.Glob(filepath.Join(n.spool, pattern))
		for _, path := range files {
			if name := filepath.Base(path); name == "boot" || name == "fed" {
				os.WriteFile(path, []byte("an earlier boot"), 0o640)
			} else if info, err := os.Stat(path); err == nil {
				os.Truncate(path, w.rnd.Int64N(info.Size()+1))
			}
		}
	}
}

// living returns the nodes with a process that runs.
func (w *world) living() (out []*node) {
	for _, n := range w.nodes {
		if n.proc != nil && !n.proc.paused {
			out = append(out, n)
		}
	}
	return out
}

// any picks a living node, or nil.
func (w *world) any() *node {
	living := w.living()
	if len(living) == 0 {
		return nil
	}
	return living[w.rnd.IntN(len(living))]
}

// say notes what an actor does.
func (w *world) say(who, format string, args ...any) {
	w.trace.add(who, fmt.Sprintf(format, args...))
}

// between draws a time.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rnd.Int64N(int64(most-least)+1))
}
