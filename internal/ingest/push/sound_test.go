package push

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/opus"
)

func opusTrack() media.Track {
	return media.Track{ID: AudioTrack, Codec: media.Opus, Timescale: opus.Rate, SampleRate: opus.Rate, Channels: 2, Config: []byte{0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0}}
}

// withOpus returns segment n with packets of 20 ms from before its beginning to its end.
func withOpus(n, before int) []byte {
	f := cmaf.Fragment{Track: AudioTrack, Audio: true}
	first := max(n*50-before, 0)
	f.Base = uint64(first * 960)
	for range (n+1)*50 - first {
		f.Samples = append(f.Samples, cmaf.Sample{Duration: 960, Size: 3, Key: true})
		f.Data = append(f.Data, 0xfc, 0xff, 0xfe)
	}
	return append(pictures(n), cmaf.AppendFragment(nil, &f)...)
}

// TestOpus: of each object the frames are asked for that belong to it, and all of them come out once, whether an
// object comes again or with too little sound.
func TestOpus(t *testing.T) {
	asked := []string{}
	var fails error
	cfg := Config{AAC: func(_ context.Context, head opus.Head, packets []opus.Packet, first, end int64) ([][]byte, error) {
		asked = append(asked, fmt.Sprint(first, end))
		if head.PreSkip != 312 || fails != nil {
			return nil, fails
		}
		frames := [][]byte{}
		for i := first; i < end; i++ {
			frames = append(frames, binary.BigEndian.AppendUint32([]byte{0x21}, uint32(i+100)))
		}
		return frames, nil
	}}
	bubble(t, cfg, func(t *testing.T, h *Handler, d *fakeDesk) {
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), opusTrack())).want(t, 201, "")
		s := d.sink(t)
		for n := range 5 {
			send(h, "PUT", at("s/main/%d", n), withOpus(n, 13), HeaderOldest, fmt.Sprint(n)).want(t, 201, "")
		}
		send(h, "PUT", at("s/main/3"), withOpus(3, 13)).want(t, 200, "") // and is not converted again
		s.inOrder(t, VideoTrack, 0, 5*perSegment)
		end := (5*opus.Rate - SoundLag) / opus.Span
		s.inOrder(t, AudioTrack, 100-SoundLag/opus.Span, 100+end)
		if len(asked) != 5 || len(s.tracks) != 1 || s.tracks[0][1].Codec != media.AAC {
			t.Errorf("asked for %v; tracks %+v", asked, s.tracks)
		}
		for _, x := range s.all {
			if x.Track == AudioTrack && x.DTS != int64(x.number-100)*opus.Span {
				t.Errorf("frame %d at %d", x.number-100, x.DTS)
			}
		}
		fails = opus.ErrMissing
		send(h, "PUT", at("s/main/5"), withOpus(5, 13)).want(t, 415, "no ffmpeg")
		fails = fmt.Errorf("%w: a hole", opus.ErrInvalid)
		send(h, "PUT", at("s/main/5"), withOpus(5, 13)).want(t, 400, "a hole")
		send(h, "PUT", at("t/main/init"), makeInit(opusTrack())).want(t, 201, "")
		send(h, "PUT", at("t/main/0"), withOpus(0, 0)).want(t, 415, "without pictures")
	})
	bubble(t, Config{}, func(t *testing.T, h *Handler, _ *fakeDesk) {
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), opusTrack())).want(t, 201, "")
		send(h, "PUT", at("s/main/0"), withOpus(0, 0)).want(t, 415, "OPUS is not supported")
	})
}

// TestSlowSound: the sound of an object is made once, though its sender stops waiting and sends it again while it is made.
func TestSlowSound(t *testing.T) {
	var made chan struct{} // closed: it may be made
	asked := 0
	cfg := Config{AAC: func(ctx context.Context, _ opus.Head, _ []opus.Packet, first, end int64) ([][]byte, error) {
		asked++
		select {
		case <-made:
			return slices.Repeat([][]byte{{0x21, 0, 0, 0, 0}}, int(end-first)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		cfg.Desk = d
		made = make(chan struct{})
		h := running(t, cfg)
		send(h, "PUT", at("s/main/init"), makeInit(videoTrack(), opusTrack())).want(t, 201, "")
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan int)
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("PUT", at("s/main/0"), bytes.NewReader(withOpus(0, 13))).WithContext(ctx))
			first <- w.Code
		}()
		synctest.Wait()
		cancel()
		again := async(h, at("s/main/0"), withOpus(0, 13), HeaderOldest, "0")
		close(made)
		again().want(t, 201, "")
		<-first // nobody hears its answer
		send(h, "PUT", at("s/main/0"), withOpus(0, 13)).want(t, 200, "")
		d.sink(t).inOrder(t, VideoTrack, 0, perSegment)
		if asked != 1 {
			t.Errorf("it was made %d times", asked)
		}
		// It does not take forever.
		made = make(chan struct{})
		began := time.Now()
		send(h, "PUT", at("s/main/1"), withOpus(1, 13), HeaderOldest, "1").want(t, 503, "")
		if took := time.Since(began); took != soundTime {
			t.Errorf("it was given up after %v", took)
		}
	})
}
