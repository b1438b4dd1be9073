package cmaf

import (
	"errors"
	"fmt"
	"math"
)

// SampleInfo is a sample found in a fragment.
type SampleInfo struct {
	Sample
	DTS  int64  // decode time in the track's time scale
	Data []byte // shares memory with what was read
}

// FragmentInfo is what was found of one track in one moof and the mdat behind it.
type FragmentInfo struct {
	Sequence uint32
	Track    int
	Base     uint64 // decode time of the first sample
	Gap      uint32 // without samples: the time for which there is none
	Samples  []SampleInfo
}

// Duration returns the sum of the samples' durations.
func (f *FragmentInfo) Duration() uint64 {
	d := uint64(f.Gap)
	for i := range f.Samples {
		d += uint64(f.Samples[i].Duration)
	}
	return d
}

// maxSamples bounds what one fragment may hold; a track at 120 fps has as many in 9 minutes.
const maxSamples = 65536

// ReadFragments reads moof and mdat pairs, in order; boxes of other kinds are passed over. It reads
// fragments of other writers too, if each moof says where its samples lie and how long they are; for
// those that leave it to their init there is ReadForeign. Sample data is not copied.
//
// It is safe on any input; what is wrong is an error that says where.
func ReadFragments(data []byte) ([]FragmentInfo, error) { return ReadForeign(data, 0, nil) }

// ReadForeign reads as ReadFragments does what other writers made: defaults are those of their init by
// track, and position is where data begins in what they wrote as one file, from which some of them
// count the places of samples.
func ReadForeign(data []byte, position int64, defaults map[int]Defaults) ([]FragmentInfo, error) {
	var out []FragmentInfo
	budget := len(data)
	for at := 0; at < len(data); {
		name, body, rest, err := nextBox(data[at:])
		if err != nil {
			return out, fmt.Errorf("read fragments at byte %d: %w", at, err)
		}
		if name == "moof" {
			r := moofReader{
				data: data[at:], behind: len(data) - at - len(rest), budget: &budget,
				position: position + int64(at), defaults: defaults,
			}
			if err := r.moof(body); err != nil {
				return out, fmt.Errorf("read fragments at byte %d: %w", at, err)
			}
			out = append(out, r.found...)
		}
		at = len(data) - len(rest)
	}
	return out, nil
}

// moofReader reads one moof.
type moofReader struct {
	data     []byte // from the first byte of the moof on: sample offsets count from there
	behind   int    // where the moof ends in data
	sequence uint32
	budget   *int // bytes that samples may still refer to: no byte belongs to two
	position int64
	defaults map[int]Defaults
	found    []FragmentInfo
}

func (r *moofReader) moof(body []byte) error {
	return eachBox(body, func(name string, body []byte) error {
		switch name {
		case "mfhd":
			f := fields{b: body}
			f.skip(4)
			r.sequence = f.u32()
			return f.err("mfhd")
		case "traf":
			return r.traf(body)
		}
		return nil
	})
}

// track is what tfhd says for all samples of a traf.
type track struct {
	info          FragmentInfo
	duration      uint32
	size          uint32
	flags         uint32
	next          int64 // decode time of the next sample
	dataAt        int   // where the next sample's bytes lie
	seen, hasBase bool
	budget        *int
}

func (r *moofReader) traf(body []byte) error {
	t := track{info: FragmentInfo{Sequence: r.sequence}, dataAt: r.behind + boxHeader, budget: r.budget}
	err := eachBox(body, func(name string, body []byte) error {
		f := fields{b: body}
		switch name {
		case "tfhd":
			t.seen = true
			return r.tfhd(&t, &f)
		case "tfdt":
			t.hasBase = true
			return t.tfdt(&f)
		case "trun":
			if !t.seen || !t.hasBase {
				return errors.New("trun before tfhd and tfdt")
			}
			return t.trun(&f, r.data)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !t.seen || !t.hasBase {
		return errors.New("traf without tfhd or tfdt")
	}
	r.found = append(r.found, t.info)
	return nil
}

func (r *moofReader) tfhd(t *track, f *fields) error {
	flags := f.u32() & 0xffffff
	t.info.Track = int(f.u32())
	if d, ok := r.defaults[t.info.Track]; ok {
		t.duration, t.size, t.flags = d.Duration, d.Size, d.Flags
	}
	if flags&tfhdBaseDataOffset != 0 {
		if base := f.u64(); !f.short && base != uint64(r.position) {
			return fmt.Errorf("track %d: sample offsets count from byte %d and the moof is at %d, want default-base-is-moof", t.info.Track, base, r.position)
		}
	}
	if flags&tfhdSampleDescription != 0 {
		f.skip(4)
	}
	if flags&tfhdDuration != 0 {
		t.duration = f.u32()
	}
	if flags&tfhdSize != 0 {
		t.size = f.u32()
	}
	if flags&tfhdFlags != 0 {
		t.flags = f.u32()
	}
	if flags&tfhdEmpty != 0 {
		t.info.Gap = t.duration
	}
	return f.err("tfhd")
}

func (t *track) tfdt(f *fields) error {
	if version := f.u32() >> 24; version == 1 {
		t.info.Base = f.u64()
	} else {
		t.info.Base = uint64(f.u32())
	}
	if t.info.Base > math.MaxInt64/2 {
		return fmt.Errorf("track %d: decode time %d is out of reason", t.info.Track, t.info.Base)
	}
	t.next = int64(t.info.Base)
	return f.err("tfdt")
}

func (t *track) trun(f *fields, data []byte) error {
	flags := f.u32() & 0xffffff
	n := f.u32()
	if n > maxSamples || len(t.info.Samples)+int(n) > maxSamples {
		return fmt.Errorf("track %d: more than %d samples in one fragment", t.info.Track, maxSamples)
	}
	if flags&trunDataOffset != 0 {
		t.dataAt = int(int32(f.u32()))
	}
	first := t.flags
	if flags&trunFirstFlags != 0 {
		first = f.u32()
	}
	for i := range n {
		s := Sample{Duration: t.duration, Size: t.size}
		sampleFlags := t.flags
		if i == 0 {
			sampleFlags = first
		}
		if flags&trunDurations != 0 {
			s.Duration = f.u32()
		}
		if flags&trunSizes != 0 {
			s.Size = f.u32()
		}
		if flags&trunFlags != 0 {
			sampleFlags = f.u32()
		}
		if flags&trunCTOs != 0 {
			s.CTO = int32(f.u32())
		}
		s.Key = sampleFlags&flagsNonSync == 0
		if f.short {
			break
		}
		if err := t.add(s, data); err != nil {
			return err
		}
	}
	return f.err("trun")
}

// add takes the sample whose bytes come next.
func (t *track) add(s Sample, data []byte) error {
	if t.dataAt < 0 || t.dataAt > len(data) || int64(s.Size) > int64(len(data)-t.dataAt) {
		return fmt.Errorf("track %d: sample %d of %d bytes at %d lies outside of the %d bytes that are there",
			t.info.Track, len(t.info.Samples), s.Size, t.dataAt, len(data))
	}
	if s.Size == 0 {
		return fmt.Errorf("track %d: sample %d has no bytes", t.info.Track, len(t.info.Samples))
	}
	if *t.budget -= int(s.Size); *t.budget < 0 {
		return fmt.Errorf("track %d: samples share their bytes", t.info.Track)
	}
	end := t.dataAt + int(s.Size)
	t.info.Samples = append(t.info.Samples, SampleInfo{Sample: s, DTS: t.next, Data: data[t.dataAt:end:end]})
	t.next += int64(s.Duration)
	t.dataAt = end
	return nil
}
