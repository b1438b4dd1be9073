package mesh

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Cuttable is a link that can be cut, as if the network did not carry it any more: for demonstrations and
// tests. Nothing is said to anybody; messages are lost, requests wait in vain, connections end.
type Cuttable struct {
	Link
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// NewCuttable makes a link that is not cut.
func NewCuttable(l Link) *Cuttable { return &Cuttable{Link: l, conns: map[net.Conn]bool{}} }

// Cut cuts the link, or mends it.
func (c *Cuttable) Cut(cut bool) {
	c.mu.Lock()
	c.cut = cut
	var ends []net.Conn
	for conn := range c.conns {
		if cut {
			ends = append(ends, conn)
		}
	}
	c.mu.Unlock()
	for _, conn := range ends {
		conn.Close()
	}
}

func (c *Cuttable) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// Publish loses the message if the link is cut.
func (c *Cuttable) Publish(subject string, data []byte) error {
	if c.isCut() {
		return nil
	}
	return c.Link.Publish(subject, data)
}

// Subscribe leaves out what comes while the link is cut.
func (c *Cuttable) Subscribe(subject string, f func(from string, data []byte)) (func(), error) {
	return c.Link.Subscribe(subject, func(from string, data []byte) {
		if !c.isCut() {
			f(from, data)
		}
	})
}

// Request waits in vain if the link is cut.
func (c *Cuttable) Request(ctx context.Context, node, subject string, data []byte) ([]byte, error) {
	if c.isCut() {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		<-ctx.Done()
		return nil, fmt.Errorf("ask %s for %s: %w", node, subject, ErrUnreachable)
	}
	return c.Link.Request(ctx, node, subject, data)
}

// Handle lets requests wait that come while the link is cut.
func (c *Cuttable) Handle(subject string, f Handler) error {
	return c.Link.Handle(subject, func(ctx context.Context, from string, data []byte) ([]byte, error) {
		if c.isCut() {
			<-ctx.Done()
			return nil, ErrUnreachable
		}
		return f(ctx, from, data)
	})
}

// Dial reaches nobody if the link is cut.
func (c *Cuttable) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	if c.isCut() {
		return nil, fmt.Errorf("dial %s: %w", node, ErrUnreachable)
	}
	conn, err := c.Link.Dial(ctx, node, address)
	if err != nil {
		return nil, err
	}
	return c.keep(conn), nil
}

func (c *Cuttable) keep(conn net.Conn) net.Conn {
	k := &keptConn{Conn: conn, of: c}
	c.mu.Lock()
	cut := c.cut
	c.conns[k] = true
	c.mu.Unlock()
	if cut {
		k.Close()
	}
	return k
}

type keptConn struct {
	net.Conn
	of *Cuttable
}

// Close closes the connection and forgets it.
func (k *keptConn) Close() error {
	k.of.mu.Lock()
	delete(k.of.conns, k)
	k.of.mu.Unlock()
	return k.Conn.Close()
}

// Listener closes what is accepted while the link is cut.
func (c *Cuttable) Listener() net.Listener { return cutListener{c.Link.Listener(), c} }

type cutListener struct {
	net.Listener
	of *Cuttable
}

func (l cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.of.keep(conn), nil
}
