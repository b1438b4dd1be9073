package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/mayfly-tv/mayfly/internal/deliver"
)

// goodbye is how long viewers' requests may still take when a node stops.
const goodbye = 6 * time.Second

func (n *node) serveHTTP(ctx context.Context, ln net.Listener) error {
	return n.serveViewers(ctx, ln, func(s *http.Server, l net.Listener) error { return s.Serve(l) })
}

func (n *node) serveHTTPS(ctx context.Context, ln net.Listener) error {
	return n.serveViewers(ctx, ln, func(s *http.Server, l net.Listener) error {
		s.TLSConfig = n.certs.Clone()
		return s.ServeTLS(l, "", "")
	})
}

func (n *node) serveViewers(ctx context.Context, ln net.Listener, serve func(*http.Server, net.Listener) error) error {
	counted := deliver.Listen(ln, 0)
	n.metrics.viewers(counted)
	return serveUntil(ctx, deliver.NewServer(n.named(n.viewers), n.log), func(s *http.Server) error { return serve(s, counted) })
}

// serveUntil serves until ctx ends, and then lets requests end.
func serveUntil(ctx context.Context, s *http.Server, serve func(*http.Server) error) error {
	ended := make(chan error, 1)
	go func() { ended <- serve(s) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if s.Shutdown(bounded) != nil {
		s.Close()
	}
	if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// serveProfiles serves Go's profiles, on a port of its own because they are nobody else's business.
func serveProfiles(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return serveUntil(ctx, s, func(s *http.Server) error { return s.Serve(ln) })
}
