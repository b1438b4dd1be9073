package push

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
)

const (
	tsRate = 90000
	tsWrap = 1 << 33 // times of MPEG-TS have 33 bits
	// tsSync begins each packet of MPEG-TS (ISO/IEC 13818-1, 2.4.3.2).
	tsSync = 0x47
)

// segment gathers the samples of an MPEG-TS segment. All times count from its first one on, which may
// be anywhere in 33 bits.
type segment struct {
	samples []sample
	first   int64
	begun   bool
	last    [slots]int // index of the newest sample of each track, plus 1
	config  []byte     // of the video so far
	err     error      // the first that the reader met
}

// readSegment reads an MPEG-TS segment with H.264 and AAC; streams of other kinds (subtitles, data)
// are left out. What cannot be read is an error and not a hole: the publisher keeps the segment.
func readSegment(data []byte) ([]sample, error) {
	r := &mpegts.Reader{R: bytes.NewReader(data)}
	if err := r.Initialize(); err != nil {
		return nil, broken("MPEG-TS: %v", tsError(err))
	}
	s := &segment{}
	r.OnDecodeError(func(err error) { s.err = errors.Join(s.err, err) })
	var have [slots]bool
	for _, t := range r.Tracks() {
		switch c := t.Codec.(type) {
		case *codecs.H264:
			if !have[videoSlot] {
				r.OnDataH264(t, s.video)
			}
			have[videoSlot] = true
		case *codecs.MPEG4Audio:
			if !have[audioSlot] {
				if err := s.audio(r, t, c); err != nil {
					return nil, err
				}
			}
			have[audioSlot] = true
		case *codecs.KLV, *codecs.DVBSubtitle, *codecs.Unsupported:
		default:
			return nil, badCodec(fmt.Sprintf("%T", c)[len("*codecs."):])
		}
	}
	if !have[videoSlot] && !have[audioSlot] {
		return nil, badCodec("a stream without H.264 or AAC")
	}
	for s.err == nil {
		if err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			s.err = err
		}
	}
	if s.err != nil {
		return nil, broken("MPEG-TS: %.200v", s.err)
	}
	s.endLast()
	return s.samples, nil
}

func tsError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("no program, or no sound where it promises some")
	}
	return err
}

// at returns the time that a 33-bit one means near the first of the segment.
func (s *segment) at(t int64) int64 {
	if !s.begun {
		s.begun, s.first = true, t
	}
	return s.first + near(t-s.first)
}

// near brings a difference of 33-bit times into -2^32 to 2^32.
func near(d int64) int64 {
	d &= tsWrap - 1
	if d >= tsWrap/2 {
		d -= tsWrap
	}
	return d
}

// add adds a sample and gives the one before it its duration.
func (s *segment) add(x sample) {
	if i := s.last[x.slot]; i > 0 {
		before := &s.samples[i-1]
		before.dur = max(x.dts-before.dts, 0)
	}
	s.samples = append(s.samples, x)
	s.last[x.slot] = len(s.samples)
}

// endLast gives the last sample of each track the duration of the one before it.
func (s *segment) endLast() {
	for slot, i := range s.last {
		for j := i - 2; j >= 0; j-- {
			if s.samples[j].slot == slot {
				s.samples[i-1].dur = s.samples[j].dur
				break
			}
		}
	}
}

// video takes an access unit: NAL units without start codes.
func (s *segment) video(pts, dts int64, unit [][]byte) error {
	x := sample{slot: videoSlot, dts: s.at(dts), cto: int32(near(pts - dts))}
	var sps, pps [][]byte
	for _, nal := range unit {
		switch h264.NALUType(nal[0] & 0x1f) {
		case h264.NALUTypeSPS:
			sps = append(sps, nal)
		case h264.NALUTypePPS:
			pps = append(pps, nal)
		case h264.NALUTypeIDR:
			x.key = true
		}
	}
	if len(sps) > 0 && len(pps) > 0 {
		config, err := avcConfig(sps, pps)
		if err != nil {
			return broken("%v", err)
		}
		if !bytes.Equal(config, s.config) {
			t, err := cmaf.H264Track(VideoTrack, config)
			if err != nil {
				return broken("%v", err)
			}
			s.config, x.track = config, &t
		}
		pps, sps = nil, nil // they are in the track's configuration
	}
	for _, nal := range unit {
		switch h264.NALUType(nal[0] & 0x1f) {
		case h264.NALUTypeAccessUnitDelimiter:
			continue
		case h264.NALUTypeSPS, h264.NALUTypePPS:
			if sps == nil && pps == nil {
				continue
			}
		}
		x.data = append(binary.BigEndian.AppendUint32(x.data, uint32(len(nal))), nal...)
	}
	if len(x.data) == 0 { // parameters alone
		return nil
	}
	s.add(x)
	return nil
}

// audio makes the reader hand over a track's frames.
func (s *segment) audio(r *mpegts.Reader, t *mpegts.Track, c *codecs.MPEG4Audio) error {
	config, err := c.Config.Marshal()
	if err != nil {
		return broken("AAC header: %v", err)
	}
	track, err := cmaf.AACTrack(AudioTrack, config)
	if err != nil {
		return broken("%v", err)
	}
	frame := int64(cmaf.AACFrame(track))
	rate := int64(track.Timescale)
	r.OnDataMPEG4Audio(t, func(pts int64, frames [][]byte) error {
		at := s.at(pts)
		for i, data := range frames {
			if err := checkSample(audioSlot, data); err != nil {
				return err
			}
			x := sample{slot: audioSlot, dts: at + int64(i)*frame*tsRate/rate, dur: frame * tsRate / rate, key: true, data: data}
			if s.last[audioSlot] == 0 {
				x.track = &track
			}
			s.add(x)
		}
		return nil
	})
	return nil
}

// avcConfig writes an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
func avcConfig(sps, pps [][]byte) ([]byte, error) {
	var p h264.SPS
	if err := p.Unmarshal(sps[0]); err != nil {
		return nil, fmt.Errorf("H.264 sequence parameters: %w", err)
	}
	if len(sps[0]) < 4 || len(sps) > 31 || len(pps) > 255 {
		return nil, errors.New("H.264 parameters: too short or too many")
	}
	b := []byte{1, sps[0][1], sps[0][2], sps[0][3], 0xff, 0xe0 | byte(len(sps))}
	for i, sets := range [][][]byte{sps, pps} {
		if i == 1 {
			b = append(b, byte(len(pps)))
		}
		for _, set := range sets {
			if len(set) > 0xffff {
				return nil, fmt.Errorf("H.264 parameters of %d bytes", len(set))
			}
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
		}
	}
	switch p.ProfileIdc {
	case 100, 110, 122, 144, 244:
		b = append(b, 0xfc|byte(p.ChromaFormatIdc), 0xf8|byte(p.BitDepthLumaMinus8), 0xf8|byte(p.BitDepthChromaMinus8), 0)
	}
	return b, nil
}
