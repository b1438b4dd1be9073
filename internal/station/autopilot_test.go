package station

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// shelf is a library of clips that have a second and a half in each segment.
type shelf struct {
	mu    sync.Mutex
	clips map[media.TakeID]*media.Listing
}

func (s *shelf) Listing(_ context.Context, id media.TakeID) (*media.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.clips[id]; l != nil {
		return l, nil
	}
	return nil, take.ErrNoMedia
}

// clip makes a clip of so many segments, of sound and the still that the packager makes to it.
func (s *shelf) clip(segments int) media.TakeID {
	t := &media.Take{ID: media.NewTakeID(), Renditions: []media.Rendition{{Name: media.Main, Bandwidth: 64000, Tracks: []media.Track{
		{ID: 1, Codec: media.H264, Timescale: 90000, Config: []byte{1, 0x64, 0, 0x1f}, Width: 640, Height: 360}, soundTrack,
	}}}}
	l := &media.Listing{Take: t, Rendition: media.Main, Ended: true}
	for n := range segments {
		x := &media.SegmentInfo{Number: uint32(n), Start: media.Ticks(n) * 135000, Duration: 135000, Independent: true, Complete: true}
		for range 6 {
			x.Parts = append(x.Parts, media.PartInfo{Duration: 22500, Independent: true, Length: 1})
		}
		l.Segments = append(l.Segments, x)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clips == nil {
		s.clips = map[media.TakeID]*media.Listing{}
	}
	s.clips[t.ID] = l
	return t.ID
}

// counted counts the requests that are about cut lists and plans.
type counted struct {
	bucket.Bucket
	asked *atomic.Int64
}

func (c counted) count(key string) {
	if strings.HasPrefix(key, "cuts/") || strings.HasPrefix(key, "plans/") {
		c.asked.Add(1)
	}
}

func (c counted) Get(ctx context.Context, key string) (bucket.Object, error) {
	c.count(key)
	return c.Bucket.Get(ctx, key)
}

func (c counted) PutIfMatch(ctx context.Context, key string, body bucket.Body, etag bucket.ETag) (bucket.ETag, error) {
	c.count(key)
	return c.Bucket.PutIfMatch(ctx, key, body, etag)
}

// plan makes a plan that plays clips in a loop.
func plan(clips ...media.TakeID) program.Plan {
	b := program.Storyboard{ID: "loop", Title: "Loop"}
	for i, id := range clips {
		b.Clips = append(b.Clips, program.Clip{Take: id, Title: fmt.Sprint("clip ", i)})
	}
	return program.Plan{Zone: program.Zone{Name: "UTC", Offsets: []program.Offset{{}}}, Filler: "loop", Storyboards: []program.Storyboard{b}}
}

// watch asks for a channel's window as a player does, that waits for it.
func (w *world) watch(slug string) (*hls.Window, error) {
	p, err := w.station.Program(slug)
	if err != nil {
		return nil, err
	}
	for late := time.After(5 * time.Second); ; {
		win, changed, err := p.Window(media.Main, false)
		if !errors.Is(err, ErrNotYet) {
			return win, err
		}
		select {
		case <-changed:
		case <-late:
			return nil, err
		}
	}
}

// airs checks what a channel shows now, and returns the address of its newest segment.
func airs(t *testing.T, w *hls.Window, err error) string {
	t.Helper()
	if err != nil {
		t.Fatalf("Window: %v", err)
	}
	s := &w.Segments[len(w.Segments)-1]
	if behind := time.Since(s.ProgramTime.Add(s.Duration.Duration())); behind > 7*time.Second {
		t.Fatalf("what is listed ended %v ago", behind)
	}
	if s.URI == "" {
		return s.Parts[0].URI
	}
	return s.URI
}

// TestAutopilot: a channel with a plan plays it when nobody is live, makes room for a source, and goes on where it
// stopped.
func TestAutopilot(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "camera")
		p, err := w.station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Cut(t.Context(), program.AutopilotSource); !errors.Is(err, program.ErrNoPlan) {
			t.Fatalf("a cut to autopilot without a plan: %v", err)
		}
		one, two := w.shelf.clip(20), w.shelf.clip(7)
		if v, err := p.Replan(t.Context(), plan(one, two)); err != nil || v != 1 {
			t.Fatalf("Replan = %d, %v", v, err)
		}
		if s := p.Status(); s.State != Never {
			t.Fatalf("a channel whose plan has not begun is %s", s.State)
		}
		time.Sleep(9 * time.Second) // nobody looks meanwhile
		if s := p.Status(); s.State != Live {
			t.Fatalf("9 s after there was a plan the channel is %s", s.State)
		}
		win, err := w.watch("news")
		if at := airs(t, win, err); !strings.Contains(at, one.String()) {
			t.Fatalf("%s is shown, and not the first clip", at)
		}
		time.Sleep(time.Minute)
		asked := w.asked.Load()
		time.Sleep(time.Hour)
		if n := w.asked.Load() - asked; n > 0 {
			t.Errorf("%d requests to the bucket about a channel that nobody watched for an hour", n)
		}
		win, err = w.watch("news")
		before := airs(t, win, err)

		e := w.mustPublish("camera-key-0123456789")
		live := background(e, 30*time.Second)
		time.Sleep(10 * time.Second)
		win, err = w.window("news", false)
		if at := airs(t, win, err); strings.Contains(at, one.String()) || strings.Contains(at, two.String()) {
			t.Fatalf("a source came after %s, and %s is shown", before, at)
		}
		if err := <-live; err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
		time.Sleep(8 * time.Second)
		win, err = w.watch("news")
		airs(t, win, err)
		var stopped, resumed media.Address
		for i := range win.Segments {
			if win.Segments[i].URI == "" {
				continue
			}
			a := mustAddress(t, win.Segments[i].URI)
			clip := a.Take == one || a.Take == two
			if clip && resumed.Take.IsZero() {
				stopped = a
			} else if !clip {
				resumed = a
			}
			if clip && !resumed.Take.IsZero() {
				resumed = a
				break
			}
		}
		if follows := stopped.Take == resumed.Take && stopped.Segment+1 == resumed.Segment || stopped.Take != resumed.Take && resumed.Segment == 0; !follows {
			t.Errorf("it stopped after %v and goes on with %v", stopped, resumed)
		}
		if _, err := p.Replan(t.Context(), plan(two, one)); err != nil {
			t.Fatalf("Replan: %v", err)
		}
		time.Sleep(5 * time.Second)
		win, err = w.watch("news")
		airs(t, win, err)
		if _, _, err := p.Cut(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if s := p.Status(); s.State != Off {
			t.Errorf("a producer took it off air, and it is %s", s.State)
		}
	})
}

// TestPlanAndSource has a source come just when a plan begins: whichever is first, the source is on air soon.
func TestPlanAndSource(t *testing.T) {
	for late := 4 * time.Second; late <= 8*time.Second; late += 50 * time.Millisecond {
		inWorld(t, func(t *testing.T, w *world) {
			w.channel("news", "camera")
			p, err := w.station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Replan(t.Context(), plan(w.shelf.clip(20))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(late)
			live := background(w.mustPublish("camera-key-0123456789"), 5*time.Second)
			time.Sleep(2500 * time.Millisecond)
			if s := p.Status(); s.Source == program.AutopilotSource || s.State != Live {
				t.Errorf("2.5 s after a source came, %v after the plan was made, the channel is %s with %q", late, s.State, s.Source)
			}
			if err := <-live; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPlanWatched has the plan follow what is live: who watches keeps the window until the plan is read and may be
// listed. Who comes when nobody has watched for a while waits for it, and is not led to what was on air then.
func TestPlanWatched(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "camera")
		p, err := w.station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		clip := w.shelf.clip(20)
		if _, err := p.Replan(t.Context(), plan(clip)); err != nil {
			t.Fatal(err)
		}
		e := w.mustPublish("camera-key-0123456789")
		if err := e.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		w.mustWindow("news")
		if _, _, err := p.Cut(t.Context(), program.AutopilotSource); err != nil {
			t.Fatal(err)
		}
		live := background(e, 4*time.Second)
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			w.forward(w.mustWindow("news"))
		}
		if at := airs(t, w.mustWindow("news"), nil); !strings.Contains(at, clip.String()) {
			t.Errorf("4 s after the cut %s is shown, and not the clip", at)
		}
		if err := <-live; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := w.window("news", false); !errors.Is(err, ErrNotYet) {
			t.Errorf("after an hour without viewers: %v, want it to be held", err)
		}
		win, err := w.watch("news")
		airs(t, win, err)
		e.x.Close(nil)
	})
}

// TestPlanAway: while the bucket is away, the plan does not take the place of what is live.
func TestPlanAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "camera")
		p, err := w.station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		clip := w.shelf.clip(20)
		if _, err := p.Replan(t.Context(), plan(clip)); err != nil {
			t.Fatal(err)
		}
		e := w.mustPublish("camera-key-0123456789")
		live := background(e, 30*time.Second)
		cut := func(what string, want error) {
			t.Helper()
			time.Sleep(4 * time.Second)
			if _, _, err := p.Cut(t.Context(), program.AutopilotSource); !errors.Is(err, want) {
				t.Errorf("%s, a cut to the plan: %v, want %v", what, err, want)
			}
			time.Sleep(4 * time.Second)
			win, err := w.watch("news")
			if at := airs(t, win, err); strings.Contains(at, clip.String()) != (want == nil) {
				t.Errorf("%s, after a cut to the plan, %s is shown", what, at)
			}
		}
		time.Sleep(4 * time.Second)
		w.bucket.Down(true)
		cut("without the bucket", bucket.ErrUnavailable)
		w.bucket.Down(false)
		cut("with the bucket", nil)
		if err := <-live; err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
	})
}

func mustAddress(t *testing.T, text string) media.Address {
	t.Helper()
	a, err := media.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAutopilotFleet: nodes whose clocks differ list the same, a source may come to any of them, and the death of one
// makes a leap at most.
func TestAutopilotFleet(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "camera")
		p, err := n.all["a"].station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		clip := n.shelf.clip(40)
		if _, err := p.Replan(t.Context(), plan(clip)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Cut(t.Context(), program.AutopilotSource); err != nil {
			t.Fatal(err)
		}
		watch := func(d time.Duration) (newest map[string]string) {
			newest = map[string]string{}
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(400 * time.Millisecond) {
				for name, o := range n.all {
					if w, err := o.watch("news"); err == nil {
						o.forward(w)
						newest[name] = airs(t, w, err)
						n.see(name, "news")
					}
				}
			}
			return newest
		}
		all := func(what string, newest map[string]string, contains string) {
			t.Helper()
			if len(newest) != len(n.all) {
				t.Fatalf("%s: only %v list anything\n%s", what, newest, n.logs())
			}
			for name, at := range newest {
				if !strings.Contains(at, contains) {
					t.Fatalf("%s: %s shows %s, and not %s\n%s", what, name, at, contains, n.logs())
				}
			}
		}
		all("autopilot", watch(30*time.Second), clip.String())
		e := n.all["b"].mustPublish("camera-key-0123456789")
		live := background(e, 25*time.Second)
		newest := watch(15 * time.Second)
		all("live", newest, n.take("b", "news"))
		if err := <-live; err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
		all("after live", watch(20*time.Second), clip.String())
		before := last(n.see("a", "news"))

		n.all["c"].kill()
		e = n.all["a"].mustPublish("camera-key-0123456789")
		live = background(e, 25*time.Second)
		watch(15 * time.Second)
		all("live after a death", watch(time.Second), n.take("a", "news"))
		if now := last(n.see("a", "news")); now < before+60000 {
			t.Errorf("node c has died and may have listed more, and number %d follows %d", now, before)
		}
		if err := <-live; err != nil {
			t.Fatal(err)
		}

		n.bucket.Down(true)
		e.x.Close(nil)
		n.bucket.Down(false)
		all("after live again", watch(20*time.Second), clip.String())
		n.bucket.Down(true)
		e = n.all["b"].mustPublish("camera-key-0123456789")
		live = background(e, 25*time.Second)
		watch(time.Second)
		n.bucket.Down(false)
		watch(14 * time.Second)
		all("live after an outage", watch(time.Second), n.take("b", "news"))
		if err := <-live; err != nil {
			t.Fatal(err)
		}
	})
}

// forward fails if numbers go back at a node.
func (w *world) forward(win *hls.Window) {
	w.t.Helper()
	if now, _ := win.Last(); now < w.newest {
		w.t.Errorf("number %d is the newest, and %d was before", now, w.newest)
	} else {
		w.newest = now
	}
}
