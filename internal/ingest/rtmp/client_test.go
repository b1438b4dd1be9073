package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// recorder is a Sink that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	tracks  [][]media.Track
	samples []media.Sample
	closed  bool
	reason  error
	done    chan struct{}
	fail    error // returned by Sample
}

func newRecorder() *recorder { return &recorder{done: make(chan struct{})} }

func (r *recorder) Tracks(t []media.Track) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tracks = append(r.tracks, t)
	return nil
}

func (r *recorder) Sample(s media.Sample) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Data = bytes.Clone(s.Data)
	r.samples = append(r.samples, s)
	return r.fail
}

func (r *recorder) Close(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.reason = true, reason
	close(r.done)
}

// deskFunc is a Desk.
type deskFunc func(Publication) (Sink, error)

func (f deskFunc) Publish(_ context.Context, p Publication) (Sink, error) { return f(p) }

const goodKey = "a-key-that-is-known"

// serve runs a server for a test; everything has ended when the test has.
func serve(t *testing.T, cfg Config) (address string, s *Server) {
	t.Helper()
	if cfg.Linger == 0 {
		cfg.Linger = 500 * time.Millisecond
	}
	s = NewServer(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return l.Addr().String(), s
}

// client is an encoder that says what a test wants.
type client struct {
	t    *testing.T
	conn net.Conn
	out  *session // writes messages
	in   *chunkReader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(15 * time.Second))
	return &client{t: t, conn: c, out: newSession(), in: newChunkReader(c, maxVideo)}
}

func (c *client) handshake() {
	c.t.Helper()
	hello := make([]byte, 1+handshakeSize)
	hello[0] = rtmpVersion
	if _, err := c.conn.Write(hello); err != nil {
		c.t.Fatal(err)
	}
	answer := make([]byte, 1+2*handshakeSize)
	if _, err := io.ReadFull(c.conn, answer); err != nil {
		c.t.Fatal(err)
	}
	if !bytes.Equal(answer[1+handshakeSize:], hello[1:]) {
		c.t.Error("S2 is not an echo of C1")
	}
	if _, err := c.conn.Write(answer[1 : 1+handshakeSize]); err != nil {
		c.t.Fatal(err)
	}
}

// send sends what the session has gathered.
func (c *client) send() error {
	_, err := c.conn.Write(c.out.out)
	c.out.out = c.out.out[:0]
	return err
}

func (c *client) command(name string, number float64, args ...any) {
	body := appendAMFNumber(appendAMFString(nil, name), number)
	for _, a := range args {
		switch v := a.(type) {
		case nil:
			body = append(body, amfNull)
		case string:
			body = appendAMFString(body, v)
		case []any:
			body = appendAMFObject(body, v...)
		}
	}
	c.out.send(chunkCommand, typeCommandAMF0, 0, body)
}

// frame sends an audio or video message at a time in ms.
func (c *client) frame(kind byte, ms uint32, body []byte) error {
	at := len(c.out.out)
	c.out.send(chunkStatus, kind, mediaStream, body)
	b := c.out.out[at:]
	b[1], b[2], b[3] = byte(ms>>16), byte(ms>>8), byte(ms)
	return c.send()
}

// publish connects and asks to publish.
func (c *client) publish(app, key string) {
	c.t.Helper()
	c.handshake()
	c.command("connect", 1, []any{"app", app, "flashVer", "FMLE/3.0 (test)"})
	c.command("createStream", 2, nil)
	c.command("publish", 3, nil, key, "live")
	if err := c.send(); err != nil {
		c.t.Fatal(err)
	}
}

// status reads until an onStatus comes, and returns its code and description; "" if the server closed.
func (c *client) status() (code, text string) {
	c.t.Helper()
	for {
		m, err := c.in.next()
		if errors.Is(err, errBroken) {
			return "", ""
		}
		if err != nil {
			c.t.Fatalf("read the server's messages: %v", err)
		}
		if m.kind != typeCommandAMF0 {
			continue
		}
		values, err := decodeAMF(m.body)
		if err != nil {
			c.t.Fatal(err)
		}
		if values[0].text() == "onStatus" {
			info := values[len(values)-1]
			return info.get("code").text(), info.get("description").text()
		}
	}
}

// The configurations of a small H.264 and an AAC stream.
var (
	sps       = []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48}
	pps       = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	aacConfig = []byte{0x11, 0x90}
)

func avcC(sps []byte) []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}
	b = append(append(b, sps...), 1, 0, byte(len(pps)))
	return append(b, pps...)
}

func videoConfig() []byte { return append([]byte{0x17, 0, 0, 0, 0}, avcC(sps)...) }

func videoFrame(key bool, payload byte) []byte {
	head, nal := byte(0x27), byte(0x41)
	if key {
		head, nal = 0x17, 0x65
	}
	return []byte{head, 1, 0, 0, 0, 0, 0, 0, 4, nal, payload, payload, payload}
}

func audioConfig() []byte            { return append([]byte{0xaf, 0}, aacConfig...) }
func audioFrame(payload byte) []byte { return []byte{0xaf, 1, 0x21, payload} }
