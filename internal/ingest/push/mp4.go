package push

import (
	"crypto/sha256"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/opus"
)

// sample is an access unit on its way to the sink.
type sample struct {
	slot int   // videoSlot or audioSlot
	dts  int64 // in the track's time scale; of MPEG-TS in 1/90,000 s
	dur  int64
	cto  int32
	key  bool
	data []byte
	// track is set if from this sample on the track has that configuration (MPEG-TS).
	track *media.Track
}

// A session has at most one track of each kind.
const (
	videoSlot = iota
	audioSlot
	slots
)

// header is what an init says.
type header struct {
	sum      [32]byte
	tracks   [slots]*media.Track // with the ids that fragments use
	shift    [slots]int64        // see cmaf.Defaults
	defaults map[int]cmaf.Defaults
	// opus is set if the sound comes as Opus. Its track is that of the AAC that is made of it.
	opus *opus.Head
}

// maxDTS bounds decode times so that sums with them cannot overflow: 14,000 years at 10 MHz.
const maxDTS = 1 << 62

// readHeader reads an init.
func readHeader(init []byte) (*header, error) {
	tracks, err := cmaf.ReadInit(init)
	switch {
	case err != nil && strings.Contains(err.Error(), "known codec"):
		return nil, badCodec("a stream without H.264 or AAC")
	case err != nil:
		return nil, broken("%v", err)
	}
	h := &header{sum: sha256.Sum256(init)}
	if h.defaults, err = cmaf.ReadDefaults(init); err != nil {
		return nil, broken("%v", err)
	}
	for _, t := range tracks {
		slot := audioSlot
		switch t.Codec {
		case media.H264:
			slot = videoSlot
		case media.AAC:
		case media.Opus:
			if h.tracks[slot] != nil {
				continue
			}
			if err := h.readOpus(t); err != nil {
				return nil, err
			}
			t = opus.Track(t.ID)
		default:
			return nil, badCodec(strings.ToUpper(string(t.Codec)))
		}
		if h.tracks[slot] == nil { // of several of a kind the first one counts
			h.tracks[slot], h.shift[slot] = &t, h.defaults[t.ID].Shift
		}
	}
	return h, nil
}

// readOpus notes that the sound comes as Opus.
func (h *header) readOpus(t media.Track) error {
	head, err := opus.ParseHead(t.Config)
	switch {
	case err != nil:
		return broken("%v", err)
	case t.Timescale != opus.Rate:
		return broken("Opus in a time scale of %d, want %d", t.Timescale, opus.Rate)
	}
	h.opus = &head
	return nil
}

// read returns the samples of a fragment that begins at a byte of its upload. They share memory with it.
func (h *header) read(fragment []byte, at int64) ([]sample, error) {
	found, err := cmaf.ReadForeign(fragment, at, h.defaults)
	if err != nil {
		return nil, broken("%v", err)
	}
	var out []sample
	for i := range found {
		f := &found[i]
		for slot, t := range h.tracks {
			if t == nil || t.ID != f.Track {
				continue
			}
			for _, s := range f.Samples {
				if err := h.check(slot, s.Data); err != nil {
					return nil, err
				}
				if s.DTS > maxDTS || h.shift[slot] > maxDTS {
					return nil, broken("decode time %d is out of reason", s.DTS)
				}
				out = append(out, sample{
					slot: slot, dts: s.DTS + h.shift[slot], dur: int64(s.Duration),
					cto: s.CTO, key: s.Key || slot == audioSlot, data: s.Data,
				})
			}
		}
	}
	return out, nil
}

// check says what is wrong with a sample. Opus is looked at by who converts it.
func (h *header) check(slot int, data []byte) error {
	if slot == audioSlot && h.opus != nil {
		return nil
	}
	return checkSample(slot, data)
}

func checkSample(slot int, data []byte) error {
	check := cmaf.CheckAVCC
	if slot == audioSlot {
		check = cmaf.CheckAAC
	}
	if err := check(data); err != nil {
		return broken("%v", err)
	}
	return nil
}
