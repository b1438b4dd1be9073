package rtmp

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// nothing is a Sink that checks what it gets.
type nothing struct {
	t      *testing.T
	tracks map[int]bool
}

func (n *nothing) Tracks(list []media.Track) error {
	n.tracks = map[int]bool{}
	for _, t := range list {
		n.tracks[t.ID] = true
		if len(t.Config) == 0 || t.Timescale == 0 {
			n.t.Errorf("track without configuration: %+v", t)
		}
	}
	return nil
}

func (n *nothing) Sample(s media.Sample) error {
	if !n.tracks[s.Track] || len(s.Data) == 0 {
		n.t.Errorf("sample of %d bytes of track %d, tracks are %v", len(s.Data), s.Track, n.tracks)
	}
	return nil
}

func (n *nothing) Close(error) {}

// FuzzChunks reads any bytes as chunks: no panic, no message above its limit, no end without an error.
func FuzzChunks(f *testing.F) {
	s := newSession()
	s.connect(1, amfValue{})
	s.published()
	f.Add(bytes.Clone(s.out))
	f.Add([]byte{3, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0})
	f.Add([]byte{0x03, 0xff, 0xff, 0xff, 0, 0, 1, 9, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0xc3, 1, 0, 0, 0, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newChunkReader(bytes.NewReader(data), maxCommand)
		total := 0
		for range 100_000 {
			m, err := c.next()
			if err != nil {
				var r *Refusal
				if !errors.Is(err, errBroken) && !errors.As(err, &r) {
					t.Errorf("an error that is neither: %v", err)
				}
				return
			}
			if len(m.body) > maxAudio {
				t.Errorf("message of %d bytes", len(m.body))
			}
			if total += len(m.body); total > len(data) {
				t.Fatalf("%d bytes of messages out of %d", total, len(data))
			}
		}
	})
}

// FuzzSession feeds any bytes to all that is behind the handshake.
func FuzzSession(f *testing.F) {
	c := &client{out: newSession()}
	c.command("connect", 1, []any{"app", "live"})
	c.command("publish", 3, nil, goodKey, "live")
	c.out.send(chunkStatus, typeVideo, 1, videoConfig())
	c.out.send(chunkStatus, typeAudio, 1, audioConfig())
	c.out.send(chunkStatus, typeVideo, 1, videoFrame(true, 1))
	f.Add(bytes.Clone(c.out.out))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, s := newChunkReader(bytes.NewReader(data), maxCommand), newSession()
		d := &demux{sink: &nothing{t: t}}
		for range 10_000 {
			m, err := r.next()
			if err != nil {
				return
			}
			switch m.kind {
			case typeCommandAMF0:
				_, _, err = s.command(m)
			case typeDataAMF0:
				values, _ := decodeAMF(m.body)
				d.metadata(values)
			case typeVideo:
				err = d.video(m.time, m.body)
			case typeAudio:
				err = d.audio(m.time, m.body)
			}
			if err != nil {
				return
			}
			s.out = s.out[:0]
		}
	})
}

// FuzzAMF0 decodes any bytes: no panic, and no more values than there are bytes.
func FuzzAMF0(f *testing.F) {
	f.Add(appendAMFObject(appendAMFNumber(appendAMFString(nil, "connect"), 1), "app", "live", "n", 1))
	f.Add([]byte{amfStrictArray, 0xff, 0xff, 0xff, 0xff, amfNull})
	f.Add(bytes.Repeat([]byte{amfObject, 0, 1, 'a'}, 50))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, _ := decodeAMF(data)
		var count func([]amfValue) int
		count = func(list []amfValue) int {
			n := len(list)
			for _, v := range list {
				for _, p := range v.props {
					n += count([]amfValue{p.value})
				}
			}
			return n
		}
		if n := count(values); n > len(data) {
			t.Errorf("%d values in %d bytes", n, len(data))
		}
	})
}

// FuzzFLV parses any bytes as audio and video tags, and what they carry.
func FuzzFLV(f *testing.F) {
	f.Add(videoConfig(), audioConfig())
	f.Add(videoFrame(true, 1), audioFrame(2))
	f.Add([]byte{0x96, 'a', 'v', 'c', '1', 0, 0, 0, 1}, []byte{0x95, 'm', 'p', '4', 'a', 1, 2})
	f.Fuzz(func(t *testing.T, video, audio []byte) {
		if tag, err := parseVideo(video); err == nil && len(tag.data) > len(video) {
			t.Errorf("tag of %d bytes in %d", len(tag.data), len(video))
		}
		if tag, err := parseAudio(audio); err == nil && len(tag.data) > len(audio) {
			t.Errorf("tag of %d bytes in %d", len(tag.data), len(audio))
		}
		d := &demux{sink: &nothing{t: t}}
		d.video(0, videoConfig())
		d.audio(0, audioConfig())
		for ms := range uint32(3) {
			if d.video(ms*40, video) != nil || d.audio(ms*21, audio) != nil {
				return
			}
		}
	})
}

// FuzzAVC reads any bytes as H.264 configuration, and rewrites any as samples.
func FuzzAVC(f *testing.F) {
	f.Add(avcC(sps), []byte{0, 2, 0x65, 1}, 2)
	f.Fuzz(func(t *testing.T, config, sample []byte, size int) {
		if c, err := parseAVCConfig(config); err == nil {
			if _, err := c.build(); err == nil {
				if again, other := c.withInBand(sample); other {
					again.clone()
				}
			}
		}
		size = []int{1, 2, 4}[((size%3)+3)%3]
		if wide, err := widen(nil, sample, size); err == nil && len(wide) > 4*len(sample) {
			t.Errorf("a sample of %d bytes became %d", len(sample), len(wide))
		}
	})
}
