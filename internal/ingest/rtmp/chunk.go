package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits for strangers. A keyframe of 4K video has a few MB.
const (
	maxMessage      = 16 << 20 // of audio, video, aggregate
	maxCommand      = 64 << 10 // of everything else
	maxChunkSize    = 1 << 20
	maxChunkStreams = 64
	defaultChunk    = 128
	// keepBuffer is how large a message buffer may stay with its chunk stream between messages.
	keepBuffer = 64 << 10
)

// Message types (RTMP specification 1.0, sections 5.4 and 7.1).
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

// errProtocol is wrapped by every error about bytes that are not RTMP.
var errProtocol = errors.New("not RTMP as the specification has it")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errProtocol)
}

// message is one RTMP message. Payload is valid until the next message is read.
type message struct {
	Type      uint8
	Stream    uint32
	Timestamp uint32 // milliseconds, wraps
	Payload   []byte
}

// chunkStream is what must be remembered of a chunk stream between its chunks.
type chunkStream struct {
	timestamp uint32
	delta     uint32
	extended  bool   // the message header had an extended timestamp
	extValue  uint32 // and this was it
	length    uint32
	kind      uint8
	stream    uint32
	buffer    []byte // the message so far
	begun     bool   // a message is under way
	seen      bool   // a full header has come
}

// chunkReader puts messages together from chunks (section 5.3). It keeps one buffer for each chunk
// stream and reuses it, so reading makes no garbage.
type chunkReader struct {
	r       *bufio.Reader
	size    uint32 // chunk size of the peer
	streams map[uint32]*chunkStream
	last    *chunkStream // looked up last: nearly always the next one too
	lastID  uint32
	message message
	count   uint64 // bytes read, for acknowledgements
}

func newChunkReader(r io.Reader, buffer int) *chunkReader {
	return &chunkReader{r: bufio.NewReaderSize(r, buffer), size: defaultChunk, streams: map[uint32]*chunkStream{}}
}

// next returns the next whole message. Messages that concern the chunk layer alone are handled here.
func (c *chunkReader) next() (*message, error) {
	for {
		s, err := c.chunk()
		if err != nil {
			return nil, err
		}
		if uint32(len(s.buffer)) < s.length {
			continue
		}
		s.begun = false
		c.message = message{Type: s.kind, Stream: s.stream, Timestamp: s.timestamp, Payload: s.buffer}
		switch s.kind {
		case typeSetChunkSize:
			if err := c.setSize(s.buffer); err != nil {
				return nil, err
			}
		case typeAbort:
			if len(s.buffer) >= 4 {
				if other := c.streams[binary.BigEndian.Uint32(s.buffer)]; other != nil {
					other.begun, other.buffer = false, other.buffer[:0]
				}
			}
		default:
			return &c.message, nil
		}
	}
}

func (c *chunkReader) setSize(b []byte) error {
	if len(b) < 4 {
		return malformed("set chunk size of %d bytes", len(b))
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > 1<<31-1 {
		return malformed("chunk size %d", n)
	}
	c.size = min(n, maxMessage) // a message is never longer, so a larger chunk size means the same
	return nil
}

// chunk reads one chunk, and returns its stream.
func (c *chunkReader) chunk() (*chunkStream, error) {
	first, err := c.r.ReadByte()
	if err != nil {
		return nil, err
	}
	c.count++
	format, id := first>>6, uint32(first&63)
	if id < 2 {
		if id, err = c.longID(id); err != nil {
			return nil, err
		}
	}
	s, err := c.stream(id)
	if err != nil {
		return nil, err
	}
	if err := c.header(s, format); err != nil {
		return nil, err
	}
	n := min(s.length-uint32(len(s.buffer)), c.size)
	at := len(s.buffer)
	s.buffer = grow(s.buffer, int(n), int(s.length))
	if _, err := io.ReadFull(c.r, s.buffer[at:]); err != nil {
		return nil, unexpected(err)
	}
	c.count += uint64(n)
	return s, nil
}

// grow lengthens b by n bytes, and makes room for whole bytes only as they come, so that a message
// which claims to be large costs nothing before it is.
func grow(b []byte, n, whole int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b[:need]
	}
	size := min(whole, max(need, 2*cap(b), 1024))
	out := make([]byte, need, max(size, need))
	copy(out, b)
	return out
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *chunkReader) longID(form uint32) (uint32, error) {
	b, err := c.bytes(int(form) + 1)
	if err != nil {
		return 0, err
	}
	if form == 0 {
		return 64 + uint32(b[0]), nil
	}
	return 64 + uint32(b[0]) + 256*uint32(b[1]), nil
}

func (c *chunkReader) stream(id uint32) (*chunkStream, error) {
	if c.last != nil && c.lastID == id {
		return c.last, nil
	}
	s := c.streams[id]
	if s == nil {
		if len(c.streams) >= maxChunkStreams {
			return nil, malformed("more than %d chunk streams", maxChunkStreams)
		}
		s = &chunkStream{}
		c.streams[id] = s
	}
	c.last, c.lastID = s, id
	return s, nil
}

// bytes reads a few bytes, which are valid until the next read.
func (c *chunkReader) bytes(n int) ([]byte, error) {
	b, err := c.r.Peek(n)
	if err != nil {
		return nil, unexpected(err)
	}
	c.r.Discard(n)
	c.count += uint64(n)
	return b, nil
}

var headerSizes = [4]int{11, 7, 3, 0}

// header reads the message header of a chunk and, for the first chunk of a message, begins it.
func (c *chunkReader) header(s *chunkStream, format byte) error {
	b, err := c.bytes(headerSizes[format])
	if err != nil {
		return err
	}
	if !s.seen && format != 0 {
		return malformed("chunk stream begins without a full header")
	}
	if s.begun && format != 3 {
		return malformed("a new message before the last one of its chunk stream ended")
	}
	var field uint32
	if format < 3 {
		field = uint24(b)
		if format < 2 {
			s.length, s.kind = uint24(b[3:]), b[6]
		}
		if format == 0 {
			s.stream = binary.LittleEndian.Uint32(b[7:])
		}
		s.extended = field == 0xffffff
	}
	if s.extended {
		if field, err = c.extended(s, format); err != nil {
			return err
		}
	}
	if s.begun {
		return nil
	}
	switch format {
	case 0:
		s.timestamp, s.delta, s.seen = field, 0, true
	case 1, 2:
		s.delta = field
		s.timestamp += field
	case 3:
		s.timestamp += s.delta
	}
	return s.begin()
}

// extended reads an extended timestamp. The chunks that continue a message should repeat it, but not
// every encoder does: it is taken for one only if it has the same value.
func (c *chunkReader) extended(s *chunkStream, format byte) (uint32, error) {
	b, err := c.r.Peek(4)
	if err != nil {
		return 0, unexpected(err)
	}
	v := binary.BigEndian.Uint32(b)
	if format == 3 && v != s.extValue {
		return s.extValue, nil
	}
	s.extValue = v
	c.r.Discard(4)
	c.count += 4
	return v, nil
}

// begin starts a message whose header is known.
func (s *chunkStream) begin() error {
	limit := uint32(maxCommand)
	if s.kind == typeAudio || s.kind == typeVideo || s.kind == typeAggregate {
		limit = maxMessage
	}
	if s.length > limit {
		return malformed("message of type %d with %d bytes, at most %d are allowed", s.kind, s.length, limit)
	}
	s.begun = true
	if cap(s.buffer) > keepBuffer && int(s.length) <= keepBuffer {
		s.buffer = nil
	}
	s.buffer = s.buffer[:0]
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// appendMessage appends a message as one chunk on a chunk stream; payload must fit our chunk size.
func appendMessage(b []byte, chunkStream, kind uint8, stream uint32, payload []byte) []byte {
	b = append(b, chunkStream, 0, 0, 0, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind)
	b = binary.LittleEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// appendControl appends a protocol control message with 4-byte fields.
func appendControl(b []byte, kind uint8, fields ...uint32) []byte {
	var payload []byte
	for _, f := range fields {
		payload = binary.BigEndian.AppendUint32(payload, f)
	}
	return appendMessage(b, 2, kind, 0, payload)
}
