package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestColdDVR has a node that has just begun list the whole DVR window, although it takes a while until it
// has read what dead incarnations left: what it left out once it would never list again.
func TestColdDVR(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		for range 3 {
			if err := n.all["a"].mustPublish("cam-key-0123456789").run(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			n.all["a"].kill()
			n.dying.Wait()
			n.start("a")
			time.Sleep(2 * time.Second)
		}
		if err := n.all["b"].mustPublish("cam-key-0123456789").run(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		d := n.start("d")
		d.away.Set(bucket.Faults{Latency: 300 * time.Millisecond})
		time.Sleep(3 * time.Second)
		for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			w, err := d.window("news", true)
			if errors.Is(err, ErrNotYet) && time.Since(began) < gatherDVRTime {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			whole, err := n.all["b"].window("news", true)
			if err != nil {
				t.Fatal(err)
			}
			if w.MediaSequence != whole.MediaSequence || len(w.Segments) < len(whole.Segments)-1 {
				t.Errorf("after %v the node lists %d segments from number %d on, another %d from %d on", time.Since(began), len(w.Segments), w.MediaSequence, len(whole.Segments), whole.MediaSequence)
			}
			if time.Since(began) < gatherTime {
				t.Errorf("all was there after %v: this test waits for nothing", time.Since(began))
			}
			return
		}
	})
}
