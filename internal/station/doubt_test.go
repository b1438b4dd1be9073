package station

import (
	"log/slog"
	"strings"
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

// TestEndInherited begins a node when another one has ended an incarnation, and has not stored yet what that had put on air
// while the bucket was away: it stands in the bundles alone, and its number is not given again.
func TestEndInherited(t *testing.T) {
	inFleet(t, "a", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
		time.Sleep(2 * time.Second)
		n.all["a"].kill()
		n.dying.Wait()
		n.start("a")
		time.Sleep(20 * time.Second) // what the run before left is stored
		n.all["a"].away.Down(true)
		if err := n.all["a"].mustPublish("cam-key-0123456789").run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		was := n.take("a", "news")
		n.see("a", "news")
		i, err := bundle.ParseIncarnation(n.all["a"].station.Incarnation())
		if err != nil {
			t.Fatal(err)
		}
		n.all["a"].kill()
		n.dying.Wait()
		spool, err := bundle.OpenSpool(n.spool+"/a", "a", nil, bundle.SpoolConfig{})
		if err != nil {
			t.Fatal(err)
		}
		words, err := bundle.Resume(t.Context(), n.bucket, spool, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		spool.Close()
		docs := bucket.NewDocuments(n.bucket)
		if _, err := bundle.Recover(t.Context(), docs, i, "a", bundle.Known{Word: words[i.ID]}); err != nil {
			t.Fatal(err)
		}
		n.start("b")
		time.Sleep(2 * time.Second)
		if err := n.all["b"].mustPublish("cam-key-0123456789").run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		w, found := n.see("b", "news"), false
		for _, s := range w.Segments {
			found = found || strings.Contains(s.URI, was)
		}
		if !found || w.MediaSequence > 0 {
			t.Errorf("the window begins with %d, and what was on air while the bucket was away is listed: %v", w.MediaSequence, found)
		}
		n.conflicts()
		if left, err := bundle.Unsealed(t.Context(), docs, "b"); err != nil || len(left) > 0 {
			t.Errorf("when the bucket knows of it, not forgotten are %v, %v", left, err)
		}
	})
}
