package station

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// autopilotChannels is as many as one node is to run.
const autopilotChannels = 15_000

// BenchmarkAutopilot has one node run 15,000 channels on autopilot. It prints how long they take to be there and what
// they hold in memory, and times what it costs to list one of them.
func BenchmarkAutopilot(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	store := bucket.NewMem()
	docs := bucket.NewDocuments(store)
	s := &shelf{}
	clip := s.clip(400)
	p := plan(clip)
	p.Version, p.Format = 1, program.FormatOf(s.clips[clip].Take.Renditions[0].Tracks)
	p.Storyboards[0].Clips[0].Cadence = program.CadenceOf(s.clips[clip].Segments)
	began := time.Now().UTC().Add(-30 * 24 * time.Hour).Truncate(time.Millisecond)
	for n := range autopilotChannels {
		id, slug := fmt.Sprintf("%016d", n), fmt.Sprint("channel-", n)
		c := channel.Channel{
			ID: id, Slug: slug, Title: slug, AutoLive: true, DVRWindow: 7200, Access: channel.Access{Visibility: channel.Listed}, Plan: &channel.Plan{Version: 1, Video: p.Format.Video, Audio: p.Format.Audio},
			Sources: []channel.Source{{ID: id, Name: "camera", StreamKey: channel.NewKey(), BackupStreamKey: channel.NewKey()}},
		}
		list := program.CutList{Channel: id, Format: &p.Format, Entries: []program.Entry{{ID: "first", ProgramTime: began, Source: program.AutopilotSource, Play: &program.Play{Plan: 1}}}}
		for key, v := range map[string]any{"channels/" + slug: c, cutsKey(id): list, planKey(id, 1): p} {
			if err := bucket.Create(ctx, docs, key, v); err != nil {
				b.Fatal(err)
			}
		}
	}
	spool, err := bundle.OpenSpool(b.TempDir(), "node", nil, bundle.SpoolConfig{})
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	log := slog.New(slog.DiscardHandler)
	docs = bucket.NewDocuments(store)
	channels := channel.NewStore(docs, log)
	x := New(Config{Docs: docs, Spool: spool, Channels: channels, Log: log, Clips: s})
	started := time.Now()
	ended := make(chan error, 2)
	go func() { ended <- channels.Run(ctx) }()
	go func() { ended <- x.Run(ctx) }()
	<-channels.Loaded()
	for n := 0; n < autopilotChannels; {
		n = 0
		for _, p := range x.each() {
			p.mu.Lock()
			if p.told {
				n++
			}
			p.mu.Unlock()
		}
		runtime.Gosched()
	}
	start, held := time.Since(started), heap()-before
	busy := cpu()
	<-time.After(idleTime)
	busy = cpu() - busy
	window := func(n int) *hls.Window {
		q, err := x.Program(fmt.Sprint("channel-", n))
		if err != nil {
			b.Fatal(err)
		}
		for {
			w, changed, err := q.Window(media.Main, false)
			if err == nil {
				return w
			}
			<-changed
		}
	}
	began = time.Now()
	window(0)
	first := time.Since(began)
	q, err := x.Program("channel-0")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.mu.Lock()
		q.live.stale = true
		q.mu.Unlock()
		window(0).Media(hls.SkipNo, nil)
	}
	b.ReportMetric(start.Seconds(), "s-to-start")
	b.ReportMetric(float64(held)/autopilotChannels, "B/channel")
	b.ReportMetric(100*busy.Seconds()/idleTime.Seconds(), "%CPU-unwatched")
	b.ReportMetric(float64(first.Microseconds()), "µs-first-playlist")
	cancel()
	<-ended
	<-ended
	spool.Close()
}

// idleTime is how long it is looked what the node does while nobody watches.
const idleTime = 5 * time.Second

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
