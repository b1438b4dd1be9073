package figures

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

func run(g *Gatherer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// TestGather has viewers watch through two nodes for half an hour: what all nodes counted is one, and says nothing of who
// they are.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := bucket.NewMem()
		var mu sync.Mutex
		requests := map[string]int{}
		counted := bucket.Counted(b, func(kind string, _ error, _ time.Duration, _ int64) {
			mu.Lock()
			defer mu.Unlock()
			requests[kind]++
		})
		nodes := []*Gatherer{New(Config{Docs: bucket.NewDocuments(counted)}), New(Config{Docs: bucket.NewDocuments(counted)})}
		stops := []func(){run(nodes[0]), run(nodes[1])}
		for second := range 1800 {
			if second%2 == 0 {
				for who := range uint64(10) {
					nodes[who%2].Watched("c", Seen{Viewer: 0xfeed0000 + who, At: time.Now(), Device: []string{Phone, TV}[who%2], Country: "PT", Referrer: "church.org",
						Starved: second == 300, StarvedFor: time.Second, Latency: 2 * time.Second, Paused: who == 9})
				}
			}
			nodes[0].Fetched("c", 1000, false)
			time.Sleep(time.Second)
		}
		for _, stop := range stops {
			stop()
		}
		if puts := requests["put_if_absent"] + requests["put_if_match"]; puts > 16 || requests["put"] > 0 {
			t.Errorf("half an hour at two nodes costs %v", requests)
		}
		fresh := New(Config{Docs: bucket.NewDocuments(b)})
		list, err := fresh.Read(t.Context(), "c", began, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		total := Total(list)
		if hours := float64(total.Watch) / 3.6e6; hours < 4.4 || hours > 4.5 { // nine for half an hour; one paused
			t.Errorf("%.3f hours were watched, want 4.5", hours)
		}
		if total.Views != 10 || total.Stalls != 10 || total.Stalled != 10_000 || total.Latency/total.Reports != 2000 || total.Bytes != 1_800_000 {
			t.Errorf("total: %+v", total)
		}
		if total.Devices[TV] >= total.Devices[Phone] || total.Countries["PT"] != total.Watch || total.Referrers["church.org"] != total.Watch {
			t.Errorf("kinds: %v %v %v", total.Devices, total.Countries, total.Referrers)
		}
		if len(list) < 6 || list[1].Peak() != 10 {
			t.Errorf("%d slots, %d at once", len(list), list[1].Peak())
		}
		bucket.All(t.Context(), b, "", func(e bucket.Entry) error {
			o, err := b.Get(t.Context(), e.Key)
			for who := range uint64(10) {
				if id := fmt.Sprint(0xfeed0000 + who); strings.Contains(string(o.Data), id) || err != nil {
					t.Errorf("%s knows viewer %s (%v)", e.Key, id, err)
				}
			}
			return nil
		})
	})
}

// TestUnwatched asks the bucket for nothing.
func TestUnwatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0 // read once Run has ended
		g := New(Config{Docs: bucket.NewDocuments(bucket.Counted(bucket.NewMem(), func(string, error, time.Duration, int64) { requests++ })), Tidy: func() bool { return false }})
		stop := run(g)
		time.Sleep(3 * time.Hour)
		stop()
		if requests > 0 {
			t.Errorf("three hours without viewers cost %d requests", requests)
		}
	})
}

// TestAway keeps what was counted while the bucket was away.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		faulty := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
		g := New(Config{Docs: bucket.NewDocuments(faulty)})
		stop := run(g)
		faulty.Down(true)
		for range 600 {
			g.Watched("c", Seen{Viewer: 1, At: time.Now(), Device: Phone})
			time.Sleep(2 * time.Second)
		}
		faulty.Down(false)
		stop()
		list, err := g.Read(t.Context(), "c", began, time.Now())
		if total := Total(list); err != nil || total.Watch != 599*2000 || total.Views != 1 {
			t.Errorf("%+v, %v", total, err)
		}
	})
}

// TestTidy removes what is older than it is kept, and nothing else.
func TestTidy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewMem()
		g := New(Config{Docs: bucket.NewDocuments(b)})
		began := time.Now()
		for _, id := range []string{"c", "d"} {
			g.Said(id, "ada")
			g.Said(id, "bob")
			g.Said(id, "ada")
		}
		g.store(t.Context(), true)
		time.Sleep(Kept - 24*time.Hour)
		if err := g.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := g.Read(t.Context(), "c", began.Add(-Span), began.Add(time.Hour)); err != nil || Total(list).Said != 3 || Total(list).Voices != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		time.Sleep(3 * 24 * time.Hour)
		if err := g.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := b.List(t.Context(), "", "", 0)
		if err != nil || len(page.Entries) > 0 {
			t.Errorf("%v, %v", page.Entries, err)
		}
	})
}

// TestKinds bounds what is told apart.
func TestKinds(t *testing.T) {
	var m map[string]int64
	for n := range 1000 {
		m = count(m, fmt.Sprint(n), 1)
	}
	if len(m) != maxKinds+1 || m[Other] != 1000-maxKinds {
		t.Errorf("%d kinds, %d others", len(m), m[Other])
	}
	for agent, want := range map[string]string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148": Phone, "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari": Phone,
		"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X)": Tablet, "Mozilla/5.0 (Linux; Android 13; SM-X200) Safari": Tablet, "Mozilla/5.0 (Windows NT 10.0; Win64; x64)": Computer,
		"Mozilla/5.0 (Linux; Android 9; AFTMM)": TV, "Mozilla/5.0 (Web0S; Linux/SmartTV)": TV, "VLC/3.0.20 LibVLC/3.0.20": Other, "": Other, strings.Repeat("x", 10_000): Other,
	} {
		if got := Device(agent); got != want {
			t.Errorf("%.60q is a %s, want %s", agent, got, want)
		}
	}
	for given, want := range map[string]string{"pt": "PT", "XX": "", "T1": "", "": "", "PRT": "", "<b": ""} {
		if got := Country(given); got != want {
			t.Errorf("%q: %q", given, got)
		}
	}
}
