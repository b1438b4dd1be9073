package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// claimOf makes the claim of a node's first entry of a channel.
func (n *nodes) claimOf(name, entry string) *program.Mark {
	return &program.Mark{Entry: &program.Entry{
		ID: entry, Take: media.NewTakeID(), Origin: n.all[name].station.Incarnation(), Source: "cam", ProgramTime: time.Now().UTC(),
	}}
}

// TestClaimCarriedOut claims at a node that the bucket does not answer, while it answers the others: one of
// them carries the claim out there, so that no other claim can be.
func TestClaimCarriedOut(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		time.Sleep(6 * time.Second) // so that the nodes give promises
		programs := map[string]*Program{}
		for name, o := range n.all {
			p, err := o.station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			programs[name] = p
		}
		n.all["a"].away.Down(true)
		a, b := programs["a"], programs["b"]
		if !a.station.fleet.promised(t.Context(), a, n.claimOf("a", "first"), false) {
			t.Fatalf("nobody promises it\n%s", n.logs())
		}
		list, err := bucket.Load[program.CutList](t.Context(), bucket.NewDocuments(n.bucket), cutsKey(a.id))
		if err != nil || list.Entry("first") == nil {
			t.Errorf("in the bucket is %+v, %v", list, err)
		}
		a.mu.Lock()
		known := a.director.List().Entry("first")
		a.mu.Unlock()
		if known == nil {
			t.Error("who claims does not know that it is in the bucket")
		}
		if err := b.claimInBucket(t.Context(), n.claimOf("b", "second")); !errors.Is(err, program.ErrTaken) {
			t.Errorf("another claim in the bucket = %v", err)
		}
		n.all["c"].away.Down(true)
		if a.station.fleet.promised(t.Context(), a, n.claimOf("a", "third"), false) {
			t.Error("a claim is granted that does not follow what is in the bucket")
		}
	})
}

// TestRivalClaims claims at two nodes while the bucket is away: what one was promised in vain is taken back, and the
// other one gets it at once. What the bucket may have is not taken back.
func TestRivalClaims(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		time.Sleep(6 * time.Second) // so that the nodes give promises
		n.bucket.Down(true)
		claim := func(name, entry string, binds bool) bool {
			p, err := n.all[name].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			return p.station.fleet.promised(t.Context(), p, n.claimOf(name, entry), binds)
		}
		word := func(name, entry string) { // as a claim gives it, before it asks
			p, err := n.all[name].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			p.mu.Lock()
			list := p.director.List()
			p.mu.Unlock()
			if !p.station.fleet.promise(p, list, n.claimOf(name, entry), name, 0) {
				t.Fatalf("%s does not give itself its word", name)
			}
		}
		word("b", "of b")
		if claim("a", "of a", false) {
			t.Error("it is granted against b's word")
		}
		time.Sleep(100 * time.Millisecond) // until c has heard that it was in vain
		if !claim("b", "of b", false) {
			t.Error("the other one does not get it")
		}
		time.Sleep(promiseTime)
		word("c", "of c")
		if claim("b", "bound", true) {
			t.Error("it is granted against c's word")
		}
		if claim("c", "of c", false) {
			t.Error("it is granted though the bucket may have what b claims")
		}
	})
}

// TestClaimOutOfSight claims while the bucket is away and a node is out of sight: nobody agrees on anything if that one
// may put something else on air, because it wrote what was on air last.
func TestClaimOutOfSight(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		other := n.all["a"].channel("other", "cam2")
		e := n.all["c"].mustPublish("cam-key-0123456789")
		if err := e.run(6 * time.Second); err != nil {
			t.Fatal(err)
		}
		e.x.Close(nil)
		time.Sleep(3 * time.Second)
		n.bucket.Down(true)
		for _, o := range []string{"a", "b"} {
			n.net.Cut("c", o, true)
			n.net.Cut(o, "c", true)
		}
		time.Sleep(5 * time.Second)
		f := n.all["a"].station.fleet
		for slug, want := range map[string]bool{"news": false, other.Slug: true} {
			p, err := n.all["a"].station.Program(slug)
			if err != nil {
				t.Fatal(err)
			}
			m := n.claimOf("a", "of a")
			p.mu.Lock()
			list := p.director.List()
			m.Entry.Number = p.director.NextNumber()
			p.mu.Unlock()
			if k := len(list.Entries); k > 0 {
				m.Entry.Discontinuity, m.Entry.ProgramTime = list.Entries[k-1].Discontinuity+1, list.Entries[k-1].End.ProgramTime
			}
			if got := f.promised(t.Context(), p, m, false); got != want {
				t.Errorf("%s: it is promised: %v, want %v", slug, got, want)
			}
		}
	})
}

// sleeper is the mesh of a node that has slept.
type sleeper struct {
	Mesh
	woke, beat time.Time
}

func (s sleeper) Members() []mesh.Member {
	return []mesh.Member{{Self: true, State: mesh.Alive, Since: s.woke, Heard: s.beat}}
}

// TestSleptWitness gives no exact word as a witness that stood still since it heard the writer, or that wakes up
// and reads what was sent before.
func TestSleptWitness(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		what              string
		woke, beat, heard time.Time
		slept             bool
	}{
		{"it never slept", time.Time{}, now, now.Add(-time.Second), false},
		{"it sleeps", time.Time{}, now.Add(-3 * time.Second), now.Add(-3 * time.Second), true},
		{"it slept, and heard nothing since", now.Add(-time.Minute), now, now.Add(-2 * time.Minute), true},
		{"it reads what was on its way", now.Add(-time.Minute), now, now.Add(-time.Minute), true},
		{"it is being fed again", now.Add(-time.Minute), now, now.Add(-time.Second), false},
	} {
		f := &fleet{mesh: sleeper{woke: c.woke, beat: c.beat}}
		if got := f.sleptSince(c.heard); got != c.slept {
			t.Errorf("%s: %v, want %v", c.what, got, c.slept)
		}
	}
}

// TestEndedByWord tells a node that lives that it was ended by word, and another one that its witness has
// helped to end it: both begin again at once, before they acknowledge anything more.
func TestEndedByWord(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		c := n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		was := n.all["a"].station.Incarnation()
		n.all["b"].station.fleet.say(subjectSoft, softSeal{Incarnation: was, Holder: "b", Ends: map[string]softEnd{c.ID: {}}})
		time.Sleep(100 * time.Millisecond)
		is := n.all["a"].station.Incarnation()
		if is == was {
			t.Errorf("a is %s still", is)
		}
		ended, err := bundle.ParseIncarnation(was)
		if err != nil {
			t.Fatal(err)
		}
		if word := n.all["a"].station.fleet.softly(ended); word == nil || word.Holder != "b" {
			t.Errorf("a does not know where it was ended: %+v", word)
		}
		time.Sleep(3 * time.Second)
		i, err := bundle.ParseIncarnation(n.all["a"].station.Incarnation())
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.all["c"].station.fleet.holder(i)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		if err := n.all["a"].mustPublish("cam-key-0123456789").run(250 * time.Millisecond); err == nil {
			time.Sleep(100 * time.Millisecond)
		}
		if is := n.all["a"].station.Incarnation(); is == i.String() {
			t.Errorf("a is %s still, which its witness has helped to end", is)
		}
	})
}

// TestLoneWitness ends a writer that is cut off from the bucket and goes on with one of its witnesses, by the other one
// that is cut off from both and has the bucket: that one's word alone is not exact, and it leaps. Where half of the fleet
// is heard, or the writer had the bucket, it cannot have gone on, and no leap is needed.
func TestLoneWitness(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		writer := n.all["c"].mustPublish("cam-key-0123456789")
		running := background(writer, 40*time.Second)
		time.Sleep(8 * time.Second)
		was := n.incarnation("c")
		n.see("a", "news")
		n.all["c"].away.Down(true)
		time.Sleep(2 * time.Second)
		for _, o := range []string{"b", "c"} {
			n.net.Cut("a", o, true)
			n.net.Cut(o, "a", true)
		}
		before := last(n.see("b", "news"))
		again := background(n.all["a"].mustPublish("cam-key-0123456789"), 20*time.Second)
		time.Sleep(12 * time.Second)
		if after := last(n.see("b", "news")); after < before+4 {
			t.Errorf("b lists up to %d, and up to %d when the mesh was cut: the channel does not go on without the bucket", after, before)
		}
		if word := n.sealed(was).Word; word != bundle.NoWord {
			t.Errorf("the word of one witness of two that hears nobody is %d, want none", word)
		}
		n.see("a", "news")
		n.conflicts()
		<-again
		<-running
	})
	for names, away := range map[string]bool{"a b c d": true, "a b c": false} {
		inFleet(t, names, func(t *testing.T, n *nodes) {
			n.all["a"].channel("news", "cam")
			running := background(n.all["a"].mustPublish("cam-key-0123456789"), 20*time.Second)
			time.Sleep(8 * time.Second)
			was := n.incarnation("a")
			n.all["a"].station.fleet.mu.Lock()
			witness := n.all["a"].station.fleet.names[0]
			n.all["a"].station.fleet.mu.Unlock()
			n.all["a"].away.Down(away)
			time.Sleep(2 * time.Second)
			n.all["a"].kill()
			n.all[witness].kill()
			time.Sleep(10 * time.Second)
			if word := n.sealed(was).Word; word != bundle.ExactWord {
				t.Errorf("fleet %s, bucket away %v: the word of the witness that is left is %d, want an exact one", names, away, word)
			}
			<-running
		})
	}
}

// incarnation returns the one that a node is.
func (n *nodes) incarnation(name string) bundle.Incarnation {
	n.t.Helper()
	i, err := bundle.ParseIncarnation(n.all[name].station.Incarnation())
	if err != nil {
		n.t.Fatal(err)
	}
	return i
}

// sealed returns the seal of an incarnation.
func (n *nodes) sealed(i bundle.Incarnation) *bundle.Seal {
	n.t.Helper()
	seal, err := bundle.LoadSeal(n.t.Context(), n.bucket, i)
	if err != nil {
		n.t.Fatalf("seal of %s: %v\n%s", i, err, n.logs())
	}
	return seal
}
