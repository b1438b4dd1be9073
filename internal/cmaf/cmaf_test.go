package cmaf

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/media"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	sps  = []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48}
	pps  = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	avcC = append(append(append([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}, sps...), 1, 0, byte(len(pps))), pps...)
	asc  = []byte{0x11, 0x90}
)

func tracks(t testing.TB) []media.Track {
	t.Helper()
	v, err := H264Track(1, avcC)
	if err != nil {
		t.Fatal(err)
	}
	a, err := AACTrack(2, asc)
	if err != nil {
		t.Fatal(err)
	}
	return []media.Track{v, a}
}

func TestTracks(t *testing.T) {
	all := tracks(t)
	v, a := all[0], all[1]
	if v.Width != 640 || v.Height != 360 || v.Timescale != 90000 || v.CodecString() != "avc1.42c01e" {
		t.Errorf("video %+v %s", v, v.CodecString())
	}
	if a.SampleRate != 48000 || a.Channels != 2 || a.Timescale != 48000 || a.CodecString() != "mp4a.40.2" || AACFrame(a) != 1024 {
		t.Errorf("audio %+v %s", a, a.CodecString())
	}
	for _, bad := range [][]byte{nil, {1}, {2, 0, 0, 0, 0, 0, 0}, avcC[:20], bytes.Repeat([]byte{0xff}, 60)} {
		if _, err := H264Track(1, bad); err == nil {
			t.Errorf("H264Track(%x) gives no error", bad)
		}
	}
	for _, bad := range [][]byte{nil, {0}, {0xff}, {0x11}} {
		if _, err := AACTrack(1, bad); err == nil {
			t.Errorf("AACTrack(%x) gives no error", bad)
		}
	}
}

// TestInit compares an init with its golden file, and has another reader read it.
func TestInit(t *testing.T) {
	all := tracks(t)
	data, err := Init(all)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "init.mp4")
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, golden) {
		t.Error("the init differs from its golden file: inits are immutable, viewers may have the old one")
	}
	var other fmp4.Init
	if err := other.Unmarshal(bytes.NewReader(data)); err != nil {
		t.Fatalf("another reader: %v", err)
	}
	if len(other.Tracks) != 2 || other.Tracks[0].TimeScale != 90000 || other.Tracks[1].TimeScale != 48000 {
		t.Errorf("another reader finds %+v", other.Tracks)
	}
	if c, ok := other.Tracks[0].Codec.(interface{ IsVideo() bool }); !ok || !c.IsVideo() {
		t.Errorf("another reader finds the codec %T", other.Tracks[0].Codec)
	}
	own, err := ReadInit(data)
	if err != nil || !reflect.DeepEqual(own, all) {
		t.Errorf("ReadInit = %+v, %v, want %+v", own, err, all)
	}
	if _, err := Init(nil); err == nil {
		t.Error("an init without tracks gives no error")
	}
}

// draw makes a fragment of any samples.
func draw(t *rapid.T) Fragment {
	f := Fragment{
		Sequence: rapid.Uint32Range(1, 1<<31).Draw(t, "sequence"), Track: rapid.IntRange(1, 2).Draw(t, "track"),
		Base: rapid.Uint64Range(0, 1<<50).Draw(t, "base"),
	}
	f.Audio = f.Track == 2
	even := rapid.Bool().Draw(t, "even")
	for range rapid.IntRange(1, 20).Draw(t, "samples") {
		s := Sample{Duration: 1024, Size: 4, Key: true}
		if !even {
			s.Duration, s.Size = rapid.Uint32Range(0, 1<<20).Draw(t, "duration"), rapid.Uint32Range(1, 60).Draw(t, "size")
		}
		if !f.Audio {
			s.Key = rapid.Bool().Draw(t, "key")
			s.CTO = rapid.Int32Range(-100000, 100000).Draw(t, "cto")
		}
		f.Samples = append(f.Samples, s)
		f.Data = append(f.Data, rapid.SliceOfN(rapid.Byte(), int(s.Size), int(s.Size)).Draw(t, "data")...)
	}
	return f
}

// TestFragment writes fragments and reads them back, with our reader and another.
func TestFragment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := draw(t)
		data := AppendFragment(nil, &f)
		if len(data) != f.Size() {
			t.Fatalf("%d bytes, Size said %d", len(data), f.Size())
		}
		got, err := ReadFragments(data)
		if err != nil || len(got) != 1 || got[0].Base != f.Base || got[0].Track != f.Track || got[0].Sequence != f.Sequence || len(got[0].Samples) != len(f.Samples) {
			t.Fatalf("ReadFragments = %+v, %v", got, err)
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal(data); err != nil || len(parts) != 1 || len(parts[0].Tracks) != 1 {
			t.Fatalf("another reader: %v, %+v", err, parts)
		}
		other := parts[0].Tracks[0]
		if other.ID != f.Track || other.BaseTime != f.Base || len(other.Samples) != len(f.Samples) {
			t.Fatalf("another reader finds track %d at %d with %d samples", other.ID, other.BaseTime, len(other.Samples))
		}
		at, dts := uint32(0), int64(f.Base)
		for i, s := range f.Samples {
			want := f.Data[at : at+s.Size]
			o, g := other.Samples[i], got[0].Samples[i]
			if !bytes.Equal(o.Payload, want) || o.Duration != s.Duration || o.PTSOffset != s.CTO || i > 0 && o.IsNonSyncSample == s.Key { // it passes over first_sample_flags
				t.Fatalf("sample %d: another reader finds %+v, want %+v", i, o, s)
			}
			if g.Sample != s || g.DTS != dts || !bytes.Equal(g.Data, want) {
				t.Fatalf("sample %d: ReadFragments finds %+v, want %+v", i, g, s)
			}
			at += s.Size
			dts += int64(s.Duration)
		}
	})
}

// TestReadForeign reads what another writer wrote.
func TestReadForeign(t *testing.T) {
	part := fmp4.Part{SequenceNumber: 3, Tracks: []*fmp4.PartTrack{{ID: 1, BaseTime: 900, Samples: []*fmp4.Sample{
		{Duration: 3000, Payload: []byte("one")}, {Duration: 3000, PTSOffset: 6000, IsNonSyncSample: true, Payload: []byte("three")},
	}}}}
	var b seekablebuffer.Buffer
	if err := part.Marshal(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFragments(b.Bytes())
	if err != nil || len(got) != 1 || len(got[0].Samples) != 2 || string(got[0].Samples[1].Data) != "three" || got[0].Samples[1].Key || got[0].Samples[1].DTS != 3900 {
		t.Errorf("ReadFragments = %+v, %v", got, err)
	}
}

func TestGapFragment(t *testing.T) {
	f := Fragment{Sequence: 1, Track: 1, Base: 5, Gap: 22500}
	data := AppendFragment(nil, &f)
	got, err := ReadFragments(data)
	if err != nil || len(got) != 1 || got[0].Gap != 22500 || len(got[0].Samples) != 0 || got[0].Duration() != 22500 || len(data) != f.Size() {
		t.Errorf("ReadFragments = %+v, %v", got, err)
	}
}

func TestCheckAVCC(t *testing.T) {
	for _, good := range [][]byte{{0, 0, 0, 1, 0x65}, {0, 0, 0, 1, 9, 0, 0, 0, 2, 0x41, 1}} {
		if err := CheckAVCC(good); err != nil {
			t.Errorf("CheckAVCC(%x) = %v", good, err)
		}
	}
	for _, bad := range [][]byte{{}, {0, 0, 1}, {0, 0, 0, 9, 1}, {0, 0, 0, 1, 0x65, 0}, {0xff, 0xff, 0xff, 0xff, 1}} {
		if err := CheckAVCC(bad); err == nil {
			t.Errorf("CheckAVCC(%x) gives no error", bad)
		}
	}
}

func FuzzReadFragments(f *testing.F) {
	f.Add(AppendFragment(nil, &Fragment{Sequence: 1, Track: 1, Samples: []Sample{{Duration: 1, Size: 3, Key: true}}, Data: []byte("abc")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		found, _ := ReadFragments(data)
		for _, x := range found {
			for _, s := range x.Samples {
				total += len(s.Data)
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes of samples in %d", total, len(data))
		}
	})
}

func FuzzReadInit(f *testing.F) {
	data, err := Init(tracks(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if all, err := ReadInit(data); err == nil && len(all) > len(data) {
			t.Errorf("%d tracks in %d bytes", len(all), len(data))
		}
	})
}

// FuzzCodecs reads any bytes as the codecs' own headers and samples (AVCC, AudioSpecificConfig, AAC frames).
func FuzzCodecs(f *testing.F) {
	f.Add(avcC, asc)
	f.Fuzz(func(t *testing.T, video, audio []byte) {
		if v, err := H264Track(1, video); err == nil {
			if _, err := Init([]media.Track{v}); err != nil {
				t.Errorf("a track that no init can hold: %v", err)
			}
		}
		if a, err := AACTrack(2, audio); err == nil && a.Timescale == 0 {
			t.Errorf("a track without a time scale: %+v", a)
		}
		CheckAVCC(video)
		CheckAAC(audio)
	})
}

func BenchmarkAppendFragment(b *testing.B) {
	f := Fragment{Sequence: 1, Track: 1, Data: make([]byte, 64<<10)}
	for range 8 {
		f.Samples = append(f.Samples, Sample{Duration: 3000, Size: 8 << 10})
	}
	buf := make([]byte, 0, f.Size())
	b.SetBytes(int64(len(f.Data)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendFragment(buf[:0], &f)
	}
}
