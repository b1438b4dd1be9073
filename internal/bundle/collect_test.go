package bundle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// fill writes n bundles of an incarnation, with index pages for the first paged of them.
func fill(t *testing.T, b bucket.Bucket, i Incarnation, n, paged int) {
	t.Helper()
	p := NewPager(b, &i, slog.New(slog.DiscardHandler))
	for s := range n {
		take := media.TakeID{1}
		items := []Item{{Record: Record{Kind: KindEnd, Take: take, End: "x"}}}
		body, records, err := Encode(items)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.PutIfAbsent(t.Context(), i.Key(uint64(s)), body); err != nil {
			t.Fatal(err)
		}
		if s < paged {
			p.Landed(uint64(s), records)
		}
	}
	p.Close(t.Context())
}

func count(t *testing.T, b bucket.Bucket, i Incarnation) (n int, first string) {
	t.Helper()
	if err := bucket.All(t.Context(), b, i.prefix(), func(e bucket.Entry) error {
		if n++; first == "" {
			first = e.Key
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n, first
}

// collecting runs passes ten minutes apart over a bucket with 1,000 bundles and tells what is left.
func collecting(t *testing.T, paged, passes int, roots func(i Incarnation) (Roots, error), change func(b *bucket.Faulty)) (left int, first string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
		i := NewIncarnation("n", time.Now())
		fill(t, b, i, 1000, paged)
		c := NewCollector(CollectorConfig{Bucket: b, Least: 10, Roots: func(context.Context) (Roots, error) { return roots(i) }})
		if change != nil {
			change(b)
		}
		for range passes {
			time.Sleep(11 * time.Minute)
			c.Pass(t.Context())
		}
		b.Down(false)
		left, first = count(t, b, i)
		if i.Key(uint64(1000-left)) != first {
			first = "not the newest are left"
		} else {
			first = ""
		}
	})
	return left, first
}

func TestCollector(t *testing.T) {
	from := func(n uint64) func(Incarnation) (Roots, error) {
		return func(i Incarnation) (Roots, error) { return Roots{i: {From: n}}, nil }
	}
	none := func(i Incarnation) (Roots, error) { return Roots{i: {None: true}}, nil }
	for _, c := range []struct {
		name   string
		paged  int
		passes int
		roots  func(Incarnation) (Roots, error)
		left   int
	}{
		{"the first pass only looks", 1000, 1, from(900), 1000},
		{"the brake lets a tenth go", 1000, 2, from(900), 900},
		{"what is needed stays", 1000, 30, from(900), 100},
		{"what no page covers stays", 500, 30, from(900), 500},
		{"without any need the newest stay", 0, 100, none, InFlight + 1},
		{"what the roots do not know stays", 1000, 30, func(Incarnation) (Roots, error) { return Roots{}, nil }, 1000},
		{"without roots nothing goes", 1000, 30, func(Incarnation) (Roots, error) { return nil, errors.New("the bucket is away") }, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			left, fault := collecting(t, c.paged, c.passes, c.roots, nil)
			if left != c.left || fault != "" {
				t.Errorf("%d bundles are left, want %d %s", left, c.left, fault)
			}
		})
	}
}

// TestCollectorDoesNotOverreach tries to make it delete too much.
func TestCollectorDoesNotOverreach(t *testing.T) {
	t.Run("roots that are wrong once", func(t *testing.T) {
		pass := 0
		left, _ := collecting(t, 1000, 20, func(i Incarnation) (Roots, error) {
			if pass++; pass%2 == 0 {
				return Roots{i: {None: true}}, nil
			}
			return Roots{i: {From: 0}}, nil
		}, nil)
		if left != 1000 {
			t.Errorf("%d of 1000 bundles are left, though no two passes in a row agreed", left)
		}
	})
	t.Run("roots that are wrong for an hour", func(t *testing.T) {
		left, _ := collecting(t, 1000, 6, func(i Incarnation) (Roots, error) { return Roots{i: {None: true}}, nil }, nil)
		if left < 500 {
			t.Errorf("%d of 1000 bundles are left, want over 500: the brake does not hold", left)
		}
	})
	t.Run("a bucket that fails half the time", func(t *testing.T) {
		left, fault := collecting(t, 1000, 50, func(i Incarnation) (Roots, error) { return Roots{i: {From: 900}}, nil },
			func(b *bucket.Faulty) { b.Set(bucket.Faults{Error: .002, Lost: .002, Late: .002}) })
		if left < 100 || left == 1000 {
			t.Errorf("%d of 1000 bundles are left, want at least the 100 that are needed and not all %s", left, fault)
		}
	})
	t.Run("young bundles", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := bucket.NewMem()
			i := NewIncarnation("n", time.Now())
			fill(t, b, i, 100, 0)
			c := NewCollector(CollectorConfig{Bucket: b, Roots: func(context.Context) (Roots, error) { return Roots{i: {None: true}}, nil }})
			for range 9 {
				time.Sleep(time.Minute)
				if n, err := c.Pass(t.Context()); n != 0 || err != nil {
					t.Fatalf("%d bundles younger than the margin were deleted (%v)", n, err)
				}
			}
		})
	})
}

// TestHole seals an incarnation whose first bundle is still on its way: it must not count when it lands.
func TestHole(t *testing.T) {
	b := bucket.NewMem()
	i := NewIncarnation("n", time.Now())
	fill(t, b, i, 3, 0)
	o, err := b.Get(t.Context(), i.Key(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), i.Key(0)); err != nil {
		t.Fatal(err)
	}
	r, err := Recover(t.Context(), bucket.NewDocuments(b), i, "other", Known{Word: NoWord})
	if err != nil || r.Seal.End != 0 || len(r.Bundles) != 0 {
		t.Fatalf("Recover = %+v, %v, want the seal before the hole", r, err)
	}
	if _, err := b.PutIfAbsent(t.Context(), i.Key(0), bucket.Bytes(o.Data)); !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("the late bundle lands: %v", err)
	}
	if again, err := Review(t.Context(), b, i); err != nil || len(again.Bundles) != 0 {
		t.Errorf("Review = %+v, %v, want what the seal said", again, err)
	}
}

// TestPagesAreTriedAgain lets the writing of pages fail for a while.
func TestPagesAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
		i := NewIncarnation("n", time.Now())
		p := NewPager(b, &i, slog.New(slog.DiscardHandler))
		b.Down(true)
		for s := range uint64(2 * pageBundles) {
			p.Landed(s, []Record{{Kind: KindEnd, Take: media.TakeID{1}, End: "x"}})
		}
		time.Sleep(time.Minute)
		b.Down(false)
		time.Sleep(time.Minute)
		c := NewCollector(CollectorConfig{Bucket: b})
		if next, err := c.paged(t.Context(), i); err != nil || next != 2*pageBundles {
			t.Errorf("pages cover %d bundles, %v, want %d", next, err, 2*pageBundles)
		}
		b.Down(true)
		for s := range uint64(pageBundles) {
			p.Landed(2*pageBundles+s, []Record{{Kind: KindEnd, Take: media.TakeID{1}, End: "x"}})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		p.Close(ctx) // returns though the bucket is away
	})
}

// TestScanAfterCollection finds all records though the bundles at the beginning are gone.
func TestScanAfterCollection(t *testing.T) {
	b := bucket.NewMem()
	i := NewIncarnation("n", time.Now())
	fill(t, b, i, 300, 240)
	for s := range 200 {
		if err := b.Delete(t.Context(), i.Key(uint64(s))); err != nil {
			t.Fatal(err)
		}
	}
	found, next, fenced, err := Scan(t.Context(), b, i)
	if err != nil || len(found) != 300 || next != 300 || fenced {
		t.Errorf("Scan finds %d bundles, next %d, fenced %v, %v, want 300", len(found), next, fenced, err)
	}
	// Without its first page nobody can say that nothing comes before the bundles that are there.
	if err := b.Delete(t.Context(), fmt.Sprintf("%s%016x-%016x", i.pagePrefix(), 0, pageBundles-1)); err != nil {
		t.Fatal(err)
	}
	if found, _, _, err = Scan(t.Context(), b, i); err != nil || len(found) != 0 {
		t.Errorf("Scan without the first page finds %d bundles, %v, want none", len(found), err)
	}
}
