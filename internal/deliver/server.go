package deliver

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// NewServer returns an http.Server with limits that let strangers do no harm. Serve it on a
// Listen listener: that gives it the write time-outs, which are why WriteTimeout is unset.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second, // also bounds the TLS handshake
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       connContext,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			// A page has one playlist request waiting per channel it shows, and a few of media.
			MaxConcurrentStreams: 100,
			SendPingTimeout:      20 * time.Second,
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     stallTime,
			// Viewers send nothing but headers; publishers that push have enough in 1 MiB.
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     256 << 10,
		},
	}
}

// Listener hands out viewers' connections and bounds their number. When it is full, the
// connection that has been open longest without sending one whole request is closed for the
// new one; if there is none, the new one is closed.
type Listener struct {
	net.Listener
	max     int
	stall   time.Duration // as stallTime
	stalled atomic.Int64

	mu      sync.Mutex
	open    int
	first   *newcomer // the oldest that has not sent a request
	last    *newcomer
	refused int64
	evicted int64
}

// newcomer is a link in the list of those that have not sent a request.
type newcomer struct {
	c          *conn
	prev, next *newcomer
}

// Listen wraps a TCP listener. max is the number of connections that may be open at once;
// with 0 it is nine tenths of what the process may have open files.
func Listen(ln net.Listener, max int) *Listener {
	if max <= 0 {
		max = openFiles() / 10 * 9
	}
	return &Listener{Listener: ln, max: max, stall: stallTime}
}

// openFiles returns the soft limit of open files, which Go raises to the hard one at start.
func openFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Cur, 1<<20))
}

// Accept returns the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := nc.(*net.TCPConn)
		if !ok {
			nc.Close()
			return nil, errors.New("accept a viewer: the listener handed out something other than a TCP connection")
		}
		if c := l.admit(tcp); c != nil {
			return c, nil
		}
		tcp.Close()
	}
}

// admit counts a connection in, or returns nil if there is no room.
func (l *Listener) admit(tcp *net.TCPConn) *conn {
	c := &conn{TCPConn: tcp, listener: l}
	l.mu.Lock()
	var victim *conn
	if l.open >= l.max {
		if l.first == nil {
			l.refused++
			l.mu.Unlock()
			return nil
		}
		victim = l.first.c
		l.unlink(victim)
		l.evicted++
	}
	l.open++
	n := &newcomer{c: c, prev: l.last}
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last, c.newcomer = n, n
	l.mu.Unlock()
	if victim != nil {
		victim.Close() // takes l.mu itself
	}
	return c
}

// welcome takes a connection off the list of newcomers.
func (l *Listener) welcome(c *conn) {
	l.mu.Lock()
	l.unlink(c)
	l.mu.Unlock()
}

// gone counts a connection out.
func (l *Listener) gone(c *conn) {
	l.mu.Lock()
	l.unlink(c)
	l.open--
	l.mu.Unlock()
}

// unlink takes c off the list; mu is held.
func (l *Listener) unlink(c *conn) {
	n := c.newcomer
	if n == nil {
		return
	}
	c.newcomer = nil
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
}

// ListenerStats counts connections.
type ListenerStats struct {
	Open      int   // open now
	Newcomers int   // of these, without a whole request so far
	Refused   int64 // closed at once because there was no room
	Evicted   int64 // newcomers closed to make room
	Stalled   int64 // closed because they did not read
}

// Stats returns the counts so far.
func (l *Listener) Stats() ListenerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ListenerStats{Open: l.open, Refused: l.refused, Evicted: l.evicted, Stalled: l.stalled.Load()}
	for n := l.first; n != nil; n = n.next {
		s.Newcomers++
	}
	return s
}
