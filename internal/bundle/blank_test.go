package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestBlank writes six bundles with the parts of two takes, of which two bundles are in a page and the first is collected,
// and blanks one of the takes: of the other nothing changes, nor do the indexes.
func TestBlank(t *testing.T) {
	b := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
	i := NewIncarnation("n", time.Now())
	mine, other := &media.Take{ID: media.TakeID{1}, Channel: "mine"}, &media.Take{ID: media.TakeID{2}, Channel: "other"}
	part := func(x *media.Take, n int, data string) Item {
		p := media.Part{Segment: uint32(n), Data: []byte(data)}
		return Item{Record: PartOf(x.ID, &p), Data: p.Data}
	}
	pager := NewPager(b, &i, slog.New(slog.DiscardHandler))
	for n := range 6 {
		items := []Item{part(mine, n, "secret pictures"), part(other, n, "others' pictures")}
		switch n {
		case 0:
			items = []Item{{Record: Record{Kind: KindBirth, Take: mine.ID, Birth: mine}}, {Record: Record{Kind: KindBirth, Take: other.ID, Birth: other}}, items[0], items[1]}
		case 4:
			items = items[1:]
		}
		body, records, err := Encode(items)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.PutIfAbsent(t.Context(), i.Key(uint64(n)), body); err != nil {
			t.Fatal(err)
		}
		if n < 2 {
			pager.Landed(uint64(n), records)
		}
	}
	pager.Close(t.Context())
	if err := b.Delete(t.Context(), i.Key(0)); err != nil {
		t.Fatal(err)
	}
	before, _, _, err := Scan(t.Context(), b, i)
	if err != nil {
		t.Fatal(err)
	}
	gone := func(x *media.Take) bool { return x.Channel == "mine" }
	b.Down(true)
	if _, err := Blank(t.Context(), b, i, gone); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("while the bucket is away: %v", err)
	}
	b.Down(false)
	for _, want := range []int{4, 0} {
		if n, err := Blank(t.Context(), b, i, gone); n != want || err != nil {
			t.Errorf("%d bundles were written, %v; want %d", n, err, want)
		}
	}
	after, _, _, err := Scan(t.Context(), b, i)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d bundles of %d are read afterwards, %v", len(after), len(before), err)
	}
	for n := 1; n < 6; n++ {
		o, err := b.Get(t.Context(), i.Key(uint64(n)))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(o.Data, []byte("secret")) || !bytes.Contains(o.Data, []byte("others' pictures")) {
			t.Errorf("bundle %d: %q", n, o.Data)
		}
	}
	if n, err := Blank(t.Context(), b, i, func(*media.Take) bool { return false }); n != 0 || err != nil {
		t.Errorf("nothing is gone: %d, %v", n, err)
	}
}

// readAhead counts how many index pages and ends of bundles are read of which nothing was used so far.
type readAhead struct {
	bucket.Bucket
	now, most atomic.Int64
}

func (b *readAhead) count() {
	n := b.now.Add(1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
}

func (b *readAhead) Get(ctx context.Context, key string) (bucket.Object, error) {
	b.count()
	return b.Bucket.Get(ctx, key)
}

func (b *readAhead) GetRange(ctx context.Context, key string, offset, length int64) (bucket.Object, error) {
	b.count()
	return b.Bucket.GetRange(ctx, key, offset, length)
}

// TestWalk goes through bundles of which many are in pages and many are not: all come in order, and no more is read than
// is used soon. Whoever has enough ends it.
func TestWalk(t *testing.T) {
	const all, paged = 4300, 25 * pageBundles
	b := &readAhead{Bucket: bucket.NewMem()}
	i := NewIncarnation("n", time.Now())
	fill(t, b, i, all, paged)
	seen := uint64(0)
	next, fenced, err := walk(t.Context(), b, i, func(s Scanned) error {
		if s.Sequence != seen || len(s.Index.Records) != 1 {
			t.Fatalf("bundle %d comes behind %d others, with %d records", s.Sequence, seen, len(s.Index.Records))
		}
		if seen++; seen > paged || seen%pageBundles == 0 {
			b.now.Add(-1)
		}
		return nil
	})
	if seen != all || next != all || fenced || err != nil {
		t.Errorf("%d bundles, next %d, fenced %v, %v; want %d", seen, next, fenced, err, all)
	}
	if most := b.most.Load(); most > parallelReads {
		t.Errorf("up to %d were read ahead, want %d", most, parallelReads)
	}
	enough := errors.New("enough")
	for _, last := range []uint64{0, 500, paged, paged + 500} {
		n := uint64(0)
		if _, _, err := walk(t.Context(), b, i, func(s Scanned) error {
			if n = s.Sequence; n == last {
				return enough
			}
			return nil
		}); !errors.Is(err, enough) || n != last {
			t.Errorf("ended at %d, %v; want %d", n, err, last)
		}
	}
}

// TestLister asks for more keys than a page of a listing has, of which every third is there.
func TestLister(t *testing.T) {
	b := bucket.NewMem()
	key := func(n int) string { return fmt.Sprintf("a/%05d", n) }
	for n := 0; n < 9000; n += 3 {
		if _, err := b.Put(t.Context(), key(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []int{1, 2, 3, 7, 4000} {
		l := lister{bucket: b, prefix: "a/"}
		for n := 0; n < 10_000; n += step {
			if is, err := l.has(t.Context(), key(n)); is != (n%3 == 0 && n < 9000) || err != nil {
				t.Fatalf("by steps of %d, %d is there: %v, %v", step, n, is, err)
			}
		}
	}
	l := lister{bucket: b, prefix: "nothing/"}
	if is, err := l.has(t.Context(), "nothing/1"); is || err != nil {
		t.Errorf("where nothing is: %v, %v", is, err)
	}
}

// TestBlankRefuses leaves a bundle alone whose index names bytes that it does not have.
func TestBlankRefuses(t *testing.T) {
	b := bucket.NewMem()
	p := PartRecord{Offset: 2, Length: 4}
	body, _, err := Encode([]Item{{Record: Record{Kind: KindEnd, End: "x"}}})
	if err == nil {
		_, err = b.Put(context.Background(), "bundle", body)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p.Offset = range []uint32{2, 1 << 20, 1<<32 - 1} {
		if changed, err := blank(t.Context(), b, "bundle", []*PartRecord{&p}); changed || !errors.Is(err, ErrCorrupt) {
			t.Errorf("a part at %d: %v, %v", p.Offset, changed, err)
		}
	}
}
