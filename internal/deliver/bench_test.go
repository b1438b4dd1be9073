package deliver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// nowhere is a ResponseWriter that costs nothing itself.
type nowhere struct{ h http.Header }

func (n *nowhere) Header() http.Header         { return n.h }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

func benchStage() (*stage, media.Address) {
	s := newStage()
	s.show(windowOf(2, 29, 3))
	a := media.Address{Take: testTake, Rendition: media.Main, Segment: 6, Run: true}
	s.put(a.String(), bodyOf(65000))
	return s, a
}

// BenchmarkHandler is the cost of the handler alone, without net/http and sockets.
func BenchmarkHandler(b *testing.B) {
	s, a := benchStage()
	h, _ := newHandler(s)
	h.cfg.Gate = &door{}
	for name, target := range map[string]string{"playlist": "/news/main.m3u8?_HLS_msn=31&_HLS_part=2", "part": a.String()} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			w := &nowhere{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkSocket is a request over loopback on a kept connection, the client's cost included.
func BenchmarkSocket(b *testing.B) {
	s, a := benchStage()
	h, _ := newHandler(s)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := NewServer(h, h.cfg.Log)
	go srv.Serve(Listen(tcp, 0))
	defer srv.Close()
	for name, target := range map[string]string{"playlist": "/news/main.m3u8", "part": a.String()} {
		b.Run(name, func(b *testing.B) {
			c, err := net.Dial("tcp", tcp.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			in := bufio.NewReaderSize(c, 64<<10)
			line := []byte("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(line); err != nil {
					b.Fatal(err)
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Fatal(err)
				}
				n, _ := io.Copy(io.Discard, res.Body)
				b.SetBytes(n)
			}
		})
	}
}
