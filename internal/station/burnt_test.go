package station

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// burn has a channel's graphics burnt in, or not.
func (w *world) burn(slug string, on bool) {
	w.t.Helper()
	if _, err := w.channels.Update(w.t.Context(), slug, func(c *channel.Channel) error { c.Burn = &on; return nil }); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Second)
}

// feed feeds the burnt program of a channel, with program times that lie behind the clock.
func (w *world) feed(c *channel.Channel) *encoder {
	w.t.Helper()
	e := &encoder{w: w}
	born := time.Now().Add(-4 * time.Second)
	x, err := w.station.PublishBurnt(w.t.Context(), c.ID, Publication{Kick: func(reason error) { e.kicked = reason }, Born: func() time.Time { return born }})
	if err == nil {
		err = x.Tracks([]media.Track{soundTrack})
	}
	if err != nil {
		w.t.Fatalf("PublishBurnt: %v", err)
	}
	e.x = x
	return e
}

// behind returns the number behind a window's newest segment.
func behind(w *hls.Window) int64 { return w.MediaSequence + int64(len(w.Segments)) }

// TestBurntProgram keeps a second program for a channel that asks for one: it is found at its own address alone, nobody
// has a key to it, it keeps its program times, rests, and goes on with the next number, also after a restart and after
// the channel has changed its mind.
func TestBurntProgram(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := w.channel("news", "cam")
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("nobody asked for it: %v", err)
		}
		if _, err := w.station.PublishBurnt(t.Context(), c.ID, Publication{}); !errors.Is(err, ErrNoChannel) {
			t.Errorf("feeding what nobody asked for: %v", err)
		}
		w.burn("news", true)
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNotYet) {
			t.Errorf("before it is fed: %v, want it to be held", err)
		}
		if _, err := w.publish(burntSource); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("somebody publishes to it: %v", err)
		}
		began := time.Now()
		e := w.feed(c)
		e.run(10 * time.Second)
		first := w.mustWindow("news/burnt")
		if first.LowLatency || len(first.Segments) < 4 || first.Segments[0].ProgramTime.Sub(began).Abs() > 4100*time.Millisecond || !first.Segments[0].ProgramTime.Before(began) {
			t.Errorf("it lists %s", describe(first))
		}
		if n := len(w.station.Statuses()); n != 1 || w.station.Stats().Channels != 1 || w.state("news") != Never {
			t.Errorf("%d channels are shown, and the one itself is %s", n, w.state("news"))
		}
		if here, said := w.station.Stats().Publishers, w.station.Beat().Load.Publishers; here != 0 || said != 0 {
			t.Errorf("%d publishers are counted, and others told of %d", here, said)
		}
		a, err := media.ParseAddress(first.Segments[0].URI)
		if err != nil || w.station.ChannelOf(a.Take) != c.ID {
			t.Errorf("its media belongs to channel %q, want %q (%v)", w.station.ChannelOf(a.Take), c.ID, err)
		}

		e.x.Close(nil)
		time.Sleep(2 * time.Minute)
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNotYet) {
			t.Errorf("while it rests: %v, want it to be held", err)
		}
		w.stop()
		w.start("node")
		e = w.feed(c)
		e.run(5 * time.Second)
		again := w.mustWindow("news/burnt")
		if again.MediaSequence < behind(first) || again.DiscontinuitySequence <= first.DiscontinuitySequence || again.Segments[0].ProgramTime.Before(began.Add(time.Minute)) {
			t.Errorf("after its rest it lists %s, behind %s", describe(again), describe(first))
		}

		w.burn("news", false)
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("the channel does not want it any more: %v", err)
		}
		e.x.Close(nil)
		w.burn("news", true)
		e = w.feed(c)
		e.run(5 * time.Second)
		if last := w.mustWindow("news/burnt"); behind(last) <= behind(again) {
			t.Errorf("numbers went back: %s behind %s", describe(last), describe(again))
		}
		if _, err := w.channels.Update(t.Context(), "news", func(c *channel.Channel) error { c.Suspended = "spam"; return nil }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := w.station.PublishBurnt(t.Context(), c.ID, Publication{}); !errors.Is(err, ErrSuspended) || !errors.Is(e.kicked, ErrSuspended) {
			t.Errorf("suspended: %v, and who fed it was told %v", err, e.kicked)
		}
	})
}

// TestBurntSuccessor gives a channel's address to another one while this node hears of neither: nobody is shown the burnt
// program of the first, and late word of it takes nothing from the second.
func TestBurntSuccessor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.channel("news", "cam")
		w.burn("news", true)
		e := w.feed(first)
		e.run(5 * time.Second)
		w.mustWindow("news/burnt")

		elsewhere := channel.NewStore(bucket.NewDocuments(w.bucket), slog.New(slog.DiscardHandler))
		if _, err := elsewhere.Update(t.Context(), "news", func(c *channel.Channel) error { c.Deleted = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		second, err := elsewhere.Create(t.Context(), channel.Channel{Slug: "news"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.channels.Look(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNoChannel) {
			t.Errorf("the second has not asked: %v", err)
		}
		if !errors.Is(e.kicked, ErrKeyRevoked) {
			t.Errorf("who fed the first was told %v", e.kicked)
		}
		if n := w.station.Stats().Channels; n != 1 {
			t.Errorf("%d channels", n)
		}
		w.burn("news", true)
		late, off := *first, false
		late.Burn, late.Deleted = &off, time.Now()
		w.station.channelChanged(&late)
		if _, err := w.window("news/burnt", false); !errors.Is(err, ErrNotYet) {
			t.Errorf("after late word of the first: %v, want it to be held", err)
		}
		e = w.feed(second)
		e.run(5 * time.Second)
		a, err := media.ParseAddress(w.mustWindow("news/burnt").Segments[0].URI)
		if err != nil || w.station.ChannelOf(a.Take) != second.ID {
			t.Errorf("the program at its address is that of %q (%v)", w.station.ChannelOf(a.Take), err)
		}
	})
}

// TestBurntMoves has another node feed a burnt program while the one before lives: that is no publisher who left it, so it
// is not ended any sooner when it falls silent.
func TestBurntMoves(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		a, b := n.all["a"], n.all["b"]
		c := a.channel("news", "cam")
		a.burn("news", true)
		e := a.feed(c)
		e.run(5 * time.Second)
		p := b.station.byChannel(BurntID(c.ID))
		p.mu.Lock()
		on := p.director.List().OnAir()
		p.mu.Unlock()
		if on == nil || !strings.HasPrefix(on.Origin, "a/") {
			t.Fatalf("what b knows is %+v", on)
		}
		b.feed(c).run(5 * time.Second)
		if !errors.Is(e.kicked, ErrReplaced) {
			t.Errorf("who fed it before was told %v", e.kicked)
		}
		b.station.fleet.mu.Lock()
		defer b.station.fleet.mu.Unlock()
		if b.station.fleet.returned["a"] {
			t.Error("it counts as a publisher that came back from the node before")
		}
	})
}
