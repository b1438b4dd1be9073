// Package library keeps what a channel plays apart from what is live: clips and storyboards.
//
// A clip is a finished take: the same init, segments and parts under the same kind of addresses as what an encoder
// sends, so that whatever shows takes shows clips. Its media lies in few large objects of its own, and a small index
// object says the rest, so that any node serves it without having read any of it.
//
// Files come in by the tus protocol, piece by piece, at any node (uploads); ffmpeg makes takes of them, piece by piece,
// on any node (worker, maker). What a node had done when it died is in the bucket, and another goes on behind it.
package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/fetch"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Config is what a Library is made of.
type Config struct {
	Docs  *bucket.Documents
	Node  string // and incarnation: who holds leases
	Dir   string // for files that are being converted; what is in it when the node starts is removed
	Quota Quota  // of each channel; DefaultQuota if zero
	// Part and Segment are the packager's targets.
	Part, Segment time.Duration
	// Lives reports whether a channel is there, by its id, and whether anything is known of it.
	Lives func(channel string) (lives, known bool)
	// Programs is what recordings are made of; nil: there are none. Channels names the channels that there are, and
	// Bundles reads what of their media lies in bundles.
	Programs Programs
	Channels func() []*channel.Channel
	Bundles  func(context.Context, []bundle.Ref) ([][]byte, error)
	// Recordings is how many bytes of recordings each channel may keep; DefaultQuota's if zero.
	Recordings int64
	// Recorded, if there is one, hears of each recording that is complete, and perhaps more than once.
	Recorded func(ctx context.Context, channel string, r Recording)
	// Played says in words which program plays a clip, so that it cannot be deleted; "" if none does.
	Played func(ctx context.Context, channel string, take media.TakeID) (by string, err error)
	// Fetcher asks the addresses of films and feeds; one that asks public ones only if nil.
	Fetcher *fetch.Fetcher
	Now     func() time.Time // time.Now if nil
	Log     *slog.Logger
}

// fetcher gets what lies at addresses that people gave.
type fetcher interface {
	Get(ctx context.Context, address string, most int64) (*http.Response, error)
}

// Library keeps clips and storyboards of all channels.
type Library struct {
	cfg      Config
	docs     *bucket.Documents
	bucket   bucket.Bucket
	log      *slog.Logger
	reels    *reels
	uploads  http.Handler
	fetcher  fetcher
	kicked   chan struct{} // holds one when there may be something to do
	gathers  chan struct{} // likewise, of recordings that are to be gathered
	exports  chan struct{} // and of those whose MP4 is to be made
	recorder recorder

	pieceSpan media.Ticks // after how long a piece of media ends; tests make it shorter
}

// New makes a library; it converts nothing before Run.
func New(cfg Config) (*Library, error) {
	if cfg.Quota == (Quota{}) {
		cfg.Quota = DefaultQuota
	}
	if cfg.Recordings == 0 {
		cfg.Recordings = DefaultQuota.Bytes
	}
	if cfg.Segment == 0 {
		cfg.Segment = 2 * time.Second
	}
	if cfg.Fetcher == nil {
		cfg.Fetcher = fetch.New()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Played == nil {
		cfg.Played = func(context.Context, string, media.TakeID) (string, error) { return "", nil }
	}
	if cfg.Lives == nil {
		cfg.Lives = func(string) (bool, bool) { return true, true }
	}
	l := &Library{cfg: cfg, docs: cfg.Docs, bucket: cfg.Docs.Bucket(), log: cfg.Log, kicked: make(chan struct{}, 1), gathers: make(chan struct{}, 1), exports: make(chan struct{}, 1), pieceSpan: pieceSpan, fetcher: cfg.Fetcher}
	l.recorder.seen = map[string]seen{}
	l.reels = newReels(&cfg)
	var err error
	l.uploads, err = newUploads(l)
	return l, err
}

func (l *Library) now() time.Time { return l.cfg.Now() }

// kick says that there may be something to do.
func (l *Library) kick() { poke(l.kicked) }

// poke has whoever waits look, unless that is due already.
func poke(due chan struct{}) {
	select {
	case due <- struct{}{}:
	default:
	}
}

// forget lets go of what this node knows of a take that was deleted.
func (l *Library) forget(take media.TakeID) { l.reels.forget(take) }

// Doubt has this node ask again whether the clips and recordings of a channel are still there: one may have been deleted
// on another node just now.
func (l *Library) Doubt(channel string) { l.reels.doubt(channel) }

// Open returns the bytes at an address of a clip, or take.ErrNoMedia.
func (l *Library) Open(ctx context.Context, a media.Address) ([][]byte, error) {
	return l.reels.open(ctx, a)
}

// Listing returns what there is of a clip's take, or take.ErrNoMedia. It is never changed.
func (l *Library) Listing(ctx context.Context, id media.TakeID) (*media.Listing, error) {
	r, err := l.reels.reel(ctx, id)
	if err != nil {
		return nil, err
	}
	return &r.listing, nil
}

// ChannelOf returns the id of the channel that a clip's take belongs to, or take.ErrNoMedia.
func (l *Library) ChannelOf(ctx context.Context, id media.TakeID) (string, error) {
	r, err := l.reels.reel(ctx, id)
	if err != nil {
		return "", err
	}
	return r.listing.Take.Channel, nil
}

const (
	// lookEvery is how often a node looks for work that others have left, if nobody tells it of any.
	lookEvery = 10 * time.Second
	// sweepEvery is how often one node removes what is left over.
	sweepEvery = 10 * time.Minute
)

// Run converts files, and removes what is left over, until ctx ends. What is under way then is left to others at once.
func (l *Library) Run(ctx context.Context) error {
	if err := os.RemoveAll(l.cfg.Dir); err != nil {
		return fmt.Errorf("clear the directory for conversions: %w", err)
	}
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make the directory for conversions: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.often(ctx, lookEvery, l.kicked, l.work) })
	group.Go(func() error { return l.often(ctx, sweepEvery, nil, l.sweep) })
	group.Go(func() error {
		return l.often(ctx, lookEvery, l.gathers, func(ctx context.Context) error { return l.workAll(ctx, gatherPrefix) })
	})
	group.Go(func() error {
		return l.often(ctx, lookEvery, l.exports, func(ctx context.Context) error { return l.workAll(ctx, exportPrefix) })
	})
	if l.cfg.Programs != nil {
		group.Go(func() error { return l.often(ctx, recordLook, nil, l.record) })
	}
	return group.Wait()
}

// often does something every so often, and when it is asked to. Nodes do not do it at the same moment.
func (l *Library) often(ctx context.Context, every time.Duration, asked <-chan struct{}, do func(context.Context) error) error {
	for {
		wait := every/2 + rand.N(every)
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
		case <-time.After(wait):
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("the library could not do what is to be done; it tries again", "error", err)
		}
	}
}

// pause waits before a try is repeated.
func (l *Library) pause(ctx context.Context, try int) error {
	select {
	case <-time.After(rand.N(100*time.Millisecond<<min(try, 5)) + time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remove deletes all objects whose keys begin with a prefix.
func (l *Library) remove(ctx context.Context, prefix string) error {
	return bucket.All(ctx, l.bucket, prefix, func(e bucket.Entry) error {
		if err := l.bucket.Delete(ctx, e.Key); err != nil {
			return fmt.Errorf("remove %s: %w", e.Key, err)
		}
		return nil
	})
}

// passing reports whether a fault may pass by itself.
func passing(err error) bool {
	return errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
