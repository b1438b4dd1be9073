package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// trace is what happened in a run, for people: what actors did, faults, and the stations' logs.
type trace struct {
	began time.Time
	mu    sync.Mutex
	lines []line
	soft  atomic.Bool // there was a soft seal, or a spool alone counted
}

type line struct {
	at     time.Time
	who    string
	text   string
	record *slog.Record // or what a station logged
	attrs  []slog.Attr
}

const keptLines = 3000

func (t *trace) put(l line) {
	l.at = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) >= 2*keptLines {
		t.lines = append([]line(nil), t.lines[keptLines:]...)
	}
	t.lines = append(t.lines, l)
}

func (t *trace) add(who, text string) { t.put(line{who: who, text: text}) }

// around returns what happened in a while before a time and shortly after it, and the faults and acts of the
// whole run.
func (t *trace) around(at time.Time, while time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, l := range t.lines {
		if l.record != nil && (at.Sub(l.at) > while || l.at.Sub(at) > time.Second) {
			continue
		}
		fmt.Fprintf(&b, "%9.3f  %-10s %s\n", l.at.Sub(t.began).Seconds(), l.who, l.string())
	}
	return b.String()
}

// digest is a number that is another one for nearly every other trace.
func (t *trace) digest() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := fnv.New64a()
	for _, l := range t.lines {
		fmt.Fprintln(h, l.at.Sub(t.began), l.who, l.string())
	}
	return h.Sum64()
}

func (l *line) string() string {
	if l.record == nil {
		return l.text
	}
	var b strings.Builder
	fmt.Fprintf(&b, "    %s %s", l.record.Level, l.record.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range l.attrs {
		add(a)
	}
	l.record.Attrs(add)
	return b.String()
}

func (t *trace) handler(node string, alive func() bool) slog.Handler {
	return &handler{trace: t, node: node, alive: alive}
}

type handler struct {
	trace *trace
	node  string
	alive func() bool // what a process logs after its death nobody reads
	attrs []slog.Attr
}

func (h *handler) Enabled(context.Context, slog.Level) bool { return h.alive() }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	r = r.Clone()
	if strings.Contains(r.Message, "by the word of its witnesses, while the bucket is away") || strings.Contains(r.Message, "only the spool of this node holds") {
		h.trace.soft.Store(true)
	}
	h.trace.put(line{who: h.node, record: &r, attrs: h.attrs})
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.trace, h.node, h.alive, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

func (h *handler) WithGroup(string) slog.Handler { return h }
