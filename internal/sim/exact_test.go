package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	_ "unsafe" // for go:linkname
)

// runtimeDice is the randomness that the Go runtime of a worker draws from, once it is not 0: which of several ready cases a
// select takes, where the walk of a map begins, and which of two timers of one instant comes first. In a Go
// runtime that is not prepared (see prepare) it is a variable that nobody reads.
//
//go:linkname runtimeDice runtime.mayflyDice
var runtimeDice uint64

// An edit is a place in the Go runtime that would let a seed run otherwise the next time.
type edit struct {
	file, from, to string
}

// edits make a run of a seed exact: while runtimeDice is not 0, what goroutines of a bubble (testing/synctest) draw comes from it, and
// no goroutine is moved behind others because it ran or wrote a file for some time. It takes one thread
// (GOMAXPROCS=1), and no collection of garbage in a run.
var edits = []edit{
	// A key of a map is hashed to the same number in every process.
	{"rand.go", "globalRand.state.Init(*seed)", "*seed = [32]byte{1}\n\tglobalRand.state.Init(*seed)"},
	{"rand.go", "func rand() uint64 {\n", `func rand() uint64 {
	if mayflyDice != 0 && getg().bubble != nil {
		return mayflyDraw()
	}
`},
	{"rand.go", "// rand32 is", `//go:linkname mayflyDice
var mayflyDice uint64

//go:nosplit
func mayflyDraw() uint64 {
	mayflyDice += 0x9e3779b97f4a7c15
	x := mayflyDice
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// rand32 is`},
	{"select.go", "j := cheaprandn(uint32(norder + 1))", `j := uint32(0)
		if mayflyDice != 0 && gp.bubble != nil {
			j = uint32(mayflyDraw() % uint64(norder+1))
		} else {
			j = cheaprandn(uint32(norder + 1))
		}`},
	{"time.go", "t.rand = cheaprand()", `t.rand = cheaprand()
			if mayflyDice != 0 {
				t.rand = uint32(mayflyDraw())
			}`},
	{"sema.go", "func internal_sync_nanotime() int64 {", `func internal_sync_nanotime() int64 {
	if mayflyDice != 0 && getg().bubble != nil {
		return 1
	}`},
	{"proc.go", "if pp == nil || atomic.Load(&pp.status) != _Prunning {", "if mayflyDice != 0 || pp == nil || atomic.Load(&pp.status) != _Prunning {"},
}

// prepare writes the edited files of the Go runtime to a directory, and returns the overlay for go build.
func prepare(dir string) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for its root: %w", err)
	}
	from := filepath.Join(strings.TrimSpace(string(out)), "src", "runtime")
	text := map[string]string{}
	for _, e := range edits {
		if text[e.file] == "" {
			data, err := os.ReadFile(filepath.Join(from, e.file))
			if err != nil {
				return "", err
			}
			text[e.file] = string(data)
		}
		if n := strings.Count(text[e.file], e.from); n != 1 {
			return "", fmt.Errorf("%s of %s has %q %d times, not once: the list of edits in internal/sim is for another version of Go", e.file, runtime.Version(), e.from, n)
		}
		text[e.file] = strings.Replace(text[e.file], e.from, e.to, 1)
	}
	replace := map[string]string{}
	for name, body := range text {
		to := filepath.Join(dir, name)
		replace[filepath.Join(from, name)] = to
		if err := os.WriteFile(to, []byte(body), 0o600); err != nil {
			return "", err
		}
	}
	overlay := filepath.Join(dir, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// TestExact shows that a run is the same every time, and that an order of what happens in one instant makes it another one.
func TestExact(t *testing.T) {
	if raced() {
		t.Log("the race detector mixes the order of goroutines: its runs are no two times the same")
		return
	}
	const first, runs = 101, 8
	digests := map[uint64]bool{}
	once, again := seeds(t, first, runs, "", 0), seeds(t, first, runs, "", 0)
	for i, o := range once {
		if o.Digest != again[i].Digest {
			t.Errorf("seed %d was run twice, and its traces are not the same", o.Seed)
		}
		digests[o.Digest] = true
	}
	for order := range 4 {
		o, err := job{seed: first, order: order}.run(t.Context(), workerProgram(t))
		if err != nil {
			t.Fatal(err)
		}
		digests[o.Digest] = true
	}
	if len(digests) != runs+3 {
		t.Errorf("%d seeds, one of them in four orders, have %d traces, expected %d", runs, len(digests), runs+3)
	}
}
