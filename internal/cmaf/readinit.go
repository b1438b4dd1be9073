package cmaf

import (
	"errors"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// ReadInit reads the tracks of an init, in order. Tracks of codecs that are not known are left out;
// an init without any other is an error. H.264 and AAC tracks are described as H264Track and AACTrack
// do; of other codecs it gives what the boxes say. It is safe on any input.
func ReadInit(data []byte) ([]media.Track, error) {
	var tracks []media.Track
	moov := false
	err := eachBox(data, func(name string, body []byte) error {
		if name != "moov" {
			return nil
		}
		moov = true
		return eachBox(body, func(name string, body []byte) error {
			if name != "trak" {
				return nil
			}
			t, err := readTrack(body)
			if err == nil && t.Codec != "" {
				tracks = append(tracks, t)
			}
			return err
		})
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read init: %w", err)
	case !moov:
		return nil, errors.New("read init: no moov box")
	case len(tracks) == 0:
		return nil, errors.New("read init: no track of a known codec")
	}
	return tracks, nil
}

// readTrack reads a trak. The codec is "" if it is not known.
func readTrack(trak []byte) (t media.Track, err error) {
	err = walk(trak, map[string]func([]byte) error{
		"tkhd": func(b []byte) error {
			f := fields{b: b}
			skipTimes(&f)
			t.ID = int(f.u32())
			return f.err("tkhd")
		},
		"mdia/mdhd": func(b []byte) error {
			f := fields{b: b}
			skipTimes(&f)
			if t.Timescale = f.u32(); t.Timescale == 0 && !f.short {
				return errors.New("mdhd: time scale 0")
			}
			return f.err("mdhd")
		},
		"mdia/minf/stbl/stsd": func(b []byte) error {
			f := fields{b: b}
			f.skip(8)
			name, body, _, err := nextBox(f.b)
			if err != nil {
				return fmt.Errorf("sample description: %w", err)
			}
			return readEntry(&t, name, body)
		},
	}, "")
	if err != nil || t.Codec == "" {
		return t, err
	}
	if t.ID < 1 || t.ID > 255 || t.Timescale == 0 {
		return t, fmt.Errorf("track id %d with time scale %d, want an id of 1 to 255 and a scale", t.ID, t.Timescale)
	}
	return describe(t)
}

// walk calls the function for each box that is named by its path, and goes into boxes on the way.
func walk(b []byte, visit map[string]func([]byte) error, path string) error {
	return eachBox(b, func(name string, body []byte) error {
		at := path + name
		if f := visit[at]; f != nil {
			return f(body)
		}
		if at == "mdia" || at == "mdia/minf" || at == "mdia/minf/stbl" {
			return walk(body, visit, at+"/")
		}
		return nil
	})
}

// skipTimes skips the version, flags and the times of creation and modification.
func skipTimes(f *fields) {
	if f.u32()>>24 == 1 {
		f.skip(16)
	} else {
		f.skip(8)
	}
}

// readEntry reads a sample entry: the codec, its header, and what the entry itself says.
func readEntry(t *media.Track, name string, body []byte) error {
	f := fields{b: body}
	f.skip(8)
	switch name {
	case "avc1", "avc3", "hvc1", "hev1", "av01":
		f.skip(16)
		t.Width, t.Height = int(f.u16()), int(f.u16())
		f.skip(50)
	case "mp4a", "Opus":
		f.skip(8)
		t.Channels = int(f.u16())
		f.skip(6)
		t.SampleRate = int(f.u32() >> 16)
	default:
		return nil
	}
	if err := f.err(name); err != nil {
		return err
	}
	return eachBox(f.b, func(box string, body []byte) error {
		switch box {
		case "avcC":
			t.Codec, t.Config = media.H264, body
		case "hvcC":
			t.Codec, t.Config = media.HEVC, body
		case "av1C":
			t.Codec, t.Config = media.AV1, body
		case "dOps":
			t.Codec, t.Config = media.Opus, body
		case "esds":
			return readESDS(t, body)
		}
		return nil
	})
}

// readESDS reads the object type and the decoder's header out of MPEG-4 descriptors.
func readESDS(t *media.Track, b []byte) error {
	f := fields{b: b}
	f.skip(4)
	for !f.short && len(f.b) > 0 {
		tag := f.u8()
		size := descriptorSize(&f)
		switch tag {
		case 3: // ES_Descriptor: its fields, then descriptors
			f.skip(2)
			flags := f.u8()
			if flags&0xe0 != 0 {
				return fmt.Errorf("esds: stream flags %#x, want none", flags)
			}
		case 4: // DecoderConfigDescriptor: its fields, then descriptors
			switch object := f.u8(); object {
			case 0x40:
				t.Codec = media.AAC
			case 0x69, 0x6b:
				t.Codec = media.MP3
			}
			f.skip(12)
		case 5:
			t.Config = f.bytes(size)
		default:
			f.skip(size)
		}
	}
	return f.err("esds")
}

// descriptorSize reads a size of 1 to 4 bytes of 7 bits.
func descriptorSize(f *fields) int {
	n := 0
	for range 4 {
		b := f.u8()
		n = n<<7 | int(b&0x7f)
		if b&0x80 == 0 {
			break
		}
	}
	return n
}

// describe fills in what the codec's own header says, and copies the header.
func describe(t media.Track) (media.Track, error) {
	t.Config = append([]byte(nil), t.Config...)
	var full media.Track
	var err error
	switch t.Codec {
	case media.H264:
		full, err = H264Track(t.ID, t.Config)
	case media.AAC:
		full, err = AACTrack(t.ID, t.Config)
	default:
		return t, nil
	}
	full.Timescale = t.Timescale
	return full, err
}
