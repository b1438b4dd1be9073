package cmaf

import (
	"encoding/binary"
)

// Sample describes one sample of a fragment. Times are in the track's time scale.
type Sample struct {
	Duration uint32
	Size     uint32
	CTO      int32 // presentation time minus decode time
	Key      bool
}

// Fragment is a run of samples of one track: one moof and its mdat.
type Fragment struct {
	Sequence uint32
	Track    int
	Base     uint64 // decode time of the first sample
	Samples  []Sample
	Data     []byte // of all samples, one behind the other
}

const (
	moofFixed  = 8 + 16 + 8 + 16 + 20 + 20 // moof, mfhd, traf, tfhd, tfdt (version 1), trun without samples
	trunSample = 16
	mdatHeader = 8

	flagsKey    = 0x02000000 // depends on no other
	flagsNonKey = 0x01010000 // depends on others, is no sync sample
)

// Size returns the number of bytes that AppendFragment appends.
func (f *Fragment) Size() int {
	return moofFixed + trunSample*len(f.Samples) + mdatHeader + len(f.Data)
}

// AppendFragment appends the fragment to dst. The data is copied once.
func AppendFragment(dst []byte, f *Fragment) []byte {
	moof := uint32(moofFixed + trunSample*len(f.Samples))
	dst = box(dst, moof, "moof")
	dst = box(dst, 16, "mfhd")
	dst = words(dst, 0, f.Sequence)
	dst = box(dst, moof-24, "traf")
	dst = box(dst, 16, "tfhd")
	dst = words(dst, 0x020000, uint32(f.Track)) // data offsets count from the moof
	dst = box(dst, 20, "tfdt")
	dst = words(dst, 1<<24)
	dst = binary.BigEndian.AppendUint64(dst, f.Base)
	dst = box(dst, uint32(20+trunSample*len(f.Samples)), "trun")
	dst = words(dst, 1<<24|0xf01, uint32(len(f.Samples)), moof+mdatHeader)
	for i := range f.Samples {
		s := &f.Samples[i]
		flags := uint32(flagsNonKey)
		if s.Key {
			flags = flagsKey
		}
		dst = words(dst, s.Duration, s.Size, flags, uint32(s.CTO))
	}
	dst = box(dst, uint32(mdatHeader+len(f.Data)), "mdat")
	return append(dst, f.Data...)
}

func box(dst []byte, size uint32, name string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, size)
	return append(dst, name...)
}

func words(dst []byte, v ...uint32) []byte {
	for _, x := range v {
		dst = binary.BigEndian.AppendUint32(dst, x)
	}
	return dst
}
