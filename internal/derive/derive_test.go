package derive

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

var (
	videoTrack = media.Track{ID: 1, Codec: media.H264, Timescale: 30000, Config: []byte{1, 0x42, 0xc0, 0x1e}, Width: 640, Height: 360}
	soundTrack = media.Track{ID: 2, Codec: media.AAC, Timescale: 48000, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}
)

// source is what an encoder sends: numbered pictures and numbered frames of sound, packed into parts.
type source struct {
	parts  []media.Part
	tracks []media.Track
	shown  map[uint32]media.Ticks // when each picture is shown, in the take's time
}

// send packs so many seconds, with a keyframe every so many pictures of that length, and pictures in the order of
// decoding.
func send(t *rapid.T, seconds float64, frame int64, gop int, reorder bool) *source {
	tracks := []media.Track{videoTrack, soundTrack}
	p, err := take.NewPackager(take.PackagerConfig{Tracks: tracks})
	if err != nil {
		t.Fatal(err)
	}
	s := &source{tracks: p.Tracks(), shown: map[uint32]media.Ticks{}}
	emit := func(part media.Part) { s.parts = append(s.parts, part) }
	sound := 0
	for n := 0; float64(n)*float64(frame) < seconds*30000; n++ {
		dts, cto := int64(n)*frame, int64(0)
		if reorder {
			cto = frame * int64(n%3)
		}
		s.shown[uint32(n)] = ticksOf(dts+cto, 30000)
		if err := p.Write(media.Sample{Track: 1, DTS: dts, CTO: int32(cto), Key: n%gop == 0, Data: numbered(n)}, emit); err != nil {
			t.Fatal(err)
		}
		for ; int64(sound)*1024*30000 < (dts+frame)*48000; sound++ {
			if err := p.Write(media.Sample{Track: 2, DTS: int64(sound) * 1024, Key: true, Data: numbered(sound)}, emit); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.Flush(emit)
	return s
}

func numbered(n int) []byte { return binary.BigEndian.AppendUint32([]byte{0}, uint32(n)) }

func numberIn(b []byte) uint32 { return binary.BigEndian.Uint32(b[1:]) }

// viewer reads the parts of a derived take, and checks what every part has to keep.
type viewer struct {
	t      *rapid.T
	m      *Mixer
	next   media.Pos
	at     media.Ticks
	dts    [3]int64
	sounds []uint32
	shown  map[uint32]media.Ticks
}

func (v *viewer) see(p media.Part) {
	if v.next != (media.Pos{Segment: p.Segment, Part: p.Index}) || p.Start != v.at || p.Duration <= 0 || p.Duration > media.TicksPerSecond/4 {
		v.t.Fatalf("part %d.%d from %d on for %d, want %+v from %d on", p.Segment, p.Index, p.Start, p.Duration, v.next, v.at)
	}
	v.at += p.Duration
	if v.next.Part++; p.Last {
		v.next = media.Pos{Segment: p.Segment + 1}
	}
	fragments, err := cmaf.ReadFragments(p.Data)
	if err != nil {
		v.t.Fatal(err)
	}
	if len(p.Data) != int(p.Spans[0]+p.Spans[1]) {
		v.t.Fatalf("spans %v of %d bytes", p.Spans, len(p.Data))
	}
	for _, f := range fragments {
		for i, s := range f.Samples {
			if s.DTS < v.dts[f.Track] {
				v.t.Fatalf("track %d: decode time %d after %d", f.Track, s.DTS, v.dts[f.Track])
			}
			v.dts[f.Track] = s.DTS
			if f.Track == 2 {
				v.sounds = append(v.sounds, numberIn(s.Data))
				continue
			}
			if i == 0 && s.Key != p.Independent {
				v.t.Fatalf("part %d.%d is said to be independent: %v", p.Segment, p.Index, p.Independent)
			}
			n := numberIn(s.Data)
			if _, twice := v.shown[n]; twice {
				v.t.Fatalf("picture %d comes twice", n)
			}
			v.shown[n] = media.Ticks(s.DTS + int64(s.CTO))
			if len(v.shown) == 1 && (!s.Key || s.DTS != 0) {
				v.t.Fatalf("it begins at %d, with a keyframe: %v", s.DTS, s.Key)
			}
		}
	}
}

// TestHandOver lets one derived take go on where another one is left: what is heard is whole, and every picture is
// shown when it should be.
func TestHandOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SampledFrom([]int64{600, 1000, 1001, 1200, 1250, 2000, 3000})
		gop := rapid.IntRange(5, 60)
		reorder := rapid.Bool()
		a := send(t, 14, frames.Draw(t, "frames of a"), gop.Draw(t, "keyframes of a"), reorder.Draw(t, "reorder a"))
		b := send(t, 14, frames.Draw(t, "frames of b"), gop.Draw(t, "keyframes of b"), reorder.Draw(t, "reorder b"))
		desk := send(t, 14, 1000, 30, false)
		delay := media.Ticks(rapid.IntRange(-20000, 40000).Draw(t, "delay"))
		views := [2]*viewer{}
		for i, s := range []*source{a, b} {
			m, err := New(Config{Picture: s.tracks, Sound: desk.tracks, Shift: delay})
			if err != nil {
				t.Fatal(err)
			}
			views[i] = &viewer{t: t, m: m, shown: map[uint32]media.Ticks{}}
		}
		// Every part comes some time after its end, late ones of one source before early ones of another.
		late := [3]media.Ticks{}
		for i := range late {
			late[i] = media.Ticks(rapid.IntRange(0, 30000).Draw(t, "late"))
		}
		cut := media.Ticks(rapid.IntRange(5*90000, 7*90000).Draw(t, "cut"))
		first, second := views[0], views[1]
		places := [3]int{}
		var heardAt, begun media.Ticks
		for now := media.Ticks(0); now < 14*90000; now += 900 {
			for i, s := range []*source{a, b, desk} {
				for ; places[i] < len(s.parts); places[i]++ {
					p := &s.parts[places[i]]
					if p.Start+p.Duration+late[i] > now {
						break
					}
					var err error
					switch i {
					case 0:
						err = first.m.Picture(p)
					case 1:
						err = second.m.Picture(p)
					default:
						err = first.m.Sound(p)
						if err == nil {
							err = second.m.Sound(p)
						}
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if now > 3*90000 && !first.m.begun {
				first.m.Begin(Anywhere)
			}
			first.m.Emit(first.see)
			if now < cut || !first.m.begun {
				continue
			}
			if heardAt == 0 {
				heardAt = first.m.Hold()
			}
			if begun == 0 {
				if _, at, ok := second.m.Begin(heardAt); ok {
					if begun = at; !first.m.Leave(at) {
						t.Fatalf("the other one has come farther than %d, although it was held at %d", at, heardAt)
					}
				}
			}
			second.m.Emit(second.see)
		}
		if begun == 0 || !first.m.Arrived() {
			t.Fatalf("after %v nothing was handed over: begun at %d, the other arrived: %v", cut, begun, first.m.Arrived())
		}
		heard := append(first.sounds, second.sounds...)
		for i := 1; i < len(heard); i++ {
			if heard[i] != heard[i-1]+1 {
				t.Fatalf("frame %d of the sound comes after %d", heard[i], heard[i-1])
			}
		}
		if len(second.sounds) < 100 {
			t.Fatalf("%d frames of sound after the cut", len(second.sounds))
		}
		for i, s := range []*source{a, b} {
			v := views[i]
			inTime := 0
			for n, at := range v.shown {
				switch off := at - (s.shown[n] - v.m.zero); {
				case s.shown[n] >= v.m.zero+moment && (off > 2 || off < -2):
					t.Fatalf("take %d: picture %d is shown %d ticks off", i, n, off)
				case s.shown[n] >= v.m.zero+moment:
					inTime++
				case at > 2*moment:
					t.Fatalf("take %d: picture %d from before is shown at %d", i, n, at)
				}
			}
			if inTime < 5 {
				t.Fatalf("take %d shows %d pictures", i, inTime)
			}
		}
		if end := first.at + first.m.zero - delay; math.Abs(float64(end-begun)) > 2 {
			t.Fatalf("one ends at %d of the sound and the other begins at %d", end, begun)
		}
	})
}

// TestSilence makes a take without sound.
func TestSilence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := send(t, 5, 1200, 25, false)
		m, err := New(Config{Picture: s.tracks})
		if err != nil {
			t.Fatal(err)
		}
		frames := 0
		for i := range s.parts {
			if err := m.Picture(&s.parts[i]); err != nil {
				t.Fatal(err)
			}
			m.Begin(Anywhere)
			m.Emit(func(p media.Part) {
				found, err := cmaf.ReadFragments(p.Data)
				if err != nil || len(found) != 2 || found[1].Base != uint64(frames*cmaf.SilentSpan) {
					t.Fatalf("%d fragments, %v", len(found), err)
				}
				frames += len(found[1].Samples)
			})
		}
		if want := int(5 * time.Second * 48000 / 1024 / time.Second); frames < want-12 || frames > want+1 {
			t.Errorf("%d frames of silence in 5 s, want %d", frames, want)
		}
	})
}

// TestRefused names what cannot be mixed.
func TestRefused(t *testing.T) {
	if _, err := New(Config{Picture: []media.Track{soundTrack}}); err == nil {
		t.Error("pictures of a source without any")
	}
	if _, err := New(Config{Picture: []media.Track{videoTrack}, Sound: []media.Track{videoTrack}}); err == nil {
		t.Error("sound of a source without any")
	}
	m, err := New(Config{Picture: []media.Track{videoTrack}, Sound: []media.Track{soundTrack}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Picture(&media.Part{Data: []byte("no box")}) == nil || m.Sound(&media.Part{Data: []byte("no box")}) == nil {
		t.Error("what is no part is taken")
	}
}
