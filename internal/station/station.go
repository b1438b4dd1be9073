// Package station joins what a node does for its channels: publishers become takes, takes become the
// program, the program becomes windows for viewers, and all of it is found again after a crash.
//
// Locks are taken in this order: a session's, a channel's, a log's, the flusher's. Nobody waits for
// the bucket with one of them.
package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// What the methods of a station may answer, and the reasons it gives to publishers whose connection
// it ends.
var (
	ErrUnknownKey  = errors.New("unknown stream key")
	ErrReplaced    = errors.New("a newer connection publishes with the same stream key")
	ErrTwoEncoders = errors.New("two encoders use one key")
	ErrStorageFull = errors.New("neither the bucket nor the spool takes media")
	ErrKeyRevoked  = errors.New("the stream key is no longer valid")
	ErrLeaving     = errors.New("this node is leaving")
	ErrStarting    = errors.New("this node has only just started")
	ErrSuspended   = errors.New("this channel is suspended")

	ErrNoChannel = errors.New("no such channel")
	ErrNotOnAir  = errors.New("not on air yet")
	ErrNotFound  = errors.New("no such rendition")
	// ErrNotYet comes with a channel that is closed when it is worth asking again.
	ErrNotYet = errors.New("not there yet")
)

// Config says what a station is made of. Part, Segment and Flush have the packager's and flusher's
// defaults.
type Config struct {
	Docs     *bucket.Documents
	Spool    *bundle.Spool
	Channels *channel.Store
	Log      *slog.Logger

	Part, Segment, Flush time.Duration
	PublicURL            string
	CacheBytes           int64         // of media read back
	MaxMemory            int64         // of media that is not safe, before it goes to the spool
	Patience             time.Duration // how long another node's incarnation must be silent before it is ended; default 6 s
	Viewers              func(slug string) int
	Waiting              func() int // viewers' requests that wait for what is to come

	// Flushed, if set, is told of every bundle that landed.
	Flushed func(bytes int64, took time.Duration)

	Clips Clips // nil: no channel has a plan
	// Needed says from which bundle on incarnations are needed by others than the channels' programs; nil: by nobody.
	// With an error nothing is collected.
	Needed func(ctx context.Context) (map[bundle.Incarnation]uint64, error)
	// Removed, if set, removes what others keep of a channel that was deleted, by its id. Nobody reads it any more.
	Removed func(ctx context.Context, channel string) error
	// Touched, if set, is told whenever something else of a channel has changed, on whichever node (Touch).
	Touched func(channel string)
	Now     func() time.Time // paces what plans play; default time.Now
}

// Station runs the channels of one node.
type Station struct {
	cfg   Config
	log   *slog.Logger
	store *take.Store
	read  reader

	mu       sync.RWMutex
	channels map[string]*Program // by slug
	byID     map[string]*Program
	takes    map[media.TakeID]*Program // in a fleet: who lists a take
	running  *run                      // nil until the node may write
	leaving  bool

	tasks   tasks
	fleet   *fleet // nil if the node is alone
	changes changes
	wake    chan struct{} // cut lists are to be stored
	load    queue         // channels whose cut list is to be read
	settled atomic.Bool   // all earlier incarnations are recovered
	stats   counters
	pace    pace
	past    past
	process string // of this run, in who lists what is driven by the clock
}

// run is what belongs to one incarnation.
type run struct {
	incarnation *bundle.Incarnation
	flusher     *bundle.Flusher
	pager       *bundle.Pager
	journal     *bundle.Journal
}

// New makes a station; it does nothing until Run.
func New(cfg Config) *Station {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 6 * time.Second
	}
	if cfg.Viewers == nil {
		cfg.Viewers = func(string) int { return 0 }
	}
	if cfg.Waiting == nil {
		cfg.Waiting = func() int { return 0 }
	}
	s := &Station{
		cfg: cfg, log: cfg.Log, channels: map[string]*Program{}, byID: map[string]*Program{}, takes: map[media.TakeID]*Program{},
		wake: make(chan struct{}, 1), load: queue{wake: make(chan struct{}, 1)},
	}
	s.changes.c = make(chan struct{})
	s.read = reader{s, bundle.NewReader(cfg.Docs.Bucket(), cfg.Spool, cfg.CacheBytes)}
	s.store = take.NewStore(s.read)
	s.past.origins = map[string]*origin{}
	if cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	s.process = processName(cfg.Spool.Node())
	cfg.Channels.Watch(s.channelChanged)
	return s
}

// Run runs the station until ctx ends; then it sends its publishers away, ends its takes, writes
// everything to the bucket, and seals its incarnation; viewers are served meanwhile. Should the
// incarnation end before (another node fenced it, or the machine slept), it begins again as a new one.
func (s *Station) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.tasks.begin(work)
	defer s.tasks.end()
	group, work := errgroup.WithContext(work)
	group.Go(func() error { return s.loadCuts(work) })
	group.Go(func() error { return s.keep(work) })
	group.Go(func() error { return s.blank(work) })
	if s.fleet != nil {
		group.Go(func() error { return s.fleet.run(work) })
	}
	group.Go(func() error {
		return bundle.NewCollector(bundle.CollectorConfig{Bucket: s.cfg.Docs.Bucket(), Roots: s.roots, Log: s.log}).Run(work)
	})
	group.Go(func() error {
		defer stop()
		ctx, cancel := context.WithCancel(ctx)
		defer context.AfterFunc(work, cancel)()
		defer cancel()
		for {
			err := s.incarnate(ctx)
			if !errors.Is(err, bundle.ErrFenced) && !errors.Is(err, bundle.ErrSlept) {
				return err
			}
			s.log.Error("this incarnation has ended; publishers are sent away and it begins again", "error", err)
		}
	})
	return group.Wait()
}

// incarnate runs one incarnation to its end.
func (s *Station) incarnate(ctx context.Context) error {
	r, unsealed, err := s.begin(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.flusher.Run(work) }()

	recovery, stopRecovery := context.WithCancel(ctx)
	recovered := make(chan struct{})
	go func() {
		defer close(recovered)
		s.recover(recovery, r, unsealed)
	}()
	s.setRunning(r)
	watched := make(chan struct{})
	witnessed, unwatch := context.WithCancel(work)
	defer unwatch()
	go func() {
		defer close(watched)
		if s.fleet != nil {
			s.fleet.witness(witnessed, r)
		}
	}()

	select {
	case err = <-ended:
		s.setRunning(nil)
		unwatch()
		<-watched
		stopRecovery()
		<-recovered
		s.fenced(r.incarnation)
		r.journal.Close()
		over, cancel := context.WithCancel(ctx)
		cancel()
		r.pager.Close(over)
		return err
	case <-ctx.Done():
	}
	stopRecovery()
	<-recovered
	s.leave(r, ended)
	s.lastAnswers()
	unwatch()
	<-watched
	stop()
	<-ended
	return nil
}

// begin makes a new incarnation known to the bucket, trying until it can be.
func (s *Station) begin(ctx context.Context) (*run, []bundle.Incarnation, error) {
	i := bundle.NewIncarnation(s.cfg.Spool.Node(), time.Now())
	var unsealed []bundle.Incarnation
	err := s.retry(ctx, "the node cannot be registered in the bucket", func() (err error) {
		unsealed, err = bundle.Register(ctx, s.cfg.Docs, i, s.cfg.PublicURL, s.fleet.address())
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	r := &run{incarnation: &i, pager: bundle.NewPager(s.cfg.Docs.Bucket(), &i, s.log)}
	if r.journal, err = s.cfg.Spool.OpenJournal(&i, s.log); err != nil {
		return nil, nil, err
	}
	r.flusher = bundle.NewFlusher(bundle.FlusherConfig{
		Bucket: s.cfg.Docs.Bucket(), Incarnation: &i, Spool: s.cfg.Spool, Journal: r.journal, Log: s.log, Interval: s.cfg.Flush, MaxMemory: s.cfg.MaxMemory,
		Flushed: func(sequence uint64, records []bundle.Record, bytes int64, took time.Duration) {
			r.pager.Landed(sequence, records)
			if s.cfg.Flushed != nil {
				s.cfg.Flushed(bytes, took)
			}
		},
	})
	return r, unsealed, nil
}

// retry calls f until it succeeds or ctx ends, and says once why it does not.
func (s *Station) retry(ctx context.Context, what string, f func() error) error {
	wait := 50 * time.Millisecond
	for try := 0; ; try++ {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, bucket.ErrNewerSchema) {
			return fmt.Errorf("%s: %w", what, err)
		}
		if try == 2 {
			s.log.Warn(what+"; trying on", "error", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, 2*time.Second)
	}
}

func (s *Station) setRunning(r *run) {
	s.mu.Lock()
	s.running = r
	s.mu.Unlock()
}

func (s *Station) runs() *run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.running
}

// each returns the programs of all channels.
func (s *Station) each() []*Program {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*Program, 0, len(s.byID))
	for _, p := range s.byID {
		out = append(out, p)
	}
	return out
}

// fenced forgets what the ended incarnation was doing. What it left is recovered like a dead node's: where
// its media lies is as the seal says, and not as this node thought.
func (s *Station) fenced(i *bundle.Incarnation) {
	s.settled.Store(false)
	for _, p := range s.each() {
		for _, x := range p.sessions() {
			x.drop(ErrLeaving)
		}
		for _, d := range p.derivations() {
			d.drop()
		}
		p.fenced()
	}
	var own []*take.Log
	s.store.Each(func(l *take.Log) {
		if l.Take().Node == i.Node && l.Take().Incarnation == i.ID {
			own = append(own, l)
		}
	})
	for _, l := range own {
		s.store.Remove(l.Take().ID)
	}
}

// index notes which channel lists which takes; the program's lock is held.
func (s *Station) index(p *Program) {
	if s.fleet == nil {
		return
	}
	list := p.director.List()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(list.Entries) - 1; i >= 0 && s.takes[list.Entries[i].Take] != p; i-- {
		if !list.Entries[i].Take.IsZero() {
			s.takes[list.Entries[i].Take] = p
		}
	}
}

// Ready says why the station is not ready for publishers, or nil.
func (s *Station) Ready() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.leaving:
		return ErrLeaving
	case s.running == nil:
		return fmt.Errorf("%w: the node is not registered in the bucket yet", ErrStarting)
	}
	select {
	case <-s.cfg.Channels.Loaded():
		return nil
	default:
		return fmt.Errorf("%w: the channels are not read from the bucket yet", ErrStarting)
	}
}

// Incarnation returns the running incarnation, or "".
func (s *Station) Incarnation() string {
	if r := s.runs(); r != nil {
		return r.incarnation.String()
	}
	return ""
}

// Health returns the state of the way to the bucket.
func (s *Station) Health() bundle.Health {
	if r := s.runs(); r != nil {
		return r.flusher.Health()
	}
	return bundle.Health{}
}

// changes lets any number of goroutines wait for the next change of any channel's status.
type changes struct {
	mu sync.Mutex
	c  chan struct{}
}

// Changed returns a channel that is closed when the status of some channel changes.
func (s *Station) Changed() <-chan struct{} {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	return s.changes.c
}

func (s *Station) tell() {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	close(s.changes.c)
	s.changes.c = make(chan struct{})
}
