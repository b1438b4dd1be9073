package rtmp

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait waits for a sink to be closed.
func (r *recorder) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the sink is not closed")
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func oneSink(r *recorder) Desk {
	return deskFunc(func(p Publication) (Sink, error) {
		if p.Key != goodKey {
			return nil, ErrUnknownKey
		}
		return r, nil
	})
}

// TestPublish publishes a little and looks at what comes out, in order and with its times.
func TestPublish(t *testing.T) {
	r := newRecorder()
	log := &lockedBuffer{}
	address, _ := serve(t, Config{Desk: oneSink(r), Log: slog.New(slog.NewTextHandler(log, nil))})
	c := dial(t, address)
	c.publish("live", goodKey)
	if code, text := c.status(); code != "NetStream.Publish.Start" {
		t.Fatalf("status %q %q", code, text)
	}
	c.frame(typeVideo, 0, videoConfig())
	c.frame(typeAudio, 0, audioConfig())
	c.frame(typeVideo, 0, videoFrame(true, 1))
	c.frame(typeAudio, 0, audioFrame(2))
	c.frame(typeAudio, 21, audioFrame(3))
	c.frame(typeVideo, 33, videoFrame(false, 4))
	c.command("deleteStream", 4, nil)
	if err := c.send(); err != nil {
		t.Fatal(err)
	}
	r.wait(t)
	if r.reason != nil || len(r.tracks) != 1 || len(r.tracks[0]) != 2 {
		t.Fatalf("closed with %v, tracks %+v", r.reason, r.tracks)
	}
	v, a := r.tracks[0][0], r.tracks[0][1]
	if v.Codec != media.H264 || !bytes.Equal(v.Config, avcC(sps)) || v.Timescale != 90000 || a.Codec != media.AAC || a.SampleRate != 48000 || a.Channels != 2 {
		t.Errorf("tracks %+v", r.tracks[0])
	}
	want := []struct {
		track int
		dts   int64
		key   bool
		last  byte
	}{{VideoTrack, 0, true, 1}, {AudioTrack, 0, true, 2}, {AudioTrack, 1024, true, 3}, {VideoTrack, 33 * 90, false, 4}}
	if len(r.samples) != len(want) {
		t.Fatalf("%d samples, want %d", len(r.samples), len(want))
	}
	for i, w := range want {
		s := r.samples[i]
		if s.Track != w.track || s.DTS != w.dts || s.Key != w.key || s.Data[len(s.Data)-1] != w.last {
			t.Errorf("sample %d: %+v, want %+v", i, s, w)
		}
	}
	if strings.Contains(log.String(), goodKey) {
		t.Error("the log shows the stream key")
	}
}

// TestRefusals tests that each mistake is told in words.
func TestRefusals(t *testing.T) {
	hevc := []byte{0x80 | 0x10, 'h', 'v', 'c', '1', 1}
	for _, c := range []struct {
		name     string
		app, key string
		frames   [][]byte // video, or audio if it begins with a sound format
		cfg      Config
		text     string
	}{
		{name: "wrong key", app: "live", key: "nobody-has-this-key", text: "unknown stream key"},
		{name: "no key", app: "live", key: "", text: "unknown stream key"},
		{name: "wrong application", app: "stream", key: goodKey, text: "wrong application"},
		{name: "HEVC", app: "live", key: goodKey, frames: [][]byte{hevc}, text: "HEVC (H.265) is not supported"},
		{name: "MP3", app: "live", key: goodKey, frames: [][]byte{{0x2f, 1, 2, 3}}, text: "MP3 is not supported"},
		{name: "broken configuration", app: "live", key: goodKey, frames: [][]byte{{0x17, 0, 0, 0, 0, 9, 9, 9}}, text: "configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Desk = oneSink(newRecorder())
			address, _ := serve(t, c.cfg)
			client := dial(t, address)
			client.publish(c.app, c.key)
			code, text := client.status()
			if len(c.frames) > 0 {
				if code != "NetStream.Publish.Start" {
					t.Fatalf("status %q %q", code, text)
				}
				for _, f := range c.frames {
					kind := byte(typeVideo)
					if f[0] == 0x2f {
						kind = typeAudio
					}
					client.frame(kind, 0, f)
				}
				_, text = client.status()
			}
			if !strings.Contains(text, c.text) {
				t.Errorf("the encoder is told %q, want it to contain %q", text, c.text)
			}
		})
	}
}

func TestOverBitrate(t *testing.T) {
	r := newRecorder()
	address, _ := serve(t, Config{Desk: oneSink(r), MaxBitrate: 100_000, Pace: -1})
	c := dial(t, address)
	c.publish("live", goodKey)
	c.status()
	c.frame(typeVideo, 0, videoConfig())
	big := append(videoFrame(true, 1), bytes.Repeat([]byte{0, 0, 0, 1, 0x0c}, 4000)...)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ms := uint32(0); ms < 12_000; ms += 50 {
		if c.frame(typeVideo, ms, big) != nil {
			break
		}
		<-tick.C
	}
	if _, text := c.status(); !strings.Contains(text, "more than the 0.1 Mbit/s allowed") {
		t.Errorf("the encoder is told %q", text)
	}
}

// TestTemporary tests that an encoder that may come again is let in first, because OBS gives up when its
// first connect fails.
func TestTemporary(t *testing.T) {
	address, _ := serve(t, Config{Desk: deskFunc(func(Publication) (Sink, error) { return nil, errors.New("the bucket is away") })})
	c := dial(t, address)
	c.publish("live", goodKey)
	if code, _ := c.status(); code != "NetStream.Publish.Start" {
		t.Errorf("the first status is %q, want a start", code)
	}
	if _, text := c.status(); !strings.Contains(text, "tried again") {
		t.Errorf("then the encoder is told %q", text)
	}
}

func TestKick(t *testing.T) {
	r := newRecorder()
	kicks := make(chan func(error), 1)
	address, s := serve(t, Config{Desk: deskFunc(func(p Publication) (Sink, error) {
		kicks <- p.Kick
		return r, nil
	})})
	c := dial(t, address)
	c.publish("live", goodKey)
	c.status()
	if n := s.Publishers(); n != 1 {
		t.Errorf("%d publishers, want 1", n)
	}
	(<-kicks)(ErrReplaced)
	r.wait(t)
	if _, text := c.status(); !strings.Contains(text, "replaced") || !errors.Is(r.reason, ErrReplaced) {
		t.Errorf("the encoder is told %q, the sink %v", text, r.reason)
	}
}

// TestLost tests that a connection that breaks closes the sink with what came before.
func TestLost(t *testing.T) {
	r := newRecorder()
	address, _ := serve(t, Config{Desk: oneSink(r)})
	c := dial(t, address)
	c.publish("live", goodKey)
	c.status()
	c.frame(typeVideo, 0, videoConfig())
	c.frame(typeAudio, 0, audioConfig())
	c.frame(typeVideo, 0, videoFrame(true, 1))
	c.conn.(*net.TCPConn).CloseWrite()
	r.wait(t)
	if !errors.Is(r.reason, ErrLost) || len(r.samples) != 1 {
		t.Errorf("closed with %v and %d samples, want %v and 1", r.reason, len(r.samples), ErrLost)
	}
}

// TestImpatience tests the time limits of those who say nothing.
func TestImpatience(t *testing.T) {
	cfg := Config{Desk: oneSink(newRecorder()), HandshakeTimeout: 200 * time.Millisecond, PublishTimeout: 200 * time.Millisecond, IdleTimeout: 300 * time.Millisecond}
	address, _ := serve(t, cfg)
	ended := func(c *client) bool {
		c.conn.SetDeadline(time.Now().Add(5 * time.Second))
		for {
			var b [512]byte
			if _, err := c.conn.Read(b[:]); err != nil {
				var timeout net.Error
				return !errors.As(err, &timeout) || !timeout.Timeout()
			}
		}
	}
	if c := dial(t, address); !ended(c) {
		t.Error("a connection without a handshake is kept")
	}
	c := dial(t, address)
	c.conn.Write([]byte{3, 0, 0})
	if !ended(c) {
		t.Error("a handshake cut short is waited for")
	}
	c = dial(t, address)
	c.handshake()
	if !ended(c) {
		t.Error("a connection that does not publish is kept")
	}
	c = dial(t, address)
	c.publish("live", goodKey)
	c.status()
	if _, text := c.status(); !strings.Contains(text, "no picture and no sound") {
		t.Errorf("an idle publisher is told %q", text)
	}
	c = dial(t, address)
	c.conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	if !ended(c) {
		t.Error("a browser is kept")
	}
}

// TestStrangers tests that the newest stranger gets room at the cost of the oldest.
func TestStrangers(t *testing.T) {
	r := newRecorder()
	address, _ := serve(t, Config{Desk: oneSink(r), MaxStrangers: 3, MaxPerAddress: 3})
	var idle []*client
	for range 8 {
		idle = append(idle, dial(t, address))
	}
	c := dial(t, address)
	c.publish("live", goodKey)
	if code, text := c.status(); code != "NetStream.Publish.Start" {
		t.Errorf("an encoder behind a crowd of strangers gets %q %q", code, text)
	}
	var b [1]byte
	if _, err := idle[0].conn.Read(b[:]); err == nil {
		t.Error("the oldest stranger is kept")
	}
}

// TestFFmpeg publishes with ffmpeg as it is.
func TestFFmpeg(t *testing.T) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is missing: run make tools")
	}
	r := newRecorder()
	address, _ := serve(t, Config{Desk: oneSink(r)})
	out, err := exec.Command(path, "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3",
		"-f", "lavfi", "-i", "sine=sample_rate=48000:duration=3", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
		"-c:a", "aac", "-f", "flv", "rtmp://"+address+"/live/"+goodKey).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r.wait(t)
	var pictures, sounds int
	last := map[int]int64{VideoTrack: -1, AudioTrack: -1}
	for _, s := range r.samples {
		if s.DTS <= last[s.Track] {
			t.Errorf("track %d: time %d after %d", s.Track, s.DTS, last[s.Track])
		}
		last[s.Track] = s.DTS
		if s.Track == VideoTrack {
			pictures++
		} else {
			sounds++
		}
	}
	if pictures != 75 || sounds < 140 || sounds > 143 {
		t.Errorf("%d pictures and %d sounds, want 75 and about 142", pictures, sounds)
	}
}
