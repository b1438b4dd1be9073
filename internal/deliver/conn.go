package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// A viewer must take at least stallBytes in every stallTime, or its connection is closed.
// That is 9 kbit/s, less than any stream; the clock only runs while something waits to be
// sent. The deadline is renewed when half of it is over, so the true limit lies between
// half of stallTime and the whole.
const (
	stallTime  = 30 * time.Second
	stallBytes = 32 << 10
)

// conn is the TCP connection of one viewer. It differs from a *net.TCPConn in three ways:
// a write fails only when the other side makes no progress, however long the whole takes;
// a response whose bytes lie in several slices leaves in one system call together with its
// header; and its listener counts it.
type conn struct {
	*net.TCPConn
	listener *Listener
	newcomer *newcomer // until the first whole request; guarded by listener.mu
	known    atomic.Bool
	closed   atomic.Bool

	until   atomic.Int64 // write deadline in Unix nanoseconds, as far as we set it
	foreign atomic.Bool  // somebody else set a write deadline: hands off

	// While corked, Write keeps the header of a response so that ReadFrom can send it with
	// the body. Used by the one goroutine that handles the request, on plain HTTP/1 only.
	corked bool
	head   []byte
	src    source
}

// Write sends p, for as long as it takes while the other side reads.
func (c *conn) Write(p []byte) (n int, err error) {
	if c.corked {
		c.head = append(c.head, p...)
		return len(p), nil
	}
	for {
		c.renew()
		m, err := c.TCPConn.Write(p[n:])
		n += m
		if err == nil || !c.progress(int64(m), err) {
			return n, err
		}
	}
}

// ReadFrom sends what src has. It is where net/http hands over the body of a response.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if s, ok := src.(*source); ok && s == &c.src {
		return c.sendSource()
	}
	return io.Copy(struct{ io.Writer }{c}, src)
}

// sendSource writes the kept header and the rest of the body with as few system calls as
// the socket buffer allows, and returns how much of the body was sent.
func (c *conn) sendSource() (int64, error) {
	head := int64(len(c.head))
	c.src.vec[0] = c.head
	c.src.rest = c.src.vec
	var sent int64
	for {
		c.renew()
		n, err := c.src.rest.WriteTo(c.TCPConn)
		sent += n
		if err == nil || !c.progress(n, err) {
			c.corked = false
			c.head = c.head[:0]
			return max(0, sent-head), err
		}
	}
}

// send writes a response body through rf, which is the ResponseWriter of a request on
// this connection.
func (c *conn) send(rf io.ReaderFrom, b Body) error {
	c.src.load(b)
	c.corked = true
	_, err := rf.ReadFrom(&c.src)
	c.corked = false
	if len(c.head) > 0 { // net/http did not come to the body
		if _, e := c.Write(c.head); err == nil {
			err = e
		}
		c.head = c.head[:0]
	}
	c.src.drop()
	return err
}

// renew gives the next write its time, unless the present deadline is far enough away.
func (c *conn) renew() {
	if c.foreign.Load() {
		return
	}
	now := time.Now()
	stall := c.listener.stall
	if c.until.Load()-now.UnixNano() > int64(stall/2) {
		return
	}
	c.until.Store(now.Add(stall).UnixNano())
	c.TCPConn.SetWriteDeadline(now.Add(stall))
}

// progress decides after a write that failed with err having sent n bytes whether to go on.
func (c *conn) progress(n int64, err error) bool {
	if c.foreign.Load() || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if n >= stallBytes {
		return true
	}
	c.listener.stalled.Add(1)
	return false
}

// SetWriteDeadline gives the deadline into the caller's hands. The zero time, which
// net/http sets after every request, gives it back.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && !c.foreign.Load() {
		return nil
	}
	c.foreign.Store(!t.IsZero())
	c.until.Store(0)
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Close closes the connection and tells the listener, once.
func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		c.listener.gone(c)
	}
	return c.TCPConn.Close()
}

// arrived notes that the other side has sent a whole request: it is no stranger any more.
func (c *conn) arrived() {
	if !c.known.Load() {
		c.known.Store(true)
		c.listener.welcome(c)
	}
}

// source is a Body being read. Its first slot is left free for the header.
type source struct {
	vec  net.Buffers
	rest net.Buffers // the part of vec that is still to be written
	next int         // the first slot of the body that is not empty yet
}

func (s *source) load(b Body) {
	s.vec = append(append(s.vec[:0], nil), b...)
	s.next = 1
}

// drop lets the bytes go.
func (s *source) drop() {
	clear(s.vec)
	s.vec, s.rest = s.vec[:0], nil
}

// Read is used by net/http for the first 512 bytes only.
func (s *source) Read(p []byte) (int, error) {
	for ; s.next < len(s.vec); s.next++ {
		if n := copy(p, s.vec[s.next]); n > 0 {
			s.vec[s.next] = s.vec[s.next][n:]
			return n, nil
		}
	}
	return 0, io.EOF
}

type connKey struct{}

// connValue is what a request's context holds of its connection.
type connValue struct {
	c     *conn
	plain bool // responses go straight to c: neither TLS nor HTTP/2 lies between
}

// connContext is the http.Server's ConnContext.
func connContext(ctx context.Context, nc net.Conn) context.Context {
	switch c := nc.(type) {
	case *conn:
		return context.WithValue(ctx, connKey{}, &connValue{c: c, plain: true})
	case *tls.Conn:
		if under, ok := c.NetConn().(*conn); ok {
			return context.WithValue(ctx, connKey{}, &connValue{c: under})
		}
	}
	return ctx
}

// connOf returns the connection of a request, or nil if the server is not one of NewServer.
func connOf(r *http.Request) *conn {
	if v, ok := r.Context().Value(connKey{}).(*connValue); ok {
		return v.c
	}
	return nil
}

// plainConn returns the connection that responses can be sent to directly, or nil.
func plainConn(r *http.Request) *conn {
	if v, ok := r.Context().Value(connKey{}).(*connValue); ok && v.plain {
		return v.c
	}
	return nil
}
