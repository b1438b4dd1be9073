package rundown

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

func notes(r Rundown) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, s.Note)
	}
	return strings.Join(all, " ")
}

// TestSteps adds, moves, changes and removes steps, and walks through them.
func TestSteps(t *testing.T) {
	r := Rundown{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"a", "b", "c"} {
		must(r.Add(Step{Note: n}, ""))
	}
	a, b, c := r.Steps[0].ID, r.Steps[1].ID, r.Steps[2].ID
	must(r.Add(Step{Note: "d"}, a))
	must(r.Add(Step{Note: "e"}, "gone"))
	must(r.Move(c, ""))
	must(r.Move(a, b))
	if got := notes(r); got != "c d b a e" {
		t.Fatalf("the steps are %s", got)
	}
	must(r.Change(b, 1, func(s *Step) { s.Note = "B" }))
	if err := r.Change(b, 1, func(s *Step) { s.Note = "x" }); !errors.Is(err, ErrChanged) || notes(r) != "c d B a e" {
		t.Errorf("a change of what somebody else has changed: %v, %s", err, notes(r))
	}
	now := time.Unix(1e9, 0)
	must(r.Go("", b, now))
	if err := r.Go("", c, now); !errors.Is(err, ErrMoved) || r.Current != b {
		t.Errorf("a second one goes on from where the show was: %v", err)
	}
	must(r.Remove(b))
	if r.Steps[1].ID != r.Current || notes(r) != "c d a e" {
		t.Errorf("the step that was on is removed: %s, on is %q", notes(r), r.Current)
	}
	for _, err := range []error{r.Remove(b), r.Move(b, ""), r.Move(a, b), r.Go(r.Current, b, now), r.Change(b, 2, func(*Step) {})} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("what is done with a removed step: %v", err)
		}
	}
	for _, s := range []Step{{}, {Note: strings.Repeat("x", maxNote+1)}, {Note: "x\x00"}, {Note: "x", Planned: -1}, {Note: "x", Planned: maxPlanned + 1}, {Graphics: []string{""}}, {Graphics: make([]string, maxGraphics+1)}} {
		if err := r.Add(s, ""); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for len(r.Steps) < MaxSteps {
		must(r.Add(Step{Source: "s"}, ""))
	}
	if err := r.Add(Step{Source: "s"}, ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("one step too many: %v", err)
	}
}

// TestTogether has many producers add steps at once: none is lost.
func TestTogether(t *testing.T) {
	s := NewStore(bucket.NewDocuments(bucket.NewMem()))
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if _, err := s.Update(t.Context(), "c", func(r *Rundown) error { return r.Add(Step{Note: fmt.Sprint(i)}, "") }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if r, err := s.Load(t.Context(), "c"); err != nil || len(r.Steps) != 20 {
		t.Errorf("%d steps, %v", len(r.Steps), err)
	}
	if r, err := s.Load(t.Context(), "other"); err != nil || len(r.Steps) != 0 {
		t.Errorf("a channel without one: %v, %v", r, err)
	}
}
