package station

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/aac"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// numbered is a frame of silence that can be told from others: what lies behind its end nobody reads.
func numbered(source byte, n int64) []byte {
	return binary.BigEndian.AppendUint32(append(bytes.Clone(cmaf.SilentFrame), source), uint32(n))
}

// frames reads the numbered frames of all that a channel lists, and of how many takes they are.
func (w *world) frames(slug string) (list [][]byte, takes int) {
	w.t.Helper()
	win, err := w.window(slug, true)
	if err != nil {
		w.t.Fatal(err)
	}
	seen := map[media.TakeID]bool{}
	for _, s := range win.Segments {
		a, err := media.ParseAddress(s.URI)
		if err != nil {
			w.t.Fatal(err)
		}
		seen[a.Take] = true
		data, _, err := w.station.Open(w.t.Context(), a)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range data {
			fragments, err := cmaf.ReadFragments(d)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, f := range fragments {
				for _, x := range f.Samples {
					if len(x.Data) == len(cmaf.SilentFrame)+5 {
						list = append(list, x.Data)
					}
				}
			}
		}
	}
	return list, len(seen)
}

// send sends numbered frames in real time.
func (e *encoder) send(source byte, d time.Duration) error {
	for end := e.at + int64(d)*48000/int64(time.Second); e.at < end; e.at += 1024 {
		if err := e.x.Sample(media.Sample{Track: 2, DTS: e.at, Key: true, Data: numbered(source, e.at>>10)}); err != nil {
			return err
		}
		time.Sleep(1024 * time.Second / 48000)
	}
	return nil
}

// TestGain moves the gain of a source on air: what comes from then on is louder or quieter, and nothing else is
// another: no cut, no frame too much or too few, the same take. At 0 dB it is as it came.
func TestGain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "a")
		source := c.Sources[0].ID
		e := w.mustPublish("a-key-0123456789")
		gains := []float64{0, -6, 3, 0}
		for _, dB := range gains {
			w.change("news", func(c *channel.Channel) error { return c.SetGain(source, dB) })
			if err := e.send('a', 3*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		list, takes := w.frames("news")
		if takes != 1 || len(list) < 3*140 {
			t.Fatalf("%d frames of %d takes", len(list), takes)
		}
		form, err := aac.FormOf(cmaf.StereoConfig)
		if err != nil {
			t.Fatal(err)
		}
		heard, at := make([]int, len(gains)), 0
		for i, got := range list {
			raw := numbered('a', int64(i))
			for at < len(gains) {
				want := raw
				if gains[at] != 0 {
					if want, err = form.Louder(raw, aac.Steps(gains[at])); err != nil {
						t.Fatal(err)
					}
				}
				if bytes.Equal(got, want) {
					break
				}
				at++
			}
			if at == len(gains) {
				t.Fatalf("frame %d is %x, sent as %x", i, got, raw)
			}
			heard[at]++
		}
		for i, n := range heard {
			if n < 120 && i+1 < len(gains) || n == 0 { // the newest are not whole segments yet
				t.Errorf("%d frames are heard with %g dB, want some 140", n, gains[i])
			}
		}
		e.x.Close(nil)
	})
}

// TestGainUnderOthers hears a source's gain when its sound is kept under the pictures of another.
func TestGainUnderOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "a", "d")
		a, d := c.Sources[0].ID, c.Sources[1].ID
		w.change("news", func(c *channel.Channel) error {
			if err := c.SetGain(d, 6); err != nil {
				return err
			}
			return c.KeepSound(d, 0)
		})
		one := w.mustPublish("a-key-0123456789")
		if err := one.send('a', time.Second); err != nil {
			t.Fatal(err)
		}
		desk := w.mustPublish("d-key-0123456789")
		sent := make(chan error, 1)
		go func() { sent <- desk.send('d', 8*time.Second) }()
		if err := one.send('a', 8*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		p, _ := w.station.Program("news")
		if m := p.Status().Mix; m.Picture != a || m.Sound != d {
			t.Fatalf("on air is %+v", m)
		}
		form, _ := aac.FormOf(cmaf.StereoConfig)
		list, _ := w.frames("news")
		n := 0
		for _, got := range list {
			raw := numbered('d', int64(binary.BigEndian.Uint32(got[len(got)-4:])))
			if want, _ := form.Louder(raw, aac.Steps(6)); bytes.Equal(got, want) {
				n++
			} else if got[len(cmaf.SilentFrame)] == 'd' {
				t.Fatalf("%x is heard, sent as %x", got, raw)
			}
		}
		if n < 100 {
			t.Errorf("%d frames of the kept sound are heard", n)
		}
		one.x.Close(nil)
		desk.x.Close(nil)
	})
}

// TestNoGain tells who moves the gain of a sound that it cannot be made, and lets the sound be heard as it comes.
func TestNoGain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "a")
		e := w.mustPublish("a-key-0123456789")
		high := media.Track{ID: 2, Codec: media.AAC, Timescale: 24000, Config: []byte{0x2b, 0x11, 0x88, 0x00}, SampleRate: 48000, Channels: 2}
		if err := e.x.Tracks([]media.Track{high}); err != nil {
			t.Fatal(err)
		}
		warned := func() bool {
			for _, x := range e.x.warnings() {
				if x.Kind == take.Gain {
					return true
				}
			}
			return false
		}
		if err := e.send('a', 2*time.Second); err != nil || warned() {
			t.Fatalf("%v, warned: %v", err, warned())
		}
		w.change("news", func(c2 *channel.Channel) error { return c2.SetGain(c.Sources[0].ID, -6) })
		if err := e.send('a', 2*time.Second); err != nil || !warned() {
			t.Fatalf("%v, warned: %v", err, warned())
		}
		if s := e.x.volume.apply(media.Sample{Track: 2, Data: cmaf.SilentFrame}, -4); !bytes.Equal(s.Data, cmaf.SilentFrame) {
			t.Errorf("a frame is %x", s.Data)
		}
		w.change("news", func(c2 *channel.Channel) error { return c2.SetGain(c.Sources[0].ID, 0) })
		if warned() {
			t.Error("it is warned of a gain of 0 dB")
		}
		e.x.Close(nil)
	})
}
