package cmaf

import "github.com/mayfly-tv/mayfly/internal/media"

// SilentSpan is how long a frame of silence lasts, in its track's time scale.
const SilentSpan = 1024

// Silence describes a track of silence, which consists of SilentFrame.
func Silence(id int) media.Track {
	return media.Track{ID: id, Codec: media.AAC, Timescale: 48000, Config: StereoConfig, SampleRate: 48000, Channels: 2}
}
