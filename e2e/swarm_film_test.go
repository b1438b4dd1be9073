package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
)

// reel is a short film that many channels send over and over. Every picture of every channel is told apart by
// a message in it (SEI, user_data_unregistered), so that what a channel sent can be made again at any time and
// compared with what was kept, byte by byte, and nothing need be remembered.
type reel struct {
	init     []byte
	scale    int64
	pictures []cmaf.SampleInfo
	per      int // pictures of a piece
}

const (
	reelRate   = 5 // pictures a second
	reelPieces = 8 // until it begins again
)

// newReel makes a reel in pieces of so many seconds, each of which begins with a keyframe.
func newReel(t *testing.T, piece int) *reel {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reel.mp4")
	r := &reel{per: piece * reelRate}
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=160x90:rate=%d:duration=%d", reelRate, piece*reelPieces),
		"-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", fmt.Sprint(r.per), "-keyint_min", fmt.Sprint(r.per), "-sc_threshold", "0",
		"-b:v", "30k", "-maxrate", "30k", "-bufsize", "30k", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov+default_base_moof", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tracks, err := cmaf.ReadInit(data)
	if err != nil || len(tracks) != 1 {
		t.Fatalf("the reel has %d tracks (%v)", len(tracks), err)
	}
	if r.init, err = cmaf.Init(tracks); err != nil {
		t.Fatal(err)
	}
	r.scale = int64(tracks[0].Timescale)
	defaults, err := cmaf.ReadDefaults(data)
	if err != nil {
		t.Fatal(err)
	}
	fragments, err := cmaf.ReadForeign(data, 0, defaults)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fragments {
		r.pictures = append(r.pictures, f.Samples...)
	}
	if want := r.per * reelPieces; len(r.pictures) != want {
		t.Fatalf("the reel has %d pictures, want %d", len(r.pictures), want)
	}
	for i := range reelPieces {
		if !r.pictures[i*r.per].Key {
			t.Fatalf("piece %d of the reel does not begin with a keyframe", i)
		}
	}
	return r
}

// The message in front of a picture: its length, NAL unit 6 (SEI), payload 5, so many bytes, 16 bytes that say whose it is,
// and channel and picture in decimals. None of its bytes is 0, so nothing need be escaped.
const (
	reelMark   = "mayfly-e2e-swarm"
	reelText   = "%05d/%07d"
	reelNumber = 5 + 1 + 7
	reelSEI    = 4 + 3 + len(reelMark) + reelNumber + 1
)

// picture returns one picture of a channel.
func (r *reel) picture(channel, n int) []byte {
	p := &r.pictures[n%len(r.pictures)]
	b := make([]byte, 0, reelSEI+len(p.Data))
	b = binary.BigEndian.AppendUint32(b, uint32(reelSEI-4))
	b = append(b, 6, 5, byte(len(reelMark)+reelNumber))
	b = append(b, reelMark...)
	b = fmt.Appendf(b, reelText, channel, n)
	b = append(b, 0x80)
	return append(b, p.Data...)
}

// piece returns one piece of a channel, as it is pushed.
func (r *reel) piece(channel, n int) []byte {
	tick := r.scale / reelRate
	f := cmaf.Fragment{Track: 1, Base: uint64(n) * uint64(r.per) * uint64(tick)}
	for i := n * r.per; i < (n+1)*r.per; i++ {
		data := r.picture(channel, i)
		f.Samples = append(f.Samples, cmaf.Sample{Duration: uint32(tick), Size: uint32(len(data)), Key: i%r.per == 0})
		f.Data = append(f.Data, data...)
	}
	return cmaf.AppendFragment(nil, &f)
}

// read returns which pictures of a channel a piece of media holds. Every byte of them must be as it was sent.
func (r *reel) read(channel int, data []byte) (list []int, err error) {
	fragments, err := cmaf.ReadFragments(data)
	if err != nil {
		return nil, err
	}
	for _, f := range fragments {
		if f.Track != 1 {
			continue
		}
		for _, s := range f.Samples {
			var from, n int
			if len(s.Data) < reelSEI {
				return list, fmt.Errorf("a picture of %d bytes that was never published", len(s.Data))
			}
			text := s.Data[reelSEI-1-reelNumber : reelSEI-1]
			if _, err := fmt.Sscanf(string(text), reelText, &from, &n); err != nil || from != channel || !bytes.Equal(s.Data, r.picture(channel, n)) {
				return list, fmt.Errorf("a picture of channel %d, or so it says (%q), that this channel never published", from, text)
			}
			list = append(list, n)
		}
	}
	return list, nil
}
