package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figures are what was measured in the rounds of one run.
type figures []float64

func (f figures) median() float64 {
	s := slices.Sorted(slices.Values(f))
	if n := len(s); n%2 == 1 {
		return s[n/2]
	} else if n > 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return 0
}

// String gives the median, and the spread if there is one.
func (f figures) String() string {
	switch len(f) {
	case 0:
		return "–"
	case 1:
		return short(f[0])
	}
	return fmt.Sprintf("%s (%s–%s)", short(f.median()), short(slices.Min(f)), short(slices.Max(f)))
}

// short prints three digits.
func short(x float64) string {
	if x >= 100 || x == float64(int64(x)) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// row is one line of the table.
type row struct {
	what, unit  string
	ours        figures
	peer        string
	theirs      figures
	ratio, bar  string
	judged, met bool
}

// ratio adds a row that compares us with a peer: ours over theirs must be at most limit, or
// with atLeast at least that.
func (b *bench) ratio(what, unit string, ours figures, peer string, theirs figures, limit float64, atLeast bool) {
	r := row{what: what, unit: unit, ours: ours, peer: peer, theirs: theirs, judged: len(ours) > 0}
	if t := theirs.median(); t > 0 {
		x := ours.median() / t
		r.ratio, r.met = short(x), x <= limit
		r.bar = "≤ " + short(limit) + " ×"
		if atLeast {
			r.met, r.bar = x >= limit, "≥ "+short(limit)+" ×"
		}
	}
	b.rows = append(b.rows, r)
}

// limit adds a row with a bar of its own: ours must be at most that.
func (b *bench) limit(what, unit string, ours figures, most float64) {
	b.rows = append(b.rows, row{what: what, unit: unit, ours: ours, bar: "≤ " + short(most), judged: true, met: len(ours) > 0 && ours.median() <= most})
}

// beside adds a row that is only to be looked at.
func (b *bench) beside(what, unit string, ours figures, peer string, theirs figures) {
	b.rows = append(b.rows, row{what: what, unit: unit, ours: ours, peer: peer, theirs: theirs})
}

// note adds a line below the table, once.
func (b *bench) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(b.notes, text) {
		b.notes = append(b.notes, text)
	}
}

// saturated notes a measurement in which server and generator used nearly the whole machine:
// what was late then was so for want of processor.
func (b *bench) saturated(what, who string, server, generator usage) {
	if all := server.Cores + generator.Cores; all > 0.85*float64(runtime.NumCPU()) {
		b.note("%s, %s: server %.2f and generator %.2f of %d cores: the machine was saturated", what, who, server.Cores, generator.Cores, runtime.NumCPU())
	}
}

// print writes the table and returns how many bars were missed.
func (b *bench) print(w io.Writer) (missed int) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\t\tMayfly\t\tpeer\tratio\tbar\t")
	for _, r := range b.rows {
		verdict := ""
		switch {
		case r.judged && r.met:
			verdict = "ok"
		case r.judged:
			verdict = "SHORT"
			missed++
		}
		theirs := ""
		if r.peer != "" {
			theirs = r.theirs.String()
		}
		fmt.Fprintln(t, strings.Join([]string{r.what, r.unit, r.ours.String(), r.peer, theirs, r.ratio, r.bar, verdict}, "\t"))
	}
	t.Flush()
	for _, n := range b.notes {
		fmt.Fprintln(w, "note:", n)
	}
	return missed
}
