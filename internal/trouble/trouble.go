// Package trouble remembers what a node's log warned of lately, so that an operator sees it without going to the machine.
package trouble

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// most is how many different lines are remembered; of more, the one goes that has not come for longest.
	most      = 60
	maxDetail = 300
	// linkKey names a link that lets somebody in. A line with one is for whoever reads the log itself, and is settled once
	// somebody came by it, at whichever node: it is not remembered.
	linkKey = "link"
	// lately is how long a line is remembered that does not come again.
	lately = 24 * time.Hour
)

// Line is a warning or an error, and how often it came.
type Line struct {
	Level  string    `json:"level" enum:"warning,error"`
	Words  string    `json:"words"`
	Detail string    `json:"detail,omitempty" doc:"what was said besides the newest time"`
	Count  int64     `json:"count"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// Ledger remembers warnings and errors. It is safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex
	lines map[string]*Line
}

// New makes an empty ledger.
func New() *Ledger { return &Ledger{lines: map[string]*Line{}} }

// Lines returns what is remembered, the newest first.
func (l *Ledger) Lines(now time.Time) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Line{}
	for key, x := range l.lines {
		if now.Sub(x.Last) > lately {
			delete(l.lines, key)
			continue
		}
		out = append(out, *x)
	}
	slices.SortFunc(out, func(x, y Line) int {
		if d := y.Last.Compare(x.Last); d != 0 {
			return d
		}
		return strings.Compare(x.Words, y.Words)
	})
	return out
}

func (l *Ledger) add(level slog.Level, words, detail string, at time.Time) {
	name := "warning"
	if level >= slog.LevelError {
		name = "error"
	}
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.lines[name+words]
	if x == nil {
		if len(l.lines) >= most {
			oldest := ""
			for key, y := range l.lines {
				if oldest == "" || y.Last.Before(l.lines[oldest].Last) {
					oldest = key
				}
			}
			delete(l.lines, oldest)
		}
		x = &Line{Level: name, Words: words, First: at}
		l.lines[name+words] = x
	}
	x.Count++
	x.Last, x.Detail = at, detail
}

// Handler returns a handler of log lines that remembers warnings and errors and hands all lines on.
func (l *Ledger) Handler(next slog.Handler) slog.Handler { return &handler{ledger: l, next: next} }

type handler struct {
	ledger *Ledger
	next   slog.Handler
	prefix string // of names, by groups
	attrs  string // of this logger
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		var b strings.Builder
		b.WriteString(h.attrs)
		invites := false
		r.Attrs(func(a slog.Attr) bool {
			invites = invites || a.Key == linkKey
			if b.Len() <= maxDetail {
				write(&b, h.prefix, a)
			}
			return !invites
		})
		if !invites {
			h.ledger.add(r.Level, r.Message, b.String(), r.Time)
		}
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.next = h.next.WithAttrs(attrs)
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		write(&b, h.prefix, a)
	}
	out.attrs = b.String()
	return &out
}

func (h *handler) WithGroup(name string) slog.Handler {
	out := *h
	out.next = h.next.WithGroup(name)
	out.prefix = h.prefix + name + "."
	return &out
}

func write(b *strings.Builder, prefix string, a slog.Attr) {
	if a.Equal(slog.Attr{}) || a.Key == linkKey {
		return
	}
	if b.Len() > 0 {
		b.WriteString("; ")
	}
	b.WriteString(prefix + a.Key + ": " + a.Value.Resolve().String())
}
