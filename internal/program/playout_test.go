package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

var utc = Zone{Name: "UTC", Offsets: []Offset{{}}}

// testClip makes a clip of so many segments, with odd ones among them.
func testClip(rnd *rand.Rand, title string, segments int) Clip {
	var list []*media.SegmentInfo
	for range segments {
		s := &media.SegmentInfo{Duration: 2 * media.TicksPerSecond}
		if rnd.IntN(4) == 0 {
			s.Duration = media.Ticks(media.TicksPerSecond/2 + rnd.IntN(7*media.TicksPerSecond/2))
		}
		list = append(list, s)
	}
	return Clip{Take: media.NewTakeID(), Title: title, From: uint32(rnd.IntN(3)), Cadence: CadenceOf(list)}
}

func testBoard(rnd *rand.Rand, id string, clips, longest int) Storyboard {
	b := Storyboard{ID: id, Title: id}
	for i := range clips {
		b.Clips = append(b.Clips, testClip(rnd, fmt.Sprint(id, i), 1+rnd.IntN(longest)))
	}
	return b
}

// testPlan draws a plan of a channel in that time zone.
func testPlan(rnd *rand.Rand, zone Zone, slots int) *Plan {
	p := &Plan{Version: 1, Zone: zone, Filler: "filler"}
	p.Storyboards = append(p.Storyboards, testBoard(rnd, "filler", 1+rnd.IntN(4), 60))
	for i := range 3 {
		p.Storyboards = append(p.Storyboards, testBoard(rnd, fmt.Sprint("board", i), 1+rnd.IntN(5), 200))
	}
	for range slots {
		s := Slot{Storyboard: fmt.Sprint("board", rnd.IntN(3)), At: rnd.IntN(48) * 1800, Repeat: rnd.IntN(2) == 0}
		switch rnd.IntN(6) {
		case 0:
			s.Date = time.Date(2026, 3, 27+rnd.IntN(4), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		case 1:
			s.Days, s.At = []time.Weekday{time.Weekday(rnd.IntN(7))}, rnd.IntN(day)
		default:
			s.Days = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
		}
		p.Slots = append(p.Slots, s)
	}
	return p
}

func mustSchedule(t testing.TB, p *Plan) *Schedule {
	t.Helper()
	s, err := NewSchedule(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// player plays a plan as a person would, one segment after the other.
type player struct {
	s            *Schedule
	ticks        media.Ticks
	start        time.Time
	slot         time.Time
	main         *board
	mainAt, fill int64
}

// next returns what plays next, and lets it play.
func (x *player) next() (take media.TakeID, segment uint32, from media.Ticks, cut bool) {
	if at, b := x.s.latest(x.start.Add(x.ticks.Duration())); b != nil && !at.Equal(x.slot) {
		x.slot, x.main, x.mainAt = at, b, 0
		cut = true
	}
	b, place := x.s.filler, &x.fill
	if x.main != nil && (x.main.loop || x.mainAt < x.main.size()) {
		b, place = x.main, &x.mainAt
	}
	_, c, n := b.clip(*place)
	clip := b.Clips[c]
	*place++
	from = x.ticks
	i := n
	for _, r := range clip.Cadence {
		if i < r[0] {
			x.ticks += media.Ticks(r[1])
			break
		}
		i -= r[0]
	}
	return clip.Take, clip.From + uint32(n), from, cut
}

func berlin(t testing.TB) Zone {
	z, err := NewZone("Europe/Berlin", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestPlayoutIsWhatAPlayerPlays compares the arithmetic with playing one segment after the other, over days in which
// the clocks are put forward, and asks it in any order.
func TestPlayoutIsWhatAPlayerPlays(t *testing.T) {
	zone := berlin(t)
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s := mustSchedule(t, testPlan(rnd, zone, rnd.IntN(12)))
		start := time.Date(2026, 3, 28, rnd.IntN(24), rnd.IntN(60), rnd.IntN(60), rnd.IntN(1000)*1e6, time.UTC)
		p := NewPlayout(s, Place{}, start)
		x := &player{s: s, start: start}
		x.slot, x.main = s.latest(start)
		asked := NewPlayout(s, Place{}, start)
		breaks, last := int64(-1), struct {
			take    media.TakeID
			segment uint32
			clip    int
		}{}
		for n := range int64(20000) {
			take, segment, from, cut := x.next()
			got := p.Segment(n)
			if got.Clip.Take != take || got.Segment != segment || got.Start != from || got.Duration != x.ticks-from {
				t.Fatalf("seed %d, segment %d is %d of %v at %d for %d, want %d of %v at %d for %d", seed, n, got.Segment, got.Clip.Take, got.Start, got.Duration, segment, take, from, x.ticks-from)
			}
			broken := n == 0 || cut || take != last.take || segment != last.segment+1
			if got.Break != broken && !(got.Break && segment == got.Clip.From) {
				t.Fatalf("seed %d, segment %d: break %v, want %v", seed, n, got.Break, broken)
			}
			if got.Break {
				breaks++
			}
			if got.Breaks != breaks {
				t.Fatalf("seed %d, segment %d: %d discontinuities before it, want %d", seed, n, got.Breaks, breaks)
			}
			last.take, last.segment = take, segment
			if k := rnd.Int64N(20000); n%200 == 0 {
				one := asked.Segment(k)
				if at := p.At(k); asked.Playing(at.Add(time.Millisecond)) != k && one.Duration > media.TicksPerSecond/100 || !asked.At(k).Equal(at) {
					t.Fatalf("seed %d: segment %d begins at %v, and then %d plays", seed, k, at, asked.Playing(at.Add(time.Millisecond)))
				}
			}
		}
	}
}

// TestPlayoutResumes: wherever an entry is cut, one that begins with the place where it stood goes on with the
// same segment, if no slot has come meanwhile.
func TestPlayoutResumes(t *testing.T) {
	zone := berlin(t)
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		plan := testPlan(rnd, zone, rnd.IntN(6))
		s := mustSchedule(t, plan)
		start := time.Date(2026, 3, 28, 7, 0, 0, 0, time.UTC)
		p := NewPlayout(s, Place{}, start)
		n := 1 + rnd.Int64N(5000)
		end := p.End(n)
		var place Place
		if data, err := json.Marshal(end.Place); err != nil || json.Unmarshal(data, &place) != nil {
			t.Fatal(err)
		}
		away := time.Duration(rnd.IntN(600)) * time.Second
		resumed := NewPlayout(s, place, end.ProgramTime.Add(away))
		at, board := s.latest(end.ProgramTime.Add(away))
		was, got := p.Segment(n), resumed.Segment(0)
		if board != nil && at.After(end.ProgramTime) {
			if got.Clip != &board.Clips[0] || got.Segment != got.Clip.From {
				t.Fatalf("seed %d: a slot came meanwhile, and %s plays, not the beginning of %s", seed, got.Clip.Title, board.ID)
			}
			continue
		}
		if got.Clip.Take != was.Clip.Take || got.Segment != was.Segment {
			t.Fatalf("seed %d: goes on with segment %d of %s, and stopped before %d of %s", seed, got.Segment, got.Clip.Title, was.Segment, was.Clip.Title)
		}
		// Another version in which the clip stands elsewhere.
		edited := *plan
		edited.Storyboards = nil
		for _, b := range plan.Storyboards {
			b.Clips = append([]Clip{testClip(rnd, "new", 3)}, b.Clips...)
			edited.Storyboards = append(edited.Storyboards, b)
		}
		if got := NewPlayout(mustSchedule(t, &edited), place, end.ProgramTime).Segment(0); got.Clip.Take != was.Clip.Take || got.Segment != was.Segment {
			t.Fatalf("seed %d: after an edit it goes on with segment %d of %s, and stopped before %d of %s", seed, got.Segment, got.Clip.Title, was.Segment, was.Clip.Title)
		}
	}
}

// TestZone compares fixed times with the time zone database, on the days when clocks are changed above all.
func TestZone(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/Sao_Paulo"} {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := NewZone(name, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		for n := int64(20470); n < 20470+3*366; n++ {
			for second := 0; second < day; second += 1800 {
				d := time.Unix(n*day, 0).UTC()
				got := z.at(n, second)
				local := got.In(l)
				h, m := second/3600, second/60%60
				if shown := local.Hour() == h && local.Minute() == m && local.YearDay() == d.YearDay(); shown {
					if earlier := got.Add(-time.Hour).In(l); earlier.Hour() == h && earlier.Minute() == m {
						t.Fatalf("%s: %v %02d:%02d is at %v, and an hour before, too", name, d, h, m, got)
					}
				} else if start, _ := local.ZoneBounds(); !start.Equal(got) {
					t.Fatalf("%s: %v %02d:%02d is at %v, which the clock shows as %v", name, d, h, m, got, local)
				}
				if k, s := z.day(got); k != n || s < second {
					t.Fatalf("%s: %v is second %d of day %d, want %d of %d", name, got, s, k, second, n)
				}
			}
		}
	}
	if _, err := NewZone("Nowhere/Atall", time.Now()); !errors.Is(err, ErrPlan) {
		t.Errorf("an unknown zone: %v", err)
	}
}

// TestBadPlans: what cannot be played is refused with a reason.
func TestBadPlans(t *testing.T) {
	good := func() *Plan { return testPlan(rand.New(rand.NewPCG(1, 1)), utc, 3) }
	for want, spoil := range map[string]func(*Plan){
		"storyboards and":      func(p *Plan) { p.Storyboards = nil },
		"for the filler":       func(p *Plan) { p.Filler = "gone" },
		"not in the plan":      func(p *Plan) { p.Slots[0].Storyboard = "gone" },
		"second -1 of the day": func(p *Plan) { p.Slots[0].At = -1 },
		"no weekdays":          func(p *Plan) { p.Slots[0].Days, p.Slots[0].Date = nil, "" },
		"weekday 7":            func(p *Plan) { p.Slots[0].Days, p.Slots[0].Date = []time.Weekday{7}, "" },
		"want either":          func(p *Plan) { p.Slots[0].Days, p.Slots[0].Date = nil, "24.12.2026" },
		"no clips":             func(p *Plan) { p.Storyboards[1].Clips = nil },
		"is empty":             func(p *Plan) { p.Storyboards[1].Clips[0].Cadence = nil },
		"0 segments":           func(p *Plan) { p.Storyboards[1].Clips[0].Cadence = Cadence{{0, 5}} },
		"too short":            func(p *Plan) { p.Storyboards[1].Clips[0].Cadence = Cadence{{100, 9000}} },
		"longer than two days": func(p *Plan) { p.Storyboards[1].Clips[0].Cadence = Cadence{{60000, 180000}, {60000, 180000}} },
		"have the id":          func(p *Plan) { p.Storyboards[1].ID = "filler" },
		"offsets":              func(p *Plan) { p.Zone.Offsets = nil },
	} {
		p := good()
		spoil(p)
		if _, err := NewSchedule(p); !errors.Is(err, ErrPlan) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("want an error with %q, not %v", want, err)
		}
	}
}

// FuzzPlan: whatever a stored plan says, it is refused or can be played.
func FuzzPlan(f *testing.F) {
	for seed := range uint64(3) {
		data, err := json.Marshal(testPlan(rand.New(rand.NewPCG(seed, 1)), utc, int(seed)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, int64(5000))
	}
	f.Fuzz(func(t *testing.T, data []byte, seconds int64) {
		var p Plan
		if json.Unmarshal(data, &p) != nil {
			return
		}
		s, err := NewSchedule(&p)
		if err != nil {
			return
		}
		start := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)
		out := NewPlayout(s, Place{Slot: start, Main: Spot{Clip: int(seconds), Segment: seconds}}, start)
		at := start.Add(time.Duration(seconds%(14*day)) * time.Second)
		if n := out.Playing(at); n >= 0 {
			if x := out.Segment(n); out.At(n).After(at.Add(time.Millisecond)) || x.Duration <= 0 || x.Breaks > n {
				t.Fatalf("at %v segment %d plays, from %v on", at, n, out.At(n))
			}
			out.End(n)
		}
	})
}
