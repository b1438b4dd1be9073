// Package notice tells when the cloud is about to take the machine away.
//
// It asks the metadata service of EC2, Google Cloud or Azure, whichever is there, every few seconds. On a
// machine without one it is silent and costs one short probe. It never fails: a metadata service that
// hangs, lies or goes away only means that nothing is known.
package notice

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Kind is what a notice asks for.
type Kind string

const (
	// Leave: the machine will be gone at the deadline, whatever is done.
	Leave Kind = "leave"
	// Rebalance: the machine is in danger, or will be restarted some time; nothing has to be done yet.
	Rebalance Kind = "rebalance"
)

// Notice is one announcement of a cloud.
type Notice struct {
	Cloud  string    // ec2, gcp or azure
	Kind   Kind      // what it asks for
	At     time.Time // when it happens; zero if the cloud does not say
	Detail string    // the cloud's own words, at most 200 bytes of them
	id     string    // equal for the same announcement
}

// Config says where to ask, and whom to tell.
type Config struct {
	EC2, GCP, Azure string        // base addresses; the link-local address of all clouds if empty
	Every           time.Duration // between two questions; 2 s if zero
	Patience        time.Duration // how long one answer may take; 2 s if zero
	Tell            func(Notice)  // told once of each announcement, by several goroutines, one at a time
	Log             *slog.Logger
}

const (
	linkLocal = "http://169.254.169.254"
	// maxTold bounds what is remembered of announcements; a cloud makes a handful in a machine's life.
	maxTold = 256
)

// cloud is a metadata service that has shown that it is there.
type cloud interface {
	name() string
	// questions are asked side by side, each again and again. One that waits for a change by itself gets
	// its own time limit.
	questions() []question
}

// question asks once. It answers what is announced now, which may be nothing.
type question struct {
	about string
	ask   func(context.Context) ([]Notice, error)
	limit time.Duration // longest time for one answer; Config.Patience if zero
}

// Watch asks until ctx ends. It returns at once when there is no metadata service.
func Watch(ctx context.Context, cfg Config) {
	w := newWatcher(cfg)
	c := w.probe(ctx)
	if c == nil {
		w.log.Debug("no cloud's metadata service is here; nobody announces that this machine goes away")
		return
	}
	w.log.Info("the cloud is asked whether it takes this machine away", "cloud", c.name(), "every", w.every)
	var asking sync.WaitGroup
	for _, q := range c.questions() {
		asking.Go(func() { w.keepAsking(ctx, c.name(), q) })
	}
	asking.Wait()
}

// watcher asks one cloud.
type watcher struct {
	bases    [3]string
	every    time.Duration
	patience time.Duration
	tell     func(Notice)
	log      *slog.Logger
	http     *client

	mu   sync.Mutex
	told map[string]bool
}

func newWatcher(cfg Config) *watcher {
	w := &watcher{
		bases: [3]string{cfg.EC2, cfg.GCP, cfg.Azure}, every: cfg.Every, patience: cfg.Patience,
		tell: cfg.Tell, log: cfg.Log, http: newClient(), told: map[string]bool{},
	}
	for i := range w.bases {
		if w.bases[i] == "" {
			w.bases[i] = linkLocal
		}
	}
	if w.every <= 0 {
		w.every = 2 * time.Second
	}
	if w.patience <= 0 {
		w.patience = 2 * time.Second
	}
	if w.tell == nil {
		w.tell = func(Notice) {}
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	return w
}

// probe finds out which cloud this is: all are asked at once, and at most one knows its own sign.
func (w *watcher) probe(ctx context.Context) cloud {
	ctx, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	probes := []func(context.Context) cloud{
		func(ctx context.Context) cloud { return probeEC2(ctx, w.http, w.bases[0]) },
		func(ctx context.Context) cloud { return probeGCP(ctx, w.http, w.bases[1]) },
		func(ctx context.Context) cloud { return probeAzure(ctx, w.http, w.bases[2]) },
	}
	found := make(chan cloud, len(probes))
	var probing sync.WaitGroup
	defer probing.Wait()
	defer cancel() // before the wait: who is found first ends the others
	for _, p := range probes {
		probing.Go(func() { found <- p(ctx) })
	}
	for range probes {
		if c := <-found; c != nil {
			return c
		}
	}
	return nil
}

// keepAsking asks one question until ctx ends. Trouble is logged once until an answer comes again.
func (w *watcher) keepAsking(ctx context.Context, cloud string, q question) {
	limit := q.limit
	if limit <= 0 {
		limit = w.patience
	}
	troubled := false
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, limit)
		announced, err := q.ask(bounded)
		cancel()
		switch {
		case err == nil:
			troubled = false
		case ctx.Err() == nil && !troubled:
			troubled = true
			w.log.Warn("the cloud does not say whether it takes this machine away; asking on", "cloud", cloud, "about", q.about, "error", err)
		}
		for _, n := range announced {
			n.Cloud = cloud
			w.announce(n)
		}
		select {
		case <-time.After(w.every):
		case <-ctx.Done():
		}
	}
}

// announce tells of what was not told yet.
func (w *watcher) announce(n Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := string(n.Kind) + " " + n.id
	if w.told[id] {
		return
	}
	if len(w.told) >= maxTold {
		clear(w.told)
	}
	w.told[id] = true
	w.tell(n)
}
