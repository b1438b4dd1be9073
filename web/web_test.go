package web

import (
	"io/fs"
	"testing"
)

// A clean checkout has no built pages: the folder must be there and readable all the same.
func TestFilesCanBeListed(t *testing.T) {
	entries, err := fs.ReadDir(Files(), ".")
	if err != nil {
		t.Fatalf("list the pages: %v", err)
	}
	for _, e := range entries {
		if e.Name() == ".gitkeep" {
			return
		}
	}
	t.Fatalf("dist/.gitkeep is missing: the build of the pages must keep it, or a clean checkout does not compile")
}
