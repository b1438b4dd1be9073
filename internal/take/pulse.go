package take

import (
	"fmt"
	"math"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Kinds of warnings about what a publisher sends.
const (
	NoPicture = "no picture"
	NoSound   = "no sound"
	Keyframes = "keyframes"
	Unstable  = "unstable"
	Behind    = "behind"
	Gain      = "gain" // that was asked for cannot be made
)

// Warning is something that a producer should know about what a publisher sends, and how to mend it.
type Warning struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

const (
	// absentTime is how long pictures or sound may be missing.
	absentTime = 3 * time.Second
	// farKeys is a distance of keyframes that makes cuts and beginnings slow.
	farKeys = 4200 * time.Millisecond
	// pulseSpan is the time that is looked at, in steps of pulseStep.
	pulseStep = time.Second
	pulseSpan = 20
	// unevenTime is how much later some of it may come than the rest.
	unevenTime = 1500 * time.Millisecond
	// slowest is what part of a second has to be sent in each second.
	slowest = 0.97
)

// Pulse watches how a publisher's samples come, and says what is wrong with them. It has no clock of its own: it is
// told when each came. It is not safe for concurrent use.
type Pulse struct {
	tracks []track
	uneven time.Duration
	began  time.Time // of what is watched
	steps  [pulseSpan]pulse
	count  int           // of steps that were begun
	origin time.Duration // that the encoder's clock is ahead of ours, at first
}

// track is what is known of one track.
type track struct {
	id, scale int
	video     bool
	came      time.Time // the newest sample
	key, far  time.Duration
	keyed     bool
	newest    time.Duration // its time
}

// pulse is one step of time: how late what came in it was, at least and at most.
type pulse struct {
	at          time.Time
	early, late time.Duration
}

// NewPulse watches a publisher with those tracks from now on. One that sends in pieces is uneven by nature.
func NewPulse(tracks []media.Track, pieces bool, now time.Time) *Pulse {
	p := &Pulse{began: now, uneven: unevenTime}
	if pieces {
		p.uneven = math.MaxInt64
	}
	for _, t := range tracks {
		p.tracks = append(p.tracks, track{id: t.ID, scale: max(1, int(t.Timescale)), video: t.Codec.IsVideo()})
	}
	return p
}

// Sample is told of a sample that has come.
func (p *Pulse) Sample(s media.Sample, now time.Time) {
	for i := range p.tracks {
		t := &p.tracks[i]
		if t.id != s.Track {
			continue
		}
		at := time.Duration(float64(s.DTS) / float64(t.scale) * float64(time.Second))
		if !t.came.IsZero() && (at < t.newest-media.Ticks(jumpBack).Duration() || at > t.newest+media.Ticks(jumpAhead).Duration()) {
			p.count, t.keyed, t.far = 0, false, 0 // the clock jumped: what was before says nothing
		}
		t.came, t.newest = now, at
		if t.video && s.Key {
			if t.keyed {
				t.far = at - t.key
			}
			t.key, t.keyed = at, true
		}
		if i == 0 {
			p.step(at, now)
		}
	}
}

// step notes how late a sample of the first track is.
func (p *Pulse) step(at time.Duration, now time.Time) {
	if p.count == 0 {
		p.origin = at
	}
	late := now.Sub(p.began) - (at - p.origin)
	if p.count == 0 || now.Sub(p.steps[(p.count-1)%pulseSpan].at) >= pulseStep {
		p.steps[p.count%pulseSpan] = pulse{now, late, late}
		p.count++
		return
	}
	s := &p.steps[(p.count-1)%pulseSpan]
	s.early, s.late = min(s.early, late), max(s.late, late)
}

// Warnings says what is wrong now.
func (p *Pulse) Warnings(now time.Time) (list []Warning) {
	add := func(kind, text string, args ...any) { list = append(list, Warning{kind, fmt.Sprintf(text, args...)}) }
	var video, audio *track
	for i := range p.tracks {
		if t := &p.tracks[i]; t.video {
			video = t
		} else {
			audio = t
		}
	}
	missing := func(t *track) bool {
		return t != nil && now.Sub(p.began) > absentTime && now.Sub(t.came) > absentTime
	}
	switch {
	case video == nil:
		add(NoPicture, "it sends no picture: viewers see a dark still")
	case missing(video):
		add(NoPicture, "no picture has come for a while: is its camera on?")
	}
	switch {
	case audio == nil:
		add(NoSound, "it sends no sound: viewers hear silence")
	case missing(audio):
		add(NoSound, "no sound has come for a while: is its microphone connected?")
	}
	if video != nil && video.keyed {
		if far := max(video.far, video.newest-video.key); far > farKeys {
			add(Keyframes, "its keyframe interval is %.0f s or more: set 2 s in the encoder", math.Floor(far.Seconds()))
		}
	}
	if text, kind := p.pace(); text != "" {
		add(kind, "%s", text)
	}
	return list
}

// pace says whether what comes is slower than time, or uneven.
func (p *Pulse) pace() (text, kind string) {
	if p.count < pulseSpan/2 {
		return "", ""
	}
	n := min(p.count, pulseSpan)
	first, last := p.steps[(p.count-n)%pulseSpan], p.steps[(p.count-1)%pulseSpan]
	least, most := time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	for i := range n {
		s := p.steps[(p.count-n+i)%pulseSpan]
		least, most = min(least, s.early), max(most, s.late)
	}
	if wall := last.at.Sub(first.at); wall > 0 {
		if rate := 1 - (last.early-first.early).Seconds()/wall.Seconds(); rate < slowest {
			return fmt.Sprintf("it sends only %.0f %% of each second: its computer or its connection is too slow. Lower the size or the bitrate", 100*rate), Behind
		}
	}
	if most-least > p.uneven {
		return fmt.Sprintf("what it sends comes unevenly, up to %.1f s late: lower its bitrate, or connect it by cable", (most - least).Seconds()), Unstable
	}
	return "", ""
}
