package push

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

var (
	testSPS = unhex("674d400ceca0a0cfcf80880000030008000003019078a14cb0")
	testPPS = unhex("68ce0fc8")
)

func videoTrack() media.Track {
	config, err := avcConfig([][]byte{testSPS}, [][]byte{testPPS})
	if err != nil {
		panic(err)
	}
	t, err := cmaf.H264Track(VideoTrack, config)
	if err != nil {
		panic(err)
	}
	return t
}

func soundTrack() media.Track {
	t, err := cmaf.AACTrack(AudioTrack, []byte{0x11, 0x90})
	if err != nil {
		panic(err)
	}
	return t
}

func makeInit(tracks ...media.Track) []byte {
	b, err := cmaf.Init(tracks)
	if err != nil {
		panic(err)
	}
	return b
}

const (
	perSegment = 25 // pictures of a segment of 1 s
	soundFrame = 1024
)

// pictures returns segment n: a second of pictures that tell their number.
func pictures(n int) []byte {
	f := cmaf.Fragment{Track: VideoTrack, Base: uint64(n) * 90000}
	for i := range perSegment {
		data := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 5, 0x65}, uint32(n*perSegment+i))
		f.Samples = append(f.Samples, cmaf.Sample{Duration: 3600, Size: uint32(len(data)), Key: i == 0})
		f.Data = append(f.Data, data...)
	}
	return cmaf.AppendFragment(nil, &f)
}

// sounds returns the sound of segment n: the frames that begin within its second.
func sounds(n int) []byte {
	first := (n*48000 + soundFrame - 1) / soundFrame
	end := ((n+1)*48000 + soundFrame - 1) / soundFrame
	f := cmaf.Fragment{Track: AudioTrack, Audio: true, Base: uint64(first) * soundFrame}
	for i := first; i < end; i++ {
		data := binary.BigEndian.AppendUint32([]byte{0x21}, uint32(i))
		f.Samples = append(f.Samples, cmaf.Sample{Duration: soundFrame, Size: uint32(len(data)), Key: true})
		f.Data = append(f.Data, data...)
	}
	return cmaf.AppendFragment(nil, &f)
}

// both returns segment n with both tracks.
func both(n int) []byte { return append(pictures(n), sounds(n)...) }

// answered is an answer to a request.
type answered struct {
	status int
	head   http.Header
	body   string
}

// send sends one request straight to a handler.
func send(h http.Handler, method, path string, body []byte, head ...string) answered {
	return sendBody(h, method, path, bytes.NewReader(body), head...)
}

func sendBody(h http.Handler, method, path string, body io.Reader, head ...string) answered {
	r := httptest.NewRequest(method, path, body)
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answered{w.Code, w.Header(), w.Body.String()}
}

// at is the address of an object of the session s of the good key.
func at(format string, args ...any) string {
	return "/push/" + goodKey + "/" + fmt.Sprintf(format, args...)
}

// running makes a handler whose Run ends with the test.
func running(t *testing.T, cfg Config) *Handler {
	t.Helper()
	h := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ran
	})
	return h
}

// numbers returns the numbers of a track's samples, in the order of their arrival.
func (s *fakeSink) numbers(track int) []int {
	var out []int
	for _, x := range s.all {
		if x.Track == track {
			out = append(out, x.number)
		}
	}
	return out
}

// inOrder fails unless the track's samples are from..to-1.
func (s *fakeSink) inOrder(t *testing.T, track, from, to int) {
	t.Helper()
	got := s.numbers(track)
	for i, n := range got {
		if n != from+i {
			t.Errorf("track %d: sample %d has number %d, want %d", track, i, n, from+i)
			return
		}
	}
	if len(got) != to-from {
		t.Errorf("track %d: %d samples, want %d", track, len(got), to-from)
	}
}
