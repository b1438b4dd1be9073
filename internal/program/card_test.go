package program

import (
	"testing"
	"time"
)

// planFrom tells a director of a version of the plan.
func planFrom(d *Director, version int64) {
	d.SetAutopilot(&Autopilot{Version: version, Format: testFormat, Now: func() time.Time { return noon }})
}

// heldCard is a director whose producer has taken source a off air, where there is a card.
func heldCard(t *testing.T) (*Director, *Entry) {
	t.Helper()
	d := newDirector()
	planFrom(d, 1)
	air(t, d, d.Began(contender("a", 1, 5)))
	o, err := d.Cut(CardSource)
	if err != nil || o == nil || o.Fill == nil {
		t.Fatalf("Cut: %+v, %v", o, err)
	}
	d.Safe(o.Fill(edgeAt(9, 0)))
	e := d.List().OnAir()
	if e == nil || e.Play == nil || !e.Play.Held || e.Source != AutopilotSource {
		t.Fatalf("on air is %+v", e)
	}
	return d, e
}

// TestHeldCard: no source that comes goes on air in the stead of a card by itself, another version of the card is held
// too, and a cut goes past it.
func TestHeldCard(t *testing.T) {
	d, e := heldCard(t)
	b := contender("b", 2, 0)
	b.Take.Born = noon.Add(time.Hour)
	if o := d.Began(b); o != nil || d.Waits(b.Take.ID) {
		t.Fatalf("a source that comes goes on air: %+v", o)
	}
	if o, err := d.Cut(CardSource); o != nil || err != nil {
		t.Errorf("the card is cut to once more: %+v, %v", o, err)
	}
	planFrom(d, 2)
	o, err := d.Cut(AutopilotSource)
	if err != nil || o == nil || o.Words != e.ID {
		t.Fatalf("Cut: %+v, %v", o, err)
	}
	end := &End{At: edgeAt(3, 0).At, ProgramTime: noon.Add(time.Minute), Place: &Place{}}
	next := air(t, d, d.Agreed(e.ID, end, nil))
	if next.Play == nil || next.Play.Plan != 2 || !next.Play.Held {
		t.Errorf("another version of the card is %+v", next.Play)
	}
	if o, err = d.Cut("b"); err != nil || o == nil || o.Words != next.ID {
		t.Errorf("Cut: %+v, %v", o, err)
	}
}

// TestEndPlan: where a held card is taken away the channel stays off air; where it began by itself, whatever comes next
// is on air.
func TestEndPlan(t *testing.T) {
	for _, held := range []bool{true, false} {
		var d *Director
		var e *Entry
		if held {
			d, e = heldCard(t)
		} else {
			d = newDirector()
			planFrom(d, 1)
			e = air(t, d, d.Idle())
		}
		d.SetAutopilot(nil)
		o, err := d.EndPlan()
		if err != nil || o == nil || o.Words != e.ID {
			t.Fatalf("EndPlan: %+v, %v", o, err)
		}
		o = d.Agreed(e.ID, &End{At: edgeAt(3, 0).At, ProgramTime: noon.Add(time.Minute), Place: &Place{}}, nil)
		if o == nil || o.Claim == nil || o.Claim.Entry != nil {
			t.Fatalf("held %v: %+v follows", held, o)
		}
		if d.List().Off != held {
			t.Errorf("held %v: off is %v", held, d.List().Off)
		}
		if o, err := newDirector().EndPlan(); o != nil || err != nil {
			t.Errorf("where nothing is on air: %+v, %v", o, err)
		}
	}
}
