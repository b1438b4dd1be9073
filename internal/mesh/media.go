package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// maxHandshakes bounds who may be about to show a certificate.
	maxHandshakes = 64
	dialTime      = 5 * time.Second
)

// keepAlive notices a machine that is gone within 15 s.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}

// media carries connections between nodes, over TLS in which both sides show who they are.
type media struct {
	identity *identity
	refuse   func(address string, err error)
	tcp      net.Listener
	queue    chan net.Conn
	closed   chan struct{}
	once     sync.Once
	tasks    sync.WaitGroup
	slots    chan struct{}

	mu    sync.Mutex
	conns map[*tracked]bool // nil when closed
}

func listenMedia(address string, i *identity, refuse func(string, error)) (*media, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the media of other nodes: %w", err)
	}
	m := &media{
		identity: i, refuse: refuse, tcp: l, queue: make(chan net.Conn, acceptLength), closed: make(chan struct{}),
		slots: make(chan struct{}, maxHandshakes), conns: map[*tracked]bool{},
	}
	m.tasks.Go(m.run)
	return m, nil
}

// run takes connections in until the listener is closed.
func (m *media) run() {
	for {
		conn, err := m.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no more file descriptors, most likely
			select {
			case <-time.After(50 * time.Millisecond):
			case <-m.closed:
				return
			}
			continue
		}
		select {
		case m.slots <- struct{}{}:
			m.tasks.Go(func() {
				defer func() { <-m.slots }()
				m.greet(conn)
			})
		default:
			conn.Close()
		}
	}
}

// greet lets a connection in when it has shown that it is of the fleet.
func (m *media) greet(tcp net.Conn) {
	conn, err := m.track(tcp)
	if err != nil {
		return
	}
	server := tls.Server(conn, m.identity.config(""))
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	if err := server.HandshakeContext(ctx); err != nil {
		m.refuse(tcp.RemoteAddr().String(), err)
		conn.Close()
		return
	}
	select {
	case m.queue <- server:
	case <-m.closed:
		conn.Close()
	}
}

func (m *media) dial(ctx context.Context, node, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	d := net.Dialer{KeepAliveConfig: keepAlive}
	tcp, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w: %w", node, ErrUnreachable, err)
	}
	conn, err := m.track(tcp)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w: %w", node, ErrUnreachable, err)
	}
	client := tls.Client(conn, m.identity.config(node))
	if err := client.HandshakeContext(ctx); err != nil {
		conn.Close()
		m.refuse(address, err)
		return nil, fmt.Errorf("dial %s at %s: %w: %w", node, address, ErrUnreachable, err)
	}
	return client, nil
}

// close ends the listener and all connections, and waits for what takes them in.
func (m *media) close() {
	m.once.Do(func() { close(m.closed) })
	m.tcp.Close()
	m.mu.Lock()
	conns := m.conns
	m.conns = nil
	m.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
	m.tasks.Wait()
}

// Accept returns the next connection that has shown who it is.
func (m *media) Accept() (net.Conn, error) {
	select {
	case <-m.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-m.queue:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close stops taking connections in; those that are there stay.
func (m *media) Close() error {
	m.once.Do(func() { close(m.closed) })
	return m.tcp.Close()
}

// Addr is where it listens, which is not always what others dial.
func (m *media) Addr() net.Addr { return m.tcp.Addr() }

// tracked is a connection that ends with its link.
type tracked struct {
	net.Conn
	media *media
}

func (m *media) track(c net.Conn) (*tracked, error) {
	t := &tracked{c, m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns == nil {
		c.Close()
		return nil, net.ErrClosed
	}
	m.conns[t] = true
	return t, nil
}

// Close closes the connection and forgets it.
func (t *tracked) Close() error {
	t.media.mu.Lock()
	delete(t.media.conns, t)
	t.media.mu.Unlock()
	return t.Conn.Close()
}
