package mesh

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	discoverFirst = 500 * time.Millisecond // until a node is joined with another
	discoverEvery = 3 * time.Second
	discoverTime  = 10 * time.Second // for one question
	maxRoutes     = 1000
	// forgetRoute is how long an address is dialled that nobody names any more.
	forgetRoute = time.Minute
)

// discover asks where other nodes are until ctx ends. The embedded server dials them, again and again
// while they are not joined; nodes that it has met tell it of others.
func (n *NATS) discover(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		found, err := n.peers(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			n.log.Warn("the addresses of the other nodes cannot be read; those that are known are kept", "error", err)
		}
		failed = err != nil
		n.dialRoutes(append(found, n.cfg.Join...), !failed)
		timer.Reset(discoverEvery)
		if n.server.NumRoutes() == 0 {
			timer.Reset(discoverFirst)
		}
	}
}

func (n *NATS) peers(ctx context.Context) ([]string, error) {
	if n.cfg.Peers == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	return n.cfg.Peers(ctx)
}

// dialRoutes has the server dial what was found, and forget what was not found for long, unless there
// may be more than was found.
func (n *NATS) dialRoutes(found []string, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, now := slices.Sorted(maps.Keys(n.routes)), time.Now()
	if !all {
		found = append(found, before...)
	}
	for _, address := range found {
		if address == n.route || checkAddress(address) != nil {
			continue
		}
		if _, known := n.routes[address]; known || len(n.routes) < maxRoutes {
			n.routes[address] = now
		}
	}
	maps.DeleteFunc(n.routes, func(_ string, asked time.Time) bool { return now.Sub(asked) > forgetRoute })
	after := slices.Sorted(maps.Keys(n.routes))
	if slices.Equal(before, after) || n.ctx.Err() != nil {
		return
	}
	if err := n.reload(after); err != nil {
		n.log.Warn("other nodes cannot be dialled", "error", err)
	}
}

// routeURL is how the server is told an address.
func (n *NATS) routeURL(address string) *url.URL {
	return &url.URL{Scheme: "nats-route", User: url.UserPassword("mayfly", n.cfg.Secret.password()), Host: address}
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || len(address) > 300 {
		return fmt.Errorf("address %.300q, want host:port", address)
	}
	if p, err := strconv.Atoi(port); err != nil || p < 1 || p > 65535 {
		return fmt.Errorf("address %.300q: port %.20q, want 1 to 65535", address, port)
	}
	return nil
}

// splitListen reads a listen address as the embedded server wants it, for which -1 is any free port.
func splitListen(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w; want host:port or :port", address, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: port %q, want 0 to 65535", address, text)
	}
	if port == 0 {
		port = -1
	}
	return host, port, nil
}

// ownHost is what others are told if nobody says what: the address that is listened on, or else the
// first one of the machine that others may reach.
func ownHost(bound net.IP) string {
	if bound != nil && !bound.IsUnspecified() {
		return bound.String()
	}
	addrs, _ := net.InterfaceAddrs()
	for _, four := range []bool{true, false} {
		for _, a := range addrs {
			ip, ok := a.(*net.IPNet)
			if ok && ip.IP.IsGlobalUnicast() && (ip.IP.To4() != nil) == four {
				return ip.IP.String()
			}
		}
	}
	return "127.0.0.1"
}
