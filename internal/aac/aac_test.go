package aac

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
)

const testRate = 48000

// heard is a sound that has something of all: a tone, noise that comes and goes, clicks that make encoders use short
// windows, and left and right that are partly alike. Of one channel it is the left.
func heard(seconds float64, rate int) (left, right []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range int(seconds * float64(rate)) {
		t := float64(n) / float64(rate)
		v := 0.05 * math.Sin(2*math.Pi*440*t)
		noise := 0.05 * (1 + math.Sin(2*math.Pi*t)) * (r.Float64() - 0.5)
		click := 0.0
		if n%(rate/3) < rate/1000 {
			click = 0.2 * (r.Float64() - 0.5)
		}
		left = append(left, v+noise+click)
		right = append(right, v-noise*0.3+0.02*math.Sin(2*math.Pi*3000*t))
	}
	return left, right
}

// encode runs a program that makes AAC in ADTS of 16-bit samples.
func encode(t testing.TB, samples []byte, program string, args ...string) [][]byte {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: run make tools", program)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(samples), &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, said.String())
	}
	var packets mpeg4audio.ADTSPackets
	if err := packets.Unmarshal(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for _, p := range packets {
		frames = append(frames, p.AU)
	}
	return frames
}

func pcm(channels ...[]float64) []byte {
	var out []byte
	for n := range channels[0] {
		for _, c := range channels {
			v := uint16(int16(c[n] * 32767))
			out = append(out, byte(v), byte(v>>8))
		}
	}
	return out
}

func config(t testing.TB, rate, channels int) []byte {
	t.Helper()
	data, err := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: uint8(channels)}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func form(t testing.TB, rate, channels int) *Form {
	t.Helper()
	f, err := FormOf(config(t, rate, channels))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decode returns the samples of all channels, as a decoder that does not clip has them.
func decode(t *testing.T, frames [][]byte, rate, channels int) []float64 {
	t.Helper()
	var packets mpeg4audio.ADTSPackets
	for _, f := range frames {
		packets = append(packets, &mpeg4audio.ADTSPacket{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: uint8(channels), AU: f})
	}
	adts, err := packets.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = ffmpeg.Run(t.Context(), ffmpeg.Job{Args: []string{"-f", "aac", "-i", "pipe:0", "-f", "f64le", "pipe:1"}, Stdin: bytes.NewReader(adts), Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float64, out.Len()/8)
	for i := range samples {
		var v uint64
		for k := range 8 {
			v |= uint64(out.Bytes()[8*i+k]) << (8 * k)
		}
		samples[i] = math.Float64frombits(v)
	}
	return samples
}

// TestLouder changes the loudness of what encoders make of a sound, with every tool that they have, and compares what
// a decoder hears: everything is as it was, times the gain.
func TestLouder(t *testing.T) {
	for _, c := range []struct {
		name           string
		rate, channels int
		program        string
		args           string
	}{
		{"128k", 48000, 2, "ffmpeg", "-c:a aac -b:a 128k"},
		{"all tools, little room", 48000, 2, "ffmpeg", "-c:a aac -b:a 40k -aac_coder twoloop"},
		{"the fast coder", 44100, 2, "ffmpeg", "-c:a aac -b:a 96k -aac_coder fast"},
		{"no tools, much room", 48000, 2, "ffmpeg", "-c:a aac -b:a 400k -aac_pns 0 -aac_is 0 -aac_ms 0 -aac_tns 0"},
		{"one channel", 32000, 1, "ffmpeg", "-c:a aac -b:a 64k"},
		{"24 kHz", 24000, 2, "ffmpeg", "-c:a aac -b:a 48k"},
		{"16 kHz", 16000, 1, "ffmpeg", "-c:a aac -b:a 32k"},
		{"8 kHz", 8000, 1, "ffmpeg", "-c:a aac -b:a 16k"},
		{"96 kHz", 96000, 2, "ffmpeg", "-c:a aac -b:a 256k"},
		{"64 kHz", 64000, 2, "ffmpeg", "-c:a aac -b:a 160k"},
		{"another encoder", 44100, 2, "gst-launch-1.0", "voaacenc bitrate=128000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			left, right := heard(1, c.rate)
			samples := pcm(left, right)
			if c.channels == 1 {
				samples = pcm(left)
			}
			args := strings.Fields(fmt.Sprintf("-hide_banner -loglevel error -f s16le -ar %d -ac %d -i pipe:0 %s -f adts pipe:1", c.rate, c.channels, c.args))
			if c.program != "ffmpeg" {
				args = strings.Fields(fmt.Sprintf("-q fdsrc ! rawaudioparse sample-rate=%d num-channels=%d ! %s ! audio/mpeg,stream-format=adts ! fdsink", c.rate, c.channels, c.args))
			}
			frames := encode(t, samples, c.program, args...)
			f := form(t, c.rate, c.channels)
			for _, steps := range []int{8, -20} {
				var out [][]byte
				for i, frame := range frames {
					r := reader{form: f, bits: bits{data: frame}}
					if err := r.frame(); err != nil || (r.at+7)/8 != len(frame) || len(r.volumes) != c.channels {
						t.Fatalf("frame %d of %d bytes: read to bit %d, %d channels, %v", i, len(frame), r.at, len(r.volumes), err)
					}
					changed, err := f.Louder(frame, steps)
					if err != nil || len(changed) != len(frame) {
						t.Fatalf("frame %d: %v", i, err)
					}
					if back, err := f.Louder(changed, -steps); err != nil || !bytes.Equal(back, frame) && steps > -20 {
						t.Fatalf("frame %d is not what it was when its gain is taken back: %v", i, err)
					}
					out = append(out, changed)
				}
				compare(t, decode(t, frames, c.rate, c.channels), decode(t, out, c.rate, c.channels), steps)
			}
		})
	}
}

// compare fails unless b is a times the gain. Noise that a decoder makes up is other noise each time, but as loud.
func compare(t *testing.T, a, b []float64, steps int) {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%d samples, want %d", len(b), len(a))
	}
	ea, eb := 0.0, 0.0
	for i := range a {
		ea, eb = ea+a[i]*a[i], eb+b[i]*b[i]
	}
	if got, want := 10*math.Log10(eb/ea), float64(steps)*Step; math.Abs(got-want) > 0.05 {
		t.Errorf("%d steps make it %.3f dB louder, want %.3f", steps, got, want)
	}
}

// TestUnbroken changes the gain in the middle of a tone: a decoder hears no break, and each half is as loud as it
// should be.
func TestUnbroken(t *testing.T) {
	var tone []float64
	for n := range 2 * testRate {
		tone = append(tone, 0.1*math.Sqrt2*math.Sin(2*math.Pi*500*float64(n)/testRate)) // -20 dB
	}
	frames := encode(t, pcm(tone, tone), "ffmpeg", strings.Fields("-hide_banner -loglevel error -f s16le -ar 48000 -ac 2 -i pipe:0 -c:a aac -b:a 160k -f adts pipe:1")...)
	f, half := form(t, testRate, 2), len(frames)/2
	for i := half; i < len(frames); i++ {
		var err error
		if frames[i], err = f.Louder(frames[i], Steps(-6)); err != nil {
			t.Fatal(err)
		}
	}
	got := decode(t, frames, testRate, 2)
	level := func(from, to int) float64 {
		e := 0.0
		for _, v := range got[2*from : 2*to] {
			e += v * v / float64(2*(to-from))
		}
		return 10 * math.Log10(e)
	}
	change := half * 1024
	if before, after := level(8192, change-2048), level(change+2048, len(got)/2-4096); math.Abs(before+20) > 0.2 || math.Abs(after+26) > 0.2 {
		t.Errorf("%.2f dB and then %.2f dB, want -20 and -26", before, after)
	}
	// A tone's samples differ by no more than its slope; a click would be seen as a larger step.
	steepest := 0.1 * math.Sqrt2 * 2 * math.Pi * 500 / testRate
	for i := 8192; i < len(got)/2-4096; i++ {
		if d := math.Abs(got[2*i] - got[2*i-2]); d > 1.15*steepest {
			t.Fatalf("a step of %.4f at sample %d, the tone's are at most %.4f", d, i, steepest)
		}
	}
}

// TestBounds leaves a frame as loud as it can be.
func TestBounds(t *testing.T) {
	f := form(t, testRate, 2)
	silent := []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}
	for _, steps := range []int{-300, -20, 8, 300} {
		out, err := f.Louder(silent, steps)
		if err != nil {
			t.Fatalf("%d steps: %v", steps, err)
		}
		r := reader{form: f, bits: bits{data: out}}
		if err := r.frame(); err != nil || len(r.volumes) != 2 {
			t.Errorf("%d steps: %+v, %v", steps, r.volumes, err)
		}
	}
	left, right := heard(0.5, testRate)
	frames := encode(t, pcm(left, right), "ffmpeg", strings.Fields("-hide_banner -loglevel error -f s16le -ar 48000 -ac 2 -i pipe:0 -c:a aac -b:a 160k -f adts pipe:1")...)
	for _, frame := range frames {
		for _, steps := range []int{-255, 255} {
			out, err := f.Louder(frame, steps)
			if err != nil {
				t.Fatal(err)
			}
			r := reader{form: f, bits: bits{data: out}}
			if err := r.frame(); err != nil {
				t.Fatalf("%d steps: %v", steps, err)
			}
		}
	}
}

func TestForm(t *testing.T) {
	for _, rate := range rates {
		f := form(t, rate, 2)
		for name, b := range map[string][]uint8{"long": f.long, "short": f.short} {
			sum, want := 0, 256
			for _, w := range b {
				sum += int(w)
			}
			if name == "short" {
				want = 32
			}
			if sum != want {
				t.Errorf("%d Hz: %s windows have %d values, want %d", rate, name, 4*sum, 4*want)
			}
		}
	}
	for i, b := range append(books[1:], scaleBook) {
		room, n := 0, 0
		for bits, count := range b.counts {
			room, n = room+count<<(20-bits-1), n+count
		}
		if room != 1<<20 || b.signs != "" && len(b.signs) != n {
			t.Errorf("book %d: its codes fill %d of %d, %d of %d have signs", i+1, room, 1<<20, len(b.signs), n)
		}
	}
	for name, c := range map[string]struct {
		config []byte
		want   error
	}{
		"HE-AAC": {[]byte{0x2b, 0x11, 0x88, 0x00}, ErrHighBand}, "960 samples": {[]byte{0x11, 0x94}, ErrForm}, "nothing": {nil, ErrForm},
		"Main": {[]byte{0x09, 0x90}, ErrForm},
	} {
		if _, err := FormOf(c.config); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	f := form(t, testRate, 2)
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"empty":           {nil, ErrFrame},
		"cut off":         {[]byte{0x21, 0x10, 0x04}, ErrFrame},
		"high tones":      {[]byte{0xc3, 0xa0, 0x00, 0x00, 0xe0}, ErrHighBand},
		"no such element": {[]byte{0x40, 0, 0}, ErrForm},
	} {
		if _, err := f.Louder(c.frame, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzLouder(f *testing.F) {
	f.Add(byte(3), -4, []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c})
	left, right := heard(0.1, testRate)
	if out, err := exec.Command("ffmpeg", "-version").Output(); err == nil && len(out) > 0 {
		cmd := exec.Command("ffmpeg", strings.Fields("-hide_banner -loglevel error -f s16le -ar 48000 -ac 2 -i pipe:0 -c:a aac -b:a 64k -f adts pipe:1")...)
		cmd.Stdin = bytes.NewReader(pcm(left, right))
		out, _ := cmd.Output()
		var packets mpeg4audio.ADTSPackets
		if packets.Unmarshal(out) == nil {
			for _, p := range packets {
				f.Add(byte(3), 8, p.AU)
			}
		}
	}
	f.Fuzz(func(t *testing.T, rate byte, steps int, frame []byte) {
		form := form(t, rates[int(rate)%len(rates)], 2)
		steps = steps % 300
		before := bytes.Clone(frame)
		out, err := form.Louder(frame, steps)
		if !bytes.Equal(before, frame) {
			t.Fatal("the frame itself was changed")
		}
		if err != nil {
			return
		}
		a, b := reader{form: form, bits: bits{data: frame}}, reader{form: form, bits: bits{data: out}}
		if a.frame() != nil || b.frame() != nil || a.at != b.at || len(out) != len(frame) || len(a.volumes) != len(b.volumes) {
			t.Fatalf("a frame that was read to bit %d is read to bit %d", a.at, b.at)
		}
	})
}

func BenchmarkLouder(b *testing.B) {
	left, right := heard(0.5, testRate)
	frames := encode(b, pcm(left, right), "ffmpeg", strings.Fields("-hide_banner -loglevel error -f s16le -ar 48000 -ac 2 -i pipe:0 -c:a aac -b:a 160k -f adts pipe:1")...)
	f := form(b, testRate, 2)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, err := f.Louder(frames[i%len(frames)], -4); err != nil {
			b.Fatal(err)
		}
	}
}
