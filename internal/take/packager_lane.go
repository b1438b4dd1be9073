package take

import (
	"fmt"
	"math"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// audioSlack is how far the encoder's times may stray from those of audio frames that follow one
	// another without a gap. It takes out the rounding of timestamps and small drift; beyond it sound
	// and picture would be seen to part, so the frames are put where the encoder says.
	audioSlack = media.TicksPerSecond / 25
	// A lane's buffer that has grown for a large picture is given back when it is this much too large.
	spareBuffer, spareFactor = 256 << 10, 8
)

// lane is what waits of one track: samples with their bytes, in order, each lasting until the next one
// begins. The newest waits for its duration. All times of a lane are in its track's time scale.
type lane struct {
	track media.Track
	scale int64
	frame int64 // AAC: what a frame lasts; otherwise 0
	step  int64 // least distance between two samples: one tick

	placed bool  // a sample has come
	shift  int64 // what is added to the samples' decode times to put them on the timeline
	lastIn int64 // newest decode time as it came

	gone    int // how many samples were here and are not any more
	samples []cmaf.Sample
	pending bool   // the last of samples has no duration yet
	told    int64  // what it is said to last, or 0
	data    []byte // of samples, from head on
	head    int
	first   int64 // decode time of samples[0]
	newest  int64 // decode time of the last sample
	end     int64 // end of the newest sample that has a duration
	usual   int64 // duration of that one
	floor   int64 // earliest decode time that the next sample can have
}

func newLane(t media.Track) (lane, error) {
	if t.Timescale == 0 || t.Timescale > 10_000_000 {
		return lane{}, fmt.Errorf("track %d: time scale %d, want 1 to 10,000,000", t.ID, t.Timescale)
	}
	l := lane{track: t, scale: int64(t.Timescale)}
	l.step = (l.scale + media.TicksPerSecond - 1) / media.TicksPerSecond
	if t.Codec == media.AAC {
		if core, err := cmaf.AACTrack(t.ID, t.Config); err == nil && core.Timescale == t.Timescale {
			l.frame = int64(cmaf.AACFrame(t))
		}
	}
	return l, nil
}

// ticks converts a time to the timeline's resolution, rounding down.
func (l *lane) ticks(t int64) media.Ticks {
	n := t * media.TicksPerSecond
	q := n / l.scale
	if n%l.scale < 0 {
		q--
	}
	return media.Ticks(q)
}

// scaled converts a time on the timeline, rounding down.
func (l *lane) scaled(t media.Ticks) int64 {
	n := int64(t) * l.scale
	q := n / media.TicksPerSecond
	if n%media.TicksPerSecond < 0 {
		q--
	}
	return q
}

// rebase moves the origin of the lane's times.
func (l *lane) rebase(by media.Ticks) {
	d := l.scaled(by)
	l.shift -= d
	l.first -= d
	l.newest -= d
	l.end -= d
	l.floor = 0
	if len(l.samples) > 0 {
		l.floor = l.newest + l.step
	}
}

// hold keeps a sample that comes before the timeline has begun, and lets old ones go.
func (l *lane) hold(dts int64, s media.Sample) {
	l.floor = math.MinInt64
	if len(l.samples) > 0 {
		l.floor = l.newest + l.step
	}
	dts = l.smooth(dts)
	l.finish(dts)
	l.push(dts, s)
	for l.ticks(l.newest-l.first) > patience || len(l.data)-l.head > maxWaiting/2 {
		l.drop(1)
	}
}

// smooth returns the decode time that a sample gets. Frames of AAC follow one another exactly as long
// as the encoder's times agree within audioSlack. No sample comes before its predecessor's end, or
// before the part that is in the making: it is moved by as little as that takes.
func (l *lane) smooth(dts int64) int64 {
	if l.frame > 0 && len(l.samples) > 0 {
		next := l.newest + l.frame
		if off := l.ticks(dts - next); off <= audioSlack && off >= -audioSlack {
			dts = next
		}
	}
	return max(dts, l.floor)
}

// finish gives the sample that waits its duration: until the given time.
func (l *lane) finish(until int64) {
	if !l.pending {
		return
	}
	l.usual = until - l.newest
	l.samples[len(l.samples)-1].Duration = uint32(min(l.usual, math.MaxUint32))
	l.end = until
	l.pending = false
}

// push adds a sample at a time that smooth gave. If it was moved, its composition offset makes up for
// it, so that it is shown when the encoder wanted.
func (l *lane) push(dts int64, s media.Sample) {
	if n := len(l.samples); n == 0 {
		l.first = dts
	} else if hole := dts - l.end; hole > 0 { // the take went on without this track: fill the gap
		l.samples[n-1].Duration = uint32(min(int64(l.samples[n-1].Duration)+hole, math.MaxUint32))
	}
	c := cmaf.Sample{Size: uint32(len(s.Data)), Key: s.Key || !l.track.Codec.IsVideo()}
	if l.track.Codec.IsVideo() {
		cto := int64(s.CTO) + s.DTS + l.shift - dts
		c.CTO = int32(max(min(cto, math.MaxInt32), math.MinInt32))
	}
	l.samples = append(l.samples, c)
	if len(l.data)+len(s.Data) > cap(l.data) && l.head > 0 {
		l.data = l.data[:copy(l.data, l.data[l.head:])]
		l.head = 0
	}
	l.data = append(l.data, s.Data...)
	l.newest, l.pending, l.told = dts, true, int64(s.Duration)
	l.floor = dts + l.step
}

// ready returns how many of the samples that have a duration begin before end, and their bytes.
func (l *lane) ready(end int64) (n, bytes int) {
	total := len(l.samples)
	if l.pending {
		total--
	}
	for at := l.first; n < total && at < end; n++ {
		at += int64(l.samples[n].Duration)
		bytes += int(l.samples[n].Size)
	}
	return n, bytes
}

// until returns where the newest sample ends as far as is known before the next one comes: where it was
// said to, or as sound does. ok is false if nothing is known.
func (l *lane) until() (end int64, ok bool) {
	switch {
	case !l.placed:
		return 0, false
	case !l.pending:
		return l.end, true
	case l.told > 0:
		return l.newest + l.told, true
	}
	return l.newest + l.frame, l.frame > 0
}

// drop lets the first n samples go.
func (l *lane) drop(n int) {
	if n == 0 {
		return
	}
	bytes := 0
	l.gone += n
	for _, s := range l.samples[:n] {
		l.first += int64(s.Duration)
		bytes += int(s.Size)
	}
	l.samples = l.samples[:copy(l.samples, l.samples[n:])]
	l.head += bytes
	if rest := len(l.data) - l.head; rest == 0 {
		l.data, l.head = l.data[:0], 0
	}
	if c := cap(l.data); c > spareBuffer && c > spareFactor*(bytes+len(l.data)-l.head) {
		l.data = append(make([]byte, 0, c/spareFactor), l.data[l.head:]...)
		l.head = 0
	}
}
