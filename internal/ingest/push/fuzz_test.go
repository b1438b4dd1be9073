package push

import (
	"bytes"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// makeTS writes a short segment of MPEG-TS.
func makeTS(t testing.TB) []byte {
	video := &mpegts.Track{PID: 256, Codec: &codecs.H264{}}
	audio := &mpegts.Track{PID: 257, Codec: &codecs.MPEG4Audio{Config: mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 48000, ChannelConfig: 2}}}
	var b bytes.Buffer
	w := &mpegts.Writer{W: &b, Tracks: []*mpegts.Track{video, audio}}
	if err := w.Initialize(); err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		unit := [][]byte{{0x41, 1, 2, 3}}
		if i == 0 {
			unit = [][]byte{testSPS, testPPS, {0x65, 1, 2, 3}}
		}
		if err := w.WriteH264(video, tsWrap-5000+i*3600+7200, tsWrap-5000+i*3600, unit); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteMPEG4Audio(audio, tsWrap-5000+i*3840, [][]byte{{0x21, 1, 2}, {0x21, 3, 4}}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestSegment(t *testing.T) {
	samples, err := readSegment(makeTS(t))
	if err != nil {
		t.Fatal(err)
	}
	var n [slots]int
	var last [slots]int64
	for _, x := range samples {
		if first := n[x.slot] == 0; first != (x.track != nil) || first && !x.key {
			t.Errorf("%+v", x)
		}
		if n[x.slot] > 0 && x.dts <= last[x.slot] || x.dur <= 0 {
			t.Errorf("track %d: time %d after %d, lasting %d", x.slot, x.dts, last[x.slot], x.dur)
		}
		if x.slot == videoSlot && x.cto != 7200 {
			t.Errorf("shown %d after decoding, want 7200", x.cto)
		}
		last[x.slot] = x.dts
		n[x.slot]++
	}
	if n != [slots]int{5, 10} {
		t.Errorf("%d samples", n)
	}
}

// FuzzSegment reads any bytes as MPEG-TS.
func FuzzSegment(f *testing.F) {
	f.Add(makeTS(f))
	f.Add(makeTS(f)[188:])
	f.Fuzz(func(t *testing.T, data []byte) {
		samples, err := readSegment(data)
		if err != nil {
			return
		}
		for _, x := range samples {
			if len(x.data) == 0 || x.dur < 0 {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzRead reads any bytes as fragmented MP4.
func FuzzRead(f *testing.F) {
	init := makeInit(videoTrack(), soundTrack())
	f.Add(append(init, both(0)...))
	f.Add(append(makeInit(soundTrack()), sounds(3)...))
	f.Add(append(makeInit(videoTrack(), opusTrack()), withOpus(1, 13)...))
	f.Add([]byte("\x00\x00\x00\x01moof\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x08mdat"))
	f.Fuzz(func(t *testing.T, data []byte) {
		total, given := 0, 0
		err := Read(bytes.NewReader(data), func(tracks []media.Track) error {
			given = len(tracks)
			return nil
		}, func(s media.Sample) error {
			total += len(s.Data)
			return nil
		})
		if total > len(data) || total > 0 && given == 0 {
			t.Errorf("%d bytes of samples of %d tracks in %d bytes: %v", total, given, len(data), err)
		}
	})
}

// FuzzStream gives any samples to the state machine: whatever comes in comes out once, or is refused.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 100, 50})
	f.Add(bytes.Repeat([]byte{7, 0, 255, 3}, 40))
	f.Fuzz(func(t *testing.T, script []byte) {
		h, err := readHeader(makeInit(videoTrack(), soundTrack()))
		if err != nil {
			t.Fatal(err)
		}
		s := newStream(len(script)%2 == 0, 1<<20, nil)
		s.inits["init.mp4"] = h
		now := time.Duration(0)
		for i := 0; i+3 < len(script); i += 4 {
			now += time.Duration(script[i]) * 10 * time.Millisecond
			p, err := parsePlace("/push/k/s/" + string('a'+rune(script[i+1]%3)) + "-" + string('0'+rune(script[i+1]%10)))
			if err != nil {
				t.Fatal(err)
			}
			if old := s.open[p.name]; old != nil {
				s.abort(now, old, errAnew)
			}
			o, err := s.begin(p, uint64(script[i+2]), script[i+2] > 128)
			if err != nil {
				continue
			}
			o.header = h
			dts := int64(int8(script[i+3])) * 30000 << (script[i+2] % 40)
			err = s.feed(now, o, []sample{{slot: int(script[i+3] % slots), dts: dts, dur: 3000, data: []byte{1}, key: true}})
			switch {
			case err != nil || script[i]%7 == 0:
				s.abort(now, o, errCutOff)
			case script[i]%7 != 1:
				s.finish(now, o, [32]byte{})
			}
		}
		s.end(now)
		for _, e := range s.take() {
			if e.piece != nil && e.piece.left != 0 {
				t.Errorf("%s is complete with %d samples to come", e.piece.name, e.piece.left)
			}
		}
		if s.held != 0 || len(s.open) != 0 {
			t.Errorf("%d bytes are held at the end, %d objects open", s.held, len(s.open))
		}
	})
}

// FuzzAddress reads any address and manifest.
func FuzzAddress(f *testing.F) {
	f.Add("/push/k/tv/chunk-stream0-00012.m4s", "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\ns1.m4s\n")
	f.Add("/push/k/s/main/57", "<MPD type=\"static\">")
	f.Fuzz(func(t *testing.T, path, text string) {
		p, err := parsePlace(path)
		if err != nil {
			return
		}
		if len(p.name) > maxName || len(p.session) > maxSession || p.numbered && p.lane == p.name {
			t.Errorf("%+v", p)
		}
		m := readManifest(p, text)
		if len(m.maps) > maxLanes {
			t.Errorf("%d lanes", len(m.maps))
		}
		(&stream{inits: map[string]*header{"init-a.mp4": nil, "b/init.mp4": nil}, maps: m.maps}).headerFor(p, true)
	})
}
