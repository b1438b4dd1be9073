package rtmp

import "time"

// timeline continues the 32-bit timestamps of RTMP, which wrap after 49.7 days. All tracks of a
// stream share one, so that they stay together whichever of them wraps first.
type timeline struct {
	last    int64
	started bool
}

// at returns the 64-bit time in ms: the one nearest to the last.
func (t *timeline) at(ms uint32) int64 {
	if !t.started {
		t.started, t.last = true, int64(ms)
	} else {
		t.last += int64(int32(ms - uint32(t.last)))
	}
	return t.last
}

// audioClock turns times in ms into exact ones in the sample rate. RTMP rounds to 1 ms, so each
// frame would seem to be a little too long or too short; as long as the frames' own durations explain
// the times within the rounding, the durations count.
type audioClock struct {
	rate  int64 // time scale of the track
	frame int64 // duration of one frame in it, 0 if unknown
	next  int64
	going bool
}

// roundingMS is how far encoders' timestamps stray from the exact time of their frames.
const roundingMS = 2

func (c *audioClock) at(ms int64) int64 {
	scaled := ms*c.rate + 500
	t := scaled / 1000
	if scaled%1000 < 0 { // round down for times before the origin, too
		t--
	}
	if off := t - c.next; c.going && c.frame > 0 && off*1000 <= roundingMS*c.rate && -off*1000 <= roundingMS*c.rate {
		t = c.next
	}
	c.going, c.next = true, t+c.frame
	return t
}

const (
	rateWindow = 5 * time.Second
	// maxSpeed bounds how much faster than life a stream may claim to be: an encoder that catches
	// up after a stall sends old frames quickly, and these are measured by their own time.
	maxSpeed = 8
)

// rateMeter measures the bitrate over rateWindow.
type rateMeter struct {
	begin     time.Time
	first     int64 // media time at begin, ms
	bytes     int64
	measuring bool
}

// add counts bytes that arrived at now with a media time of ms. When a window is full it returns its
// bitrate, and otherwise 0.
func (m *rateMeter) add(now time.Time, ms int64, bytes int) int64 {
	if !m.measuring {
		*m = rateMeter{begin: now, first: ms, measuring: true}
	}
	m.bytes += int64(bytes)
	wall := now.Sub(m.begin)
	if wall < rateWindow {
		return 0
	}
	span := wall
	if played := time.Duration(ms-m.first) * time.Millisecond; played > span {
		span = min(played, maxSpeed*wall)
	}
	rate := int64(float64(m.bytes) * 8 / span.Seconds())
	*m = rateMeter{}
	return rate
}
