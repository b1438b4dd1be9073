package station

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
)

// TestDoubtInherited begins a node when another one has ended an incarnation without anybody's word, and has not stored
// yet what follows from that: what it had listed while the bucket was away nobody lists again as something else.
func TestDoubtInherited(t *testing.T) {
	inFleet(t, "a", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
		time.Sleep(2 * time.Second)
		n.all["a"].away.Down(true)
		if err := n.all["a"].mustPublish("cam-key-0123456789").run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		n.see("a", "news")
		i, err := bundle.ParseIncarnation(n.all["a"].station.Incarnation())
		if err != nil {
			t.Fatal(err)
		}
		n.all["a"].kill()
		n.dying.Wait()
		docs := bucket.NewDocuments(n.bucket)
		if r, err := bundle.Recover(t.Context(), docs, i, "c", bundle.Known{}); err != nil || r.Seal.Word != bundle.NoWord {
			t.Fatalf("it is sealed with %+v, %v", r, err)
		}
		n.start("b")
		time.Sleep(2 * time.Second)
		if err := n.all["b"].mustPublish("cam-key-0123456789").run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		if w := n.see("b", "news"); w.MediaSequence != 65536 {
			t.Errorf("the window begins with %d, want the leap to 65536", w.MediaSequence)
		}
		if left, err := bundle.Unsealed(t.Context(), docs, "b"); err != nil || len(left) > 0 {
			t.Errorf("when the bucket knows of the leap, not forgotten are %v, %v", left, err)
		}
	})
}
