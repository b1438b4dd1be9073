package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/agent"
)

// pushFlags say what is pushed where.
type pushFlags struct {
	Input string   `arg:"" help:"rtmp://127.0.0.1:1936 to listen there for an encoder (in OBS: a custom server, any key), a file, or - for standard input."`
	URLs  []string `arg:"" name:"url" help:"http(s)://node:8080/push/STREAM-KEY; of several nodes, any that answers takes the stream."`

	Spool     string   `help:"Directory for what is not acknowledged yet." placeholder:"DIR"`
	SpoolSize byteSize `help:"How much of it there may be, such as 500M or 10G; then the input waits." default:"10G"`
}

// byteSize is a number of bytes.
type byteSize int64

// UnmarshalText reads a number with k, M or G behind it.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := string(text)
	unit := int64(1)
	for suffix, u := range map[string]int64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			unit, s = u, rest
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1e15/unit {
		return fmt.Errorf("size %q: want a number of bytes such as 500M or 10G", text)
	}
	*b = byteSize(n * unit)
	return nil
}

// pushInput runs until the input has ended and everything is acknowledged. On a terminal it shows one line;
// otherwise, and for what goes wrong, it logs.
func pushInput(ctx context.Context, f *pushFlags, stderr io.Writer, log *slog.Logger) error {
	cfg := agent.Config{Input: f.Input, URLs: f.URLs, Spool: f.Spool, SpoolSize: int64(f.SpoolSize), Stdin: os.Stdin, Log: log}
	if cfg.Spool == "" {
		dir, err := stateDir()
		if err != nil {
			return err
		}
		// A spool of its own for each stream key: what is left of one never goes to another.
		_, key, _ := strings.Cut(f.URLs[0], "/push/")
		cfg.Spool = filepath.Join(dir, "push-"+shortHash(strings.Trim(key, "/")))
	}
	if isTerminal(stderr) {
		cfg.Progress = stderr
		cfg.Log = slog.New(agent.AboveProgress(log.Handler(), stderr))
	}
	return agent.Run(ctx, cfg)
}

// stateDir is where mayfly keeps what it needs between runs.
func stateDir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a directory for the spool (give one with --spool): %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "mayfly"), nil
}

// isTerminal reports whether somebody reads it.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
