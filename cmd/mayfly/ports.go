package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/mayfly-tv/mayfly/internal/api"
)

// listener is an open port and who serves it.
type listener struct {
	name  string
	ln    net.Listener
	serve func(ctx context.Context, ln net.Listener) error
}

// listen opens the ports.
func (n *node) listen() error {
	f := n.flags
	encoders := func(ctx context.Context, ln net.Listener) error { return n.encoders.Serve(ctx, ln) }
	secure := func(ctx context.Context, ln net.Listener) error {
		return n.encoders.Serve(ctx, tls.NewListener(ln, n.certs))
	}
	for _, p := range []struct {
		name, address string
		serve         func(context.Context, net.Listener) error
	}{
		{"http", f.HTTP, n.serveHTTP}, {"https", f.HTTPS, n.serveHTTPS}, {"rtmp", f.RTMP, encoders}, {"rtmps", f.RTMPS, secure},
		{"pprof", f.Pprof, serveProfiles}, {"faults", f.Faults, n.faults.Serve},
	} {
		if p.address == "" {
			continue
		}
		ln, err := net.Listen("tcp", p.address)
		if err != nil {
			for _, l := range n.listeners {
				l.ln.Close()
			}
			return fmt.Errorf("open the port for --%s (is another program using it? give another address): %w", p.name, err)
		}
		n.listeners = append(n.listeners, listener{p.name, ln, p.serve})
	}
	return nil
}

// ingest says at which ports encoders find this node.
func (n *node) ingest() api.Ingest { return api.Ingest{RTMP: n.port("rtmp"), RTMPS: n.port("rtmps")} }

// port returns the port of a listener, 0 if there is none.
func (n *node) port(name string) int {
	if at := n.listening(name); at != nil {
		return at.Port
	}
	return 0
}

// listening returns the address of a listener, or nil.
func (n *node) listening(name string) *net.TCPAddr {
	for _, l := range n.listeners {
		if at, ok := l.ln.Addr().(*net.TCPAddr); ok && l.name == name {
			return at
		}
	}
	return nil
}

// publicURL is where people reach this node, as far as it knows.
func (n *node) publicURL() string {
	if n.flags.Public != "" {
		return n.flags.Public
	}
	for _, name := range []string{"https", "http"} {
		at := n.listening(name)
		if at == nil {
			continue
		}
		host := "localhost"
		if !at.IP.IsUnspecified() && !at.IP.IsLoopback() {
			host = at.IP.String()
		}
		return name + "://" + net.JoinHostPort(host, strconv.Itoa(at.Port))
	}
	return ""
}
