package mesh

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func beat(node string, number uint64, now time.Time) Beat {
	return Beat{Version: beatVersion, Node: node, Number: number, Started: start, Now: now, Ready: true}
}

func state(v *View, node string) State {
	for _, m := range v.Members() {
		if m.Node == node {
			return m.State
		}
	}
	return ""
}

// TestViewStates follows a node that falls silent and comes back.
func TestViewStates(t *testing.T) {
	v := NewView("me")
	now := start
	v.Tick(now)
	if !v.Heard(beat("x", 1, now), now) || state(v, "x") != Alive {
		t.Fatal("the first beat does not bring a member")
	}
	for at, want := range []State{0: Alive, 1: Alive, 2: Alive, 3: Suspect, 4: Suspect, 5: Suspect, 6: Lost, 7: Lost} {
		if changed := v.Tick(now.Add(time.Duration(at) * BeatEvery)); state(v, "x") != want || changed != (at == 3 || at == 6) {
			t.Errorf("after %d ticks without a beat: %s, changed %v, want %s", at, state(v, "x"), changed, want)
		}
	}
	now = now.Add(7 * BeatEvery)
	if v.Heard(beat("x", 1, now), now) || state(v, "x") != Lost {
		t.Error("a beat that was heard before brings a node back")
	}
	if !v.Heard(beat("x", 2, now), now) || state(v, "x") != Alive {
		t.Error("a new beat does not bring a node back")
	}
	farewell := beat("x", 2, now)
	if !v.Left(farewell, now) || state(v, "x") != Lost || v.Left(farewell, now) {
		t.Error("a farewell does not count once")
	}
	for range 2*int(forgetAfter/BeatEvery) + 10 {
		now = now.Add(BeatEvery)
		v.Tick(now)
	}
	if state(v, "x") != "" {
		t.Error("a lost member is not forgotten")
	}
}

// TestViewRuns tells two runs of a node apart.
func TestViewRuns(t *testing.T) {
	v := NewView("me")
	now := start
	second := beat("x", 1, now)
	second.Started, second.Incarnation = start.Add(time.Minute), "second"
	first := beat("x", 1000, now)
	first.Incarnation = "first"
	v.Heard(first, now)
	if !v.Heard(second, now) {
		t.Error("a node that began again is no change")
	}
	first.Number++
	if v.Heard(first, now) || v.Left(first, now) || state(v, "x") != Alive || v.Members()[1].Incarnation != "second" {
		t.Error("an earlier run takes the place of the one that lives, or takes it away")
	}
	// Once that one is lost, an earlier start counts: the clock may have been set back.
	v.Tick(now)
	for range 8 {
		now = now.Add(BeatEvery)
		v.Tick(now)
	}
	first.Number++
	if !v.Heard(first, now) || state(v, "x") != Alive {
		t.Error("a node whose clock was set back is never heard again")
	}
	if v.Heard(beat("me", 1, now), now) || v.Heard(beat("", 1, now), now) {
		t.Error("a node hears itself, or one without a name")
	}
}

// TestViewDeaf has a node stand still: it judges nobody for that, and is not blind afterwards.
func TestViewDeaf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, now, number := NewView("me"), start, uint64(0)
		v.Tick(now)
		say := func() {
			number++
			v.Heard(beat("x", number, now), now)
		}
		say()
		for range rapid.IntRange(1, 5).Draw(t, "stalls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120_000).Draw(t, "stood still, ms")) * time.Millisecond)
			heardFirst := rapid.Bool().Draw(t, "heard before the tick")
			if heardFirst {
				say()
			}
			v.Tick(now)
			if s := state(v, "x"); s != Alive {
				t.Fatalf("a node that stood still calls another %s", s)
			}
			now = now.Add(BeatEvery / 2)
			say()
		}
		// x dies now. That is seen as soon as ever.
		died := now
		for state(v, "x") != Lost {
			if now = now.Add(BeatEvery); now.Sub(died) > LostAfter+2*BeatEvery {
				t.Fatalf("%v after its last beat it is %s", now.Sub(died), state(v, "x"))
			}
			v.Tick(now)
		}
	})
}

// TestViewNeverLost hears beats that come late, out of order, twice or not at all: as long as one new
// beat comes in each SuspectAfter, nobody is suspected.
func TestViewNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, now := NewView("me"), start
		numbers := map[string]uint64{}
		last := map[string]time.Time{}
		names := []string{"a", "b", "c"}
		v.Tick(now)
		for _, n := range names {
			numbers[n], last[n] = 1, now
			v.Heard(beat(n, 1, now), now)
		}
		for range rapid.IntRange(10, 100).Draw(t, "ticks") {
			now = now.Add(BeatEvery)
			for _, n := range names {
				old := rapid.Uint64Range(0, numbers[n]).Draw(t, "an old beat")
				v.Heard(beat(n, old, now), now)
				if due := now.Sub(last[n]) >= SuspectAfter-BeatEvery; due || rapid.Bool().Draw(t, "comes") {
					numbers[n] += rapid.Uint64Range(1, 3).Draw(t, "lost between")
					v.Heard(beat(n, numbers[n], now), now)
					last[n] = now
				}
			}
			v.Tick(now)
			for _, n := range names {
				if s := state(v, n); s != Alive {
					t.Fatalf("%s is %s, %v after its last beat", n, s, now.Sub(last[n]))
				}
			}
		}
	})
}

func TestViewBound(t *testing.T) {
	v := NewView("me")
	for i := range maxMembers + 10 {
		v.Heard(beat(fmt.Sprint("n", i), 1, start), start)
	}
	if n := len(v.Members()); n != maxMembers+1 {
		t.Errorf("%d members, want %d and this node", n, maxMembers)
	}
}

func fleetOf(names ...string) []Member {
	var out []Member
	for _, n := range names {
		out = append(out, Member{Beat: Beat{Node: n, Ready: true}, State: Alive})
	}
	return out
}

// TestDirectorStable takes a member away and brings it back: no other channel changes hands.
func TestDirectorStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`node-[a-f0-9]{1,4}`), 2, 12, rapid.ID[string]).Draw(t, "nodes")
		members := fleetOf(names...)
		gone := rapid.IntRange(0, len(names)-1).Draw(t, "gone")
		rest := slices.Delete(slices.Clone(members), gone, gone+1)
		for i := range 200 {
			channel := fmt.Sprint("channel-", i)
			before, after := Director(members, channel), Director(rest, channel)
			if before != after && before != names[gone] {
				t.Fatalf("%s goes from %s to %s, because %s has gone", channel, before, after, names[gone])
			}
			shuffled := slices.Clone(members)
			slices.Reverse(shuffled)
			if Director(shuffled, channel) != before {
				t.Fatalf("%s: the order of the members counts", channel)
			}
			w := Witnesses(members, before, 2)
			if slices.Contains(w, before) || len(w) != min(2, len(names)-1) || len(w) == 2 && w[0] == w[1] {
				t.Fatalf("witnesses of %s: %v", before, w)
			}
		}
	})
}

// TestDirectorShare spreads channels evenly: of n nodes each has about 1/n of them, and so many
// change hands when one comes.
func TestDirectorShare(t *testing.T) {
	const channels = 6000
	for n := 2; n <= 10; n++ {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("node-%d", i))
		}
		members, count, moved := fleetOf(names...), map[string]int{}, 0
		for i := range channels {
			now := Director(members, fmt.Sprint("c", i))
			count[now]++
			if Director(members[:n-1], fmt.Sprint("c", i)) != now {
				moved++
			}
		}
		for name, c := range count {
			if want := channels / n; c < want*8/10 || c > want*12/10 {
				t.Errorf("%d nodes: %s directs %d channels, want about %d", n, name, c, want)
			}
		}
		if want := channels / n; moved > want*12/10 {
			t.Errorf("%d channels change hands when node %d comes, want about %d", moved, n, want)
		}
	}
}

// TestDirectorChoice passes over those who are not there or go.
func TestDirectorChoice(t *testing.T) {
	members := fleetOf("a", "b", "c", "d", "me")
	members[0].State, members[1].State, members[2].Leaving = Suspect, Lost, true
	members[3].Ready = false
	members[4].Self, members[4].Leaving = true, true
	seen := map[string]bool{}
	for i := range 200 {
		seen[Director(members, fmt.Sprint(i))] = true
	}
	if got := strings.Join(slices.Sorted(maps.Keys(seen)), " "); got != "d me" {
		t.Errorf("directors are %q, want d, which lives, and this node, which always may", got)
	}
	if w := Witnesses(members, "me", 3); len(w) != 0 {
		t.Errorf("witnesses %v, want none: nobody else is ready", w)
	}
}

// TestViewSlept says of its own node since when it has not stood still.
func TestViewSlept(t *testing.T) {
	v, now := NewView("me"), start
	for range 4 {
		v.Tick(now)
		now = now.Add(BeatEvery)
	}
	if self := v.Members()[0]; !self.Since.IsZero() || self.Heard != now.Add(-BeatEvery) {
		t.Errorf("a node that never slept: %+v", self)
	}
	woke := now.Add(3 * time.Second)
	v.Tick(woke)
	v.Tick(woke.Add(BeatEvery))
	if self := v.Members()[0]; self.Since != woke || self.Heard != woke.Add(BeatEvery) {
		t.Errorf("it woke at %v: %+v", woke, self)
	}
}

// TestViewClock: how far another clock is ahead is what the quickest of its newest beats says; a beat that was long on
// its way changes nothing, and a clock that was set is believed once enough beats say so.
func TestViewClock(t *testing.T) {
	v := NewView("me")
	now, number := start, uint64(0)
	heard := func(ahead, way time.Duration) time.Duration {
		now, number = now.Add(BeatEvery), number+1
		v.Heard(beat("x", number, now.Add(ahead-way)), now)
		for _, m := range v.Members() {
			if m.Node == "x" {
				return m.Clock
			}
		}
		return 0
	}
	heard(5*time.Second, 20*time.Millisecond)
	if got := heard(5*time.Second, 5*time.Millisecond); got != 4995*time.Millisecond {
		t.Errorf("a clock that is 5 s ahead counts as %v", got)
	}
	if got := heard(5*time.Second, 3*time.Second); got != 4995*time.Millisecond {
		t.Errorf("after a beat that was 3 s on its way it counts as %v", got)
	}
	for range clockBeats {
		heard(-time.Minute, 0)
	}
	if got := heard(-time.Minute, 0); got != -time.Minute {
		t.Errorf("a clock that was set back counts as %v", got)
	}
}
