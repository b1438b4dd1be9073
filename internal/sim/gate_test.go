package sim

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// gate stands between a process and everything outside of it. While the process is paused, nothing
// passes in either direction, and deadlines do not help: what waits goes on at once when it wakes up.
// When it has died, nothing passes any more.
type gate struct {
	mu     sync.Mutex
	open   chan struct{} // nil: it is open; else closed when it opens
	dead   bool
	queue  []func()             // messages that are sent when it opens
	zombie func() bool          // whether a write that waited goes out although its deadline is over
	delay  func() time.Duration // how much later a message is delivered: what overtakes it is reordered
	skew   time.Duration        // what this process's clock is ahead, where others are told of it
	cheat  *cheat
}

// pass waits until the process runs, and reports whether it had to, and whether it lives.
func (g *gate) pass() (waited, alive bool) {
	for {
		g.mu.Lock()
		open, dead := g.open, g.dead
		g.mu.Unlock()
		if dead || open == nil {
			return waited, !dead
		}
		waited = true
		<-open
	}
}

func (g *gate) alive() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.dead
}

func (g *gate) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil && !g.dead {
		g.open = make(chan struct{})
	}
}

func (g *gate) resume() {
	g.mu.Lock()
	queue := g.queue
	if g.open != nil {
		close(g.open)
	}
	g.open, g.queue = nil, nil
	g.mu.Unlock()
	for _, send := range queue {
		send()
	}
}

func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead, g.queue = true, nil
	if g.open != nil {
		close(g.open)
		g.open = nil
	}
}

// later keeps f until the process runs, if it does not.
func (g *gate) later(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil || g.dead {
		return false
	}
	g.queue = append(g.queue, f)
	return true
}

var errDead = fmt.Errorf("simulated: this process is dead: %w", bucket.ErrUnavailable)

// way is a process's way to the bucket.
type way struct {
	gate *gate
	to   bucket.Bucket
}

func (w way) do(ctx context.Context, write bool, f func(context.Context) error) error {
	waited, alive := w.gate.pass()
	if !alive {
		return errDead
	}
	if waited && write && w.gate.zombie() {
		ctx = context.WithoutCancel(ctx) // it was as good as sent
	}
	err := f(ctx)
	if _, alive := w.gate.pass(); !alive {
		return errDead
	}
	return err
}

func (w way) Get(ctx context.Context, key string) (o bucket.Object, err error) {
	err = w.do(ctx, false, func(ctx context.Context) (err error) { o, err = w.to.Get(ctx, key); return err })
	return o, err
}

func (w way) GetRange(ctx context.Context, key string, offset, length int64) (o bucket.Object, err error) {
	err = w.do(ctx, false, func(ctx context.Context) (err error) { o, err = w.to.GetRange(ctx, key, offset, length); return err })
	return o, err
}

func (w way) Put(ctx context.Context, key string, body bucket.Body) (e bucket.ETag, err error) {
	err = w.do(ctx, true, func(ctx context.Context) (err error) { e, err = w.to.Put(ctx, key, body); return err })
	return e, err
}

func (w way) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (e bucket.ETag, err error) {
	err = w.do(ctx, true, func(ctx context.Context) (err error) { e, err = w.to.PutIfAbsent(ctx, key, body); return err })
	return e, err
}

func (w way) PutIfMatch(ctx context.Context, key string, body bucket.Body, etag bucket.ETag) (e bucket.ETag, err error) {
	err = w.do(ctx, true, func(ctx context.Context) (err error) { e, err = w.to.PutIfMatch(ctx, key, body, etag); return err })
	return e, err
}

func (w way) Delete(ctx context.Context, key string) error {
	return w.do(ctx, true, func(ctx context.Context) error { return w.to.Delete(ctx, key) })
}

func (w way) DeleteIfMatch(ctx context.Context, key string, etag bucket.ETag) error {
	return w.do(ctx, true, func(ctx context.Context) error { return w.to.DeleteIfMatch(ctx, key, etag) })
}

func (w way) List(ctx context.Context, prefix, after string, limit int) (p bucket.Page, err error) {
	err = w.do(ctx, false, func(ctx context.Context) (err error) { p, err = w.to.List(ctx, prefix, after, limit); return err })
	return p, err
}

// link is a process's place on the switch.
type link struct {
	*mesh.Port
	gate *gate
}

// Publish is called with locks held, so it never waits; but the heartbeat stands still with its process.
func (l *link) Publish(subject string, data []byte) error {
	if subject == "beat" {
		l.gate.pass()
	}
	data = l.gate.cheat.message(subject, skewed(subject, data, l.gate.skew))
	if l.gate.later(func() { l.Port.Publish(subject, data) }) {
		return nil
	}
	return l.Port.Publish(subject, data)
}

func (l *link) Subscribe(subject string, f func(from string, data []byte)) (func(), error) {
	return l.Port.Subscribe(subject, func(from string, data []byte) {
		if _, alive := l.gate.pass(); !alive {
			return
		}
		if d := l.gate.delay(); d > 0 {
			go func() {
				time.Sleep(d)
				if _, alive := l.gate.pass(); alive {
					f(from, data)
				}
			}()
			return
		}
		f(from, data)
	})
}

func (l *link) Request(ctx context.Context, node, subject string, data []byte) ([]byte, error) {
	l.gate.pass()
	if answer, ok := l.gate.cheat.request(subject); ok {
		return answer, nil
	}
	out, err := l.Port.Request(ctx, node, subject, data)
	l.gate.pass()
	return out, err
}

func (l *link) Handle(subject string, f mesh.Handler) error {
	return l.Port.Handle(subject, func(ctx context.Context, from string, data []byte) ([]byte, error) {
		if _, alive := l.gate.pass(); !alive {
			return nil, errDead
		}
		out, err := f(ctx, from, data)
		out, err = l.gate.cheat.answer(subject, out, err)
		if _, alive := l.gate.pass(); !alive {
			return nil, errDead
		}
		return out, err
	})
}

func (l *link) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	l.gate.pass()
	c, err := l.Port.Dial(ctx, node, address)
	if err != nil {
		return nil, err
	}
	return &conn{c, l.gate}, nil
}

func (l *link) Listener() net.Listener { return &listener{l.Port.Listener(), l.gate} }

type listener struct {
	net.Listener
	gate *gate
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.gate.pass()
	return &conn{c, l.gate}, nil
}

// conn is a connection between two processes, seen from one.
type conn struct {
	net.Conn
	gate *gate
}

func (c *conn) Read(b []byte) (int, error) {
	c.gate.pass()
	n, err := c.Conn.Read(b)
	c.gate.pass()
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	c.gate.pass()
	return c.Conn.Write(b)
}
