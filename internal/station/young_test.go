package station

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// TestYoungDeath kills a node that has just begun, before it could list anything: nobody is in doubt about what
// it has listed, so channels go on with the next number.
func TestYoungDeath(t *testing.T) {
	for _, age := range []time.Duration{600 * time.Millisecond, 800 * time.Millisecond, time.Second, 1100 * time.Millisecond, 1300 * time.Millisecond, 2 * time.Second} {
		inFleet(t, "a b c", func(t *testing.T, n *nodes) {
			n.all["a"].channel("news", "cam")
			e := n.all["a"].mustPublish("cam-key-0123456789")
			if err := e.run(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			e.x.Close(nil)
			time.Sleep(2 * time.Second)
			d := n.start("d")
			d.away.Set(bucket.Faults{Latency: 300 * time.Millisecond})
			time.Sleep(age)
			d.away.Down(true) // so that it is heard, and its first bundle does not come
			time.Sleep(time.Second)
			n.all["d"].kill()
			n.dying.Wait()
			time.Sleep(10 * time.Second)
			if err := n.all["b"].mustPublish("cam-key-0123456789").run(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			if w := n.see("c", "news"); w.MediaSequence > 100 {
				t.Errorf("a node that lived for %v made the channel leap to %d", age, w.MediaSequence)
			}
		})
	}
}
