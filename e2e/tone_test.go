package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
	sound, seams := n.sound("/" + slug + "/dvr/main.m3u8")
	takes := len(seams)
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
	var first, last int
	for _, tone := range tones(samples, 880) {
		if tone.last-tone.first > last-first {
			first, last = tone.first, tone.last
		}
	}
	span := time.Duration(last-first) * time.Second / toneRate
	t.Logf("%v of sound from %d takes: the kept tone lasts %v without a break, and was kept for %v", time.Duration(len(samples))*time.Second/toneRate, takes, span, lasted)
	if span < max(lasted-2*time.Second, time.Second) || takes < 5 {
		t.Errorf("the kept tone lasts %v in one piece, want about %v; takes begin at %v, and tones last %v", span, lasted, seams, tones(samples, 880))
	}
	if last-first < toneRate {
		return // it has no levels to compare
	}
	before, after := level(samples[first:first+toneRate]), level(samples[last-toneRate:last])
	if math.Abs(after-before-gain) > 0.3 {
		t.Errorf("the tone is at %.1f dB and then at %.1f dB, want %+.1f dB", before, after, gain)
	}
}

// sound returns the sound of a playlist as ADTS, and at which of its frames the takes begin.
func (n *node) sound(playlist string) (adts []byte, seams []time.Duration) {
	n.t.Helper()
	status, list := n.get(playlist)
	if status != 200 {
		n.t.Fatalf("%s: %d", playlist, status)
	}
	init := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`)
	track, config, frames := 0, []byte(nil), 0
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
			seams = append(seams, time.Duration(frames)*1024*time.Second/toneRate)
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
					adts, frames = append(appendHeader(adts, config, len(s.Data)), s.Data...), frames+1
				}
			}
		}
	}
	return adts, seams
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

// tone is a run of samples of one tone.
type tone struct{ first, last int }

func (t tone) String() string {
	at := func(sample int) time.Duration { return time.Duration(sample) * time.Second / toneRate }
	return fmt.Sprintf("%v–%v", at(t.first).Round(time.Millisecond), at(t.last).Round(time.Millisecond))
}

// tones returns the runs of a tone whose phase never jumps: a frame of sound that is lost or heard twice moves it.
func tones(samples []float32, frequency float64) (all []tone) {
	const window = 441
	runs, before := false, complex128(0)
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
			runs = false
		case !runs || math.Abs(cmplx.Phase(sum/before)) > 0.2:
			all, runs = append(all, tone{at, at + window}), true
		default:
			all[len(all)-1].last = at + window
		}
		before = sum
	}
	return all
}
