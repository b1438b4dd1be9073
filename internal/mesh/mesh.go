package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// beatVersion is the version of a beat; others are passed over.
const beatVersion = 1

// NodeHeader names the node that sends a request over the mesh.
const NodeHeader = "X-Mayfly-From"

// Config says what a Mesh is made of. Node and Link are required.
type Config struct {
	Node    string
	Link    Link
	Log     *slog.Logger
	Beat    func() Beat // what this node says of itself; name, number, times and address are filled in
	Handler http.Handler
}

// Mesh is a node's place in its fleet.
type Mesh struct {
	Link
	cfg    Config
	client *http.Transport

	mu      sync.Mutex
	view    *View
	members []Member
	changed chan struct{}
	number  uint64
	started time.Time
	twin    time.Time // when another process of our name began, if one was heard
}

// New makes a mesh; nothing happens until Run.
func New(cfg Config) *Mesh {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Beat == nil {
		cfg.Beat = func() Beat { return Beat{} }
	}
	m := &Mesh{Link: cfg.Link, cfg: cfg, view: NewView(cfg.Node), changed: make(chan struct{}), started: time.Now().Round(0)}
	m.client = &http.Transport{
		DialContext:         func(ctx context.Context, _, host string) (net.Conn, error) { return m.dial(ctx, host) },
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10, DisableCompression: true,
	}
	m.members = m.view.Members()
	return m
}

func (m *Mesh) dial(ctx context.Context, host string) (net.Conn, error) {
	node, _, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	for _, other := range m.Members() {
		if other.Node == node && !other.Self {
			return m.Link.Dial(ctx, node, other.Media)
		}
	}
	return nil, fmt.Errorf("dial %s: it was never heard: %w", node, ErrUnreachable)
}

// RoundTrip sends a request to another node, whose name is the host of the URL.
func (m *Mesh) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http" // the link encrypts
	r.Header.Set(NodeHeader, m.cfg.Node)
	return m.client.RoundTrip(r)
}

// Members returns who is there, this node first.
func (m *Mesh) Members() []Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.members
}

// Member returns one member, if it is known.
func (m *Mesh) Member(node string) (Member, bool) {
	for _, o := range m.Members() {
		if o.Node == node {
			return o, true
		}
	}
	return Member{}, false
}

// Changed returns a channel that is closed when somebody comes, goes, or falls silent.
func (m *Mesh) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// Director names the node that directs a channel.
func (m *Mesh) Director(channel string) string { return Director(m.Members(), channel) }

// Run joins the fleet until ctx ends, and says goodbye then.
func (m *Mesh) Run(ctx context.Context) error {
	cancel, err := m.Subscribe("beat", m.heard)
	if err != nil {
		return err
	}
	defer cancel()
	bye, err := m.Subscribe("bye", m.left)
	if err != nil {
		return err
	}
	defer bye()
	server := &http.Server{Handler: http.HandlerFunc(m.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(m.cfg.Log.Handler(), slog.LevelDebug)}
	group, ctx := errgroup.WithContext(ctx)
	link, unlink := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return m.Link.Run(link) })
	group.Go(func() error {
		if err := server.Serve(m.Listener()); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			return fmt.Errorf("serve other nodes: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer unlink()
		m.beat(ctx)
		server.Close()
		m.client.CloseIdleConnections()
		return nil
	})
	return group.Wait()
}

// serve answers another node. Where the link knows who that is, the header may say nothing else.
func (m *Mesh) serve(w http.ResponseWriter, r *http.Request) {
	name, known := PeerName(r.TLS)
	if said := r.Header.Get(NodeHeader); known && name != said {
		http.Error(w, fmt.Sprintf("%s: %q, but the certificate is that of node %q", NodeHeader, said, name), http.StatusForbidden)
		return
	}
	if m.cfg.Handler == nil {
		http.NotFound(w, r)
		return
	}
	m.cfg.Handler.ServeHTTP(w, r)
}

// beat says every half a second that this node lives, and looks who else does.
func (m *Mesh) beat(ctx context.Context) {
	ticker := time.NewTicker(BeatEvery)
	defer ticker.Stop()
	for {
		m.say()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			m.leave()
			return
		}
	}
}

func (m *Mesh) say() {
	b := m.cfg.Beat()
	m.mu.Lock()
	m.number++
	now := time.Now()
	b.Version, b.Node, b.Number, b.Started, b.Now, b.Media = beatVersion, m.cfg.Node, m.number, m.started, now, m.Address()
	m.view.Self(b)
	m.note(m.view.Tick(now))
	m.mu.Unlock()
	data, err := json.Marshal(b)
	if err == nil {
		err = m.Publish("beat", data)
	}
	if err != nil {
		m.cfg.Log.Debug("a heartbeat could not be sent", "error", err)
	}
}

// note takes a new view; the lock is held.
func (m *Mesh) note(changed bool) {
	before := m.members
	m.members = m.view.Members()
	if !changed {
		return
	}
	m.report(before)
	close(m.changed)
	m.changed = make(chan struct{})
}

// report logs who came and who fell silent.
func (m *Mesh) report(before []Member) {
	old := map[string]State{}
	for _, o := range before {
		old[o.Node] = o.State
	}
	for _, o := range m.members {
		if !o.Self && old[o.Node] != o.State {
			m.cfg.Log.Info("a node of the fleet is "+string(o.State), "member", o.Node, "reason", o.Reason)
		}
	}
}

// leave says that this run of the node is over.
func (m *Mesh) leave() {
	m.mu.Lock()
	b := Beat{Version: beatVersion, Node: m.cfg.Node, Number: m.number, Started: m.started}
	m.mu.Unlock()
	data, err := json.Marshal(b)
	if err == nil {
		err = m.Publish("bye", data)
	}
	if err != nil {
		m.cfg.Log.Debug("the farewell could not be sent", "error", err)
	}
}

func (m *Mesh) heard(from string, data []byte) {
	b, ok := m.read(from, data)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if from == m.cfg.Node && !b.Started.Equal(m.twin) {
		m.twin = b.Started
		m.cfg.Log.Warn("another process says that it is this node; stop one of them, or give it a name and a spool of its own", "began", b.Started, "this", m.started)
	}
	m.note(m.view.Heard(b, time.Now()))
}

func (m *Mesh) left(from string, data []byte) {
	b, ok := m.read(from, data)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(m.view.Left(b, time.Now()))
}

func (m *Mesh) read(from string, data []byte) (b Beat, ok bool) {
	if err := json.Unmarshal(data, &b); err != nil || b.Version != beatVersion || b.Node != from {
		m.cfg.Log.Debug("a heartbeat cannot be read", "from", from, "error", err)
		return b, false
	}
	return b, true
}
