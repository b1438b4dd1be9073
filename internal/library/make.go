package library

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

var (
	// errUnfit is wrapped where pictures or sound cannot be kept as they are; encoding them anew helps.
	errUnfit = errors.New("what is in the file cannot be kept as it is")
	// errSeam is returned where what is made here does not go on exactly behind what another node has made, whose
	// ffmpeg is perhaps another one. Making all of it here helps.
	errSeam = errors.New("it does not go on where it stopped")
	// errNothing is what a file without a single picture comes to.
	errNothing = &ffmpeg.Error{Words: "there is neither picture nor sound in it"}
)

const (
	// maxAhead is how far one track of a file may be ahead of the other.
	maxAhead      = 15 // seconds
	maxAheadBytes = 64 << 20
	// maxEarly is how many pictures wait for the first sound.
	maxEarly = 250
)

// maker makes the pieces of a take of what ffmpeg gives. It has no clock, and writes by put alone.
type maker struct {
	plan    *plan
	part    time.Duration // targets, as the packager's
	segment time.Duration
	span    media.Ticks                         // after how long a piece ends
	put     func(n int, body bucket.Body) error // writes a piece
	tell    func(media.Ticks)                   // how far it is

	from     position // where this run begins
	at       position // where the next piece begins
	n        int      // its number
	tracks   []media.Track
	packager *take.Packager
	video    lane
	audio    lane
	early    []media.Sample // pictures that came before it was known where the take begins
	known    bool           // it is
	accepted bool           // the first picture of this run has come
	started  bool           // it is packed
	next     int64          // decode time of the picture that is being packed
	lastKey  int64
	end      int64 // of the newest picture

	body     bucket.Body // of the piece in the making
	bytes    int64
	length   media.Ticks
	segments [][]media.PartInfo
	parts    []media.PartInfo // of the segment in the making
	failed   error
}

// lane is one track on its way to the packager.
type lane struct {
	track  media.Track
	origin int64 // what ffmpeg says at the beginning of the take
	wait   []media.Sample
	bytes  int
}

// before reports whether a time of this lane lies before one of another.
func (l *lane) before(dts int64, other *lane, at int64) bool {
	return dts*int64(other.track.Timescale) < at*int64(l.track.Timescale)
}

func (l *lane) hold(s media.Sample) {
	l.wait = append(l.wait, s)
	l.bytes += len(s.Data)
}

// behind makes a maker go on behind the newest piece that is there, if there is one.
func (m *maker) behind(last *trailer, n int) {
	if last != nil {
		m.at, m.from, m.tracks, m.n = last.Next, last.Next, last.Tracks, n
	}
}

// header takes the tracks that ffmpeg makes.
func (m *maker) header(init []byte) error {
	tracks, err := cmaf.ReadInit(init)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	if len(tracks) != 2 || tracks[0].Codec != media.H264 || tracks[1].Codec != media.AAC {
		return fmt.Errorf("%w: ffmpeg gives %d tracks", errUnfit, len(tracks))
	}
	if m.tracks != nil && !reflect.DeepEqual(m.tracks, tracks) {
		return fmt.Errorf("%w: the parameters are others", errSeam)
	}
	m.tracks = tracks
	m.video.track, m.audio.track = tracks[0], tracks[1]
	m.packager, err = take.NewPackager(take.PackagerConfig{Tracks: tracks, Part: m.part, Segment: m.segment, From: &m.from.Stretch})
	if err != nil {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	if !m.from.begins() {
		m.begin(m.from.Origin)
	}
	return nil
}

// tryBegin finds out where the take begins, once there are pictures and sound: with the first keyframe, or where sound is
// kept as it is with what of it lies just before that, because decoders need it.
func (m *maker) tryBegin() error {
	early := m.early
	if len(early) == 0 || len(m.audio.wait) == 0 && len(early) < maxEarly {
		return nil
	}
	scale, sound := int64(m.video.track.Timescale), int64(m.audio.track.Timescale)
	at := early[0].DTS - offset*scale
	if m.plan.copyAudio && len(m.audio.wait) > 0 {
		first := m.audio.wait[0].DTS - offset*sound
		if lead := at - floor(first*scale, sound); lead > 0 && lead < scale {
			at -= lead
			m.from.Video = lead
		}
	}
	m.begin(at)
	m.early = nil
	for _, s := range early {
		if err := m.picture(s); err != nil {
			return err
		}
	}
	return nil
}

// floor divides, rounding down.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// begin says which time of the file, in the time scale of the pictures, is the take's beginning. Sound that came before
// that was known is looked at again.
func (m *maker) begin(at int64) {
	scale, sound := int64(m.video.track.Timescale), int64(m.audio.track.Timescale)
	m.at.Origin, m.at.Scale, m.known = at, scale, true
	m.video.origin = at + offset*scale
	m.audio.origin = floor(at*sound, scale) + offset*sound
	early := m.audio.wait
	m.audio.wait, m.audio.bytes = nil, 0
	for _, s := range early {
		m.sound(s)
	}
}

// fragment takes what ffmpeg has made of one track.
func (m *maker) fragment(f *cmaf.FragmentInfo) error {
	l := &m.audio
	for i := range f.Samples {
		s := &f.Samples[i]
		sample := media.Sample{Track: f.Track, DTS: s.DTS, CTO: s.CTO, Key: s.Key, Duration: s.Duration, Data: s.Data}
		if f.Track != m.video.track.ID {
			m.sound(sample)
			if err := m.tryBegin(); err != nil {
				return err
			}
			continue
		}
		l = &m.video
		if err := m.picture(sample); err != nil {
			return err
		}
	}
	if n := len(l.wait); n > 0 && (l.bytes > maxAheadBytes || l.wait[n-1].DTS-l.wait[0].DTS > maxAhead*int64(l.track.Timescale)) {
		return fmt.Errorf("%w: its sound and its pictures lie too far apart", errUnfit)
	}
	return m.write(false)
}

// sound keeps a frame of sound, unless it lies before what is to be made.
func (m *maker) sound(s media.Sample) {
	if !m.known {
		m.audio.hold(s)
		return
	}
	s.DTS -= m.audio.origin
	if least := int64(m.from.At) * int64(m.audio.track.Timescale) / media.TicksPerSecond; s.DTS >= least {
		m.audio.hold(s)
	}
}

// picture keeps a frame, unless it lies before what is to be made. The first one is the keyframe that was expected.
func (m *maker) picture(s media.Sample) error {
	if err := cmaf.CheckAVCC(s.Data); err != nil {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	scale := int64(m.video.track.Timescale)
	if !m.known {
		if s.Key || len(m.early) > 0 {
			m.early = append(m.early, s)
		}
		return m.tryBegin()
	}
	if s.DTS -= m.video.origin; s.DTS < m.from.Video {
		return nil
	}
	if !m.accepted && (s.DTS != m.from.Video || !s.Key || scale != m.at.Scale) {
		return errSeam
	}
	m.accepted = true
	if s.Key {
		m.lastKey = s.DTS
	}
	if (s.DTS-m.lastKey)*media.TicksPerSecond > take.MaxSegment*scale {
		return fmt.Errorf("%w: its keyframes are too far apart", errUnfit)
	}
	m.video.hold(s)
	return nil
}

// write packs what is complete: a picture once the sound is there that is heard before it. The first picture goes before
// any sound, because the packager's timeline is that of the pictures.
func (m *maker) write(everything bool) error {
	for len(m.video.wait) > 0 {
		if m.started {
			v, sound := m.video.wait[0].DTS, m.audio.wait
			if !everything && (len(sound) == 0 || m.audio.before(sound[len(sound)-1].DTS, &m.video, v)) {
				return nil
			}
			// The first frame of sound behind it too, so that the one before has its duration and goes into the same segment.
			for more := true; more && len(m.audio.wait) > 0; {
				more = m.audio.before(m.audio.wait[0].DTS, &m.video, v)
				if err := m.pack(&m.audio); err != nil {
					return err
				}
			}
		}
		s := m.video.wait[0]
		m.next, m.end, m.started = s.DTS, s.DTS+int64(s.Duration), true
		if err := m.pack(&m.video); err != nil {
			return err
		}
	}
	return nil
}

// pack packs the first sample that waits in a lane.
func (m *maker) pack(l *lane) error {
	s := l.wait[0]
	l.wait = l.wait[1:]
	l.bytes -= len(s.Data)
	if err := m.packager.Write(s, m.emit); err != nil {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	return m.failed
}

// finish takes the end of what ffmpeg gives. A picture that does not move lasts as long as its sound, and otherwise the
// sound lasts as long as the pictures.
func (m *maker) finish() error {
	if m.packager == nil {
		return errNothing
	}
	if len(m.early) > 0 && !m.known { // there is no sound
		m.begin(m.early[0].DTS - offset*int64(m.video.track.Timescale))
		for _, s := range m.early {
			if err := m.picture(s); err != nil {
				return err
			}
		}
	}
	if !m.known {
		return errNothing
	}
	if n := len(m.audio.wait); m.plan.still && m.plan.audio >= 0 && n > 0 {
		last := m.audio.wait[n-1]
		m.video.wait = slices.DeleteFunc(m.video.wait, func(s media.Sample) bool {
			return !m.video.before(s.DTS, &m.audio, last.DTS+int64(last.Duration))
		})
	}
	if err := m.write(true); err != nil {
		return err
	}
	for len(m.audio.wait) > 0 && m.audio.before(m.audio.wait[0].DTS, &m.video, m.end) {
		if err := m.pack(&m.audio); err != nil {
			return err
		}
	}
	m.packager.Flush(m.emit)
	if m.failed != nil {
		return m.failed
	}
	if m.n == 0 && len(m.segments) == 0 {
		return errNothing
	}
	return m.cut(true)
}

// emit takes a part.
func (m *maker) emit(p media.Part) {
	m.body = append(m.body, p.Data)
	m.bytes += int64(len(p.Data))
	m.length += p.Duration
	m.parts = append(m.parts, media.PartInfo{Duration: p.Duration, Independent: p.Independent, Length: uint32(len(p.Data)), Spans: p.Spans})
	if !p.Last {
		return
	}
	m.segments, m.parts = append(m.segments, m.parts), nil
	if m.failed == nil && (m.length >= m.span || m.bytes >= pieceBytes) {
		m.failed = m.cut(false)
	}
}

// cut writes a piece, which ends with the newest segment.
func (m *maker) cut(end bool) error {
	m.at.Stretch, m.at.Video = m.packager.Here(), m.next
	t := trailer{Tracks: m.tracks, Segments: packSegments(m.segments), Bytes: m.bytes, Next: m.at, End: end}
	body, err := t.seal(m.body)
	if err != nil {
		return err
	}
	if err := m.put(m.n, body); err != nil {
		return err
	}
	m.n++
	m.body, m.bytes, m.length, m.segments = nil, 0, 0, nil
	m.tell(m.at.At)
	return nil
}

// read reads the fragmented MP4 that ffmpeg writes.
func (m *maker) read(from io.Reader) error {
	err := cmaf.ReadStream(from, m.header, m.fragment)
	if errors.Is(err, cmaf.ErrStream) {
		err = fmt.Errorf("%w: %w", errUnfit, err)
	}
	return err
}
