package program

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// contender is a take of a source that begins with a segment.
func contender(source string, id byte, from uint32) Contender {
	t := &media.Take{ID: media.TakeID{id}, Source: source, Node: "n" + source, Incarnation: "1", Born: noon,
		Renditions: []media.Rendition{{Name: media.Main, Tracks: []media.Track{{ID: 1, Codec: media.H264, Timescale: 90000, Config: []byte{1, 0x4d, 0x40, 0x1f}}}}}}
	return Contender{Take: t, Start: func(time.Time) (uint32, time.Time) {
		return from, noon.Add(time.Duration(from) * 2 * time.Second)
	}}
}

func newDirector() *Director {
	d := NewDirector(&CutList{Channel: "c"}, true)
	d.Resume()
	return d
}

// edgeAt is where a take stands.
func edgeAt(segment, part uint32) Edge {
	return Edge{At: media.Pos{Segment: segment, Part: part}, Cut: media.Ticks(part) * 22500, End: noon.Add(time.Duration(segment) * 2 * time.Second)}
}

// air carries out a claim, as the bucket would.
func air(t *testing.T, d *Director, o *Order) *Entry {
	t.Helper()
	if o == nil || o.Claim == nil {
		t.Fatalf("the order is %+v, want a claim", o)
	}
	list, err := Claimed(d.List(), d.List(), o.Claim)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Learn(list, true); err != nil || d.List().OnAir() == nil || d.List().OnAir().ID != o.Claim.Entry.ID {
		t.Fatalf("on air is %+v, %v", d.List().OnAir(), err)
	}
	return d.List().OnAir()
}

// TestClaims puts a source on air by the bucket, by the others' word, or not at all.
func TestClaims(t *testing.T) {
	d := newDirector()
	a, b := contender("a", 1, 0), contender("b", 2, 0)
	o := d.Began(a)
	if o == nil || o.Claim == nil || o.Claim.Entry.Number != 0 || o.Claim.Format == nil || d.List().OnAir() != nil {
		t.Fatalf("order %+v; on air %+v before anybody said so", o, d.List().OnAir())
	}
	if again := d.Began(b); again != nil {
		t.Errorf("a second claim while one is on its way: %+v", again)
	}
	if other := d.Granted("another"); other != nil {
		t.Errorf("another claim was granted: %+v", other)
	}
	// The others gave their word: it counts when it is safe in the log of the take.
	w := d.Granted(o.Claim.Entry.ID)
	if w == nil || w.Claim != nil || w.Take != a.Take.ID || d.List().OnAir() != nil {
		t.Fatalf("granted: %+v", w)
	}
	m := w.Fill(edgeAt(0, 1))
	if next := d.Safe(m); next != nil || d.List().OnAir() == nil || d.List().OnAir().Take != a.Take.ID || d.List().Format == nil {
		t.Fatalf("safe: %+v, on air %+v", next, d.List().OnAir())
	}
	if late := d.Granted(o.Claim.Entry.ID); late != nil {
		t.Errorf("granted twice: %+v", late)
	}
	if next := d.Safe(m); next != nil || len(d.List().Entries) != 1 {
		t.Errorf("found again after a crash it counts twice: %+v", d.List())
	}
}

// TestClaimDenied is told by another node that it was quicker.
func TestClaimDenied(t *testing.T) {
	d, other := newDirector(), newDirector()
	first := other.Began(contender("b", 2, 0))
	o := d.Began(contender("a", 1, 0))
	air(t, other, first)
	if next, err := d.Learn(other.List(), false); next != nil || err != nil {
		t.Errorf("learnt: %+v, %v", next, err)
	}
	if w := d.Granted(o.Claim.Entry.ID); w != nil {
		t.Errorf("granted after another entry has begun: %+v", w)
	}
	d.Denied(o.Claim.Entry.ID)
	end := &Mark{Ended: first.Claim.Entry.ID, End: d.List().OnAir().endAt(edgeAt(5, 0))}
	if next := d.Safe(end); next == nil || next.Claim == nil || next.Claim.Entry.Number != 5 {
		t.Errorf("the other one has ended: %+v, want a claim of number 5", next)
	}
}

// TestLearnContradiction believes the bucket and nobody else.
func TestLearnContradiction(t *testing.T) {
	d, other := newDirector(), newDirector()
	air(t, d, d.Began(contender("a", 1, 0)))
	air(t, other, other.Began(contender("b", 2, 0)))
	before := d.List()
	if _, err := d.Learn(other.List(), false); !errors.Is(err, ErrConflict) || d.List() != before {
		t.Errorf("another node says otherwise: %v, and it is believed: %v", err, d.List() != before)
	}
	if _, err := d.Learn(other.List(), true); !errors.Is(err, ErrConflict) || d.List() != other.List() {
		t.Errorf("the bucket says otherwise: %v, and it is not believed", err)
	}
}

// TestLeave ends what is on air in favour of another source, by a mark in the log of its take.
func TestLeave(t *testing.T) {
	d := newDirector()
	a, b := contender("a", 1, 0), contender("b", 2, 7)
	e := air(t, d, d.Began(a))
	d.Began(b)
	o, err := d.Cut("b")
	if err != nil || o == nil || o.Take != a.Take.ID || o.Fill == nil || o.Entry != e.ID || o.To == nil {
		t.Fatalf("a cut: %+v, %v", o, err)
	}
	if _, err := d.Cut("b"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second cut meanwhile: %v, want %v", err, ErrBusy)
	}
	if d.Until() != nil {
		t.Errorf("nothing stands in the log yet, and it is listed until %v", d.Until())
	}
	m := o.Fill(edgeAt(3, 2))
	if u := d.Until(); u == nil || *u != (media.Pos{Segment: 3, Part: 2}) || d.List().OnAir().ID != e.ID {
		t.Errorf("the mark stands in the log: until %v, on air %+v", u, d.List().OnAir())
	}
	if d.NextNumber() != 4 {
		t.Errorf("the next number is %d, want 4: segments 0 to 2 and the one cut short", d.NextNumber())
	}
	if next := d.Safe(m); next != nil || d.Until() != nil {
		t.Errorf("safe: %+v, until %v", next, d.Until())
	}
	on := d.List().OnAir()
	if on.Take != b.Take.ID || on.Number != 4 || on.From != 7 || on.Discontinuity != 1 || d.List().Validate() != nil {
		t.Errorf("on air is %+v, %v", on, d.List().Validate())
	}
	if o, err := d.Leave(e.ID, nil); o != nil || err != nil {
		t.Errorf("it is left again: %+v, %v", o, err)
	}
	// What another node writes is left by that one.
	there := NewDirector(d.List(), true)
	there.Resume()
	there.Began(a)
	if o, err := there.Cut("a"); err != nil || o == nil || o.Fill != nil || o.Entry != on.ID || o.Take != b.Take.ID || o.To.Take != a.Take {
		t.Errorf("a cut away from another node's take: %+v, %v", o, err)
	}
	there.Marked(&Mark{Ended: on.ID, End: &End{At: media.Pos{Segment: 9, Part: 1}}})
	if u := there.Until(); u == nil || *u != (media.Pos{Segment: 9, Part: 1}) {
		t.Errorf("a mark of another node is not safe yet: until %v", u)
	}
}

// TestRefusedCut changes nothing: a channel that was taken off air stays off.
func TestRefusedCut(t *testing.T) {
	d := newDirector()
	air(t, d, d.Began(contender("a", 1, 0)))
	o, err := d.Cut("")
	if err != nil || !d.List().Off {
		t.Fatalf("off: %+v, %v", o, err)
	}
	if next := d.Safe(o.Fill(edgeAt(2, 0))); next != nil {
		t.Errorf("it is off air and goes on: %+v", next)
	}
	sound := contender("sound", 3, 0)
	sound.Take.Renditions[0].Tracks[0].Codec = media.AAC
	d.Began(sound)
	for source, want := range map[string]error{"nobody": ErrNoSuchSource, "sound": ErrFormat} {
		if _, err := d.Cut(source); !errors.Is(err, want) || !d.List().Off || d.List().Turns != 1 {
			t.Errorf("a cut to %s: %v, and off is %v", source, err, d.List().Off)
		}
	}
	if next := d.Next(); next != nil {
		t.Errorf("after cuts that were refused it goes on air: %+v", next)
	}
	if o, err := d.Cut("a"); err != nil || o.Claim == nil || d.List().Off {
		t.Errorf("a cut that is carried out: %+v, %v, off %v", o, err, d.List().Off)
	}
}

// TestGrace waits for the publisher of what died before another source goes on air.
func TestGrace(t *testing.T) {
	begin := func() (*Director, *Entry) {
		d := newDirector()
		e := air(t, d, d.Began(contender("a", 1, 0)))
		d.Began(contender("b", 2, 0))
		d.Sealed(e.Take, edgeAt(4, 1), true, false)
		if d.Awaited() != "a" || d.List().OnAir() != nil || d.Next() != nil {
			t.Fatalf("after a death: awaited %q, on air %+v", d.Awaited(), d.List().OnAir())
		}
		return d, e
	}
	d, e := begin()
	if end := d.List().Entry(e.ID).End; end.At != (media.Pos{Segment: 4, Part: 1}) || end.Gaps != 0 || end.Leap {
		t.Errorf("an exact word: it ends at %+v", end)
	}
	if o := d.Began(contender("a", 3, 0)); o == nil || o.Claim.Entry.Source != "a" || o.Claim.Entry.Number != 5 || d.Awaited() != "" {
		t.Errorf("its publisher is back: %+v, awaited %q", o, d.Awaited())
	}
	d, _ = begin()
	if o := d.Waited(); o == nil || o.Claim.Entry.Source != "b" || d.Awaited() != "" {
		t.Errorf("it was waited for long enough: %+v", o)
	}
	d, _ = begin()
	if o, err := d.Cut("b"); err != nil || o == nil || o.Claim.Entry.Source != "b" || d.Awaited() != "" {
		t.Errorf("a producer does not wait: %+v, %v", o, err)
	}
	d, _ = begin()
	d.Fenced()
	if o := d.Waited(); o != nil || d.Next() != nil {
		t.Errorf("a node that was fenced goes on: %+v", o)
	}
}

// TestSealedWords end an entry as far as somebody can say what was listed (rules D and E).
func TestSealedWords(t *testing.T) {
	for _, c := range []struct {
		exact, leap bool
		want        End
		next        int64
	}{
		{true, false, End{At: media.Pos{Segment: 4, Part: 1}}, 5},
		{true, true, End{At: media.Pos{Segment: 4, Part: 1}, Leap: true}, leapUnit},
		{false, false, End{At: media.Pos{Segment: 4}, Gaps: 2}, 6},
		{false, true, End{At: media.Pos{Segment: 4}, Gaps: 2, Leap: true}, leapUnit},
	} {
		d := newDirector()
		e := air(t, d, d.Began(contender("a", 1, 0)))
		d.Sealed(media.TakeID{9}, edgeAt(1, 0), true, false)
		if d.List().OnAir() == nil {
			t.Fatal("another take was sealed, and this one ends")
		}
		d.Sealed(e.Take, edgeAt(4, 1), c.exact, c.leap)
		end := d.List().Entry(e.ID).End
		if end.At != c.want.At || end.Gaps != c.want.Gaps || end.Leap != c.want.Leap || d.NextNumber() != c.next {
			t.Errorf("exact %v, leap %v: it ends at %+v and %d is next", c.exact, c.leap, end, d.NextNumber())
		}
		d.Doubt()
		if want := (c.next/leapUnit + 1) * leapUnit; d.NextNumber() != want {
			t.Errorf("exact %v, leap %v, and a doubt: %d is next, want %d", c.exact, c.leap, d.NextNumber(), want)
		}
	}
}

// TestDoubtBeforeFirst doubts a channel that was never on air as far as anybody knows: its first entry does not
// begin with a number that may have been listed. The others and the bucket hear so.
func TestDoubtBeforeFirst(t *testing.T) {
	d := newDirector()
	d.Doubt()
	if d.NextNumber() != leapUnit {
		t.Errorf("%d is next", d.NextNumber())
	}
	other := newDirector()
	early := other.Began(contender("b", 2, 0)).Claim
	if _, err := other.Learn(d.List(), false); err != nil || other.NextNumber() != 0 {
		t.Errorf("it learns of a doubt: %v, %d is next", err, other.NextNumber())
	}
	if _, err := Claimed(d.List(), &CutList{}, early); !errors.Is(err, ErrTaken) {
		t.Errorf("a claim of number 0 = %v, want %v", err, ErrTaken)
	}
	if other.Denied(early.Entry.ID); other.Next().Claim.Entry.Number != leapUnit {
		t.Errorf("it claims number %d anew", other.NextNumber())
	}
	e := air(t, d, d.Began(contender("a", 1, 0)))
	if e.Number != leapUnit || d.List().Validate() != nil {
		t.Errorf("it begins with %d: %v", e.Number, d.List().Validate())
	}
}

// TestDoubtLost finds in a log what began behind a leap that the list in the bucket does not have: whoever leapt died
// before the bucket heard of it. What began after something else is not taken for that.
func TestDoubtLost(t *testing.T) {
	for name, before := range map[string]func(*Director){
		"after an entry": func(d *Director) {
			e := air(t, d, d.Began(contender("a", 1, 0)))
			d.Sealed(e.Take, edgeAt(4, 1), true, false)
		},
		"before the first": func(*Director) {},
	} {
		d := newDirector()
		before(d)
		list := d.List()
		d.Doubt()
		claim := d.Began(contender("a", 2, 0)).Claim
		again := NewDirector(list, true)
		again.Safe(claim)
		if e := again.List().OnAir(); e == nil || e.ID != claim.Entry.ID || e.Number != leapUnit || again.List().Validate() != nil {
			t.Errorf("%s: on air is %+v, %v", name, e, again.List().Validate())
		}
		later := *claim.Entry
		later.Discontinuity++
		again = NewDirector(list, true)
		again.Safe(&Mark{Entry: &later})
		if e := again.List().OnAir(); e != nil {
			t.Errorf("%s: what began after something that is not known is on air: %+v", name, e)
		}
	}
}

// TestManyOldMarks replays the marks of a long past: the end of what is to come is not crowded out.
func TestManyOldMarks(t *testing.T) {
	d := newDirector()
	for i := range 3 * maxEntries {
		m := &Mark{Ended: fmt.Sprint("old", i), End: &End{At: media.Pos{Segment: 3}}}
		d.Safe(m)
		d.Marked(m)
	}
	o := d.Began(contender("a", 1, 0))
	end := &Mark{Ended: o.Claim.Entry.ID, End: o.Claim.Entry.endAt(edgeAt(6, 0))}
	d.Marked(end)
	d.Safe(end) // it is in another log than the beginning
	if len(d.early) > maxEntries || len(d.bounds) > maxEntries {
		t.Errorf("%d ends and %d bounds are kept", len(d.early), len(d.bounds))
	}
	list, err := Claimed(d.List(), d.List(), o.Claim)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Learn(list, true); err != nil || d.List().OnAir() != nil || d.List().last().End == nil {
		t.Errorf("its end is forgotten: %+v, %v", d.List().last(), err)
	}
}

// TestEarlyCuts tells a director of two cuts before it hears that what they end is on air: it is where they lead, and
// not on air beyond them for as long as the cut list is on its way.
func TestEarlyCuts(t *testing.T) {
	d, x := newDirector(), newDirector()
	air(t, d, d.Began(contender("a", 1, 0)))
	known := d.List()
	var cuts []*Mark
	for i, take := range []string{"b", "c"} {
		d.Began(contender(take, byte(i+2), 0))
		o, err := d.Cut(take)
		if err != nil || o == nil || o.Fill == nil {
			t.Fatalf("cut to %s: %+v, %v", take, o, err)
		}
		m := o.Fill(edgeAt(6, 2))
		d.Safe(m)
		cuts = append(cuts, m)
	}
	for _, m := range cuts {
		x.Marked(m)
		x.Safe(m)
	}
	if _, err := x.Learn(known, true); err != nil || x.List().OnAir() == nil || x.List().OnAir().ID != d.List().OnAir().ID || x.List().Validate() != nil {
		t.Errorf("it has %+v on air, %v, want %+v", x.List().OnAir(), err, d.List().OnAir())
	}
	if len(x.early) > 0 {
		t.Errorf("%d marks are kept", len(x.early))
	}
}

// TestLeft ends what was on air when its publisher goes, also before it has come.
func TestLeft(t *testing.T) {
	d := newDirector()
	o := d.Began(contender("a", 1, 0))
	m := d.Left(media.TakeID{1}, edgeAt(0, 3))
	if m == nil || m.Ended != o.Claim.Entry.ID || m.End.At != (media.Pos{Segment: 0, Part: 3}) || m.Entry != nil {
		t.Fatalf("it goes before it has come: %+v", m)
	}
	if d.Left(media.TakeID{2}, edgeAt(1, 0)) != nil {
		t.Error("a take that was never on air has an end to say")
	}
	e := *air(t, d, o)
	if d.Safe(m); d.List().OnAir() != nil || d.NextNumber() != 1 {
		t.Errorf("on air is %+v, next %d", d.List().OnAir(), d.NextNumber())
	}
	if d.List().Entry(e.ID).End.Cut != 67500 {
		t.Errorf("it ends at %+v", d.List().Entry(e.ID).End)
	}
}

// TestFromItsBeginning puts a take of the source that was on air before on air from its beginning, however late its
// claim is granted; one of another source, and one that was not to go on air when it came, from where it stands.
func TestFromItsBeginning(t *testing.T) {
	for _, c := range []struct {
		source string
		idle   bool
		want   bool
	}{{"a", false, true}, {"b", false, false}, {"a", true, false}} {
		d := newDirector()
		o := d.Began(contender("a", 1, 0))
		e := air(t, d, o)
		d.Safe(d.Left(e.Take, edgeAt(5, 0)))
		d.SetAutoLive(!c.idle)
		var asked time.Time
		next := contender(c.source, 2, 0)
		next.Take.Born = noon.Add(time.Minute)
		next.Start = func(after time.Time) (uint32, time.Time) {
			asked = after
			return 0, next.Take.Born
		}
		o = d.Began(next)
		if c.idle {
			d.SetAutoLive(true)
			o = d.Next()
		}
		if o == nil || o.Claim == nil {
			t.Fatalf("the order is %+v, want a claim", o)
		}
		if got := !asked.IsZero() && asked.Sub(next.Take.Born) < 10*time.Millisecond; got != c.want {
			t.Errorf("%+v: it is asked where it stands after %v", c, asked)
		}
	}
}
