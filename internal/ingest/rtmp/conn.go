package rtmp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	ourChunkSize = 4096
	ourAckWindow = 2_500_000
	readBuffer   = 8 << 10
	mediaStream  = 1
)

// conn is one connection of an encoder.
type conn struct {
	server *Server
	net    net.Conn
	log    *slog.Logger
	chunks *chunkReader
	out    *bufio.Writer

	app      string
	encoder  string
	key      string
	demux    *demuxer
	acked    uint64
	window   uint64
	deadline time.Time // read deadline that is set
	rate     rate

	mu     sync.Mutex
	kicked error // why this connection is to be closed
}

// serve runs the connection to its end. The error says why it ended.
func (c *conn) serve(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if c.demux != nil && c.demux.sink != nil {
			c.demux.sink.Close(closeReason(err))
		}
	}()
	c.net.SetDeadline(time.Now().Add(c.server.cfg.HandshakeTimeout))
	if err := handshake(c.net); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c.net.SetDeadline(time.Now().Add(c.server.cfg.PublishTimeout))
	c.chunks = newChunkReader(c.net, readBuffer)
	c.out = bufio.NewWriterSize(c.net, 1024)
	c.window = ourAckWindow
	for {
		m, err := c.chunks.next()
		if err == nil {
			err = c.handle(ctx, m)
		}
		if err == nil {
			err = c.acknowledge()
		}
		if err != nil {
			return c.leave(err)
		}
	}
}

// closeReason is what the sink is told: nothing if the encoder left by itself.
func closeReason(err error) error {
	if errors.Is(err, errGoodbye) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// leave tells the encoder why it is closed, if it is we who close, and returns the reason.
func (c *conn) leave(err error) error {
	if k := c.kickReason(); k != nil {
		err = k
	}
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		c.status("error", refusal.Code, refusal.Text)
	case errors.Is(err, errProtocol):
		c.status("error", "NetStream.Publish.BadName", err.Error())
	case c.kickReason() != nil:
		c.status("error", "NetStream.Publish.BadName", err.Error())
	default:
		return err
	}
	c.linger()
	return err
}

// linger lets the encoder read the last message: a socket that is closed while bytes are unread
// resets the connection, and the encoder would never see it.
func (c *conn) linger() {
	c.net.SetDeadline(time.Now().Add(c.server.cfg.Linger))
	if c.out.Flush() != nil {
		return
	}
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	io.Copy(io.Discard, io.LimitReader(c.net, 64<<20))
}

// kick asks the connection to end for a reason. Only the first call counts.
func (c *conn) kick(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kicked == nil {
		c.kicked = reason
		c.net.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
}

func (c *conn) kickReason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kicked
}

// extend moves the read deadline on, not more often than is useful: it costs a system call.
func (c *conn) extend() error {
	now := time.Now()
	if c.deadline.Sub(now) > c.server.cfg.IdleTimeout*3/4 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kicked != nil {
		return c.kicked
	}
	c.deadline = now.Add(c.server.cfg.IdleTimeout)
	return c.net.SetDeadline(c.deadline)
}

// acknowledge tells the encoder how much has arrived, as often as it asked for.
func (c *conn) acknowledge() error {
	if c.chunks.count-c.acked < c.window/2 {
		return nil
	}
	c.acked = c.chunks.count
	c.out.Write(appendControl(nil, typeAck, uint32(c.acked)))
	return c.out.Flush()
}

func (c *conn) handle(ctx context.Context, m *message) error {
	switch m.Type {
	case typeVideo, typeAudio, typeAggregate:
		return c.media(m)
	case typeWindowAckSize:
		if len(m.Payload) >= 4 {
			c.window = max(1<<16, uint64(binary.BigEndian.Uint32(m.Payload)))
		}
	case typeCommandAMF3:
		if len(m.Payload) > 0 {
			return c.command(ctx, m.Payload[1:])
		}
	case typeCommandAMF0:
		return c.command(ctx, m.Payload)
	case typeDataAMF3:
		if len(m.Payload) > 0 {
			return c.data(m.Payload[1:])
		}
	case typeDataAMF0:
		return c.data(m.Payload)
	}
	return nil
}

func (c *conn) media(m *message) error {
	if c.demux == nil {
		return malformed("media before publish")
	}
	if err := c.extend(); err != nil {
		return err
	}
	if over := c.rate.add(len(m.Payload)); over > 0 && c.server.cfg.MaxBitrate > 0 && over > c.server.cfg.MaxBitrate {
		return Refuse("the stream has %.1f Mbit/s, at most %.1f are allowed here: lower the bitrate in your encoder", float64(over)/1e6, float64(c.server.cfg.MaxBitrate)/1e6)
	}
	switch m.Type {
	case typeVideo:
		return c.demux.onVideo(m.Timestamp, m.Payload)
	case typeAudio:
		return c.demux.onAudio(m.Timestamp, m.Payload)
	}
	return c.aggregate(m)
}

// aggregate takes apart a message that holds several (section 7.1.6). Their timestamps count from
// that of the first.
func (c *conn) aggregate(m *message) error {
	b := m.Payload
	var base uint32
	for first := true; len(b) >= 11; first = false {
		kind, n, t := b[0], int(uint24(b[1:])), uint24(b[4:])|uint32(b[7])<<24
		if len(b) < 11+n {
			return malformed("aggregate message cut short")
		}
		if first {
			base = t
		}
		body := b[11 : 11+n]
		var err error
		switch kind {
		case typeVideo:
			err = c.demux.onVideo(m.Timestamp+t-base, body)
		case typeAudio:
			err = c.demux.onAudio(m.Timestamp+t-base, body)
		}
		if err != nil {
			return err
		}
		b = b[min(len(b), 11+n+4):]
	}
	return nil
}

func (c *conn) data(b []byte) error {
	if c.demux == nil || !bytes.Contains(b, []byte("onMetaData")) {
		return nil
	}
	values, err := readAMF0(b)
	if err != nil {
		return nil // metadata is a hint: without it the tracks are found by waiting
	}
	for _, v := range values {
		if o, ok := v.(object); ok && !c.demux.open {
			c.demux.metadata(o)
		}
	}
	return nil
}

func (c *conn) command(ctx context.Context, b []byte) error {
	values, err := readAMF0(b)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return malformed("empty command")
	}
	name, _ := values[0].(string)
	var transaction float64
	if len(values) > 1 {
		transaction, _ = values[1].(float64)
	}
	text := func(i int) string {
		if i >= len(values) {
			return ""
		}
		s, _ := values[i].(string)
		return s
	}
	switch name {
	case "connect":
		var o object
		if len(values) > 2 {
			o, _ = values[2].(object)
		}
		return c.connect(transaction, o)
	case "createStream":
		return c.reply("_result", transaction, nil, float64(mediaStream))
	case "publish":
		return c.publish(ctx, text(3))
	case "play", "play2":
		return &Refusal{"NetStream.Play.Failed", "playing over RTMP is not offered here: watch the channel's page or its HLS address"}
	case "FCUnpublish", "deleteStream", "closeStream":
		if c.demux != nil {
			return errGoodbye
		}
	case "releaseStream", "FCPublish", "_checkbw", "getStreamLength":
		return c.reply("_result", transaction, nil, nil)
	}
	return nil
}

// connect answers the command of that name (section 7.2.1.1).
func (c *conn) connect(transaction float64, o object) error {
	c.app, _ = o["app"].(string)
	c.encoder, _ = o["flashVer"].(string)
	app, _, _ := strings.Cut(c.app, "?")
	if app = strings.Trim(app, "/"); app != "live" {
		text := fmt.Sprintf("there is no application %.40q here: the server address must end with /live", app)
		c.reply("_error", transaction, nil, []pair{{"level", "error"}, {"code", "NetConnection.Connect.Rejected"}, {"description", text}})
		return &Refusal{"NetConnection.Connect.Rejected", text}
	}
	var b []byte
	b = appendControl(b, typeWindowAckSize, ourAckWindow)
	b = appendMessage(b, 2, typePeerBandwidth, 0, append(binary.BigEndian.AppendUint32(nil, ourAckWindow), 2))
	b = appendControl(b, typeSetChunkSize, ourChunkSize)
	c.out.Write(b)
	return c.reply("_result", transaction,
		[]pair{{"fmsVer", "Mayfly/1,0"}, {"capabilities", 31.0}},
		[]pair{{"level", "status"}, {"code", "NetConnection.Connect.Success"}, {"description", "Welcome."}, {"objectEncoding", 0.0}})
}

func (c *conn) publish(ctx context.Context, name string) error {
	if c.app == "" || c.demux != nil {
		return malformed("publish out of order")
	}
	key, _, _ := strings.Cut(name, "?")
	c.key = strings.Trim(key, "/")
	sink, err := c.server.cfg.Desk.Publish(ctx, Publication{Key: c.key, Remote: c.net.RemoteAddr().String(), Encoder: c.encoder, Kick: c.kick})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	c.server.admitted(c)
	c.demux = &demuxer{sink: sink}
	c.log = c.log.With("key", keyHint(c.key), "encoder", c.encoder)
	c.log.Info("publisher connected")
	return c.status("status", "NetStream.Publish.Start", "You are publishing.")
}

func (c *conn) reply(name string, values ...any) error {
	payload := appendAMF0(nil, append([]any{name}, values...)...)
	c.out.Write(appendMessage(nil, 3, typeCommandAMF0, 0, payload))
	return c.out.Flush()
}

// status sends onStatus (section 7.2.2). The text is what the encoder may show.
func (c *conn) status(level, code, text string) error {
	c.net.SetWriteDeadline(time.Now().Add(c.server.cfg.Linger))
	info := []pair{{"level", level}, {"code", code}, {"description", text}}
	payload := appendAMF0(nil, "onStatus", 0.0, nil, info)
	c.out.Write(appendMessage(nil, 5, typeCommandAMF0, mediaStream, payload))
	return c.out.Flush()
}

// rate measures a bitrate over stretches of some seconds.
type rate struct {
	since time.Time
	bytes int
}

const rateSpan = 5 * time.Second

// add counts bytes and returns the bitrate in bit/s when a stretch is over, else 0.
func (r *rate) add(n int) int {
	r.bytes += n
	now := time.Now()
	if r.since.IsZero() {
		r.since = now
	}
	span := now.Sub(r.since)
	if span < rateSpan {
		return 0
	}
	bits := int(float64(r.bytes) * 8 / span.Seconds())
	r.since, r.bytes = now, 0
	return bits
}
