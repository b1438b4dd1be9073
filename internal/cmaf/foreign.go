package cmaf

import (
	"errors"
	"fmt"
)

// Defaults is what an init says of a track for its fragments (trex, ISO/IEC 14496-12, 8.8.3), and
// where presentation begins on the track's time (elst, 8.6.6).
type Defaults struct {
	Duration, Size, Flags uint32

	// Shift is what is added to the track's times so that all tracks are in step, in its time scale:
	// negative for what is to be skipped at the beginning (frames that prime a decoder), positive for
	// a delay. It is 0 without an edit list. ReadForeign does not add it.
	Shift int64
}

const (
	maxEdits = 16
	// maxShift bounds an edit list's shift: encoders delay a track by parts of a second.
	maxShift = 10 // seconds
)

// ReadDefaults reads the defaults of all tracks of an init, by track id. It is safe on any input.
func ReadDefaults(init []byte) (map[int]Defaults, error) {
	out := map[int]Defaults{}
	r := defaultsReader{found: out, movie: 1000}
	err := eachBox(init, func(name string, body []byte) error {
		if name == "moov" {
			return eachBox(body, r.moov)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read init: %w", err)
	}
	return out, nil
}

// defaultsReader gathers defaults from the boxes of a moov.
type defaultsReader struct {
	found map[int]Defaults
	movie int64 // time scale of edit durations
}

func (r *defaultsReader) moov(name string, body []byte) error {
	switch name {
	case "mvhd":
		f := fields{b: body}
		skipTimes(&f)
		r.movie = int64(f.u32())
		return f.err("mvhd")
	case "trak":
		return r.trak(body)
	case "mvex":
		return eachBox(body, func(name string, body []byte) error {
			if name != "trex" {
				return nil
			}
			f := fields{b: body}
			f.skip(4)
			id := int(f.u32())
			f.skip(4)
			d := r.found[id]
			d.Duration, d.Size, d.Flags = f.u32(), f.u32(), f.u32()
			r.found[id] = d
			return f.err("trex")
		})
	}
	return nil
}

// trak reads the edit list of a track.
func (r *defaultsReader) trak(body []byte) error {
	var id int
	var scale int64
	var edits []byte
	err := eachBox(body, func(name string, body []byte) error {
		f := fields{b: body}
		switch name {
		case "tkhd":
			skipTimes(&f)
			id = int(f.u32())
			return f.err(name)
		case "edts":
			return eachBox(body, func(name string, body []byte) error {
				if name == "elst" {
					edits = body
				}
				return nil
			})
		case "mdia":
			return walk(body, map[string]func([]byte) error{"mdhd": func(b []byte) error {
				f := fields{b: b}
				skipTimes(&f)
				scale = int64(f.u32())
				return f.err("mdhd")
			}}, "")
		}
		return nil
	})
	if err != nil || edits == nil {
		return err
	}
	d := r.found[id]
	d.Shift, err = r.shift(edits, scale)
	r.found[id] = d
	return err
}

// shift reads an elst. Only how presentation begins counts: empty edits, which delay, and the first
// other one, which says which time of the track is the beginning.
func (r *defaultsReader) shift(elst []byte, scale int64) (int64, error) {
	f := fields{b: elst}
	version := f.u32() >> 24
	n := f.u32()
	if n > maxEdits {
		return 0, fmt.Errorf("edit list of %d entries, want at most %d", n, maxEdits)
	}
	if scale <= 0 || r.movie <= 0 {
		return 0, errors.New("edit list with a time scale of 0")
	}
	var delay int64
	for range n {
		var duration, at int64
		if version == 1 {
			duration, at = int64(f.u64()), int64(f.u64())
		} else {
			duration, at = int64(f.u32()), int64(int32(f.u32()))
		}
		f.skip(4) // rate
		if f.short {
			break
		}
		if at >= 0 {
			if at/scale > maxShift {
				return 0, fmt.Errorf("edit list skips more than %d s", maxShift)
			}
			return delay - at, nil
		}
		if duration < 0 || duration/r.movie > maxShift {
			return 0, fmt.Errorf("edit list delays by more than %d s", maxShift)
		}
		delay += duration * scale / r.movie
	}
	return delay, f.err("elst")
}
