package chat

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Mesh is how nodes tell each other what is said.
type Mesh interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, f func(from string, data []byte)) (cancel func(), err error)
	// Director names the node that does what one node does for a channel.
	Director(channel string) string
}

// Config says what a Hub is made of. Docs is required.
type Config struct {
	Docs *bucket.Documents
	Log  *slog.Logger
	// Keep is how long what was said is kept; 0: as long as the channel lives.
	Keep time.Duration
	// Lives reports whether a channel of that id is there, and whether that is known.
	Lives func(channel string) (lives, known bool)
	// Said, if there is one, hears of each message of a channel's viewers that was written at this node. It must not wait.
	Said func(channel string, m Message, held bool)
	// MaxFrom bounds the connections from one address.
	MaxFrom int
}

const (
	subject = "chat"
	// batchTime is how long something waits for more to be told with it.
	batchTime = 100 * time.Millisecond
	// keepEvery is how often a room in which something is said is written to the bucket.
	keepEvery = 10 * time.Second
	// rulesTime is how often rules are read again, for the case that a node missed a change.
	rulesTime = 2 * time.Minute
	// idleTime is how long a room stays in memory in which nothing happens.
	idleTime = 15 * time.Minute
	// bucketTime bounds what waits for the bucket.
	bucketTime = 8 * time.Second
	// openTime bounds how long somebody who comes in waits for what was said before.
	openTime = 3 * time.Second

	defaultMaxFrom = 500
	maxRooms       = 5000
	writers        = 8
)

// Hub holds the rooms of one node.
type Hub struct {
	cfg   Config
	log   *slog.Logger
	node  string
	mesh  Mesh // nil: alone
	pages *pages

	kick    chan struct{}
	leaving chan struct{}
	reading singleflight.Group // of emotes

	mu     sync.Mutex
	places map[string]*place
	dirty  map[*place]bool
	erases []erasure
	emotes map[string]emotesAre // of channels whose room was not open, for a second
	from   map[string]int       // connections by the mark of their address
	open   int                  // connections
	left   bool                 // no more connections
	users  sync.WaitGroup       // of connections
}

// erasure is messages that have to go from the bucket.
type erasure struct {
	room string
	ids  []string
}

// place is a room with who listens to it.
type place struct {
	name    string // as roomName
	channel string
	private bool
	loading chan struct{} // holds one token: whoever takes it reads rules and history

	mu            sync.Mutex
	room          *Room
	viewers, crew *line
	listeners     int
	used          time.Time
	gone          bool // not in the hub any more
	recalled      bool
	rulesAt       time.Time
	unkept        time.Time // since when something is not in the bucket
	votesAt       time.Time
}

// roomName names a room among nodes and in the bucket.
func roomName(channel string, private bool) string {
	if private {
		return channel + "/crew"
	}
	return channel + "/viewers"
}

// NewHub makes a hub. Nothing is told or kept before Run.
func NewHub(cfg Config) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxFrom <= 0 {
		cfg.MaxFrom = defaultMaxFrom
	}
	if cfg.Lives == nil {
		cfg.Lives = func(string) (bool, bool) { return true, true }
	}
	return &Hub{
		cfg: cfg, log: cfg.Log, pages: newPages(cfg.Docs.Bucket()), kick: make(chan struct{}, 1), leaving: make(chan struct{}),
		places: map[string]*place{}, dirty: map[*place]bool{}, emotes: map[string]emotesAre{}, from: map[string]int{},
	}
}

// Join makes the hub's rooms those of a fleet. It comes before Run.
func (h *Hub) Join(m Mesh, node string) error {
	if _, err := m.Subscribe(subject, h.heard); err != nil {
		return err
	}
	h.mesh, h.node = m, node
	return nil
}

// keeper reports whether this node writes what is said in a channel to the bucket. If two nodes think so for a while,
// something is there twice, and read once.
func (h *Hub) keeper(channel string) bool { return h.mesh == nil || h.mesh.Director(channel) == h.node }

// Run tells and keeps what is said until ctx ends. Then who listens is sent away, and what can be kept is kept.
func (h *Hub) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { h.tell(ctx); return nil })
	group.Go(func() error { h.keepOn(ctx); return nil })
	group.Go(func() error { h.sweepOn(ctx); return nil })
	<-ctx.Done()
	h.mu.Lock()
	h.left = true
	h.mu.Unlock()
	close(h.leaving)
	h.users.Wait()
	err := group.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), bucketTime)
	defer cancel()
	h.keepAll(last, 0)
	return err
}

// tell sends what rooms have to tell, in batches.
func (h *Hub) tell(ctx context.Context) {
	for {
		select {
		case <-h.kick:
		case <-ctx.Done():
			h.flush()
			return
		}
		select {
		case <-time.After(batchTime):
		case <-ctx.Done():
		}
		h.flush()
	}
}

// touch notes that a room has something to tell. The place's lock is held.
func (h *Hub) touch(p *place) {
	p.used = time.Now()
	h.mu.Lock()
	h.dirty[p] = true
	h.mu.Unlock()
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

func (h *Hub) flush() {
	h.mu.Lock()
	dirty := h.dirty
	h.dirty = map[*place]bool{}
	h.mu.Unlock()
	for p := range dirty {
		h.flushRoom(p)
	}
}

func (h *Hub) flushRoom(p *place) {
	p.mu.Lock()
	viewers, crew, others := p.room.Collect()
	p.viewers.tell(viewers)
	p.crew.tell(crew)
	if len(p.room.pending) == 0 {
		p.unkept = time.Time{}
	} else if p.unkept.IsZero() {
		p.unkept = time.Now()
	}
	p.mu.Unlock()
	if h.mesh == nil || others.empty() {
		return
	}
	others.Version, others.Room = wireVersion, p.name
	data, err := json.Marshal(others)
	if err == nil {
		err = h.mesh.Publish(subject, data)
	}
	if err != nil {
		h.log.Warn("what was said could not be told to the other nodes", "room", p.name, "error", err)
	}
}

// heard takes in what another node tells.
func (h *Hub) heard(from string, data []byte) {
	w, err := parseWire(data)
	channel, room, ok := strings.Cut(w.Room, "/")
	if err != nil || !ok || room != "viewers" && room != "crew" {
		h.log.Debug("a message about the chat cannot be read", "from", from, "error", err)
		return
	}
	p := h.enter(channel, room == "crew")
	defer p.mu.Unlock()
	h.erase(p.name, p.room.Heard(w, time.Now()))
	h.touch(p)
}

// enter returns a room of a channel, with its lock held.
func (h *Hub) enter(channel string, private bool) *place {
	name := roomName(channel, private)
	for {
		h.mu.Lock()
		p := h.places[name]
		if p == nil {
			p = &place{
				name: name, channel: channel, private: private, room: NewRoom(channel, private), loading: make(chan struct{}, 1),
				viewers: newLine(), crew: newLine(), used: time.Now(),
			}
			h.places[name] = p
		}
		h.mu.Unlock()
		p.mu.Lock()
		if !p.gone {
			p.used = time.Now()
			return p
		}
		p.mu.Unlock()
	}
}

// ready reads a room's rules and what was said before, unless that has been done, and returns the room with its lock
// held. Without the bucket it is as it is.
func (h *Hub) ready(ctx context.Context, channel string, private bool) *place {
	p := h.enter(channel, private)
	if p.recalled && (p.private || p.room.known) {
		return p
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	select {
	case p.loading <- struct{}{}:
		h.load(ctx, p)
		<-p.loading
	case <-ctx.Done():
	}
	return h.enter(channel, private)
}

// load reads rules and history. The caller has the token of loading.
func (h *Hub) load(ctx context.Context, p *place) {
	p.mu.Lock()
	recalled, known := p.recalled, p.room.known
	p.mu.Unlock()
	if !p.private && !known {
		if err := h.readRules(ctx, p); err != nil {
			h.log.Warn("the chat's rules cannot be read", "channel", p.channel, "error", err)
		}
	}
	if recalled {
		return
	}
	messages, err := h.pages.newest(ctx, p.name, historyOf(p.private), maxRing/2)
	if err != nil {
		h.log.Warn("what was said before cannot be read", "room", p.name, "error", err)
		return
	}
	votes := h.readVotes(ctx, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room.Recall(messages, votes)
	p.recalled = true
	h.touch(p)
}

// historyOf is how far back who comes in sees what was said, if this node did not hear it itself. The crew's room keeps
// messages for colleagues.
func historyOf(private bool) time.Duration {
	if private {
		return 7 * 24 * time.Hour
	}
	return 2 * time.Hour
}

func rulesKey(channel string) string { return "chats/" + channel }

func (h *Hub) readRules(ctx context.Context, p *place) error {
	rules, err := h.Rules(ctx, p.channel)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rulesAt = time.Now()
	p.room.Settle(rules, false)
	h.touch(p)
	return nil
}

// Rules reads the rules of a channel.
func (h *Hub) Rules(ctx context.Context, channel string) (Rules, error) {
	rules, err := bucket.LoadIfThere[Rules](ctx, h.cfg.Docs, rulesKey(channel))
	rules.settle(time.Now())
	return rules, err
}

// Change changes the rules of a channel as they are stored, and makes them count at all nodes.
func (h *Hub) Change(ctx context.Context, channel string, change func(*Rules) error) (Rules, error) {
	var before *Poll
	rules, err := bucket.Update(ctx, h.cfg.Docs, rulesKey(channel), func(r *Rules) error {
		r.settle(time.Now())
		before = r.Poll
		if err := change(r); err != nil {
			return err
		}
		r.Version++
		return r.Check()
	})
	if err != nil {
		return rules, err
	}
	p := h.enter(channel, false)
	p.rulesAt = time.Now()
	p.room.Settle(rules, true)
	h.touch(p)
	p.mu.Unlock()
	if after := rules.Poll; before != nil && before.Ended.IsZero() && (after == nil || after.ID != before.ID || !after.Ended.IsZero()) {
		h.dropVotes(ctx, channel, before.ID)
	}
	return rules, nil
}

// erase asks for messages to go from the bucket.
func (h *Hub) erase(room string, ids []string) {
	if len(ids) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.erases = append(h.erases, erasure{room, ids})
}

// rooms returns all rooms.
func (h *Hub) rooms() []*place {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.places))
}

// Connected says how many listen at this node.
func (h *Hub) Connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// tidy forgets rooms in which nothing happens.
func (h *Hub) tidy(now time.Time) {
	all := h.rooms()
	idle := idleTime
	if len(all) > maxRooms {
		idle = keepEvery
	}
	h.mu.Lock()
	maps.DeleteFunc(h.emotes, func(_ string, read emotesAre) bool { return now.Sub(read.at) >= emotesTime })
	h.mu.Unlock()
	for _, p := range all {
		p.mu.Lock()
		if p.listeners == 0 && len(p.room.pending) == 0 && now.Sub(p.used) > idle {
			p.gone = true
			h.mu.Lock()
			delete(h.places, p.name)
			delete(h.dirty, p)
			h.mu.Unlock()
		}
		p.mu.Unlock()
	}
}
