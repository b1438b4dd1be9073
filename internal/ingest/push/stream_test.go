package push

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAnyOrder: whatever the order in which objects of an explicit session arrive, are cut off and come
// again, every sample comes out once, in the order of its track, and a piece only behind all its samples.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const segments = 8
		separate := rapid.Bool().Draw(t, "separate")
		s := newStream(true, 1<<30, nil)
		var objects []string
		data := map[string][]byte{}
		add := func(lane string, body func(int) []byte, init []byte) {
			h, err := readHeader(init)
			if err != nil {
				t.Fatal(err)
			}
			s.inits[lane+"/init"] = h
			for n := range segments {
				name := fmt.Sprintf("%s/%d", lane, n)
				objects = append(objects, name)
				data[name] = body(n)
			}
		}
		if separate {
			add("v", pictures, makeInit(videoTrack()))
			add("a", sounds, makeInit(soundTrack()))
		} else {
			add("main", both, makeInit(videoTrack(), soundTrack()))
		}
		c := &collector{t: t}
		now := time.Duration(0)
		for round := 0; len(objects) > 0; round++ {
			if round > 1000 {
				t.Fatalf("%d objects never complete", len(objects))
			}
			now += time.Duration(rapid.IntRange(0, 400).Draw(t, "pause")) * time.Millisecond
			name := objects[rapid.IntRange(0, min(len(objects), 4)-1).Draw(t, "object")]
			c.upload(s, now, name, data[name], rapid.IntRange(0, 5).Draw(t, "fate") == 0)
			c.events(s)
			objects = slices.DeleteFunc(objects, func(n string) bool { return c.pieces[n] })
		}
		s.tick(now + time.Minute)
		c.events(s)
		if c.next != [slots]int{segments * perSegment, 375} || s.held != 0 || len(s.open) != 0 {
			t.Errorf("%d samples, %d bytes held, %d objects open", c.next, s.held, len(s.open))
		}
	})
}

// collector checks what comes out of a stream.
type collector struct {
	t      *rapid.T
	next   [slots]int
	pieces map[string]bool
}

// upload sends an object: whole, or cut off before its end.
func (c *collector) upload(s *stream, now time.Duration, name string, data []byte, cut bool) {
	p, err := parsePlace("/push/k/s/" + name)
	if err != nil {
		c.t.Fatal(err)
	}
	if s.open[name] != nil {
		s.tick(now)
		return
	}
	o, err := s.begin(p, 0, true)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	o.header = s.headerFor(p, false)
	samples, err := o.header.read(data, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	if cut {
		if err := s.feed(now, o, samples[:len(samples)/2]); err != nil {
			c.t.Fatal(err)
		}
		s.abort(now, o, errCutOff)
		return
	}
	if err := s.feed(now, o, samples); err != nil {
		c.t.Fatal(err)
	}
	s.finish(now, o, [32]byte{1})
}

func (c *collector) events(s *stream) {
	if c.pieces == nil {
		c.pieces = map[string]bool{}
	}
	for _, e := range s.take() {
		switch {
		case e.piece != nil:
			if c.pieces[e.piece.name] {
				c.t.Errorf("%s is complete twice", e.piece.name)
			}
			if e.piece.left != 0 {
				c.t.Errorf("%s is complete with %d samples to come", e.piece.name, e.piece.left)
			}
			c.pieces[e.piece.name] = true
			close(e.piece.done)
		case e.sample.Data != nil:
			slot := e.sample.Track - VideoTrack
			b := e.sample.Data[len(e.sample.Data)-4:]
			if n := int(b[2])<<8 | int(b[3]); n != c.next[slot] {
				c.t.Errorf("track %d: sample %d, want %d", e.sample.Track, n, c.next[slot])
			}
			c.next[slot]++
		}
	}
}

// TestClock: times of MPEG-TS go on over their wrap, and rounded ones of sound become exact.
func TestClock(t *testing.T) {
	c := tsClock{going: true, last: tsWrap - 100}
	if got := c.unwrap(50) + 50; got != tsWrap+50 {
		t.Errorf("unwrapped to %d, want %d", got, tsWrap+50)
	}
	var a audioClock
	for n := range int64(2000) {
		at := (n*1024*tsRate + 22050) / 44100
		if got := a.at(at, 44100, 1024); got != n*1024 {
			t.Fatalf("frame %d at %d, want %d", n, got, n*1024)
		}
	}
	if got := a.at(90000*100, 44100, 1024); got != 4410000 {
		t.Errorf("after a gap at %d", got)
	}
}

// TestEndsUnderWay: a session ends while an object is being sent and the next one is there: the first is given up, and the
// second is written.
func TestEndsUnderWay(t *testing.T) {
	h, err := readHeader(makeInit(videoTrack(), soundTrack()))
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(false, 1<<20, nil)
	s.inits["main/init"] = h
	var objects []*object
	for n := range 2 {
		p, err := parsePlace(at("s/main/%d", n))
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.begin(p, 0, true)
		if err != nil {
			t.Fatal(err)
		}
		o.header = h
		samples, err := h.read(both(n), 0)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			samples = samples[:len(samples)/2]
		}
		if err := s.feed(0, o, samples); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	s.finish(0, objects[1], [32]byte{1})
	s.end(time.Second)
	written := ""
	for _, e := range s.take() {
		if e.piece != nil {
			written += e.piece.name
		}
	}
	if written != "main/1" || objects[0].err != errBusy || objects[1].err != nil || s.held != 0 || len(s.open) != 0 {
		t.Errorf("written: %q; the first: %v, the second: %v; %d bytes held, %d open", written, objects[0].err, objects[1].err, s.held, len(s.open))
	}
	if err := s.feed(time.Second, objects[0], nil); err != errBusy {
		t.Errorf("the rest of the first is told %v", err)
	}
}
