package media

import "time"

// Ticks counts 1/90,000 s from a take's birth. Every part and segment is timed in it,
// whatever the time scales of its tracks.
type Ticks int64

// TicksPerSecond is the resolution of Ticks.
const TicksPerSecond = 90000

// Duration converts to a time.Duration, rounding to the nearest nanosecond.
func (t Ticks) Duration() time.Duration {
	return time.Duration((int64(t)*100_000 + 4) / 9)
}

// Seconds converts to seconds.
func (t Ticks) Seconds() float64 { return float64(t) / TicksPerSecond }

// TicksOf converts a time.Duration, rounding down.
func TicksOf(d time.Duration) Ticks {
	return Ticks(int64(d) / 100_000 * 9)
}

// Sample is one access unit: a video frame or an audio frame, as the encoder sent it.
type Sample struct {
	Track int   // Track.ID
	DTS   int64 // decode time in the track's time scale, from an origin shared by all tracks
	CTO   int32 // presentation time minus decode time, in the track's time scale
	Key   bool  // decoding can start here (always true for audio)
	// Duration is in the track's time scale; 0 if it is not known: until the next sample.
	Duration uint32

	// Data is in the form that MP4 stores (H.264: NAL units with 4-byte lengths; AAC: raw
	// frames without ADTS). It is valid only during the call that hands the sample over.
	Data []byte
}

// Part is an HLS partial segment: one moof+mdat pair per track, one pair after the other
// in the order of the rendition's tracks. A part is immutable once made.
type Part struct {
	Segment     uint32   // number of the segment within the take, from 0
	Index       uint32   // number of the part within the segment, from 0
	Start       Ticks    // earliest decode time of the leading track
	Duration    Ticks    // of the leading track (video where there is one)
	Independent bool     // starts with a key frame
	Last        bool     // the segment ends with this part
	Spans       []uint32 // length of each track's moof+mdat in Data, in the order of the tracks; 0 if the track has no sample here
	Data        []byte
}

// Pos is a place in a take: before part Part of segment Segment. {57,0} is the start of segment 57.
type Pos struct {
	Segment uint32 `json:"segment"`
	Part    uint32 `json:"part,omitempty"`
}

// Before reports whether p comes before q.
func (p Pos) Before(q Pos) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Part < q.Part
}
