package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// showEvery is how often the progress line is written anew.
const showEvery = 500 * time.Millisecond

// show keeps one line on a terminal until ctx ends.
func (s *sender) show(ctx context.Context, w io.Writer) {
	if w == nil {
		return
	}
	width := 0
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		line := s.line(time.Now())
		fmt.Fprintf(w, "\r%s%s", line, strings.Repeat(" ", max(width-len(line), 0)))
		width = len(line)
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintf(w, "\r%s%s\n", s.line(time.Now()), strings.Repeat(" ", width))
			return
		}
	}
}

// line says where the stream goes, how far behind the newest acknowledged picture is, and what waits.
func (s *sender) line(now time.Time) string {
	n, bytes, oldest := s.spool.Waiting()
	behind := 0.0
	if n > 0 {
		behind = max(now.Sub(oldest).Seconds(), 0)
	}
	s.mu.Lock()
	where := "not connected yet"
	switch {
	case s.node != "":
		where = "connected to " + s.node
	case s.trouble != "":
		where = "trying on: " + s.trouble
	}
	s.mu.Unlock()
	return fmt.Sprintf("%s, behind by %.1f s, spooled %d segments (%.0f MB)", where, behind, n, float64(bytes)/1e6)
}

// AboveProgress returns a handler that clears the progress line on a terminal before a line of the log.
func AboveProgress(h slog.Handler, terminal io.Writer) slog.Handler {
	return &aboveProgress{h, terminal}
}

type aboveProgress struct {
	slog.Handler
	terminal io.Writer
}

// Handle clears the line and hands the record on.
func (a *aboveProgress) Handle(ctx context.Context, r slog.Record) error {
	io.WriteString(a.terminal, "\r\x1b[K")
	return a.Handler.Handle(ctx, r)
}

func (a *aboveProgress) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &aboveProgress{a.Handler.WithAttrs(attrs), a.terminal}
}

func (a *aboveProgress) WithGroup(name string) slog.Handler {
	return &aboveProgress{a.Handler.WithGroup(name), a.terminal}
}
