package take

import (
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// ErrTimeJump is returned for a sample whose time does not continue the take: it lies more than 10 s
// ahead or 1 s back. The sample was not taken. The writer ends the take and begins another with it.
var ErrTimeJump = errors.New("the stream's clock jumped")

const (
	// MaxSegment is the longest segment there is: the target duration that every playlist of every
	// channel gives for life.
	MaxSegment = 4 * media.TicksPerSecond

	jumpAhead = 10 * media.TicksPerSecond
	jumpBack  = 1 * media.TicksPerSecond
	// headroom is where the take's clock begins in the fragments' decode times, so that a track
	// which starts a little before the first sample has room.
	headroom = 1 * media.TicksPerSecond
	// lead is how far audio may run ahead of the leading track before it moves the take's clock on.
	lead = 2 * media.TicksPerSecond
	// earlySegments are cut at the first keyframe that comes, so that a player can begin soon.
	earlySegments = 2
	minBuffer     = 32 << 10
)

// PackagerConfig says how samples are cut.
type PackagerConfig struct {
	Tracks  []media.Track
	Part    time.Duration // longest part; default 250 ms
	Segment time.Duration // a segment ends at the first keyframe after so long; default 2 s
	// Fill adds the track that is missing, so that a channel always has both: silence (AAC) to video
	// alone, a still picture (H.264) to audio alone.
	Fill bool
}

// Packager cuts the samples of a take into parts and segments. It has no clock, no goroutine and
// does no I/O: the same samples give the same parts.
//
// The leading track (video if there is one) decides. A segment begins with the first keyframe after
// the target; with none for 4 s it is cut anyway. A part ends before the sample that would make it
// longer than the target. A frame that lasts longer than that (slides) is listed over several parts,
// of which the later ones carry sound alone; without sound the part is as long as the frame.
//
// Every sample comes out once, in the order of its track. Its duration is the distance to the next
// one, so a sample waits for its successor.
type Packager struct {
	tracks   []media.Track
	runs     []run // one for each track
	leading  int
	fill     *filler
	part     media.Ticks
	segment  media.Ticks
	sequence uint32

	begun        bool
	origin       media.Ticks // time of the first sample
	partStart    media.Ticks
	segmentStart media.Ticks
	number       uint32 // of the segment
	index        uint32 // of the part in it
	flushAll     bool   // the take ends: everything goes into the last part

	buffer []byte
	size   int // bytes of the segment so far
	guess  int // bytes of the segment before
}

// run is what waits of one track: finished samples of the part in the making and later ones, and
// behind them one sample whose duration is not known yet. Their bytes lie in data, in order.
type run struct {
	track   media.Track
	base    int64 // decode time of samples[0], in the track's time scale, from the take's beginning
	end     int64 // decode time behind the last finished sample
	samples []cmaf.Sample
	data    []byte
	pending bool
	next    cmaf.Sample // the sample that waits
	nextDTS int64
	frame   int64 // nominal duration of a sample: AAC frames, else the last one seen

	taken, takenBytes int   // what the part in the making takes of samples and data
	takenEnd          int64 // decode time behind it
}

// NewPackager makes a packager for a new take.
func NewPackager(cfg PackagerConfig) (*Packager, error) {
	if cfg.Part <= 0 {
		cfg.Part = 250 * time.Millisecond
	}
	if cfg.Segment <= 0 {
		cfg.Segment = 2 * time.Second
	}
	if len(cfg.Tracks) == 0 {
		return nil, errors.New("package samples: no tracks")
	}
	p := &Packager{part: media.TicksOf(cfg.Part), segment: min(media.TicksOf(cfg.Segment), MaxSegment)}
	p.tracks = append(p.tracks, cfg.Tracks...)
	if cfg.Fill {
		p.fill = newFiller(cfg.Tracks)
		if p.fill != nil {
			p.tracks = p.fill.complete(p.tracks)
		}
	}
	p.leading = -1
	for i, t := range p.tracks {
		if t.Timescale == 0 {
			return nil, fmt.Errorf("package samples: track %d has no time scale", t.ID)
		}
		r := run{track: t, frame: int64(t.Timescale) / 30}
		if t.Codec == media.AAC {
			r.frame = int64(cmaf.AACFrame(t))
		}
		p.runs = append(p.runs, r)
		made := p.fill != nil && t.ID == p.fill.track.ID
		if !made && (p.leading < 0 || t.Codec.IsVideo() && !p.tracks[p.leading].Codec.IsVideo()) {
			p.leading = i
		}
	}
	return p, nil
}

// Tracks returns the tracks that come out, with the one that was filled in.
func (p *Packager) Tracks() []media.Track { return p.tracks }

// Write takes the next sample of a track. Parts that it finishes are handed to emit at once.
func (p *Packager) Write(s media.Sample, emit func(media.Part)) error {
	r := p.run(s.Track)
	if r == nil {
		return fmt.Errorf("package sample: unknown track %d", s.Track)
	}
	at := r.ticks(s.DTS)
	if !p.begun {
		p.begun, p.origin = true, at
	}
	dts := r.scaled(at - p.origin + headroom)
	if last, ok := r.last(); ok {
		step := r.ticks(dts - last)
		if step > jumpAhead || step < -jumpBack {
			return fmt.Errorf("%w by %.3f s on track %d", ErrTimeJump, step.Seconds(), s.Track)
		}
		dts = r.smooth(dts, last)
	}
	r.finish(max(dts, 0))
	if r == &p.runs[p.leading] {
		p.advance(r.ticks(dts)-headroom, s.Key, emit)
	} else if now := r.ticks(dts) - headroom; now-p.clock() > lead {
		p.runs[p.leading].finish(p.runs[p.leading].scaled(now - lead/2 + headroom))
		p.advance(now-lead/2, false, emit)
	}
	r.wait(s, max(dts, r.end))
	return nil
}

// clock returns how far the leading track has come.
func (p *Packager) clock() media.Ticks {
	r := &p.runs[p.leading]
	if t, ok := r.last(); ok {
		return max(r.ticks(t)-headroom, p.partStart)
	}
	return p.partStart
}

func (p *Packager) run(id int) *run {
	for i := range p.runs {
		if p.runs[i].track.ID == id {
			return &p.runs[i]
		}
	}
	return nil
}

func (r *run) ticks(t int64) media.Ticks {
	return media.Ticks(t * media.TicksPerSecond / int64(r.track.Timescale))
}

func (r *run) scaled(t media.Ticks) int64 {
	n := int64(t) * int64(r.track.Timescale)
	return (n + media.TicksPerSecond/2) / media.TicksPerSecond
}

// last returns the decode time of the newest sample.
func (r *run) last() (int64, bool) {
	if r.pending {
		return r.nextDTS, true
	}
	return r.end, r.end > 0
}

// smooth returns the time that a sample gets. Audio frames follow one another exactly, so the
// rounding of the encoder's clock (RTMP has milliseconds) is taken out, until it amounts to a gap.
// No sample comes before its predecessor.
func (r *run) smooth(dts, last int64) int64 {
	if r.track.Codec.IsVideo() {
		return max(dts, last+1)
	}
	expected := last
	if r.pending {
		expected += r.frame
	}
	if drift := dts - expected; drift < int64(r.track.Timescale)/16 {
		return expected
	}
	return dts
}

// finish gives the waiting sample its duration: up to the given time.
func (r *run) finish(until int64) {
	if !r.pending {
		return
	}
	d := max(until-r.nextDTS, 1)
	if r.track.Codec.IsVideo() {
		r.frame = d
	}
	r.next.Duration = uint32(d)
	if len(r.samples) == 0 {
		r.base = r.nextDTS
	}
	r.samples = append(r.samples, r.next)
	r.end = r.nextDTS + d
	r.pending = false
}

// wait keeps a sample until its successor comes.
func (r *run) wait(s media.Sample, dts int64) {
	if len(r.samples) > 0 && dts > r.end { // a hole: the sample before it lasts longer
		last := &r.samples[len(r.samples)-1]
		last.Duration += uint32(dts - r.end)
		r.end = dts
	}
	r.data = append(r.data, s.Data...)
	r.next = cmaf.Sample{Size: uint32(len(s.Data)), CTO: s.CTO, Key: s.Key}
	r.nextDTS, r.pending = dts, true
}

// advance moves the take's clock to now, where a sample of the leading track begins, and closes what
// is complete before it.
func (p *Packager) advance(now media.Ticks, key bool, emit func(media.Part)) {
	lr := &p.runs[p.leading]
	next := lr.ticks(lr.frame)
	for now > p.partStart {
		age := now - p.segmentStart
		if key && (age >= p.segment || p.number < earlySegments) && now-p.partStart <= p.part {
			p.close(now, true, emit)
			return
		}
		if now+next-p.partStart <= p.part && age+next <= MaxSegment {
			return
		}
		end := min(now, p.partStart+p.part)
		if !p.any(end) {
			if now-p.partStart < MaxSegment {
				return // nothing to put into a part: this one becomes longer
			}
			end = now
		}
		ahead := max(next, p.part)
		if end == now {
			ahead = next
		}
		p.close(end, end-p.segmentStart+ahead > MaxSegment || key && end == now && (age >= p.segment || p.number < earlySegments), emit)
	}
}

// any reports whether a part up to end would hold a sample.
func (p *Packager) any(end media.Ticks) bool {
	for i := range p.runs {
		r := &p.runs[i]
		if len(r.samples) > 0 && r.ticks(r.base)-headroom < end {
			return true
		}
	}
	return p.fill != nil
}

// Flush finishes the part and the segment in the making; nothing more may be written.
func (p *Packager) Flush(emit func(media.Part)) {
	if !p.begun {
		return
	}
	end := p.partStart
	for i := range p.runs {
		r := &p.runs[i]
		if r.pending {
			r.finish(r.nextDTS + r.frame)
		}
	}
	lr := &p.runs[p.leading]
	if lr.end > 0 {
		end = max(end, lr.ticks(lr.end)-headroom)
	}
	p.advance(end, false, emit)
	waiting := false
	for i := range p.runs {
		waiting = waiting || len(p.runs[i].samples) > 0
	}
	if waiting || p.index > 0 {
		p.flushAll = true
		p.close(max(end, p.partStart+1), true, emit)
	}
}
