package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
)

// TestFenced has another node end this one's incarnation: it sends its publishers away, begins again, and
// the channel goes on when they are back.
func TestFenced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(7 * time.Second)
		before := w.mustWindow("news")
		was, _ := before.Last()
		i, err := bundle.ParseIncarnation(w.station.Incarnation())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Recover(t.Context(), bucket.NewDocuments(w.bucket), i, "other", bundle.Known{Word: bundle.NoWord}); err != nil {
			t.Fatal(err)
		}
		if err := e.run(3 * time.Second); !errors.Is(err, ErrLeaving) {
			t.Errorf("the publisher of a fenced node is told %v", err)
		}
		time.Sleep(2 * time.Second)
		if now := w.station.Incarnation(); now == i.String() || now == "" {
			t.Errorf("the incarnation is %q, want a new one", now)
		}
		e = w.mustPublish("cam-key-0123456789")
		e.run(6 * time.Second)
		after := w.mustWindow("news")
		if after.MediaSequence != 65536 || was >= 65536 {
			t.Errorf("after a seal without a word the window begins with %d, want the leap to 65536", after.MediaSequence)
		}
		e.x.Close(nil)
	})
}

// TestOutage takes the bucket away while a channel is on air.
func TestOutage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(5 * time.Second)
		was, _ := w.mustWindow("news").Last()
		w.bucket.Down(true)
		if err := e.run(time.Minute); err != nil {
			t.Fatalf("the publisher was disturbed: %v", err)
		}
		is, _ := w.mustWindow("news").Last()
		if is < was+28 {
			t.Errorf("the newest number went from %d to %d in a minute of outage", was, is)
		}
		if h := w.station.Health(); h.AwayFor < 50*time.Second || h.Spooled == 0 {
			t.Errorf("health %+v", h)
		}
		w.bucket.Down(false)
		e.run(10 * time.Second)
		if h := w.station.Health(); h.AwayFor != 0 || h.Spooled != 0 {
			t.Errorf("health after the outage %+v", h)
		}
		e.x.Close(nil)
	})
}

// TestFull takes the bucket away for longer than the spool has room: publishers are told, and what was safe
// is in the bucket afterwards.
func TestFull(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(5 * time.Second)
		w.bucket.Down(true)
		if err := e.run(time.Hour); !errors.Is(err, ErrStorageFull) {
			t.Fatalf("the publisher is told %v, want %v", err, ErrStorageFull)
		}
		e.x.Close(ErrStorageFull)
		if _, err := w.publish("cam-key-0123456789"); !errors.Is(err, ErrStorageFull) {
			t.Errorf("another publisher is told %v, want %v", err, ErrStorageFull)
		}
		if h := w.station.Health(); h.Spooled > spoolBytes || h.Memory > 200<<10 {
			t.Errorf("health %+v: over its bounds", h)
		}
		w.bucket.Down(false)
		time.Sleep(20 * time.Second)
		if h := w.station.Health(); h.Spooled != 0 {
			t.Errorf("health after the outage %+v", h)
		}
		e = w.mustPublish("cam-key-0123456789")
		e.run(5 * time.Second)
		e.x.Close(nil)
	})
}

// TestOtherNode starts a node that has neither the name nor the spool of the one before.
func TestOtherNode(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(6 * time.Second)
		w.bucket.Down(true) // it cannot even seal itself
		w.stop()
		w.bucket.Down(false)
		w.start("another")
		e = w.mustPublish("cam-key-0123456789")
		e.run(4 * time.Second)
		if w.state("news") == Live {
			t.Error("the channel goes on before the other node is known to be silent")
		}
		e.run(10 * time.Second)
		if got := w.mustWindow("news").MediaSequence; got != 65536 {
			t.Errorf("the window begins with %d, want 65536", got)
		}
		e.x.Close(nil)
	})
}
