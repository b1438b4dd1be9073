package account

import (
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestTrail writes more than one page and reads them all.
func TestTrail(t *testing.T) {
	f := newFleet()
	trail := NewTrail(bucket.NewDocuments(f.bucket), f.now)
	who := &Caller{Account: &Account{ID: "a", Name: "Ada"}}
	const n = 3*trailPage + 7
	for range n {
		f.pass(time.Second)
		if err := trail.Add(t.Context(), "c1", who, "channel.change", strings.Repeat("ä", maxDetail)); err != nil {
			t.Fatal(err)
		}
	}
	var all []Entry
	for before := int64(0); ; before = all[len(all)-1].Number {
		page, err := trail.Read(t.Context(), "c1", before)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if all = append(all, page...); len(all) > n {
			break
		}
	}
	for i, e := range all {
		if e.Number != int64(n-i) || e.Name != "Ada" || !strings.HasSuffix(e.Detail, "ä…") {
			t.Fatalf("entry %d: %+v", i, e)
		}
	}
	if len(all) != n {
		t.Errorf("%d entries read of %d", len(all), n)
	}
	if page, err := trail.Read(t.Context(), "other", 0); len(page) != 0 || err != nil {
		t.Errorf("a trail that is not there: %v %v", page, err)
	}
}
