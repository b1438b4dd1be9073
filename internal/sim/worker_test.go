package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// raced reports whether this is a build with the race detector, which mixes the order of goroutines by itself.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

var worker struct {
	once sync.Once
	path string
	dir  string
	err  error
}

// workerProgram returns the program that runs seeds: these tests, built for a Go runtime that runs a seed the same way every
// time. With the race detector it is this program.
func workerProgram(t *testing.T) string {
	t.Helper()
	worker.once.Do(func() {
		if raced() {
			worker.path, worker.err = os.Executable()
			return
		}
		if worker.dir, worker.err = os.MkdirTemp("", "mayfly-sim-worker-"); worker.err != nil {
			return
		}
		overlay, err := prepare(worker.dir)
		if err != nil {
			worker.err = err
			return
		}
		worker.path = filepath.Join(worker.dir, "worker")
		cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", worker.path, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			worker.err = fmt.Errorf("build the simulation for a Go runtime that draws from a seed: %w\n%s", err, text)
		}
	})
	if worker.err != nil {
		t.Fatal(worker.err)
	}
	return worker.path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if worker.dir != "" {
		os.RemoveAll(worker.dir)
	}
	os.Exit(code)
}

// workerEnv tells a worker what it runs: a seed and an order.
const workerEnv = "MAYFLY_SIM_WORKER"

// TestWorker runs a seed for other tests, in a process of its own with one thread.
func TestWorker(t *testing.T) {
	var seed uint64
	var order int
	if _, err := fmt.Sscanf(os.Getenv(workerEnv), "%d %d", &seed, &order); err != nil {
		return // nobody asked
	}
	var kinds []string
	if *flagKinds != "" {
		kinds = strings.Split(*flagKinds, ",")
	}
	c, k := cheatFor(*flagRule, kinds)
	data, err := json.Marshal(run(t, seed, order, k, c))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("outcome %s\n", data)
}

// job is what a worker is asked.
type job struct {
	seed   uint64
	order  int
	rule   string
	faults string // only these, or with "" those that the seed draws
}

// seeds runs that many seeds from first on, each in as many orders as -sim.repeat says, until enough are bad.
func seeds(t *testing.T, first uint64, runs int, rule string, enough int) []outcome {
	t.Helper()
	var jobs []job
	for n := range runs {
		for order := range *flagRepeat {
			jobs = append(jobs, job{first + uint64(n), *flagOrder + order, rule, *flagKinds})
		}
	}
	return runAll(t, jobs, enough)
}

// runAll has workers do jobs, on all processors, until enough are bad; 0 is all.
func runAll(t *testing.T, jobs []job, enough int) (all []outcome) {
	t.Helper()
	program := workerProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := make(chan job, len(jobs))
	for _, j := range jobs {
		next <- j
	}
	close(next)
	var group sync.WaitGroup
	var mu sync.Mutex
	bad := 0
	done := func(j job, o outcome, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("seed %d: %v", j.seed, err)
			}
			return
		}
		all = append(all, o)
		if o.Law != "" {
			bad++
		}
		if enough > 0 && bad >= enough {
			cancel()
		}
	}
	for range runtime.NumCPU() {
		group.Go(func() {
			for j := range next {
				if ctx.Err() != nil {
					return
				}
				o, err := j.run(ctx, program)
				done(j, o, err)
			}
		})
	}
	group.Wait()
	slices.SortFunc(all, func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.Seed, b.Seed), cmp.Compare(a.Order, b.Order))
	})
	return all
}

// run has a worker do a job.
func (j job) run(ctx context.Context, program string) (o outcome, err error) {
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestWorker$", "-test.v=false", "-test.timeout=10m", "-sim.without="+j.rule,
		"-sim.faults="+j.faults, "-sim.trace="+strconv.FormatBool(*flagTrace), "-sim.dir="+*flagDir)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", workerEnv, j.seed, j.order))
	if !raced() {
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=1")
	}
	out, err := cmd.CombinedOutput()
	for text := range strings.Lines(string(out)) {
		if body, ok := strings.CutPrefix(text, "outcome "); ok {
			return o, json.Unmarshal([]byte(body), &o)
		}
	}
	if len(out) > 30_000 {
		out = append(out[:10_000:10_000], out[len(out)-20_000:]...)
	}
	return o, fmt.Errorf("a worker ended: %v\n%s", err, out)
}
