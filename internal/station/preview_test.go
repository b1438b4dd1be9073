package station

import (
	"errors"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestPreview looks at two sources, one of them on air, from the node that takes them in and from another.
func TestPreview(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "one", "two")
		on, off := n.all["a"].mustPublish("one-key-0123456789"), n.all["a"].mustPublish("two-key-0123456789")
		go on.run(time.Minute)
		time.Sleep(time.Second)
		go off.run(time.Minute)
		time.Sleep(10 * time.Second)
		for _, name := range []string{"a", "b"} {
			p, err := n.all[name].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			all := p.Sending()
			if len(all) != 2 || all[0].Node != "a" || all[1].Node != "a" || all[0].OnAir == all[1].OnAir {
				t.Fatalf("node %s: %+v", name, all)
			}
			for _, s := range all {
				v, err := p.Preview(s.Take)
				if err != nil {
					t.Fatal(err)
				}
				w := shown(t, v)
				if w.MediaSequence+int64(len(w.Segments)) < 4 || w.Segments[len(w.Segments)-1].Init != "/media/"+s.Take.String()+"/main/init.mp4" {
					t.Errorf("node %s lists %d segments from %d on of %s", name, len(w.Segments), w.MediaSequence, s.Source)
				}
				before := w.MediaSequence + int64(len(w.Segments))
				time.Sleep(4 * time.Second)
				if w = shown(t, v); w.MediaSequence+int64(len(w.Segments)) <= before {
					t.Errorf("node %s: the preview of %s does not go on", name, s.Source)
				}
				address := media.Address{Take: s.Take, Rendition: media.Main, Segment: uint32(w.MediaSequence)}
				if data, _, err := n.all[name].station.Open(t.Context(), address); err != nil || len(data) == 0 {
					t.Errorf("node %s: %v is listed: %v", name, address, err)
				}
			}
			if _, err := p.Preview(media.TakeID{1}); !errors.Is(err, ErrNotFound) {
				t.Errorf("a take that nobody sends: %v", err)
			}
		}
	})
}

// shown waits for what a preview shows.
func shown(t *testing.T, v *Preview) *hls.Window {
	t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		w, _, err := v.Window(media.Main, false)
		if err == nil {
			return w
		}
		if !errors.Is(err, ErrNotYet) || time.Since(began) > 5*time.Second {
			t.Fatal(err)
		}
	}
}
