package program

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// testFormat is that of the takes that contender makes.
var testFormat = FormatOf(contender("", 0, 0).Take.Renditions[0].Tracks)

// onClock is a contender that is driven by the clock, from a moment on.
func onClock(play *Play, at time.Time) Contender {
	return Contender{Play: play, Format: testFormat, Start: func(time.Time) (uint32, time.Time) { return 0, at }}
}

// testCue makes a cue of clips, and what plays it.
func testCue(t *testing.T, clips int, then string) (*Schedule, *Cue) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 1))
	b := Storyboard{ID: "cue"}
	var ids []string
	for i := range clips {
		b.Clips = append(b.Clips, testClip(rnd, "clip", 5))
		ids = append(ids, fmt.Sprint("id", i))
	}
	s, err := NewSchedule(&Plan{Version: -3, Once: true, Zone: Zone{Name: "UTC", Offsets: []Offset{{}}}, Filler: "cue", Storyboards: []Storyboard{b}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := CueOf(s, ids, then)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// TestCueEnds: a cue interrupts a source, lists all of its clips and no more, needs nobody's word at its end, and goes
// back to the source.
func TestCueEnds(t *testing.T) {
	d := newDirector()
	air(t, d, d.Began(contender("a", 1, 5)))
	s, cue := testCue(t, 2, "")
	at := noon.Add(20 * time.Second)
	o, err := d.Cue(onClock(&Play{Plan: -3, Cue: cue}, at))
	if err != nil || o == nil || o.Fill == nil {
		t.Fatalf("Cue: %+v, %v", o, err)
	}
	d.Safe(o.Fill(edgeAt(9, 0)))
	e := d.List().OnAir()
	if e == nil || e.Source != "clip:id0" || e.Play.Cue.Then != "a" || e.ProgramTime != at {
		t.Fatalf("on air is %+v", e)
	}
	list, err := Reserved(d.List(), d.List(), e.ID, "other", e.Reserve("other", 0))
	if err != nil {
		t.Fatal(err)
	}
	d.Learn(list, true)
	e = d.List().OnAir()
	if n := e.Reserve("other", 9); n != 0 || e.Listers["other"] != 10 {
		t.Errorf("a cue of 10 segments has %v reserved, and %d more are wanted", e.Listers, n)
	}
	p, whole := NewPlayout(s, e.Play.Place, at), e.Whole()
	for _, n := range []int64{0, 4, 5, 9} {
		if x := p.Playing(p.At(n).Add(time.Millisecond)); x != n {
			t.Errorf("in the middle of segment %d number %d plays", n, x)
		}
	}
	if end := p.End(10); !sameEnd(end, whole) || end.Breaks != whole.Breaks || !end.ProgramTime.Equal(whole.ProgramTime) {
		t.Errorf("by its plan it ends with %+v, by the list with %+v", end, whole)
	}
	if n := p.Playing(whole.ProgramTime.Add(time.Hour)); n != 9 {
		t.Errorf("an hour after its end number %d plays, want its last", n)
	}
	if end := e.Over(whole.ProgramTime.Add(-Early - time.Millisecond)); end != nil {
		t.Error("it counts as over too early")
	}
	if o := d.Began(contender("b", 2, 0)); o != nil {
		t.Errorf("a source that comes interrupts a cue: %+v", o)
	}
	o, err = d.Cut(e.Play.Cue.Then)
	if err != nil || o == nil || o.Words != e.ID {
		t.Fatalf("Cut: %+v, %v", o, err)
	}
	end := e.Over(whole.ProgramTime.Add(-Early))
	back := air(t, d, d.Agreed(e.ID, end, nil))
	if back.Source != "a" || back.Number != 4+10 || d.List().Entry(e.ID).End.Leap {
		t.Errorf("after the cue comes %+v, and it ended with %+v", back, d.List().Entry(e.ID).End)
	}
	if err := d.List().Validate(); err != nil {
		t.Error(err)
	}
}

// TestCuePast: where what was to follow is gone, another source does, else the plan where it stood, else nothing.
func TestCuePast(t *testing.T) {
	for _, c := range []struct {
		live, plan bool
		want       string
	}{{true, true, "b"}, {false, true, AutopilotSource}, {false, false, ""}} {
		d := newDirector()
		if c.plan {
			d.SetAutopilot(&Autopilot{Version: 1, Format: testFormat, Now: func() time.Time { return noon }})
		}
		_, cue := testCue(t, 1, "gone")
		o, err := d.Cue(onClock(&Play{Plan: -3, Cue: cue}, noon))
		if err != nil {
			t.Fatal(err)
		}
		e := air(t, d, o)
		if c.live {
			d.Began(contender("b", 2, 0))
		}
		if o, err := d.Cut("gone"); !errors.Is(err, ErrNoSuchSource) {
			t.Fatalf("a cut to a source that is gone: %+v, %v", o, err)
		}
		d.Past(e.ID)
		o = d.Agreed(e.ID, e.Whole(), nil)
		if o == nil || o.Claim == nil {
			t.Fatalf("%+v: %+v", c, o)
		}
		got := ""
		if o.Claim.Entry != nil {
			got = o.Claim.Entry.Source
		}
		if got != c.want {
			t.Errorf("%+v: %q follows", c, got)
		}
	}
}

// TestCutOutOfOff: the channel was taken off air, and what was on air has not ended so far: whoever cuts to something then
// has the last word.
func TestCutOutOfOff(t *testing.T) {
	for _, cut := range []func(d *Director) (*Order, error){
		func(d *Director) (*Order, error) { return d.Cut("b") },
		func(d *Director) (*Order, error) {
			_, next := testCue(t, 2, "")
			return d.Cue(onClock(&Play{Plan: -4, Cue: next}, noon))
		},
	} {
		d := newDirector()
		_, cue := testCue(t, 1, "")
		o, err := d.Cue(onClock(&Play{Plan: -3, Cue: cue}, noon))
		if err != nil {
			t.Fatal(err)
		}
		e := air(t, d, o)
		d.Began(contender("b", 2, 0))
		d.Learn(d.List().with(func(c *CutList) { c.Off, c.Turns = true, c.Turns+1 }), true)
		if !d.List().Off {
			t.Fatal("it is not off")
		}
		if o, err = cut(d); err != nil || o == nil || o.Words != e.ID {
			t.Fatalf("the cut: %+v, %v", o, err)
		}
		o = d.Agreed(e.ID, e.Whole(), nil)
		if o == nil || o.Claim == nil || o.Claim.Entry == nil || d.List().Off {
			t.Fatalf("once all agree: %+v, off: %v", o, d.List().Off)
		}
		if list, err := Claimed(d.List(), d.List(), o.Claim); err != nil || list.OnAir() == nil || list.OnAir().ID != o.Claim.Entry.ID {
			t.Errorf("the claim: %v", err)
		}
	}
}

// TestInterruptsWhole: a source that comes while the plan is on air goes on air from its beginning, so that all that was
// acknowledged to who sends it is in the program; one that a producer cuts to goes on with what is newest.
func TestInterruptsWhole(t *testing.T) {
	born := noon.Add(time.Hour)
	come := func(source string, id byte) Contender {
		c := contender(source, id, 0)
		c.Take.Born = born
		c.Start = func(after time.Time) (uint32, time.Time) {
			if after.IsZero() {
				return 7, born.Add(14 * time.Second)
			}
			return 0, born
		}
		return c
	}
	begin := func(off bool) (*Director, *Entry) {
		d := newDirector()
		d.SetAutopilot(&Autopilot{Version: 1, Format: testFormat, Now: func() time.Time { return noon }})
		d.SetAutoLive(!off)
		return d, air(t, d, d.Idle())
	}
	from := func(d *Director, e *Entry, o *Order) uint32 {
		t.Helper()
		if o == nil || o.Words != e.ID {
			t.Fatalf("order %+v", o)
		}
		end := &End{At: media.Pos{Segment: 9}, Place: &Place{}, ProgramTime: noon.Add(18 * time.Second)}
		return air(t, d, d.Agreed(e.ID, end, nil)).From
	}
	d, e := begin(false)
	if n := from(d, e, d.Began(come("a", 1))); n != 0 {
		t.Errorf("a source that came by itself begins with segment %d", n)
	}
	d, e = begin(true)
	if o := d.Began(come("a", 1)); o != nil {
		t.Fatalf("it goes on air by itself: %+v", o)
	}
	o, err := d.Cut("a")
	if err != nil {
		t.Fatal(err)
	}
	if n := from(d, e, o); n != 7 {
		t.Errorf("a source that was cut to begins with segment %d, want its newest", n)
	}
	// One that came beside another is not waited for.
	d, e = begin(false)
	from(d, e, d.Began(come("a", 1)))
	d.Began(come("b", 2))
	d.list = d.list.with(func(c *CutList) {
		c.last().End = &End{At: media.Pos{Segment: 2}, ProgramTime: born.Add(time.Minute)}
		c.Entries = append(c.Entries, c.after(c.last().End, Entry{Source: AutopilotSource, Play: &Play{Plan: 1}}, born))
	})
	d.forget(media.TakeID{1})
	e = d.List().OnAir()
	if n := from(d, e, d.Next()); n != 7 {
		t.Errorf("a source that was live beside another begins with segment %d, want its newest", n)
	}
}

// TestRehearse: nothing live goes on air by itself in a rehearsal, nor at its end; a cut puts it on air, and then others
// go on air by themselves again.
func TestRehearse(t *testing.T) {
	d := newDirector()
	d.Rehearse(true)
	a, b := contender("a", 1, 0), contender("b", 2, 0)
	for _, c := range []Contender{a, b} {
		if o := d.Began(c); o != nil || d.Waits(c.Take.ID) {
			t.Fatalf("in a rehearsal a source goes on air: %+v", o)
		}
	}
	d.Rehearse(false)
	if o := d.Next(); o != nil {
		t.Fatalf("at the end of a rehearsal a source goes on air: %+v", o)
	}
	o, err := d.Cut("a")
	if err != nil {
		t.Fatal(err)
	}
	air(t, d, o)
	if o := d.Safe(d.Left(a.Take.ID, edgeAt(3, 0))); o == nil || o.Claim == nil || o.Claim.Entry.Take != b.Take.ID {
		t.Errorf("after the one that was cut to has left, the other does not follow: %+v", o)
	}
}

// TestAhead plays clips after a take whose program time is ahead of the clock: they begin a quarter of a second later.
func TestAhead(t *testing.T) {
	for by, want := range map[time.Duration]time.Duration{18 * time.Second: 18*time.Second - maxWait, time.Second: time.Second - maxWait, maxWait: 0, 0: 0, -time.Minute: 0} {
		d := newDirector()
		air(t, d, d.Began(contender("a", 1, 5)))
		s, cue := testCue(t, 1, "")
		end := edgeAt(9, 0)
		clock := end.End.Add(-by)
		o, err := d.Cue(onClock(&Play{Plan: -3, Cue: cue}, clock))
		if err != nil || o == nil || o.Fill == nil {
			t.Fatalf("Cue: %+v, %v", o, err)
		}
		d.Safe(o.Fill(end))
		e := d.List().OnAir()
		if e == nil || e.Play == nil || e.Play.Ahead != want {
			t.Fatalf("by %v: on air is %+v", by, e)
		}
		begins := e.ProgramTime.Add(-want)
		if wait := begins.Sub(clock); wait > maxWait || e.Time(begins) != e.ProgramTime {
			t.Errorf("by %v: it begins after %v", by, wait)
		}
		show := func(now time.Time) State {
			_, state := Of(d.List(), func(media.TakeID, string, *Entry) *media.Listing { return nil }, View{
				Rendition: media.Main, Span: LiveSpan, Now: now, Playout: func(e *Entry) *Playout { return NewPlayout(s, e.Play.Place, e.ProgramTime) },
				Parts: func(media.TakeID, uint32) []media.PartInfo { return nil },
			})
			return state
		}
		if state := show(begins.Add(-time.Second)); !state.Next.Equal(begins) || state.Listed != 0 {
			t.Errorf("by %v: before it begins it lists %d, and there is more at %v, want %v", by, state.Listed, state.Next, begins)
		}
		first := NewPlayout(s, e.Play.Place, e.ProgramTime).Segment(0).Duration.Duration()
		if state := show(begins.Add(first + time.Millisecond)); state.Listed != 1 {
			t.Errorf("by %v: after its first segment it lists %d", by, state.Listed)
		}
		whole := e.Whole().ProgramTime.Add(-want)
		if e.Over(whole.Add(-Early-time.Millisecond)) != nil || e.Over(whole.Add(-Early)) == nil {
			t.Errorf("by %v: it is not over when the clock says so", by)
		}
	}
}
