package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/ffmpeg"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const someChannel = "00112233445566aa"

// make makes a file with ffmpeg.
func makeFile(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is not installed: make tools")
	}
	file := filepath.Join(t.TempDir(), name)
	if err := ffmpeg.Run(t.Context(), ffmpeg.Job{Args: append(args, file)}); err != nil {
		t.Fatal(err)
	}
	return file
}

func pictures(size, rate string, seconds int) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=%s:d=%d", size, rate, seconds)}
}

func tone(seconds int) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("sine=d=%d:r=48000", seconds)}
}

func join(parts ...any) (out []string) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, strings.Fields(p)...)
		case []string:
			out = append(out, p...)
		}
	}
	return out
}

// newLibrary makes a library of a node on a bucket.
func newLibrary(t *testing.T, b bucket.Bucket, node string, now func() time.Time) *Library {
	t.Helper()
	l, err := New(Config{Docs: bucket.NewDocuments(b), Node: node, Dir: t.TempDir(), Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l.pieceSpan = 3 * media.TicksPerSecond
	return l
}

// put puts a file into the library as an upload that is complete.
func put(t *testing.T, l *Library, file string, o Origin) Clip {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o.Kind, o.File = FromUpload, filepath.Base(file)
	c, err := l.Add(t.Context(), someChannel, Arrival{Bytes: int64(len(data)), Origin: o})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.putOnce(t.Context(), pieceKey(someChannel, c.ID, 0), bucket.Bytes(data)); err != nil {
		t.Fatal(err)
	}
	if err := l.submit(t.Context(), someChannel, c.ID); err != nil {
		t.Fatal(err)
	}
	return c
}

// convert puts a file into the library and converts it.
func convert(t *testing.T, l *Library, file string, o Origin) Clip {
	t.Helper()
	c := put(t, l, file, o)
	if err := l.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := l.Clip(t.Context(), someChannel, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// whole returns all of a clip as one MP4.
func whole(t *testing.T, l *Library, c Clip) []byte {
	t.Helper()
	out := bytes.Buffer{}
	for n := -1; n < int(c.Segments); n++ {
		a := media.Address{Take: c.Take, Rendition: media.Main, Init: n < 0}
		if n >= 0 {
			a.Segment = uint32(n)
		}
		body, err := l.Open(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range body {
			out.Write(s)
		}
	}
	return out.Bytes()
}

// frames returns a line for each packet of a file, as ffprobe sees it.
func frames(t *testing.T, data []byte, entries string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// turn makes players turn a film by 90°: it writes the matrix of its track.
func turn(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("tkhd")) + 44
	copy(data[at:], []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func countOf(lines []string, prefix string) (n int) {
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

func TestKinds(t *testing.T) {
	film := join(pictures("320x180", "30000/1001", 7), tone(7), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac")
	for _, tc := range []struct {
		name, file    string
		args          []string
		origin        Origin
		frames        int
		width, height int
		seconds       float64
		segments      uint32
		turned        bool
	}{
		{name: "remuxed", file: "a.mp4", args: join(film, "-g 60 -bf 2"), frames: 210, width: 320, height: 180, seconds: 7.007, segments: 4},
		{name: "keyframes too far apart", file: "a.mp4", args: join(film, "-g 1000 -sc_threshold 0"), frames: 210, width: 320, height: 180, seconds: 7.007, segments: 4},
		{name: "vp9 and opus", file: "a.mkv", args: join(pictures("320x180", "25", 5), tone(5), "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -ac 2 -strict -2"), frames: 125, width: 320, height: 180, seconds: 5, segments: 3},
		{name: "opus beside h264", file: "a.mkv", args: join(pictures("320x180", "25", 5), tone(5), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a libopus -ac 2"), frames: 125, width: 320, height: 180, seconds: 5, segments: 3},
		{name: "turned", file: "a.mov", args: join(pictures("320x180", "25", 3), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"), turned: true, frames: 75, width: 180, height: 320, seconds: 3, segments: 2},
		{name: "sound", file: "a.mp3", args: join(tone(5), "-c:a libmp3lame"), frames: 50, width: 1280, height: 720, seconds: 5, segments: 3},
		{name: "photo", file: "a.jpg", args: join("-f lavfi -i color=red:s=300x200 -frames:v 1"), origin: Origin{Seconds: 4}, frames: 40, width: 300, height: 200, seconds: 4, segments: 2},
		{name: "photo with alpha", file: "a.png", args: join("-f lavfi -i color=red@0.5:s=301x201,format=rgba -frames:v 1"), origin: Origin{Seconds: 3}, frames: 30, width: 300, height: 200, seconds: 3, segments: 2},
		{name: "large", file: "a.mp4", args: join(pictures("2560x1440", "10", 1), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"), frames: 10, width: 1920, height: 1080, seconds: 1, segments: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t, bucket.NewMem(), "a", nil)
			file := makeFile(t, tc.file, tc.args...)
			if tc.turned {
				turn(t, file)
			}
			c := convert(t, l, file, tc.origin)
			if c.State != Ready {
				t.Fatalf("it is %s: %s", c.State, c.Fault)
			}
			if c.Width != tc.width || c.Height != tc.height || c.Segments != tc.segments {
				t.Errorf("%dx%d in %d segments, want %dx%d in %d", c.Width, c.Height, c.Segments, tc.width, tc.height, tc.segments)
			}
			if got := c.Duration.Seconds(); got < tc.seconds-0.11 || got > tc.seconds+0.11 {
				t.Errorf("it lasts %.3f s, want %.3f", got, tc.seconds)
			}
			lines := frames(t, whole(t, l, c), "packet=codec_type,pts_time")
			if got := countOf(lines, "video"); got < tc.frames-1 || got > tc.frames {
				t.Errorf("%d pictures, want %d", got, tc.frames)
			}
			if got, want := float64(countOf(lines, "audio"))*1024/48000, c.Duration.Seconds(); got < want-0.05 || got > want+0.05 {
				t.Errorf("sound of %.3f s with pictures of %.3f", got, want)
			}
			listing, err := l.Listing(t.Context(), c.Take)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range listing.Segments {
				if !s.Independent || !s.Complete || len(s.Parts) == 0 {
					t.Errorf("segment %d is not whole, or begins with no keyframe", s.Number)
				}
			}
			poster, err := l.Poster(t.Context(), someChannel, c.ID, c.Poster)
			if err != nil || !bytes.HasPrefix(poster, []byte{0xff, 0xd8}) {
				t.Errorf("its poster: %d bytes, %v", len(poster), err)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	film := makeFile(t, "a.mp4", join(pictures("160x90", "25", 2), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p")...)
	data, err := os.ReadFile(film)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, words string
		data        []byte
	}{
		{"broken", "damaged", data[:len(data)/2]},
		{"text", "no video, sound or picture", []byte(strings.Repeat("only words ", 200))},
		{"playlist", "refers to other files", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLibrary(t, bucket.NewMem(), "a", nil)
			file := filepath.Join(t.TempDir(), "a.mp4")
			if err := os.WriteFile(file, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			c := convert(t, l, file, Origin{})
			if c.State != Failed || !strings.Contains(c.Fault, tc.words) {
				t.Fatalf("it is %s: %q, want a sentence with %q", c.State, c.Fault, tc.words)
			}
			expectLeft(t, l)
		})
	}
	if _, err := newLibrary(t, bucket.NewMem(), "a", nil).Add(t.Context(), someChannel, Arrival{Origin: Origin{Kind: FromUpload, File: "a.mp4"}}); !errors.Is(err, ErrInvalid) {
		t.Fatalf("an empty file: %v", err)
	}
}

// expectLeft fails if there is more in the bucket of the making of clips than their shelf.
func expectLeft(t *testing.T, l *Library, prefixes ...string) {
	t.Helper()
	bucket.All(context.Background(), l.bucket, "", func(e bucket.Entry) error {
		for _, p := range append(prefixes, shelfPrefix) {
			if strings.HasPrefix(e.Key, p) {
				return nil
			}
		}
		t.Errorf("%s is left over", e.Key)
		return nil
	})
}

// mortal is a bucket whose node dies with its nth write: that one does not happen, or nobody hears that it did.
type mortal struct {
	bucket.Bucket
	mu    sync.Mutex
	left  int
	heard bool
	die   context.CancelFunc
}

func (m *mortal) write(do func() (bucket.ETag, error)) (bucket.ETag, error) {
	m.mu.Lock()
	m.left--
	left := m.left
	m.mu.Unlock()
	if left > 0 {
		return do()
	}
	if left == 0 && !m.heard {
		do()
	}
	m.die()
	return "", context.Canceled
}

func (m *mortal) Put(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	return m.write(func() (bucket.ETag, error) { return m.Bucket.Put(ctx, key, body) })
}

func (m *mortal) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	return m.write(func() (bucket.ETag, error) { return m.Bucket.PutIfAbsent(ctx, key, body) })
}

func (m *mortal) PutIfMatch(ctx context.Context, key string, body bucket.Body, etag bucket.ETag) (bucket.ETag, error) {
	return m.write(func() (bucket.ETag, error) { return m.Bucket.PutIfMatch(ctx, key, body, etag) })
}

func (m *mortal) Delete(ctx context.Context, key string) error {
	_, err := m.write(func() (bucket.ETag, error) { return "", m.Bucket.Delete(ctx, key) })
	return err
}

// A node dies with its first, second, third… write while it makes a clip, and another one goes on. The clip is there
// with every frame, as if one had made it, and nothing is left over.
func TestDeaths(t *testing.T) {
	for _, kind := range []struct {
		name string
		step int // from one death to the next that is tried
		args []string
	}{
		{"copied", 1, join(pictures("160x90", "25", 9), tone(9), "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -bf 2 -c:a aac")},
		{"encoded", 2, join(pictures("160x90", "30000/1001", 9), tone(9), "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 200k -c:a libopus -ac 2 -f matroska")},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			file := makeFile(t, "film", append(kind.args, "-f", map[bool]string{true: "mp4", false: "matroska"}[kind.name == "copied"])...)
			undisturbed := newLibrary(t, bucket.NewMem(), "a", nil)
			c := convert(t, undisturbed, file, Origin{})
			if c.State != Ready {
				t.Fatal(c.Fault)
			}
			want := whole(t, undisturbed, c)
			for n := 1; ; n += kind.step {
				b := bucket.NewMem()
				first := newLibrary(t, b, "a", nil)
				c := put(t, first, file, Origin{})
				dying, die := context.WithCancel(t.Context())
				m := &mortal{Bucket: b, left: n, heard: n%2 == 0, die: die}
				newLibrary(t, m, "b", nil).work(dying)
				died := dying.Err() != nil
				die()
				later := func() time.Time { return time.Now().Add(2 * leaseTime) }
				heir := newLibrary(t, b, "c", later)
				if err := heir.work(t.Context()); err != nil {
					t.Fatal(err)
				}
				c, err := heir.Clip(t.Context(), someChannel, c.ID)
				if err != nil || c.State != Ready {
					t.Fatalf("death %d: %v, it is %s %s", n, err, c.State, c.Fault)
				}
				// What is encoded anew may be a little larger or smaller, and nothing else.
				if got := whole(t, heir, c); kind.name == "copied" && !bytes.Equal(got, want) || !sameTimes(t, want, got) {
					t.Errorf("death %d: %d bytes, want %d that are the same", n, len(got), len(want))
				}
				expectLeft(t, heir, "clips/", "takes/")
				if !died {
					if n < 8 {
						t.Fatalf("it made only %d writes", n)
					}
					return
				}
			}
		})
	}
}

// sameTimes reports whether two films have the same pictures and sound at the same times.
func sameTimes(t *testing.T, want, got []byte) bool {
	same := true
	for _, kind := range []string{"video", "audio"} {
		a, b := times(t, want, kind), times(t, got, kind)
		if d := len(b) - len(a); d > 0 && d < 3 {
			b = b[:len(a)] // the last picture may last one frame longer, with its sound
		}
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Errorf("%s: %d packets, want %d; from the %dth on they differ: %v, want %v", kind, len(b), len(a), i, b[i:min(len(b), i+3)], a[i:min(len(a), i+3)])
				same = false
				break
			}
		}
	}
	return same
}

func times(t *testing.T, data []byte, kind string) (out []string) {
	for _, line := range frames(t, data, "packet=codec_type,pts,dts") {
		if strings.HasPrefix(line, kind) {
			out = append(out, line)
		}
	}
	return out
}
