package program

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

var flagDark = flag.Int("dark.runs", 6, "how many days of autopilot TestNeverDark runs")

// The never-dark simulation runs one channel on autopilot for a day on a virtual clock. Several nodes list it by
// clocks that differ, and start anew; sources come on air and leave, the plan is edited, cuts are asked for. All
// nodes must list the same, without a hole in time.

type dark struct {
	rnd    *rand.Rand
	now    time.Time
	nodes  []*darkNode
	bucket *CutList
	plans  map[int64]*Schedule
	newest int64
	takes  map[media.TakeID]*darkTake
	live   *darkTake
	offs   []time.Time // when a producer took it off air
	later  []darkEvent
	spoil  string // the rule that is left out

	seen   map[int64]string
	cc     map[int64]int64
	whole  map[int64]string
	faults []string
	leaps  int
	cuts   int
	dark   time.Time // since when nothing is to be on air
	dense  time.Time // until when viewers look often
}

type darkEvent struct {
	at time.Time
	do func()
}

const darkPart = media.TicksPerSecond / 2

func newDark(seed uint64, spoil string) *dark {
	rnd := rand.New(rand.NewPCG(seed, 7))
	zone := Zone{Name: "Europe/Berlin", Offsets: []Offset{{Seconds: 3600}, {From: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).Unix(), Seconds: 7200}}}
	s := &dark{
		rnd: rnd, now: time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), bucket: &CutList{Channel: "c"}, plans: map[int64]*Schedule{}, newest: 1, takes: map[media.TakeID]*darkTake{},
		seen: map[int64]string{}, cc: map[int64]int64{}, whole: map[int64]string{}, spoil: spoil,
	}
	p, err := NewSchedule(testPlan(rnd, zone, rnd.IntN(16)))
	if err != nil {
		panic(err)
	}
	s.plans[1] = p
	for i := range 1 + rnd.IntN(4) {
		n := &darkNode{name: fmt.Sprint("n", i), skew: time.Duration(rnd.IntN(4000)-2000) * time.Millisecond}
		s.nodes = append(s.nodes, n)
		s.begin(n)
	}
	return s
}

func (s *dark) fault(format string, args ...any) {
	if len(s.faults) < 5 {
		s.faults = append(s.faults, s.now.Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (s *dark) after(d time.Duration, do func()) {
	s.later = append(s.later, darkEvent{s.now.Add(d), do})
}

// arrive lets a source come to a node, if none is there.
func (s *dark) arrive() {
	n := s.nodes[s.rnd.IntN(len(s.nodes))]
	if s.live != nil || n.down {
		return
	}
	k := &darkTake{node: n, take: &media.Take{
		ID: media.NewTakeID(), Source: "camera", Node: n.name, Incarnation: "i", Born: s.clock(n).Truncate(time.Millisecond),
		Renditions: []media.Rendition{{Name: media.Main}},
	}}
	// The take's own clock is the node's; it is kept in true time here.
	k.take.Born = s.now.Truncate(time.Millisecond)
	s.takes[k.take.ID], s.live = k, k
	s.order(n, n.director.Began(Contender{Take: k.take, Start: func(after time.Time) (uint32, time.Time) { return k.from(after, s.now) }}))
	s.after(time.Duration(s.rnd.IntN(1800))*time.Second, func() { s.depart(k) })
}

func (s *dark) depart(k *darkTake) {
	if s.live != k {
		return
	}
	n := k.node
	s.dense = s.now.Add(15 * time.Second)
	m := n.director.Left(k.take.ID, k.edge(s.now))
	k.end, s.live = s.now, nil
	if m == nil {
		return
	}
	for _, x := range s.nodes {
		if !x.down {
			s.order(x, x.director.Safe(m))
		}
	}
	s.swap(n.director.List())
	for _, x := range s.nodes {
		s.after(5100*time.Millisecond, func() {
			if !x.down {
				s.order(x, x.director.Idle())
			}
		})
	}
}

// happen lets something happen.
func (s *dark) happen() {
	n := s.nodes[s.rnd.IntN(len(s.nodes))]
	switch p := s.rnd.IntN(20); {
	case p < 8:
		s.arrive()
	case p < 10 && len(s.nodes) > 1 && (s.live == nil || s.live.node != n):
		if n.down = true; s.rnd.IntN(2) == 0 {
			s.begin(n) // at once
		} else {
			s.after(time.Duration(s.rnd.IntN(1200))*time.Second, func() { s.begin(n) })
		}
	case p < 12: // an edit
		plan := *s.plans[s.newest].Plan
		s.newest++
		plan.Version = s.newest
		plan.Storyboards = slices.Clone(plan.Storyboards)
		b := &plan.Storyboards[s.rnd.IntN(len(plan.Storyboards))]
		b.Clips = append(slices.Clone(b.Clips), testClip(s.rnd, "more", 5))
		made, err := NewSchedule(&plan)
		if err != nil {
			s.fault("%v", err)
			return
		}
		s.plans[s.newest] = made
		for _, x := range s.nodes {
			s.plan(x)
		}
		if n.director.List().OnAir() != nil && n.director.List().OnAir().Play != nil && !n.down {
			s.cut(n, AutopilotSource)
		}
	case p < 13 && !n.down && s.live == nil:
		s.cut(n, AutopilotSource)
	case p < 14 && !n.down && s.live != nil && s.live.node == n:
		s.cut(n, AutopilotSource)
	case p < 17 && !n.down:
		s.cue(n)
	case p < 18 && !n.down:
		s.dark, s.offs = s.now.Add(time.Hour), append(s.offs, s.now)
		s.cut(n, "")
		s.after(time.Duration(s.rnd.IntN(600))*time.Second, func() {
			s.dark = s.now.Add(20 * time.Second)
			s.insist(n)
		})
	}
}

// run runs a day.
func (s *dark) run(span time.Duration) []string {
	s.dark, s.dense = s.now, s.now.Add(30*time.Second)
	next := s.now.Add(10 * time.Minute)
	look := s.now
	for end := s.now.Add(span); s.now.Before(end) && len(s.faults) == 0; {
		slices.SortStableFunc(s.later, func(a, b darkEvent) int { return a.at.Compare(b.at) })
		if len(s.later) > 0 && s.later[0].at.Before(look) {
			e := s.later[0]
			s.later = s.later[1:]
			s.now = e.at
			e.do()
			if s.now.Before(s.dense) && look.Sub(s.now) > 3*time.Second {
				look = s.now.Add(time.Second)
			}
			continue
		}
		if s.now = look; s.now.After(next) {
			next = s.now.Add(time.Duration(s.rnd.IntN(40)) * time.Minute)
			s.happen()
			s.dense = s.now.Add(15 * time.Second)
		}
		for _, n := range s.nodes {
			s.look(n)
		}
		look = s.now.Add(time.Duration(60+s.rnd.IntN(180)) * time.Second)
		if s.now.Before(s.dense) {
			look = s.now.Add(time.Duration(300+s.rnd.IntN(2700)) * time.Millisecond)
		}
	}
	s.resumes()
	return s.faults
}

// TestNeverDark: a day of autopilot with live breaks, on several nodes whose clocks differ.
func TestNeverDark(t *testing.T) {
	numbers, cuts, leaps := 0, 0, 0
	for seed := range uint64(*flagDark) {
		s := newDark(seed, "")
		if faults := s.run(24 * time.Hour); len(faults) > 0 {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(faults, "\n"))
		}
		numbers, cuts, leaps = numbers+len(s.seen), cuts+s.cuts, leaps+s.leaps
	}
	if t.Logf("%d days: %d numbers, %d claims, %d leaps", *flagDark, numbers, cuts, leaps); cuts < 10**flagDark {
		t.Errorf("%d claims in %d days: hardly anything happens", cuts, *flagDark)
	}
}

// TestNeverDarkFinds leaves out one condition of rule F at a time.
func TestNeverDarkFinds(t *testing.T) {
	spoils := []string{"promises", "the highest", "who does not answer", "who lists", "breaks", "place"}
	if testing.Short() {
		spoils = spoils[:1]
	}
	for _, spoil := range spoils {
		found := false
		for seed := uint64(0); seed < 100 && !found; seed++ {
			found = len(newDark(seed, spoil).run(12*time.Hour)) > 0
		}
		if !found {
			t.Errorf("without %q nothing was noticed in 100 days", spoil)
		}
	}
}
