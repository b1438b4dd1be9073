package take

import (
	"bytes"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestKept: what is kept of a log is what lies in bundles, without a hole, and cut where the program left.
func TestKept(t *testing.T) {
	w, l, _ := written(t, 60)
	log := w.Log()
	got, whole := log.Kept(3, nil)
	if whole || len(got) < 20 || got[0].Number != 3 {
		t.Fatalf("%d segments of a take that goes on, whole %v", len(got), whole)
	}
	w.End("done")
	l.flush()
	for n, k := range got {
		var size uint32
		for _, p := range k.Parts {
			size += p.Length
		}
		var data []byte
		for _, r := range k.Refs {
			o, err := l.bucket.GetRange(t.Context(), r.Incarnation.Key(r.Sequence), int64(r.Offset), int64(r.Length))
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, o.Data...)
		}
		if k.Number != uint32(3+n) || len(data) != int(size) || !bytes.Equal(data, l.segment(k.Number, 0, uint32(len(k.Parts)-1))) {
			t.Fatalf("segment %d: %d bytes at its places, want %d", k.Number, len(data), size)
		}
	}
	cut := media.Pos{Segment: 7, Part: 2}
	got, whole = log.Kept(5, &cut)
	if !whole || len(got) != 3 || len(got[2].Parts) != 2 {
		t.Errorf("up to %v: %d segments, whole %v", cut, len(got), whole)
	}
	beyond := media.Pos{Segment: 1000}
	if got, whole = log.Kept(0, &beyond); !whole || len(got) != int(log.Edge().At.Segment) {
		t.Errorf("of a take that ended sooner: %d segments, whole %v", len(got), whole)
	}
	log.Trim(40 * media.TicksPerSecond)
	if got, _ = log.Kept(3, nil); len(got) == 0 || got[0].Number <= 3 {
		t.Errorf("of a take that was trimmed: %d segments", len(got))
	}
}
