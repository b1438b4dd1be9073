// Package sim is the fleet in simulated time: whole stations on a mesh and a bucket in memory, with
// encoders, viewers and producers, and everything going wrong that can. After every step it checks the
// laws of the design.
//
// A run is drawn from its seed: the fleet, who uses it, what goes wrong and when, all randomness of the program
// itself (crypto/rand is seeded), and what the Go runtime chooses by itself: which of several ready cases a
// select takes, where the walk of a map begins, which timer of one instant comes first (see edits). So a seed is
// the same run every time; -sim.order gives it another order of what happens in one instant. With the race
// detector, which mixes goroutines by itself, no run is the same as another.
//
// Time is one for all nodes (testing/synctest). So a pause is a gate around a process: nothing comes in or
// goes out, and all that waits goes on at once; its timers run on meanwhile, unlike after a real SIGSTOP
// (the end-to-end tests have that). Clocks differ only in what nodes tell each other of the time.
package sim

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

var (
	flagRuns   = flag.Int("sim.runs", 0, "how many seeds to run; default 200, with -short 20")
	flagSeed   = flag.Uint64("sim.seed", 1, "the first seed")
	flagOrder  = flag.Int("sim.order", 0, "the first order of what happens in one instant")
	flagRepeat = flag.Int("sim.repeat", 1, "in how many orders to run each seed")
	flagKinds  = flag.String("sim.faults", "", "only these faults, with commas between them; default: each seed draws its own")
	flagRule   = flag.String("sim.without", "", "the rule that is left out")
	flagTrace  = flag.Bool("sim.trace", false, "print the trace of runs that keep the laws, too")
	flagDir    = flag.String("sim.dir", "", "where the spools are; default in memory if there is /dev/shm")
)

const (
	quietTime = 15 * time.Second
	agreeTime = 10 * time.Second
)

// outcome is what a run came to.
type outcome struct {
	Seed    uint64
	Order   int
	Law     string `json:",omitempty"` // that was broken first
	Soft    bool   // a node was ended by the word of its witnesses alone, or went on by its spool alone
	Broken  []string
	Plan    string
	Trace   string
	Numbers int // listed
	Fetched int
	Acked   int // bundles
	Pieces  int
	Cuts    int64
	Took    time.Duration
	Digest  uint64 // of all that the trace tells
}

// excused reports whether what was broken is what the design allows: a soft seal may break law 2 where a
// node out of sight has the bucket after all. So may a writer that goes on by its spool alone, with neither
// the bucket nor a witness in sight, when others who have both end it meanwhile.
func (o outcome) excused() bool { return o.Soft && (o.Law == "2" || o.Law == "3") }

// run runs one seed, with what happens in one instant in one of many orders.
func run(t *testing.T, seed uint64, order int, kinds []string, c *cheat) (out outcome) {
	began := time.Now()
	runtimeDice = seed<<16 | uint64(order+1)
	cryptotest.SetGlobalRandom(t, seed)
	dir, err := os.MkdirTemp(spoolDir(), "mayfly-sim-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed, kinds, dir, c)
		w.run()
		out = outcome{
			Seed: seed, Order: order, Law: w.laws.law, Soft: w.trace.soft.Load(), Broken: w.laws.broken, Plan: w.plan.String(), Numbers: w.laws.count, Fetched: w.laws.fetched,
			Acked: w.laws.bundles, Pieces: len(w.laws.pieces),
		}
		out.Digest = w.trace.digest()
		if w.laws.at.IsZero() {
			w.laws.at = time.Now()
		}
		if len(out.Broken) > 0 || *flagTrace {
			out.Trace = w.trace.around(w.laws.at, 30*time.Second)
		}
	})
	out.Took = time.Since(began)
	return out
}

func spoolDir() string {
	if *flagDir != "" {
		return *flagDir
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

func newWorld(seed uint64, kinds []string, dir string, c *cheat) *world {
	w := &world{
		seed: seed, cheat: c, dir: dir, trace: &trace{began: time.Now()},
		rnd: rand.New(rand.NewPCG(seed, 1)), losses: map[string]*dice{}, net: mesh.NewSwitch(),
	}
	w.plan = newPlan(w.rnd, kinds)
	w.clipsRnd = rand.New(rand.NewPCG(seed, 2))
	w.clips, w.planned = newClips(w.clipsRnd), w.clipsRnd.IntN(2) == 0
	if c != nil {
		w.planned = c.autopilot
	}
	if c != nil && c.nodes > 0 {
		w.plan.nodes = c.nodes
	}
	w.laws = &laws{
		world: w, listed: map[string]map[int64]*entry{}, bodies: map[string]body{}, stored: map[string]map[uint64][32]byte{},
		pieces: map[bundle.Piece]oath{}, progress: map[string]progress{},
	}
	w.spy = newSpy(w.laws.fail)
	w.store = bucket.NewFaulty(w.spy, seed, bucket.Faults{})
	w.faults = &faults{world: w, busy: map[string]bool{}, troubled: time.Now()}
	w.net.Lose(w.lose)
	return w
}

// run runs a world to its end: some time with faults, and some without.
func (w *world) run() {
	w.say("plan", "seed %d: %s", w.seed, &w.plan)
	w.begin()
	for end := time.Now().Add(w.plan.span); time.Now().Before(end) && !w.laws.isBroken(); {
		w.step()
	}
	if !w.laws.isBroken() {
		w.say("FAULT", "no more faults")
		w.faults.quiet()
		for _, x := range w.producers {
			x.next = time.Now()
		}
		w.calm()
	}
	w.end()
}

// begin starts the fleet and those who use it.
func (w *world) begin() {
	for i := range w.plan.nodes {
		n := &node{name: nodeName(i), spool: w.dir + "/" + nodeName(i)}
		w.nodes = append(w.nodes, n)
		w.start(n)
	}
	time.Sleep(2 * time.Second)
	for i := range w.plan.channels {
		c := channel.Channel{Slug: fmt.Sprint("channel-", i), AutoLive: true, DVRWindow: 120, Sources: []channel.Source{{Name: "one"}}}
		two := w.rnd.IntN(2) == 0
		if two {
			c.Sources = append(c.Sources, channel.Source{Name: "two"})
		}
		made, err := w.nodes[0].proc.channels.Create(context.Background(), c)
		if err != nil {
			w.laws.fail("run", "make a channel: %v", err)
			return
		}
		w.channels = append(w.channels, made)
		w.publisher(i, "one", made.Sources[0].StreamKey)
		if w.rnd.IntN(3) == 0 {
			w.publisher(i, "backup", made.Sources[0].BackupStreamKey)
		}
		if two {
			w.publisher(i, "two", made.Sources[1].StreamKey)
		}
		w.producers = append(w.producers, &producer{world: w, name: fmt.Sprint("producer-", i), channel: i, next: time.Now().Add(w.between(3*time.Second, w.plan.cutEvery))})
	}
	time.Sleep(time.Second)
	for _, c := range w.channels {
		if !w.planned {
			break
		}
		if err := w.schedule(w.nodes[0].proc, c.Slug, w.clips.plan(w.clipsRnd)); err != nil {
			w.laws.fail("run", "make a plan: %v", err)
		}
	}
	w.faults.next = time.Now().Add(w.between(time.Second, 6*time.Second))
}

func (w *world) publisher(channel int, name, key string) {
	w.publishers = append(w.publishers, &publisher{
		world: w, name: fmt.Sprint(name, "-", channel), key: key, channel: channel, pushes: w.rnd.IntN(2) == 0,
		retry: time.Now().Add(w.between(0, 2*time.Second)),
	})
}

// step lets some time pass, and everybody do what they do.
func (w *world) step() {
	time.Sleep(w.between(20*time.Millisecond, 120*time.Millisecond))
	synctest.Wait()
	w.gone()
	w.faults.step()
	for _, x := range w.publishers {
		x.step()
	}
	for _, x := range w.producers {
		x.step()
	}
	w.cheat.step(w)
	synctest.Wait()
	w.watch()
}

// watch is what viewers do.
func (w *world) watch() {
	for _, n := range w.living() {
		for _, c := range w.channels {
			if w.rnd.Float64() < 0.1 {
				continue
			}
			if win := w.laws.look(n.proc, c.Slug, false); win != nil {
				w.laws.live(n.proc, c.Slug, win)
				w.fetchOne(n.proc, c.Slug, win)
			}
			if w.rnd.Float64() < 0.2 {
				w.laws.look(n.proc, c.Slug, true)
			}
		}
		w.laws.bounded(n.proc)
	}
	w.laws.goesOn()
}

// fetchOne fetches something of a window.
func (w *world) fetchOne(p *process, slug string, win *hls.Window) {
	if w.rnd.Float64() > 0.2 {
		return
	}
	s := &win.Segments[w.rnd.IntN(len(win.Segments))]
	address := s.URI
	if n := len(s.Parts); n > 0 && (address == "" || w.rnd.IntN(2) == 0) {
		address = s.Parts[w.rnd.IntN(n)].URI
	}
	if s.Gap || address == "" {
		return
	}
	w.asking.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		w.laws.fetch(ctx, p, slug, address, false)
	})
}

// calm is the time without faults, and what must be true at its end.
func (w *world) calm() {
	began := time.Now()
	checked := false
	for time.Since(began) < quietTime && !w.laws.isBroken() {
		w.step()
		if !checked && time.Since(began) >= agreeTime {
			checked = true
			w.laws.agreed()
		}
	}
	if w.laws.isBroken() {
		return
	}
	w.laws.agreed()
	w.laws.fetchable()
}

// end stops everything, and checks what the bucket has.
func (w *world) end() {
	whole := !w.laws.isBroken()
	w.say("FAULT", "the end")
	for _, n := range w.nodes {
		if n.proc == nil {
			continue
		}
		if whole {
			n.proc.stop()
		} else {
			w.kill(n)
		}
	}
	for _, x := range w.publishers {
		x.close()
	}
	w.asking.Wait()
	w.dying.Wait()
	w.store.Settle()
	if whole {
		w.laws.kept()
	}
}

const (
	// usualRuns is how many seeds TestSimulation runs while one works, and shortRuns with -short. scripts/test.sh
	// runs 2,000.
	usualRuns = 200
	shortRuns = 20
	// softShare is one in how many runs laws 2 and 3 may be broken after a soft seal or a spool alone (see
	// excused): about three times what is seen.
	softShare = 100
)

// TestSimulation runs many seeds, each of which must keep all laws.
func TestSimulation(t *testing.T) {
	runs := *flagRuns
	if runs == 0 {
		runs = usualRuns
		if testing.Short() {
			runs = shortRuns
		}
	}
	began := time.Now()
	all := seeds(t, *flagSeed, runs, *flagRule, 0)
	var sum outcome
	laws := map[string]int{}
	var soft []uint64
	for _, o := range all {
		sum.Numbers += o.Numbers
		sum.Fetched += o.Fetched
		sum.Acked += o.Acked
		sum.Pieces += o.Pieces
		sum.Took += o.Took
		if o.Trace != "" && len(laws) < 3 {
			t.Logf("trace of seed %d:\n%s", o.Seed, o.Trace)
		}
		if o.Law == "" {
			continue
		}
		if o.excused() {
			soft = append(soft, o.Seed)
			continue
		}
		laws[o.Law]++
		t.Errorf("seed %d (%s):\n  %s\n  replay: go test ./internal/sim -run TestSimulation -sim.runs 1 -sim.seed %d -sim.order %d", o.Seed, o.Plan, strings.Join(o.Broken, "\n  "), o.Seed, o.Order)
	}
	if len(soft) > max(2, len(all)/softShare) {
		t.Errorf("after a soft seal or a spool alone, law 2 or 3 was broken in %d of %d runs, seeds %v", len(soft), len(all), soft)
	}
	t.Logf("%d runs in %v, %v each: %d numbers listed, %d pieces of media fetched, %d bundles and %d pushed pieces acknowledged; broken laws: %v; laws 2 and 3 after a soft seal or a spool alone: seeds %v",
		len(all), time.Since(began).Round(time.Second), (sum.Took / time.Duration(max(1, len(all)))).Round(time.Millisecond), sum.Numbers, sum.Fetched, sum.Acked, sum.Pieces, laws, soft)
}

// knownSeeds once broke a law.
var knownSeeds = map[job]string{
	{seed: 50354, faults: "partition,one-sided,crash"}: "of two runs that ended without a word one was in doubt",
	{seed: 1040}:  "a plan behind a take that was ahead of the clock waited for it",
	{seed: 1988}:  "a dead node's mark put a take on air that had been closed meanwhile, and nobody ended it",
	{seed: 290}:   "two nodes that were without the bucket agreed on what the third one, which had it, claimed otherwise",
	{seed: 1223}:  "behind a leap there were gaps that a node which was cut off had listed as something else",
	{seed: 7555}:  "what a node had begun behind a leap was forgotten with its memory, and its number was given again",
	{seed: 8441}:  "what a node had begun behind a leap was forgotten with its memory, where producers cut",
	{seed: 3489}:  "a witness that was cut off gave its word alone for a writer that had gone on without it and the bucket",
	{seed: 7973}:  "a node held its window back for a plan that it could not read while the bucket was away",
	{seed: 3943}:  "a node that began did not doubt what another one had ended without a word, and gave its number again",
	{seed: 2373}:  "a node that left showed viewers numbers again that it had left out",
	{seed: 3686}:  "a node that began put something on air before the one that ended a dead node without a word had stored the leap",
	{seed: 10282}: "a node that had slept took its end of a take for one that others know",
	{seed: 31156}: "a cut to a plan that could not begin while the bucket was away took the place of what was live",
	{seed: 573}:   "behind a leap a number was listed as a gap of which only parts had been listed",
	{seed: 20211}: "a dead run was forgotten before the channels were known that are in doubt of it",
	{seed: 40379}: "a node that woke up with another end of a take did not ask the bucket who is right",
	{seed: 6716}:  "two nodes that claimed at once refused each other while the bucket was away",
	{seed: 3574}:  "who watched a channel was without a window while the plan behind a cue was read",
	{seed: 1254}:  "off air was not ended by a cut while a cue had not ended",
}

// TestKnownSeeds runs seeds again that once broke a law, in several orders.
func TestKnownSeeds(t *testing.T) {
	orders := 10
	if testing.Short() {
		orders = 1
	}
	var jobs []job
	whys := map[uint64]string{}
	for known, why := range knownSeeds {
		whys[known.seed] = why
		for known.order = range orders {
			jobs = append(jobs, known)
		}
	}
	for _, o := range runAll(t, jobs, 0) {
		if o.Law != "" && !o.excused() {
			t.Errorf("seed %d, order %d (%s): %s\n%s", o.Seed, o.Order, whys[o.Seed], strings.Join(o.Broken, "\n"), o.Trace)
		}
	}
}
