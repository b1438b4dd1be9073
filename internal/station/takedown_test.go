package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// TestTakedown deletes a channel under its viewers: nothing of it can be had from then on, and within hours its media is
// out of the bucket, but for the newest bundles of a node that runs.
func TestTakedown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(time.Minute)
		var listed []media.Address
		for _, s := range w.mustWindow("news").Segments {
			if s.URI == "" {
				continue // it has parts alone so far
			}
			a, err := media.ParseAddress(s.URI)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.station.Open(t.Context(), a); err != nil {
				t.Fatalf("%s before: %v", s.URI, err)
			}
			listed = append(listed, a)
		}
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := w.window("news", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("the playlist: %v", err)
		}
		for _, a := range listed {
			if _, _, err := w.station.Open(t.Context(), a); !errors.Is(err, take.ErrNoMedia) {
				t.Errorf("%s after: %v", a, err)
			}
		}
		stored := func() (n int) {
			if err := bucket.All(t.Context(), w.bucket, "media/", func(bucket.Entry) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := stored()
		time.Sleep(16 * time.Hour)
		if n := stored(); before < 60 || n > bundle.InFlight+1 {
			t.Errorf("%d bundles of the %d are there 16 hours later", n, before)
		}
	})
}
