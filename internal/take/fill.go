package take

import (
	_ "embed"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The still picture of a stream without pictures: 640 by 360, dark, H.264 baseline at level 3.0.
var (
	//go:embed still/config.bin
	stillConfig []byte
	//go:embed still/frame.bin
	stillFrame []byte
)

// The silence of a stream without sound: AAC-LC, 48 kHz, stereo. The frame is a channel pair element
// without spectral data, and an end element.
var (
	silentConfig = []byte{0x11, 0x90}
	silentFrame  = []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}
)

// filler makes the track that a publisher does not send.
type filler struct {
	track media.Track
	made  int64 // audio: how many samples of sound have been made
}

// newFiller returns what is missing from tracks, or nil if nothing is.
func newFiller(tracks []media.Track) *filler {
	var video, audio bool
	id := 0
	for _, t := range tracks {
		video = video || t.Codec.IsVideo()
		audio = audio || !t.Codec.IsVideo()
		id = max(id, t.ID)
	}
	switch {
	case video && !audio:
		return &filler{track: media.Track{ID: id + 1, Codec: media.AAC, Timescale: 48000, Config: silentConfig, SampleRate: 48000, Channels: 2}}
	case audio && !video:
		return &filler{track: media.Track{ID: id + 1, Codec: media.H264, Timescale: media.TicksPerSecond, Config: stillConfig, Width: 640, Height: 360}}
	}
	return nil
}

// complete returns tracks with the missing one, video first.
func (f *filler) complete(tracks []media.Track) []media.Track {
	if f.track.Codec.IsVideo() {
		return append([]media.Track{f.track}, tracks...)
	}
	return append(tracks, f.track)
}

// add makes what the part from start to end needs: one still for the whole of it, or frames of
// silence up to its end.
func (f *filler) add(r *run, start, end media.Ticks) {
	if f.track.Codec.IsVideo() {
		at := int64(start + headroom)
		r.base, r.end = at, int64(end+headroom)
		r.samples = append(r.samples, cmaf.Sample{Duration: uint32(end - start), Size: uint32(len(stillFrame)), Key: true})
		r.data = append(r.data, stillFrame...)
		return
	}
	limit := r.scaled(end + headroom)
	if f.made == 0 {
		f.made = r.scaled(start + headroom)
	}
	for f.made < limit {
		if len(r.samples) == 0 {
			r.base = f.made
		}
		r.samples = append(r.samples, cmaf.Sample{Duration: uint32(r.frame), Size: uint32(len(silentFrame)), Key: true})
		r.data = append(r.data, silentFrame...)
		f.made += r.frame
		r.end = f.made
	}
}
