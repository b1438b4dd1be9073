// Package front is a small TCP load balancer: it spreads connections over nodes and tries the next one when
// one refuses. It looks into nothing that passes.
package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Backend is a node behind the front. Its counts are kept while it stays in the list.
type Backend struct {
	Name    string
	Address string
}

// Config bounds a front.
type Config struct {
	MaxConns int           // connections at once; one more is closed at once. Default 1,000
	Dial     time.Duration // how long a node may take to accept. Default 1 s
	Idle     time.Duration // a connection on which nothing passes either way for so long is closed. Default 2 min
}

// Front spreads the connections of one listener. Make it with New.
type Front struct {
	cfg Config

	mu       sync.Mutex
	backends []*backend
	next     int
	conns    map[*pair]struct{}
	closing  bool

	refused atomic.Int64 // found no node
	full    atomic.Int64 // were one too many
}

type backend struct {
	Backend
	open   atomic.Int64
	served atomic.Int64 // bytes sent to clients
}

// Count is what a front says of one node.
type Count struct {
	Name   string
	Open   int64 // connections now
	Served int64 // bytes that went from the node to clients, so far
}

// New makes a front without nodes.
func New(cfg Config) *Front {
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 1000
	}
	if cfg.Dial <= 0 {
		cfg.Dial = time.Second
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 2 * time.Minute
	}
	return &Front{cfg: cfg, conns: map[*pair]struct{}{}}
}

// Set replaces the list of nodes. A node that stays keeps its counts; open connections go on.
func (f *Front) Set(list []Backend) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var now []*backend
	for _, b := range list {
		i := slices.IndexFunc(f.backends, func(old *backend) bool { return old.Name == b.Name })
		if i >= 0 && f.backends[i].Address == b.Address {
			now = append(now, f.backends[i])
			continue
		}
		fresh := &backend{Backend: b}
		if i >= 0 {
			fresh.served.Store(f.backends[i].served.Load())
		}
		now = append(now, fresh)
	}
	f.backends = now
}

// Counts returns what has passed, in the order of the nodes.
func (f *Front) Counts() []Count {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Count, 0, len(f.backends))
	for _, b := range f.backends {
		list = append(list, Count{b.Name, b.open.Load(), b.served.Load()})
	}
	return list
}

// Refused returns how many connections found no node.
func (f *Front) Refused() int64 { return f.refused.Load() }

// Serve takes connections from ln until ctx ends, and then closes all that are open.
func (f *Front) Serve(ctx context.Context, ln net.Listener) error {
	var running sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		ln.Close()
		f.closeAll()
	})
	defer stop()
	defer running.Wait()
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			f.closeAll()
			return fmt.Errorf("accept a connection at the front: %w", err)
		}
		if err != nil { // files ran out, or the client left: the next may succeed
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		p := &pair{front: f, client: c}
		if !f.admit(p) {
			c.Close()
			continue
		}
		running.Go(func() {
			defer f.dismiss(p)
			f.carry(ctx, p)
		})
	}
}

func (f *Front) admit(p *pair) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return false
	}
	if len(f.conns) >= f.cfg.MaxConns {
		f.full.Add(1)
		return false
	}
	f.conns[p] = struct{}{}
	return true
}

func (f *Front) dismiss(p *pair) {
	f.mu.Lock()
	delete(f.conns, p)
	f.mu.Unlock()
	p.close()
}

func (f *Front) closeAll() {
	f.mu.Lock()
	f.closing = true
	open := make([]*pair, 0, len(f.conns))
	for p := range f.conns {
		open = append(open, p)
	}
	f.mu.Unlock()
	for _, p := range open {
		p.close()
	}
}

// turn returns the nodes in the order in which they are tried: each connection begins one further.
func (f *Front) turn() []*backend {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.backends) == 0 {
		return nil
	}
	at := f.next % len(f.backends)
	f.next = at + 1
	return slices.Concat(f.backends[at:], f.backends[:at])
}

// carry finds a node for a connection and carries bytes until both sides have ended. When all refuse, the
// client is closed with a reset: as a port that nobody listens at.
func (f *Front) carry(ctx context.Context, p *pair) {
	dialer := net.Dialer{Timeout: f.cfg.Dial}
	for _, b := range f.turn() {
		c, err := dialer.DialContext(ctx, "tcp", b.Address)
		if err != nil {
			continue
		}
		if !p.meet(c) {
			return
		}
		b.open.Add(1)
		p.run(f.cfg.Idle, &b.served)
		b.open.Add(-1)
		return
	}
	f.refused.Add(1)
	if tcp, ok := p.client.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// pair is a client and the node it was given to.
type pair struct {
	front  *Front
	client net.Conn

	mu     sync.Mutex
	node   net.Conn
	closed bool
	last   atomic.Int64 // when something passed, in Unix nanoseconds
}

// meet sets the node, unless the pair was closed meanwhile.
func (p *pair) meet(node net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		node.Close()
		return false
	}
	p.node = node
	return true
}

func (p *pair) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.client.Close()
	if p.node != nil {
		p.node.Close()
	}
}

// run carries both ways. An end of one way is passed on, and the other goes on; an error ends both.
func (p *pair) run(idle time.Duration, served *atomic.Int64) {
	p.last.Store(time.Now().UnixNano())
	var up sync.WaitGroup
	up.Go(func() {
		if !p.copy(p.node, p.client, idle, nil) {
			p.close()
		}
	})
	if !p.copy(p.client, p.node, idle, served) {
		p.close()
	}
	up.Wait()
}

// copy carries one way until its end, which it passes on. It reports false if the connection broke or
// nothing passed either way for the idle time.
func (p *pair) copy(to, from net.Conn, idle time.Duration, count *atomic.Int64) bool {
	buf := make([]byte, 32<<10)
	for {
		from.SetReadDeadline(time.Now().Add(idle))
		n, err := from.Read(buf)
		if n > 0 {
			p.last.Store(time.Now().UnixNano())
			to.SetWriteDeadline(time.Now().Add(idle))
			if _, err := to.Write(buf[:n]); err != nil {
				return false
			}
			if count != nil {
				count.Add(int64(n))
			}
		}
		t := net.Error(nil)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			half, ok := to.(interface{ CloseWrite() error })
			return ok && half.CloseWrite() == nil
		case errors.As(err, &t) && t.Timeout() && time.Since(time.Unix(0, p.last.Load())) < idle:
			// The other way is busy.
		default:
			return false
		}
	}
}
