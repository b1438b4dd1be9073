package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	maxSide = 16384 // pixels; H.264 level 6.2 ends at 16,880 for the extreme shape
	// maxNALUnits bounds what one access unit may consist of. A picture at level 6.2 has at most
	// 600 slices or so; encoders that send one macroblock row a slice have 270 at 4K.
	maxNALUnits = 4096
)

// H264Track describes an H.264 track by the encoder's AVCDecoderConfigurationRecord (ISO/IEC
// 14496-15, 5.3.3.1). Times are in 1/90,000 s. Width and height are those of the picture with
// cropping applied; the frame rate is what the stream declares, if it is believable (1 to 300).
// The record is kept, not copied.
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
	if width < 2 || height < 2 || width > maxSide || height > maxSide {
		return media.Track{}, fmt.Errorf("H.264 header: picture of %dx%d, want 2 to %d each way", width, height, maxSide)
	}
	t := media.Track{ID: id, Codec: media.H264, Timescale: 90000, Config: avcC, Width: width, Height: height}
	if fps := s.FPS(); fps >= 1 && fps <= 300 {
		t.FrameRate = fps
	}
	return t, nil
}

// firstSPS returns the first sequence parameter set of the record, which must have one, and picture
// parameters, and 4-byte lengths before the NAL units of its samples.
func firstSPS(record []byte) ([]byte, error) {
	r := fields{b: record}
	version := r.u8()
	r.skip(3) // profile, compatibility, level: repeated in the parameters
	lengthSize := r.u8()&3 + 1
	sets := int(r.u8() & 31)
	switch {
	case r.short:
		return nil, fmt.Errorf("configuration record of %d bytes, want at least 7", len(record))
	case version != 1:
		return nil, fmt.Errorf("configuration record of version %d, want 1", version)
	case lengthSize != 4:
		return nil, fmt.Errorf("NAL units with %d-byte lengths, want 4", lengthSize)
	case sets == 0:
		return nil, errors.New("no sequence parameters")
	}
	first := r.bytes(int(r.u16()))
	for range sets - 1 {
		r.skip(int(r.u16()))
	}
	pictureSets := r.u8()
	picture := r.bytes(int(r.u16()))
	switch {
	case r.short:
		return nil, errors.New("parameters cut short")
	case pictureSets == 0 || len(picture) == 0:
		return nil, errors.New("no picture parameters")
	case len(first) == 0:
		return nil, errors.New("empty sequence parameters")
	}
	return first, nil
}

// CheckAVCC says whether an access unit is NAL units, each behind its length in 4 bytes, that add up
// to the whole. Players choke on anything else.
func CheckAVCC(b []byte) error {
	if len(b) == 0 {
		return errors.New("access unit: empty")
	}
	for i := 0; len(b) > 0; i++ {
		if i == maxNALUnits {
			return fmt.Errorf("access unit: more than %d NAL units", maxNALUnits)
		}
		if len(b) < 4 {
			return fmt.Errorf("access unit: %d bytes behind NAL unit %d, want a length of 4", len(b), i)
		}
		n := binary.BigEndian.Uint32(b)
		if n == 0 || uint64(n) > uint64(len(b)-4) {
			return fmt.Errorf("access unit: NAL unit %d says it has %d bytes and %d are there", i, n, len(b)-4)
		}
		b = b[4+n:]
	}
	return nil
}
