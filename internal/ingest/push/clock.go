package push

import "github.com/mayfly-tv/mayfly/internal/media"

const ticksPerSecond = media.TicksPerSecond

// ticks converts a time in a scale to 1/90,000 s, rounding down, without overflow for times that
// fit into days once origin (in seconds) is subtracted.
func ticks(t, scale, origin int64) int64 {
	s, rest := t/scale, t%scale
	if rest < 0 {
		s, rest = s-1, rest+scale
	}
	return (s-origin)*ticksPerSecond + rest*ticksPerSecond/scale
}

// seconds is a time in whole seconds, rounding down.
func seconds(t, scale int64) int64 {
	s := t / scale
	if t%scale < 0 {
		s--
	}
	return s
}

// tsClock continues the 33-bit times of MPEG-TS from segment to segment.
type tsClock struct {
	going bool
	last  int64 // decode time of the newest sample, unwrapped
}

// unwrap returns what is to be added to the times of a segment that begins at first.
func (c *tsClock) unwrap(first int64) int64 {
	if !c.going {
		return 0
	}
	return c.last + near(first-c.last) - first
}

// audioClock turns times of 1/90,000 s into exact ones in the sample rate: as long as the frames' own
// durations explain the times within their rounding, the durations count.
type audioClock struct {
	next  int64
	going bool
}

// rounding is how far encoders' times stray from the exact time of their frames, in parts of a second.
const rounding = 500

// at returns the time t of a frame in the sample rate.
func (c *audioClock) at(t, rate, frame int64) int64 {
	x := seconds(t, tsRate)*rate + ((t-seconds(t, tsRate)*tsRate)*rate+tsRate/2)/tsRate
	if off := x - c.next; c.going && off*rounding <= rate && -off*rounding <= rate {
		x = c.next
	}
	c.going, c.next = true, x+frame
	return x
}
