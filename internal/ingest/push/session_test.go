package push

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// want fails unless the answer has that status, and a problem that says that.
func (a answered) want(t *testing.T, status int, says string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, says) {
		t.Errorf("answer %d %s, want %d and %q", a.status, a.body, status, says)
	}
	if status >= 400 && a.head.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer %d as %q", status, a.head.Get("Content-Type"))
	}
}

// bubble runs a test with its own time.
func bubble(t *testing.T, cfg Config, f func(t *testing.T, h *Handler, d *fakeDesk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		cfg.Desk = d
		f(t, running(t, cfg), d)
	})
}

// async sends in the background; the function that it returns waits for the answer.
func async(h http.Handler, path string, body []byte, head ...string) func() answered {
	c := make(chan answered, 1)
	go func() { c <- send(h, "PUT", path, body, head...) }()
	synctest.Wait()
	return func() answered { return <-c }
}

func TestOutOfOrder(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		two := async(h, at("s/main/2"), both(2))
		one := async(h, at("s/main/1"), both(1), HeaderOldest, "0")
		s := d.sink(t)
		if len(s.all) != 0 {
			t.Errorf("%d samples before the first segment came", len(s.all))
		}
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 201, "")
		one().want(t, 201, "")
		two().want(t, 201, "")
		s.inOrder(t, VideoTrack, 0, 75)
		s.inOrder(t, AudioTrack, 0, 141)
		if strings.Join(s.pieces, " ") != "main/0 main/1 main/2" {
			t.Errorf("pieces %v", s.pieces)
		}
		for i := 1; i < len(s.all); i++ { // what begins at the same time may come either way
			a, b := s.all[i-1], s.all[i]
			if b.Track != a.Track && tick(b)+1 < tick(a) {
				t.Errorf("sample %d of track %d at %d comes behind one at %d", i, b.Track, tick(b), tick(a))
			}
		}
	})
}

func tick(x fakeSample) int64 {
	if x.Track == AudioTrack {
		return ticks(x.DTS, 48000, 0)
	}
	return x.DTS
}

// TestAhead: what is ahead is not acknowledged, and not aired twice when it comes again.
func TestAhead(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		begun := time.Now()
		a := send(h, "PUT", at("s/main/58"), both(58), HeaderOldest, "57")
		a.want(t, 503, "what comes before it has not arrived")
		if d := time.Since(begun); a.head.Get("Retry-After") != "1" || d != 10*time.Second {
			t.Errorf("after %v, Retry-After %q", d, a.head.Get("Retry-After"))
		}
		again := async(h, at("s/main/58"), both(58), HeaderOldest, "57")
		send(h, "PUT", at("s/main/57"), both(57), HeaderOldest, "57").want(t, 201, "")
		again().want(t, 201, "")
		send(h, "PUT", at("s/main/58"), both(58)).want(t, 200, "")
		send(h, "PUT", at("s/main/56"), both(56)).want(t, 409, "too late")
		d.sink(t).inOrder(t, VideoTrack, 57*25, 59*25)
	})
}

// TestAgain: an object is known by its name and checksum, also from an earlier take.
func TestAgain(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		init := makeInit(videoTrack(), soundTrack())
		send(h, "PUT", at("s/main/init"), init).want(t, 201, "")
		send(h, "PUT", at("s/main/init"), init).want(t, 201, "")
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack())).want(t, 409, "other bytes")
		for range 3 {
			if a := send(h, "PUT", at("s/main/0"), both(0)); a.status != 201 && a.status != 200 {
				t.Errorf("answer %d %s", a.status, a.body)
			}
		}
		send(h, "PUT", at("s/main/0"), both(1)).want(t, 409, "other bytes")
		first := d.sink(t)
		first.inOrder(t, VideoTrack, 0, 25)
		d.with = func(s *fakeSink) error {
			s.known = first.sums
			return nil
		}
		send(h, "DELETE", at("s/"), nil).want(t, 200, "")
		if first.reason != nil {
			t.Errorf("ended with %v", first.reason)
		}
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 200, "")
		send(h, "PUT", at("s/main/1"), both(1)).want(t, 412, "send the init again")
		send(h, "PUT", at("s/main/init"), init).want(t, 201, "")
		send(h, "PUT", at("s/main/1"), both(1)).want(t, 201, "")
		d.sink(t).inOrder(t, VideoTrack, 25, 50)
	})
}

// TestDurable: nothing is acknowledged before it is durable, and a node that was fenced acknowledges
// nothing more.
func TestDurable(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		var safe sync.Map
		fenced := errors.New("the node was fenced")
		d.with = func(s *fakeSink) error {
			s.durable = func(ctx context.Context, name string) error {
				switch v, _ := safe.Load(name); v {
				case true:
					return nil
				case "fenced":
					return fenced
				}
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 503, "not durable yet")
		safe.Store("main/0", true)
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 200, "")
		safe.Store("main/1", "fenced")
		send(h, "PUT", at("s/main/1"), both(1)).want(t, 503, "send it again")
		s := d.sink(t)
		s.closed(t)
		if !errors.Is(s.reason, fenced) {
			t.Errorf("ended with %v", s.reason)
		}
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		safe.Store("main/1", true)
		send(h, "PUT", at("s/main/1"), both(1)).want(t, 201, "")
		d.sink(t).inOrder(t, VideoTrack, 25, 50)
	})
}

// TestRepresentations: pictures and sound in objects of their own are merged, and the acknowledgement of
// one does not wait for the next of the other.
func TestRepresentations(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("s/v/init"), makeInit(videoTrack())).want(t, 201, "")
		send(h, "PUT", at("s/a/init"), makeInit(soundTrack())).want(t, 201, "")
		for n := range 4 {
			video := async(h, at("s/v/%d", n), pictures(n))
			send(h, "PUT", at("s/a/%d", n), sounds(n)).want(t, 201, "")
			video().want(t, 201, "")
		}
		begun := time.Now()
		send(h, "PUT", at("s/v/4"), pictures(4)).want(t, 201, "") // no sound any more
		if d := time.Since(begun); d > time.Second {
			t.Errorf("pictures without sound waited %v", d)
		}
		s := d.sink(t)
		s.inOrder(t, VideoTrack, 0, 125)
		s.inOrder(t, AudioTrack, 0, 188)
		if len(s.tracks) != 1 || len(s.tracks[0]) != 2 {
			t.Errorf("tracks %+v", s.tracks)
		}
		send(h, "PUT", at("s/low/init"), makeInit(videoTrack())).want(t, 201, "")
		send(h, "PUT", at("s/low/0"), pictures(0)).want(t, 415, "one video and one audio")
	})
}

// TestEnds: how sessions end.
func TestEnds(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		init := makeInit(videoTrack(), soundTrack())
		send(h, "PUT", at("idle/main/init"), init).want(t, 201, "")
		send(h, "PUT", at("idle/main/0"), both(0)).want(t, 201, "")
		begun := time.Now()
		s := d.sink(t)
		s.closed(t)
		if d := time.Since(begun); s.reason != nil || d < 10*time.Second || d > 11*time.Second {
			t.Errorf("an idle session ended after %v with %v", d, s.reason)
		}
		send(h, "PUT", at("kicked/main/init"), init).want(t, 201, "")
		s = d.sink(t)
		waiting := async(h, at("kicked/main/5"), both(5), HeaderOldest, "4")
		s.p.Kick(ErrReplaced)
		waiting().want(t, 423, "replaced")
		s.closed(t)
		if !errors.Is(s.reason, ErrReplaced) {
			t.Errorf("ended with %v", s.reason)
		}
		d.with = func(s *fakeSink) error {
			s.refuse = ErrStorageFull
			return nil
		}
		send(h, "PUT", at("full/main/init"), init).want(t, 201, "")
		send(h, "PUT", at("full/main/0"), both(0)).want(t, 503, "storage is full")
	})
}

// TestGoodbye: a session ends with the last object that its publisher named, and that is acknowledged.
func TestGoodbye(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		d.with = func(s *fakeSink) error { // as a take, whose last part is made when it ends
			s.durable = func(ctx context.Context, _ string) error {
				select {
				case <-s.done:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		}
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		one := async(h, at("s/main/1"), both(1), HeaderOldest, "0")
		send(h, "DELETE", at("s/"), nil, HeaderNext, "2").want(t, 200, "")
		begun := time.Now()
		send(h, "PUT", at("s/main/0"), both(0)).want(t, 201, "")
		one().want(t, 201, "")
		if d := time.Since(begun); d > time.Second {
			t.Errorf("the last was acknowledged after %v", d)
		}
		s := d.sink(t)
		s.inOrder(t, VideoTrack, 0, 50)
		if s.reason != nil || len(d.made) != 0 {
			t.Errorf("ended with %v, and %d other sessions", s.reason, len(d.made))
		}
	})
}

// TestHole: encoders that do not send again are not stuck behind what was lost.
func TestHole(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("tv/init.mp4"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		send(h, "PUT", at("tv/seg-1.m4s"), both(1)).want(t, 201, "")
		begun := time.Now()
		send(h, "PUT", at("tv/seg-3.m4s"), both(3)).want(t, 201, "")
		if d := time.Since(begun); d < holeWait || d > holeWait+time.Second {
			t.Errorf("waited %v for what is missing", d)
		}
		begun = time.Now()
		send(h, "PUT", at("tv/seg-9.m4s"), both(4)).want(t, 201, "") // numbers are not all: it begins where the last one ended
		if time.Since(begun) != 0 {
			t.Error("waited for numbers that do not exist")
		}
		d.sink(t)
	})
}

// TestAnew: an encoder that begins anew under the same names begins a new session.
func TestAnew(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		init := makeInit(videoTrack(), soundTrack())
		send(h, "PUT", at("tv/init.mp4"), init).want(t, 201, "")
		for n := range 3 {
			send(h, "PUT", at("tv/seg-%d.m4s", n), both(n)).want(t, 201, "")
		}
		send(h, "PUT", at("tv/seg-2.m4s"), both(7)).want(t, 409, "other bytes")
		send(h, "PUT", at("tv/init.mp4"), init).want(t, 201, "")
		send(h, "PUT", at("tv/seg-0.m4s"), both(5)).want(t, 201, "")
		first, second := d.sink(t), d.sink(t)
		first.inOrder(t, VideoTrack, 0, 75)
		second.inOrder(t, VideoTrack, 125, 150)
		if first.p.Session != "tv" || !strings.HasPrefix(second.p.Session, "tv~") {
			t.Errorf("sessions %q and %q", first.p.Session, second.p.Session)
		}
		send(h, "PUT", at("tv/init.mp4"), makeInit(videoTrack())).want(t, 201, "")
		send(h, "PUT", at("tv/seg-0.m4s"), pictures(9)).want(t, 201, "")
		third := d.sink(t)
		third.inOrder(t, VideoTrack, 225, 250)
		if second.reason != nil || third.p.Session == second.p.Session {
			t.Errorf("the second ended with %v; the third is %q", second.reason, third.p.Session)
		}
	})
}

// halting is a body that breaks after what it has.
type halting struct{ r io.Reader }

func (h halting) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestCutOff: an upload that was cut off and comes again is aired once.
func TestCutOff(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("tv/init.mp4"), makeInit(videoTrack(), soundTrack())).want(t, 201, "")
		send(h, "PUT", at("tv/seg-1.m4s"), both(1)).want(t, 201, "")
		segment := append(both(2), both(3)...)
		half := len(both(2)) + 300
		sendBody(h, "PUT", at("tv/seg-2.m4s"), halting{strings.NewReader(string(segment[:half]))}).want(t, 400, "cut off")
		sendBody(h, "PUT", at("tv/seg-2.m4s"), io.MultiReader(strings.NewReader(string(segment)))).want(t, 201, "")
		s := d.sink(t)
		s.inOrder(t, VideoTrack, 25, 100)
		s.inOrder(t, AudioTrack, 47, 188)
		// One long upload, cut off, begins again a little before.
		init := string(makeInit(videoTrack(), soundTrack()))
		sendBody(h, "POST", at("long/all.cmfv"), halting{strings.NewReader(init + string(both(0)) + string(both(1)))}).want(t, 400, "cut off")
		sendBody(h, "POST", at("long/all.cmfv"), io.MultiReader(strings.NewReader(init+string(both(1))+string(both(2))))).want(t, 201, "")
		s = d.sink(t)
		s.inOrder(t, VideoTrack, 0, 75)
		s.inOrder(t, AudioTrack, 0, 141)
	})
}
