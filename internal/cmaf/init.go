package cmaf

import (
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Init returns the header of a set of tracks: ftyp and moov.
func Init(tracks []media.Track) ([]byte, error) {
	if len(tracks) == 0 {
		return nil, fmt.Errorf("write init: no tracks")
	}
	for _, t := range tracks {
		if err := writable(t); err != nil {
			return nil, fmt.Errorf("write init: %w", err)
		}
	}
	w := &boxes{}
	w.box("ftyp", func() {
		w.text("iso6")
		w.u32(0)
		w.text("iso6cmfcisommp41")
	})
	w.box("moov", func() {
		w.movieHeader(len(tracks))
		for _, t := range tracks {
			w.track(t)
		}
		w.box("mvex", func() {
			for _, t := range tracks {
				w.full("trex", 0, 0, func() { w.u32s(int64(t.ID), 1, 0, 0, 0) })
			}
		})
	})
	return w.b, nil
}

// InitTrack returns the header of one track alone.
func InitTrack(t media.Track) ([]byte, error) { return Init([]media.Track{t}) }

func writable(t media.Track) error {
	switch {
	case t.ID < 1 || t.ID > 255:
		return fmt.Errorf("track id %d, want 1 to 255", t.ID)
	case t.Timescale == 0:
		return fmt.Errorf("track %d has no time scale", t.ID)
	case t.Codec != media.H264 && t.Codec != media.AAC:
		return fmt.Errorf("track %d: %s cannot be packaged", t.ID, t.Codec)
	case len(t.Config) < 2:
		return fmt.Errorf("track %d has no codec header", t.ID)
	}
	return nil
}

var unity = []int64{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

func (w *boxes) movieHeader(tracks int) {
	w.full("mvhd", 0, 0, func() {
		w.u32s(0, 0, 1000, 0, 0x10000) // times, time scale, duration, rate
		w.u16(0x100)                   // volume
		w.zeros(10)
		w.u32s(unity...)
		w.zeros(24)
		w.u32(uint32(tracks) + 1)
	})
}

func (w *boxes) track(t media.Track) {
	video := t.Codec.IsVideo()
	w.box("trak", func() {
		w.full("tkhd", 0, 3, func() {
			w.u32s(0, 0, int64(t.ID), 0, 0)
			w.zeros(8)
			w.u16(0) // layer
			if video {
				w.u32(0) // group, volume
			} else {
				w.u16(1)
				w.u16(0x100)
			}
			w.u16(0)
			w.u32s(unity...)
			w.u32s(int64(t.Width)<<16, int64(t.Height)<<16)
		})
		w.box("mdia", func() {
			w.full("mdhd", 0, 0, func() {
				w.u32s(0, 0, int64(t.Timescale), 0)
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
			if t.Codec == media.H264 {
				w.avc1(t)
			} else {
				w.mp4a(t)
			}
		})
		for _, name := range []string{"stts", "stsc", "stco"} {
			w.full(name, 0, 0, func() { w.u32(0) })
		}
		w.full("stsz", 0, 0, func() { w.u32s(0, 0) })
	})
}

// avc1 writes the sample entry of H.264 (ISO/IEC 14496-15, 5.4.2.1), with the encoder's own record.
func (w *boxes) avc1(t media.Track) {
	w.box("avc1", func() {
		w.zeros(6)
		w.u16(1) // data reference
		w.zeros(16)
		w.u16(uint16(t.Width))
		w.u16(uint16(t.Height))
		w.u32s(0x480000, 0x480000, 0) // 72 dpi
		w.u16(1)                      // frames per sample
		w.zeros(32)
		w.u16(0x18)
		w.u16(0xffff)
		w.box("avcC", func() { w.u8(t.Config...) })
	})
}

// mp4a writes the sample entry of AAC (ISO/IEC 14496-14, 5.6.1).
func (w *boxes) mp4a(t media.Track) {
	w.box("mp4a", func() {
		w.zeros(6)
		w.u16(1) // data reference
		w.zeros(8)
		w.u16(uint16(t.Channels))
		w.u16(16)
		w.u32(0)
		w.u32(uint32(t.SampleRate&0xffff) << 16)
		w.full("esds", 0, 0, func() {
			w.descriptor(3, func() {
				w.u16(uint16(t.ID))
				w.u8(0)
				w.descriptor(4, func() {
					w.u8(0x40, 0x15, 0, 0, 0) // AAC, audio stream
					w.u32s(0, 0)              // bitrates: unknown
					w.descriptor(5, func() { w.u8(t.Config...) })
				})
				w.descriptor(6, func() { w.u8(2) })
			})
		})
	})
}

// descriptor writes an MPEG-4 descriptor of less than 128 bytes.
func (w *boxes) descriptor(tag byte, content func()) {
	w.u8(tag, 0)
	at := len(w.b)
	content()
	w.b[at-1] = byte(len(w.b) - at)
}
