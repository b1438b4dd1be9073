package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

func nobody() []string { return nil }

func viewer(n int) Speaker {
	return Speaker{Who: fmt.Sprintf("g%d", n), Mark: fmt.Sprintf("m%d", n), Name: fmt.Sprintf("Viewer %d", n)}
}

// open makes a room whose rules are known.
func open(rules Rules) *Room {
	r := NewRoom("c", false)
	rules.Version = max(rules.Version, 1)
	r.Settle(rules, false)
	return r
}

func (r *Room) must(t *testing.T, now time.Time, s Speaker, text string) Message {
	t.Helper()
	m, held, err := r.Say(now, now, s, text, nobody)
	if err != nil || held {
		t.Fatalf("%s says %q: held %t, %v", s.Name, text, held, err)
	}
	return m
}

// TestModes tries who may write in each mode.
func TestModes(t *testing.T) {
	guest, member, crew := viewer(1), Speaker{Who: "a1", Name: "Ann", Account: true}, Speaker{Who: "a2", Name: "Mo", Account: true, Crew: true, Role: "moderator"}
	for mode, may := range map[Mode][3]bool{"": {true, true, true}, Open: {true, true, true}, Members: {false, true, true}, Crew: {false, false, true}, Closed: {false, false, true}, Off: {false, false, false}} {
		for i, s := range []Speaker{guest, member, crew} {
			_, _, err := open(Rules{Mode: mode}).Say(t0, t0, s, "hello", nobody)
			if (err == nil) != may[i] || err != nil && !errors.Is(err, ErrBarred) {
				t.Errorf("mode %q, %s: %v", mode, s.Name, err)
			}
		}
	}
	if _, _, err := NewRoom("c", false).Say(t0, t0, guest, "hello", nobody); !errors.Is(err, ErrStarting) {
		t.Errorf("before the rules are known: %v", err)
	}
	private := NewRoom("c", true)
	if _, _, err := private.Say(t0, t0, member, "hello", nobody); !errors.Is(err, ErrBarred) {
		t.Errorf("a viewer in the crew's room: %v", err)
	}
	private.must(t, t0, crew, "hello")
}

// TestFlood is held back, and does not hold back others.
func TestFlood(t *testing.T) {
	r := open(Rules{})
	now, said := t0, 0
	for i := range 600 { // a minute, ten a second, never the same
		var often *OftenError
		switch _, _, err := r.Say(now, now, viewer(1), fmt.Sprint("spam ", i), nobody); {
		case err == nil:
			said++
		case !errors.As(err, &often) || often.Wait <= 0:
			t.Fatalf("message %d: %v", i, err)
		}
		if i%20 == 0 {
			r.must(t, now, viewer(2), fmt.Sprint("chat ", i))
		}
		now = now.Add(100 * time.Millisecond)
	}
	if said > 5+60*1000/1500+1 {
		t.Errorf("one said %d messages in a minute", said)
	}
	// Many made-up guests from one address.
	now, said = t0.Add(time.Hour), 0
	for i := range 600 {
		s := viewer(100 + i)
		s.Mark = "one address"
		if _, _, err := r.Say(now, now, s, fmt.Sprint("spam ", i), nobody); err == nil {
			said++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if most := 20 + 60*4 + 1; said > most {
		t.Errorf("one address said %d messages in a minute, want at most %d", said, most)
	}
	if n := len(r.people.of); n > 2*fewHabits {
		t.Errorf("%d people are remembered", n)
	}
	if _, _, err := r.Say(now, now, viewer(2), "the same", nobody); err != nil {
		t.Error(err)
	}
	if _, _, err := r.Say(now.Add(3*time.Second), now, viewer(2), "the same", nobody); !errors.Is(err, ErrInvalid) {
		t.Errorf("the same again: %v", err)
	}
}

// TestSlowMode counts what somebody said through another node too, and not what moderators say.
func TestSlowMode(t *testing.T) {
	r := open(Rules{Slow: 30})
	r.must(t, t0, viewer(1), "one")
	var often *OftenError
	if _, _, err := r.Say(t0.Add(10*time.Second), t0, viewer(1), "two", nobody); !errors.As(err, &often) || often.Wait != 20*time.Second {
		t.Errorf("too soon: %v", err)
	}
	r.must(t, t0.Add(30*time.Second), viewer(1), "three")
	r.Heard(wire{Said: []said{{Message: Message{ID: newID(t0), At: t0, Who: "g2", Name: "Viewer 2", Text: "elsewhere"}}}}, t0)
	if _, _, err := r.Say(t0.Add(time.Second), t0, viewer(2), "here", nobody); !errors.As(err, &often) {
		t.Errorf("after a message at another node: %v", err)
	}
	mo := Speaker{Who: "a1", Name: "Mo", Crew: true}
	r.must(t, t0, mo, "a")
	r.must(t, t0, mo, "b")
}

// TestNames are not those of who works on the channel, or of somebody else here.
func TestNames(t *testing.T) {
	r := open(Rules{})
	crew := func() []string { return []string{"Ada Moderator"} }
	for _, name := range []string{"Ada Moderator", "ada moderator", "Ada Moderat0r", "ADA-MODERATOR"} {
		s := viewer(1)
		s.Name = name
		if _, _, err := r.Say(t0, t0, s, "give me your password "+name, crew); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q writes: %v", name, err)
		}
	}
	r.must(t, t0, viewer(1), "hi")
	s := viewer(2)
	s.Name = viewer(1).Name
	if _, _, err := r.Say(t0, t0, s, "me too", nobody); !errors.Is(err, ErrInvalid) {
		t.Errorf("a second one of that name: %v", err)
	}
}

// TestHeld messages wait for a moderator, who shows or removes them.
func TestHeld(t *testing.T) {
	r, other := open(Rules{Words: []string{"darn"}}), open(Rules{Words: []string{"darn"}})
	m, held, err := r.Say(t0, t0, viewer(1), "darn it", nobody)
	if err != nil || !held {
		t.Fatalf("held %t, %v", held, err)
	}
	_, _, w := r.Collect()
	viewers, crew, _ := r.Collect()
	if !viewers.empty() || !crew.empty() {
		t.Error("told twice")
	}
	other.Heard(w, t0)
	viewers, crew, _ = other.Collect()
	if len(viewers.Messages) != 0 || len(viewers.Held) != 0 || len(crew.Held) != 1 || crew.Held[0] != m {
		t.Errorf("viewers are told %+v, moderators %+v", viewers, crew)
	}
	if s := other.Snapshot(false); len(s.Held)+len(s.Messages) != 0 {
		t.Errorf("a viewer who comes in is told %+v", s)
	}
	shown, err := other.Release(m.ID, t0.Add(time.Minute))
	if err != nil || shown.Text != m.Text || shown.ID <= m.ID {
		t.Fatalf("released: %+v, %v", shown, err)
	}
	_, _, w = other.Collect()
	r.Heard(w, t0)
	viewers, crew, _ = r.Collect()
	if len(viewers.Messages) != 1 || viewers.Messages[0] != shown || !slices.Equal(crew.Freed, []string{m.ID}) {
		t.Errorf("where it was said, viewers are told %+v, moderators %+v", viewers, crew)
	}
	if _, err := r.Release(m.ID, t0); !errors.Is(err, ErrNotFound) {
		t.Errorf("shown again: %v", err)
	}
}

// TestBans keep out an account, and a guest by the address too; a time-out ends by itself.
func TestBans(t *testing.T) {
	rules := Rules{Version: 5}
	if _, err := rules.Ban(Ban{Who: "g1", Mark: "m1", Name: "Viewer 1"}, time.Minute, t0); err != nil {
		t.Fatal(err)
	}
	b, err := rules.Ban(Ban{Who: "a2", Name: "Bo"}, 0, t0)
	if err != nil {
		t.Fatal(err)
	}
	r := open(rules)
	again := viewer(77)
	again.Mark = "m1"
	for _, s := range []Speaker{viewer(1), again, {Who: "a2", Name: "Bo", Account: true}} {
		if _, _, err := r.Say(t0, t0, s, "let me in", nobody); !errors.Is(err, ErrBarred) {
			t.Errorf("%s writes: %v", s.Who, err)
		}
		if err := r.React(t0, s, "heart"); !errors.Is(err, ErrBarred) {
			t.Errorf("%s reacts: %v", s.Who, err)
		}
	}
	r.must(t, t0, Speaker{Who: "a3", Mark: "m1", Name: "Account", Account: true}, "same house")
	r.must(t, t0.Add(2*time.Minute), viewer(1), "I am back")
	if _, err := rules.Lift(b.ID); err != nil {
		t.Fatal(err)
	}
	rules.Version++
	r.Settle(rules, true)
	r.must(t, t0.Add(3*time.Minute), Speaker{Who: "a2", Name: "Bo", Account: true}, "thanks")
	if _, _, w := r.Collect(); w.Rules == nil || w.Rules.Version != 6 {
		t.Error("the other nodes do not hear of it")
	}
	rules.Version = 3
	rules.Mode = Closed
	r.Settle(rules, false)
	r.must(t, t0.Add(4*time.Minute), viewer(9), "an older document does not count")
}

// TestPoll has one vote of each person, whatever nodes they vote at.
func TestPoll(t *testing.T) {
	poll, err := NewPoll("Which?", []string{"Red", " Blue ", ""}, t0)
	if err != nil || len(poll.Options) != 2 {
		t.Fatal(poll, err)
	}
	a, b := open(Rules{Poll: poll}), open(Rules{Poll: poll})
	vote := func(r *Room, n, option int, after time.Duration) {
		t.Helper()
		if err := r.Vote(t0.Add(after), viewer(n), poll.ID, option); err != nil {
			t.Fatal(err)
		}
	}
	vote(a, 1, 0, 0)
	vote(a, 2, 0, 0)
	vote(b, 3, 1, 0)
	vote(b, 1, 1, time.Second) // changed its mind at another node
	_, _, fromA := a.Collect()
	_, _, fromB := b.Collect()
	a.Heard(fromB, t0)
	b.Heard(fromA, t0)
	b.Heard(fromA, t0) // once more
	for name, r := range map[string]*Room{"a": a, "b": b} {
		if got := r.poll().Counts; !slices.Equal(got, []int{1, 2}) {
			t.Errorf("%s counts %v", name, got)
		}
	}
	for i := range votesFrom {
		s := viewer(100 + i)
		s.Mark = "one"
		if err := a.Vote(t0, s, poll.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
	s := viewer(500)
	s.Mark = "one"
	if err := a.Vote(t0, s, poll.ID, 0); !errors.Is(err, ErrBarred) {
		t.Errorf("guest number %d of an address: %v", votesFrom+1, err)
	}
	if err := a.Vote(t0, viewer(9), poll.ID, 2); !errors.Is(err, ErrInvalid) {
		t.Errorf("for what is no answer: %v", err)
	}
	ended := *poll
	ended.Ended, ended.Counts = t0, []int{1, 2}
	a.Settle(Rules{Version: 9, Poll: &ended}, false)
	if err := a.Vote(t0, viewer(9), poll.ID, 0); !errors.Is(err, ErrBarred) || !slices.Equal(a.poll().Counts, []int{1, 2}) {
		t.Errorf("after its end: %v, %v", err, a.poll())
	}
	for _, bad := range [][]string{{"one"}, {"a", "a"}, {"1", "2", "3", "4", "5", "6", "7"}, {"a", strings.Repeat("b", 99)}} {
		if _, err := NewPoll("Which?", bad, t0); !errors.Is(err, ErrInvalid) {
			t.Errorf("answers %v: %v", bad, err)
		}
	}
}

// TestRooms lets rooms of several nodes tell each other things in any order, with messages lost twice or late: what was
// removed is shown nowhere, nothing is shown twice, and all hold the same votes.
func TestRooms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		poll := &Poll{ID: "p", Question: "?", Options: []string{"a", "b"}, Begun: t0}
		rooms := make([]*Room, 3)
		for i := range rooms {
			rooms[i] = open(Rules{Poll: poll, Words: []string{"held"}})
		}
		var queues [3][]wire
		shown, gone, times := [3]map[string]int{{}, {}, {}}, map[string]bool{}, map[string]int{}
		var known []string
		now := t0
		collect := func(i int) {
			viewers, _, w := rooms[i].Collect()
			for _, m := range viewers.Messages {
				shown[i][m.ID]++
			}
			for _, id := range viewers.Removed {
				delete(shown[i], id)
			}
			for j := range queues {
				if j != i && !w.empty() {
					queues[j] = append(queues[j], w)
					if rapid.Bool().Draw(t, "twice") {
						queues[j] = append(queues[j], w)
					}
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			i := rapid.IntRange(0, 2).Draw(t, "node")
			r, s := rooms[i], viewer(rapid.IntRange(0, 5).Draw(t, "who"))
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1:
				if m, held, err := r.Say(now, now, s, rapid.SampledFrom([]string{"hello", "held", "x", "y"}).Draw(t, "text"), nobody); err == nil && !held {
					known = append(known, m.ID)
					times[m.ID]++
				}
			case 2:
				if len(known) > 0 {
					id := rapid.SampledFrom(known).Draw(t, "id")
					r.Remove([]string{id})
					gone[id] = true
				}
			case 3:
				r.Vote(now, s, "p", rapid.IntRange(0, 1).Draw(t, "option"))
			case 4:
				collect(i)
			case 5:
				if n := len(queues[i]); n > 0 {
					k := rapid.IntRange(0, n-1).Draw(t, "which")
					r.Heard(queues[i][k], now)
					queues[i] = slices.Delete(queues[i], k, k+1)
				}
			case 6:
				if len(r.held) > 0 {
					m, err := r.Release(r.held[0].ID, now)
					if err != nil {
						t.Fatal(err)
					}
					known = append(known, m.ID)
				}
			}
		}
		for range 2 {
			for i := range rooms {
				collect(i)
			}
			for i, r := range rooms {
				for _, w := range queues[i] {
					r.Heard(w, now)
				}
				queues[i] = nil
			}
		}
		for i, r := range rooms {
			collect(i)
			for id, n := range shown[i] {
				if n != 1 || gone[id] {
					t.Fatalf("node %d shows %s %d times, removed: %t", i, id, n, gone[id])
				}
			}
			for _, list := range [][]Message{r.Snapshot(true).Messages, r.Pending()} {
				for _, m := range list {
					if gone[m.ID] {
						t.Fatalf("node %d still has %s", i, m.ID)
					}
				}
			}
			for _, id := range known {
				if !gone[id] && shown[i][id] != 1 {
					t.Fatalf("node %d never showed %s", i, id)
				}
			}
			if got, want := fmt.Sprint(r.poll().Counts), fmt.Sprint(rooms[0].poll().Counts); got != want {
				t.Fatalf("node %d counts %s, node 0 %s", i, got, want)
			}
		}
	})
}

// TestNeverTooMuch: whatever is said, a room's memory is bounded.
func TestNeverTooMuch(t *testing.T) {
	r := open(Rules{Words: []string{"held"}})
	now := t0
	for i := range 30_000 {
		now = now.Add(5 * time.Millisecond)
		text := "hello"
		if i%3 == 0 {
			text = "held"
		}
		r.Say(now, now, viewer(i), text, nobody)
		if i%100 == 0 {
			ids, _, _ := r.Of(fmt.Sprint("g", i))
			r.Remove(ids)
			r.Collect()
		}
	}
	if len(r.ring) > 2*maxRing || len(r.held) > maxHeld || len(r.pending) > maxPending || len(r.gone) > maxGone || len(r.isGone) > maxGone || len(r.people.of) > 20_000 {
		t.Errorf("ring %d, held %d, pending %d, gone %d, people %d", len(r.ring), len(r.held), len(r.pending), len(r.gone), len(r.people.of))
	}
}
