package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// try runs the program and returns its exit code and what it printed.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a node that would start ends at once
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

func settings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mayfly.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMistakes tests that every mistake is told with a way out.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  [2]string
		code int
		says string
	}{
		{name: "unknown flag", args: []string{"serve", "--prat", "1s"}, code: 2, says: `"--part"`},
		{name: "unknown command", args: []string{"sreve"}, code: 2, says: "serve"},
		{name: "unknown key", args: []string{"serve", "--config", settings(t, `bukcet = "x"`)}, code: 2, says: `did you mean "bucket"`},
		{name: "broken file", args: []string{"serve", "--config", settings(t, "part = \n")}, code: 2, says: "line 1"},
		{name: "a table", args: []string{"serve", "--config", settings(t, "[part]\nx=1")}, code: 2, says: "part: want a text"},
		{name: "no file", args: []string{"serve", "--config", "/nowhere/at/all"}, code: 2, says: "no such file"},
		{name: "bad value in the file", args: []string{"serve", "--config", settings(t, `part = "long"`)}, code: 2, says: "part"},
		{name: "bad environment", args: []string{"serve"}, env: [2]string{"MAYFLY_PART", "9s"}, code: 1, says: "--part 9s: use 50ms to 1s"},
		{name: "bad bitrate", args: []string{"serve", "--max-bitrate", "50X"}, code: 2, says: "6000k or 50M"},
		{name: "half a certificate", args: []string{"serve", "--tls-cert", "x"}, code: 1, says: "--tls-key"},
		{name: "TLS without a certificate", args: []string{"serve", "--https", ":0"}, code: 1, says: "--acme"},
		{name: "bad bucket", args: []string{"serve", "--bucket", "gs://x"}, code: 1, says: "s3://"},
		{name: "bad S3 bucket", args: []string{"serve", "--bucket", "s3://x?endpiont=y"}, code: 1, says: "endpoint and region"},
		{name: "bad URL", args: []string{"serve", "--public", "tv.example.org"}, code: 1, says: "https://tv.example.org"},
		{name: "demo for everybody", args: []string{"demo", "--page", ":0"}, code: 1, says: "this machine alone"},
		{name: "demo of no node", args: []string{"demo", "--nodes", "0"}, code: 1, says: "1 to 5"},
		{name: "faults for everybody", args: []string{"serve", "--faults", ":0"}, code: 1, says: "this machine alone"},
		{name: "push nowhere", args: []string{"push", "in.mp4"}, code: 2, says: "url"},
		{name: "push without a key", args: []string{"push", "in.mp4", "http://node:8080"}, code: 1, says: "/push/STREAM-KEY"},
		{name: "bad size", args: []string{"push", "in.mp4", "http://node:8080/push/k", "--spool-size", "5X"}, code: 2, says: "500M or 10G"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			code, _, stderr := try(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("mayfly %q: code %d, %q; want %d and %q", c.args, code, stderr, c.code, c.says)
			}
		})
	}
}

// TestPrecedence sets one thing in three places.
func TestPrecedence(t *testing.T) {
	file := settings(t, "part = \"9s\"\n") // wrong everywhere, so that the error says whose word counts
	if _, _, stderr := try(t, "--config", file, "serve"); !strings.Contains(stderr, "--part 9s") {
		t.Errorf("the file does not count: %q", stderr)
	}
	t.Setenv("MAYFLY_PART", "8s")
	if _, _, stderr := try(t, "--config", file, "serve"); !strings.Contains(stderr, "--part 8s") {
		t.Errorf("the environment does not count before the file: %q", stderr)
	}
	if _, _, stderr := try(t, "--config", file, "serve", "--part", "7s"); !strings.Contains(stderr, "--part 7s") {
		t.Errorf("the command line does not count first: %q", stderr)
	}
	t.Setenv("MAYFLY_CONFIG", settings(t, `nothing = 1`))
	if _, _, stderr := try(t, "serve"); !strings.Contains(stderr, `"nothing"`) {
		t.Errorf("MAYFLY_CONFIG is not read: %q", stderr)
	}
}

func TestVersionAndHelp(t *testing.T) {
	if code, out, _ := try(t, "version"); code != 0 || !strings.HasPrefix(out, "mayfly ") {
		t.Errorf("version: %d %q", code, out)
	}
	if code, out, _ := try(t, "serve", "--help"); code != 0 || !strings.Contains(out, "--bucket") || !strings.Contains(out, "MAYFLY_BUCKET") {
		t.Errorf("help: %d %q", code, out)
	}
}

// TestExampleFile keeps the settings file in the documentation true.
func TestExampleFile(t *testing.T) {
	if code, _, stderr := try(t, "--config", filepath.Join("..", "..", "docs", "mayfly.toml"), "version"); code != 0 {
		t.Errorf("docs/mayfly.toml: %s", stderr)
	}
}

// TestServeAndStop starts a node on free ports and stops it at once.
func TestServeAndStop(t *testing.T) {
	dir := t.TempDir()
	code, _, stderr := try(t, "serve", "--bucket", filepath.Join(dir, "data"), "--spool", filepath.Join(dir, "spool"), "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--srt", ":1")
	if code != 0 || !strings.Contains(stderr, "stopped") || !strings.Contains(stderr, "--srt") {
		t.Errorf("serve: %d\n%s", code, stderr)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	args := []string{"check", "--bucket", filepath.Join(dir, "data"), "--spool", filepath.Join(dir, "spool"), "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"}
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code != 0 || strings.Count(out.String(), "ok ") != 5 {
		t.Errorf("check: %d\n%s%s", code, out.String(), errs.String())
	}
	file := settings(t, "")
	out.Reset()
	args[2] = file // a file is no directory
	if code := run(t.Context(), args, &out, &errs); code != 1 || !strings.Contains(out.String(), "FAIL") {
		t.Errorf("check of a bucket that cannot be: %d\n%s", code, out.String())
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("part = \"250ms\"\nacme = [\"a\", \"b\"]\nflush = 3\n"))
	f.Add([]byte("prat = 1"))
	known := []string{"part", "acme", "flush", "bucket"}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseConfig(data, known)
		if err == nil {
			for key := range values {
				if nearest(key, known) != key {
					t.Errorf("unknown key %q was taken", key)
				}
			}
		}
	})
}
