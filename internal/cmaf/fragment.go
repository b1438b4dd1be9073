package cmaf

import (
	"encoding/binary"
	"slices"
)

// Sample describes one sample of a fragment. Times are in the track's time scale.
type Sample struct {
	Duration uint32
	Size     uint32
	CTO      int32 // presentation time minus decode time; may be negative
	Key      bool  // decoding can start here
}

// Fragment is a run of samples of one track, written as one moof and its mdat.
type Fragment struct {
	Sequence uint32 // mfhd sequence_number: counts the fragments of a take
	Track    int
	Audio    bool   // every sample is a sync sample
	Base     uint64 // decode time of the first sample, in the track's time scale

	// Samples may be empty. The fragment then says that for a time of Gap no sample of the track
	// begins (ISO/IEC 14496-12, 8.8.7: duration-is-empty).
	Samples []Sample
	Gap     uint32
	Data    []byte // of all samples, one behind the other
}

// Flags of the boxes (ISO/IEC 14496-12, 8.8.7 and 8.8.8) and of samples (8.8.3.1).
const (
	tfhdSampleDescription = 0x000002
	tfhdBaseDataOffset    = 0x000001
	tfhdDuration          = 0x000008
	tfhdSize              = 0x000010
	tfhdFlags             = 0x000020
	tfhdEmpty             = 0x010000
	tfhdBaseIsMoof        = 0x020000

	trunDataOffset = 0x000001
	trunFirstFlags = 0x000004
	trunDurations  = 0x000100
	trunSizes      = 0x000200
	trunFlags      = 0x000400
	trunCTOs       = 0x000800

	flagsKey     = 0x02000000 // depends on no other sample
	flagsNonKey  = 0x01010000 // depends on others, is no sync sample
	flagsNonSync = 0x00010000
)

const (
	boxHeader  = 8
	fullHeader = 12
	mfhdSize   = fullHeader + 4
	tfdtSize   = fullHeader + 8
)

// form is how a fragment's boxes are laid out. What is the same for all samples is written once, in
// the tfhd, so that a sample of AAC costs 4 bytes of header and not 16.
type form struct {
	tfhd, trun uint32 // flags
	perSample  int    // bytes of a sample's entry in the trun
}

// form chooses the layout in one pass over the samples.
//
// A leading key frame is always told in the trun and never by a default in the tfhd alone, because
// hls.js looks for it there.
func (f *Fragment) form() form {
	if len(f.Samples) == 0 {
		return form{tfhd: tfhdBaseIsMoof | tfhdEmpty | tfhdDuration}
	}
	sameDuration, cto, laterKey := true, false, false
	for i := range f.Samples {
		s := &f.Samples[i]
		sameDuration = sameDuration && s.Duration == f.Samples[0].Duration
		cto = cto || s.CTO != 0
		laterKey = laterKey || i > 0 && s.Key
	}
	l := form{tfhd: tfhdBaseIsMoof, trun: trunDataOffset | trunSizes, perSample: 4}
	if sameDuration {
		l.tfhd |= tfhdDuration
	} else {
		l.trun |= trunDurations
		l.perSample += 4
	}
	switch {
	case f.Audio || !laterKey && !f.Samples[0].Key:
		l.tfhd |= tfhdFlags
	case !laterKey:
		l.tfhd |= tfhdFlags
		l.trun |= trunFirstFlags
	default:
		l.trun |= trunFlags
		l.perSample += 4
	}
	if cto {
		l.trun |= trunCTOs
		l.perSample += 4
	}
	return l
}

func (l form) tfhdSize() int {
	n := fullHeader + 4
	if l.tfhd&tfhdDuration != 0 {
		n += 4
	}
	if l.tfhd&tfhdFlags != 0 {
		n += 4
	}
	return n
}

func (l form) trunSize(samples int) int {
	if samples == 0 {
		return 0
	}
	n := fullHeader + 8 + samples*l.perSample
	if l.trun&trunFirstFlags != 0 {
		n += 4
	}
	return n
}

func (l form) moofSize(samples int) int {
	return boxHeader + mfhdSize + boxHeader + l.tfhdSize() + tfdtSize + l.trunSize(samples)
}

// Size returns the number of bytes that AppendFragment appends.
func (f *Fragment) Size() int {
	return f.form().moofSize(len(f.Samples)) + boxHeader + len(f.Data)
}

// AppendFragment appends the fragment to dst. It allocates only if dst has no room for Size bytes,
// and copies the samples' data once, in one piece.
func AppendFragment(dst []byte, f *Fragment) []byte {
	l := f.form()
	moof := l.moofSize(len(f.Samples))
	dst = slices.Grow(dst, moof+boxHeader+len(f.Data))
	w := cursor{dst[len(dst) : len(dst)+moof+boxHeader]}
	w.box(moof, "moof")
	w.full(mfhdSize, "mfhd", 0)
	w.u32(f.Sequence)
	w.box(moof-boxHeader-mfhdSize, "traf")
	l.putTfhd(&w, f)
	w.full(tfdtSize, "tfdt", 1<<24)
	w.u32(uint32(f.Base >> 32))
	w.u32(uint32(f.Base))
	l.putTrun(&w, f, moof+boxHeader)
	w.box(boxHeader+len(f.Data), "mdat")
	return append(dst[:len(dst)+moof+boxHeader], f.Data...)
}

func (l form) putTfhd(w *cursor, f *Fragment) {
	w.full(l.tfhdSize(), "tfhd", l.tfhd)
	w.u32(uint32(f.Track))
	if l.tfhd&tfhdDuration != 0 {
		if len(f.Samples) == 0 {
			w.u32(f.Gap)
		} else {
			w.u32(f.Samples[0].Duration)
		}
	}
	if l.tfhd&tfhdFlags != 0 {
		w.u32(sampleFlags(f.Audio))
	}
}

func (l form) putTrun(w *cursor, f *Fragment, dataOffset int) {
	if len(f.Samples) == 0 {
		return
	}
	w.full(l.trunSize(len(f.Samples)), "trun", 1<<24|l.trun) // version 1: signed composition offsets
	w.u32(uint32(len(f.Samples)))
	w.u32(uint32(dataOffset))
	if l.trun&trunFirstFlags != 0 {
		w.u32(flagsKey)
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		if l.trun&trunDurations != 0 {
			w.u32(s.Duration)
		}
		w.u32(s.Size)
		if l.trun&trunFlags != 0 {
			w.u32(sampleFlags(s.Key))
		}
		if l.trun&trunCTOs != 0 {
			w.u32(uint32(s.CTO))
		}
	}
}

func sampleFlags(key bool) uint32 {
	if key {
		return flagsKey
	}
	return flagsNonKey
}

// cursor writes into a slice that is known to be long enough.
type cursor struct{ b []byte }

func (w *cursor) u32(v uint32) {
	binary.BigEndian.PutUint32(w.b, v)
	w.b = w.b[4:]
}

func (w *cursor) box(size int, name string) {
	w.u32(uint32(size))
	copy(w.b, name)
	w.b = w.b[4:]
}

func (w *cursor) full(size int, name string, versionFlags uint32) {
	w.box(size, name)
	w.u32(versionFlags)
}
