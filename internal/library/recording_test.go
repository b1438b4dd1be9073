package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// TestRecording records a broadcast of two takes, at two nodes in turn, which plays while its media lies in bundles, while
// it is copied, and when the bundles are gone, at the same addresses; and nothing of it is left when it is deleted.
func TestRecording(t *testing.T) {
	start := time.Now().UTC().Truncate(time.Millisecond)
	now := start
	a, nodes := onAir(t, &now)
	ctx := t.Context()
	c := film(t, nodes[0], "64x64", 7)
	look := func(after time.Duration) *Recording {
		t.Helper()
		now = now.Add(after)
		for _, l := range nodes {
			if err := l.record(ctx); err != nil {
				t.Fatal(err)
			}
		}
		all := must(nodes[1].Recordings(ctx, someChannel))
		if len(all) != 1 {
			t.Fatalf("%d recordings", len(all))
		}
		return &all[0]
	}
	a.show(nodes[0], c, 100, now)
	first := a.takes[a.entries[0].Take]
	first.stored = 1
	r := look(2 * time.Second)
	if r.State != OnAir || r.Duration != first.all[0].Duration() || !r.Begin.Equal(start) {
		t.Fatalf("at first: %+v", r)
	}
	first.stored = 3
	if r = look(time.Minute); r.Duration != first.all[2].Start+first.all[2].Duration() {
		t.Fatalf("a minute later: %+v", r)
	}
	a.end()
	if r = look(time.Second); r.State != Kept || !r.Open || r.Duration < 7*media.TicksPerSecond {
		t.Fatalf("when its encoder has gone: %+v", r)
	}
	back := now.Add(time.Minute)
	now = back
	a.entries[0].End = back.Add(-30 * time.Second) // it came back after half a minute
	a.show(nodes[0], c, 200, back)
	a.end()
	if r = look(time.Second); r.State != Kept || r.Duration < 14*media.TicksPerSecond {
		t.Fatalf("when it came back: %+v", r)
	}
	uris, text := listed(t, nodes[0], r.ID)
	if len(uris) != len(first.all)*2 || strings.Count(text, "#EXT-X-DISCONTINUITY\n") != 1 || !strings.Contains(text, "#EXT-X-ENDLIST") ||
		!strings.Contains(text, back.Format("#EXT-X-PROGRAM-DATE-TIME:2006-01-02T15:04:05.000Z")) {
		t.Fatalf("its playlist lists %d segments, want %d:\n%s", len(uris), len(first.all)*2, text)
	}
	before := get(t, nodes[0], uris)
	whole := bytes.Buffer{}
	f := must(nodes[1].RecordingFilm(ctx, someChannel, r.ID, 0, 0))
	if err := f.WriteTo(ctx, &whole, func() error { return nil }); err != nil || int64(whole.Len()) != f.Size {
		t.Fatalf("as one film: %d bytes, want %d: %v", whole.Len(), f.Size, err)
	}
	expectTimeline(t, whole.Bytes(), 350)

	// It is over; what needs it before it is copied is needed.
	told := map[string]media.Ticks{}
	for _, l := range nodes {
		l.cfg.Recorded = func(_ context.Context, channel string, r Recording) { told[channel+" "+r.ID] = r.Duration }
	}
	r = look(comesBack + time.Minute)
	if len(told) != 1 || told[someChannel+" "+r.ID] != r.Duration {
		t.Errorf("who hears of it is told %v", told)
	}
	if r.Open || r.State != Kept || r.Needs[a.origin.String()] != 0 || len(r.Needs) != 1 {
		t.Fatalf("when it is over: %+v", r)
	}
	get(t, nodes[1], uris)
	if err := nodes[0].workAll(ctx, gatherPrefix); err != nil {
		t.Fatal(err)
	}
	if r = look(time.Second); r.State != Whole || len(r.Needs) > 0 || r.Poster != 1 {
		t.Fatalf("when it is copied: %+v", r)
	}
	if needed := must(nodes[1].Needed(ctx)); len(needed) > 0 {
		t.Errorf("bundles are still needed: %v", needed)
	}
	now = now.Add(shelfLife + time.Second) // another node asks again
	if err := nodes[0].remove(ctx, "media/"); err != nil {
		t.Fatal(err)
	}
	nodes[1].reels.media.InvalidateAll()
	for n, l := range append(nodes, newLibrary(t, a.bucket, "c", func() time.Time { return now })) {
		if after, _ := listed(t, l, r.ID); !slices.Equal(after, uris) {
			t.Errorf("node %d lists other addresses: %v", n, after)
		}
		for i, data := range get(t, l, uris) {
			if !bytes.Equal(data, before[i]) {
				t.Errorf("node %d: %s has other bytes", n, uris[i])
			}
		}
	}

	if err := nodes[0].DeleteRecording(ctx, someChannel, r.ID); err != nil {
		t.Fatal(err)
	}
	gone, _ := media.ParseAddress(uris[0])
	if _, err := nodes[0].Open(ctx, gone); !errors.Is(err, take.ErrNoMedia) {
		t.Errorf("it can still be fetched: %v", err)
	}
	if err := nodes[0].Delete(ctx, someChannel, c.ID); err != nil {
		t.Fatal(err)
	}
	if err := nodes[1].sweep(ctx); err != nil {
		t.Fatal(err)
	}
	expectLeft(t, nodes[0], "jobs/sweep", archiveKey(someChannel))
	now = now.Add(shelfLife)
	if err := nodes[0].record(ctx); err != nil {
		t.Fatal(err)
	}
	if all := must(nodes[0].Recordings(ctx, someChannel)); len(all) > 0 {
		t.Errorf("it was recorded again: %+v", all)
	}
}

// expectTimeline checks that a film has so many pictures, one behind the other from 0 on, and that all can be decoded.
func expectTimeline(t *testing.T, data []byte, want int) {
	t.Helper()
	lines := frames(t, data, "packet=codec_type,dts_time")
	last, n := -1.0, 0
	for _, line := range lines {
		var at float64
		if rest, ok := strings.CutPrefix(line, "video,"); ok {
			fmt.Sscan(strings.Trim(rest, ","), &at)
			if n == 0 && at > 0.1 || at <= last || n > 0 && at > last+0.2 {
				t.Fatalf("picture %d is at %.3f s, the one before it at %.3f s", n, at, last)
			}
			last = at
			n++
		}
	}
	if n != want {
		t.Errorf("the film has %d pictures, want %d", n, want)
	}
}

// TestCollected runs the real collector over the bundles of a recording: it deletes none as long as the recording refers
// to them, and all but the newest when it lies in pieces of its own.
func TestCollected(t *testing.T) {
	now := time.Now()
	a, nodes := onAir(t, &now)
	l := nodes[0]
	c := film(t, l, "64x64", 20)
	a.show(l, c, 0, now)
	a.end()
	now = now.Add(21 * time.Second)
	if err := l.record(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		bucket.All(t.Context(), a.bucket, "media/", func(bucket.Entry) error { n++; return nil })
		return n
	}
	all := left()
	collect := func() {
		// Nothing else needs anything: as if the node had ended and all had left the DVR window.
		roots := func(ctx context.Context) (bundle.Roots, error) {
			out := bundle.Roots{a.origin: {None: true}}
			needed, err := l.Needed(ctx)
			for i, from := range needed {
				out[i] = bundle.Need{From: from}
			}
			return out, err
		}
		for range 4 {
			collector := bundle.NewCollector(bundle.CollectorConfig{Bucket: a.bucket, Roots: roots, Every: time.Nanosecond, Margin: time.Nanosecond})
			for range 2 {
				if _, err := collector.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	collect()
	if n := left(); n != all {
		t.Fatalf("%d of %d bundles are left that a recording refers to", n, all)
	}
	now = now.Add(comesBack + time.Minute)
	if err := l.record(t.Context()); err != nil {
		t.Fatal(err)
	}
	collect()
	if n := left(); n != all {
		t.Fatalf("%d of %d bundles are left while it is not copied", n, all)
	}
	if err := l.workAll(t.Context(), gatherPrefix); err != nil {
		t.Fatal(err)
	}
	collect()
	if n := left(); n > bundle.InFlight+1 {
		t.Errorf("%d of %d bundles are left when it lies in pieces of its own", n, all)
	}
	r := must(l.Recordings(t.Context(), someChannel))[0]
	uris, _ := listed(t, nodes[1], r.ID)
	get(t, nodes[1], uris)
}

// TestCut marks a stretch of what is live, and of a recording, whose parts are of two kinds, and makes clips of both.
func TestCut(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	start := now
	a, nodes := onAir(t, &now)
	l, ctx := nodes[0], t.Context()
	a.show(l, film(t, l, "64x64", 8), 0, now)
	live := a.takes[a.entries[0].Take]
	live.stored = 4
	now = now.Add(8 * time.Second)
	cut := Cut{Stretch: Stretch{From: start.Add(2500 * time.Millisecond), To: start.Add(5500 * time.Millisecond), Title: "Goal"}}
	c := must(l.AddCut(ctx, someChannel, cut))
	if hidden := must(l.Recordings(ctx, someChannel)); len(hidden) > 0 {
		t.Errorf("people see what is kept for a clip: %+v", hidden)
	}
	if needed := must(l.Needed(ctx)); needed[a.origin] != 1 {
		t.Errorf("it needs %v", needed)
	}
	if err := l.work(ctx); err != nil {
		t.Fatal(err)
	}
	c = must(l.Clip(ctx, someChannel, c.ID))
	if c.State != Ready || c.Duration != 4*media.TicksPerSecond || c.In != 2.5*media.TicksPerSecond-live.all[1].Start || c.Out != 5.5*media.TicksPerSecond-live.all[1].Start {
		t.Fatalf("the clip: %+v", c)
	}
	if needed := must(l.Needed(ctx)); len(needed) > 0 {
		t.Errorf("it still needs %v", needed)
	}
	a.end()
	now = now.Add(time.Second)
	a.show(l, film(t, l, "128x96", 4), 10, a.entries[0].End.Add(time.Second))
	a.end()
	if err := l.record(ctx); err != nil {
		t.Fatal(err)
	}
	r := must(l.Recordings(ctx, someChannel))[0]
	if _, err := l.RecordingFilm(ctx, someChannel, r.ID, 0, 0); !errors.Is(err, ErrMixed) {
		t.Errorf("as one film: %v", err)
	}
	c = must(l.AddCut(ctx, someChannel, Cut{Stretch: Stretch{From: start.Add(6 * time.Second), To: start.Add(12 * time.Second), Title: "Both"}, Recording: r.ID}))
	if err := l.work(ctx); err != nil {
		t.Fatal(err)
	}
	if c = must(l.Clip(ctx, someChannel, c.ID)); c.State != Ready || c.Width != 128 || c.Out-c.In != 5*media.TicksPerSecond {
		t.Fatalf("of two kinds: %+v", c)
	}
	for name, s := range map[string]Stretch{
		"backwards":  {From: start.Add(time.Second), To: start, Title: "x"},
		"too long":   {From: start.Add(-9 * time.Hour), To: start, Title: "x"},
		"no title":   {From: start, To: start.Add(time.Second)},
		"not on air": {From: start.Add(-time.Hour), To: start.Add(-time.Minute), Title: "x"},
	} {
		if _, err := l.Keep(ctx, someChannel, s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.AddCut(ctx, someChannel, Cut{Stretch: cut.Stretch, Recording: newID()}); err == nil {
		t.Error("a clip was cut out of a recording that is not there")
	}
}

func TestBroadcast(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	airing := func(number int64, from, to int) station.Airing {
		a := station.Airing{Number: number, Begin: at(from)}
		if to > 0 {
			a.To, a.End = &media.Pos{Segment: uint32(to-from) / 2}, at(to)
		}
		return a
	}
	two := []station.Airing{airing(0, 1000, 1100), airing(50, 1110, 0)}
	for name, tc := range map[string]struct {
		airings []station.Airing
		next    int64
		now     int
		first   int64
		begins  bool
		span    int
		over    bool
	}{
		"nothing":                     {now: 2000, over: true},
		"on air":                      {airings: two[1:], now: 1200, first: 50, begins: true, span: 1},
		"it came back":                {airings: two, now: 1200, first: 0, begins: true, span: 2},
		"recorded up to here":         {airings: two, next: 60, now: 1200, first: 60, begins: true, span: 1},
		"a moment ago":                {airings: two[:1], now: 1150, first: 0, begins: true, span: 1},
		"too long ago":                {airings: two[:1], now: 1300, span: 1, over: true},
		"another broadcast":           {airings: []station.Airing{airing(0, 100, 200), airing(50, 1000, 0)}, now: 1100, first: 50, begins: true, span: 1},
		"recorded, and ended just so": {airings: two[:1], next: 50, now: 1101, first: 0},
	} {
		first, begins := begins(tc.airings, tc.next, 2*time.Hour, at(tc.now))
		if begins != tc.begins || begins && first != tc.first {
			t.Errorf("%s: it begins with %d, %v", name, first, begins)
		}
		if span, over := broadcast(tc.airings, tc.first, at(tc.now)); begins && (len(span) != tc.span || over != tc.over) {
			t.Errorf("%s: %d airings, over %v", name, len(span), over)
		}
	}
}

func TestSurplus(t *testing.T) {
	now := time.Now()
	old := func(id string, days int, bytes int64) Recording {
		return Recording{ID: id, State: Whole, End: now.Add(-time.Duration(days) * 24 * time.Hour), Bytes: bytes}
	}
	a := archive{Recordings: []Recording{old("new", 0, 40), old("week", 7, 40), old("month", 31, 40)}}
	a.Recordings[0].Open = true
	for _, tc := range []struct {
		days  int
		bytes int64
		want  []string
	}{{0, 1000, nil}, {30, 1000, []string{"month"}}, {3, 1000, []string{"month", "week"}}, {0, 100, []string{"month"}}, {0, 10, []string{"month", "week"}}} {
		if got := a.surplus(tc.days, tc.bytes, now); !slices.Equal(got, tc.want) {
			t.Errorf("%d days, %d bytes: %v go, want %v", tc.days, tc.bytes, got, tc.want)
		}
	}
}

// TestTurnedOff: a recording whose channel is not recorded any more is closed, also by a node that never saw it before.
func TestTurnedOff(t *testing.T) {
	now := time.Now()
	a, nodes := onAir(t, &now)
	a.show(nodes[0], film(t, nodes[0], "64x64", 4), 0, now)
	a.takes[a.entries[0].Take].stored = 1
	if err := nodes[0].record(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := nodes[1]
	l.cfg.Channels = func() []*channel.Channel {
		return []*channel.Channel{{ID: someChannel, Slug: "show", Title: "The show", DVRWindow: 7200}}
	}
	for _, open := range []bool{true, false} {
		if err := l.record(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := must(l.Recordings(t.Context(), someChannel))[0]; r.Open != open {
			t.Fatalf("open %v, want %v: %+v", r.Open, open, r)
		}
		must(l.Needed(t.Context())) // as the collector does every five minutes
	}
}
