package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func openSpool(t *testing.T, dir string, limit int64) *Spool {
	t.Helper()
	s, err := OpenSpool(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSpoolFull: a full spool makes the input wait, and loses nothing.
func TestSpoolFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSpool(t, t.TempDir(), 25)
		defer s.Close()
		x, err := s.Begin("", []byte("init"))
		if err != nil {
			t.Fatal(err)
		}
		full := 0
		add := func() error { return x.Append(t.Context(), make([]byte, 10), func() { full++ }) }
		if err := errors.Join(add(), add()); err != nil || full != 0 {
			t.Fatal("two segments do not fit")
		}
		third := make(chan error, 1)
		go func() { third <- add() }()
		synctest.Wait()
		if n, bytes, _ := s.Waiting(); n != 2 || bytes != 20 || full != 1 {
			t.Errorf("%d segments of %d bytes wait, full %d times", n, bytes, full)
		}
		if err := x.Acked(0); err != nil {
			t.Error(err)
		}
		if err := <-third; err != nil || x.Oldest() != 1 || x.Next() != 3 {
			t.Errorf("%v, segments %d to %d", err, x.Oldest(), x.Next())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := x.Append(ctx, make([]byte, 10), func() {}); err == nil {
			t.Error("a segment went into a full spool")
		}
	})
}

// TestSpoolAgain: a spool is as it was when it is opened again, whatever was acknowledged in what order.
func TestSpoolAgain(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir, 1000)
	if _, err := OpenSpool(dir, 1000); err == nil || !strings.Contains(err.Error(), "--spool") {
		t.Errorf("opened twice: %v", err)
	}
	x, err := s.Begin("file", []byte("init"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(4) {
		if err := x.Append(t.Context(), []byte{i}, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []uint64{0, 3, 1} {
		if err := x.Acked(n); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(x.dir, "0000000004.m4s.tmp"), []byte("half"), 0o600) // killed while it wrote
	os.Mkdir(filepath.Join(dir, "push", "00000009-half"), 0o700)                    // killed before the init was there
	s.Close()
	s = openSpool(t, dir, 1000)
	defer s.Close()
	y, ended := s.Resume("file")
	if y == nil || ended || y.ID != x.ID || y.Oldest() != 2 || y.Next() != 4 || string(y.Init) != "init" {
		t.Fatalf("%+v, ended %v", y, ended)
	}
	if data, err := y.Segment(2); err != nil || data[0] != 2 {
		t.Errorf("segment 2 is %v, %v", data, err)
	}
	if z, _ := s.Resume("another file"); z != nil {
		t.Error("another file's session is resumed")
	}
	if front, _ := s.Front(); front != y || s.Empty() {
		t.Error("the session is not at the front")
	}
}

// TestProgress: the line on a terminal, and a log above it.
func TestProgress(t *testing.T) {
	s := openSpool(t, t.TempDir(), 1<<30)
	defer s.Close()
	x, err := s.Begin("", []byte("init"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	sender := newSender([]target{{name: "node:1"}, {name: "node:2"}}, s, &Config{Log: log})
	if got := sender.line(time.Now()); got != "not connected yet, behind by 0.0 s, spooled 0 segments (0 MB)" {
		t.Error(got)
	}
	if err := x.Append(t.Context(), make([]byte, 2_000_000), func() {}); err != nil {
		t.Fatal(err)
	}
	_, _, made := s.Waiting()
	sender.connected("node-a", target{name: "node:1"})
	if got := sender.line(made.Add(400 * time.Millisecond)); got != "connected to node-a, behind by 0.4 s, spooled 1 segments (2 MB)" {
		t.Error(got)
	}
	sender.failed(0, target{name: "node:1"}, answer{detail: "nothing listens there"})
	if got := sender.line(made); !strings.HasPrefix(got, "trying on: node:1: nothing listens there, ") || sender.current != 1 {
		t.Error(got)
	}
	var terminal bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sender.show(ctx, &terminal)
	slog.New(AboveProgress(slog.NewTextHandler(&terminal, nil), &terminal)).With("a", 1).Info("above")
	if got := terminal.String(); !strings.HasPrefix(got, "\rtrying on") || !strings.Contains(got, "\n\r\x1b[Ktime=") {
		t.Errorf("%q", got)
	}
}
