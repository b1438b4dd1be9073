package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// NAL unit types (ITU-T H.264, table 7-1).
const (
	nalSPS = 7
	nalPPS = 8
)

// avcConfig is a parsed AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
type avcConfig struct {
	lengthSize int // bytes before each NAL unit in a sample: 1, 2 or 4
	sps, pps   [][]byte
	tail       []byte // what high profiles append
}

func parseAVCConfig(b []byte) (c avcConfig, err error) {
	if len(b) < 7 || b[0] != 1 {
		return c, errors.New("H.264 configuration: malformed, want version 1")
	}
	if c.lengthSize = int(b[4]&3) + 1; c.lengthSize == 3 {
		return c, errors.New("H.264 configuration: NAL unit lengths of 3 bytes")
	}
	rest := b[6:]
	if c.sps, rest, err = parameterSets(rest, int(b[5]&0x1f)); err != nil {
		return c, err
	}
	if len(rest) < 1 {
		return c, errors.New("H.264 configuration: cut short")
	}
	if c.pps, c.tail, err = parameterSets(rest[1:], int(rest[0])); err != nil {
		return c, err
	}
	if len(c.sps) == 0 || len(c.pps) == 0 {
		return c, errors.New("H.264 configuration: no SPS or no PPS")
	}
	return c, nil
}

func parameterSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, errors.New("H.264 configuration: cut short")
		}
		size := int(binary.BigEndian.Uint16(b))
		if size < 1 || 2+size > len(b) {
			return nil, nil, fmt.Errorf("H.264 configuration: parameter set of %d bytes in %d", size, len(b)-2)
		}
		sets = append(sets, b[2:2+size])
		b = b[2+size:]
	}
	return sets, b, nil
}

// build writes the record with NAL unit lengths of 4 bytes, the only ones that samples have.
func (c avcConfig) build() ([]byte, error) {
	sps := c.sps[0]
	if len(sps) < 4 || len(c.sps) > 31 || len(c.pps) > 255 {
		return nil, errors.New("H.264 configuration: SPS too short or too many parameter sets")
	}
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe0 | byte(len(c.sps))}
	for _, s := range c.sps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	b = append(b, byte(len(c.pps)))
	for _, s := range c.pps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return append(b, c.tail...), nil
}

// withInBand returns the configuration that is valid after a key frame which carries parameter sets
// itself, and whether it differs. Some hardware encoders announce a new picture size only so.
func (c avcConfig) withInBand(sample []byte) (avcConfig, bool) {
	var sps, pps [][]byte
	for b := sample; len(b) > 4; {
		size := int(binary.BigEndian.Uint32(b))
		if size < 1 || size > len(b)-4 {
			break
		}
		nal := b[4 : 4+size]
		switch nal[0] & 0x1f {
		case nalSPS:
			sps = append(sps, nal)
		case nalPPS:
			pps = append(pps, nal)
		case 1, 5: // slices: parameter sets come before them
			b = b[:4+size]
		}
		b = b[4+size:]
	}
	if isSubset(sps, c.sps) && isSubset(pps, c.pps) {
		return c, false
	}
	n := c
	if !isSubset(sps, c.sps) {
		n.sps = sps
		if sps[0][0]&0x1f == nalSPS && (len(sps[0]) < 2 || len(c.sps[0]) < 2 || sps[0][1] != c.sps[0][1]) {
			n.tail = nil // belongs to another profile
		}
	}
	if len(pps) > 0 {
		n.pps = pps
	}
	if len(n.sps) > 31 || len(n.pps) > 255 || slices.ContainsFunc(slices.Concat(n.sps, n.pps), func(s []byte) bool { return len(s) > 0xffff }) {
		return c, false
	}
	return n, true
}

// clone copies what points into a sample.
func (c avcConfig) clone() avcConfig {
	c.sps, c.pps = cloneAll(c.sps), cloneAll(c.pps)
	return c
}

func cloneAll(sets [][]byte) [][]byte {
	all := make([][]byte, len(sets))
	for i, s := range sets {
		all[i] = bytes.Clone(s)
	}
	return all
}

func isSubset(sets, of [][]byte) bool {
	for _, s := range sets {
		if !slices.ContainsFunc(of, func(o []byte) bool { return bytes.Equal(s, o) }) {
			return false
		}
	}
	return true
}

// widen rewrites a sample whose NAL unit lengths have size bytes to lengths of 4 bytes.
func widen(dst, sample []byte, size int) ([]byte, error) {
	for b := sample; len(b) > 0; {
		if len(b) < size {
			return dst, errors.New("H.264 sample: NAL unit length cut short")
		}
		n := int(b[0])
		if size == 2 {
			n = int(binary.BigEndian.Uint16(b))
		}
		if b = b[size:]; n > len(b) {
			return dst, errors.New("H.264 sample: NAL unit longer than its sample")
		}
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(n)), b[:n]...)
		b = b[n:]
	}
	return dst, nil
}
