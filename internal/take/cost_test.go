package take

import (
	"bytes"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestFeedCost holds what it costs to be followed: at most 1.2 times the bytes of the media, also of a
// stream of only 300 kbit/s.
func TestFeedCost(t *testing.T) {
	l := NewLog(&media.Take{ID: media.NewTakeID(), Renditions: []media.Rendition{{Name: media.Main}}}, nil)
	var out bytes.Buffer
	f := &feed{log: l, refs: map[uint32]int{}}
	total := 0
	for n := range uint32(240) { // a minute
		p := media.Part{Segment: n / 8, Index: n % 8, Start: media.Ticks(n) * 22500, Duration: 22500, Last: n%8 == 7, Spans: []uint32{6000, 3375}, Data: make([]byte, 9375)}
		total += len(p.Data)
		l.Append(p, func() {})
		rec := bundle.PartOf(l.take.ID, &p)
		l.Safe([]bundle.Record{rec})
		l.Stored([]bundle.StoredRecord{{Record: rec, Ref: bundle.Ref{Sequence: uint64(n / 2), Offset: n * 9375, Length: 9375}}})
		for _, b := range first(f.take()) {
			out.Write(b)
		}
	}
	ratio := float64(out.Len()) / float64(total)
	t.Logf("%d bytes of media, %d bytes fed: %.4f", total, out.Len(), ratio)
	if ratio > 1.2 {
		t.Errorf("a feed costs %.3f times the media", ratio)
	}
}

func first(b [][]byte, _ <-chan struct{}, _, _ bool) [][]byte { return b }
