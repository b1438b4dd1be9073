package bundle

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

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
	for _, c := range []struct{ bundles, paged, most int }{{40, 0, 1}, {40, 15, 1}, {5, 0, 1}, {20, 20, 1}} {
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

// TestReviewTestimony reads an incarnation whose every bundle has a page, and whose fence has what a witness held.
func TestReviewTestimony(t *testing.T) {
	b := &reads{Bucket: bucket.NewMem()}
	i := Incarnation{Node: "n", ID: "1a21b54453801181a8c"}
	for n, x := range []Index{{}, {Quiet: true}, {}, {Fence: "w"}} {
		body, _, err := encode(words(fmt.Sprint(n)), x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.PutIfAbsent(t.Context(), i.Key(uint64(n)), body); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Recover(t.Context(), bucket.NewDocuments(b), i, "sealer", Known{})
	if err != nil {
		t.Fatal(err)
	}
	r.WritePage(t.Context(), b, slog.New(slog.DiscardHandler))
	b.ranges.Store(0)
	after, err := Review(t.Context(), b, i)
	if err != nil || len(after.Bundles) != 4 || after.Bundles[3].Index.Fence != "w" || len(after.Bundles[3].Index.Records) != 1 {
		t.Errorf("%d bundles are found, want 3 and the testimony, %v", len(after.Bundles), err)
	}
	if n := b.ranges.Load(); n != 1 {
		t.Errorf("%d bundles are read, want the fence alone", n)
	}
}

// writes counts writes.
type writes struct {
	bucket.Bucket
	puts atomic.Int64
}

func (w *writes) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	w.puts.Add(1)
	return w.Bucket.PutIfAbsent(ctx, key, body)
}

// TestResumeLanded starts again with a spool that keeps what the bucket has: only the newest bundles, which may be
// fences there, and those that are missing are written again.
func TestResumeLanded(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenSpool(dir, "n", nil, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	i := NewIncarnation("n", time.Now())
	w := &writes{Bucket: bucket.NewMem()}
	const bundles, missing = 100, 50
	for n := range uint64(bundles) {
		body, _, err := encode(words(fmt.Sprint(n)), Index{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(&i, n, body, false); err != nil {
			t.Fatal(err)
		}
		if n == missing {
			continue
		}
		if _, err := w.Bucket.PutIfAbsent(t.Context(), i.Key(n), body); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if s, err = OpenSpool(dir, "n", nil, SpoolConfig{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Resume(t.Context(), w, s, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(t.Context(), i.Key(missing)); err != nil {
		t.Errorf("the bundle that was missing: %v", err)
	}
	if n := w.puts.Load(); n > 2*InFlight+1 {
		t.Errorf("%d bundles are written, want the missing one and the newest %d at most", n, 2*InFlight)
	}
	if left := s.Left(); len(left) > 0 {
		t.Errorf("the spool thinks that the bucket may not have %v", left)
	}
}
