package hls_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
	"github.com/mayfly-tv/mayfly/internal/media"
)

var update = flag.Bool("update", false, "write the golden files anew")

const second = media.TicksPerSecond

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// window makes a window of n whole segments of 2 s and one in the making.
func window(n int, lowLatency bool) *hls.Window {
	w := &hls.Window{TargetDuration: 4, PartTarget: 250 * time.Millisecond, MediaSequence: 100, DiscontinuitySequence: 3, LowLatency: lowLatency}
	for i := range n + 1 {
		s := hls.Segment{
			URI: fmt.Sprintf("/media/t/main/%d.m4s", i), Init: "/media/t/main/init.mp4", Duration: 2 * second, Complete: true,
			ProgramTime: began.Add(time.Duration(i) * 2 * time.Second),
		}
		parts := 8
		if i == n {
			s.URI, s.Complete, s.Duration, parts = "", false, 3*second/4, 3
			w.Hint = fmt.Sprintf("/media/t/main/%d.3-3.m4s", i)
		}
		for j := range parts {
			s.Parts = append(s.Parts, hls.Part{URI: fmt.Sprintf("/media/t/main/%d.%d-%d.m4s", i, j, j), Duration: second / 4, Independent: j == 0})
		}
		if lowLatency || s.Complete {
			w.Segments = append(w.Segments, s)
		}
	}
	return w
}

// cutTo puts other media into the window's segments from the given one on.
func cutTo(w *hls.Window, from int) {
	w.Segments[from].Discontinuity = true
	for i := from; i < len(w.Segments); i++ {
		s := &w.Segments[i]
		s.Init = "/media/u/main/init.mp4"
		if s.URI != "" {
			s.URI = fmt.Sprintf("/media/u/main/%d.m4s", i-from)
		}
		for j := range s.Parts {
			s.Parts[j].URI = fmt.Sprintf("/media/u/main/%d.%d-%d.m4s", i-from, j, j)
		}
	}
}

// TestGolden compares playlists with files, and reads each strictly.
func TestGolden(t *testing.T) {
	plain, low, crossing, gaps, ended, off := window(4, false), window(20, true), window(8, true), window(8, true), window(3, true), window(3, true)
	off.Segments, off.Hint = off.Segments[:3], ""
	cutTo(crossing, 5)
	gaps.Segments[4].Gap, gaps.Segments[5].Gap = true, true
	gaps.Segments[4].Parts, gaps.Segments[5].Parts = nil, nil
	cutTo(gaps, 6)
	ended.Ended, ended.Hint = true, ""
	ended.Segments = ended.Segments[:3]
	vod := *crossing
	vod.Ended, vod.VOD, vod.LowLatency, vod.Hint, vod.Segments = true, true, false, "", vod.Segments[:7]
	for name, text := range map[string][]byte{
		"vod":           vod.Media(hls.SkipNo, nil),
		"plain":         plain.Media(hls.SkipNo, nil),
		"low-latency":   low.Media(hls.SkipNo, nil),
		"delta":         low.Media(hls.SkipYes, nil),
		"discontinuity": crossing.Media(hls.SkipNo, nil),
		"gaps":          gaps.Media(hls.SkipNo, nil),
		"off-air":       off.Media(hls.SkipNo, nil),
		"ended":         ended.Media(hls.SkipNo, nil),
		"report":        low.Media(hls.SkipYes, []hls.Report{crossing.Report("small.m3u8")}),
		"multivariant": hls.Multivariant([]hls.Variant{
			{URI: "main.m3u8", Codecs: "avc1.64001f,mp4a.40.2", Bandwidth: 2_600_000, AverageBandwidth: 2_400_000, Width: 1280, Height: 720, FrameRate: 29.97},
			{URI: "sound.m3u8", Codecs: "mp4a.40.2", Bandwidth: 130_000},
		}),
	} {
		path := filepath.Join("testdata", name+".m3u8")
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, want) {
			t.Errorf("%s differs from its golden file (go test -update writes it anew):\n%s", name, text)
		}
		if name == "multivariant" {
			continue
		}
		if _, faults := hlstest.Parse(text); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// TestDeltaIsTheSamePlaylist puts what a delta update left out before it, and gets the whole playlist's
// segments.
func TestDeltaIsTheSamePlaylist(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := window(rapid.IntRange(1, 40).Draw(t, "segments"), true)
		if from := rapid.IntRange(1, 60).Draw(t, "cut"); from < len(w.Segments) {
			cutTo(w, from)
		}
		whole, faults := hlstest.Parse(w.Media(hls.SkipNo, nil))
		if len(faults) > 0 {
			t.Fatalf("whole: %v", faults)
		}
		delta, faults := hlstest.Parse(w.Media(hls.SkipYes, nil))
		if len(faults) > 0 {
			t.Fatalf("delta: %v", faults)
		}
		if got, want := delta.Skipped+len(delta.Segments), len(whole.Segments); got != want {
			t.Fatalf("the delta update has %d segments, %d of them skipped, want %d", got, delta.Skipped, want)
		}
		span := 0.0
		for i, s := range delta.Segments {
			other := whole.Segments[delta.Skipped+i]
			if s.URI != other.URI || s.Number != other.Number || s.Map != other.Map {
				t.Errorf("segment %d of the delta update is %+v, want %+v", i, s, other)
			}
			span += s.Duration
		}
		if delta.Skipped > 0 && span < 24 {
			t.Errorf("the delta update has %v s, want at least CAN-SKIP-UNTIL", span)
		}
	})
}

func TestHas(t *testing.T) {
	w := window(3, true) // 100..102 are whole, 103 has three parts
	for _, c := range []struct {
		msn  int64
		part int
		want bool
	}{{-1, -1, true}, {50, -1, true}, {102, -1, true}, {102, 7, true}, {103, 0, true}, {103, 2, true}, {103, 3, false}, {103, -1, false}, {104, 0, false}} {
		if got := w.Has(hls.Request{MSN: c.msn, Part: c.part}); got != c.want {
			t.Errorf("Has(%d, %d) = %v, want %v", c.msn, c.part, got, c.want)
		}
	}
}
