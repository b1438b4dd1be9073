// Package opus makes AAC of the Opus that browsers send, so that a channel has one kind of sound. What is converted
// is a piece at a time, and nothing is kept between two: the frames that come out lie on a grid of 1,024 samples that
// counts from time 0, whoever makes them, and those of one piece join those of the next without a seam. So a piece
// that is sent again, to another node, gives the same frames.
//
// Sources: RFC 6716 (packets), RFC 7845 (headers), Encapsulation of Opus in ISO BMFF, ISO/IEC 13818-7 (ADTS).
package opus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Rate is the samples a second of all times here.
const Rate = 48000

// Head is what the header of a track of Opus says.
type Head struct {
	PreSkip  int // samples that a decoder is behind: what is decoded at a time was heard so much earlier
	Channels int
}

// ErrInvalid is wrapped by complaints about what was sent, for who sent it.
var ErrInvalid = errors.New("invalid sound")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// ParseHead reads a dOps box's content (Encapsulation of Opus in ISO BMFF, 4.3.2).
func ParseHead(dops []byte) (Head, error) {
	if len(dops) < 11 || dops[0] != 0 {
		return Head{}, invalid("a dOps of %d bytes, want 11 of version 0", len(dops))
	}
	h := Head{PreSkip: int(binary.BigEndian.Uint16(dops[2:])), Channels: int(dops[1])}
	switch {
	case h.Channels < 1 || h.Channels > 2 || dops[10] != 0:
		return Head{}, invalid("%d channels of Opus, mapping family %d; send one or two of family 0", h.Channels, dops[10])
	case h.PreSkip > Rate/4:
		return Head{}, invalid("a pre-skip of %d samples, want at most %d", h.PreSkip, Rate/4)
	}
	return h, nil
}

// box writes a dOps whose decoder leaves nothing out, so that its samples can be counted.
func (h Head) box() []byte {
	return []byte{0, byte(h.Channels), 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0} // 48,000 Hz, no gain, family 0
}

// Packet is one packet of Opus.
type Packet struct {
	Time int64 // when it is decoded, in samples
	Data []byte
}

const (
	maxPacket   = 120 * Rate / 1000 // samples (RFC 6716, 3.2)
	maxFrame    = 1275              // bytes of one frame
	maxInPacket = maxPacket / (Rate / 400)
)

// frameSizes are samples of a frame by the configuration of the table-of-contents byte (RFC 6716, 3.1).
var frameSizes = [32]int{
	480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880,
	480, 960, 480, 960,
	120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960,
}

// Samples returns how many samples a packet decodes to.
func (p Packet) Samples() (int, error) {
	if len(p.Data) == 0 || len(p.Data) > maxInPacket*(maxFrame+2)+2 {
		return 0, invalid("a packet of %d bytes", len(p.Data))
	}
	frames := 1
	switch p.Data[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(p.Data) < 2 {
			return 0, invalid("a packet without its count of frames")
		}
		frames = int(p.Data[1] & 63)
	}
	n := frames * frameSizes[p.Data[0]>>3]
	if n == 0 || n > maxPacket {
		return 0, invalid("a packet of %d samples, want at most %d", n, maxPacket)
	}
	return n, nil
}

// Most that one call converts.
const (
	maxSound  = 30 * Rate
	maxFrames = maxSound / Span
)

// run checks that packets follow one another, and returns their durations.
func run(packets []Packet) (durations []uint32, err error) {
	if len(packets) == 0 {
		return nil, nil
	}
	end := packets[0].Time
	for i, p := range packets {
		n, err := p.Samples()
		switch {
		case err != nil:
			return nil, err
		case p.Time != end:
			return nil, invalid("packet %d of sound begins at sample %d and the one before it ends at %d: send them without holes, in a time scale of %d", i, p.Time, end, Rate)
		}
		durations = append(durations, uint32(n))
		end += int64(n)
		if end-packets[0].Time > maxSound {
			return nil, invalid("more than %d s of sound in one piece", maxSound/Rate)
		}
	}
	return durations, nil
}
