package figures

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Seen is one look of a viewer at a channel.
type Seen struct {
	Viewer     uint64 // of this process
	At         time.Time
	Device     string
	Country    string // "" if nobody says it
	Referrer   string // host, "" if there is none
	Paused     bool
	Starved    bool // it had nothing to play since it was last seen
	StarvedFor time.Duration
	Latency    time.Duration // the delay; 0 if it does not say
}

const (
	// gone is after how long without a look a viewer has left: players look once within 4 s, or are held for 5 s.
	gone = 16 * time.Second
	// forget is when it is forgotten.
	forget = 2 * gone
	// countEvery is how often viewers are counted.
	countEvery = 10 * time.Second
	// maxViewers bounds who is told apart in one channel; who comes besides is not counted here.
	maxViewers = 50_000
	// maxSlots bounds what waits for the bucket, of each channel: a day.
	maxSlots = int(24 * time.Hour / Span)
	// lateBy is over how long nodes spread their writing.
	lateBy    = 40 * time.Second
	storeTime = 20 * time.Second
	parallel  = 16
)

// Config is what a Gatherer is made of.
type Config struct {
	Docs *bucket.Documents
	Tidy func() bool      // whether this node removes what is too old: one does
	Now  func() time.Time // time.Now if nil
	Late time.Duration    // over how long nodes spread their writing; 0: some default
	Log  *slog.Logger
}

// Gatherer counts what viewers do at this node, and keeps it. It is safe for concurrent use.
type Gatherer struct {
	cfg Config

	mu       sync.RWMutex
	channels map[string]*tally // by id
}

// New makes a gatherer; it keeps nothing before Run.
func New(cfg Config) *Gatherer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Late == 0 {
		cfg.Late = lateBy
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Gatherer{cfg: cfg, channels: map[string]*tally{}}
}

// tally is what is counted of one channel.
type tally struct {
	mu      sync.Mutex
	viewers map[uint64]*viewer
	slots   map[int64]*Slot // by when they begin, in Unix seconds
	voices  map[string]bool // who has written in the span that begins at spoken, in memory alone
	spoken  int64
}

type viewer struct {
	last                      time.Time
	device, country, referrer string
}

func (g *Gatherer) tally(channel string) *tally {
	g.mu.RLock()
	t := g.channels[channel]
	g.mu.RUnlock()
	if t != nil {
		return t
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if t = g.channels[channel]; t == nil {
		t = &tally{viewers: map[uint64]*viewer{}, slots: map[int64]*Slot{}}
		g.channels[channel] = t
	}
	return t
}

// slot returns the slot of a moment; the lock is held.
func (t *tally) slot(at time.Time) *Slot {
	start := at.Truncate(Span).Unix()
	s := t.slots[start]
	if s == nil {
		if len(t.slots) >= maxSlots {
			delete(t.slots, slices.Min(slices.Collect(maps.Keys(t.slots))))
		}
		s = &Slot{}
		t.slots[start] = s
	}
	return s
}

// Watched counts a look of a viewer at a channel.
func (g *Gatherer) Watched(channel string, v Seen) {
	t := g.tally(channel)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(v.At)
	who := t.viewers[v.Viewer]
	if who == nil {
		if len(t.viewers) >= maxViewers {
			return
		}
		who = &viewer{last: v.At, device: v.Device, country: v.Country, referrer: v.Referrer}
		t.viewers[v.Viewer] = who
		s.Views++
	}
	if passed := v.At.Sub(who.last); passed > 0 {
		if who.last = v.At; passed < gone && !v.Paused {
			ms := passed.Milliseconds()
			s.Watch += ms
			s.Devices = count(s.Devices, who.device, ms)
			if who.country != "" {
				s.Countries = count(s.Countries, who.country, ms)
			}
			if who.referrer != "" {
				s.Referrers = count(s.Referrers, who.referrer, ms)
			}
		}
	}
	if v.Starved {
		s.Stalls++
		s.Stalled += v.StarvedFor.Milliseconds()
	}
	if v.Latency > 0 {
		s.Reports++
		s.Latency += v.Latency.Milliseconds()
	}
}

// Fetched counts media that was sent of a channel, and that a player ran out of it.
func (g *Gatherer) Fetched(channel string, bytes int64, starved bool) {
	t := g.tally(channel)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(g.cfg.Now())
	s.Bytes += bytes
	if starved {
		s.Stalls++
	}
}

// Said counts a chat message of a channel. who wrote it is forgotten with the span.
func (g *Gatherer) Said(channel, who string) {
	t := g.tally(channel)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := g.cfg.Now()
	s := t.slot(now)
	s.Said++
	if start := now.Truncate(Span).Unix(); t.voices == nil || start != t.spoken {
		t.voices, t.spoken = map[string]bool{}, start
	}
	if !t.voices[who] && len(t.voices) < maxViewers {
		t.voices[who] = true
		s.Voices++
	}
}

// BytesLately returns how many bytes of media of each channel this node has sent since the present span began.
func (g *Gatherer) BytesLately() map[string]int64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	out, start := map[string]int64{}, g.cfg.Now().Truncate(Span).Unix()
	for id, t := range g.channels {
		t.mu.Lock()
		if s := t.slots[start]; s != nil && s.Bytes > 0 {
			out[id] = s.Bytes
		}
		t.mu.Unlock()
	}
	return out
}

// count notes how many watch, and forgets who left.
func (g *Gatherer) count(now time.Time) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, t := range g.channels {
		t.mu.Lock()
		watching := int64(0)
		for id, v := range t.viewers {
			switch passed := now.Sub(v.last); {
			case passed >= forget:
				delete(t.viewers, id)
			case passed < gone:
				watching++
			}
		}
		if watching > 0 {
			minute := &t.slot(now).Most[int(now.Sub(now.Truncate(Span))/time.Minute)]
			*minute = max(*minute, watching)
		}
		t.mu.Unlock()
	}
}

// Run counts, and keeps what has been counted, until ctx ends; then it keeps the rest.
func (g *Gatherer) Run(ctx context.Context) error {
	due, tidied := g.due(), g.cfg.Now()
	for {
		select {
		case <-time.After(countEvery):
		case <-ctx.Done():
			g.count(g.cfg.Now())
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
			defer cancel()
			g.store(last, true)
			return nil
		}
		now := g.cfg.Now()
		g.count(now)
		if !now.Before(due) {
			g.store(ctx, false)
			due = g.due()
		}
		if now.Sub(tidied) >= tidyEvery {
			tidied = now
			if err := g.tidy(ctx); err != nil && ctx.Err() == nil {
				g.cfg.Log.Warn("old figures could not be removed; it is tried again", "error", err)
			}
		}
	}
}

// due is when the present span is kept. Nodes do not all write at that moment.
func (g *Gatherer) due() time.Time {
	return g.cfg.Now().Truncate(Span).Add(Span + rand.N(g.cfg.Late))
}

// store adds to the bucket what was counted in spans that have ended, or all of it.
func (g *Gatherer) store(ctx context.Context, all bool) {
	present := g.cfg.Now().Truncate(Span).Unix()
	g.mu.Lock()
	for id, t := range g.channels {
		t.mu.Lock()
		if len(t.viewers) == 0 && len(t.slots) == 0 {
			delete(g.channels, id)
		}
		t.mu.Unlock()
	}
	channels := maps.Clone(g.channels)
	g.mu.Unlock()
	var group sync.WaitGroup
	free := make(chan struct{}, parallel)
	for id, t := range channels {
		t.mu.Lock()
		due := map[time.Time]map[int64]*Slot{} // by hour
		for start, s := range t.slots {
			if start < present || all {
				hour := time.Unix(start, 0).UTC().Truncate(time.Hour)
				if due[hour] == nil {
					due[hour] = map[int64]*Slot{}
				}
				due[hour][start] = s
				delete(t.slots, start)
			}
		}
		t.mu.Unlock()
		for hour, slots := range due {
			free <- struct{}{}
			group.Go(func() {
				defer func() { <-free }()
				if err := g.keep(ctx, id, hour, slots); err != nil {
					g.cfg.Log.Warn("figures of a channel could not be kept; it is tried again", "channel", id, "error", err)
					t.restore(slots)
				}
			})
		}
	}
	group.Wait()
}

// restore takes back what could not be kept.
func (t *tally) restore(slots map[int64]*Slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for start, s := range slots {
		t.slot(time.Unix(start, 0)).add(s)
	}
}
