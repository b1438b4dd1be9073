package bundle

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// reads counts what is read of single bundles.
type reads struct {
	bucket.Bucket
	ranges atomic.Int64
}

func (r *reads) GetRange(ctx context.Context, key string, offset, length int64) (bucket.Object, error) {
	r.ranges.Add(1)
	return r.Bucket.GetRange(ctx, key, offset, length)
}

// TestWordBehindPage counts a witness's word also where the newest bundle, which names it, has a page: a page
// has no names.
func TestWordBehindPage(t *testing.T) {
	b := bucket.NewMem()
	i := Incarnation{Node: "n", ID: "1a21b54453801181a8c"}
	own := NewPager(b, &i, slog.New(slog.DiscardHandler))
	for n := range uint64(pageBundles) {
		body, x, err := encode(words(fmt.Sprint(n)), Index{Witnesses: []string{"w"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.PutIfAbsent(t.Context(), i.Key(n), body); err != nil {
			t.Fatal(err)
		}
		own.Landed(n, x)
	}
	own.Close(t.Context())
	r, err := Recover(t.Context(), bucket.NewDocuments(b), i, "sealer", Known{Witnesses: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Seal.Word != ExactWord {
		t.Errorf("the word of a witness that the newest bundle names is worth %d, want %d", r.Seal.Word, ExactWord)
	}
}

// TestWritePage reads what an incarnation left, before and after its last bundles have a page: the same, in
// few requests. A page of the writer's own, a fence with what a witness held, and few bundles change nothing.
func TestWritePage(t *testing.T) {
	for _, c := range []struct{ bundles, paged, most int }{{40, 0, 4}, {40, 15, 4}, {5, 0, 16}, {20, 20, 4}} {
		t.Run(fmt.Sprintf("%d bundles, %d paged", c.bundles, c.paged), func(t *testing.T) {
			b := &reads{Bucket: bucket.NewMem()}
			i := Incarnation{Node: "n", ID: "1a21b54453801181a8c"}
			own := NewPager(b, &i, slog.New(slog.DiscardHandler))
			for n := range c.bundles {
				body, x, err := encode(words(fmt.Sprint(n)), Index{Witnesses: []string{"w"}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.PutIfAbsent(t.Context(), i.Key(uint64(n)), body); err != nil {
					t.Fatal(err)
				}
				if n < c.paged {
					own.Landed(uint64(n), x)
				}
			}
			own.Close(t.Context())
			r, err := Recover(t.Context(), bucket.NewDocuments(b), i, "sealer", Known{})
			if err != nil {
				t.Fatal(err)
			}
			before, err := Review(t.Context(), b, i)
			if err != nil {
				t.Fatal(err)
			}
			r.WritePage(t.Context(), b, slog.New(slog.DiscardHandler))
			b.ranges.Store(0)
			after, err := Review(t.Context(), b, i)
			if err != nil {
				t.Fatal(err)
			}
			if got := int(b.ranges.Load()); got > c.most {
				t.Errorf("%d bundles are read one by one, want at most %d", got, c.most)
			}
			if len(after.Bundles) != c.bundles {
				t.Errorf("%d bundles are found, want %d", len(after.Bundles), c.bundles)
			}
			for n := range after.Bundles {
				if x, y := before.Bundles[n], after.Bundles[n]; x.Sequence != y.Sequence || !reflect.DeepEqual(x.Index.Records, y.Index.Records) {
					t.Fatalf("bundle %d is another in the page: %+v, and %+v before", n, y, x)
				}
			}
		})
	}
}
