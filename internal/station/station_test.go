package station

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// world is a bucket with a node in it, all in the time of a synctest bubble.
type world struct {
	t        *testing.T
	bucket   *bucket.Faulty
	channels *channel.Store
	station  *Station
	spool    string
	shelf    *shelf
	newest   int64        // number that was listed
	asked    atomic.Int64 // requests about cut lists and plans
	log      bytes.Buffer
	stop     func()
}

// spoolBytes is room for some minutes of the tests' streams.
const spoolBytes = 2 << 20

// inWorld runs a test with a running station.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	spool := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, bucket: bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{Latency: 5 * time.Millisecond}), spool: spool, shelf: &shelf{}}
		w.start("node")
		defer func() { w.stop() }()
		test(t, w)
	})
}

// start starts a node of that name, with the spool of that name.
func (w *world) start(node string) {
	w.t.Helper()
	s, err := bundle.OpenSpool(w.spool+"/"+node, node, nil, bundle.SpoolConfig{MaxBytes: spoolBytes})
	if err != nil {
		w.t.Fatal(err)
	}
	docs := bucket.NewDocuments(counted{w.bucket, &w.asked})
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w.channels = channel.NewStore(docs, log)
	w.station = New(Config{Docs: docs, Spool: s, Channels: w.channels, Log: log, MaxMemory: 64 << 10, Clips: w.shelf})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- w.channels.Run(ctx) }()
	go func() { ended <- w.station.Run(ctx) }()
	w.stop = func() {
		w.t.Helper()
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				w.t.Errorf("Run = %v", err)
			}
		}
		s.Close()
	}
	time.Sleep(time.Second)
	if err := w.station.Ready(); err != nil {
		w.t.Fatalf("Ready = %v", err)
	}
}

func (w *world) channel(slug string, sources ...string) *channel.Channel {
	w.t.Helper()
	c := channel.Channel{Slug: slug, AutoLive: true, DVRWindow: 120}
	for _, s := range sources {
		c.Sources = append(c.Sources, channel.Source{Name: s, StreamKey: s + "-key-0123456789"})
	}
	made, err := w.channels.Create(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Second)
	return made
}

// encoder publishes sound, to which the packager makes a still.
type encoder struct {
	w      *world
	x      *Session
	at     int64
	kicked error
}

var soundTrack = media.Track{ID: 2, Codec: media.AAC, Timescale: 48000, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}

func (w *world) publish(key string) (*encoder, error) {
	e := &encoder{w: w}
	x, err := w.station.Publish(w.t.Context(), Publication{Key: key, Kick: func(reason error) { e.kicked = reason }})
	if err != nil {
		return nil, err
	}
	e.x = x
	return e, x.Tracks([]media.Track{soundTrack})
}

func (w *world) mustPublish(key string) *encoder {
	w.t.Helper()
	e, err := w.publish(key)
	if err != nil {
		w.t.Fatalf("Publish: %v", err)
	}
	return e
}

// run sends so much sound in real time.
func (e *encoder) run(d time.Duration) error {
	for end := e.at + int64(d)*48000/int64(time.Second); e.at < end; e.at += 1024 {
		if err := e.x.Sample(media.Sample{Track: 2, DTS: e.at, Key: true, Data: []byte{0x21, 0x10, 0x04, byte(e.at >> 10)}}); err != nil {
			return err
		}
		time.Sleep(1024 * time.Second / 48000)
	}
	return nil
}

func (w *world) window(slug string, dvr bool) (*hls.Window, error) {
	p, err := w.station.Program(slug)
	if err != nil {
		return nil, err
	}
	win, _, err := p.Window(media.Main, dvr)
	return win, err
}

func (w *world) mustWindow(slug string) *hls.Window {
	w.t.Helper()
	win, err := w.window(slug, false)
	if err != nil {
		w.t.Fatalf("Window: %v\n%s", err, w.log.String())
	}
	return win
}

func (w *world) state(slug string) State {
	p, err := w.station.Program(slug)
	if err != nil {
		return ""
	}
	return p.Status().State
}

// TestOnAndOffAir follows a channel from never on air to its publisher's return.
func TestOnAndOffAir(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		if _, err := w.window("news", false); !errors.Is(err, ErrNotOnAir) || w.state("news") != Never {
			t.Errorf("before: %v, state %s", err, w.state("news"))
		}
		if _, err := w.window("other", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("a channel that is not there: %v", err)
		}
		if _, err := w.publish("nobody-has-this-key"); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("a wrong key: %v", err)
		}
		e := w.mustPublish("cam-key-0123456789")
		if _, err := w.window("news", false); !errors.Is(err, ErrNotYet) {
			t.Errorf("before the first part: %v, want it to be held", err)
		}
		e.run(10 * time.Second)
		first := w.mustWindow("news")
		if n := len(first.Segments); n < 5 || first.MediaSequence != 0 || first.Hint == "" || w.state("news") != Live {
			t.Errorf("on air: %d segments from %d, hint %q, state %s", n, first.MediaSequence, first.Hint, w.state("news"))
		}
		if again := w.mustWindow("news"); again != first {
			t.Error("the same window twice is two")
		}
		e.x.Close(nil)
		time.Sleep(time.Second)
		off := w.mustWindow("news")
		if off.Ended || off.Hint != "" || w.state("news") != Off {
			t.Errorf("off air: ended %v, hint %q, state %s", off.Ended, off.Hint, w.state("news"))
		}
		last, _ := off.Last()
		time.Sleep(time.Minute)
		e = w.mustPublish("cam-key-0123456789")
		e.run(5 * time.Second)
		back := w.mustWindow("news")
		i := int(last + 1 - back.MediaSequence)
		if i >= len(back.Segments) || !back.Segments[i].Discontinuity {
			t.Errorf("the return does not follow number %d with a discontinuity", last)
		}
		e.x.Close(nil)
	})
}

// TestHands tests that the newer publisher wins, and that two cannot take turns for ever.
func TestHands(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		first := w.mustPublish("cam-key-0123456789")
		first.run(3 * time.Second)
		second := w.mustPublish("cam-key-0123456789")
		if !errors.Is(first.kicked, ErrReplaced) || !errors.Is(first.run(time.Second), ErrReplaced) {
			t.Errorf("the first publisher was told %v", first.kicked)
		}
		second.run(2 * time.Second)
		third := w.mustPublish("cam-key-0123456789")
		third.run(2 * time.Second)
		if _, err := w.publish("cam-key-0123456789"); !errors.Is(err, ErrTwoEncoders) {
			t.Errorf("the third change of hands: %v, want %v", err, ErrTwoEncoders)
		}
		p, _ := w.station.Program("news")
		if n := p.Status().Notice; n != "two encoders use one key" {
			t.Errorf("the producer is told %q", n)
		}
		if err := third.run(30 * time.Second); err != nil {
			t.Errorf("the present one was disturbed: %v", err)
		}
		fourth := w.mustPublish("cam-key-0123456789")
		if fourth.run(3*time.Second) != nil || w.state("news") != Live {
			t.Error("half a minute later, a change of hands is not possible")
		}
		fourth.x.Close(nil)
	})
}

// TestCuts cuts between two sources by hand.
func TestCuts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "one", "two")
		one := w.mustPublish("one-key-0123456789")
		one.run(2 * time.Second)
		two := w.mustPublish("two-key-0123456789")
		go two.run(40 * time.Second)
		one.run(5 * time.Second)
		p, _ := w.station.Program("news")
		if s := p.Status(); s.Source != c.Sources[0].ID {
			t.Fatalf("%q is on air, want the first to connect", s.Source)
		}
		number, _, err := p.Cut(t.Context(), c.Sources[1].ID)
		if err != nil {
			t.Fatal(err)
		}
		one.run(3 * time.Second)
		if s := p.Status(); s.Source != c.Sources[1].ID || s.Number != number {
			t.Errorf("on air is %q from number %d, want the second from %d", s.Source, s.Number, number)
		}
		w.mustWindow("news")
		if _, _, err := p.Cut(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		one.run(3 * time.Second)
		if w.state("news") != Off {
			t.Errorf("state %s after a cut to off", w.state("news"))
		}
		one.x.Close(nil)
		if _, _, err := p.Cut(t.Context(), c.Sources[0].ID); !errors.Is(err, program.ErrNoSuchSource) {
			t.Errorf("a cut to a source that left: %v", err)
		}
		two.x.Close(nil)
		time.Sleep(time.Second)
	})
}

// TestWindowOfTime runs a channel for longer than its DVR window: what is listed can be fetched, the rest is
// let go, in memory and in the bucket.
func TestWindowOfTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam") // two minutes
		e := w.mustPublish("cam-key-0123456789")
		bundles := func() (n int) {
			bucket.All(t.Context(), w.bucket, "media/", func(bucket.Entry) error { n++; return nil })
			return n
		}
		e.run(40 * time.Minute)
		dvr, err := w.window("news", true)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(dvr.Segments); n < 58 || n > 64 {
			t.Errorf("the DVR lists %d segments of 2 s, want two minutes", n)
		}
		for _, s := range dvr.Segments {
			a, err := media.ParseAddress(s.URI)
			if err != nil {
				t.Fatal(err)
			}
			if data, _, err := w.station.Open(t.Context(), a); err != nil || len(data) == 0 {
				t.Fatalf("%s is listed and cannot be fetched: %v", s.URI, err)
			}
		}
		if s := w.station.Stats(); s.TailBytes > 1<<20 {
			t.Errorf("%d bytes of media in memory", s.TailBytes)
		}
		left := bundles()
		e.run(60 * time.Minute)
		if now := bundles(); left > 4700 || now > 7000 || now < 1500 {
			t.Errorf("%d bundles after 40 minutes, %d after 100, of 4,800 and 12,000 that were written: want what an hour has at most", left, now)
		}
		e.x.Close(nil)
	})
}

// TestRevoked rotates a key and deletes a channel under a publisher.
func TestRevoked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(3 * time.Second)
		if _, err := w.publish(c.Sources[0].CameraKey()); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("an encoder publishes with a camera's key: %v", err)
		}
		if _, err := w.channels.Update(t.Context(), "news", func(now *channel.Channel) error { return now.Rotate(c.Sources[0].ID, false) }); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(e.kicked, ErrKeyRevoked) {
			t.Errorf("the publisher with the old key was told %v", e.kicked)
		}
		changed, err := w.channels.Get("news")
		if err != nil {
			t.Fatal(err)
		}
		e = w.mustPublish(changed.Sources[0].StreamKey)
		e.run(3 * time.Second)
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := w.window("news", false); !errors.Is(err, ErrNoChannel) || !errors.Is(e.kicked, ErrKeyRevoked) {
			t.Errorf("after the deletion: %v, the publisher was told %v", err, e.kicked)
		}
		if strings.Contains(w.log.String(), changed.Sources[0].StreamKey) {
			t.Error("the log shows a stream key")
		}
	})
}

// TestJump ends a take where the encoder's clock jumps, and begins another.
func TestJump(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.channel("news", "cam")
		e := w.mustPublish("cam-key-0123456789")
		e.run(4 * time.Second)
		e.at += 48000 * 3600
		e.run(4 * time.Second)
		e.at -= 48000 * 7200
		e.run(4 * time.Second)
		win := w.mustWindow("news")
		cuts := 0
		for _, s := range win.Segments {
			if s.Discontinuity {
				cuts++
			}
		}
		if cuts != 2 {
			t.Errorf("%d discontinuities after two jumps of the clock:\n%s", cuts, describe(win))
		}
		e.x.Close(nil)
	})
}

func describe(w *hls.Window) string {
	var b strings.Builder
	for i, s := range w.Segments {
		fmt.Fprintln(&b, w.MediaSequence+int64(i), s.URI, s.Discontinuity)
	}
	return b.String()
}
