package opus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
)

const testSeconds = 5

// heard is the sound that the tests convert: a tone that rises, so that one place of it is like no other, and a click
// each second.
var heard = func() (out []float64) {
	for n := range testSeconds * Rate {
		t := float64(n) / Rate
		v := 0.3 * math.Sin(2*math.Pi*(200*t+40*t*t))
		if n%Rate < 48 && n >= Rate {
			v += 0.6 * math.Sin(2*math.Pi*2000*t)
		}
		out = append(out, v)
	}
	return out
}()

// packetsOf encodes the sound as Opus and returns its packets, whose times count from 0, and its header.
func packetsOf(t *testing.T) (Head, []Packet) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is missing: run make tools")
	}
	raw := make([]byte, 0, testSeconds*Rate*2)
	for n := range testSeconds * Rate {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(heard[n]*32000)))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "o.mp4")
	err := ffmpeg.Run(t.Context(), ffmpeg.Job{
		Args:  []string{"-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "pipe:0", "-c:a", "libopus", "-b:a", "128k", "-movflags", "empty_moov+default_base_moof+frag_keyframe", file},
		Stdin: bytes.NewReader(raw),
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tracks, err := cmaf.ReadInit(data)
	if err != nil {
		t.Fatal(err)
	}
	head, err := ParseHead(tracks[0].Config)
	if err != nil || head.PreSkip == 0 {
		t.Fatalf("%+v, %v", head, err)
	}
	defaults, _ := cmaf.ReadDefaults(data)
	found, err := cmaf.ReadForeign(data, 0, defaults)
	if err != nil {
		t.Fatal(err)
	}
	var packets []Packet
	next := int64(0)
	for _, f := range found {
		for _, s := range f.Samples {
			p := Packet{Time: next, Data: s.Data}
			n, err := p.Samples()
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, p)
			next += int64(n)
		}
	}
	return head, packets
}

// decode returns the samples that frames of AAC are heard as.
func decode(t *testing.T, frames [][]byte) []float64 {
	t.Helper()
	var adts, out bytes.Buffer
	for _, f := range frames {
		size := len(f) + adtsHeader
		adts.Write([]byte{0xff, 0xf1, 1<<6 | rateIndex<<2, 2<<6 | byte(size>>11), byte(size >> 3), byte(size<<5) | 0x1f, 0xfc})
		adts.Write(f)
	}
	err := ffmpeg.Run(t.Context(), ffmpeg.Job{
		Args: []string{"-f", "aac", "-i", "pipe:0", "-ac", "1", "-f", "s16le", "pipe:1"}, Stdin: &adts, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float64, out.Len()/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(out.Bytes()[2*i:]))) / 32000
	}
	return samples
}

// energies compares what is heard with what was said, if it comes late by so many samples: the energy of the
// difference of each frame.
func energies(got []float64, late int) []float64 {
	var out []float64
	for at := 0; at+Span <= len(got); at += Span {
		e := 0.0
		for i := at; i < at+Span; i++ {
			d := got[i] - heard[i-late]
			e += d * d
		}
		out = append(out, e/Span)
	}
	return out
}

// TestAAC converts sound in pieces of any length, each for itself and with what it needs of the one before, and
// compares what is heard with what was said: at its place to the sample, and as good where pieces meet as elsewhere.
func TestAAC(t *testing.T) {
	head, packets := packetsOf(t)
	c := NewConverter(slog.New(slog.DiscardHandler))
	var frames [][]byte
	var seams []int
	for first, length := int64(2), int64(60); ; first, length = first+length, length-9 {
		end := first + length
		from, to := first*Span-Before, end*Span+Ahead
		var piece []Packet
		for _, p := range packets {
			if p.Time+960 > from && p.Time-int64(head.PreSkip) < to {
				piece = append(piece, p)
			}
		}
		if to > (testSeconds-1)*Rate {
			break
		}
		got, err := c.AAC(t.Context(), head, piece, first, end)
		if err != nil {
			t.Fatal(err)
		}
		if len(seams) > 0 {
			seams = append(seams, len(frames))
			frames = append(frames, got...)
			continue
		}
		again, err := c.AAC(t.Context(), head, piece, first, end)
		if err != nil || len(again) != len(got) || !bytes.Equal(bytes.Join(got, nil), bytes.Join(again, nil)) {
			t.Fatalf("the same piece gives other frames: %v", err)
		}
		seams = append(seams, len(frames))
		frames = append(frames, got...)
	}
	if len(seams) < 3 {
		t.Fatalf("%d pieces, want more", len(seams))
	}
	samples := append(make([]float64, 2*Span), decode(t, frames)...)
	best, least := 0, math.Inf(1)
	for late := -64; late <= 64; late++ {
		sum := 0.0
		for _, e := range energies(samples[8*Span:40*Span], late-8*Span) {
			sum += e
		}
		if sum < least {
			best, least = late, sum
		}
	}
	all := energies(samples, 0)
	usual := 0.0
	for _, e := range all[4:] {
		usual += e / float64(len(all)-4)
	}
	for _, s := range seams[1:] {
		for n := s + 1; n <= s+3; n++ {
			if all[n] > 4*usual {
				t.Errorf("frame %d, at a seam, is off by %.2g, others by %.2g", n, all[n], usual)
			}
		}
	}
	signal := 0.3 * 0.3 / 2
	t.Logf("%d pieces, %d frames; heard %d samples late; signal to noise %.1f dB", len(seams), len(frames), best, 10*math.Log10(signal/usual))
	if best < -1 || best > 1 || usual > signal/30 {
		t.Errorf("heard %d samples late, with an error of %.2g of %.2g", best, usual, signal)
	}
}

// TestSilence lets ffmpeg fail: it is run once more, and then pictures go on in silence.
func TestSilence(t *testing.T) {
	packet := []Packet{{Time: 0, Data: []byte{0xfc, 1, 2}}}
	runs := 0
	c := NewConverter(slog.New(slog.DiscardHandler))
	c.run = func(context.Context, ffmpeg.Job) error { runs++; return errors.New("killed") }
	frames, err := c.AAC(t.Context(), Head{Channels: 2}, packet, 0, 3)
	if err != nil || len(frames) != 3 || runs != 2 || !bytes.Equal(frames[1], cmaf.SilentFrame) {
		t.Errorf("%d frames after %d runs, %v", len(frames), runs, err)
	}
	c.run = func(context.Context, ffmpeg.Job) error { return ffmpeg.ErrMissing }
	if _, err := c.AAC(t.Context(), Head{Channels: 2}, packet, 0, 3); !errors.Is(err, ffmpeg.ErrMissing) {
		t.Errorf("without ffmpeg: %v", err)
	}
	if frames, err := c.AAC(t.Context(), Head{Channels: 2}, nil, 5, 7); err != nil || len(frames) != 2 {
		t.Errorf("without sound: %d frames, %v", len(frames), err)
	}
	for name, bad := range map[string][]Packet{
		"a hole": {{0, []byte{0xfc, 1}}, {1920, []byte{0xfc, 1}}}, "an empty one": {{0, nil}}, "too long": {{0, []byte{0xff, 63}}},
	} {
		if _, err := c.AAC(t.Context(), Head{Channels: 2}, bad, 0, 3); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPackets reads any bytes as a header, a packet and frames of AAC.
func FuzzPackets(f *testing.F) {
	f.Add(Head{Channels: 2}.box(), []byte{0xfc, 0xff, 0xfe}, []byte{0xff, 0xf1, 0x4c, 0x80, 1, 0x1f, 0xfc, 1})
	f.Fuzz(func(t *testing.T, dops, packet, adts []byte) {
		if h, err := ParseHead(dops); err == nil && (h.Channels < 1 || h.Channels > 2 || h.PreSkip < 0) {
			t.Errorf("%+v", h)
		}
		if n, err := (Packet{Data: packet}).Samples(); err == nil && (n <= 0 || n > maxPacket) {
			t.Errorf("%d samples", n)
		}
		total := 0
		frames, _ := readADTS(adts)
		for _, x := range frames {
			if total += len(x); len(x) == 0 || total > len(adts) {
				t.Errorf("%d bytes of frames in %d", total, len(adts))
			}
		}
	})
}
