package chat

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// BenchmarkBatch tells 2,000 listeners twenty messages at once, as often as a room may: what that costs is cpu-ms, for
// both ends of the connections and for saying the messages. An operation cannot take less than the 100 ms of a batch.
func BenchmarkBatch(b *testing.B) {
	const crowd, together = 2000, 20
	h := NewHub(Config{Docs: bucket.NewDocuments(bucket.NewMem()), MaxFrom: crowd})
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	all.Go(func() { h.Run(ctx) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Serve(w, r, Listener{Where: Where{Channel: "c"}, Stays: func() bool { return true }})
	}))
	heard := make(chan int, crowd) // how many messages one frame has
	for range crowd {
		c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http"), nil)
		if err != nil {
			b.Fatal(err)
		}
		c.SetReadLimit(1 << 20)
		all.Go(func() {
			defer c.CloseNow()
			for {
				_, data, err := c.Read(ctx)
				if err != nil {
					return
				}
				heard <- strings.Count(string(data), `"text":"line`)
			}
		})
	}
	before, n := usage(b), 0
	for b.Loop() {
		for range together {
			n++
			if _, err := h.Say(ctx, Where{Channel: "c"}, viewer(n), fmt.Sprint("line of the usual length, number ", n), 0, nobody); err != nil {
				b.Fatal(err)
			}
		}
		for left := crowd * together; left > 0; {
			left -= <-heard
		}
	}
	b.ReportMetric(float64((usage(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
	cancel()
	all.Wait()
	s.Close()
}

// usage is the CPU time of this process.
func usage(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
