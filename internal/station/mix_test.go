package station

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// tone sends numbered frames of sound as one source, in real time, until it is stopped.
type tone struct {
	e    *encoder
	stop atomic.Bool
	done chan struct{}
}

func (w *world) tone(source byte) *tone {
	w.t.Helper()
	x := &tone{e: w.mustPublish(fmt.Sprintf("%c-key-0123456789", source)), done: make(chan struct{})}
	go func() {
		defer close(x.done)
		for n := uint32(0); !x.stop.Load(); n++ {
			data := binary.BigEndian.AppendUint32([]byte{0x21, 0x10, 0x04, source}, n)
			if x.e.x.Sample(media.Sample{Track: 2, DTS: int64(n) * 1024, Key: true, Data: data}) != nil {
				return
			}
			time.Sleep(1024 * time.Second / 48000)
		}
	}()
	return x
}

func (x *tone) end() {
	x.stop.Store(true)
	<-x.done
	x.e.x.Close(nil)
}

// heard is one frame of the sound of what is listed.
type heard struct {
	source byte
	number uint32
}

// sound reads the sound of all that a channel lists.
func (w *world) sound(slug string) (list []heard) {
	w.t.Helper()
	win, err := w.window(slug, true)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.log.String())
	}
	for _, s := range win.Segments {
		a, err := media.ParseAddress(s.URI)
		if err != nil {
			w.t.Fatal(err)
		}
		data, _, err := w.station.Open(w.t.Context(), a)
		if err != nil {
			w.t.Fatalf("%s is listed and cannot be fetched: %v", s.URI, err)
		}
		for _, d := range data {
			fragments, err := cmaf.ReadFragments(d)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, f := range fragments {
				for _, x := range f.Samples {
					if len(x.Data) == 8 && x.Data[0] == 0x21 {
						list = append(list, heard{x.Data[3], binary.BigEndian.Uint32(x.Data[4:])})
					}
				}
			}
		}
	}
	return list
}

// cutTo cuts to the pictures of a source as the channel's settings have it.
func (w *world) cutTo(slug, source string) error {
	p, err := w.station.Program(slug)
	if err != nil {
		return err
	}
	_, _, err = p.Cut(w.t.Context(), p.Mix(source).Source())
	return err
}

func (w *world) change(slug string, f func(c *channel.Channel) error) {
	w.t.Helper()
	if _, err := w.channels.Update(w.t.Context(), slug, f); err != nil {
		w.t.Fatal(err)
	}
}

// unbroken fails unless the sound of a source is whole from its first frame to its last.
func unbroken(t *testing.T, list []heard, source byte, least int) {
	t.Helper()
	first := -1
	for i, h := range list {
		if h.source == source {
			first = i
			break
		}
	}
	if first < 0 {
		t.Fatalf("nothing of %c is heard", source)
	}
	for i := first + 1; i < len(list); i++ {
		if list[i].source != source || list[i].number != list[i-1].number+1 {
			t.Fatalf("frame %d of %c comes after %d of %c", list[i].number, list[i].source, list[i-1].number, list[i-1].source)
		}
	}
	if n := len(list) - first; n < least {
		t.Errorf("%d frames of %c are heard, want %d", n, source, least)
	}
}

// TestSoundKept keeps the sound of one source while pictures are cut: no frame of it is lost or heard twice.
func TestSoundKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "a", "b", "d")
		a, b, d := c.Sources[0].ID, c.Sources[1].ID, c.Sources[2].ID
		one := w.tone('a')
		time.Sleep(1300 * time.Millisecond)
		two := w.tone('b')
		time.Sleep(770 * time.Millisecond)
		desk := w.tone('d')
		time.Sleep(5 * time.Second)
		p, _ := w.station.Program("news")
		w.change("news", func(c *channel.Channel) error { return c.KeepSound(d, 40) })
		time.Sleep(3 * time.Second) // what is on air gets the sound by itself
		want := program.Mix{Picture: a, Sound: d, Delay: 40 * time.Millisecond}
		if s := p.Status(); s.Mix != want || s.Source != a {
			t.Fatalf("on air is %+v, want %+v\n%s", s.Mix, want, w.log.String())
		}
		for i, picture := range []string{b, a, d, b, d, a} {
			asked := time.Now()
			if err := w.cutTo("news", picture); err != nil {
				t.Fatal(err)
			}
			for p.Status().Source != picture {
				if time.Since(asked) > 3*time.Second {
					t.Fatalf("cut %d is not on air", i)
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("cut %d is on air after %v", i, time.Since(asked))
			time.Sleep(time.Duration(i)*730*time.Millisecond + 2*time.Second)
		}
		unbroken(t, w.sound("news"), 'd', 400)

		// How far the derived take is behind its pictures.
		var most time.Duration
		for range 120 {
			time.Sleep(33 * time.Millisecond)
			for _, d := range p.derivations() {
				most = max(most, end(d.picture.log).Sub(end(d.log())))
			}
		}
		t.Logf("a derived take is behind the take of its pictures by %v at most", most)
		if most > 350*time.Millisecond {
			t.Errorf("a derived take is behind by %v, want a part and 100 ms", most)
		}

		// The sound ends: the pictures go on with their own, and get it back when it is there.
		desk.end()
		time.Sleep(4 * time.Second)
		if s := p.Status(); s.State != Live || s.Mix.Source() != a || s.Notice == "" {
			t.Errorf("without its sound, on air is %+v: %q", s.Mix, s.Notice)
		}
		if err := w.cutTo("news", b); !errors.Is(err, ErrNoSound) {
			t.Errorf("a cut to sound that is not there: %v", err)
		}
		desk = w.tone('d')
		time.Sleep(9 * time.Second)
		if s := p.Status(); s.Mix != want {
			t.Errorf("with its sound back, on air is %+v\n%s", s.Mix, w.log.String())
		}
		// The pictures end.
		one.end()
		time.Sleep(3 * time.Second)
		if s := p.Status(); s.State != Live || s.Source == a {
			t.Errorf("without its pictures, on air is %+v: %s", s.Mix, s.State)
		}
		two.end()
		desk.end()
		time.Sleep(2 * time.Second)
		if n := len(p.derivations()); n != 0 || p.Status().State != Off {
			t.Errorf("%d derived takes are made, the channel is %s", n, p.Status().State)
		}
	})
}

// end returns when what a log has ends.
func end(l *take.Log) time.Time { return l.Take().Born.Add(l.Edge().End.Duration()) }

// TestSoundAcrossNodes keeps a sound that another node takes in than the pictures, which are taken in by two; and goes
// on when the node of the sound dies, and when the one of the pictures does.
func TestSoundAcrossNodes(t *testing.T) {
	inFleet(t, "a b c v", func(t *testing.T, n *nodes) {
		c := n.all["v"].channel("news", "a", "b", "d")
		a, b, d := c.Sources[0].ID, c.Sources[1].ID, c.Sources[2].ID
		time.Sleep(2 * time.Second)
		v := n.all["v"]
		n.all["a"].tone('a')
		time.Sleep(1300 * time.Millisecond)
		n.all["b"].tone('b')
		time.Sleep(770 * time.Millisecond)
		n.all["c"].tone('d')
		time.Sleep(4 * time.Second)
		v.change("news", func(c *channel.Channel) error { return c.KeepSound(d, 0) })
		time.Sleep(4 * time.Second)
		p, _ := v.station.Program("news")
		for i, picture := range []string{b, a, b} {
			if err := v.cutTo("news", picture); err != nil {
				t.Fatalf("cut %d: %v\n%s", i, err, n.logs())
			}
			time.Sleep(2500*time.Millisecond + time.Duration(i)*410*time.Millisecond)
			if m := p.Status().Mix; m.Picture != picture || m.Sound != d {
				t.Fatalf("cut %d: on air is %+v", i, m)
			}
			n.see("a", "news")
			n.see("v", "news")
		}
		unbroken(t, v.sound("news"), 'd', 300)

		n.all["c"].kill()
		time.Sleep(6 * time.Second)
		n.see("v", "news")
		if s := p.Status(); s.State != Live || s.Mix.Source() != b {
			t.Fatalf("without its sound, on air is %+v: %s\n%s", s.Mix, s.State, n.logs())
		}
		n.all["a"].tone('d')
		time.Sleep(12 * time.Second)
		if m := p.Status().Mix; m.Picture != b || m.Sound != d {
			t.Fatalf("with its sound back, on air is %+v\n%s", m, n.logs())
		}
		n.see("v", "news")

		n.all["b"].kill()
		time.Sleep(3 * time.Second)
		n.all["a"].tone('b')
		time.Sleep(12 * time.Second)
		n.see("v", "news")
		if s := p.Status(); s.State != Live || s.Mix.Picture != b || s.Mix.Sound != d {
			t.Fatalf("with its pictures back, on air is %+v: %s\n%s", s.Mix, s.State, n.logs())
		}
		time.Sleep(3 * time.Second)
		n.see("v", "news")
	})
}

// TestWarnings shows what is wrong with a source at the node that takes it in, and at another one.
func TestWarnings(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "a")
		n.all["a"].tone('a')
		time.Sleep(8 * time.Second)
		for _, name := range []string{"a", "b"} {
			p, err := n.all[name].station.Program("news")
			if err != nil {
				t.Fatal(err)
			}
			if all := p.Sending(); len(all) != 1 || len(all[0].Warnings) != 1 || all[0].Warnings[0].Kind != take.NoPicture {
				t.Errorf("node %s: %+v", name, all)
			}
		}
	})
}
