package rtmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Server takes in RTMP. For RTMPS hand Serve a listener of crypto/tls.
type Server struct {
	cfg     Config
	quarrel *quarrel

	mu         sync.Mutex
	conns      map[*conn]bool // whether it has published
	strangers  []*conn        // those that have not, oldest first
	byAddress  map[string]int // strangers by address
	publishing int
}

// NewServer makes a server.
func NewServer(cfg Config) *Server {
	cfg.setDefaults()
	return &Server{cfg: cfg, quarrel: &quarrel{log: cfg.Log}, conns: map[*conn]bool{}, byAddress: map[string]int{}}
}

// errMakeRoom ends a stranger for whom a newer one came.
var errMakeRoom = errors.New("too many connections that do not publish")

// Serve takes in connections from l until ctx ends; then it closes l, gives publishers Config.Drain to
// be ended by whom they publish to, ends the sinks of the others, tells the encoders to come again, and
// returns when every connection has ended. It may be called for several listeners at once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	unwatch := context.AfterFunc(ctx, func() { l.Close() })
	defer unwatch()
	var group sync.WaitGroup
	conns, stopAll := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		s.drain(&group)
		stopAll()
		group.Wait()
	}()
	for {
		n, err := l.Accept()
		switch {
		case ctx.Err() != nil: // of the outer context, which ends before the listener is closed for it
			if err == nil {
				n.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept RTMP: %w", err)
		case err != nil: // no file descriptors left, or the like: it passes
			s.cfg.Log.Warn("an RTMP connection could not be accepted", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		c := s.newConn(conns, n)
		if !s.enter(c) {
			n.Close()
			continue
		}
		group.Go(func() {
			defer c.cancel()
			// Stopping it is the context's work, so that a connection accepted at the last
			// moment is not forgotten.
			defer context.AfterFunc(conns, func() { c.stop(Leaving, 0) })()
			err := c.run()
			s.exit(c, err)
		})
	}
}

// drain sends strangers away and waits for publishers, for as long as they may stay.
func (s *Server) drain(group *sync.WaitGroup) {
	s.mu.Lock()
	for len(s.strangers) > 0 {
		s.evict("")
	}
	s.mu.Unlock()
	if s.cfg.Drain <= 0 {
		return
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(s.cfg.Drain):
	}
}

func (s *Server) newConn(ctx context.Context, n net.Conn) *conn {
	c := &conn{
		server: s, cfg: &s.cfg, net: n, host: hostOf(n.RemoteAddr()), since: time.Now(),
		log: s.cfg.Log.With("remote", n.RemoteAddr().String()),
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// enter counts a new connection. Room for a new stranger is made at the cost of the oldest one, of
// the same address first: an encoder is done within milliseconds, so who has waited longest is
// hardly one. The answer is no only if all connections are taken.
func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.cfg.MaxConnections {
		s.quarrel.note("too many connections", c.host)
		return false
	}
	if s.byAddress[c.host] >= s.cfg.MaxPerAddress {
		s.evict(c.host)
	} else if len(s.strangers) >= s.cfg.MaxStrangers {
		s.evict("")
	}
	s.conns[c] = false
	s.strangers = append(s.strangers, c)
	s.byAddress[c.host]++
	return true
}

// evict stops the oldest stranger of a host, or of all.
func (s *Server) evict(host string) {
	for _, c := range s.strangers {
		if host == "" || c.host == host {
			s.forget(c)
			c.stop(errMakeRoom, 0)
			return
		}
	}
}

// forget takes c off the list of strangers.
func (s *Server) forget(c *conn) {
	for i, other := range s.strangers {
		if other == c {
			s.strangers = append(s.strangers[:i], s.strangers[i+1:]...)
			if s.byAddress[c.host]--; s.byAddress[c.host] <= 0 {
				delete(s.byAddress, c.host)
			}
			return
		}
	}
}

// admitted notes that a connection publishes: it is no stranger any more.
func (s *Server) admitted(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.conns[c] {
		s.conns[c] = true
		s.publishing++
		s.forget(c)
	}
}

// exit forgets a connection, and says why it ended.
func (s *Server) exit(c *conn, err error) {
	s.mu.Lock()
	if s.conns[c] {
		s.publishing--
	}
	delete(s.conns, c)
	s.forget(c)
	s.mu.Unlock()

	kind := "stranger"
	if c.published {
		kind = "publisher"
	}
	switch {
	case err == nil || c.published: // told when its publication ended
	case c.key != "":
		c.log.Warn("publisher refused", "kind", refusalOf(err).Kind, "key", keyHint(c.key), "reason", err)
	default:
		s.quarrel.note(err.Error(), c.host)
	}
	if s.cfg.Ended != nil {
		s.cfg.Ended(kind, err)
	}
}

// Publishers returns how many connections publish.
func (s *Server) Publishers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publishing
}

// hostOf is the unit by which strangers are counted: an IPv4 address, or the /64 that an IPv6
// customer usually has.
func hostOf(a net.Addr) string {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := p.Addr().Unmap()
	if prefix, err := ip.Prefix(64); err == nil && ip.Is6() {
		return prefix.String()
	}
	return ip.String()
}

// quarrel logs strangers' trouble at most once a second, with the number of those left out, so that
// a flood of them does not fill the log.
type quarrel struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
	left int
}

func (q *quarrel) note(why, host string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if now.Sub(q.last) < time.Second {
		q.left++
		return
	}
	q.log.Info("connection that did not publish", "from", host, "why", why, "others", q.left)
	q.last, q.left = now, 0
}
