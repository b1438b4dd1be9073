package webpush

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// Config is what a Sender is made of.
type Config struct {
	Docs *bucket.Documents
	Node string // and run: who holds leases
	// Contact is where push services can reach who runs this installation: an https address or one of mail.
	Contact string
	// Aired returns the cut list of a channel; false while it is not known.
	Aired func(slug string) ([]webhook.Aired, bool)
	// Mine reports whether this node looks after a channel: one node does, as far as nodes agree.
	Mine func(channelID string) bool
	// Lives reports whether a channel is there, and whether anything is known of it.
	Lives func(channelID string) (lives, known bool)
	// Logo is the address of a channel's logo on this server, "" without one.
	Logo func(*channel.Channel) string
	// Mark notes in a channel's document that it has subscriptions.
	Mark   func(ctx context.Context, slug string) error
	Poster webhook.Poster
	Now    func() time.Time // time.Now if nil
	Log    *slog.Logger
}

// Sender keeps subscriptions and tells them. It is safe for concurrent use.
type Sender struct {
	cfg  Config
	keys atomic.Pointer[keyPair]

	mu    sync.Mutex
	asked map[string]*channel.Channel // by id: those that have subscriptions
	known map[string]state            // as last read or written here
}

const (
	prefix    = "subscribers/"
	lookEvery = 2 * time.Second
	// sweepEvery is how often a channel's subscriptions are looked through for ended ones, and listEvery how often the
	// bucket is for channels that are no more.
	sweepEvery = 24 * time.Hour
	listEvery  = 6 * time.Hour
	firstList  = 10 * time.Minute
	// batch is how many browsers are told under one lease, atOnce how many at the same time, and postTime how long a
	// push service has for each: together they are well below leaseTime.
	batch    = 100
	atOnce   = 32
	postTime = 8 * time.Second
	maxSaid  = 200
	// life is how long a push service keeps a message for a browser that is not there.
	life = time.Hour
)

func stateKey(channelID string) string { return prefix + channelID + "/state" }
func shardKey(channelID string, i byte) string {
	return prefix + channelID + "/" + string("0123456789abcdef"[i])
}
func shardOf(channelID, id string) string { return prefix + channelID + "/" + id[:1] }

// New makes a sender; it sends nothing before Run.
func New(cfg Config) *Sender {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sender{cfg: cfg, asked: map[string]*channel.Channel{}, known: map[string]state{}}
}

// Changed takes in a channel that was loaded, changed or deleted.
func (s *Sender) Changed(c *channel.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Deleted.IsZero() && c.Subscribed {
		s.asked[c.ID] = c
		return
	}
	delete(s.asked, c.ID)
	delete(s.known, c.ID)
}

// Subscribe has a browser told when a channel goes on air, from the next time on. One that is told already is confirmed.
func (s *Sender) Subscribe(ctx context.Context, c *channel.Channel, sub Subscription) error {
	if err := sub.Check(); err != nil {
		return err
	}
	now := s.cfg.Now()
	if !sub.Until.IsZero() && !now.Before(sub.Until) {
		return invalid("expirationTime: this subscription has ended")
	}
	st, err := s.update(ctx, c, func(st *state) error {
		if !st.Told.Since.IsZero() {
			return errNothing
		}
		st.Told.Since, st.Swept = now.UTC(), now.UTC()
		return nil
	})
	if err != nil && !errors.Is(err, errNothing) {
		return err
	}
	told := ""
	if st.Round != nil {
		told = st.Round.Event
	}
	_, err = bucket.Update(ctx, s.cfg.Docs, shardOf(c.ID, sub.ID()), func(d *shard) error { return d.add(sub, told, now) })
	if err != nil && !errors.Is(err, errNothing) {
		return err
	}
	if c.Subscribed {
		return nil
	}
	return s.cfg.Mark(ctx, c.Slug)
}

// Unsubscribe forgets a subscription.
func (s *Sender) Unsubscribe(ctx context.Context, c *channel.Channel, id string) error {
	if !validID(id) {
		return ErrNotFound
	}
	_, err := bucket.Update(ctx, s.cfg.Docs, shardOf(c.ID, id), func(d *shard) error {
		if _, known := d.Subscriptions[id]; !known {
			return ErrNotFound
		}
		delete(d.Subscriptions, id)
		return nil
	})
	return err
}

// Subscribed returns nil if a browser is told of a channel, and ErrNotFound otherwise.
func (s *Sender) Subscribed(ctx context.Context, c *channel.Channel, id string) error {
	if !validID(id) || !c.Subscribed {
		return ErrNotFound
	}
	d, err := bucket.LoadIfThere[shard](ctx, s.cfg.Docs, shardOf(c.ID, id))
	if err != nil {
		return err
	}
	if x, known := d.Subscriptions[id]; !known || !s.cfg.Now().Before(x.Until) {
		return ErrNotFound
	}
	return nil
}

// dropOn removes by and by what was kept of channels that are no more, until ctx ends.
func (s *Sender) dropOn(ctx context.Context) {
	for wait := firstList; ; wait = listEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := s.dropGone(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("subscriptions of channels that are no more could not be removed; it is tried again", "error", err)
		}
	}
}

// dropGone removes the subscriptions of channels that are no more. A channel's documents are listed one after the other.
func (s *Sender) dropGone(ctx context.Context) error {
	last, drop := "", false
	return bucket.All(ctx, s.cfg.Docs.Bucket(), prefix, func(e bucket.Entry) error {
		if id, _, _ := strings.Cut(strings.TrimPrefix(e.Key, prefix), "/"); id != last {
			last, drop = id, s.isGone(id)
		}
		if drop {
			return s.cfg.Docs.Bucket().Delete(ctx, e.Key)
		}
		return nil
	})
}

// isGone reports whether it is for this node to remove what was kept of a channel.
func (s *Sender) isGone(id string) bool {
	s.mu.Lock()
	asked := s.asked[id] != nil
	s.mu.Unlock()
	if asked || !s.cfg.Mine(id) {
		return false
	}
	lives, known := s.cfg.Lives(id)
	return known && !lives
}

// state returns what is known of a channel's document.
func (s *Sender) state(ctx context.Context, c *channel.Channel) (state, error) {
	s.mu.Lock()
	st, known := s.known[c.ID]
	s.mu.Unlock()
	if known {
		return st, nil
	}
	st, err := bucket.LoadIfThere[state](ctx, s.cfg.Docs, stateKey(c.ID))
	if err == nil {
		s.learn(c.ID, st)
	}
	return st, err
}

func (s *Sender) learn(id string, st state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[id] != nil {
		s.known[id] = st
	}
}

// update changes a channel's state. With errNothing it returns it as it is.
func (s *Sender) update(ctx context.Context, c *channel.Channel, change func(*state) error) (state, error) {
	st, err := bucket.Update(ctx, s.cfg.Docs, stateKey(c.ID), func(st *state) error {
		st.Channel = c.Slug
		return change(st)
	})
	if err == nil || errors.Is(err, errNothing) {
		s.learn(c.ID, st)
	}
	return st, err
}

// sweep forgets subscriptions that have ended.
func (s *Sender) sweep(ctx context.Context, c *channel.Channel) error {
	for i := range byte(shards) {
		if err := s.settle(ctx, shardKey(c.ID, i), func(d *shard) bool { return d.expire(s.cfg.Now()) }); err != nil {
			return err
		}
	}
	_, err := s.update(ctx, c, func(st *state) error { st.Swept = s.cfg.Now().UTC(); return nil })
	return err
}

// settle changes a shard if it is there and there is something to change.
func (s *Sender) settle(ctx context.Context, key string, change func(*shard) bool) error {
	_, err := bucket.Update(ctx, s.cfg.Docs, key, func(d *shard) error {
		if d.Subscriptions == nil || !change(d) {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}
