package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func need(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is not installed: make tools")
	}
}

// film makes a short film with sound, and returns its file, an MP4 with its index at the end unless options say
// something else.
func film(t *testing.T, options ...string) string {
	t.Helper()
	need(t)
	file := filepath.Join(t.TempDir(), "film.mp4")
	err := Run(t.Context(), Job{Args: append([]string{
		"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
	}, append(options, file)...)})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestProbe(t *testing.T) {
	info, err := Probe(t.Context(), film(t))
	if err != nil {
		t.Fatal(err)
	}
	v, a := info.Video, info.Audio
	if v == nil || a == nil || v.Codec != "h264" || v.Width != 160 || v.Height != 90 || v.Rate != 25 || v.Still || v.Pixels != "yuv420p" ||
		a.Codec != "aac" || a.SampleRate != 44100 || a.Channels != 1 {
		t.Fatalf("got %+v, video %+v, audio %+v", info, v, a)
	}
	if info.Duration < 1900*time.Millisecond || info.Duration > 2200*time.Millisecond {
		t.Fatalf("duration %v, expected about 2 s", info.Duration)
	}
}

// TestRelative names a file from where the program runs, as people name directories.
func TestRelative(t *testing.T) {
	file := film(t)
	t.Chdir(filepath.Dir(file))
	if info, err := Probe(t.Context(), filepath.Base(file)); err != nil || info.Video == nil {
		t.Fatalf("got %+v, %v", info, err)
	}
}

func TestStill(t *testing.T) {
	need(t)
	file := filepath.Join(t.TempDir(), "photo.png")
	if err := Run(t.Context(), Job{Args: []string{"-f", "lavfi", "-i", "color=s=64x48:d=1:r=1", "-frames:v", "1", file}}); err != nil {
		t.Fatal(err)
	}
	info, err := Probe(t.Context(), file)
	if err != nil || info.Video == nil || !info.Video.Still || info.Audio != nil {
		t.Fatalf("got %+v, %v: expected a still without sound", info, err)
	}
}

// What a stranger's file may be: each gets a sentence that says what to do.
func TestWords(t *testing.T) {
	need(t)
	whole, err := os.ReadFile(film(t))
	if err != nil {
		t.Fatal(err)
	}
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n"
	for _, tc := range []struct {
		name, file, expect string
		data               []byte
	}{
		{"text", "a.dat", "no video, sound or picture", []byte(strings.Repeat("just words. ", 100))},
		{"empty", "a.mp4", "damaged", nil},
		{"cut off", "a.mp4", "breaks off", whole[:len(whole)/2]},
		{"playlist", "a.m3u8", "refers to other files", []byte(playlist)},
		{"concat", "a.ffconcat", "", []byte("ffconcat version 1.0\nfile /etc/passwd\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tc.file)
			if err := os.WriteFile(file, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Probe(t.Context(), file)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Words, tc.expect) || e.Words == "" {
				t.Fatalf("got %v, expected a sentence with %q", err, tc.expect)
			}
		})
	}
}

func TestPipesAndProgress(t *testing.T) {
	data, err := os.ReadFile(film(t, "-f", "mpegts"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var far time.Duration
	err = Run(t.Context(), Job{
		Args:  []string{"-i", "pipe:0", "-c", "copy", "-f", "mpegts", "pipe:1"},
		Stdin: bytes.NewReader(data), Stdout: &out,
		Progress: func(d time.Duration) { far = max(far, d) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() < 1000 || out.Bytes()[0] != 0x47 {
		t.Fatalf("%d bytes came out, expected a transport stream", out.Len())
	}
	if far < 1500*time.Millisecond || far > 2500*time.Millisecond {
		t.Fatalf("progress went to %v, expected about 2 s", far)
	}
}

func TestEnds(t *testing.T) {
	need(t)
	forever := Job{Args: []string{"-re", "-f", "lavfi", "-i", "testsrc2=s=64x48", "-f", "null", "-"}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		cancel()
	}()
	if err := Run(ctx, forever); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, expected that the context ends it", err)
	}
	forever.Limits.Time = 300 * time.Millisecond
	if err := Run(t.Context(), forever); !errors.Is(err, ErrTooLong) {
		t.Fatalf("got %v, expected that its limit ends it", err)
	}
}

func TestOutputLimit(t *testing.T) {
	need(t)
	file := filepath.Join(t.TempDir(), "big.avi")
	err := Run(t.Context(), Job{
		Args:   []string{"-f", "lavfi", "-i", "testsrc2=s=640x360:d=60", "-c:v", "rawvideo", file},
		Limits: Limits{Output: 8 << 20, Time: 30 * time.Second},
	})
	if err == nil {
		t.Fatal("a run over its limit went well")
	}
	if st, err := os.Stat(file); err != nil || st.Size() > 8<<20 {
		t.Fatalf("wrote %v bytes (%v), expected at most 8 MiB", st.Size(), err)
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte(`{"format":{"format_name":"mov","duration":"2.5"},"streams":[{"codec_type":"video","width":1,"avg_frame_rate":"25/1","side_data_list":[{"rotation":-90}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := parseProbe(data)
		if err == nil && info.Video == nil && info.Audio == nil {
			t.Fatal("a file with nothing in it was taken for one with something")
		}
	})
}
