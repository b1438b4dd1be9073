package take

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

var (
	videoTrack = media.Track{ID: 1, Codec: media.H264, Timescale: 90000, Config: stillConfig, Width: 640, Height: 360}
	audioTrack = media.Track{ID: 2, Codec: media.AAC, Timescale: 48000, Config: cmaf.StereoConfig, SampleRate: 48000, Channels: 2}
)

// stream is what an encoder sends, in the order of arrival.
type stream struct {
	tracks  []media.Track
	samples []media.Sample
}

// encode makes a stream of so many seconds: frames of the given durations in turn, a keyframe every so many
// frames, a B-frame reorder, sound beside it that comes a little early or late.
func encode(seconds float64, durations []int64, gop int, reorder, sound, picture bool, lead int64, rnd *rand.Rand) stream {
	var s stream
	type timed struct {
		at int64 // arrival, in ticks
		s  media.Sample
	}
	var all []timed
	if picture {
		s.tracks = append(s.tracks, videoTrack)
		dts := int64(0)
		for n := 0; float64(dts) < seconds*90000; n++ {
			cto := int32(0)
			if reorder {
				cto = int32(durations[0]) * int32(n%3)
			}
			all = append(all, timed{dts, media.Sample{Track: 1, DTS: dts, CTO: cto, Key: n%gop == 0, Data: payload(1, n, rnd)}})
			dts += durations[n%len(durations)]
		}
	}
	if sound {
		s.tracks = append(s.tracks, audioTrack)
		for n := 0; float64(n)*1024/48000 < seconds; n++ {
			all = append(all, timed{int64(n)*1024*90000/48000 + lead, media.Sample{Track: 2, DTS: int64(n) * 1024, Key: true, Data: payload(2, n, rnd)}})
		}
	}
	// Stable by time of arrival.
	for i := 1; i < len(all); i++ {
		for j := i; j > 0 && all[j].at < all[j-1].at; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	for _, x := range all {
		s.samples = append(s.samples, x.s)
	}
	return s
}

// payload makes bytes that say which sample they are.
func payload(track, n int, rnd *rand.Rand) []byte {
	b := []byte{byte(track), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(b, make([]byte, rnd.IntN(40))...)
}

// pack runs a stream through a packager.
func pack(t fataler, cfg PackagerConfig, s stream) (parts []media.Part, tracks []media.Track) {
	cfg.Tracks = s.tracks
	p, err := NewPackager(cfg)
	if err != nil {
		t.Fatalf("NewPackager: %v", err)
	}
	emit := func(part media.Part) { parts = append(parts, part) }
	for _, x := range s.samples {
		if err := p.Write(x, emit); err != nil {
			t.Fatalf("Write: %v", err)
		}
	}
	p.Flush(emit)
	return parts, p.Tracks()
}

type fataler interface {
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// checkParts checks what holds for any stream: sizes, durations, order, spans, where segments begin.
func checkParts(t fataler, parts []media.Part, part, segment media.Ticks, tracks []media.Track) {
	var at media.Ticks
	var number, index uint32
	var length media.Ticks
	for i, p := range parts {
		if p.Segment != number || p.Index != index {
			t.Fatalf("part %d is %d of segment %d, want %d of %d", i, p.Index, p.Segment, index, number)
		}
		if i == 0 {
			at = p.Start
		}
		if p.Start != at || p.Duration <= 0 || p.Duration > part {
			t.Errorf("part %d.%d begins at %d and lasts %d, want %d and at most %d", number, index, p.Start, p.Duration, at, part)
		}
		if !p.Last && p.Duration < part*85/100 {
			t.Errorf("part %d.%d lasts %d of %d and is not the last of its segment", number, index, p.Duration, part)
		}
		sum := uint32(0)
		for _, n := range p.Spans {
			sum += n
		}
		if int(sum) != len(p.Data) || len(p.Spans) != len(tracks) {
			t.Errorf("part %d.%d: spans %v of %d bytes", number, index, p.Spans, len(p.Data))
		}
		at += p.Duration
		length += p.Duration
		index++
		if p.Last {
			if length > longest {
				t.Errorf("segment %d lasts %v, over the target duration", number, length.Duration())
			}
			number, index, length = number+1, 0, 0
		}
	}
	if n := len(parts); n > 0 && !parts[n-1].Last {
		t.Errorf("the last part does not end its segment")
	}
}

// checkSamples checks that every sample of a track came out once, unchanged, in order and at its time, and
// returns them.
func checkSamples(t fataler, parts []media.Part, s stream, track int) {
	var want []media.Sample
	started := track != 1
	for _, x := range s.samples {
		if x.Track == track {
			started = started || x.Key
			if started {
				want = append(want, x)
			}
		}
	}
	var data []byte
	for _, p := range parts {
		data = append(data, p.Data...)
	}
	found, err := cmaf.ReadFragments(data)
	if err != nil {
		t.Fatalf("read the parts: %v", err)
	}
	n := 0
	var end int64
	shift := int64(0)
	for _, f := range found {
		if f.Track != track || len(f.Samples) == 0 { // without samples: the one before still lasts
			continue
		}
		if n > 0 && int64(f.Base) != end {
			t.Errorf("track %d: a fragment begins at %d, the one before ends at %d", track, f.Base, end)
		}
		end = int64(f.Base) + int64(f.Duration())
		for _, x := range f.Samples {
			if n >= len(want) {
				t.Fatalf("track %d: more than the %d samples that were sent", track, len(want))
			}
			w := want[n]
			if n == 0 {
				shift = w.DTS - x.DTS
			}
			if !bytes.Equal(x.Data, w.Data) || x.DTS+shift != w.DTS || track == 1 && (x.CTO != w.CTO || x.Key != w.Key) {
				t.Fatalf("track %d: sample %d is %v at %d (%+v), want %v at %d", track, n, x.Data[:4], x.DTS+shift, x.Sample, w.Data[:4], w.DTS)
			}
			n++
		}
	}
	if n != len(want) {
		t.Errorf("track %d: %d samples came out, want %d", track, n, len(want))
	}
}

// TestAnyStream packs streams of every shape that encoders send.
func TestAnyStream(t *testing.T) {
	rates := [][]int64{{3000}, {3600}, {3750}, {3754, 3753}, {1500}, {6000}, {9000}, {1200, 7000, 3000}, {180000}, {45000}}
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		sound := rapid.IntRange(0, 3).Draw(t, "sound") > 0
		picture := !sound || rapid.IntRange(0, 3).Draw(t, "picture") > 0
		durations := rapid.SampledFrom(rates).Draw(t, "frame durations")
		s := encode(rapid.Float64Range(1, 25).Draw(t, "seconds"), durations, rapid.SampledFrom([]int{1, 10, 25, 30, 60, 250, 300}).Draw(t, "gop"),
			rapid.Bool().Draw(t, "reorder"), sound, picture, int64(rapid.IntRange(-20000, 20000).Draw(t, "sound leads by")), rnd)
		cfg := PackagerConfig{
			Part:    rapid.SampledFrom([]time.Duration{100, 200, 250, 333, 500, 1000}).Draw(t, "part") * time.Millisecond,
			Segment: rapid.SampledFrom([]time.Duration{1, 2, 3, 4}).Draw(t, "segment") * time.Second,
			Fill:    rapid.Bool().Draw(t, "fill"),
		}
		parts, tracks := pack(t, cfg, s)
		checkParts(t, parts, media.TicksOf(cfg.Part), media.TicksOf(cfg.Segment), tracks)
		for _, tr := range s.tracks {
			checkSamples(t, parts, s, tr.ID)
		}
		if cfg.Fill && len(tracks) != 2 {
			t.Errorf("%d tracks come out, want both", len(tracks))
		}
		again, _ := pack(t, cfg, s)
		if len(again) != len(parts) {
			t.Fatalf("the same samples give %d parts and %d", len(parts), len(again))
		}
		for i := range parts {
			if !bytes.Equal(parts[i].Data, again[i].Data) {
				t.Fatalf("the same samples give another part %d", i)
			}
		}
	})
}

// TestThrough ends objects before keyframes: the samples come out as they do otherwise, but none waits for
// the object after its own where a segment ends.
func TestThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		frame := rapid.SampledFrom([]int64{3000, 3600, 1500, 6000, 9000}).Draw(t, "frame")
		gop := rapid.SampledFrom([]int{30, 50, 60, 100}).Draw(t, "gop")
		sound := rapid.Bool().Draw(t, "sound")
		s := encode(rapid.Float64Range(2, 20).Draw(t, "seconds"), []int64{frame}, gop, true, sound, true, int64(rapid.IntRange(-20000, 20000).Draw(t, "sound leads by")), rnd)
		cfg := PackagerConfig{Tracks: s.tracks, Fill: rapid.Bool().Draw(t, "fill")}
		p, err := NewPackager(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var parts []media.Part
		emit := func(part media.Part) { parts = append(parts, part) }
		pictures := 0
		for _, x := range s.samples {
			if x.Track == 1 {
				if x.Key && pictures > 0 && rnd.IntN(4) > 0 {
					before := p.taken()
					p.Through(emit)
					age := float64(gop) * float64(frame) / 90000
					if !sound && age >= 2 && !p.emitted(before) {
						t.Fatalf("after %d pictures some wait for the next object", pictures)
					}
				}
				x.Duration = uint32(frame)
				pictures++
			}
			if err := p.Write(x, emit); err != nil {
				t.Fatal(err)
			}
		}
		if rnd.IntN(2) == 0 {
			p.Through(emit) // the last object ends with the take
		}
		p.Flush(emit)
		checkParts(t, parts, 22500, 180000, p.Tracks())
		for _, tr := range s.tracks {
			checkSamples(t, parts, s, tr.ID)
		}
	})
}

// TestThroughLies has objects end anywhere, with samples that last longer or shorter than they said: every
// one comes out once, in order.
func TestThroughLies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s := encode(rapid.Float64Range(2, 20).Draw(t, "seconds"), []int64{3600}, rapid.SampledFrom([]int{10, 50, 250}).Draw(t, "gop"), true, true, true, 0, rnd)
		p, err := NewPackager(PackagerConfig{Tracks: s.tracks})
		if err != nil {
			t.Fatal(err)
		}
		var parts []media.Part
		emit := func(part media.Part) { parts = append(parts, part) }
		for _, x := range s.samples {
			if rnd.IntN(3) == 0 {
				x.Duration = uint32(rnd.IntN(20000))
			}
			if err := p.Write(x, emit); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(20) == 0 {
				p.Through(emit)
			}
		}
		p.Flush(emit)
		var data []byte
		var number, index uint32
		for _, part := range parts {
			if part.Segment != number || part.Index != index || part.Duration <= 0 {
				t.Fatalf("part %d.%d of %v follows, want %d.%d", part.Segment, part.Index, part.Duration, number, index)
			}
			if index++; part.Last {
				number, index = number+1, 0
			}
			data = append(data, part.Data...)
		}
		found, err := cmaf.ReadFragments(data)
		if err != nil {
			t.Fatal(err)
		}
		next, end := map[int]int{}, map[int]int64{}
		for _, f := range found {
			for _, x := range f.Samples {
				if x.DTS < end[f.Track] {
					t.Fatalf("a sample of track %d begins at %d, the one before ends at %d", f.Track, x.DTS, end[f.Track])
				}
				end[f.Track] = x.DTS + int64(x.Sample.Duration)
				if n := int(x.Data[1])<<16 | int(x.Data[2])<<8 | int(x.Data[3]); n != next[f.Track] {
					t.Fatalf("sample %d of track %d, want %d", n, f.Track, next[f.Track])
				}
				next[f.Track]++
			}
		}
		for _, tr := range s.tracks {
			want := 0
			for _, x := range s.samples {
				if x.Track == tr.ID {
					want++
				}
			}
			if next[tr.ID] != want {
				t.Errorf("%d samples of track %d came out, want %d", next[tr.ID], tr.ID, want)
			}
		}
	})
}

// TestWhereSegmentsBegin looks at the numbers of some usual streams.
func TestWhereSegmentsBegin(t *testing.T) {
	for _, c := range []struct {
		name  string
		frame int64
		gop   int
		want  []float64 // durations of the segments of 12 s
	}{
		{"keyframes every second", 3000, 30, []float64{1, 1, 2, 2, 2, 2, 2}},
		{"keyframes every two seconds", 3000, 60, []float64{2, 2, 2, 2, 2, 2}},
		{"keyframes every ten seconds", 3600, 250, []float64{4, 4, 2, 2}},
		{"keyframes every half second", 3600, 12, []float64{.48, .48, 1.96, 1.92, 1.92, 1.92, 1.92, 1.4}},
	} {
		s := encode(12, []int64{c.frame}, c.gop, false, true, true, 0, rand.New(rand.NewPCG(1, 1)))
		parts, tracks := pack(t, PackagerConfig{}, s)
		checkParts(t, parts, 22500, 180000, tracks)
		var got []float64
		sum := 0.0
		for _, p := range parts {
			if p.Index == 0 && p.Independent != (len(got) == 0 || c.gop != 250 || p.Start%900000 == 0) {
				t.Errorf("%s: segment %d at %v is independent: %v", c.name, p.Segment, p.Start.Duration(), p.Independent)
			}
			if sum += p.Duration.Seconds(); p.Last {
				got = append(got, sum)
				sum = 0
			}
		}
		if c.name == "keyframes every half second" { // rounding decides: only the first two are fixed
			got, c.want = got[:2], c.want[:2]
		}
		if fmt.Sprintf("%.2f", got) != fmt.Sprintf("%.2f", c.want) {
			t.Errorf("%s: segments of %.2f s, want %.2f", c.name, got, c.want)
		}
	}
}

func TestTimeJump(t *testing.T) {
	p, err := NewPackager(PackagerConfig{Tracks: []media.Track{videoTrack}})
	if err != nil {
		t.Fatal(err)
	}
	write := func(dts int64) error {
		return p.Write(media.Sample{Track: 1, DTS: dts, Key: true, Data: []byte{1}}, func(media.Part) {})
	}
	for _, dts := range []int64{0, 3000, 3000 + 9*90000} {
		if err := write(dts); err != nil {
			t.Fatalf("Write at %d: %v", dts, err)
		}
	}
	for _, dts := range []int64{1 << 40, 3000 + 9*90000 + 11*90000, -5 * 90000} {
		if err := write(dts); !errors.Is(err, ErrTimeJump) {
			t.Errorf("Write at %d: %v, want %v", dts, err, ErrTimeJump)
		}
	}
	if err := write(3000 + 9*90000 + 3000); err != nil {
		t.Errorf("after the jumps that were not taken: %v", err)
	}
}

func TestBadSamples(t *testing.T) {
	p, err := NewPackager(PackagerConfig{Tracks: []media.Track{videoTrack}})
	if err != nil {
		t.Fatal(err)
	}
	none := func(media.Part) {}
	if err := p.Write(media.Sample{Track: 9, Data: []byte{1}}, none); err == nil {
		t.Error("a sample of an unknown track is taken")
	}
	if err := p.Write(media.Sample{Track: 1, DTS: 1 << 60, Data: []byte{1}}, none); err == nil {
		t.Error("a decode time out of reason is taken")
	}
	for range 2 {
		if err = p.Write(media.Sample{Track: 1, Key: true, Data: make([]byte, maxWaiting-10)}, none); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("a part of 64 MiB is taken")
	}
	for _, cfg := range []PackagerConfig{{}, {Tracks: []media.Track{videoTrack, videoTrack}}, {Tracks: []media.Track{videoTrack}, Part: time.Minute}, {Tracks: []media.Track{videoTrack}, Segment: 9 * time.Second}} {
		if _, err := NewPackager(cfg); err == nil {
			t.Errorf("NewPackager(%+v) gives no error", cfg)
		}
	}
}

// BenchmarkPackager is the cost of a second of a stream of 2.6 Mbit/s, 30 frames and 47 frames of sound.
func BenchmarkPackager(b *testing.B) {
	p, err := NewPackager(PackagerConfig{Tracks: []media.Track{videoTrack, audioTrack}})
	if err != nil {
		b.Fatal(err)
	}
	picture, sound := make([]byte, 10_000), make([]byte, 340)
	video, audio := int64(0), int64(0)
	b.SetBytes(30*10_000 + 47*340)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i := range 30 {
			if err := p.Write(media.Sample{Track: 1, DTS: video, Key: i == 0, Data: picture}, func(media.Part) {}); err != nil {
				b.Fatal(err)
			}
			video += 3000
			for audio*90000/48000 < video {
				if err := p.Write(media.Sample{Track: 2, DTS: audio, Key: true, Data: sound}, func(media.Part) {}); err != nil {
					b.Fatal(err)
				}
				audio += 1024
			}
		}
	}
}
