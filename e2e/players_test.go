package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// strict follows a channel's low-latency playlist as a player does, part by part, and gives every playlist
// to the strict reader.
type strict struct {
	n        *node
	slug     string
	follower hlstest.Follower
	faults   []string
	late     int           // parts that came later than two parts and a half after the one before
	longest  time.Duration // between two answers
	answers  int
}

// run follows until stop is closed.
func (s *strict) run(stop <-chan struct{}) {
	msn, part := int64(-1), 0
	var last time.Time
	skip := ""
	for {
		select {
		case <-stop:
			return
		default:
		}
		path := "/" + s.slug + "/main.m3u8"
		if msn >= 0 {
			path += fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d%s", msn, part, skip)
		}
		status, body := s.n.get(path)
		if status != 200 {
			msn, skip = -1, "" // as after a lost connection: begin again with a whole playlist
			last = time.Time{}
			<-time.After(100 * time.Millisecond)
			continue
		}
		s.answers++
		for _, f := range s.follower.Next(body) {
			if len(s.faults) < 10 {
				s.faults = append(s.faults, fmt.Sprintf("%s: %v", path, f))
			}
		}
		if now := time.Now(); !last.IsZero() {
			gap := now.Sub(last)
			s.longest = max(s.longest, gap)
			if gap > 625*time.Millisecond {
				s.late++
			}
		}
		last = time.Now()
		p, _ := hlstest.Parse(body)
		newest := p.Segments[len(p.Segments)-1]
		msn, part = newest.Number, len(newest.Parts)
		if newest.URI != "" {
			msn, part = newest.Number+1, 0
		}
		if skip = ""; s.answers%3 > 0 {
			skip = "&_HLS_skip=YES"
		}
	}
}

// watchStrictly begins to follow; the returned function ends it and reports what was wrong.
func watchStrictly(t *testing.T, n *node, slug string) (s *strict, end func()) {
	s = &strict{n: n, slug: slug}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); s.run(stop) }()
	var once sync.Once
	end = func() {
		once.Do(func() { close(stop); <-done })
		for _, f := range s.faults {
			t.Error(f)
		}
	}
	return s, end
}

// TestStrictly follows a channel through a take-over, an off air, kill -9 and a restart, and reads every
// playlist strictly.
func TestStrictly(t *testing.T) {
	t.Parallel()
	n := newNode(t, "")
	address := n.channel("strict")
	file := media(t, 25)
	first := publish(t, file, address)
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("strict") == "live" })
	s, end := watchStrictly(t, n, "strict")
	after(5 * time.Second)
	second := publish(t, file, address) // takes over
	if first.wait(t, 15*time.Second) == nil {
		t.Error("the first encoder was not told to stop")
	}
	if !strings.Contains(first.output(), "replaced") {
		t.Errorf("the first encoder was told %q, want that it was replaced", tail(first.output()))
	}
	after(5 * time.Second)
	second.kill()
	n.until("the channel is off air", 10*time.Second, func() bool { return n.state("strict") == "off" })
	after(time.Second)
	third := publish(t, file, address)
	n.until("the channel is on air again", 10*time.Second, func() bool { return n.state("strict") == "live" })
	after(4 * time.Second)
	n.process.kill()
	third.wait(t, 20*time.Second)
	n.start()
	publish(t, file, address)
	n.until("the channel is on air after the crash", 10*time.Second, func() bool { return n.state("strict") == "live" })
	after(5 * time.Second)
	end()
	t.Logf("%d playlists, %d segments, %d preload hints came true, all read strictly", s.answers, s.follower.Numbers(), s.follower.Hints())
	if s.answers < 60 || s.follower.Hints() < 40 {
		t.Errorf("%d playlists and %d hints that came true: too few", s.answers, s.follower.Hints())
	}
}

// TestPlayers has other players play a live channel for some seconds.
func TestPlayers(t *testing.T) {
	n := newNode(t, "")
	encoder := publish(t, media(t, 60), n.channel("players"))
	n.until("there are some segments", 20*time.Second, func() bool {
		_, body := n.get("/players/main.m3u8")
		return bytes.Count(body, []byte("#EXTINF")) >= 4
	})
	url := n.url("/players/index.m3u8")
	t.Run("ffprobe", func(t *testing.T) {
		out, err := exec.Command(need(t, "ffprobe"), "-v", "error", "-show_entries", "stream=codec_name,width,height,sample_rate", "-of", "csv", url).CombinedOutput()
		if text := string(out); err != nil || !strings.Contains(text, "h264,640,360") || !strings.Contains(text, "aac,48000") {
			t.Errorf("ffprobe: %v\n%s", err, out)
		}
	})
	t.Run("ffmpeg", func(t *testing.T) {
		out := ffmpeg(t, "-i", url, "-t", "6", "-f", "framemd5", "-")
		if frames := bytes.Count(out, []byte("\n0,")); frames < 140 {
			t.Errorf("ffmpeg decoded %d pictures of 6 s, want about 150", frames)
		}
	})
	t.Run("GStreamer", func(t *testing.T) {
		p := start(t, nil, "gst-launch-1.0", "-v", "souphttpsrc", "location="+url, "!", "hlsdemux", "!", "qtdemux", "!", "avdec_h264", "!",
			"fakesink", "sync=false", "silent=false")
		pictures := func() int { return strings.Count(p.output(), "fakesink0: last-message = chain") }
		if !eventually(30*time.Second, func() bool { return pictures() >= 120 }) {
			t.Errorf("GStreamer showed %d pictures, want 120\n%s", pictures(), tail(p.output()))
		}
		p.kill()
	})
	t.Run("mpv", func(t *testing.T) {
		p := start(t, nil, "mpv", "--no-config", "--vo=null", "--ao=null", "--length=5", "--msg-level=all=info", url)
		if err := p.wait(t, 60*time.Second); err != nil || !strings.Contains(p.output(), "VO: [null] 640x360") || !strings.Contains(p.output(), "AO: [null] 48000Hz") {
			t.Errorf("mpv: %v\n%s", err, tail(p.output()))
		}
	})
	encoder.kill()
}

// TestHostile lets 200 hostile connections loose on a running channel, which must not be late by one part.
func TestHostile(t *testing.T) {
	n := newNode(t, "")
	encoder := publish(t, media(t, 40), n.channel("hostile"))
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("hostile") == "live" })
	after(3 * time.Second)
	s, end := watchStrictly(t, n, "hostile")
	after(2 * time.Second)
	var conns []net.Conn
	attack := func(address string, bytes []byte) {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			return // refused: that is fine
		}
		conns = append(conns, c)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		c.Write(bytes)
	}
	garbage := make([]byte, 1<<16)
	rand.Read(garbage)
	hello := append([]byte{3}, make([]byte, 1536)...)
	oversized := append(append(append([]byte{}, hello...), make([]byte, 1536)...), 0x03, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0)
	for i := range 200 {
		switch i % 8 {
		case 0:
			attack(n.rtmp, garbage)
		case 1:
			attack(n.rtmp, hello[:100]) // half a handshake
		case 2:
			attack(n.rtmp, append(oversized, garbage...))
		case 3:
			attack(n.rtmp, append(append(append([]byte{}, hello...), make([]byte, 1536)...), garbage...))
		case 4:
			attack(n.http, garbage)
		case 5:
			attack(n.http, []byte("GET /hostile/main.m3u8 HTTP/1.1\r\nHost: x\r\nX: ")) // never ends
		case 6: // asks for much and never reads
			attack(n.http, bytes.Repeat([]byte("GET /hostile/dvr/main.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n"), 200))
		case 7:
			attack(n.http, []byte("POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"+strings.Repeat("{", 4000)))
		}
	}
	after(12 * time.Second)
	for _, c := range conns {
		c.Close()
	}
	after(time.Second)
	end()
	t.Logf("%d hostile connections; %d playlists, the longest wait for a part %v, late %d", len(conns), s.answers, s.longest, s.late)
	if s.late > 0 || s.answers < 40 {
		t.Errorf("%d of %d parts were late, the longest by %v", s.late, s.answers, s.longest)
	}
	if n.state("hostile") != "live" {
		t.Error("the channel is not on air any more")
	}
	encoder.kill()
}

// TestGStreamerPublishes publishes with GStreamer, and gets every picture.
func TestGStreamerPublishes(t *testing.T) {
	t.Parallel()
	n := newNode(t, "")
	file := media(t, 6)
	encoder := start(t, nil, "gst-launch-1.0", "-q", "filesrc", "location="+file, "!", "qtdemux", "name=d",
		"flvmux", "name=m", "streamable=true", "!", "rtmp2sink", "location="+n.channel("gst"),
		"d.video_0", "!", "queue", "!", "h264parse", "!", "m.", "d.audio_0", "!", "queue", "!", "aacparse", "!", "m.")
	if err := encoder.wait(t, 60*time.Second); err != nil {
		t.Fatalf("gst-launch-1.0: %v\n%s", err, tail(encoder.output()))
	}
	n.until("the channel is off air", 10*time.Second, func() bool { return n.state("gst") == "off" })
	got, want := hashes(t, n.download(n.dvr("gst", 1)[0]), "v", false), hashes(t, file, "v", false)
	if len(got) != len(want) || firstDifference(got, want) != len(want) {
		t.Errorf("%d pictures, want %d; the first difference is at %d", len(got), len(want), firstDifference(got, want))
	}
}
