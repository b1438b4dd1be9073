// Package burn draws a channel's graphics into its pictures, for players that are not ours: where the channel asks for
// it, one node makes another program of the channel's, which the station keeps and shows like any other.
//
// It promises that a graphic lies over the pictures over which our player shows it, within a picture's length and that
// of the program's own times, and that nothing is done for a channel that does not ask, or that nobody watches there.
package burn

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Channel is one that asks for its graphics to be burnt in.
type Channel struct{ ID, Slug string }

// Sink takes a burnt program. Its methods are called from one goroutine.
type Sink interface {
	// Begin says what the samples behind it belong to: pictures of such tracks, the first of which is shown at a program time.
	Begin(tracks []media.Track, at time.Time) error
	// Sample takes the next sample; a time of 0 is that of the first picture.
	Sample(s media.Sample) error
	// Close says that nothing follows.
	Close(reason error)
}

// Config is what a Burner is made of.
type Config struct {
	Channels func() []Channel          // that ask for it and whose burnt programs somebody watches
	Mine     func(channel string) bool // whether this node is to do it
	Program  func(slug string) (Timeline, error)
	Open     Open
	// Publish begins to feed a channel's burnt program. kick is called at most once, when nothing more is taken.
	Publish func(ctx context.Context, channel string, kick func(reason error)) (Sink, error)
	// Shown returns what is shown of a channel's graphics and what was lately, from memory wherever that is possible.
	Shown  func(ctx context.Context, c Channel) ([]graphics.Showing, error)
	Images Images
	Fonts  string // a directory for the index of the machine's fonts; "": our own alone
	Most   int    // programs at once; default: one for each processor
	Log    *slog.Logger
}

const (
	lookEvery = 500 * time.Millisecond
	// againAfter is how long is waited after something went wrong, and mostAfter how long if it does so again and again.
	againAfter = 2 * time.Second
	mostAfter  = 30 * time.Second
	shownEvery = 100 * time.Millisecond
	shownTime  = 5 * time.Second
	// awaitTime is how long at a time the program is waited for.
	awaitTime = time.Minute
)

// Burner burns the graphics of a node's channels.
type Burner struct {
	cfg  Config
	jobs map[string]*job // by channel; Run alone uses it

	mu      sync.Mutex
	waiting []string // slugs of channels for which there is no room, sorted
}

// job is one channel that is being burnt.
type job struct {
	stop context.CancelFunc
	done chan struct{}
}

// New returns a Burner, which does nothing before it runs.
func New(cfg Config) *Burner {
	if cfg.Most <= 0 {
		cfg.Most = runtime.NumCPU()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Burner{cfg: cfg, jobs: map[string]*job{}}
}

// Run burns what is to be burnt until ctx ends.
func (b *Burner) Run(ctx context.Context) error {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.look(ctx)
		case <-ctx.Done():
			for _, j := range b.jobs {
				j.stop()
				<-j.done
			}
			b.wait(nil)
			return nil
		}
	}
}

// look ends what is not to be done here any more, and begins what is, as far as there is room.
func (b *Burner) look(ctx context.Context) {
	wanted := slices.DeleteFunc(b.cfg.Channels(), func(c Channel) bool { return !b.cfg.Mine(c.ID) })
	for id, j := range b.jobs {
		if !slices.ContainsFunc(wanted, func(c Channel) bool { return c.ID == id }) {
			j.stop()
			<-j.done
			delete(b.jobs, id)
		}
	}
	var waiting []string
	for _, c := range wanted {
		switch {
		case b.jobs[c.ID] != nil:
		case len(b.jobs) < b.cfg.Most:
			b.jobs[c.ID] = b.begin(ctx, c)
		default:
			waiting = append(waiting, c.Slug)
		}
	}
	slices.Sort(waiting)
	b.wait(waiting)
}

// wait notes for which channels there is no room, and says so once of each, with the way out.
func (b *Burner) wait(slugs []string) {
	b.mu.Lock()
	before := b.waiting
	b.waiting = slugs
	b.mu.Unlock()
	for _, slug := range slugs {
		if !slices.Contains(before, slug) {
			b.cfg.Log.Warn("graphics are not drawn into a channel's pictures: this node does it for as many as it has room for, so this one's players wait until another one's have left; more processors, or more nodes, give more room", "channel", slug, "room", b.cfg.Most)
		}
	}
	for _, slug := range before {
		if !slices.Contains(slugs, slug) {
			b.cfg.Log.Info("a channel does not wait for graphics in its pictures any more", "channel", slug)
		}
	}
}

// Waiting lists the slugs of the channels that are to be burnt here and for which there is no room, sorted.
func (b *Burner) Waiting() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

func (b *Burner) begin(ctx context.Context, c Channel) *job {
	ctx, cancel := context.WithCancel(ctx)
	j := &job{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		b.burn(ctx, c)
	}()
	return j
}

// burn burns a channel until ctx ends.
func (b *Burner) burn(ctx context.Context, c Channel) {
	b.cfg.Log.Info("graphics are drawn into a channel's pictures", "channel", c.Slug)
	wait := againAfter
	f := &follower{open: b.cfg.Open}
	for ctx.Err() == nil {
		began := time.Now()
		err := b.once(ctx, c, f)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > mostAfter {
			wait = againAfter
		}
		b.cfg.Log.Warn("drawing graphics into a channel's pictures was interrupted; it goes on", "channel", c.Slug, "in", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, mostAfter)
	}
}

// once burns a channel until ctx ends or something goes wrong, from where f is on.
func (b *Burner) once(ctx context.Context, c Channel, f *follower) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	program, err := b.cfg.Program(c.Slug)
	if err != nil {
		return err
	}
	set, err := newTypesetter(b.cfg.Fonts)
	if err != nil {
		return err
	}
	images := newPictures(ctx, b.cfg.Images, c.ID)
	board := &shown{ctx: ctx, ask: func(ctx context.Context) ([]graphics.Showing, error) { return b.cfg.Shown(ctx, c) }, images: images}
	defer func() { cancel(nil); board.group.Wait(); images.wait() }()
	board.read() // before the first picture
	out := &output{open: func() (Sink, error) { return b.cfg.Publish(ctx, c.ID, func(reason error) { cancel(reason) }) }}
	defer func() { out.close(context.Cause(ctx)) }()
	f.resume(program)
	for {
		err := b.stretch(ctx, f, out, func(w, h int) *overlay { return newOverlay(w, h, set, images) }, board)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
	}
}

// stretch burns from the next segment on to the end of its take.
func (b *Burner) stretch(ctx context.Context, f *follower, out *output, over func(w, h int) *overlay, board *shown) error {
	first, _, err := f.peek(ctx, quietTime)
	if err != nil {
		return err
	}
	if first == nil { // nothing is on air
		out.close(nil)
		first, _, err = f.peek(ctx, awaitTime)
	}
	if first == nil || err != nil {
		return err
	}
	if first.Gap {
		f.advance()
		return nil
	}
	s := &stretch{follower: f, sink: out, shown: board.now}
	if err := s.begin(ctx, first); err != nil {
		return f.unread(ctx, err)
	}
	s.overlay = over(s.w, s.h)
	return s.run(ctx)
}

// shown keeps what was read of the showings, reads it again in the background, and has images fetched before they are
// needed: pictures do not wait for the bucket.
type shown struct {
	ctx    context.Context
	ask    func(context.Context) ([]graphics.Showing, error)
	images *pictures

	mu     sync.Mutex
	all    []graphics.Showing
	asked  time.Time
	asking bool
	group  sync.WaitGroup
}

// now returns what is known of the showings. What cannot be read is asked for again; what was known counts meanwhile.
func (s *shown) now(now time.Time) []graphics.Showing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asking && now.Sub(s.asked) >= shownEvery {
		s.asking, s.asked = true, now
		s.group.Go(s.read)
	}
	return s.all
}

func (s *shown) read() {
	ctx, cancel := context.WithTimeout(s.ctx, shownTime)
	defer cancel()
	all, err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = false
	if err == nil {
		s.all = all
	}
	s.images.prepare(s.all, time.Now())
}

// output begins to publish with the first picture, so that a channel that is off air has no empty take.
type output struct {
	open func() (Sink, error)
	sink Sink // nil before it, and while nothing is on air
}

func (o *output) Begin(tracks []media.Track, at time.Time) error {
	if o.sink == nil {
		sink, err := o.open()
		if err != nil {
			return err
		}
		o.sink = sink
	}
	return o.sink.Begin(tracks, at)
}

func (o *output) Sample(s media.Sample) error { return o.sink.Sample(s) }

func (o *output) close(reason error) {
	if o.sink != nil {
		o.sink.Close(reason)
		o.sink = nil
	}
}
