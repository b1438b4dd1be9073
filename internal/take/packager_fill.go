package take

import (
	_ "embed"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// The still picture of a stream without pictures: 640 by 360, nearly black, H.264 constrained baseline
// at level 3.0. There are two, because successive keyframes must differ in their idr_pic_id (ITU-T
// H.264, 7.4.3).
var (
	//go:embed still/config.bin
	stillConfig []byte
	//go:embed still/frame0.bin
	stillFrame0 []byte
	//go:embed still/frame1.bin
	stillFrame1 []byte
)

const (
	stillWidth  = 640
	stillHeight = 360
)

// filler makes the track that a publisher does not send, as if somebody sent it. A nil filler makes
// nothing.
type filler struct {
	track media.Track
	p     *Packager
	lane  *lane
	next  int64 // decode time of the next sample, in the track's time scale
	count int   // samples made so far
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
		return &filler{track: cmaf.Silence(id + 1)}
	case audio && !video:
		return &filler{track: media.Track{
			ID: id + 1, Codec: media.H264, Timescale: media.TicksPerSecond, Config: stillConfig, Width: stillWidth, Height: stillHeight,
		}}
	}
	return nil
}

// complete returns tracks with the missing one, video first.
func (f *filler) complete(tracks []media.Track) []media.Track {
	switch {
	case f == nil:
		return tracks
	case f.track.Codec.IsVideo():
		return append([]media.Track{f.track}, tracks...)
	default:
		return append(tracks, f.track)
	}
}

// attach tells the filler whose lane it fills.
func (f *filler) attach(p *Packager) {
	if f != nil {
		f.p, f.lane = p, p.lane(f.track.ID)
	}
}

// owns reports whether the lane is filled, and so nobody else may write to it.
func (f *filler) owns(l *lane) bool { return f != nil && f.lane == l }

// leads reports whether a still is made, which sets the pace as any picture does.
func (f *filler) leads() bool { return f != nil && f.track.Codec.IsVideo() }

// begin sets where the first sample lies.
func (f *filler) begin(at media.Ticks) {
	if f != nil {
		f.next = f.lane.scaled(at)
	}
}

// before makes the silence that begins before a time of the leading track.
func (f *filler) before(dts int64) {
	if f == nil || f.leads() {
		return
	}
	limit := f.lane.scaled(f.p.lead.ticks(dts))
	for ; f.next < limit; f.next += cmaf.SilentSpan {
		f.lane.push(f.next, media.Sample{DTS: f.next, Data: cmaf.SilentFrame})
		f.lane.finish(f.next + cmaf.SilentSpan)
	}
}

// along makes the stills that are due when sound has come to a time: one keyframe for each part, so
// that a player can begin with any.
func (f *filler) along(now media.Ticks, emit func(media.Part)) {
	if !f.leads() {
		return
	}
	for ; f.next <= int64(now); f.next += int64(f.p.part) {
		frame := stillFrame0
		if f.count%2 == 1 {
			frame = stillFrame1
		}
		f.count++
		f.p.arrive(f.next, true, emit)
		f.lane.push(f.next, media.Sample{DTS: f.next, Key: true, Data: frame})
	}
}
