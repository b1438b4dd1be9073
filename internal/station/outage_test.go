package station

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// until looks at a node's window every 50 ms until it satisfies f, and returns how long that took.
func (n *nodes) until(name, slug string, limit time.Duration, f func(newest string) bool) time.Duration {
	n.t.Helper()
	began := time.Now()
	for time.Since(began) < limit {
		if w := n.see(name, slug); len(w.Segments) > 0 && f(newest(w)) {
			return time.Since(began)
		}
		time.Sleep(50 * time.Millisecond)
	}
	n.t.Fatalf("node %s does not show it within %v\n%s", name, limit, n.logs())
	return 0
}

func (n *nodes) shows(name, slug, writer string, limit time.Duration) time.Duration {
	n.t.Helper()
	return n.until(name, slug, limit, func(newest string) bool { return strings.Contains(newest, n.take(writer, slug)) })
}

// background lets an encoder run.
func background(e *encoder, d time.Duration) chan error {
	done := make(chan error, 1)
	go func() { done <- e.run(d) }()
	return done
}

// equal fails if the nodes do not list the same.
func (n *nodes) equal(slug string) {
	n.t.Helper()
	lists := map[string]string{}
	for name := range n.all {
		n.see(name, slug)
	}
	for name, o := range n.all {
		p, err := o.station.Program(slug)
		if err != nil {
			n.t.Fatal(err)
		}
		p.mu.Lock()
		var b strings.Builder
		for _, e := range p.director.List().Entries {
			b.WriteString(e.ID + " ")
			if e.End != nil {
				b.WriteString("ended ")
			}
		}
		p.mu.Unlock()
		lists[name] = b.String()
	}
	for name, l := range lists {
		for other, o := range lists {
			if l != o {
				n.t.Errorf("%s knows %s, %s knows %s", name, l, other, o)
			}
		}
	}
}

func (n *nodes) conflicts() {
	n.t.Helper()
	for name, o := range n.all {
		if c := o.station.Stats().Conflicts; c > 0 {
			n.t.Errorf("%s met %d conflicts\n%s", name, c, o.log.String())
		}
	}
}

// TestDeathInOutage shows that television goes on when the node that takes in a stream dies while the
// bucket is away.
func TestDeathInOutage(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		running := background(n.all["a"].mustPublish("cam-key-0123456789"), 32*time.Second)
		time.Sleep(10 * time.Second)
		n.see("b", "news")
		n.see("c", "news")
		n.bucket.Down(true)
		time.Sleep(12300 * time.Millisecond)
		before := n.see("c", "news")
		if edge := n.see("a", "news"); last(before) < last(edge)-1 {
			t.Errorf("in the outage c lists up to %d, a up to %d", last(before), last(edge))
		}
		n.all["a"].kill()
		again := background(n.all["b"].mustPublish("cam-key-0123456789"), 40*time.Second)
		if took := n.shows("c", "news", "b", 6*time.Second); took > 4*time.Second {
			t.Errorf("new pictures after %v, want them within 4 s", took)
		}
		time.Sleep(15 * time.Second)
		n.see("b", "news")
		n.see("c", "news")
		n.bucket.Down(false)
		time.Sleep(15 * time.Second)
		n.equal("news")
		n.conflicts()
		<-running
		if err := <-again; err != nil {
			t.Fatal(err)
		}
	})
}

// TestDeathWithSpool lets a node die in an outage with the bundles that only its spool had, and start again before
// the other one has missed it: that one learns that what it follows lies elsewhere now.
func TestDeathWithSpool(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		n.see("b", "news")
		n.bucket.Down(true)
		if err := e.run(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		n.see("b", "news")
		e.x.Close(nil)
		time.Sleep(2 * time.Second)
		n.all["a"].kill()
		n.dying.Wait()
		n.bucket.Down(false)
		if err := os.RemoveAll(n.spool + "/a"); err != nil {
			t.Fatal(err)
		}
		n.start("a")
		time.Sleep(20 * time.Second)
		w := n.see("b", "news")
		for _, s := range w.Segments {
			address, err := media.ParseAddress(s.URI)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := n.all["b"].station.Open(t.Context(), address); err != nil && !s.Gap {
				t.Errorf("b lists %s: %v", s.URI, err)
			}
		}
		if len(w.Segments) < 5 || gaps(w) > 0 {
			t.Errorf("b lists %d segments, %d of them gaps", len(w.Segments), gaps(w))
		}
		n.conflicts()
	})
}

// TestCutInOutage cuts between sources at two nodes, asked of a third, while the bucket is away.
func TestCutInOutage(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		c := n.all["a"].channel("news", "one", "two")
		one := background(n.all["a"].mustPublish("one-key-0123456789"), 40*time.Second)
		time.Sleep(4 * time.Second)
		two := background(n.all["b"].mustPublish("two-key-0123456789"), 36*time.Second)
		time.Sleep(6 * time.Second)
		n.see("c", "news")
		n.bucket.Down(true)
		time.Sleep(5 * time.Second)
		p, err := n.all["c"].station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []struct{ source, node string }{{c.Sources[1].ID, "b"}, {c.Sources[0].ID, "a"}} {
			if _, _, err := p.Cut(t.Context(), cut.source); err != nil {
				t.Fatalf("cut: %v\n%s", err, n.logs())
			}
			t.Logf("on air after %v", n.shows("c", "news", cut.node, 4*time.Second))
			time.Sleep(3 * time.Second)
			n.see("a", "news")
			n.see("b", "news")
		}
		if _, _, err := p.Cut(t.Context(), "nobody"); !errors.Is(err, program.ErrNoSuchSource) {
			t.Errorf("cut to nobody = %v", err)
		}
		n.bucket.Down(false)
		time.Sleep(12 * time.Second)
		n.equal("news")
		n.conflicts()
		<-one
		<-two
	})
}

// TestCutAtDeath asks for a source whose node has just died: it is on air as soon as its publisher is back elsewhere.
func TestCutAtDeath(t *testing.T) {
	for _, asked := range []string{"b", "c"} {
		inFleet(t, "a b c", func(t *testing.T, n *nodes) {
			c := n.all["b"].channel("news", "one", "two")
			two := background(n.all["b"].mustPublish("two-key-0123456789"), 30*time.Second)
			time.Sleep(4 * time.Second)
			one := background(n.all["a"].mustPublish("one-key-0123456789"), 30*time.Second)
			time.Sleep(6 * time.Second)
			n.see("c", "news")
			p, err := n.all[asked].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			n.all["a"].kill()
			<-one
			cut := make(chan error)
			go func() {
				_, _, err := p.Cut(t.Context(), c.Sources[0].ID)
				cut <- err
			}()
			time.Sleep(2500 * time.Millisecond)
			back := background(n.all["c"].mustPublish("one-key-0123456789"), 12*time.Second)
			if err := <-cut; err != nil {
				t.Fatalf("cut at %s: %v\n%s", asked, err, n.logs())
			}
			t.Logf("on air after %v", n.shows("b", "news", "c", 4*time.Second))
			n.conflicts()
			<-two
			<-back
		})
	}
}

// TestMeshCut cuts the node that takes in a stream off the mesh: its own viewers notice nothing, those of
// the others go on through the bucket.
func TestMeshCut(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		running := background(n.all["a"].mustPublish("cam-key-0123456789"), 70*time.Second)
		time.Sleep(10 * time.Second)
		for _, name := range []string{"a", "b", "c"} {
			n.see(name, "news")
		}
		cut := func(on bool) {
			for _, o := range []string{"b", "c"} {
				n.net.Cut("a", o, on)
				n.net.Cut(o, "a", on)
			}
		}
		cut(true)
		for range 30 {
			time.Sleep(time.Second)
			a := n.see("a", "news")
			if b := n.see("b", "news"); last(b) < last(a)-3 {
				t.Fatalf("cut off, b lists up to %d, a up to %d\n%s", last(b), last(a), n.all["b"].log.String())
			}
		}
		cut(false)
		time.Sleep(8 * time.Second)
		a, b := n.see("a", "news"), n.see("b", "news")
		if last(b) < last(a)-1 || n.all["a"].station.Incarnation() == "" {
			t.Errorf("mended, b lists up to %d, a up to %d", last(b), last(a))
		}
		n.equal("news")
		n.conflicts()
		if err := <-running; err != nil {
			t.Fatal(err)
		}
	})
}

// TestZombie takes everything from the node that takes in a stream for a minute, so that it is ended, and
// gives it back.
func TestZombie(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		running := background(e, 90*time.Second)
		time.Sleep(10 * time.Second)
		n.see("b", "news")
		for _, o := range []string{"b", "c"} {
			n.net.Cut("a", o, true)
			n.net.Cut(o, "a", true)
		}
		n.all["a"].away.Down(true)
		time.Sleep(time.Second)
		again := background(n.all["b"].mustPublish("cam-key-0123456789"), 70*time.Second)
		n.shows("c", "news", "b", 6*time.Second)
		time.Sleep(40 * time.Second)
		n.see("b", "news")
		for _, o := range []string{"b", "c"} {
			n.net.Cut("a", o, false)
			n.net.Cut(o, "a", false)
		}
		n.all["a"].away.Down(false)
		time.Sleep(10 * time.Second)
		if err := <-running; err == nil {
			t.Errorf("the zombie's publisher was not told to come again: %v", err)
		}
		n.equal("news")
		n.conflicts()
		<-again
	})
}

// TestBeginsInPartition shows that a node that begins again while another one is cut off from the mesh does
// not wait until that is back: what it decides it writes to the bucket.
func TestBeginsInPartition(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("far", "far")
		n.all["a"].channel("news", "cam")
		far := background(n.all["a"].mustPublish("far-key-0123456789"), 70*time.Second)
		news := n.all["b"].mustPublish("cam-key-0123456789")
		if err := news.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"b", "c"} {
			n.net.Cut("a", other, true)
			n.net.Cut(other, "a", true)
		}
		time.Sleep(4 * time.Second)
		n.all["b"].kill()
		n.dying.Wait()
		n.start("b")
		time.Sleep(time.Second)
		again := background(n.all["b"].mustPublish("cam-key-0123456789"), 25*time.Second)
		if took := n.shows("c", "news", "b", 20*time.Second); took > 10*time.Second {
			t.Errorf("new pictures after %v, want them within 10 s", took)
		}
		n.shows("b", "news", "b", time.Second)
		for _, other := range []string{"b", "c"} {
			n.net.Cut("a", other, false)
			n.net.Cut(other, "a", false)
		}
		time.Sleep(7 * time.Second)
		for name := range n.all { // who is asked learns what it has missed
			n.see(name, "news")
			n.see(name, "far")
		}
		time.Sleep(3 * time.Second)
		n.equal("news")
		n.equal("far")
		n.conflicts()
		for _, done := range []chan error{far, again} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
