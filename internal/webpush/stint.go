package webpush

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

const (
	// parallel is how many channels have a stint at once, and stintTime for how long one begins messages in a stint. Anybody
	// can name push services that never answer: with the last messages' postTime, such a channel keeps a place for 18 s,
	// and then stands behind all that wait. So a channel is told in time beside 300 of such that go on air with it.
	parallel  = 8
	stintTime = 10 * time.Second
	// stintLimit ends a stint in any case: the bucket may be slow too.
	stintLimit = 30 * time.Second
)

// stint is how far this node is with a channel. Run owns it, and who has the stint what is below busy.
type stint struct {
	channel *channel.Channel
	at      time.Time // when the last one began
	busy    bool
	event   string          // whose pass goes on, "" between passes
	shard   byte            // nobody is to be told in those before it
	tried   map[string]bool // by id
	left    bool            // somebody is to be tried once more
}

// Run tells browsers until ctx ends. No channel waits for another one's push services, as long as a place is free.
func (s *Sender) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { s.dropOn(ctx) })
	all, ended := map[string]*stint{}, make(chan *stint, parallel)
	var queue []*stint
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for busy := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case t := <-ended:
			t.busy = false
			busy--
		case <-tick.C:
			queue = s.waiting(all)
		}
		for ; busy < parallel && len(queue) > 0; queue = queue[1:] {
			t := queue[0]
			t.at, t.busy = s.cfg.Now(), true
			busy++
			group.Go(func() {
				defer func() { ended <- t }()
				bounded, cancel := context.WithTimeout(ctx, stintLimit)
				defer cancel()
				if err := s.look(bounded, t); err != nil && ctx.Err() == nil {
					s.cfg.Log.Warn("browsers could not be told of a channel; it is tried again", "channel", t.channel.Slug, "error", err)
				}
			})
		}
	}
}

// waiting returns the stints of this node's channels for which there is something to do and nobody at it, the one first that
// waited longest. It forgets those of channels that have no subscriptions any more.
func (s *Sender) waiting(all map[string]*stint) (queue []*stint) {
	s.mu.Lock()
	asked := maps.Clone(s.asked)
	s.mu.Unlock()
	maps.DeleteFunc(all, func(id string, t *stint) bool { return !t.busy && asked[id] == nil })
	for id, c := range asked {
		t := all[id]
		if t != nil && t.busy || !s.cfg.Mine(id) || !s.waits(c) {
			continue
		}
		if t == nil {
			t = &stint{}
			all[id] = t
		}
		t.channel = c
		queue = append(queue, t)
	}
	slices.SortFunc(queue, func(a, b *stint) int { return a.at.Compare(b.at) })
	return queue
}

// waits reports whether there is something to do for a channel. Nothing is asked of the bucket.
func (s *Sender) waits(c *channel.Channel) bool {
	s.mu.Lock()
	st, known := s.known[c.ID]
	s.mu.Unlock()
	now := s.cfg.Now()
	if list, ok := s.cfg.Aired(c.Slug); known && ok && st.decide(c.ID, list, now) {
		return true
	}
	return !known || st.due(s.cfg.Node, now) || now.Sub(st.Swept) >= sweepEvery
}

// look notes what has happened in a channel, and tells its browsers.
func (s *Sender) look(ctx context.Context, t *stint) error {
	c := t.channel
	st, err := s.state(ctx, c)
	if err != nil {
		return err
	}
	if list, ok := s.cfg.Aired(c.Slug); ok {
		if copied := st; copied.decide(c.ID, list, s.cfg.Now()) {
			if st, err = s.update(ctx, c, func(st *state) error {
				if !st.decide(c.ID, list, s.cfg.Now()) {
					return errNothing
				}
				return nil
			}); err != nil && !errors.Is(err, errNothing) {
				return err
			}
		}
	}
	if st.due(s.cfg.Node, s.cfg.Now()) {
		return s.pass(ctx, t, st.Round.Event)
	}
	if s.cfg.Now().Sub(st.Swept) >= sweepEvery {
		return s.sweep(ctx, c)
	}
	return nil
}

// pass tells an event to all who were not told yet, batch for batch, for as long as this node holds the lease and the stint
// lasts. The next stint goes on where this one ends.
func (s *Sender) pass(ctx context.Context, t *stint, event string) error {
	message, err := s.messageOf(t.channel)
	if err != nil {
		return err
	}
	pair, err := s.pair(ctx)
	if err != nil {
		return err
	}
	if t.event != event {
		t.event, t.shard, t.tried, t.left = event, 0, map[string]bool{}, false
	}
	until := s.cfg.Now().Add(stintTime)
	for {
		due, err := s.due(ctx, t)
		if err != nil {
			return err
		}
		if len(due) == 0 {
			break
		}
		if !s.cfg.Now().Before(until) {
			return nil
		}
		held, err := s.hold(ctx, t.channel, event)
		if err != nil {
			return err
		}
		if !held { // another node tells, or nobody is to be told any more
			t.event, t.tried = "", nil
			return nil
		}
		if err := s.tellBatch(ctx, t, until, pair, due, message); err != nil {
			return err
		}
	}
	t.event, t.tried = "", nil
	return s.passed(ctx, t.channel, event, t.left)
}

// due returns who is to be told next, a batch at most. Who has the lease notes whom it told long before its lease ends: what
// is read here is true also if this node takes the lease only then.
func (s *Sender) due(ctx context.Context, t *stint) (out []Subscription, err error) {
	for i := t.shard; i < shards && len(out) < batch; i++ {
		d, err := bucket.LoadIfThere[shard](ctx, s.cfg.Docs, shardKey(t.channel.ID, i))
		if err != nil {
			return nil, err
		}
		d.expire(s.cfg.Now())
		if out = append(out, d.due(t.event, t.tried, batch-len(out))...); len(out) == 0 {
			t.shard = i + 1
		}
	}
	return out, nil
}

// tellBatch tells some browsers, and notes what came of it.
func (s *Sender) tellBatch(ctx context.Context, t *stint, until time.Time, pair *keyPair, due []Subscription, message []byte) error {
	came := map[string]map[string]outcome{} // by document
	for id, o := range s.tell(ctx, until, pair, due, t.channel.ID, message) {
		t.tried[id] = true
		t.left = t.left || o == refused || o == away
		key := shardOf(t.channel.ID, id)
		if came[key] == nil {
			came[key] = map[string]outcome{}
		}
		came[key][id] = o
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTime) // what was told is noted, also by a node that leaves
	defer cancel()
	var group errgroup.Group
	for key, came := range came {
		group.Go(func() error {
			return s.settle(bounded, key, func(d *shard) bool { d.settle(t.event, came, s.cfg.Now()); return true })
		})
	}
	return group.Wait()
}

// passed notes that a pass has ended, unless another node has the lease by now.
func (s *Sender) passed(ctx context.Context, c *channel.Channel, event string, left bool) error {
	_, err := s.update(ctx, c, func(st *state) error {
		if !st.lease(s.cfg.Node, event, s.cfg.Now()) {
			return errNothing
		}
		st.passed(left, s.cfg.Now())
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// hold takes or keeps the lease for a round. A channel that not everybody may watch any more tells nobody, and news that
// are old by now are told to nobody else.
func (s *Sender) hold(ctx context.Context, c *channel.Channel, event string) (bool, error) {
	s.mu.Lock()
	now := s.asked[c.ID]
	s.mu.Unlock()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	held := false
	_, err := s.update(ctx, c, func(st *state) error {
		if now == nil || !now.Open() || st.Round != nil && s.cfg.Now().Sub(st.Round.At) >= stale {
			st.Round = nil
		}
		if held = st.lease(s.cfg.Node, event, s.cfg.Now()); !held && st.Round != nil {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return held, err
}
