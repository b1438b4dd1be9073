package station

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// slowly is a bucket that takes four seconds for a bundle.
var slowly = bucket.Faults{Latency: 4 * time.Second}

// TestWriting tells a node that was seen to write while it was silent from one that was not.
func TestWriting(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	var w writing
	for i, c := range []struct {
		next  uint64
		now   int
		since int
		lives bool
	}{
		{7, 1, 1, false}, // first look
		{7, 2, 1, false},
		{9, 3, 3, true}, // it writes
		{9, 4, 3, true},
		{10, 5, 5, true},
	} {
		if w = w.saw(c.next, at(c.now)); w != (writing{c.next, at(c.since), c.lives}) {
			t.Errorf("look %d: %+v, want %+v", i, w, c)
		}
	}
}

// TestSlowWriter keeps a node alive that the mesh does not reach and whose bundles come slowly, because the
// bucket is slow.
func TestSlowWriter(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		done := background(n.all["a"].mustPublish("cam-key-0123456789"), 50*time.Second)
		time.Sleep(6 * time.Second)
		before := n.all["a"].station.Incarnation()
		n.all["a"].away.Set(slowly)
		time.Sleep(8 * time.Second)
		for _, other := range []string{"b", "c"} {
			n.net.Cut("a", other, true)
			n.net.Cut(other, "a", true)
		}
		time.Sleep(20 * time.Second)
		for _, other := range []string{"b", "c"} {
			n.net.Cut("a", other, false)
			n.net.Cut(other, "a", false)
		}
		time.Sleep(10 * time.Second)
		if after := n.all["a"].station.Incarnation(); after != before {
			t.Errorf("a began again, although it wrote all the time\n%s", n.logs())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		n.conflicts()
	})
}
