package e2e

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/cmplx"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// checkTone decodes what a channel has on air, and fails unless the newest tone of 880 Hz lasted for about so long, is
// in one piece to the sample, and has several takes' pictures with it.
func checkTone(t *testing.T, n *node, slug string, lasted time.Duration) {
	t.Helper()
	status, list := n.get("/" + slug + "/dvr.m3u8")
	if status != 200 {
		t.Fatalf("the DVR window: %d", status)
	}
	text := strings.ReplaceAll(string(list), "\n/", "\n"+n.url("/"))
	text = strings.ReplaceAll(text, "URI=\"/", "URI=\""+n.url("/"))
	file := filepath.Join(t.TempDir(), "dvr.m3u8")
	if err := os.WriteFile(file, []byte(text+"\n#EXT-X-ENDLIST\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,http,tcp", "-i", file, "-vn", "-ac", "1", "-f", "f32le", "-")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("decode the DVR window: %v: %s", err, said.String())
	}
	samples := make([]float32, out.Len()/4)
	if err := binary.Read(&out, binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	first, last := longestTone(samples, 880)
	span := time.Duration(last-first) * time.Second / toneRate
	t.Logf("of %v of sound, the kept tone lasts %v without a break, %v were asked for; %d takes are listed", time.Duration(len(samples))*time.Second/toneRate, span, lasted, strings.Count(text, "#EXT-X-MAP"))
	if span < lasted-1500*time.Millisecond {
		t.Errorf("the kept tone lasts %v in one piece, want about %v", span, lasted)
	}
}

const toneRate = 44100

// longestTone returns where the longest run of a tone begins and ends whose phase never jumps: a frame of sound that is
// lost or heard twice moves it.
func longestTone(samples []float32, frequency float64) (first, last int) {
	const window = 441
	start, before := -1, complex128(0)
	for at := 0; at+window <= len(samples); at += window {
		var sum complex128
		var power float64
		for i, s := range samples[at : at+window] {
			sum += complex(float64(s), 0) * cmplx.Exp(complex(0, -2*math.Pi*frequency*float64(at+i)/toneRate))
			power += float64(s) * float64(s)
		}
		sum /= window
		pure := 2*real(sum*cmplx.Conj(sum)) > 0.9*power/window && power/window > 1e-4
		if pure && start >= 0 && math.Abs(cmplx.Phase(sum/before)) > 0.2 {
			start = at
		}
		switch {
		case !pure:
			start = -1
		case start < 0:
			start = at
		}
		if start >= 0 && at+window-start > last-first {
			first, last = start, at+window
		}
		before = sum
	}
	return first, last
}
