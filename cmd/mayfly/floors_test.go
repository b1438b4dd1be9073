package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/mayfly-tv/mayfly/"

// floors is the table of package floors from ARCHITECTURE.md. A package may import packages of
// lower floors, its own sub-packages, and what allowed names; nothing else of ours.
var floors = map[string]int{
	"internal/media":     0,
	"internal/bucket":    0,
	"internal/notice":    0,
	"internal/ffmpeg":    0,
	"internal/fetch":     0,
	"internal/trouble":   0,
	"internal/paint":     0,
	"internal/cmaf":      1,
	"internal/aac":       1,
	"internal/hls":       1,
	"internal/bundle":    1,
	"internal/channel":   1,
	"internal/artwork":   1,
	"internal/report":    1,
	"internal/figures":   1,
	"internal/mesh":      1,
	"internal/fault":     1,
	"internal/opus":      2,
	"internal/take":      2,
	"internal/program":   2,
	"internal/derive":    2,
	"internal/webhook":   2,
	"internal/station":   3,
	"internal/webpush":   3,
	"internal/ingest":    4,
	"internal/deliver":   4,
	"internal/library":   4,
	"internal/certs":     4,
	"internal/account":   4,
	"internal/rundown":   4,
	"internal/graphics":  4,
	"internal/chat":      4,
	"internal/thumbnail": 4,
	"internal/api":       5,
	"internal/burn":      5,
	"internal/demo":      5,
	"internal/agent":     5,
	"web":                5,
	"cmd/mayfly":         6,
}

// onlyImporter names outside packages that one package alone may import.
var onlyImporter = map[string]string{
	"github.com/aws/": "internal/bucket/s3",
}

// TestFloors fails on an import that the table of floors forbids, and on a package without a row.
func TestFloors(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == "e2e" || d.Name() == "bench" || d.Name() == "testdata" || rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		if strings.HasSuffix(pkg, "test") { // acceptance suites and test servers
			return nil
		}
		seen[row(pkg)] = true
		checkImports(t, path, pkg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range floors {
		if !seen[pkg] {
			t.Errorf("the table names %s, which has no code", pkg)
		}
	}
}

// row is the entry of the table that a package belongs to: itself or the parent that has one.
func row(pkg string) string {
	for p := pkg; p != "."; p = filepath.ToSlash(filepath.Dir(p)) {
		if _, ok := floors[p]; ok {
			return p
		}
	}
	return pkg
}

func checkImports(t *testing.T, path, pkg string) {
	t.Helper()
	own := row(pkg)
	floor, ok := floors[own]
	if !ok {
		t.Errorf("%s: package %s has no row in the table of floors", path, pkg)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("parse %s: %v", path, err)
		return
	}
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		for prefix, importer := range onlyImporter {
			if strings.HasPrefix(name, prefix) && pkg != importer {
				t.Errorf("%s imports %s: only %s may", path, name, importer)
			}
		}
		other, ours := strings.CutPrefix(name, modulePath)
		if !ours || row(other) == own {
			continue
		}
		if lower, known := floors[row(other)]; !known || lower >= floor {
			t.Errorf("%s (floor %d) imports %s: not on a lower floor", path, floor, other)
		}
	}
	if base := filepath.Base(pkg); slices.Contains([]string{"utils", "common", "types", "models", "helpers"}, base) {
		t.Errorf("package %s: a drawer is no package; name it after what it holds", pkg)
	}
}
