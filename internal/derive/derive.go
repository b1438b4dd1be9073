// Package derive makes takes out of other takes: the pictures of one under the sound of another. Nothing is decoded;
// coded pictures and sound are copied, and get other times.
package derive

import (
	"errors"
	"fmt"
	"math"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// farthest is how old a keyframe may be that a take begins with: all pictures since are shown in a moment.
	farthest = 5 * media.TicksPerSecond
	// moment is how long that takes.
	moment = media.TicksPerSecond / 25
	// keptSound is how much sound waits before the take begins. Pictures wait from the newest keyframe on.
	keptSound = 8 * media.TicksPerSecond
	// maxBytes bounds what waits.
	maxBytes = 64 << 20
)

// ErrFull is returned when one of the takes is so far behind the other that what waits for it does not fit.
var ErrFull = errors.New("too much waits for pictures or sound that does not come")

// Config says what is mixed.
type Config struct {
	Picture []media.Track // the tracks of the take whose pictures are shown
	Sound   []media.Track // of the one whose sound is heard; none: silence
	// Shift is what makes a time of the sound's take one of the picture's.
	Shift media.Ticks
}

// Mixer makes the parts of a derived take. They are cut where those of the picture's take are cut, so that a part
// is complete as soon as its pictures and the sound along them have come. It has no clock, no goroutine and does
// no I/O. It is not safe for concurrent use.
//
// A take may begin at any part of the picture's: the pictures since the keyframe before it are shown in the first
// moment. And it may be left at any frame of the sound, so that another take can go on with the next one.
type Mixer struct {
	video, audio       media.Track // as they come out
	videoFrom, soundID int         // ids of the tracks as they come in
	videoScale         int64
	shift              media.Ticks
	silent             bool

	pictures []picture
	sounds   []frame
	bytes    int         // of what waits
	heard    media.Ticks // the end of the newest sound

	begun bool
	zero  media.Ticks // the picture's time at which the take begins
	first int64       // decode time of its first sound, in the sound's time scale
	at    media.Ticks // what has come out reaches so far
	until media.Ticks // nothing behind it comes out
	out   output
}

// picture is a part of the picture's take. Times are the picture's.
type picture struct {
	start, duration media.Ticks
	last            bool
	shots           []shot
}

func (p *picture) end() media.Ticks { return p.start + p.duration }

// shot is one coded picture.
type shot struct {
	dts, end, pts media.Ticks
	key           bool
	data          []byte
}

// frame is one frame of sound.
type frame struct {
	at       media.Ticks // in the picture's time
	dts      int64       // in the sound's time scale
	duration uint32
	data     []byte
}

// New makes a mixer.
func New(cfg Config) (*Mixer, error) {
	video, audio := find(cfg.Picture, true), find(cfg.Sound, false)
	if video == nil {
		return nil, errors.New("derive a take: the source of the pictures has none")
	}
	m := &Mixer{video: *video, videoFrom: video.ID, videoScale: int64(video.Timescale), shift: cfg.Shift, until: math.MaxInt64}
	m.video.Timescale = media.TicksPerSecond
	switch {
	case len(cfg.Sound) == 0:
		m.audio, m.silent, m.shift = cmaf.Silence(0), true, 0
	case audio == nil:
		return nil, errors.New("derive a take: the source of the sound has none")
	default:
		m.audio, m.soundID = *audio, audio.ID
	}
	m.audio.ID = m.video.ID%255 + 1
	if m.video.Timescale == 0 || m.audio.Timescale == 0 || m.videoScale == 0 {
		return nil, errors.New("derive a take: a track without a time scale")
	}
	return m, nil
}

func find(tracks []media.Track, video bool) *media.Track {
	for i := range tracks {
		if tracks[i].Codec.IsVideo() == video {
			return &tracks[i]
		}
	}
	return nil
}

// Tracks returns the tracks that come out, in the order of a part's spans.
func (m *Mixer) Tracks() []media.Track { return []media.Track{m.video, m.audio} }

// Picture takes the next part of the picture's take. The mixer keeps p.Data.
func (m *Mixer) Picture(p *media.Part) error {
	found, err := cmaf.ReadFragments(p.Data)
	if err != nil {
		return fmt.Errorf("derive a take from its pictures: %w", err)
	}
	in := picture{start: p.Start, duration: p.Duration, last: p.Last}
	for _, f := range found {
		if f.Track != m.videoFrom {
			continue
		}
		for _, s := range f.Samples {
			in.shots = append(in.shots, shot{
				dts: m.ticks(s.DTS), end: m.ticks(s.DTS + int64(s.Duration)), pts: m.ticks(s.DTS + int64(s.CTO)), key: s.Key, data: s.Data,
			})
			m.bytes += len(s.Data)
		}
	}
	m.pictures = append(m.pictures, in)
	if !m.begun {
		m.forget()
	}
	if m.bytes > maxBytes {
		return ErrFull
	}
	return nil
}

// ticks converts a time of the pictures.
func (m *Mixer) ticks(t int64) media.Ticks { return ticksOf(t, m.videoScale) }

func ticksOf(t, scale int64) media.Ticks {
	whole, rest := t/scale, t%scale
	return media.Ticks(whole*media.TicksPerSecond + rest*media.TicksPerSecond/scale)
}

// Sound takes the next part of the sound's take. The mixer keeps p.Data.
func (m *Mixer) Sound(p *media.Part) error {
	found, err := cmaf.ReadFragments(p.Data)
	if err != nil {
		return fmt.Errorf("derive a take from its sound: %w", err)
	}
	scale := int64(m.audio.Timescale)
	for _, f := range found {
		if f.Track != m.soundID || m.silent {
			continue
		}
		for _, s := range f.Samples {
			m.sounds = append(m.sounds, frame{at: ticksOf(s.DTS, scale) + m.shift, dts: s.DTS, duration: s.Duration, data: s.Data})
			m.heard = ticksOf(s.DTS+int64(s.Duration), scale) + m.shift
			m.bytes += len(s.Data)
		}
	}
	for !m.begun && len(m.sounds) > 0 && m.heard-m.sounds[0].at > keptSound {
		m.dropSounds(1)
	}
	if m.bytes > maxBytes {
		return ErrFull
	}
	return nil
}

// forget lets pictures go that no take can begin with any more.
func (m *Mixer) forget() {
	newest := m.pictures[len(m.pictures)-1].end()
	for len(m.pictures) > 1 && newest-m.pictures[0].start > 2*farthest {
		for _, s := range m.pictures[0].shots {
			m.bytes -= len(s.data)
		}
		m.pictures = m.pictures[1:]
	}
}

func (m *Mixer) dropSounds(n int) {
	for _, f := range m.sounds[:n] {
		m.bytes -= len(f.data)
	}
	m.sounds = m.sounds[n:]
}

// Begin begins the take as late as it can, if it can begin; but not before a time of the sound's take: what lies
// before it was heard already. It returns the picture's time at which the take begins, and the sound's.
func (m *Mixer) Begin(from media.Ticks) (picture, sound media.Ticks, ok bool) {
	for i := len(m.pictures) - 1; i >= 0 && !m.begun; i-- {
		p := &m.pictures[i]
		if from != Anywhere && p.start < from+m.shift {
			break
		}
		if m.covers(p.end()) && m.begin(i) {
			return m.zero, m.zero - m.shift, true
		}
	}
	return 0, 0, false
}

// Anywhere says that a take may begin at any place.
const Anywhere media.Ticks = math.MinInt64

// covers reports whether the sound reaches to a time.
func (m *Mixer) covers(end media.Ticks) bool { return m.silent || m.heard >= end }

// begin begins the take with a part, if there are a keyframe and sound to begin with.
func (m *Mixer) begin(i int) bool {
	p := &m.pictures[i]
	zero, skip := p.start, 0
	if !m.silent {
		for skip < len(m.sounds) && m.sounds[skip].at < p.start {
			skip++
		}
		if skip == len(m.sounds) || m.sounds[skip].at >= p.end() || skip == 0 && m.sounds[0].at-p.start > moment {
			return false
		}
		zero = m.sounds[skip].at
	}
	if p.end()-zero < moment {
		return false
	}
	var shots []shot
	for j := range m.pictures[:i+1] {
		shots = append(shots, m.pictures[j].shots...)
	}
	limit, key := p.start, -1
	if len(p.shots) > 0 {
		limit = max(limit, p.shots[0].dts)
	}
	for n := range shots {
		if shots[n].key && shots[n].dts <= limit {
			key = n
		}
	}
	if key < 0 || zero-shots[key].dts > farthest {
		return false
	}
	for _, s := range shots[:key] {
		m.bytes -= len(s.data)
	}
	p.shots, p.duration, p.start = hurry(shots[key:], zero), p.end()-zero, zero
	m.pictures = m.pictures[i:]
	m.dropSounds(skip)
	if !m.silent {
		m.first = m.sounds[0].dts
	}
	m.begun, m.zero, m.at = true, zero, zero
	return true
}

// hurry gives pictures times of zero and later: those from before are shown one after the other in a moment, and
// from then on each is shown when it should be. The order of all times stays.
func hurry(shots []shot, zero media.Ticks) []shot {
	begins := shots[0].dts
	if begins >= zero { // it is shown a little longer instead
		shots[0].dts = zero
		return shots
	}
	real := zero + moment
	at := func(t media.Ticks) media.Ticks {
		if t >= real {
			return t
		}
		return zero + (t-begins)*moment/(real-begins)
	}
	for n := range shots {
		s := &shots[n]
		s.dts, s.end, s.pts = at(s.dts), at(s.end), at(s.pts)
	}
	return shots
}

// Hold stops the take where it stands, and returns the time of the sound's take with which it would go on.
func (m *Mixer) Hold() media.Ticks {
	m.until = m.at
	if !m.silent && len(m.sounds) > 0 {
		return m.sounds[0].at - m.shift
	}
	return m.at - m.shift
}

// Leave has the take go on to a time of the sound's take, end a segment there and stand still. It reports whether
// the take has not come farther already.
func (m *Mixer) Leave(sound media.Ticks) bool {
	at := sound + m.shift
	if at < m.at {
		return false
	}
	m.until = at
	return true
}

// Arrived reports whether the take stands where it was to go.
func (m *Mixer) Arrived() bool { return m.begun && m.at >= m.until }

// Go has the take go on.
func (m *Mixer) Go() { m.until = math.MaxInt64 }

// Lacks reports whether pictures wait for the sound along them.
func (m *Mixer) Lacks() bool {
	return len(m.pictures) > 0 && m.at < m.until && !m.covers(min(m.pictures[0].end(), m.until))
}
