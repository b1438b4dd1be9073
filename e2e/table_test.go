package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lawTwo stands for the comparison of all playlists during all faults.
const lawTwo = "all of these"

// results gathers figures over all faults and repetitions, in the order of their first coming: also over
// those of earlier runs, if MAYFLY_FIGURES names a file with them.
var results struct {
	sync.Mutex
	list []*measured
}

// measured is one figure of one fault.
type measured struct {
	Fault, Name string
	Values      []float64
	Most        float64 // what was promised
	Promised    bool
}

// earlier reads the figures of earlier runs; the lock is held.
var earlier = sync.OnceValue(func() error {
	path := os.Getenv("MAYFLY_FIGURES")
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	return json.Unmarshal(data, &results.list)
})

// saveFigures writes all figures for a later run; the lock is held.
func saveFigures() error {
	path := os.Getenv("MAYFLY_FIGURES")
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(results.list, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func note(fault, name string, value float64) *measured {
	if err := earlier(); err != nil {
		panic(fmt.Sprintf("the figures of earlier runs cannot be read: %v", err))
	}
	i := slices.IndexFunc(results.list, func(m *measured) bool { return m.Fault == fault && m.Name == name })
	if i < 0 {
		i = len(results.list)
		results.list = append(results.list, &measured{Fault: fault, Name: name})
	}
	m := results.list[i]
	m.Values = append(m.Values, value)
	return m
}

// figure notes what was measured.
func figure(t *testing.T, fault, name string, value float64) {
	t.Helper()
	t.Logf("%s: %s %.2f", fault, name, value)
	results.Lock()
	defer results.Unlock()
	note(fault, name, value)
}

// bar notes a figure, and fails the test if it is over what was promised.
func bar(t *testing.T, fault, name string, value, most float64) {
	t.Helper()
	results.Lock()
	m := note(fault, name, value)
	m.Most, m.Promised = most, true
	results.Unlock()
	if value > most {
		t.Errorf("%s: %s %.2f, want at most %.2f", fault, name, value, most)
	} else {
		t.Logf("%s: %s %.2f", fault, name, value)
	}
}

// seconds ends the names of figures that are times.
const seconds = " (s)"

// repeating reports whether all faults are repeated to fill the table.
func repeating() bool { return os.Getenv("MAYFLY_TABLE") != "" }

// The place of the table in docs/volatility.md.
const (
	tableBegin = "<!-- the table: make chaos writes it -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// table returns all figures as a table.
func table() string {
	results.Lock()
	defer results.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "`make chaos N=%d`, on %d cores:\n\n", most(), runtime.NumCPU())
	b.WriteString("| fault | figure | runs | median | worst | promised |\n|---|---|---:|---:|---:|---|\n")
	var faults []string
	for _, m := range results.list {
		if !slices.Contains(faults, m.Fault) && m.Fault != lawTwo {
			faults = append(faults, m.Fault)
		}
	}
	for _, fault := range append(faults, lawTwo) {
		shown := fault
		for _, m := range results.list {
			if m.Fault == fault && (m.Promised || m.Fault == lawTwo || slices.Max(m.Values) > 0) { // else there is nothing to say
				b.WriteString(m.row(shown))
				shown = ""
			}
		}
	}
	return b.String()
}

// most returns how often the figures were measured that come once in a run.
func most() (runs int) {
	for _, m := range results.list {
		if m.Fault == faultServing {
			runs = max(runs, len(m.Values))
		}
	}
	return runs
}

func (m *measured) row(fault string) string {
	median, worst := spread(m.Values)
	form, unit := "%.0f", ""
	if strings.HasSuffix(m.Name, seconds) {
		form, unit = "%.2f", " s"
	}
	promised := ""
	if m.Promised {
		promised = fmt.Sprintf("at most %g%s", m.Most, unit)
		if m.Most == 0 {
			promised = "none"
		}
		if m.Most == none {
			promised = fmt.Sprintf("none (under %g s)", none)
		}
		if missed := len(slices.DeleteFunc(slices.Clone(m.Values), func(v float64) bool { return v <= m.Most })); missed > 0 {
			promised += fmt.Sprintf(": **missed in %d**", missed)
		}
	}
	if m.Fault == lawTwo && m.Name == comparisons { // what counts is how many in all
		worst, median = 0, 0
		for _, v := range m.Values {
			worst += v
		}
		return fmt.Sprintf("| %s | %s | %d | | %.0f in all | |\n", fault, m.Name, len(m.Values), worst)
	}
	return fmt.Sprintf("| %s | %s | %d | "+form+unit+" | "+form+unit+" | %s |\n", fault, strings.TrimSuffix(m.Name, seconds), len(m.Values), median, worst, promised)
}

// spread returns the median and the highest of some values.
func spread(values []float64) (median, worst float64) {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, values[n-1]
}

// writeTable writes the table into the file that MAYFLY_TABLE names, after every fault, so that a long run
// that is broken off is not lost.
func writeTable() error {
	path := os.Getenv("MAYFLY_TABLE")
	if path == "" {
		return nil
	}
	results.Lock()
	err := saveFigures()
	results.Unlock()
	if err != nil {
		return err
	}
	return writeBetween(path, tableBegin, tableEnd, table())
}

// writeBetween writes a text between two lines of a file, in place of what stood there.
func writeBetween(path, begin, end, content string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table: want the lines %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+content+end+after), 0o644)
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
