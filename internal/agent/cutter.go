package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// cutter cuts a stream into segments and puts them into the spool. Other tracks than before, and a
// jump of the stream's clock, begin another session. Its methods are called from one goroutine.
type cutter struct {
	ctx    context.Context
	spool  *Spool
	length time.Duration
	log    *slog.Logger
	input  string   // names a file that can be read again
	resume *Session // its session of an earlier run: what that has is passed over

	tracks   []media.Track
	packager *take.Packager
	session  *Session
	skip     uint64 // segments below it are in the spool, or acknowledged
	cut      uint64 // segments that are complete
	segment  []byte
	err      error // of the spool
}

// Tracks says what follows.
func (c *cutter) Tracks(tracks []media.Track) error {
	if slices.EqualFunc(c.tracks, tracks, func(a, b media.Track) bool {
		return a.ID == b.ID && a.Timescale == b.Timescale && bytes.Equal(a.Config, b.Config)
	}) {
		return nil
	}
	if err := c.Close(); err != nil {
		return err
	}
	c.tracks = slices.Clone(tracks)
	return nil
}

// Sample takes the next sample.
func (c *cutter) Sample(s media.Sample) error {
	if c.packager == nil {
		if err := c.begin(); err != nil {
			return err
		}
	}
	err := c.packager.Write(s, c.emit)
	if errors.Is(err, take.ErrTimeJump) {
		c.log.Warn("the stream's clock jumped: going on as another stream")
		if err := c.Close(); err != nil {
			return err
		}
		return c.Sample(s)
	}
	return errors.Join(err, c.err)
}

// begin begins a session, or goes on with the one of an earlier run.
func (c *cutter) begin() error {
	// A part is as long as it may be, because nodes cut parts of their own.
	p, err := take.NewPackager(take.PackagerConfig{Tracks: c.tracks, Part: min(c.length, time.Second), Segment: c.length})
	if err != nil {
		return err
	}
	init, err := p.Init()
	if err != nil {
		return err
	}
	c.packager, c.skip, c.cut, c.segment = p, 0, 0, nil
	if x := c.resume; x != nil && bytes.Equal(x.Init, init) {
		c.session, c.skip, c.resume = x, x.Next(), nil
		c.log.Info("going on where an earlier run stopped", "segment", c.skip)
		return nil
	}
	c.session, err = c.spool.Begin(c.input, init)
	return err
}

// emit gathers the parts of a segment.
func (c *cutter) emit(p media.Part) {
	c.segment = append(c.segment, p.Data...)
	if !p.Last {
		return
	}
	if uint64(p.Segment) >= c.skip && c.err == nil {
		told := false
		c.err = c.session.Append(c.ctx, c.segment, func() {
			if !told {
				c.log.Warn("the spool is full: the input waits until something is acknowledged (or give a larger --spool-size)")
			}
			told = true
		})
	}
	c.segment = c.segment[:0]
	c.cut++
}

// skipping reports whether what comes is in the spool already, or acknowledged.
func (c *cutter) skipping() bool { return c.cut < c.skip }

// Close ends the session with all that is there.
func (c *cutter) Close() error {
	if c.packager == nil {
		return c.err
	}
	c.packager.Flush(c.emit)
	err := errors.Join(c.err, c.session.End())
	c.packager, c.session = nil, nil
	return err
}
