package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// How a gate treats connections.
type passage int

const (
	opened   passage = iota // carried
	refusing                // as a port that nobody listens at
	hanging                 // accepted, and nothing passes
)

// gate is a TCP proxy that can be shut, in front of a server of the test.
type gate struct {
	t       *testing.T
	address string
	target  string

	mu    sync.Mutex
	ln    net.Listener
	conns map[net.Conn]bool
	state passage
	moved *sync.Cond
	group sync.WaitGroup
}

// newGate opens a gate on a free port of a host.
func newGate(t *testing.T, host, target string) *gate {
	t.Helper()
	g := &gate{t: t, address: net.JoinHostPort(host, "0"), target: target, conns: map[net.Conn]bool{}, state: refusing}
	g.moved = sync.NewCond(&g.mu)
	g.set(opened)
	t.Cleanup(func() { g.set(refusing); g.group.Wait() })
	return g
}

// set opens or shuts the gate. Connections that were carried are reset when it refuses.
func (g *gate) set(state passage) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state = state; state == refusing {
		if g.ln != nil {
			g.ln.Close()
			g.ln = nil
		}
		for c := range g.conns {
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			c.Close()
		}
	} else if g.ln == nil {
		ln, err := net.Listen("tcp", g.address)
		if err != nil {
			g.t.Errorf("open the gate again: %v", err)
			return
		}
		g.ln, g.address = ln, ln.Addr().String()
		g.group.Go(func() { g.accept(ln) })
	}
	g.moved.Broadcast()
}

func (g *gate) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		g.group.Go(func() { g.carry(c) })
	}
}

// keep notes a connection, unless the gate refuses.
func (g *gate) keep(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == refusing {
		c.Close()
		return false
	}
	g.conns[c] = true
	return true
}

func (g *gate) drop(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	c.Close()
}

func (g *gate) carry(c net.Conn) {
	if !g.keep(c) {
		return
	}
	defer g.drop(c)
	if !g.passes() {
		return
	}
	s, err := net.Dial("tcp", g.target)
	if err != nil || !g.keep(s) {
		return
	}
	defer g.drop(s)
	var up sync.WaitGroup
	up.Go(func() { g.copy(s, c); g.drop(s) })
	g.copy(c, s)
	g.drop(c)
	up.Wait()
}

func (g *gate) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !g.passes() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// passes waits while the gate hangs, and reports whether it is open.
func (g *gate) passes() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.state == hanging {
		g.moved.Wait()
	}
	return g.state == opened
}
