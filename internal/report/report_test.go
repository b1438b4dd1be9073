package report

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestBook keeps reports until they are answered, and no more than it has room for.
func TestBook(t *testing.T) {
	b := NewBook(bucket.NewDocuments(bucket.NewMem()))
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, channel := range []string{"bb", "aa", "aa"} {
		r := Report{At: at.Add(time.Duration(i) * time.Minute), Reason: "fraud", Words: " It sells. ", Email: "eve@example.org"}
		if err := b.Add(t.Context(), channel, "slug-"+channel, r); err != nil {
			t.Fatal(err)
		}
	}
	open, err := b.Open(t.Context())
	if err != nil || len(open) != 2 || open[0].Channel != "bb" || open[1].Last != 2 || open[1].Reports[1].Number != 2 || open[0].Reports[0].Words != "It sells." {
		t.Fatalf("open: %+v, %v", open, err)
	}
	if n, err := b.Answered(t.Context(), "aa", 1); err != nil || n != 1 {
		t.Errorf("answered %d, %v", n, err)
	}
	if open, _ := b.Open(t.Context()); len(open) != 2 || len(open[1].Reports) != 1 || open[1].Reports[0].Number != 2 {
		t.Errorf("one came while the other was read: %+v", open)
	}
	for range maxOpen + 5 {
		if err := b.Add(t.Context(), "bb", "b", Report{At: at, Reason: "other"}); err != nil {
			t.Fatal(err)
		}
	}
	open, _ = b.Open(t.Context())
	if p := open[0]; len(p.Reports) != maxOpen || p.More != 6 || p.Last != maxOpen+6 {
		t.Errorf("a flood: %d kept, %d more, last %d", len(p.Reports), p.More, p.Last)
	}
	if _, err := b.Answered(t.Context(), "bb", open[0].Last); err != nil {
		t.Fatal(err)
	}
	if open, _ := b.Open(t.Context()); len(open) != 1 || open[0].Channel != "aa" {
		t.Errorf("all answered: %+v", open)
	}
}

// TestPagesKnowReasons compares the list of the pages with this one.
func TestPagesKnowReasons(t *testing.T) {
	text, err := os.ReadFile("../../web/src/report.tsx")
	if err != nil {
		t.Fatal(err)
	}
	var got []Reason
	for _, m := range regexp.MustCompile(`\['([a-z]+)', '([^']+)'\]`).FindAllStringSubmatch(string(text), -1) {
		got = append(got, Reason{m[1], m[2]})
	}
	if !slices.Equal(got, Reasons) {
		t.Errorf("the pages have %v, want %v", got, Reasons)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Report{{Reason: "boring"}, {Reason: "other", Words: strings.Repeat("x", 2001)}, {Reason: "other", Words: "\xff"}, {Reason: "other", Email: "eve"}, {Reason: "other", Email: "Eve <eve@example.org>"}} {
		if err := bad.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
