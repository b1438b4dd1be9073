package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bucket/s3"
)

// TestStore starts the S3 server that the tests have, and writes to it with the nodes' credentials.
func TestStore(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	path := findStore(filepath.Join(root, "bin", "mayfly"))
	if path == "" {
		t.Fatal("versitygw is missing: run make tools")
	}
	s, err := startStore(path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	for _, e := range s.env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	b, err := s3.Open(context.Background(), s.bucket, s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Probe(t.Context(), b); err != nil {
		t.Errorf("a node would refuse it: %v", err)
	}
}

func TestFindStore(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	home := t.TempDir()
	program := filepath.Join(home, "bin", "mayfly")
	if path := findStore(program); path != "" {
		t.Errorf("found %s where there is none", path)
	}
	tool := filepath.Join(home, ".tools", "bin", "versitygw")
	os.MkdirAll(filepath.Dir(tool), 0o755)
	os.WriteFile(tool, []byte("text"), 0o644)
	if path := findStore(program); path != "" {
		t.Errorf("found %s, which is no program", path)
	}
	os.Chmod(tool, 0o755)
	if path := findStore(program); path != tool {
		t.Errorf("found %q, want %s", path, tool)
	}
	if _, err := startStore(tool, t.TempDir()); err == nil {
		t.Error("a file that is no program was started")
	}
}
