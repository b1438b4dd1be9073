package station

import (
	"slices"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// TestSlowerNode has a publisher push to a node that is slow to put it on air, and then to another one, which is
// quicker: what the slower one acknowledged is in the program, or it is asked for again.
func TestSlowerNode(t *testing.T) {
	for _, later := range []time.Duration{time.Second, 2 * time.Second, 2500 * time.Millisecond, 3 * time.Second, 4 * time.Second} {
		inFleet(t, "a b c", func(t *testing.T, n *nodes) {
			n.all["a"].channel("news", "cam")
			n.all["b"].away.Set(bucket.Faults{Latency: time.Second})
			one := n.push("b", "tv~1")
			if err := one.x.Tracks([]media.Track{soundTrack}); err != nil {
				t.Fatal(err)
			}
			id := make(chan media.TakeID, 1)
			acknowledged := make(chan bool, 1)
			go func() {
				go func() {
					time.Sleep(500 * time.Millisecond)
					one.x.mu.Lock()
					defer one.x.mu.Unlock()
					id <- one.x.writer.Log().Take().ID
				}()
				acknowledged <- one.piece("one", 8*time.Second) == nil
			}()
			time.Sleep(later)
			two := n.push("c", "tv~1")
			if err := two.x.Tracks([]media.Track{soundTrack}); err != nil {
				t.Fatal(err)
			}
			if err := two.piece("two", 8*time.Second); err != nil {
				t.Fatal(err)
			}
			slow := <-acknowledged
			time.Sleep(5 * time.Second)
			p, err := n.all["c"].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			p.mu.Lock()
			slower := <-id
			aired := slices.ContainsFunc(p.director.List().Entries, func(e program.Entry) bool { return e.Take == slower })
			p.mu.Unlock()
			if slow && !aired {
				t.Errorf("%v later: the slower node acknowledged a piece that is not in the program", later)
			}
			if _, known := two.x.Known()["one"]; known && !aired {
				t.Errorf("%v later: a piece that is not in the program is known, so that it is not asked for again", later)
			}
		})
	}
}
