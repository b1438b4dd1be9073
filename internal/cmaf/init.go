package cmaf

import (
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Init returns the header of a set of tracks: ftyp and moov. The codec's own header goes in as the
// encoder sent it.
func Init(tracks []media.Track) ([]byte, error) {
	if len(tracks) == 0 {
		return nil, fmt.Errorf("write init: no tracks, want at least one")
	}
	seen := map[int]bool{}
	for _, t := range tracks {
		if err := writable(t); err != nil {
			return nil, fmt.Errorf("write init: %w", err)
		}
		if seen[t.ID] {
			return nil, fmt.Errorf("write init: two tracks have the id %d", t.ID)
		}
		seen[t.ID] = true
	}
	w := &boxes{}
	w.box("ftyp", func() {
		w.text("iso6")
		w.u32(0)
		w.text("iso6cmfcmp41")
	})
	w.box("moov", func() {
		w.movieHeader()
		for _, t := range tracks {
			w.track(t)
		}
		w.box("mvex", func() {
			for _, t := range tracks {
				w.full("trex", 0, 0, func() { w.u32s(uint32(t.ID), 1, 0, 0, 0) })
			}
		})
	})
	return w.b, nil
}

// InitTrack returns the header of one track alone.
func InitTrack(t media.Track) ([]byte, error) { return Init([]media.Track{t}) }

// Longest codec header that is written: the descriptors of MPEG-4 audio have one byte for a length,
// and parameter sets of video have two.
const (
	maxAudioConfig = 96
	maxVideoConfig = 64 << 10
)

func writable(t media.Track) error {
	_, known := entries[t.Codec]
	limit := maxAudioConfig
	if t.Codec.IsVideo() {
		limit = maxVideoConfig
	}
	switch {
	case !known:
		return fmt.Errorf("track %d: codec %q cannot be packaged, want one of h264, hevc, av1, aac, opus, mp3", t.ID, t.Codec)
	case t.ID < 1 || t.ID > 255:
		return fmt.Errorf("track id %d, want 1 to 255", t.ID)
	case t.Timescale == 0:
		return fmt.Errorf("track %d has no time scale", t.ID)
	case len(t.Config) == 0 && t.Codec != media.MP3:
		return fmt.Errorf("track %d: %s without its codec header", t.ID, t.Codec)
	case len(t.Config) > limit:
		return fmt.Errorf("track %d: codec header of %d bytes, want at most %d", t.ID, len(t.Config), limit)
	case t.Codec.IsVideo() && (t.Width < 1 || t.Height < 1 || t.Width > maxSide || t.Height > maxSide):
		return fmt.Errorf("track %d: picture of %dx%d, want 1 to %d each way", t.ID, t.Width, t.Height, maxSide)
	}
	return nil
}

// entry is how a codec is described in the sample description.
type entry struct {
	name   string // of the sample entry
	config string // of the box with the codec's header; "esds" wraps it in descriptors
	object byte   // esds: objectTypeIndication (ISO/IEC 14496-1, table 5)
}

var entries = map[media.Codec]entry{
	media.H264: {name: "avc1", config: "avcC"},
	media.HEVC: {name: "hvc1", config: "hvcC"},
	media.AV1:  {name: "av01", config: "av1C"},
	media.AAC:  {name: "mp4a", config: "esds", object: 0x40},
	media.MP3:  {name: "mp4a", config: "esds", object: 0x6b},
	media.Opus: {name: "Opus", config: "dOps"},
}

var unity = []uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

func (w *boxes) movieHeader() {
	w.full("mvhd", 0, 0, func() {
		w.u32s(0, 0, 1000, 0, 0x10000) // times, time scale, duration, rate
		w.u16(0x100)                   // volume
		w.zeros(10)
		w.u32s(unity...)
		w.zeros(24)
		w.u32(0xffffffff) // next track id: search for one
	})
}

func (w *boxes) track(t media.Track) {
	video := t.Codec.IsVideo()
	w.box("trak", func() {
		w.full("tkhd", 0, 3, func() {
			w.u32s(0, 0, uint32(t.ID), 0, 0)
			w.zeros(8)
			w.u16(0) // layer
			if video {
				w.u16(0) // group
				w.u16(0) // volume
			} else {
				w.u16(1)
				w.u16(0x100)
			}
			w.u16(0)
			w.u32s(unity...)
			w.u32s(uint32(t.Width)<<16, uint32(t.Height)<<16)
		})
		w.box("mdia", func() {
			w.full("mdhd", 0, 0, func() {
				w.u32s(0, 0, t.Timescale, 0)
				w.u16(0x55c4) // language: und
				w.u16(0)
			})
			w.full("hdlr", 0, 0, func() {
				w.u32(0)
				if video {
					w.text("vide")
				} else {
					w.text("soun")
				}
				w.zeros(12)
				w.text("Mayfly\x00")
			})
			w.box("minf", func() { w.mediaInfo(t) })
		})
	})
}

func (w *boxes) mediaInfo(t media.Track) {
	if t.Codec.IsVideo() {
		w.full("vmhd", 0, 1, func() { w.zeros(8) })
	} else {
		w.full("smhd", 0, 0, func() { w.zeros(4) })
	}
	w.box("dinf", func() {
		w.full("dref", 0, 0, func() {
			w.u32(1)
			w.full("url ", 0, 1, func() {})
		})
	})
	w.box("stbl", func() {
		w.full("stsd", 0, 0, func() {
			w.u32(1)
			w.sampleEntry(t)
		})
		for _, name := range []string{"stts", "stsc", "stco"} {
			w.full(name, 0, 0, func() { w.u32(0) })
		}
		w.full("stsz", 0, 0, func() { w.u32s(0, 0) })
	})
}

// sampleEntry describes the codec (ISO/IEC 14496-12, 12.1.3 and 12.2.3).
func (w *boxes) sampleEntry(t media.Track) {
	e := entries[t.Codec]
	w.box(e.name, func() {
		w.zeros(6)
		w.u16(1) // data reference
		if t.Codec.IsVideo() {
			w.zeros(16)
			w.u16(uint16(t.Width))
			w.u16(uint16(t.Height))
			w.u32s(0x480000, 0x480000, 0) // 72 dpi
			w.u16(1)                      // frames per sample
			w.zeros(32)
			w.u16(0x18)
			w.u16(0xffff)
		} else {
			w.zeros(8)
			w.u16(uint16(t.Channels))
			w.u16(16)
			w.u32(0)
			w.u32(uint32(sampleRateField(t.SampleRate)) << 16)
		}
		if e.config == "esds" {
			w.full("esds", 0, 0, func() { w.descriptors(t, e.object) })
		} else {
			w.box(e.config, func() { w.u8(t.Config...) })
		}
	})
}

// sampleRateField is the rate as the 16-bit field of a sample entry holds it: 0 where it does not fit
// (the codec's header has it).
func sampleRateField(hz int) uint16 {
	if hz > 0xffff {
		return 0
	}
	return uint16(hz)
}

// descriptors writes the content of an esds (ISO/IEC 14496-1, 7.2.6).
func (w *boxes) descriptors(t media.Track, object byte) {
	w.descriptor(3, func() { // ES_Descriptor
		w.u16(uint16(t.ID))
		w.u8(0)
		w.descriptor(4, func() { // DecoderConfigDescriptor
			w.u8(object, 0x15, 0, 0, 0) // audio stream, buffer unknown
			w.u32s(0, 0)                // bitrates unknown
			if len(t.Config) > 0 {
				w.descriptor(5, func() { w.u8(t.Config...) })
			}
		})
		w.descriptor(6, func() { w.u8(2) }) // SLConfigDescriptor: as in MP4
	})
}

// descriptor writes an MPEG-4 descriptor of less than 128 bytes; maxAudioConfig sees to that.
func (w *boxes) descriptor(tag byte, content func()) {
	w.u8(tag, 0)
	at := len(w.b)
	content()
	w.b[at-1] = byte(len(w.b) - at)
}
