package station

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestSuspended sends away who publishes to a channel that an operator suspends, and says why, until it is lifted.
func TestSuspended(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		made := w.channel("news", "camera")
		key := made.Sources[0].StreamKey
		e := w.mustPublish(key)
		if err := e.run(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		take := e.x.sends()
		if got := w.station.ChannelOf(take); got != made.ID {
			t.Errorf("the take belongs to %q, want %q", got, made.ID)
		}
		if got := w.station.ChannelOf(media.TakeID{1}); got != "" {
			t.Errorf("a take that is not known belongs to %q", got)
		}
		suspend := func(reason string) {
			if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Suspended = reason; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		suspend("It sells things")
		if !errors.Is(e.kicked, ErrSuspended) || !strings.Contains(e.kicked.Error(), "It sells things") {
			t.Errorf("the publisher is told %v", e.kicked)
		}
		if _, err := w.publish(key); !errors.Is(err, ErrSuspended) {
			t.Errorf("published anew: %v", err)
		}
		suspend("")
		again, err := w.publish(key)
		if err != nil {
			t.Fatalf("after it was lifted: %v", err)
		}
		again.x.Close(nil)
	})
}
