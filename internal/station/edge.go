package station

import (
	"context"
	"errors"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// edgeWait is how long a node that has not followed a channel so far waits to know where its program is.
	edgeWait = 700 * time.Millisecond
	// edgeAge is how far what is listed may lie behind the clock and count as what is on air now.
	edgeAge = 15 * time.Second
)

// Edge returns the program time at which what this node lists ends: what happens at it concerns pictures that no
// viewer has seen yet. If nothing is on air, it is the clock's.
func (p *Program) Edge(ctx context.Context) time.Time {
	ctx, cancel := context.WithTimeout(ctx, edgeWait)
	defer cancel()
	for {
		w, changed, err := p.Window(media.Main, false)
		now := time.Now()
		if err == nil {
			if at := endOf(w); now.Sub(at) < edgeAge {
				return at
			}
			return now
		}
		if changed == nil || !errors.Is(err, ErrNotYet) {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Now()
		}
	}
}

// endOf returns the program time at which a window ends.
func endOf(w *hls.Window) time.Time {
	last := &w.Segments[len(w.Segments)-1]
	if last.Complete {
		return last.ProgramTime.Add(last.Duration.Duration())
	}
	at := last.ProgramTime
	for i := range last.Parts {
		at = at.Add(last.Parts[i].Duration.Duration())
	}
	return at
}
