package burn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Timeline is a channel's program, as viewers are shown it.
type Timeline interface {
	// Window returns what is listed. changed is closed when there is more; with an error and a channel it is worth
	// asking again then.
	Window(rendition string, dvr bool) (w *hls.Window, changed <-chan struct{}, err error)
}

// Open returns the media at an address; with an error and a channel it is worth asking again when that is closed.
type Open func(ctx context.Context, a media.Address) (data [][]byte, changed <-chan struct{}, err error)

var (
	// errBehind is returned where what comes next has left the program's list: this machine is too slow for it.
	errBehind = errors.New("what comes next has left the playlist: the program has leapt, or this machine is too slow to draw into its pictures")
	errUnread = errors.New("a segment of the program cannot be read")
)

const (
	// back is how many whole segments before the newest one is begun: enough for players to begin with at once.
	back = 3
	// stale is how old what is listed is when nothing is on air any more: there is nothing to begin with.
	stale = 30 * time.Second
)

// follower goes through the segments of a program one after the other, as a player does. It never goes back.
type follower struct {
	program Timeline
	open    Open
	next    int64
	begun   bool
	resumed bool                // nobody followed for a while, so what comes next may have left the list
	seen    map[int64]time.Time // since when the newest segments are whole here
}

// resume goes on after an interruption with the program as it is found now.
func (f *follower) resume(program Timeline) { f.program, f.resumed = program, true }

// peek waits for the next whole segment, for so long, and returns it: nil if none came. whole is since when it is.
func (f *follower) peek(ctx context.Context, wait time.Duration) (s *hls.Segment, whole time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		w, changed, err := f.program.Window(media.Main, false)
		if err != nil && changed == nil {
			return nil, time.Time{}, err
		}
		if err == nil {
			if s, err := f.find(w); s != nil || err != nil {
				return s, f.seen[f.next], err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, time.Time{}, nil
		}
	}
}

// find returns the next segment, if a window has it whole.
func (f *follower) find(w *hls.Window) (*hls.Segment, error) {
	n := int64(len(w.Segments))
	if n > 0 && !w.Segments[n-1].Complete {
		n--
	}
	now := time.Now()
	if f.begun && f.next < w.MediaSequence {
		if err := f.leap(); !f.resumed {
			return nil, err
		}
	}
	f.resumed = false
	if !f.begun {
		if n == 0 {
			return nil, nil
		}
		f.begun, f.next, f.seen = true, max(f.next, w.MediaSequence+max(0, n-back)), map[int64]time.Time{}
		if last := &w.Segments[n-1]; now.Sub(last.ProgramTime.Add(last.Duration.Duration())) > stale {
			f.next = max(f.next, w.MediaSequence+n)
		}
	}
	for i := f.next; i < w.MediaSequence+n; i++ {
		if f.seen[i].IsZero() {
			f.seen[i] = now
		}
	}
	if f.next >= w.MediaSequence+n {
		return nil, nil
	}
	return &w.Segments[f.next-w.MediaSequence], nil
}

// leap leaves out what is missed, and begins again with what is newest.
func (f *follower) leap() error {
	f.begun = false
	return errBehind
}

// unread goes on behind a segment that cannot be read, unless nobody waits for it any more.
func (f *follower) unread(ctx context.Context, err error) error {
	if errors.Is(err, errUnread) && ctx.Err() == nil {
		f.advance()
	}
	return err
}

// advance goes on to the segment behind the one that was returned.
func (f *follower) advance() {
	delete(f.seen, f.next)
	f.next++
}

// openTime is how long media that the program lists may take to be there.
const openTime = 8 * time.Second

// read returns the media at an address that a window names.
func (f *follower) read(ctx context.Context, address string) ([]byte, error) {
	a, err := media.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	for {
		body, changed, err := f.open(ctx, a)
		if err == nil {
			return bytes.Join(body, nil), nil
		}
		if changed == nil {
			return nil, fmt.Errorf("%w: %w", errUnread, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errUnread, ctx.Err())
		}
	}
}
