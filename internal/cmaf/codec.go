package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// H264Track describes an H.264 track by the encoder's AVCDecoderConfigurationRecord (ISO/IEC
// 14496-15, 5.3.3.1). Times are in 1/90,000 s. The record is kept, not copied.
func H264Track(id int, avcC []byte) (media.Track, error) {
	sps, err := firstSPS(avcC)
	if err != nil {
		return media.Track{}, fmt.Errorf("H.264 header: %w", err)
	}
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return media.Track{}, fmt.Errorf("H.264 header: sequence parameters: %w", err)
	}
	width, height := s.Width(), s.Height()
	if width < 2 || height < 2 || width > 16384 || height > 16384 {
		return media.Track{}, fmt.Errorf("H.264 header: picture of %d by %d", width, height)
	}
	t := media.Track{ID: id, Codec: media.H264, Timescale: 90000, Config: avcC, Width: width, Height: height}
	if fps := s.FPS(); fps >= 1 && fps <= 300 {
		t.FrameRate = fps
	}
	return t, nil
}

// firstSPS returns the first sequence parameter set of the record, which must have one, and picture
// parameters, and 4-byte lengths before the NAL units.
func firstSPS(b []byte) ([]byte, error) {
	if len(b) < 8 || b[0] != 1 {
		return nil, errors.New("no configuration record")
	}
	if b[4]&3 != 3 {
		return nil, fmt.Errorf("NAL units with %d-byte lengths, want 4", b[4]&3+1)
	}
	if b[5]&31 == 0 {
		return nil, errors.New("no sequence parameters")
	}
	var first []byte
	rest := b[6:]
	for i := range int(b[5] & 31) {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			return nil, errors.New("sequence parameters cut short")
		}
		n := int(binary.BigEndian.Uint16(rest))
		if i == 0 {
			first = rest[2 : 2+n]
		}
		rest = rest[2+n:]
	}
	if len(rest) < 1 || rest[0] == 0 {
		return nil, errors.New("no picture parameters")
	}
	return first, nil
}

// AACTrack describes an AAC track by its AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). Times are in
// samples. The config is kept, not copied.
func AACTrack(id int, asc []byte) (media.Track, error) {
	if len(asc) > 64 {
		return media.Track{}, fmt.Errorf("AAC header of %d bytes", len(asc))
	}
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(asc); err != nil {
		return media.Track{}, fmt.Errorf("AAC header: %w", err)
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 {
		return media.Track{}, fmt.Errorf("AAC header: %d Hz, want 7,350 to 96,000", c.SampleRate)
	}
	return media.Track{
		ID: id, Codec: media.AAC, Timescale: uint32(c.SampleRate), Config: asc,
		SampleRate: c.SampleRate, Channels: int(c.ChannelCount),
	}, nil
}

// AACFrame is the number of samples in an AAC frame of the track.
func AACFrame(t media.Track) uint32 {
	var c mpeg4audio.AudioSpecificConfig
	if c.Unmarshal(t.Config) == nil && c.FrameLengthFlag {
		return 960
	}
	return 1024
}

// CheckAVCC says whether an access unit is NAL units with 4-byte lengths that add up.
func CheckAVCC(b []byte) error {
	if len(b) == 0 {
		return errors.New("empty access unit")
	}
	for len(b) > 0 {
		if len(b) < 4 {
			return errors.New("NAL unit without a length")
		}
		n := binary.BigEndian.Uint32(b)
		if n == 0 || uint64(n) > uint64(len(b)-4) {
			return fmt.Errorf("NAL unit of %d bytes in %d", n, len(b)-4)
		}
		b = b[4+n:]
	}
	return nil
}
