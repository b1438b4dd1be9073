package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Config says how a Server works. Desk is required.
type Config struct {
	Desk Desk
	Log  *slog.Logger

	MaxBitrate       int           // bit/s of one stream, measured over 5 s; 0: no bound
	MaxStrangers     int           // connections that do not publish (yet); default 500
	MaxPerAddress    int           // of these, from one address; default 50
	HandshakeTimeout time.Duration // default 5 s
	PublishTimeout   time.Duration // from the handshake to publishing; default 10 s
	IdleTimeout      time.Duration // a publisher that sends nothing for so long is closed; default 30 s
	Linger           time.Duration // how long a refused encoder may take to read the reason; default 2 s

	// Ended, if set, is told of every connection's end: "publisher" or "stranger", and why.
	Ended func(kind string, err error)
}

func (c *Config) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.HandshakeTimeout, 5*time.Second)
	set(&c.PublishTimeout, 10*time.Second)
	set(&c.IdleTimeout, 30*time.Second)
	set(&c.Linger, 2*time.Second)
	if c.MaxStrangers <= 0 {
		c.MaxStrangers = 500
	}
	if c.MaxPerAddress <= 0 {
		c.MaxPerAddress = 50
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Server takes in RTMP. For RTMPS hand it a listener of crypto/tls.
type Server struct {
	cfg Config

	mu        sync.Mutex
	conns     map[*conn]bool // whether it publishes
	strangers map[string]int // connections by address that do not publish
	waiting   int            // sum of strangers
}

// NewServer makes a server.
func NewServer(cfg Config) *Server {
	cfg.setDefaults()
	return &Server{cfg: cfg, conns: map[*conn]bool{}, strangers: map[string]int{}}
}

// Leaving is the reason that publishers are told when the server stops.
var Leaving = &Refusal{"NetConnection.Connect.Closed", "this server is going down: please connect again"}

// Serve takes in connections from l until ctx ends; then it closes l, tells the publishers to come
// again, and returns when every connection has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	defer s.kickAll()
	for {
		n, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				n.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept RTMP: %w", err)
		}
		if err != nil { // no file descriptors left, or the like: it passes
			s.cfg.Log.Warn("accept RTMP", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		c := &conn{server: s, net: n, log: s.cfg.Log.With("remote", n.RemoteAddr().String())}
		if !s.enter(c) {
			n.Close()
			continue
		}
		group.Go(func() { s.run(context.WithoutCancel(ctx), c) })
	}
}

func (s *Server) run(ctx context.Context, c *conn) {
	err := c.serve(ctx)
	c.net.Close()
	kind := "stranger"
	if s.exit(c) {
		kind = "publisher"
	}
	if s.cfg.Ended != nil {
		s.cfg.Ended(kind, err)
	}
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		c.log.Warn("publisher refused or closed", "key", keyHint(c.key), "reason", err)
	case kind == "publisher" && (errors.Is(err, errGoodbye) || errors.Is(err, io.EOF)):
		c.log.Info("publisher left")
	case kind == "publisher":
		c.log.Warn("publisher lost", "error", err)
	default:
		c.log.Debug("connection ended", "error", err)
	}
}

// enter counts a new connection; it says no if there are too many that do not publish.
func (s *Server) enter(c *conn) bool {
	host := hostOf(c.net)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= s.cfg.MaxStrangers || s.strangers[host] >= s.cfg.MaxPerAddress {
		return false
	}
	s.waiting++
	s.strangers[host]++
	s.conns[c] = false
	return true
}

// admitted notes that a connection publishes: it is no stranger any more.
func (s *Server) admitted(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	s.leaveStrangers(c)
}

func (s *Server) leaveStrangers(c *conn) {
	host := hostOf(c.net)
	s.waiting--
	if s.strangers[host]--; s.strangers[host] <= 0 {
		delete(s.strangers, host)
	}
}

// exit forgets a connection, and says whether it published.
func (s *Server) exit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	published := s.conns[c]
	delete(s.conns, c)
	if !published {
		s.leaveStrangers(c)
	}
	return published
}

// Publishers returns how many connections publish.
func (s *Server) Publishers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns) - s.waiting
}

func (s *Server) kickAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.kick(Leaving)
	}
}

func hostOf(n net.Conn) string {
	host, _, err := net.SplitHostPort(n.RemoteAddr().String())
	if err != nil {
		return n.RemoteAddr().String()
	}
	return host
}
