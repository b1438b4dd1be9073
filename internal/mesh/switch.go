package mesh

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	requestTime  = 5 * time.Second
	queueLength  = 1024 // messages that wait for one subscriber
	maxHandlers  = 256  // requests that a node answers at once
	acceptLength = 64
)

// Switch joins links in memory, for tests and for simulations. It can lose messages and cut the way
// from one node to another, in one direction or both.
type Switch struct {
	mu    sync.Mutex
	ports map[string]*Port
	cut   map[[2]string]bool
	lose  func(from, to, subject string) bool
}

// NewSwitch makes a switch without links.
func NewSwitch() *Switch {
	return &Switch{ports: map[string]*Port{}, cut: map[[2]string]bool{}}
}

// Cut cuts or mends the way from one node to another. Connections on it end.
func (s *Switch) Cut(from, to string, cut bool) {
	s.mu.Lock()
	s.cut[[2]string{from, to}] = cut
	var conns []*wire
	for _, name := range []string{from, to} {
		if p := s.ports[name]; p != nil && cut {
			conns = append(conns, p.between(from, to)...)
		}
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// Lose sets who decides whether a message is lost.
func (s *Switch) Lose(f func(from, to, subject string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = f
}

func (s *Switch) open(from, to, subject string) *Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut[[2]string{from, to}] || subject != "" && s.lose != nil && s.lose(from, to, subject) {
		return nil
	}
	return s.ports[to]
}

// Link makes the link of a node. A node that began again takes the place of the one before.
func (s *Switch) Link(node string) *Port {
	p := &Port{
		net: s, node: node, subscribers: map[string][]*subscriber{}, handlers: map[string]Handler{},
		accept: make(chan net.Conn, acceptLength), closed: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[node] = p
	return p
}

// Port is the link of one node on a Switch.
type Port struct {
	net  *Switch
	node string

	mu          sync.Mutex
	subscribers map[string][]*subscriber
	handlers    map[string]Handler
	wires       []*wire
	accept      chan net.Conn
	closed      chan struct{}
	once        sync.Once
	busy        atomic.Int64
}

type subscriber struct {
	queue chan message
	stop  chan struct{}
	once  sync.Once
}

type message struct {
	from string
	data []byte
}

// Publish sends a message to all others.
func (p *Port) Publish(subject string, data []byte) error {
	if err := check(subject, data); err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	if p.dead() {
		return fmt.Errorf("publish %s: %w", subject, net.ErrClosed)
	}
	p.net.mu.Lock()
	var names []string
	for name := range p.net.ports {
		if name != p.node {
			names = append(names, name)
		}
	}
	p.net.mu.Unlock()
	slices.Sort(names) // a simulation repeats itself
	for _, name := range names {
		if to := p.net.open(p.node, name, subject); to != nil {
			to.deliver(subject, message{p.node, append([]byte(nil), data...)})
		}
	}
	return nil
}

func (p *Port) dead() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *Port) deliver(subject string, m message) {
	p.mu.Lock()
	list := p.subscribers[subject]
	p.mu.Unlock()
	for _, s := range list {
		select {
		case s.queue <- m:
		default: // it does not keep up
		}
	}
}

// Subscribe calls f for the messages of others.
func (p *Port) Subscribe(subject string, f func(from string, data []byte)) (func(), error) {
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	s := &subscriber{queue: make(chan message, queueLength), stop: make(chan struct{})}
	p.mu.Lock()
	p.subscribers[subject] = append(p.subscribers[subject], s)
	p.mu.Unlock()
	go func() {
		for {
			select {
			case m := <-s.queue:
				f(m.from, m.data)
			case <-s.stop:
				return
			case <-p.closed:
				return
			}
		}
	}()
	return func() { s.once.Do(func() { p.forget(subject, s) }) }, nil
}

func (p *Port) forget(subject string, s *subscriber) {
	close(s.stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscribers[subject] = slices.DeleteFunc(slices.Clone(p.subscribers[subject]), func(o *subscriber) bool { return o == s })
}

// Request asks one node.
func (p *Port) Request(ctx context.Context, node, subject string, data []byte) ([]byte, error) {
	if err := checkRequest(p.node, node, subject, data); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", node, subject, err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	to := p.net.open(p.node, node, subject)
	if to == nil || p.dead() {
		<-ctx.Done() // nobody says that a message was lost
		return nil, fmt.Errorf("ask %s for %s: %w", node, subject, ErrUnreachable)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := to.handle(ctx, p.node, subject, append([]byte(nil), data...))
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		if p.net.open(node, p.node, subject) == nil {
			<-ctx.Done()
			return nil, fmt.Errorf("ask %s for %s: %w", node, subject, ErrUnreachable)
		}
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("ask %s for %s: %w", node, subject, ErrUnreachable)
	}
}

func (p *Port) handle(ctx context.Context, from, subject string, data []byte) ([]byte, error) {
	if p.dead() {
		<-ctx.Done()
		return nil, ErrUnreachable
	}
	p.mu.Lock()
	h := p.handlers[subject]
	p.mu.Unlock()
	if h == nil {
		return nil, fmt.Errorf("%s: %w", notAsked(p.node, subject), ErrRefused)
	}
	if p.busy.Add(1) > maxHandlers {
		p.busy.Add(-1)
		return nil, fmt.Errorf("%s: %w", tooBusy(p.node), ErrRefused)
	}
	defer p.busy.Add(-1)
	out, err := h(ctx, from, data)
	if err == nil && len(out) > MaxMessage {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", refusal(p.node, err), ErrRefused)
	}
	return slices.Clone(out), nil
}

// Handle answers requests.
func (p *Port) Handle(subject string, f Handler) error {
	if err := CheckSubject(subject); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[subject] = f
	return nil
}

// wire is one end of a connection in memory.
type wire struct {
	net.Conn
	port     *Port
	from, to string
}

// Close ends the connection and forgets it.
func (w *wire) Close() error {
	w.port.mu.Lock()
	w.port.wires = slices.DeleteFunc(w.port.wires, func(o *wire) bool { return o == w })
	w.port.mu.Unlock()
	return w.Conn.Close()
}

// between returns the connections between two nodes that this one has dialled.
func (p *Port) between(a, b string) []*wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*wire
	for _, w := range p.wires {
		if w.from == a && w.to == b || w.from == b && w.to == a {
			out = append(out, w)
		}
	}
	return out
}

func (p *Port) keep(w *wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wires = append(p.wires, w)
}

// Dial connects to another node.
func (p *Port) Dial(ctx context.Context, node, _ string) (net.Conn, error) {
	if node == p.node {
		return nil, fmt.Errorf("dial %s: that is this node itself: %w", node, ErrUnreachable)
	}
	to := p.net.open(p.node, node, "")
	back := p.net.open(node, p.node, "")
	if to == nil || back == nil || p.dead() {
		return nil, fmt.Errorf("dial %s: %w", node, ErrUnreachable)
	}
	ours, theirs := net.Pipe()
	w := &wire{ours, p, p.node, node}
	select {
	case to.accept <- theirs:
		p.keep(w)
		return w, nil
	case <-to.closed:
	case <-ctx.Done():
	}
	ours.Close()
	return nil, fmt.Errorf("dial %s: %w", node, ErrUnreachable)
}

// Listener accepts what others dial.
func (p *Port) Listener() net.Listener { return (*portListener)(p) }

// Address is the node's name.
func (p *Port) Address() string { return p.node }

// Run waits until ctx ends; then the node is gone from the switch.
func (p *Port) Run(ctx context.Context) error {
	<-ctx.Done()
	p.Kill()
	return nil
}

// Kill takes the node off the switch at once, as its death would.
func (p *Port) Kill() {
	p.once.Do(func() { close(p.closed) })
	p.net.mu.Lock()
	if p.net.ports[p.node] == p {
		delete(p.net.ports, p.node)
	}
	var ends []*wire
	for _, o := range p.net.ports {
		o.mu.Lock()
		for _, w := range o.wires {
			if w.to == p.node {
				ends = append(ends, w)
			}
		}
		o.mu.Unlock()
	}
	p.net.mu.Unlock()
	p.mu.Lock()
	ends = append(ends, p.wires...)
	p.mu.Unlock()
	for _, w := range ends {
		w.Close()
	}
}

type portListener Port

func (l *portListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *portListener) Close() error {
	(*Port)(l).Kill()
	return nil
}

func (l *portListener) Addr() net.Addr { return portAddr(l.node) }

type portAddr string

func (a portAddr) Network() string { return "mesh" }
func (a portAddr) String() string  { return string(a) }
