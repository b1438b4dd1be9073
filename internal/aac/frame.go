package aac

import "fmt"

const (
	maxScale = 255 // of what a channel's loudness and a band's scale can be
	// maxVolumes is how many channels a frame may have.
	maxVolumes = 48
)

// Kinds of elements of a frame (table 4.85).
const (
	single = iota
	pair
	coupling
	low // a channel of low tones
	data
	layout
	fill
	end
)

const (
	eightShort = 2 // the sequence of windows that has eight short ones
	// Books beyond those of spectral data say how a band is made (4.6.2, 4.6.13, 4.6.8.2).
	zeroBook      = 0
	escapeBook    = 11
	noiseBook     = 13
	intensityBook = 14 // and 15
	// highBand and highBandChecked are what fills a frame if its high tones are coded apart.
	highBand, highBandChecked = 13, 14
	noiseBits                 = 9 // of the first scale of noise
)

// volume is where a channel says how loud it is.
type volume struct {
	at          int // of its first bit
	gain        int
	heard       bool // it has bands that are
	least, most int  // of their scales and the gain
}

// windows says how a channel's spectrum is divided.
type windows struct {
	short  bool
	bands  int   // that have something
	groups []int // how many windows each has that share their scales
	widths []uint8
}

// section is a run of bands of a group that are coded alike.
type section struct {
	book, from, to int
}

// reader reads one frame.
type reader struct {
	bits
	form    *Form
	volumes []volume
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFrame}, args...)...)
}

// frame reads raw_data_block (table 4.3).
func (r *reader) frame() (err error) {
	for {
		switch kind := r.read(3); kind {
		case single, low:
			r.skip(4)
			err = r.channel(nil)
		case pair:
			err = r.pair()
		case data:
			r.data()
		case fill:
			err = r.fill()
		case end:
			if r.over {
				return broken("it ends too early")
			}
			return nil
		default: // nobody sends them live
			return fmt.Errorf("%w: it has an element of kind %d", ErrForm, kind)
		}
		switch {
		case err != nil:
			return err
		case r.over:
			return broken("it ends too early")
		case len(r.volumes) > maxVolumes:
			return broken("more than %d channels", maxVolumes)
		}
	}
}

// pair reads channel_pair_element (table 4.5).
func (r *reader) pair() error {
	r.skip(4)
	var common *windows
	if r.bit() == 1 {
		w, err := r.windows()
		if err != nil {
			return err
		}
		common = w
		if sums := r.read(2); sums == 1 {
			r.skip(len(w.groups) * w.bands)
		} else if sums == 3 {
			return broken("its stereo is of a kind that does not exist")
		}
	}
	if err := r.channel(common); err != nil {
		return err
	}
	return r.channel(common)
}

// data reads data_stream_element (table 4.10).
func (r *reader) data() {
	r.skip(4)
	aligned := r.bit() == 1
	n := r.read(8)
	if n == 255 {
		n += r.read(8)
	}
	if aligned {
		r.align()
	}
	r.skip(8 * n)
}

// fill reads fill_element (table 4.11).
func (r *reader) fill() error {
	n := r.read(4)
	if n == 15 {
		n += r.read(8) - 1
	}
	if n == 0 {
		return nil
	}
	if kind := r.read(4); kind == highBand || kind == highBandChecked {
		return ErrHighBand
	}
	r.skip(8*n - 4)
	return nil
}

// windows reads ics_info (table 4.6).
func (r *reader) windows() (*windows, error) {
	r.skip(1)
	w := &windows{short: r.read(2) == eightShort, groups: []int{1}}
	r.skip(1)
	if w.short {
		w.widths, w.bands = r.form.short, r.read(4)
		for range 7 {
			if r.bit() == 1 {
				w.groups[len(w.groups)-1]++
			} else {
				w.groups = append(w.groups, 1)
			}
		}
	} else {
		w.widths, w.bands = r.form.long, r.read(6)
		if r.bit() == 1 {
			return nil, fmt.Errorf("%w: it is predicted from the frame before, want AAC-LC", ErrForm)
		}
	}
	if w.bands > len(w.widths) {
		return nil, broken("%d bands of %d", w.bands, len(w.widths))
	}
	return w, nil
}

// channel reads individual_channel_stream (table 4.50). common is nil if the channel has windows of its own.
func (r *reader) channel(common *windows) (err error) {
	v := volume{at: r.at, least: maxScale}
	v.gain = r.read(8)
	w := common
	if w == nil {
		if w, err = r.windows(); err != nil {
			return err
		}
	}
	sections, err := r.sections(w)
	if err != nil {
		return err
	}
	if err := r.scales(&v, sections); err != nil {
		return err
	}
	if r.bit() == 1 { // pulses (table 4.7)
		if w.short {
			return broken("pulses in short windows")
		}
		r.skip(6 + 9*(r.read(2)+1))
	}
	if r.bit() == 1 {
		r.shaping(w)
	}
	if r.bit() == 1 {
		return fmt.Errorf("%w: its gain is controlled in bands, want AAC-LC", ErrForm)
	}
	r.volumes = append(r.volumes, v)
	return r.spectrum(w, sections)
}

// sections reads section_data (table 4.52): for each group of windows the sections.
func (r *reader) sections(w *windows) ([][]section, error) {
	size := 5
	if w.short {
		size = 3
	}
	out := make([][]section, len(w.groups))
	for g := range out {
		for at := 0; at < w.bands; {
			s := section{book: r.read(4), from: at}
			for more := true; more && !r.over; {
				n := r.read(size)
				at += n
				more = n == 1<<size-1
			}
			s.to = at
			if r.over || at > w.bands || s.book == escapeBook+1 {
				return nil, broken("a section of book %d ends at band %d of %d", s.book, at, w.bands)
			}
			out[g] = append(out[g], s)
		}
	}
	return out, nil
}

// scales reads scale_factor_data (table 4.53), and notes the range of the scales that the channel's loudness moves.
// The scales of intensity stereo are none: they say how the other channel's bands are shared.
func (r *reader) scales(v *volume, groups [][]section) error {
	scale, noise := v.gain, false
	for _, sections := range groups {
		for _, s := range sections {
			for range s.to - s.from {
				switch {
				case s.book == zeroBook:
				case s.book >= intensityBook:
					r.code(&scaleBook)
				case s.book == noiseBook && !noise: // how loud noise is counts from the channel's loudness on
					noise = true
					r.skip(noiseBits)
					v.note(v.gain)
				case s.book == noiseBook:
					r.code(&scaleBook)
				default:
					n := r.code(&scaleBook)
					if n < 0 {
						return broken("no code of a scale")
					}
					scale += int(scaleValues[n])
					if scale < 0 || scale > maxScale {
						return broken("a scale of %d", scale)
					}
					v.note(scale)
				}
				if r.over {
					return broken("it ends in its scales")
				}
			}
		}
	}
	return nil
}

func (v *volume) note(scale int) {
	v.heard, v.least, v.most = true, min(v.least, v.gain, scale), max(v.most, v.gain, scale)
}

// shaping reads tns_data (table 4.54).
func (r *reader) shaping(w *windows) {
	count, filters, length, order := 1, 2, 6, 5
	if w.short {
		count, filters, length, order = 8, 1, 4, 3
	}
	for range count {
		n := r.read(filters)
		if n == 0 {
			continue
		}
		size := 3 + r.bit()
		for range n {
			r.skip(length)
			if coefficients := r.read(order); coefficients > 0 {
				r.skip(1)
				r.skip(coefficients * (size - r.bit()))
			}
		}
	}
}

// spectrum reads spectral_data (table 4.56).
func (r *reader) spectrum(w *windows, groups [][]section) error {
	for g, sections := range groups {
		for _, s := range sections {
			if s.book == zeroBook || s.book > escapeBook {
				continue
			}
			fours := 0
			for _, width := range w.widths[s.from:s.to] {
				fours += int(width)
			}
			b := &books[s.book]
			for range fours * w.groups[g] * 4 / b.values {
				if err := r.values(b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// values reads one codeword with the signs and the large values behind it (4.6.3.3).
func (r *reader) values(b *book) error {
	n := r.code(b)
	if n < 0 || r.over {
		return broken("it ends in its spectrum")
	}
	if b.signs == "" {
		return nil
	}
	k := kinds[b.signs[n]]
	r.skip(k.signs)
	for range k.escapes {
		size := 4
		for r.bit() == 1 {
			if size++; size > maxEscape {
				return broken("a value of more than %d bits", maxEscape)
			}
		}
		r.skip(size)
	}
	return nil
}
