package e2e

import (
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

// results gathers figures over all faults and repetitions, in the order of their first coming.
var results struct {
	sync.Mutex
	list []*measured
}

// measured is one figure of one fault.
type measured struct {
	fault, name string
	values      []float64
	most        float64 // what was promised
	promised    bool
}

func note(fault, name string, value float64) *measured {
	i := slices.IndexFunc(results.list, func(m *measured) bool { return m.fault == fault && m.name == name })
	if i < 0 {
		i = len(results.list)
		results.list = append(results.list, &measured{fault: fault, name: name})
	}
	m := results.list[i]
	m.values = append(m.values, value)
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
	m.most, m.promised = most, true
	results.Unlock()
	if value > most {
		t.Errorf("%s: %s %.2f, want at most %.2f", fault, name, value, most)
	} else {
		t.Logf("%s: %s %.2f", fault, name, value)
	}
}

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
		if !slices.Contains(faults, m.fault) && m.fault != lawTwo {
			faults = append(faults, m.fault)
		}
	}
	for _, fault := range append(faults, lawTwo) {
		shown := fault
		for _, m := range results.list {
			if m.fault == fault && (m.promised || m.fault == lawTwo || slices.Max(m.values) > 0) { // else there is nothing to say
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
		if m.fault == faultServing {
			runs = max(runs, len(m.values))
		}
	}
	return runs
}

func (m *measured) row(fault string) string {
	median, worst := spread(m.values)
	form, unit := "%.0f", ""
	if strings.HasSuffix(m.name, " (s)") {
		form, unit = "%.2f", " s"
	}
	promised := ""
	if m.promised {
		promised = fmt.Sprintf("at most %g%s", m.most, unit)
		if m.most == 0 {
			promised = "none"
		}
		if m.most == none {
			promised = fmt.Sprintf("none (under %g s)", none)
		}
		if missed := len(slices.DeleteFunc(slices.Clone(m.values), func(v float64) bool { return v <= m.most })); missed > 0 {
			promised += fmt.Sprintf(": **missed in %d**", missed)
		}
	}
	if m.fault == lawTwo && m.name == comparisons { // what counts is how many in all
		worst, median = 0, 0
		for _, v := range m.values {
			worst += v
		}
		return fmt.Sprintf("| %s | %s | %d | | %.0f in all | |\n", fault, m.name, len(m.values), worst)
	}
	return fmt.Sprintf("| %s | %s | %d | "+form+unit+" | "+form+unit+" | %s |\n", fault, strings.TrimSuffix(m.name, " (s)"), len(m.values), median, worst, promised)
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
