package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// tagKind says what an audio or video message is for.
type tagKind uint8

const (
	tagIgnored tagKind = iota // nothing for a viewer: end of sequence, metadata, another track
	tagConfig                 // the codec's configuration
	tagFrame                  // an access unit
)

// flvTag is what an audio or video message carries. Its data points into the message.
type flvTag struct {
	kind  tagKind
	codec string // as a person calls it; codecH264 and codecAAC are those we take
	key   bool   // video: a key frame
	cto   int32  // video: presentation minus decode time in ms
	data  []byte
}

// Names of codecs, as they are told to people.
const (
	codecH264 = "H.264"
	codecAAC  = "AAC"
)

var errTagShort = errors.New("FLV tag cut short")

// legacyVideo names the codec ids of FLV (E.4.3.1). 12 is in no specification, but encoders that
// send HEVC without Enhanced RTMP use it.
var legacyVideo = [16]string{2: "Sorenson H.263", 3: "Screen Video", 4: "VP6", 5: "VP6 with alpha",
	6: "Screen Video 2", 7: codecH264, 12: "HEVC (H.265)"}

// legacyAudio names the sound formats of FLV (E.4.2.1).
var legacyAudio = [16]string{0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser",
	6: "Nellymoser", 7: "G.711 A-law", 8: "G.711 mu-law", 10: codecAAC, 11: "Speex", 14: "MP3"}

// fourCC names the codecs of Enhanced RTMP.
func fourCC(b []byte) string {
	switch string(b) {
	case "avc1":
		return codecH264
	case "mp4a":
		return codecAAC
	case "hvc1":
		return "HEVC (H.265)"
	case "av01":
		return "AV1"
	case "vp08":
		return "VP8"
	case "vp09":
		return "VP9"
	case "vvc1":
		return "VVC (H.266)"
	case "Opus":
		return "Opus"
	case "ac-3":
		return "AC-3"
	case "ec-3":
		return "E-AC-3"
	case ".mp3":
		return "MP3"
	case "fLaC":
		return "FLAC"
	}
	return fmt.Sprintf("%.4q", b)
}

const (
	frameKey     = 1 // FLV E.4.3.1, FrameType
	frameCommand = 5
	formatEx     = 9 // SoundFormat of an Enhanced RTMP audio header
)

// Packet types of Enhanced RTMP v2. Audio and video share those that matter here, except multitrack.
const (
	exSequenceStart   = 0
	exCodedFrames     = 1
	exSequenceEnd     = 2
	exCodedFramesX    = 3 // video: coded frames with a composition time of 0
	exMultitrackAudio = 5
	exMultitrackVideo = 6
	exModEx           = 7
)

// parseVideo reads the header of a video message.
func parseVideo(b []byte) (flvTag, error) {
	if len(b) < 2 {
		return flvTag{}, nil // encoders send empty ones as a pause
	}
	frame := b[0] >> 4 & 7
	if b[0]&0x80 != 0 {
		return parseExVideo(b, frame)
	}
	t := flvTag{codec: legacyVideo[b[0]&0xf], key: frame == frameKey}
	if frame == frameCommand {
		return flvTag{}, nil
	}
	if t.codec != codecH264 {
		if t.codec == "" {
			t.codec = fmt.Sprintf("number %d", b[0]&0xf)
		}
		t.kind = tagFrame
		return t, nil
	}
	if len(b) < 5 {
		return flvTag{}, errTagShort
	}
	t.data = b[5:]
	switch b[1] { // AVCPacketType
	case 0:
		t.kind = tagConfig
	case 1:
		t.kind, t.cto = tagFrame, int24(b[2:])
	}
	return t, nil
}

func parseExVideo(b []byte, frame byte) (flvTag, error) {
	t, packet, err := parseEx(b[0]&0xf, b[1:], exMultitrackVideo, frame == frameCommand)
	t.key = frame == frameKey
	if err != nil || t.codec != codecH264 || packet != exCodedFrames || t.kind != tagFrame {
		return t, err
	}
	if len(t.data) < 3 {
		return flvTag{}, errTagShort
	}
	t.cto, t.data = int24(t.data), t.data[3:]
	return t, nil
}

// parseAudio reads the header of an audio message.
func parseAudio(b []byte) (flvTag, error) {
	if len(b) < 2 {
		return flvTag{}, nil
	}
	format := b[0] >> 4
	if format == formatEx {
		t, _, err := parseEx(b[0]&0xf, b[1:], exMultitrackAudio, false)
		t.key = true
		return t, err
	}
	t := flvTag{codec: legacyAudio[format], key: true, data: b[2:]}
	switch {
	case t.codec == "":
		t.codec = fmt.Sprintf("number %d", format)
		t.kind = tagFrame
	case t.codec != codecAAC:
		t.kind = tagFrame
	case b[1] == 0: // AACPacketType
		t.kind = tagConfig
	case b[1] == 1:
		t.kind = tagFrame
	}
	return t, nil
}

// parseEx reads an Enhanced RTMP header after its first byte. Of several tracks in one message it
// takes track 0; the others are no error, for encoders send them to whoever may want them.
func parseEx(packet byte, b []byte, multitrack byte, command bool) (t flvTag, _ byte, err error) {
	for packet == exModEx {
		if packet, b, err = skipModEx(b); err != nil {
			return t, 0, err
		}
	}
	if command {
		return t, packet, nil
	}
	if packet == multitrack {
		if packet, b, t.codec, err = firstTrack(b); err != nil || t.codec == "" {
			return flvTag{}, packet, err
		}
	} else {
		if len(b) < 4 {
			return t, packet, errTagShort
		}
		t.codec, b = fourCC(b[:4]), b[4:]
	}
	t.data = b
	switch packet {
	case exSequenceStart:
		t.kind = tagConfig
	case exCodedFrames, exCodedFramesX:
		t.kind = tagFrame
	}
	return t, packet, nil
}

// skipModEx skips one modifier and returns the packet type behind it.
func skipModEx(b []byte) (packet byte, rest []byte, err error) {
	if len(b) < 1 {
		return 0, nil, errTagShort
	}
	size, b := int(b[0])+1, b[1:]
	if size == 256 {
		if len(b) < 2 {
			return 0, nil, errTagShort
		}
		size, b = int(binary.BigEndian.Uint16(b))+1, b[2:]
	}
	if len(b) < size+1 {
		return 0, nil, errTagShort
	}
	return b[size] & 0xf, b[size+1:], nil
}

// firstTrack finds track 0 in a multitrack message. codec is "" if it is not there.
func firstTrack(b []byte) (packet byte, data []byte, codec string, err error) {
	const oneTrack, manyCodecs = 0, 2
	if len(b) < 1 {
		return 0, nil, "", errTagShort
	}
	kind, packet := b[0]>>4, b[0]&0xf
	b = b[1:]
	var common []byte
	if kind != manyCodecs {
		if len(b) < 4 {
			return 0, nil, "", errTagShort
		}
		common, b = b[:4], b[4:]
	}
	for len(b) > 0 {
		name := common
		if kind == manyCodecs {
			if len(b) < 4 {
				return 0, nil, "", errTagShort
			}
			name, b = b[:4], b[4:]
		}
		if len(b) < 1 {
			return 0, nil, "", errTagShort
		}
		id := b[0]
		b = b[1:]
		size := len(b)
		if kind != oneTrack {
			if len(b) < 3 {
				return 0, nil, "", errTagShort
			}
			size, b = int(b[0])<<16|int(b[1])<<8|int(b[2]), b[3:]
		}
		if size > len(b) {
			return 0, nil, "", errTagShort
		}
		if id == 0 {
			return packet, b[:size], fourCC(name), nil
		}
		b = b[size:]
	}
	return packet, nil, "", nil
}

// int24 reads a signed number of 24 bits.
func int24(b []byte) int32 {
	return int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8
}
