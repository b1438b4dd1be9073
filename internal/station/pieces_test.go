package station

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const camKey = "cam-key-0123456789"

// push begins a publisher that pushes, at one of the nodes.
func (n *nodes) push(name, session string) *encoder {
	n.t.Helper()
	o := n.all[name]
	e := &encoder{w: &o.world}
	x, err := o.station.Publish(n.t.Context(), Publication{Key: camKey, Session: session, Kick: func(reason error) { e.kicked = reason }})
	if err != nil {
		n.t.Fatal(err)
	}
	e.x = x
	return e
}

// orphaned waits until a node would take a session in itself, rather than hand it to the one that has it.
func (n *nodes) orphaned(name, session string) {
	n.t.Helper()
	began := time.Now()
	if owner := n.all[name].station.Owner(camKey, session); owner == "" {
		n.t.Errorf("%s does not know who has session %s", name, session)
	}
	for n.all[name].station.Owner(camKey, session) != "" {
		if time.Since(began) > 3*time.Second {
			n.t.Fatalf("%s hands session %s to a dead node for ever", name, session)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// piece sends a second of sound as one object, and waits at most so long for its acknowledgement.
func (e *encoder) piece(name string, limit time.Duration) error {
	if err := e.run(time.Second); err != nil {
		return err
	}
	durable := e.x.Piece(name, sha256.Sum256([]byte(name)), false)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		done <- durable(ctx)
	}()
	if err := e.run(500 * time.Millisecond); err != nil { // the last samples wait for their successors
		return err
	}
	return <-done
}

// TestKnownAfterDeath kills the node that a publisher pushes to: the next one knows every piece that was
// acknowledged, and whose it was.
func TestKnownAfterDeath(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.push("a", "tv~1")
		if known := e.x.Known(); len(known) > 0 {
			t.Errorf("before anything was sent it knows %d pieces", len(known))
		}
		if err := e.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		for i := range 6 {
			name := fmt.Sprint("piece-", i)
			if err := e.piece(name, 5*time.Second); err != nil {
				t.Fatal(err)
			}
			acknowledged = append(acknowledged, name)
		}
		n.all["a"].kill()
		n.orphaned("b", "tv")
		again, other := n.push("b", "tv~1"), n.push("c", "tv~2")
		began := time.Now()
		known := again.x.Known()
		if took := time.Since(began); took > knownTime-time.Second {
			t.Errorf("it takes %v to know", took)
		}
		for _, name := range acknowledged {
			if known[name] != sha256.Sum256([]byte(name)) {
				t.Errorf("%s was acknowledged, and is not known", name)
			}
		}
		if known := other.x.Known(); len(known) > 0 {
			t.Errorf("another session knows %v", known)
		}
	})
}

// TestPiecesInOutage acknowledges pieces while the bucket is away as long as two witnesses hold them. The node
// dies, and when the bucket is back each of them is found.
func TestPiecesInOutage(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.push("a", "tv~1")
		if err := e.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		if err := e.piece("before", 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := e.run(4 * time.Second); err != nil {
			t.Fatal(err)
		}
		n.bucket.Down(true)
		if err := e.run(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := e.piece("held by two", 3*time.Second); err != nil {
			t.Errorf("two witnesses hold it: %v", err)
		}
		n.all["c"].kill()
		if err := e.run(4 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := e.piece("held by one", 3*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one witness holds it: %v", err)
		}
		n.all["a"].kill()
		n.bucket.Down(false)
		n.orphaned("b", "tv")
		time.Sleep(15 * time.Second) // nobody is ended right after an outage
		again := n.push("b", "tv~1")
		known := again.x.Known()
		for _, name := range []string{"before", "held by two"} {
			if known[name] != sha256.Sum256([]byte(name)) {
				t.Errorf("%s was acknowledged, and is not known: %d are\n%s", name, len(known), n.logs())
			}
		}
	})
}

// TestPieceAgain sends pieces whose acknowledgement the publisher did not wait for, as one does whose time is up:
// who asks again is answered, and who comes again as another session of that name is not asked for them twice.
func TestPieceAgain(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.push("a", "tv~1")
		if err := e.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		if err := e.run(time.Second); err != nil {
			t.Fatal(err)
		}
		asked := e.x.Piece("asked for twice", sha256.Sum256([]byte("asked")), false)
		e.x.Piece("never asked for", sha256.Sum256([]byte("never")), false)
		if err := e.run(500 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for range 2 {
			if err := asked(ctx); err != nil {
				t.Errorf("it is stored: %v", err)
			}
		}
		e.x.Close(nil)
		known := n.push("a", "tv~1").x.Known()
		for name, sum := range map[string][32]byte{"asked for twice": sha256.Sum256([]byte("asked")), "never asked for": sha256.Sum256([]byte("never"))} {
			if known[name] != sum {
				t.Errorf("the piece %q is stored, and is not known", name)
			}
		}
	})
}

// TestPieceAfterDeathIsAired pushes to a node that has just been started while the one that had the publisher dies,
// and leaves as soon as a piece was acknowledged: it is in the program.
func TestPieceAfterDeathIsAired(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.push("a", "tv~1")
		if err := e.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		if err := e.piece("before", 5*time.Second); err != nil {
			t.Fatal(err)
		}
		n.start("d")
		for n.all["d"].station.Ready() != nil || !n.all["d"].station.settled.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		n.all["a"].kill()
		again := n.push("d", "tv~1")
		again.x.Known()
		if err := again.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		if err := again.piece("after", 5*time.Second); err != nil {
			t.Fatal(err)
		}
		again.x.Close(nil)
		time.Sleep(5 * time.Second)
		p := n.all["b"].station.byChannel(again.x.program.id)
		p.mu.Lock()
		defer p.mu.Unlock()
		list := p.director.List()
		if len(list.Entries) != 2 || list.Entries[1].Origin != n.all["d"].station.Incarnation() {
			t.Errorf("the program has %d entries, want the take of the node that died and the one that came after it\n%s", len(list.Entries), n.logs())
		}
	})
}
