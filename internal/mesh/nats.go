package mesh

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// A peer that reads nothing is dropped when a write to it took routeDeadline, or after
	// routePings pings, one a routePing, without an answer. No more waits for it than what is sent
	// in that time.
	routeDeadline = time.Second
	routePing     = time.Second
	routePings    = 2
	// maxPending is how much may wait for this node's own client. Who exceeds it in a burst loses
	// what waits; from 3/4 of it on, senders are slowed down by milliseconds.
	maxPending = 32 << 20

	startTime = 5 * time.Second
	stopTime  = 1500 * time.Millisecond
	flushTime = 200 * time.Millisecond
)

// NATSConfig says what a NATS link is made of. Node and Secret are required.
type NATSConfig struct {
	Node   string
	Secret Secret
	Log    *slog.Logger

	// Listen is where other nodes' messages come in, and MediaListen where their connections do; the
	// defaults are :6222 and :6223. Port 0 is any free one.
	Listen, MediaListen string
	// Advertise is the host, or host:port, under which other nodes reach Listen, and AdvertiseMedia
	// the same for MediaListen. By default it is the address that the node listens on, or else that of
	// its first network interface; AdvertiseMedia has the host of Advertise.
	Advertise, AdvertiseMedia string
	// Join are addresses of other nodes, host:port.
	Join []string
	// Peers returns more of them, such as those that are noted in the bucket. Those that fail to
	// answer are tried again and again, and forgotten when Peers does not name them any more. It is
	// asked at the start and every few seconds.
	Peers func(ctx context.Context) ([]string, error)
}

// NATS is the link of a node over the network: an embedded NATS server (core only, nothing is kept),
// which is joined with those of all other nodes, and TLS connections beside it.
type NATS struct {
	cfg       NATSConfig
	log       *slog.Logger
	identity  *identity
	routeTLS  *tls.Config
	server    *server.Server
	conn      *nats.Conn
	media     *media
	user      string // for clients of the embedded server, of which there is one
	route     string // address that other nodes dial
	mediaAddr string
	run       uint64
	began     time.Time
	ages      ages
	refused   refusals
	slow      atomic.Int64
	stale     atomic.Int64

	ctx      context.Context // of the handlers
	cancel   context.CancelFunc
	tasks    sync.WaitGroup
	busy     chan struct{}
	stopping sync.Once
	stopErr  error

	mu       sync.Mutex
	handlers map[string]Handler
	routes   map[string]time.Time // what is dialled, and when it was last asked for
}

// NewNATS opens the ports of a node and begins to join the fleet. Run it, or Close it.
func NewNATS(cfg NATSConfig) (*NATS, error) {
	if err := CheckNode(cfg.Node); err != nil {
		return nil, err
	}
	if cfg.Secret == (Secret{}) {
		return nil, errors.New("mesh without a secret; LoadSecret reads the fleet's from the bucket")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	n := &NATS{
		cfg: cfg, log: cfg.Log, began: time.Now(), user: randomHex(16), busy: make(chan struct{}, maxHandlers),
		handlers: map[string]Handler{}, routes: map[string]time.Time{},
	}
	n.refused.log = cfg.Log
	n.ctx, n.cancel = context.WithCancel(context.Background())
	var run [8]byte
	rand.Read(run[:])
	n.run = binary.BigEndian.Uint64(run[:])
	if err := n.start(); err != nil {
		n.Close()
		return nil, fmt.Errorf("start the mesh: %w", err)
	}
	return n, nil
}

func (n *NATS) start() (err error) {
	if n.identity, err = newIdentity(n.cfg.Node, n.cfg.Secret); err != nil {
		return err
	}
	n.routeTLS = n.identity.config("")
	if n.media, err = listenMedia(or(n.cfg.MediaListen, ":6223"), n.identity, n.refused.note); err != nil {
		return err
	}
	if err = n.startServer(); err != nil {
		return err
	}
	if err = n.advertise(); err != nil {
		return err
	}
	n.conn, err = nats.Connect("", nats.InProcessServer(n.server), nats.UserInfo(n.user, n.user), nats.NoEcho(),
		nats.Name(n.cfg.Node), nats.Timeout(startTime), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.ReconnectBufSize(-1), nats.ErrorHandler(n.trouble))
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	if err = n.answer(); err != nil {
		return err
	}
	n.dialRoutes(n.cfg.Join, false)
	return nil
}

// options are those of the embedded server. They are made anew for every change.
func (n *NATS) options(routes []string) (*server.Options, error) {
	host, port, err := splitListen(or(n.cfg.Listen, ":6222"))
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "mayfly-" + strconv.FormatUint(n.run, 16), // a node that began again is another one
		// Without a listener for clients, routes would silently never open.
		Host: "127.0.0.1", Port: server.RANDOM_PORT, MaxConn: 100,
		// With Username and Password instead, each change of the routes would cut off our own client:
		// the server looks for its user among Users to see whether its account has changed.
		Users:      []*server.User{{Username: n.user, Password: n.user}},
		MaxPayload: maxEnvelope, MaxPending: maxPending, NoSigs: true, NoSystemAccount: true,
		Cluster: server.ClusterOpts{
			Name: "mayfly", Host: host, Port: port, Advertise: n.route, NoAdvertise: true,
			Username: "mayfly", Password: n.cfg.Secret.password(), AuthTimeout: 3,
			TLSConfig: n.routeTLS, TLSTimeout: 2, Compression: server.CompressionOpts{Mode: server.CompressionOff},
			PoolSize: 1, ConnectRetries: 5, PingInterval: routePing, MaxPingsOut: routePings,
			WriteDeadline: routeDeadline, WriteTimeout: server.WriteTimeoutPolicyClose,
		},
	}
	for _, r := range routes {
		o.Routes = append(o.Routes, n.routeURL(r))
	}
	return o, nil
}

func (n *NATS) startServer() error {
	o, err := n.options(nil)
	if err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("embedded server: %w", err)
	}
	n.server = s
	log := &serverLog{log: n.log, refused: &n.refused, fatal: make(chan string, 1)}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	return n.awaitServer(log.fatal)
}

// awaitServer waits until the server listens.
func (n *NATS) awaitServer(fatal <-chan string) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	late := time.After(startTime)
	for !n.server.ReadyForConnections(time.Millisecond) {
		select {
		case <-ticker.C:
		case reason := <-fatal:
			if taken := syscall.EADDRINUSE; strings.Contains(reason, taken.Error()) {
				return fmt.Errorf("listen for other nodes on %s: %w", or(n.cfg.Listen, ":6222"), taken)
			}
			return fmt.Errorf("embedded server: %s", reason)
		case <-late:
			return fmt.Errorf("the embedded server does not listen on %s after %v", or(n.cfg.Listen, ":6222"), startTime)
		}
	}
	return nil
}

// advertise settles the addresses that others are told.
func (n *NATS) advertise() error {
	bound := n.server.ClusterAddr()
	host, port, err := net.SplitHostPort(n.cfg.Advertise)
	if err != nil {
		host, port = n.cfg.Advertise, ""
	}
	if host == "" {
		host = ownHost(bound.IP)
	}
	n.route = net.JoinHostPort(host, or(port, strconv.Itoa(bound.Port)))
	mediaHost, mediaPort, err := net.SplitHostPort(n.cfg.AdvertiseMedia)
	if err != nil {
		mediaHost, mediaPort = n.cfg.AdvertiseMedia, ""
	}
	listens := n.media.tcp.Addr().(*net.TCPAddr)
	if mediaHost == "" && n.cfg.Advertise == "" && !listens.IP.IsUnspecified() {
		mediaHost = listens.IP.String()
	}
	n.mediaAddr = net.JoinHostPort(or(mediaHost, host), or(mediaPort, strconv.Itoa(listens.Port)))
	return n.reload(nil)
}

// reload tells the embedded server its address and what to dial.
func (n *NATS) reload(routes []string) error {
	o, err := n.options(routes)
	if err != nil {
		return err
	}
	if err := n.server.ReloadOptions(o); err != nil {
		return fmt.Errorf("change the embedded server: %w", err)
	}
	return nil
}

// RouteAddress is what other nodes dial to join this one, host:port.
func (n *NATS) RouteAddress() string { return n.route }

// Address is what other nodes dial for media, host:port.
func (n *NATS) Address() string { return n.mediaAddr }

// Listens returns where the node itself listens, for messages and for media, whatever it advertises.
func (n *NATS) Listens() (routes, media string) {
	return n.server.ClusterAddr().String(), n.media.Addr().String()
}

// Dial connects to another node, and makes sure that it is that node.
func (n *NATS) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	if node == n.cfg.Node {
		return nil, fmt.Errorf("dial %s: that is this node itself: %w", node, ErrUnreachable)
	}
	if err := checkAddress(address); err != nil {
		return nil, fmt.Errorf("dial %s: %w: %w", node, ErrUnreachable, err)
	}
	return n.media.dial(ctx, node, address)
}

// Listener accepts the connections of other nodes. They are *tls.Conn, done with their handshake.
func (n *NATS) Listener() net.Listener { return n.media }

// Refused counts connections that were refused because one end does not know the other's secret.
func (n *NATS) Refused() int64 { return n.refused.count.Load() }

// Stats are figures of a link since it began.
type Stats struct {
	Peers   int   // nodes that it is joined with now
	Refused int64 // connections refused for another secret
	Slow    int64 // times that a subscriber of this node did not keep up and lost messages
	Stale   int64 // messages and requests passed over because they came too late
}

// Stats returns the figures of the link.
func (n *NATS) Stats() Stats {
	return Stats{Peers: n.server.NumRoutes(), Refused: n.Refused(), Slow: n.slow.Load(), Stale: n.stale.Load()}
}

// Run looks for other nodes until ctx ends, and leaves the fleet then.
func (n *NATS) Run(ctx context.Context) error {
	n.discover(ctx)
	return n.Close()
}

// Close leaves the fleet. What was published before is sent, connections end, and handlers are told to.
func (n *NATS) Close() error {
	n.stopping.Do(func() { n.stopErr = n.stop() })
	return n.stopErr
}

func (n *NATS) stop() error {
	if n.conn != nil {
		n.conn.FlushTimeout(flushTime)
	}
	n.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n.media != nil {
			n.media.close()
		}
		if n.conn != nil {
			n.conn.Close()
		}
		if n.server != nil {
			n.server.Shutdown()
			n.server.WaitForShutdown()
		}
		n.tasks.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(stopTime):
		return fmt.Errorf("leave the mesh: it takes over %v; a handler or the embedded server does not end", stopTime)
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
