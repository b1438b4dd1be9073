package trouble

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestLines remembers warnings and errors, each once, and not too many.
func TestLines(t *testing.T) {
	l := New()
	log := slog.New(l.Handler(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})))
	log.Info("nothing")
	for n := range 3 {
		log.With("clip", n).WithGroup("to").Warn("it failed", "error", errors.New("no room"), "n", n)
	}
	log.Warn("come in", "detail", strings.Repeat("x", 1000), "link", "http://secret")
	log.Error("it broke", "detail", strings.Repeat("x", 1000))
	lines := l.Lines(time.Now())
	if len(lines) != 2 || lines[0].Words != "it broke" || lines[0].Level != "error" || len(lines[0].Detail) > maxDetail+4 {
		t.Fatalf("%+v", lines)
	}
	if w := lines[1]; w.Count != 3 || w.Level != "warning" || w.Detail != "clip: 2; to.error: no room; to.n: 2" || w.First.After(w.Last) {
		t.Errorf("%+v", w)
	}
	for n := range 200 {
		log.Warn(fmt.Sprint("kind ", n))
	}
	if n := len(l.Lines(time.Now())); n != most {
		t.Errorf("%d lines", n)
	}
	if n := len(l.Lines(time.Now().Add(lately + time.Hour))); n != 0 {
		t.Errorf("%d lines a day later", n)
	}
}
