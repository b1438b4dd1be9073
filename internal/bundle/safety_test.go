package bundle

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// fate is a bundle as the model of TestSafety remembers it.
type fate struct {
	sequence, lines uint64
	names           []string
}

// world is what there is beside a safety: what really landed, and what witnesses that are there hold.
type world struct {
	s        *safety
	lines    uint64
	next     uint64
	newest   fate   // the newest bundle that landed
	inFlight []fate // on their way: any first few of them may have landed when the writer dies
	held     map[string]uint64
	spooled  uint64
}

// ends returns the bundles that may turn out to be the newest one.
func (w *world) ends() []fate { return append([]fate{w.newest}, w.inFlight...) }

// check says what a sealer would find if the writer died now: every line that is safe lies in a bundle,
// or with each of those that are named and can answer.
func (w *world) check(t *rapid.T, away, solo bool) {
	w.s.solo = solo
	safe, durable := w.s.safe(away), w.s.durable(away)
	asked := false
	for _, end := range w.ends() {
		if len(end.names) == 0 {
			if durable > end.lines {
				t.Fatalf("%d lines are durable, but the newest bundle may be %+v, which names nobody to ask", durable, end)
			}
			continue
		}
		asked = true
		answers, holders := 0, 0
		for _, witness := range end.names {
			lines, there := w.held[witness]
			if there || !away || !solo {
				answers++
				if !w.s.lonely && safe > max(end.lines, lines) {
					t.Fatalf("%d lines are safe (away %v, solo %v), but the newest bundle may be %+v and %s holds %d", safe, away, solo, end, witness, lines)
				}
			}
			if lines >= durable {
				holders++
			}
		}
		if answers == 0 && !w.s.lonely && safe > end.lines {
			t.Fatalf("%d lines are safe, but nobody can answer for %+v", safe, end)
		}
		if durable > end.lines && holders < 2 {
			t.Fatalf("%d lines are durable, but the newest bundle may be %+v and %d witnesses hold them: %v", durable, end, holders, w.held)
		}
	}
	if w.s.exact() != asked {
		t.Fatalf("exact %v, but somebody may be asked: %v", w.s.exact(), asked)
	}
	if !asked && safe != w.spooled {
		t.Fatalf("nobody is named: %d lines are safe, want the %d that are spooled", safe, w.spooled)
	}
	w.progress(t, safe, durable, away)
}

// progress says that what is there counts.
func (w *world) progress(t *rapid.T, safe, durable uint64, away bool) {
	if safe < w.newest.lines || durable < w.newest.lines {
		t.Fatalf("%d lines are safe and %d durable, but %d have landed", safe, durable, w.newest.lines)
	}
	least := ^uint64(0)
	for _, end := range w.ends() {
		for _, witness := range end.names {
			least = min(least, w.held[witness])
		}
	}
	if w.s.exact() && safe < least {
		t.Fatalf("%d lines are safe, but all that are named hold %d: %v", safe, least, w.held)
	}
	if away && len(w.newest.names) >= 2 && !slices.ContainsFunc(w.inFlight, func(f fate) bool { return !slices.Equal(f.names, w.newest.names) }) && durable < least {
		t.Fatalf("%d lines are durable, but two that are named hold %d: %v", durable, least, w.held)
	}
}

// TestSafety changes witnesses while bundles are in flight, lets witnesses come, go and lag, and asks at
// every moment what would be lost if the writer died.
func TestSafety(t *testing.T) {
	nodes := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		w := &world{s: newSafety(), held: map[string]uint64{}}
		steps := map[string]func(*rapid.T){
			"append": func(t *rapid.T) { w.lines += uint64(rapid.IntRange(1, 3).Draw(t, "lines")) },
			"name": func(t *rapid.T) {
				names := rapid.SliceOfNDistinct(rapid.SampledFrom(nodes), 0, 2, rapid.ID).Draw(t, "names")
				slices.Sort(names)
				w.s.want(names)
			},
			"bundle": func(t *rapid.T) {
				w.inFlight = append(w.inFlight, fate{w.next, w.lines, slices.Clone(w.s.made(w.next))})
				w.next++
			},
			"land": func(t *rapid.T) {
				if len(w.inFlight) == 0 {
					return
				}
				w.newest, w.inFlight = w.inFlight[0], w.inFlight[1:]
				w.s.landed(w.newest.sequence, w.newest.lines)
				w.spooled = max(w.spooled, w.newest.lines)
			},
			"spool": func(t *rapid.T) {
				if len(w.inFlight) > 0 {
					w.spooled = max(w.spooled, w.inFlight[0].lines)
					w.s.spooled = w.spooled
				}
			},
			"hold": func(t *rapid.T) {
				if w.lines == 0 {
					return
				}
				n := rapid.SampledFrom(nodes).Draw(t, "witness")
				w.held[n] = max(w.held[n], uint64(rapid.IntRange(1, int(w.lines)).Draw(t, "holds")))
				w.s.hold(n, w.held[n])
			},
			"gone": func(t *rapid.T) {
				n := rapid.SampledFrom(nodes).Draw(t, "witness")
				delete(w.held, n)
				w.s.hold(n, 0)
			},
			"": func(t *rapid.T) {
				for _, away := range []bool{false, true} {
					for _, solo := range []bool{false, true} {
						w.check(t, away, solo)
					}
				}
			},
		}
		t.Repeat(steps)
	})
}

// TestTooManyWitnesses are not named: the bundle could not be read.
func TestTooManyWitnesses(t *testing.T) {
	s := newSafety()
	var names []string
	for i := range 2 * maxWitnesses {
		names = append(names, fmt.Sprint(i))
	}
	s.want(names)
	body, _, err := encode(nil, Index{Witnesses: s.made(0)})
	if err != nil {
		t.Fatal(err)
	}
	if x, need, err := DecodeIndex(join(body)); err != nil || need > 0 || len(x.Witnesses) != maxWitnesses {
		t.Errorf("read as %+v, %d, %v", x, need, err)
	}
}
