package bucket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestRemembered keeps what documents remember small: of many, and not of great ones.
func TestRemembered(t *testing.T) {
	docs := bucket.NewDocuments(bucket.NewMem())
	for n := range 5_100 {
		if err := bucket.Create(t.Context(), docs, fmt.Sprint("d", n), counter{N: n}); err != nil {
			t.Fatal(err)
		}
	}
	remembered := 0
	for n := range 5_100 {
		if _, ok := bucket.Cached[counter](docs, fmt.Sprint("d", n)); ok {
			remembered++
		}
	}
	if remembered != 5_000 {
		t.Errorf("%d documents are remembered, want 5,000", remembered)
	}
	if err := bucket.Create(t.Context(), docs, "great", strings.Repeat("x", 9_000)); err != nil {
		t.Fatal(err)
	}
	if _, ok := bucket.Cached[string](docs, "great"); ok {
		t.Error("a great document is remembered")
	}
}
