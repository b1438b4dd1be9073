package deliver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// dial opens a connection that is closed when the test ends.
func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// request sends a GET on c and reads the answer.
func request(c net.Conn, target string) (status int, body []byte, err error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// bigStage has a segment of 16 MB, more than the socket buffers of both sides hold.
func bigStage() (*stage, media.Address) {
	s := newStage()
	s.show(windowOf(2, 5, 0))
	a := media.Address{Take: testTake, Rendition: media.Main, Segment: 1}
	mega := bodyOf(1 << 20)[0]
	var b Body
	for range 16 {
		b = append(b, mega)
	}
	s.put(a.String(), b)
	return s, a
}

// watched tells when a request for a path begins and ends.
type watched struct {
	http.Handler
	path       string
	begin, end chan struct{}
}

func watch(h http.Handler, path string) *watched {
	return &watched{Handler: h, path: path, begin: make(chan struct{}, 16), end: make(chan struct{}, 16)}
}

func (w *watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == w.path {
		w.begin <- struct{}{}
		defer func() { w.end <- struct{}{} }()
	}
	w.Handler.ServeHTTP(rw, r)
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not happen within %v", what, patience)
	}
}

// A viewer that stops reading is closed after the stall time and hurts nobody meanwhile.
func TestViewerThatNeverReads(t *testing.T) {
	s, a := bigStage()
	h, _ := newHandler(s)
	wh := watch(h, a.String())
	addr, ln := serve(t, wh, 0)
	ln.stall = 300 * time.Millisecond
	stuck := dial(t, addr)
	stuck.SetReadBuffer(4096)
	fmt.Fprintf(stuck, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", a)
	wait(t, wh.begin, "the stuck request")
	other := dial(t, addr)
	for range 50 {
		if status, _, err := request(other, "/news/main.m3u8"); status != 200 {
			t.Fatalf("beside a viewer that does not read: status %d, %v", status, err)
		}
	}
	wait(t, wh.end, "the end of the stuck request")
	if st := ln.Stats(); st.Stalled != 1 {
		t.Errorf("stats %+v", st)
	}
}

// A viewer that reads slowly but steadily gets everything, however long it takes.
func TestViewerThatReadsSlowly(t *testing.T) {
	s, a := bigStage()
	h, _ := newHandler(s)
	addr, ln := serve(t, h, 0)
	ln.stall = 400 * time.Millisecond
	c := dial(t, addr)
	c.SetReadBuffer(64 << 10)
	begin := time.Now()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", a)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var got int64
	for {
		n, err := io.CopyN(io.Discard, c, 256<<10)
		got += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		<-tick.C
	}
	if took := time.Since(begin); took < ln.stall {
		t.Errorf("took %v: too quick to show anything", took)
	}
	if got < 16<<20 {
		t.Errorf("only %d bytes arrived", got)
	}
}

// On HTTP/2 a stream that is not read ends after the stall time, while its connection lives on.
func TestStreamThatIsNotRead(t *testing.T) {
	s, a := bigStage()
	h, _ := newHandler(s)
	h.stall = 200 * time.Millisecond
	wh := watch(h, a.String())
	w := ways(t, wh)[2]
	req, _ := http.NewRequestWithContext(t.Context(), "GET", w.base+a.String(), nil)
	res, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Fatalf("got %s", res.Proto)
	}
	if res, _ := w.fetch(t, "GET", "/news/main.m3u8", nil); res.StatusCode != 200 {
		t.Errorf("beside the stuck stream: status %d", res.StatusCode)
	}
	wait(t, wh.end, "the end of the stuck stream")
	if res, _ := w.fetch(t, "GET", "/news/main.m3u8", nil); res.StatusCode != 200 {
		t.Errorf("after the stuck stream: status %d", res.StatusCode)
	}
}

// When all places are taken, the oldest of those who have not sent a request goes; who has
// sent one stays, and with such everywhere the newest is turned away.
func TestListenerIsFull(t *testing.T) {
	s := newStage()
	s.show(windowOf(2, 5, 0))
	h, _ := newHandler(s)
	addr, ln := serve(t, h, 3)
	ask := func(c net.Conn) error {
		status, _, err := request(c, "/news/main.m3u8")
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		return err
	}
	known := dial(t, addr)
	if err := ask(known); err != nil {
		t.Fatal(err)
	}
	silent := []net.Conn{dial(t, addr), dial(t, addr)}
	second, third := dial(t, addr), dial(t, addr)
	for _, c := range []net.Conn{second, third} {
		if err := ask(c); err != nil {
			t.Fatalf("a viewer was kept out by silent connections: %v", err)
		}
	}
	for _, c := range silent {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a silent connection was kept")
		}
	}
	if err := ask(known); err != nil {
		t.Errorf("the first viewer lost its connection: %v", err)
	}
	if err := ask(dial(t, addr)); err == nil {
		t.Error("a fourth viewer got into three places")
	}
	if st := ln.Stats(); st.Open != 3 || st.Newcomers != 0 || st.Evicted != 2 || st.Refused != 1 {
		t.Errorf("stats %+v", st)
	}
	known.Close()
	// The place is free once the server has seen the connection end.
	for deadline := time.Now().Add(patience); ; {
		if err := ask(dial(t, addr)); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("a freed place was not given to the next: %v", err)
		}
	}
}

// 200 hostile connections of four kinds; a viewer gets every change meanwhile.
func TestHostileConnections(t *testing.T) {
	s, a := bigStage()
	h, _ := newHandler(s)
	addr, _ := serve(t, h, 0)
	for i := range 200 {
		c := dial(t, addr)
		switch i % 4 {
		case 0: // garbage
			c.Write(bytes.Repeat([]byte{0x16, 0x03, 0x01, 0xff, 0, '\r', '\n'}, 100))
		case 1: // half a request
			io.WriteString(c, "GET /news/main.m3u8 HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		case 2: // never reads
			c.SetReadBuffer(4096)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", a)
		case 3: // oversized
			io.WriteString(c, "GET /news/main.m3u8?"+strings.Repeat("x", 200_000)+" HTTP/1.1\r\n")
		}
	}
	viewer := dial(t, addr)
	for n := range 50 {
		shown := make(chan struct{})
		go func() { defer close(shown); s.show(windowOf(2, 6+n, 0)) }()
		status, text, err := request(viewer, fmt.Sprintf("/news/main.m3u8?_HLS_msn=%d", 7+n))
		if status != 200 || !bytes.Contains(text, []byte(fmt.Sprintf("/%d.m4s\n", 7+n))) {
			t.Fatalf("number %d: status %d, %v", 7+n, status, err)
		}
		<-shown
	}
}

// Oversized headers are told off, not read to the end.
func TestOversizedHeader(t *testing.T) {
	h, _ := newHandler(newStage())
	addr, _ := serve(t, h, 0)
	c := dial(t, addr)
	fmt.Fprintf(c, "GET /news/main.m3u8 HTTP/1.1\r\nHost: x\r\nX-A: %s\r\n\r\n", strings.Repeat("a", 40<<10))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 431 {
		t.Errorf("status %d, want 431", res.StatusCode)
	}
}
