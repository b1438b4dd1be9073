package mesh_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// pair is two nodes on loopback, joined.
func pair(b *testing.B) (*mesh.NATS, *mesh.NATS) {
	b.Helper()
	secret := mesh.NewSecret()
	open := func(node string, join ...string) *mesh.NATS {
		n, err := mesh.NewNATS(mesh.NATSConfig{Node: node, Secret: secret, Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0", Join: join})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { n.Close() })
		return n
	}
	x := open("x")
	y := open("y", x.RouteAddress())
	y.Handle("echo", func(_ context.Context, _ string, data []byte) ([]byte, error) { return data, nil })
	for range 1000 {
		if _, err := x.Request(b.Context(), "y", "echo", nil); err == nil {
			return x, y
		}
		runtime.Gosched()
		<-time.After(5 * time.Millisecond)
	}
	b.Fatal("not joined")
	return nil, nil
}

// BenchmarkRequest asks another node, one request after the other.
func BenchmarkRequest(b *testing.B) {
	for name, size := range map[string]int{"100B": 100, "64KiB": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			x, _ := pair(b)
			data := make([]byte, size)
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := x.Request(b.Context(), "y", "echo", data); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkPublish sends messages of 1 KiB, at most 500 ahead of who reads them.
func BenchmarkPublish(b *testing.B) {
	x, y := pair(b)
	var got atomic.Int64
	tell := make(chan struct{}, 1)
	y.Subscribe("x", func(_ string, data []byte) {
		got.Store(int64(binary.BigEndian.Uint64(data)))
		select {
		case tell <- struct{}{}:
		default:
		}
	})
	data := make([]byte, 1024)
	for range 1000 { // until y's subscription is known
		binary.BigEndian.PutUint64(data, 1)
		x.Publish("x", data)
		if got.Load() > 0 {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	b.SetBytes(int64(len(data)))
	n := int64(1)
	for b.Loop() {
		n++
		binary.BigEndian.PutUint64(data, uint64(n))
		x.Publish("x", data)
		for n-got.Load() > 500 {
			<-tell
		}
	}
	for got.Load() < n {
		<-tell
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
	if s := y.Stats(); s.Slow+s.Stale > 0 {
		b.Errorf("lost: %+v", s)
	}
}

// BenchmarkStream sends bytes over a connection, in parts of 1 MiB.
func BenchmarkStream(b *testing.B) {
	x, y := pair(b)
	go func() {
		c, err := y.Listener().Accept()
		if err == nil {
			io.Copy(io.Discard, struct{ net.Conn }{c})
		}
	}()
	c, err := x.Dial(b.Context(), "y", y.Address())
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := c.Write(data); err != nil {
			b.Fatal(err)
		}
	}
}
