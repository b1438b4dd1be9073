package cmaf

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	minSampleRate, maxSampleRate = 7350, 96000
	// maxAACFrame is what a frame of 8 channels may have at most: 6,144 bits a channel (ISO/IEC
	// 14496-3, 4.5.3.1).
	maxAACFrame = 8 * 6144 / 8
)

// Silence: AAC-LC, 48 kHz, stereo. A frame is a channel pair element without spectral data, and an end element.
var (
	StereoConfig = []byte{0x11, 0x90}
	SilentFrame  = []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}
)

// AACTrack describes an AAC track by its AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). Times are in
// samples of the core coder, so that a frame lasts AACFrame of them; SampleRate is the rate that is
// heard, twice as high if the config announces SBR. The config is kept, not copied.
func AACTrack(id int, asc []byte) (media.Track, error) {
	c, err := parseASC(asc)
	if err != nil {
		return media.Track{}, fmt.Errorf("AAC header: %w", err)
	}
	t := media.Track{
		ID: id, Codec: media.AAC, Timescale: uint32(c.SampleRate), Config: asc,
		SampleRate: c.SampleRate, Channels: channels(c.ChannelConfig),
	}
	if c.ExtensionSampleRate != 0 {
		t.SampleRate = c.ExtensionSampleRate
	}
	return t, nil
}

func parseASC(asc []byte) (c mpeg4audio.AudioSpecificConfig, err error) {
	if len(asc) < 2 || len(asc) > maxAudioConfig {
		return c, fmt.Errorf("%d bytes, want 2 to %d", len(asc), maxAudioConfig)
	}
	if err := c.Unmarshal(asc); err != nil {
		return c, err
	}
	for _, rate := range []int{c.SampleRate, max(c.ExtensionSampleRate, minSampleRate)} {
		if rate < minSampleRate || rate > maxSampleRate {
			return c, fmt.Errorf("%d Hz, want %d to %d", rate, minSampleRate, maxSampleRate)
		}
	}
	return c, nil
}

// channels returns how many there are in a channel configuration. In 0 the frames themselves say it;
// the number then only fills a field that decoders do not look at.
func channels(config uint8) int {
	switch config {
	case 0:
		return 2
	case 7:
		return 8
	default:
		return int(config)
	}
}

// AACFrame is how long a frame of an AAC track lasts, in samples of the core coder: 1,024, or 960 if
// the config says so.
func AACFrame(t media.Track) uint32 {
	if c, err := parseASC(t.Config); err == nil && c.FrameLengthFlag {
		return 960
	}
	return 1024
}

// CheckAAC says whether an access unit may be one raw AAC frame. It refuses what is surely none: an
// empty or oversized one, or one with an ADTS header, which MP4 does not have.
func CheckAAC(b []byte) error {
	switch {
	case len(b) == 0:
		return errors.New("AAC frame: empty")
	case len(b) > maxAACFrame:
		return fmt.Errorf("AAC frame: %d bytes, want at most %d", len(b), maxAACFrame)
	case len(b) > 1 && b[0] == 0xff && b[1]&0xf6 == 0xf0: // a raw frame never begins with 12 ones
		return errors.New("AAC frame: has an ADTS header, want raw frames and an AudioSpecificConfig")
	}
	return nil
}
