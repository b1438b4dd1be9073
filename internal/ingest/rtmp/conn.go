package rtmp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one connection of an encoder. Its goroutine owns everything but what mu guards.
type conn struct {
	server *Server
	cfg    *Config
	net    net.Conn
	log    *slog.Logger
	ctx    context.Context // ends when the connection is stopped
	cancel context.CancelFunc
	host   string    // for the limits of strangers
	since  time.Time // of accept

	tide    tide
	chunks  *chunkReader
	session *session
	acked   uint64

	demux     *demux // nil while nothing is published
	key       string
	published bool      // has ever been let in
	renewed   time.Time // when the read deadline was set last
	rate      rateMeter
	began     time.Time // of the publication
	media     int64     // bytes of it

	reconnects atomic.Bool // the encoder knows what a reconnect request is
	reconnect  atomic.Bool // it is to be sent one
	asked      bool        // it was

	mu      sync.Mutex
	stopped error // why this connection is to end, from outside
	turn    int   // number of the publication, so that a late kick does not hit the next
}

// run serves the connection to its end. The error says why it ended; nil means that the encoder left
// properly or never published.
func (c *conn) run() (err error) {
	defer c.net.Close()
	defer c.contain(&err, c.closeSink)
	defer c.contain(&err, nil)
	c.session = newSession()
	err = c.serve()
	if reason := c.stopReason(); reason != nil {
		err = reason
	}
	c.closeSink(err) // before the encoder is told, which may take a while
	c.farewell(err)
	return err
}

// contain ends a panic: it costs one publisher, not all of them. then is called with what became of
// the connection, and may panic as well.
func (c *conn) contain(err *error, then func(error)) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("serve a publisher: panic: %v", r)
		c.log.Error("publisher ended by a panic", "panic", r, "stack", string(debug.Stack()))
	}
	if then != nil {
		defer c.contain(err, nil)
		then(*err)
	}
}

// serve reads messages until one of them, the network or somebody else ends the connection.
func (c *conn) serve() error {
	if err := c.setDeadlines(c.cfg.HandshakeTimeout); err != nil {
		return err
	}
	if err := handshake(c.net); err != nil {
		return broken("RTMP handshake", err)
	}
	if err := c.setDeadlines(c.cfg.PublishTimeout); err != nil {
		return err
	}
	c.tide = tide{net: c.net}
	c.chunks = newChunkReader(&c.tide, maxCommand)
	for {
		m, err := c.chunks.next()
		if errors.Is(err, os.ErrDeadlineExceeded) && c.demux != nil {
			return errIdle
		}
		if err != nil {
			return err
		}
		if err := c.handle(m); err != nil {
			return err
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
}

// errBroken is wrapped by the errors after which nothing can be said to the encoder.
var errBroken = errors.New("the connection broke")

func broken(doing string, err error) error { return fmt.Errorf("%w: %s: %w", errBroken, doing, err) }

func (c *conn) handle(m message) error {
	switch m.kind {
	case typeVideo, typeAudio, typeAggregate:
		return c.mediaMessage(m)
	case typeCommandAMF3, typeDataAMF3:
		// In practice an AMF3 message is a zero byte and AMF0.
		if len(m.body) > 0 && m.body[0] == 0 {
			m.body = m.body[1:]
		}
		if m.kind == typeDataAMF3 {
			c.data(m.body)
			return nil
		}
		return c.command(m)
	case typeCommandAMF0:
		return c.command(m)
	case typeDataAMF0:
		c.data(m.body)
	case typeUserControl:
		if len(m.body) >= 6 && m.body[0] == 0 && m.body[1] == 6 {
			c.session.pong(m.body[2:6])
		}
	}
	return nil // acknowledgements and whatever else needs no answer
}

// flush acknowledges what is due and sends what the session has to say.
func (c *conn) flush() error {
	window := uint64(windowSize)
	if c.chunks.window > 0 {
		window = uint64(max(c.chunks.window, minWindow))
	}
	if got := c.chunks.received + 1 + 2*handshakeSize; got-c.acked >= window {
		c.acked = got
		c.session.acknowledge(got)
	}
	if len(c.session.out) == 0 {
		return nil
	}
	if err := c.net.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout)); err != nil {
		return broken("reply", err)
	}
	_, err := c.net.Write(c.session.out)
	c.session.out = c.session.out[:0]
	if err != nil {
		return broken("reply", err)
	}
	return nil
}

func (c *conn) data(body []byte) {
	if c.demux == nil {
		return
	}
	// Metadata is a hint. What cannot be read of it is as if it had not come.
	values, _ := decodeAMF(body)
	c.demux.metadata(values)
}

func (c *conn) command(m message) error {
	event, key, err := c.session.command(m)
	if err != nil {
		return err
	}
	switch event {
	case eventPublish:
		return c.publish(key)
	case eventUnpublish:
		if c.demux == nil {
			return nil
		}
		c.closeSink(nil)
		c.tide.end()
		c.session.unpublished()
		return c.setDeadlines(c.cfg.PublishTimeout)
	}
	return nil
}

// publish asks the desk, and lets the encoder in.
func (c *conn) publish(key string) error {
	if c.demux != nil {
		return errTwice
	}
	c.key = key
	c.mu.Lock()
	c.turn++
	turn := c.turn
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.DeskTimeout)
	defer cancel()
	sink, err := c.cfg.Desk.Publish(ctx, Publication{
		Key: key, App: c.session.app, Remote: c.net.RemoteAddr().String(), Encoder: c.session.encoder,
		Kick:      func(reason error) { c.stop(reason, turn) },
		Reconnect: c.askReconnect,
	})
	if err != nil {
		if !refusalOf(err).Temporary {
			return err
		}
		c.session.published() // and the reason after it: see Desk.Publish
		return err
	}
	c.demux = &demux{sink: sink}
	c.reconnects.Store(c.session.reconnects)
	c.published, c.began, c.media, c.rate = true, time.Now(), 0, rateMeter{}
	c.server.admitted(c)
	c.chunks.limit = maxVideo
	c.tide.begin(c.cfg.Pace)
	c.log.Info("publisher connected", "key", keyHint(key), "encoder", c.session.encoder)
	c.session.published()
	return c.renew(c.began)
}

// mediaMessage passes audio and video on, and watches over the bitrate and the idle time.
func (c *conn) mediaMessage(m message) error {
	if c.demux == nil {
		if c.published {
			return nil // sent before the encoder knew that its stream is closed
		}
		return malformed("media before publish")
	}
	if c.reconnect.Load() && !c.asked {
		c.asked = true
		c.session.reconnectRequest()
	}
	now := c.tide.now
	if now.Sub(c.renewed) > c.cfg.IdleTimeout/8 {
		if err := c.renew(now); err != nil {
			return err
		}
	}
	c.media += int64(len(m.body))
	if rate := c.rate.add(now, c.demux.time.last, len(m.body)); c.cfg.MaxBitrate > 0 && rate > int64(c.cfg.MaxBitrate) {
		return overBitrate(rate, int64(c.cfg.MaxBitrate))
	}
	switch m.kind {
	case typeVideo:
		return c.demux.video(m.time, m.body)
	case typeAudio:
		return c.demux.audio(m.time, m.body)
	}
	return c.aggregate(m)
}

// aggregate takes apart a message that holds FLV tags (RTMP 7.1.6). Their times count from the first.
func (c *conn) aggregate(m message) error {
	const head, back = 11, 4 // bytes of a tag's header, and of the size that follows it
	var base uint32
	for b, first := m.body, true; len(b) >= head; first = false {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		at := uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]) | uint32(b[7])<<24
		if size > len(b)-head {
			return malformed("aggregate message: tag of %d bytes in %d", size, len(b)-head)
		}
		if first {
			base = at
		}
		body, err := b[head:head+size], error(nil)
		switch at += m.time - base; b[0] {
		case typeVideo:
			err = c.demux.video(at, body)
		case typeAudio:
			err = c.demux.audio(at, body)
		case typeDataAMF0:
			c.data(body)
		}
		if err != nil {
			return err
		}
		b = b[min(len(b), head+size+back):]
	}
	return nil
}

// closeSink ends the publication, if there is one. What the encoder sent is passed on to the end.
func (c *conn) closeSink(err error) {
	d := c.demux
	if d == nil {
		return
	}
	c.demux = nil
	c.mu.Lock()
	c.turn++ // a kick of this publication means nothing from here on
	c.mu.Unlock()
	if !d.started && len(d.held) > 0 { // too short a stream for all its tracks to be known
		err = cmp.Or(err, d.start())
	}
	if errors.Is(err, errBroken) {
		err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	d.sink.Close(err)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	c.log.Log(c.ctx, level, "publisher left", "key", keyHint(c.key), "encoder", c.session.encoder, "after", time.Since(c.began).Round(time.Millisecond),
		"bytes", c.media, "samples", d.samples, "skipped", d.skipped, "reason", err)
}

// farewell tells the encoder why the connection ends, if it is we who end it, and waits for it to
// read that: a socket closed with unread bytes in it is reset, and the reset overtakes the reason.
func (c *conn) farewell(err error) {
	stopped := c.stopReason() != nil && !errors.Is(err, errMakeRoom)
	if err == nil || errors.Is(err, errBroken) && !stopped || !c.session.connected {
		return // the encoder left, is not there any more, or never was one
	}
	deadline := time.Now().Add(c.cfg.Linger)
	c.session.refused(refusalOf(err))
	c.net.SetDeadline(deadline)
	if _, err := c.net.Write(c.session.out); err != nil {
		return
	}
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	io.Copy(io.Discard, io.LimitReader(c.net, maxLinger))
}

// maxLinger bounds what is read from an encoder that goes on sending after it was told to stop.
const maxLinger = 64 << 20

// renew grants another idle time.
func (c *conn) renew(now time.Time) error {
	c.renewed = now
	return c.setReadDeadline(now.Add(c.cfg.IdleTimeout))
}

// setDeadlines gives the peer so much time for what it has to do next.
func (c *conn) setDeadlines(d time.Duration) error {
	at := time.Now().Add(d)
	if err := c.net.SetWriteDeadline(at); err != nil {
		return broken("set a deadline", err)
	}
	return c.setReadDeadline(at)
}

// setReadDeadline never undoes the wake-up of stop.
func (c *conn) setReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped != nil {
		return c.stopped
	}
	if err := c.net.SetReadDeadline(at); err != nil {
		return broken("set a deadline", err)
	}
	return nil
}

// stop asks the connection to end; its goroutine does so as soon as it is no longer busy. With a turn
// above 0 it means that publication only.
func (c *conn) stop(reason error, turn int) {
	if reason == nil {
		reason = errBusy
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped != nil || turn > 0 && turn != c.turn {
		return
	}
	c.stopped = reason
	c.net.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	c.cancel()
}

// askReconnect has the encoder asked to connect again, with the next message that comes from it.
func (c *conn) askReconnect() bool {
	if !c.reconnects.Load() {
		return false
	}
	c.reconnect.Store(true)
	return true
}

func (c *conn) stopReason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// keyHint is the part of a stream key that may be shown.
func keyHint(key string) string {
	if len(key) <= 8 {
		return "…"
	}
	var hint [4]byte
	copy(hint[:], key)
	return printable(string(hint[:])) + "…"
}
