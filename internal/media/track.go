package media

import "fmt"

// Codec names a coding format.
type Codec string

// The formats that a track can carry. Packaging supports H264 and AAC so far.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	AV1  Codec = "av1"
	AAC  Codec = "aac"
	Opus Codec = "opus"
	MP3  Codec = "mp3"
)

// IsVideo reports whether the codec codes pictures.
func (c Codec) IsVideo() bool { return c == H264 || c == HEVC || c == AV1 }

// Track describes one elementary stream of a rendition.
type Track struct {
	ID        int    `json:"id"` // MP4 track_ID, from 1
	Codec     Codec  `json:"codec"`
	Timescale uint32 `json:"timescale"` // units of Sample.DTS per second

	// Config is the codec's own header. H264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15,
	// 5.3.3.1). AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). HEVC: hvcC; AV1: av1C; Opus: dOps.
	Config []byte `json:"config"`

	Width     int     `json:"width,omitempty"`     // pixels, as displayed (cropping applied)
	Height    int     `json:"height,omitempty"`    // pixels
	FrameRate float64 `json:"frameRate,omitempty"` // frames per second, 0 if unknown

	SampleRate int `json:"sampleRate,omitempty"` // Hz
	Channels   int `json:"channels,omitempty"`
}

// CodecString returns the track's entry in the HLS CODECS attribute (RFC 6381),
// for example "avc1.64001f" or "mp4a.40.2".
func (t Track) CodecString() string {
	switch t.Codec {
	case H264:
		if len(t.Config) >= 4 {
			return fmt.Sprintf("avc1.%02x%02x%02x", t.Config[1], t.Config[2], t.Config[3])
		}
		return "avc1"
	case AAC:
		if len(t.Config) >= 2 {
			object := t.Config[0] >> 3
			if object == 31 { // escape: 6 more bits, plus 32
				object = 32 + (t.Config[0]&7<<3 | t.Config[1]>>5)
			}
			return fmt.Sprintf("mp4a.40.%d", object)
		}
		return "mp4a.40.2"
	case Opus:
		return "opus"
	case MP3:
		return "mp4a.40.34"
	default:
		return string(t.Codec)
	}
}
