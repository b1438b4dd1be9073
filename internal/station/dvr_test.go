package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
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
		d.away.Set(bucket.Faults{Latency: 600 * time.Millisecond})
		time.Sleep(6 * time.Second)
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

// TestSlowFeed has a node list what it gets slowly from another one: as long as the end of a take is on its way, what
// is older must not be left out for ever.
func TestSlowFeed(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		for _, length := range []time.Duration{40 * time.Second, 20 * time.Second, 5 * time.Second} {
			e := n.all["a"].mustPublish("cam-key-0123456789")
			if err := e.run(length); err != nil {
				t.Fatal(err)
			}
			e.x.Close(nil)
			time.Sleep(10 * time.Second) // until none of it is in memory: then all of a take is said in few words
		}
		n.pace.Store(int64(20 * time.Millisecond)) // the newest take is there first
		defer time.Sleep(10 * time.Second)
		waits := 0
		for ; ; time.Sleep(10 * time.Millisecond) {
			w, err := n.all["b"].window("news", true)
			if errors.Is(err, ErrNotYet) && waits < 6000 {
				waits++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			whole, err := n.all["a"].window("news", true)
			if err != nil {
				t.Fatal(err)
			}
			if w.MediaSequence != whole.MediaSequence || len(w.Segments) != len(whole.Segments) {
				t.Errorf("after %d waits the node lists %d segments from number %d on, another %d from %d on", waits, len(w.Segments), w.MediaSequence, len(whole.Segments), whole.MediaSequence)
			}
			if waits < 20 {
				t.Errorf("all was there after %d waits: this test waits for nothing", waits)
			}
			return
		}
	})
}

// TestForgottenDVR has every node list the whole DVR window long after nodes died: those that ended the dead knew
// what they left, nobody watched, and takes of other nodes lie in between that they never had.
func TestForgottenDVR(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["b"].channel("news", "cam")
		time.Sleep(time.Second)
		for _, name := range []string{"a", "b", "a", "c", "a", "b"} {
			e := n.all[name].mustPublish("cam-key-0123456789")
			if err := e.run(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			if name == "b" { // leaves in peace
				e.x.Close(nil)
				time.Sleep(2 * time.Second)
				continue
			}
			n.all[name].kill()
			n.dying.Wait()
			time.Sleep(5 * time.Second)
			n.start(name)
			time.Sleep(2 * time.Second)
		}
		time.Sleep(3 * unlistedTime)
		most := 0
		lists := map[string]int{}
		for _, name := range []string{"a", "b", "c"} {
			for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
				w, err := n.all[name].window("news", true)
				if errors.Is(err, ErrNotYet) && time.Since(began) < gatherTime {
					continue
				}
				if err != nil {
					t.Fatalf("node %s: %v", name, err)
				}
				lists[name] = len(w.Segments)
				most = max(most, len(w.Segments))
				break
			}
		}
		for name, segments := range lists {
			if segments != most || most < 25 {
				t.Errorf("node %s lists %d segments, another %d", name, segments, most)
			}
		}
	})
}

// TestLostTake tells a take that its incarnation's seal does not name, of which nothing will ever be found, from one
// that is not read yet.
func TestLostTake(t *testing.T) {
	inFleet(t, "a", func(t *testing.T, n *nodes) {
		s := n.all["a"].station
		e := &program.Entry{Take: media.TakeID{9}, Origin: "x/1", End: &program.End{}}
		find := func() *media.Listing { return s.lookup(true)(e.Take, media.Main, e) }
		if l := find(); l != nil {
			t.Errorf("its incarnation is not known, and it is listed as %+v", l)
		}
		o := s.originOf(e.Origin)
		o.known = true
		if l := find(); l == nil || !l.Sealed || len(l.Segments) > 0 {
			t.Errorf("the seal does not name it, and it is listed as %+v", l)
		}
		o.takes = map[media.TakeID]media.Pos{e.Take: {}}
		if l := find(); l != nil {
			t.Errorf("the seal names it, and it is listed as %+v", l)
		}
	})
}
