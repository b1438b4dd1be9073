package e2e

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/cmplx"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
)

// checkTone decodes what a channel lists, and fails unless a tone of 880 Hz lasts for about so long in one piece, to the
// sample, while the pictures of several takes go with it and its gain is moved by so many dB.
func checkTone(t *testing.T, n *node, slug string, lasted time.Duration, gain float64) {
	t.Helper()
	sound, takes := n.sound("/" + slug + "/dvr/main.m3u8")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "aac", "-i", "-", "-f", "f32le", "-")
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(sound), &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("decode what is listed: %v: %s", err, said.String())
	}
	samples := make([]float32, out.Len()/4)
	if err := binary.Read(&out, binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	first, last := longestTone(samples, 880)
	span := time.Duration(last-first) * time.Second / toneRate
	t.Logf("%v of sound from %d takes: the kept tone lasts %v without a break, and was kept for %v", time.Duration(len(samples))*time.Second/toneRate, takes, span, lasted)
	if span < max(lasted-2*time.Second, time.Second) || takes < 5 {
		t.Errorf("the kept tone lasts %v in one piece, want about %v", span, lasted)
	}
	if last-first < toneRate {
		return // it has no levels to compare
	}
	before, after := level(samples[first:first+toneRate]), level(samples[last-toneRate:last])
	if math.Abs(after-before-gain) > 0.3 {
		t.Errorf("the tone is at %.1f dB and then at %.1f dB, want %+.1f dB", before, after, gain)
	}
}

// sound returns the sound of a playlist as ADTS, and of how many takes it is.
func (n *node) sound(playlist string) (adts []byte, takes int) {
	n.t.Helper()
	status, list := n.get(playlist)
	if status != 200 {
		n.t.Fatalf("%s: %d", playlist, status)
	}
	init := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`)
	track, config := 0, []byte(nil)
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		m := init.FindStringSubmatch(line)
		if m == nil && !strings.HasPrefix(line, "/media/") {
			continue
		}
		if m != nil {
			line = m[1]
		}
		status, data := n.get(line)
		if status != 200 {
			n.t.Fatalf("%s is listed: %d", line, status)
		}
		if m != nil {
			takes++
			track, config = soundIn(n.t, data)
			continue
		}
		fragments, err := cmaf.ReadFragments(data)
		if err != nil {
			n.t.Fatalf("%s: %v", line, err)
		}
		for _, f := range fragments {
			for _, s := range f.Samples {
				if f.Track == track {
					adts = append(appendHeader(adts, config, len(s.Data)), s.Data...)
				}
			}
		}
	}
	return adts, takes
}

// soundIn returns the id and the config of an init's sound.
func soundIn(t *testing.T, init []byte) (track int, config []byte) {
	t.Helper()
	tracks, err := cmaf.ReadInit(init)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tracks {
		if !x.Codec.IsVideo() {
			return x.ID, x.Config
		}
	}
	t.Fatal("an init without sound")
	return 0, nil
}

// appendHeader appends the ADTS header of a frame (ISO/IEC 14496-3, 1.A.3.2) of AAC-LC with that config.
func appendHeader(b, config []byte, size int) []byte {
	rate, channels := config[0]&7<<1|config[1]>>7, config[1]>>3&15
	size += 7
	return append(b, 0xff, 0xf1, 1<<6|rate<<2|channels>>2, channels<<6|byte(size>>11), byte(size>>3), byte(size<<5)|0x1f, 0xfc)
}

const toneRate = 44100

// level is how loud samples are, in dB below full scale.
func level(samples []float32) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return 10 * math.Log10(sum/float64(len(samples)))
}

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
		switch pure := 2*real(sum*cmplx.Conj(sum)) > 0.9*power/window && power/window > 1e-4; {
		case !pure:
			start = -1
		case start < 0 || math.Abs(cmplx.Phase(sum/before)) > 0.2:
			start = at
		}
		before = sum
		if start >= 0 && at+window-start > last-first {
			first, last = start, at+window
		}
	}
	return first, last
}
