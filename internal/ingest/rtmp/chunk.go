package rtmp

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// Message types (RTMP 5.4 and 7.1).
const (
	typeSetChunkSize  = 1
	typeAbort         = 2
	typeAck           = 3
	typeUserControl   = 4
	typeWindowAckSize = 5
	typePeerBandwidth = 6
	typeAudio         = 8
	typeVideo         = 9
	typeDataAMF3      = 15
	typeCommandAMF3   = 17
	typeDataAMF0      = 18
	typeCommandAMF0   = 20
	typeAggregate     = 22
)

const (
	readBuffer      = 16 << 10  // of each connection; also the largest message that is not copied
	maxCommand      = 64 << 10  // bytes of a command or data message, and of all that a stranger sends
	maxAudio        = 1 << 20   // bytes of an audio message
	maxControl      = 1 << 10   // bytes of a protocol control message
	maxChunkStreams = 64        // of one connection
	keepBody        = 1 << 20   // a message buffer above this is given back after its message
	firstChunkSize  = 128       // until the sender sets another
	maxChunkSize    = 1<<24 - 1 // no message is longer, so a larger chunk size means the same
)

// message is one RTMP message. Its body is valid until the next one is read.
type message struct {
	kind   byte
	stream uint32
	time   uint32 // ms, wraps
	body   []byte
}

// chunkStream is what a chunk's header may leave out because the one before had it.
type chunkStream struct {
	time     uint32
	delta    uint32 // what a message without a timestamp of its own adds to time
	length   int
	kind     byte
	stream   uint32
	extended bool   // the last timestamp or delta did not fit into 24 bits …
	field    uint32 // … and was this
	got      int    // bytes of the current message in body
	body     []byte
}

// chunkReader reassembles messages from chunks. Messages that came in one piece are handed out where
// they lie in the read buffer; others are gathered in a buffer of their chunk stream that grows
// with the bytes that really arrive, never with the length that a header claims.
type chunkReader struct {
	src       io.Reader
	buf       []byte
	r, w      int // buf[r:w] is read and not yet used
	chunkSize int
	near      [64]*chunkStream // by id, the ids of one byte
	far       map[uint32]*chunkStream
	streams   int
	partial   int          // bytes gathered for unfinished messages
	limit     int          // bytes of a video message; maxCommand for strangers
	done      *chunkStream // whose body was handed out last
	window    uint32       // the sender's acknowledgement window, 0 if it has not said
	received  uint64       // bytes read from src, handshake excluded
}

func newChunkReader(src io.Reader, limit int) *chunkReader {
	return &chunkReader{src: src, buf: make([]byte, readBuffer), chunkSize: firstChunkSize, limit: limit}
}

// next returns the next message, after obeying the control messages that concern chunks.
// An error is either errBroken or a *Refusal that tells what is wrong with the bytes.
func (c *chunkReader) next() (message, error) {
	c.release()
	for {
		cs, err := c.header()
		if err != nil {
			return message{}, err
		}
		m := message{kind: cs.kind, stream: cs.stream, time: cs.time}
		piece := min(cs.length-cs.got, c.chunkSize)
		if piece == cs.length && piece <= len(c.buf) {
			if err := c.need(piece); err != nil {
				return message{}, err
			}
			m.body = c.buf[c.r : c.r+piece : c.r+piece]
			c.r += piece
		} else {
			if err := c.gather(cs, piece); err != nil {
				return message{}, err
			}
			if cs.got < cs.length {
				continue
			}
			m.body = cs.body[:cs.length:cs.length]
			c.partial -= cs.got
			cs.got = 0
			c.done = cs
		}
		own, err := c.control(m)
		if err != nil || !own {
			return m, err
		}
		c.release()
	}
}

// release gives back the buffer of an unusually large message once it has been used.
func (c *chunkReader) release() {
	if c.done != nil && cap(c.done.body) > keepBody {
		c.done.body = nil
	}
	c.done = nil
}

// need waits until at least n bytes are buffered; n is at most len(buf).
func (c *chunkReader) need(n int) error {
	for c.w-c.r < n {
		if c.r > 0 {
			c.w = copy(c.buf, c.buf[c.r:c.w])
			c.r = 0
		}
		m, err := c.src.Read(c.buf[c.w:])
		c.w += m
		c.received += uint64(m)
		if m == 0 && err != nil {
			return broken("read", err)
		}
	}
	return nil
}

// header reads a chunk's headers (RTMP 5.3.1) up to its payload.
func (c *chunkReader) header() (*chunkStream, error) {
	if err := c.need(1); err != nil {
		return nil, err
	}
	first := c.buf[c.r]
	format, id, size := first>>6, uint32(first&0x3f), 1
	if id < 2 {
		size = 2 + int(id)
		if err := c.need(size); err != nil {
			return nil, err
		}
		long := id == 1
		id = 64 + uint32(c.buf[c.r+1])
		if long {
			id += uint32(c.buf[c.r+2]) << 8
		}
	}
	c.r += size
	cs, err := c.stream(id, format)
	if err != nil {
		return nil, err
	}
	if format == 3 {
		return cs, c.bareHeader(cs)
	}
	if cs.got > 0 {
		return nil, malformed("chunk stream %d: a new message begins within another", id)
	}
	return cs, c.messageHeader(cs, format)
}

// stream finds the state of chunk stream id. The first chunk of a stream must say how long its message is.
func (c *chunkReader) stream(id uint32, format byte) (*chunkStream, error) {
	var cs *chunkStream
	if id < 64 {
		cs = c.near[id]
	} else {
		cs = c.far[id]
	}
	if cs != nil {
		return cs, nil
	}
	if format > 1 {
		return nil, malformed("chunk stream %d: the first chunk has no message length", id)
	}
	if c.streams == maxChunkStreams {
		return nil, malformed("chunk stream %d: more than %d chunk streams", id, maxChunkStreams)
	}
	c.streams++
	cs = &chunkStream{}
	if id < 64 {
		c.near[id] = cs
	} else {
		if c.far == nil {
			c.far = map[uint32]*chunkStream{}
		}
		c.far[id] = cs
	}
	return cs, nil
}

// messageHeader reads a header of type 0, 1 or 2: each begins a message.
func (c *chunkReader) messageHeader(cs *chunkStream, format byte) error {
	size := [3]int{11, 7, 3}[format]
	if err := c.need(size); err != nil {
		return err
	}
	h := c.buf[c.r : c.r+size]
	c.r += size
	cs.field = uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])
	if format <= 1 {
		cs.length = int(h[3])<<16 | int(h[4])<<8 | int(h[5])
		cs.kind = h[6]
	}
	if format == 0 {
		cs.stream = binary.LittleEndian.Uint32(h[7:])
	}
	if cs.extended = cs.field == 0xffffff; cs.extended {
		if err := c.need(4); err != nil {
			return err
		}
		cs.field = binary.BigEndian.Uint32(c.buf[c.r:])
		c.r += 4
	}
	cs.delta = cs.field
	if format == 0 {
		cs.time = cs.field
	} else {
		cs.time += cs.field
	}
	if limit := c.limitOf(cs.kind); cs.length > limit {
		return malformed("message of type %d has %d bytes: at most %d are allowed", cs.kind, cs.length, limit)
	}
	return nil
}

// bareHeader handles a chunk of type 3: it goes on with a message, or begins one like the last.
// Senders disagree on whether it repeats an extended timestamp (RTMP 5.3.1.3 says so), so the four
// bytes are skipped only if they are that timestamp.
func (c *chunkReader) bareHeader(cs *chunkStream) error {
	if cs.extended {
		if err := c.need(4); err != nil {
			return err
		}
		if binary.BigEndian.Uint32(c.buf[c.r:]) == cs.field {
			c.r += 4
		}
	}
	if cs.got == 0 {
		cs.time += cs.delta
		if limit := c.limitOf(cs.kind); cs.length > limit {
			return malformed("message of type %d has %d bytes: at most %d are allowed", cs.kind, cs.length, limit)
		}
	}
	return nil
}

// limitOf is the greatest length of a message.
func (c *chunkReader) limitOf(kind byte) int {
	switch kind {
	case typeVideo, typeAggregate:
		return c.limit
	case typeAudio:
		return min(c.limit, maxAudio)
	case typeSetChunkSize, typeAbort, typeAck, typeUserControl, typeWindowAckSize, typePeerBandwidth:
		return maxControl
	}
	return maxCommand
}

// gather appends the next piece of a message to its body.
func (c *chunkReader) gather(cs *chunkStream, piece int) error {
	for piece > 0 {
		n := min(piece, 64<<10)
		cs.grow(n)
		part := cs.body[cs.got : cs.got+n]
		m := copy(part, c.buf[c.r:c.w])
		c.r += m
		if m == 0 {
			var err error
			if m, err = c.pull(part); m == 0 && err != nil {
				return err
			}
		}
		cs.got += m
		c.partial += m
		piece -= m
		if c.partial > c.limit+maxCommand {
			return malformed("unfinished messages take more than %d bytes", c.limit+maxCommand)
		}
	}
	return nil
}

// pull reads into dst when that saves a copy, and else fills the buffer, which takes more with one call.
func (c *chunkReader) pull(dst []byte) (int, error) {
	if len(dst) < len(c.buf) {
		return 0, c.need(1)
	}
	n, err := c.src.Read(dst)
	c.received += uint64(n)
	if n == 0 && err != nil {
		return 0, broken("read", err)
	}
	return n, nil
}

// grow makes room for n more bytes. Sizes are powers of two, so that a stream whose frames
// vary soon has the buffer it needs.
func (cs *chunkStream) grow(n int) {
	if need := cs.got + n; need > cap(cs.body) {
		body := make([]byte, 1<<bits.Len(uint(max(need, 1024)-1)))
		copy(body, cs.body[:cs.got])
		cs.body = body
	}
	cs.body = cs.body[:cap(cs.body)]
}

// control obeys the messages that concern chunks and reports whether m was one of them.
func (c *chunkReader) control(m message) (bool, error) {
	switch m.kind {
	case typeSetChunkSize, typeAbort, typeWindowAckSize:
	default:
		return false, nil
	}
	if len(m.body) < 4 {
		return true, malformed("control message of type %d has %d bytes: want 4", m.kind, len(m.body))
	}
	v := binary.BigEndian.Uint32(m.body)
	switch m.kind {
	case typeSetChunkSize:
		if v == 0 || v > 1<<31-1 {
			return true, malformed("chunk size %d: want 1 to %d", v, maxChunkSize)
		}
		c.chunkSize = int(min(v, maxChunkSize))
	case typeAbort:
		cs := c.far[v]
		if v < 64 {
			cs = c.near[v]
		}
		if cs != nil {
			c.partial -= cs.got
			cs.got = 0
		}
	case typeWindowAckSize:
		c.window = v
	}
	return true, nil
}
