package webhook

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

var began = time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

// kinds names events in short.
func kinds(events []Event) (out string) {
	for _, e := range events {
		out += string(e.Type) + fmt.Sprintf("@%d ", int(e.At.Sub(began).Seconds()))
	}
	return out
}

// TestTold says what is told of some cut lists.
func TestTold(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []Aired
		now  int
		want string
	}{
		{"nothing", nil, 100, ""},
		{"a source comes", []Aired{{ID: "a", Source: "cam", Start: at(1)}}, 2, "air.on@1 cut@1 "},
		{"before the webhook was made", []Aired{{ID: "a", Source: "cam", Start: at(-9), End: at(5)}, {ID: "b", Number: 3, Source: "two", Start: at(5)}}, 6, "cut@5 "},
		{"it went before", []Aired{{ID: "a", Source: "cam", Start: at(-90), End: at(-20)}, {ID: "b", Number: 3, Source: "two", Start: at(5)}}, 6, "air.on@5 cut@5 "},
		{"a cut", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}, {ID: "b", Number: 3, Source: "two", Start: at(9)}}, 10, "air.on@1 cut@1 cut@9 "},
		{"an encoder connects anew", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}, {ID: "b", Number: 3, Source: "cam", Start: at(14)}}, 15, "air.on@1 cut@1 cut@14 "},
		{"it goes a moment ago", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}}, 15, "air.on@1 cut@1 "},
		{"it goes", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}}, 19, "air.on@1 cut@1 air.off@9 "},
		{"it goes and comes", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}, {ID: "b", Number: 3, Source: "cam", Start: at(30)}}, 31, "air.on@1 cut@1 air.off@9 air.on@30 cut@30 "},
		{"autopilot goes on", []Aired{{ID: "a", Source: "cam", Start: at(1), End: at(9)}, {ID: "b", Number: 3, Plan: true, Start: at(14)}}, 15, "air.on@1 cut@1 air.off@9 cut@14 "},
		{"autopilot alone", []Aired{{ID: "b", Plan: true, Start: at(14)}}, 15, "cut@14 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, now := Told{Since: began}.Next("c", tt.list, at(tt.now))
			if got := kinds(events); got != tt.want {
				t.Errorf("told %s, want %s", got, tt.want)
			}
			if again, _ := now.Next("c", tt.list, at(tt.now)); len(again) > 0 {
				t.Errorf("told twice: %s", kinds(again))
			}
		})
	}
}

// TestToldOnce tells random cut lists in random steps: each cut once, and on and off in turn, whoever notices when.
func TestToldOnce(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var list []Aired
		clock, state := 0, Told{Since: began}
		ids, live, cuts := map[string]bool{}, false, 0
		take := func() {
			var events []Event
			events, state = state.Next("c", list, at(clock))
			for _, e := range events {
				if ids[e.ID] {
					t.Fatalf("seed %d: %s told twice", seed, e.Type)
				}
				ids[e.ID] = true
				switch e.Type {
				case channel.EventCut:
					cuts++
				case channel.EventOnAir:
					if live {
						t.Fatalf("seed %d: on air twice", seed)
					}
					live = true
				case channel.EventOffAir:
					if !live {
						t.Fatalf("seed %d: off air twice", seed)
					}
					live = false
				}
			}
		}
		for n := range 30 {
			clock += 1 + rng.IntN(20)
			if len(list) > 0 && list[len(list)-1].End.IsZero() {
				list[len(list)-1].End = at(clock)
			}
			if rng.IntN(3) == 0 {
				take()
			}
			clock += rng.IntN(2) * rng.IntN(40)
			list = append(list, Aired{ID: fmt.Sprint(n), Number: int64(n * 5), Source: fmt.Sprint(rng.IntN(3)), Plan: rng.IntN(4) == 0, Start: at(clock)})
			if rng.IntN(3) == 0 {
				take()
			}
		}
		take()
		if cuts != len(list) {
			t.Fatalf("seed %d: %d cuts told of %d", seed, cuts, len(list))
		}
		if want := !list[len(list)-1].Plan; live != want {
			t.Fatalf("seed %d: on air %v at the end, want %v", seed, live, want)
		}
	}
}
