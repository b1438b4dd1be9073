package station

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestEndOf finds where a window ends: behind its last segment, or behind the parts of one that is being made.
func TestEndOf(t *testing.T) {
	at := time.Unix(1e9, 0)
	part := hls.Part{Duration: media.TicksPerSecond / 4}
	whole := hls.Segment{ProgramTime: at, Duration: 2 * media.TicksPerSecond, Complete: true, Parts: []hls.Part{part}}
	begun := hls.Segment{ProgramTime: at.Add(2 * time.Second), Parts: []hls.Part{part, part, part}}
	for _, c := range []struct {
		segments []hls.Segment
		want     time.Duration
	}{{[]hls.Segment{whole}, 2 * time.Second}, {[]hls.Segment{whole, begun}, 2750 * time.Millisecond}} {
		if got := endOf(&hls.Window{Segments: c.segments}).Sub(at); got != c.want {
			t.Errorf("it ends at %v, want %v", got, c.want)
		}
	}
}
