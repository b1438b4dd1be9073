package meshtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// connect dials from a to b and returns both ends.
func connect(t *testing.T, a, b *Node) (ours, theirs net.Conn) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := b.Listener().Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	ours, err := a.Dial(t.Context(), b.Name, b.Address())
	must(t, err)
	theirs = <-accepted
	if theirs == nil {
		t.FailNow()
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// stream sends parts of several MB both ways at once, as those of a 4K keyframe are.
func stream(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	ours, theirs := connect(t, nodes[0], nodes[1])
	seed := rand.NewChaCha8([32]byte{1})
	var wait sync.WaitGroup
	for _, way := range [][2]net.Conn{{ours, theirs}, {theirs, ours}} {
		data := make([]byte, 5<<20+7)
		seed.Read(data)
		wait.Go(func() {
			if n, err := way[0].Write(data); n != len(data) || err != nil {
				t.Errorf("Write = %d, %v, want %d", n, err, len(data))
			}
		})
		wait.Go(func() {
			got := make([]byte, len(data))
			if _, err := io.ReadFull(way[1], got); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes read: %v, or they are not the same", len(got), err)
			}
		})
	}
	wait.Wait()
	must(t, ours.Close())
	if n, err := theirs.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read after the other end closed = %d, %v, want an error", n, err)
	}
}

// flow writes to one who does not read: that must end somewhere.
func flow(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	ours, theirs := connect(t, nodes[0], nodes[1])
	const much = 64 << 20
	must(t, ours.SetWriteDeadline(time.Now().Add(500*time.Millisecond)))
	n, err := ours.Write(make([]byte, much))
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() || n >= much/2 {
		t.Errorf("writing %d bytes that nobody reads = %d, %v, want a timeout and far less", much, n, err)
	}
	must(t, theirs.SetReadDeadline(time.Now().Add(-time.Second)))
	if _, err := theirs.Read(make([]byte, 1)); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("Read after its deadline = %v, want a timeout", err)
	}
}

func dialNobody(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a := nodes[0]
	b := nodes[1]
	address := b.Address()
	b.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for node, at := range map[string]string{"b": address, "a": a.Address()} {
		if c, err := a.Dial(ctx, node, at); !errors.Is(err, mesh.ErrUnreachable) {
			t.Errorf("Dial %s = %v, %v, want ErrUnreachable", node, c, err)
		}
	}
}

func restart(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b", "c")
	a, b := nodes[0], nodes[1]
	for range 2 {
		b.Stop()
		b = start(t, "b")
		Joined(t, a, b, nodes[2])
		in := subscribe(t, b, "news")
		settle(t, a, "news", in)
		back := subscribe(t, a, "olds")
		settle(t, b, "olds", back)
		connect(t, a, b)
		connect(t, b, nodes[2])
	}
}

func end(t *testing.T, start Start) {
	nodes := fleet(t, start, "a", "b")
	a, b := nodes[0], nodes[1]
	in := subscribe(t, a, "last")
	settle(t, b, "last", in)
	ours, theirs := connect(t, a, b)
	accepted := make(chan error, 1)
	go func() {
		_, err := b.Listener().Accept()
		accepted <- err
	}()
	must(t, b.Publish("last", []byte("words")))
	b.Stop()
	in.expectAll(t, []string{"b: words"}) // what was said before the end arrives
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept at the end = %v, want net.ErrClosed", err)
	}
	for name, c := range map[string]net.Conn{"the other's": ours, "its own": theirs} {
		if c.SetReadDeadline(time.Now().Add(patience)) != nil {
			continue // it is closed already
		}
		var late net.Error
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &late) && late.Timeout() {
			t.Errorf("%s end of a connection stays: %v", name, err)
		}
	}
	if err := b.Publish("last", nil); err == nil {
		t.Error("Publish after the end: no error")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := b.Request(ctx, "a", "joined", nil); !errors.Is(err, mesh.ErrUnreachable) {
		t.Errorf("Request after the end = %v, want ErrUnreachable", err)
	}
	if _, err := b.Dial(ctx, "a", a.Address()); !errors.Is(err, mesh.ErrUnreachable) {
		t.Errorf("Dial after the end = %v, want ErrUnreachable", err)
	}
}
