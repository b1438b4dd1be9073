// Package aac makes coded sound louder or quieter without decoding it. Each channel of a frame of AAC-LC says in one
// number how loud all of it is; nothing but that number is changed. So a frame keeps its length and its place, nothing
// gets worse, it costs some 20 µs, and a change is as smooth as the overlap of frames.
//
// Source: ISO/IEC 14496-3:2009, subpart 4: the syntax in 4.4.2 and 4.4.6, the meaning of the number in 4.6.2.
package aac

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Step is by how many dB one step makes sound louder: the fourth root of two.
const Step = 1.505149978319906 // 20 * log10(2) / 4

// Steps returns how many steps come nearest to a gain in dB.
func Steps(dB float64) int { return int(math.Round(dB / Step)) }

var (
	// ErrForm is wrapped by what cannot be made louder or quieter in this way.
	ErrForm = errors.New("the loudness of this sound cannot be changed")
	// ErrHighBand is returned for sound whose high tones are coded apart from the low ones (SBR).
	ErrHighBand = fmt.Errorf("%w: it is HE-AAC, want AAC-LC", ErrForm)
	// ErrFrame is wrapped by complaints about a frame that cannot be read.
	ErrFrame = errors.New("invalid frame of AAC")
)

// Form is how the frames of a track are to be read.
type Form struct {
	long, short []uint8 // widths of the bands of a long and a short window, in fours
}

// FormOf reads a track's AudioSpecificConfig.
func FormOf(config []byte) (*Form, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	rate := slices.Index(rates[:], c.SampleRate)
	switch {
	case c.ExtensionSampleRate != 0:
		return nil, ErrHighBand
	case c.Type != mpeg4audio.ObjectTypeAACLC:
		return nil, fmt.Errorf("%w: it is of type %d, want AAC-LC", ErrForm, c.Type)
	case rate < 0:
		return nil, fmt.Errorf("%w: %d Hz is no rate of AAC", ErrForm, c.SampleRate)
	case c.FrameLengthFlag:
		return nil, fmt.Errorf("%w: its frames have 960 samples, want 1,024", ErrForm)
	}
	return &Form{long: longBands[rate], short: shortBands[rate]}, nil
}

// Louder returns a copy of a frame that is heard so many steps louder, or if steps is negative quieter. Where that
// leaves what a frame can say, it is as many steps as it can be, of all its channels alike.
func (f *Form) Louder(frame []byte, steps int) ([]byte, error) {
	r := reader{form: f, bits: bits{data: frame}}
	if err := r.frame(); err != nil {
		return nil, err
	}
	for _, v := range r.volumes {
		if v.heard {
			steps = min(max(steps, -v.least), maxScale-v.most)
		}
	}
	out := slices.Clone(frame)
	for _, v := range r.volumes {
		set(out, v.at, uint8(min(max(v.gain+steps, 0), maxScale)))
	}
	return out, nil
}

// set writes eight bits from a bit on.
func set(data []byte, at int, v uint8) {
	i, shift := at/8, at%8
	data[i] = data[i]&^(0xff>>shift) | v>>shift
	if shift > 0 {
		data[i+1] = data[i+1]&^(0xff<<(8-shift)) | v<<(8-shift)
	}
}
