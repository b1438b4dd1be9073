package take

import (
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// ErrTimeJump is returned for a sample whose time does not continue its track: it lies more than 10 s
// ahead of or 1 s behind the one before. The sample was not taken, and nothing has changed. The
// writer ends the take and begins another one with that sample.
var ErrTimeJump = errors.New("the stream's clock jumped")

const (
	// MaxSegment is after how long a segment is cut without a keyframe, and the target duration that
	// every playlist of every channel gives for life.
	MaxSegment = 4 * media.TicksPerSecond
	// longest is what a segment may last so that it still rounds to the target duration (RFC 8216bis,
	// 4.4.3.1); only frames of half a second and more ever bring one near it.
	longest = MaxSegment + 49*media.TicksPerSecond/100

	jumpAhead = 10 * media.TicksPerSecond
	jumpBack  = 1 * media.TicksPerSecond
	// patience is how far other tracks may run ahead of the leading one before the take goes on
	// without it. Slides of one frame in 2 s do not try it.
	patience = 5 * media.TicksPerSecond / 2
	// early is how much too early a keyframe may come and still end a segment: encoders' clocks are
	// rounded, and 1.999 s must not become a segment of 4.
	early = media.TicksPerSecond / 20
	// earlySegments are cut at the first keyframe that comes, so that a player can begin soon.
	earlySegments = 2
	// maxWaiting bounds the bytes of one track that wait for the end of their part.
	maxWaiting = 32 << 20
	// maxDTS bounds decode times, so that converting them cannot overflow: 24 years at 90 kHz.
	maxDTS = 1 << 46

	minPart, maxPart = 50 * time.Millisecond, time.Second
)

// PackagerConfig says how samples are cut.
type PackagerConfig struct {
	Tracks  []media.Track
	Part    time.Duration // longest part, 50 ms to 1 s; 0 is 250 ms
	Segment time.Duration // a segment ends at the first keyframe after so long, at most 4 s; 0 is 2 s
	// Fill adds the track that is missing, so that a channel always has both: silence (AAC) to video
	// alone, a still picture (H.264) to audio alone.
	Fill bool
	// From, if set, says that what is packed is a stretch of a longer take; see Stretch.
	From *Stretch
}

// Stretch is where in a take a packager goes on, so that a take can be packed piece by piece, each by another
// packager, and comes out as if one had packed it. Decode times are those of the take's timeline, and nothing
// before At may be written. The first segments of such a take are as long as all others.
type Stretch struct {
	Segment  uint32      `json:"segment"`  // number of the first segment
	At       media.Ticks `json:"at"`       // where it begins
	Sequence uint32      `json:"sequence"` // how many fragments the take has before it
}

// Packager cuts the samples of a take into parts and segments. It has no clock, no goroutine and
// does no I/O: the same samples give the same parts. It is not safe for concurrent use.
//
// The leading track (video if there is one) sets the pace. Its decode times are the take's timeline,
// which begins with the earliest sample of any track at 0; samples of video before the first keyframe
// are not taken.
//
// Segments: one begins with the first keyframe at or after the target. The first two, and one that
// did not begin with a keyframe, end with the first keyframe that comes. Without any, a segment ends
// after 4 s and the next one is not independent.
//
// Parts: none is longer than the part target, and only the last one of a segment is shorter than 85 %
// of it (RFC 8216bis, 4.4.3.7). Where frames do not fit that (15 fps in parts of 250 ms), a part ends
// on the timeline between two frames: it has all of its last frame, and the rest of that frame's time
// counts for the next part. A frame that lasts for several parts (slides) is in the first one; the
// others carry the other tracks alone, and if there is nothing to carry an empty fragment.
//
// Every sample comes out once, unchanged, in the order of its track. It lasts until the next one
// begins, so it waits for its successor.
type Packager struct {
	tracks  []media.Track
	lanes   []lane
	lead    *lane
	fill    *filler // nil if nothing is missing
	part    media.Ticks
	enough  media.Ticks // 85 % of part
	segment media.Ticks

	begun  bool
	done   bool
	even   bool        // the first segments are as long as all others
	anchor bool        // origin is set
	origin media.Ticks // what the timeline's 0 was in the samples' time
	newest media.Ticks // newest decode time of any track

	cursor
	out output
}

// NewPackager makes a packager for a new take.
func NewPackager(cfg PackagerConfig) (*Packager, error) {
	if cfg.Part == 0 {
		cfg.Part = 250 * time.Millisecond
	}
	if cfg.Segment == 0 {
		cfg.Segment = 2 * time.Second
	}
	if cfg.Part < minPart || cfg.Part > maxPart {
		return nil, fmt.Errorf("package samples: parts of %v, want %v to %v", cfg.Part, minPart, maxPart)
	}
	if cfg.Segment < cfg.Part || media.TicksOf(cfg.Segment) > MaxSegment {
		return nil, fmt.Errorf("package samples: segments of %v, want %v (a part) to %v", cfg.Segment, cfg.Part, media.Ticks(MaxSegment).Duration())
	}
	p := &Packager{part: media.TicksOf(cfg.Part), segment: media.TicksOf(cfg.Segment)}
	p.enough = p.part * 85 / 100
	p.tracks = append(p.tracks, cfg.Tracks...)
	if cfg.Fill {
		p.fill = newFiller(cfg.Tracks)
		p.tracks = p.fill.complete(p.tracks)
	}
	if err := p.layLanes(); err != nil {
		return nil, fmt.Errorf("package samples: %w", err)
	}
	if cfg.From != nil {
		p.goOn(*cfg.From)
	}
	return p, nil
}

// layLanes makes a lane for each track and finds the leading one.
func (p *Packager) layLanes() error {
	if len(p.tracks) == 0 {
		return errors.New("no tracks, want at least one")
	}
	lead := 0
	for i, t := range p.tracks {
		l, err := newLane(t)
		if err != nil {
			return err
		}
		if p.lane(t.ID) != nil {
			return fmt.Errorf("two tracks have the id %d", t.ID)
		}
		p.lanes = append(p.lanes, l)
		if t.Codec.IsVideo() && !p.tracks[lead].Codec.IsVideo() {
			lead = i
		}
	}
	p.lead = &p.lanes[lead]
	p.fill.attach(p)
	return nil
}

// Tracks returns the tracks that come out, in the order of a part's spans: those of the config and
// the one that was filled in. The caller must not change them.
func (p *Packager) Tracks() []media.Track { return p.tracks }

// Init returns the header of the tracks that come out.
func (p *Packager) Init() ([]byte, error) { return cmaf.Init(p.tracks) }

func (p *Packager) lane(id int) *lane {
	for i := range p.lanes {
		if p.lanes[i].track.ID == id {
			return &p.lanes[i]
		}
	}
	return nil
}

// Write takes the next sample of a track; its data is copied. Parts that it completes are handed to
// emit before Write returns; their Data is never changed again, and behind it, in the same buffer,
// usually comes the Data of the next part: do not append to it.
//
// Besides ErrTimeJump it fails for samples that no take could hold: of an unknown track, or more of
// them than 32 MiB in one part.
func (p *Packager) Write(s media.Sample, emit func(media.Part)) error {
	l := p.lane(s.Track)
	switch {
	case p.done:
		return errors.New("package sample: the take has been flushed")
	case l == nil || p.fill.owns(l):
		return fmt.Errorf("package sample: unknown track %d", s.Track)
	case len(s.Data) == 0:
		return nil // nothing to keep: what came before it lasts longer
	case len(l.data)-l.head+len(s.Data) > maxWaiting:
		return fmt.Errorf("package sample: track %d has %d bytes in one part, want at most %d", s.Track, len(l.data)-l.head+len(s.Data), maxWaiting)
	}
	if err := p.checkTime(l, s.DTS); err != nil {
		return err
	}
	dts := p.place(l, s.DTS)
	if !p.begun && !p.begin(l, &dts, s.Key) {
		if l != p.lead {
			l.hold(dts, s)
		}
		return nil
	}
	dts = l.smooth(dts)
	if l == p.lead {
		p.fill.before(dts)
		p.arrive(dts, s.Key, emit)
		l.push(dts, s)
	} else {
		l.finish(dts)
		p.fill.along(l.ticks(dts), emit)
		l.push(dts, s)
		p.overtake(l.ticks(dts), emit)
	}
	p.newest = max(p.newest, l.ticks(dts))
	return nil
}

// checkTime compares a sample's decode time with its predecessor's.
func (p *Packager) checkTime(l *lane, dts int64) error {
	if dts > maxDTS || dts < -maxDTS {
		return fmt.Errorf("package sample: decode time %d on track %d is out of reason", dts, l.track.ID)
	}
	if l.placed {
		if step := l.ticks(dts - l.lastIn); step > jumpAhead || step < -jumpBack {
			return fmt.Errorf("package sample: %w by %.3f s on track %d", ErrTimeJump, step.Seconds(), l.track.ID)
		}
	}
	return nil
}

// place returns a sample's decode time on the timeline. A track whose first sample is nowhere near
// the others (some encoders count each track from another origin) begins beside them.
func (p *Packager) place(l *lane, dts int64) int64 {
	if !p.anchor {
		p.anchor, p.origin = true, l.ticks(dts)
	}
	if !l.placed {
		l.placed = true
		l.shift = -l.scaled(p.origin)
		if off := l.ticks(dts+l.shift) - p.newest; off > jumpAhead || off < -jumpAhead {
			l.shift -= l.scaled(off)
		}
	}
	l.lastIn = dts
	return dts + l.shift
}

// begin starts the timeline with the first keyframe of the leading track, or with the first sound to
// which a still is made. Sample times so far were relative to the first sample that came, and are now
// made relative to the earliest that is kept. It reports whether the timeline has begun.
func (p *Packager) begin(l *lane, dts *int64, key bool) bool {
	if l != p.lead && !p.fill.leads() || l == p.lead && !key {
		return false
	}
	start := l.ticks(*dts)
	earliest := start
	for i := range p.lanes {
		if o := &p.lanes[i]; len(o.samples) > 0 {
			earliest = min(earliest, o.ticks(o.first))
		}
	}
	p.begun = true
	p.origin += earliest
	for i := range p.lanes {
		p.lanes[i].rebase(earliest)
	}
	*dts -= l.scaled(earliest)
	p.newest = start - earliest
	p.partStart, p.segmentStart = p.newest, p.newest
	p.fill.begin(p.newest)
	return true
}

// goOn begins the timeline where a stretch begins.
func (p *Packager) goOn(from Stretch) {
	p.begun, p.anchor, p.even = true, true, true
	p.newest, p.partStart, p.segmentStart = from.At, from.At, from.At
	p.number, p.out.sequence = from.Segment, from.Sequence
}

// Here returns the stretch that would go on behind the newest part, which must be the last of its segment.
func (p *Packager) Here() Stretch {
	return Stretch{Segment: p.number, At: p.partStart, Sequence: p.out.sequence}
}

// CutSegment makes the part in the making the last one of its segment, which is how a take is left in
// mid-segment. If no part is in the making, it is the next one.
func (p *Packager) CutSegment() { p.cutNext = true }

// Flush finishes the part and the segment in the making with everything that waits; nothing can be
// written after it. A take of which no keyframe came has no parts.
func (p *Packager) Flush(emit func(media.Part)) {
	if p.done {
		return
	}
	p.done = true
	if p.begun {
		p.finishAll(emit)
	}
}

// taken returns how many samples of each track were taken so far. They are counted, because times move
// when the timeline begins.
func (p *Packager) taken() []int {
	out := make([]int, len(p.lanes))
	for i := range p.lanes {
		if l := &p.lanes[i]; !p.fill.owns(l) {
			out[i] = l.gone + len(l.samples)
		}
	}
	return out
}

// emitted reports whether none of the first so many samples of each track waits for its part any more.
func (p *Packager) emitted(taken []int) bool {
	for i := range p.lanes {
		if p.lanes[i].gone < taken[i] {
			return p.done
		}
	}
	return true
}
