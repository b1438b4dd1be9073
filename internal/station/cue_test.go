package station

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

func cuedClip(id media.TakeID, from, to uint32) Cued {
	return Cued{ID: id.String()[:16], Clip: program.Clip{Take: id, From: from, To: to}}
}

// listOf returns a program's cut list.
func listOf(p *Program) *program.CutList {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.director.List()
}

// played returns how many whole segments of a take a channel lists.
func (w *world) played(slug string, id media.TakeID) (n int) {
	win, err := w.watch(slug)
	if err != nil {
		w.t.Fatal(err)
	}
	w.forward(win)
	for i := range win.Segments {
		if strings.Contains(win.Segments[i].URI, id.String()) {
			n++
		}
	}
	return n
}

// TestCue: clips are played once instead of what is live, with their in and out points, and then the source is back
// without a leap.
func TestCue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "camera")
		p, err := w.station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		one, two := w.shelf.clip(20), w.shelf.clip(3)
		live := background(w.mustPublish("camera-key-0123456789"), 60*time.Second)
		time.Sleep(6 * time.Second)
		if _, _, err := p.Cue(t.Context(), []Cued{cuedClip(media.NewTakeID(), 0, 0)}, ""); !errors.Is(err, program.ErrPlan) {
			t.Fatalf("a clip that is not there: %v", err)
		}
		if _, _, err := p.Cue(t.Context(), []Cued{cuedClip(one, 4, 8), cuedClip(two, 0, 0)}, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		s := p.Status()
		if s.Cue == nil || s.Cue.Then == "" || s.Source != program.ClipSource(one.String()[:16]) {
			t.Fatalf("5 s after the cue the status is %+v", s)
		}
		if n := w.played("news", one); n < 2 || n > 3 {
			t.Errorf("5 s after the cue %d segments of 1.5 s are listed", n)
		}
		if w.played("news", two) > 0 {
			t.Error("the second clip plays before the first one is over")
		}
		time.Sleep(7 * time.Second) // 10.5 s in all
		if a, b := w.played("news", one), w.played("news", two); a != 4 || b != 3 {
			t.Errorf("%d segments of the first clip and %d of the second are listed, want 4 and 3", a, b)
		}
		if s := p.Status(); s.State != Live || s.Cue != nil || s.Take == "" {
			t.Errorf("after the clips the channel is %s with %q", s.State, s.Source)
		}
		for _, e := range listOf(p).Entries {
			if e.End != nil && e.End.Leap {
				t.Errorf("entry %s of %s ended with a leap", e.ID, e.Source)
			}
		}
		// The same clip again, and a producer cuts away before it is over; then one behind which it goes off air.
		if _, _, err := p.Cue(t.Context(), []Cued{cuedClip(one, 0, 0)}, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if _, _, err := p.Cut(t.Context(), listOf(p).OnAir().Play.Cue.Then); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if s := p.Status(); s.State != Live || s.Take == "" {
			t.Errorf("after a cut in the middle of a clip the channel is %s with %q", s.State, s.Source)
		}
		if _, _, err := p.Cue(t.Context(), []Cued{cuedClip(two, 0, 0)}, program.OffAir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		if s := p.Status(); s.State != Off || !listOf(p).Off {
			t.Errorf("after a clip behind which it goes off air the channel is %s", s.State)
		}
		if err := <-live; err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * heldTime)
		if by, err := w.station.Played(t.Context(), p.id, two); err != nil || by != "" {
			t.Errorf("minutes after a clip was on air it is played by %q, %v", by, err)
		}
	})
}

// TestPlayed: a clip that a plan plays is held for its library, also where another channel's plan does.
func TestPlayed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		owner := w.channel("news", "camera")
		w.channel("loop", "camera-two")
		p, err := w.station.Program("loop")
		if err != nil {
			t.Fatal(err)
		}
		one, two := w.shelf.clip(20), w.shelf.clip(3)
		plays := plan(one)
		plays.Lenders = []string{owner.ID}
		if _, err := p.Replan(t.Context(), plays); err != nil {
			t.Fatal(err)
		}
		if by, err := w.station.Played(t.Context(), owner.ID, one); err != nil || !strings.Contains(by, "plan of channel") {
			t.Errorf("a clip in another channel's plan is played by %q, %v", by, err)
		}
		if by, err := w.station.Played(t.Context(), owner.ID, two); err != nil || by != "" {
			t.Errorf("a clip that nobody plays is played by %q, %v", by, err)
		}
		time.Sleep(10 * time.Second) // the plan is on air
		if _, err := p.Replan(t.Context(), plan(two)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if by, err := w.station.Played(t.Context(), p.id, one); err != nil || !strings.Contains(by, "on air") {
			t.Errorf("a clip of the plan before, that was on air a moment ago, is played by %q, %v", by, err)
		}
		time.Sleep(2 * heldTime)
		if by, err := w.station.Played(t.Context(), p.id, one); err != nil || by != "" {
			t.Errorf("a clip of an old plan is played by %q, %v", by, err)
		}
	})
}

// TestCueInPlan: a cue interrupts the plan, nobody watches, and the plan goes on where it stood.
func TestCueInPlan(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "camera")
		p, err := w.station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		loop, clip := w.shelf.clip(20), w.shelf.clip(4)
		if _, err := p.Replan(t.Context(), plan(loop)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		w.played("news", loop)
		if _, _, err := p.Cue(t.Context(), []Cued{cuedClip(clip, 0, 0)}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Replan(t.Context(), plan(loop, clip)); err != nil {
			t.Fatal(err)
		}
		if by, err := w.station.Played(t.Context(), p.id, clip); err != nil || by == "" {
			t.Errorf("a clip on air is played by %q, %v", by, err)
		}
		time.Sleep(12 * time.Second)
		if n := w.played("news", clip); n != 4 {
			t.Errorf("%d segments of the clip are listed, want 4", n)
		}
		list := listOf(p).Entries
		n := len(list)
		if n < 3 || list[n-1].Play == nil || list[n-2].Source != program.ClipSource(clip.String()[:16]) || list[n-1].Play.Place != *list[n-3].End.Place || list[n-1].Play.Plan != 2 {
			t.Errorf("the plan does not go on in its new version where it stood: %+v", list)
		}
	})
}
