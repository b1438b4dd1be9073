package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lawTwo stands for the comparison of all playlists during all faults.
const lawTwo = "all of these"

// results gathers figures over all repetitions of all faults, by fault and figure.
var results = struct {
	sync.Mutex
	figures map[string]map[string][]float64
}{figures: map[string]map[string][]float64{}}

// figure notes what was measured. MAYFLY_FIGURES names a file to which the figures are added as JSON lines;
// scripts/chaos.sh makes docs/volatility.md of them.
func figure(t *testing.T, fault, name string, value float64) {
	t.Helper()
	t.Logf("%s: %s %.2f", fault, name, value)
	results.Lock()
	defer results.Unlock()
	if results.figures[fault] == nil {
		results.figures[fault] = map[string][]float64{}
	}
	results.figures[fault][name] = append(results.figures[fault][name], value)
	if path := os.Getenv("MAYFLY_FIGURES"); path != "" {
		line, _ := json.Marshal(figureLine{fault, name, value})
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		f.Write(append(line, '\n'))
	}
}

// figureLine is a line of MAYFLY_FIGURES.
type figureLine struct {
	Fault, Figure string
	Value         float64
}

// bar notes a figure, and fails the test if it is over what was promised.
func bar(t *testing.T, fault, name string, value, most float64) {
	t.Helper()
	figure(t, fault, name, value)
	if value > most {
		t.Errorf("%s: %s is %.2f, want at most %.2f", fault, name, value, most)
	}
}

// keep writes a file for who looks into a failure, to MAYFLY_LOGS if that is set.
func keep(t *testing.T, name, text string) {
	dir := os.Getenv("MAYFLY_LOGS")
	if dir == "" {
		t.Logf("%s:\n%s", name, tail(text))
		return
	}
	path := filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
	t.Logf("kept %s", path)
}

// spread returns the median and the highest of some values.
func spread(values []float64) (median, worst float64) {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2], values[len(values)-1]
}

func show(v float64, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}
