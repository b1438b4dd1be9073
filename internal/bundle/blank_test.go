package bundle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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
		if changed, err := blank(t.Context(), b, "bundle", []Record{{Kind: KindPart, Part: p}}, map[media.TakeID]bool{{}: true}); changed || !errors.Is(err, ErrCorrupt) {
			t.Errorf("a part at %d: %v, %v", p.Offset, changed, err)
		}
	}
}
