package take

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestPulse sends what goes wrong at encoders, and what does not.
func TestPulse(t *testing.T) {
	type send struct {
		video, audio bool
		keys         int                                  // a keyframe every so many pictures, at 25 a second
		comes        func(at time.Duration) time.Duration // when what is of that time comes
	}
	steady := func(at time.Duration) time.Duration { return at }
	both := []media.Track{videoTrack, audioTrack}
	for _, c := range []struct {
		name   string
		tracks []media.Track
		send   send
		want   []string
		says   string
	}{
		{"all is well", both, send{true, true, 50, steady}, nil, ""},
		{"it comes in bursts of half a second", both, send{true, true, 50, func(at time.Duration) time.Duration { return at.Truncate(500*time.Millisecond) + 500*time.Millisecond }}, nil, ""},
		{"it is a second late, always", both, send{true, true, 50, func(at time.Duration) time.Duration { return at + time.Second }}, nil, ""},
		{"no sound", []media.Track{videoTrack}, send{true, false, 50, steady}, []string{NoSound}, "silence"},
		{"no picture", []media.Track{audioTrack}, send{false, true, 50, steady}, []string{NoPicture}, "dark still"},
		{"the sound does not come", both, send{true, false, 50, steady}, []string{NoSound}, "microphone"},
		{"the picture does not come", both, send{false, true, 50, steady}, []string{NoPicture}, "camera"},
		{"keyframes of 10 s", both, send{true, true, 250, steady}, []string{Keyframes}, "10 s"},
		{"one keyframe", both, send{true, true, 1 << 30, steady}, []string{Keyframes}, "set 2 s"},
		{"slower than time", both, send{true, true, 50, func(at time.Duration) time.Duration { return at * 10 / 9 }}, []string{Behind}, "90 %"},
		{"uneven", both, send{true, true, 50, func(at time.Duration) time.Duration {
			return max(at, at.Truncate(8*time.Second)+2*time.Second)
		}}, []string{Unstable}, "2.0 s late"},
		{"in pieces", both, send{true, true, 50, func(at time.Duration) time.Duration { return at.Truncate(6*time.Second) + 6*time.Second }}, nil, ""},
	} {
		began := time.Unix(1e9, 0)
		p := NewPulse(c.tracks, c.name == "in pieces", began)
		now := began
		for n := 0; n < 25*40; n++ {
			at := time.Duration(n) * 40 * time.Millisecond
			now = began.Add(c.send.comes(at))
			if c.send.video {
				p.Sample(media.Sample{Track: 1, DTS: int64(n) * 3600, Key: n%c.send.keys == 0}, now)
			}
			if c.send.audio {
				p.Sample(media.Sample{Track: 2, DTS: int64(n) * 1920, Key: true}, now)
			}
		}
		var got []string
		text := ""
		for _, w := range p.Warnings(now) {
			got = append(got, w.Kind)
			text += w.Text
		}
		if !slices.Equal(got, c.want) || !strings.Contains(text, c.says) {
			t.Errorf("%s: %v (%s), want %v", c.name, got, text, c.want)
		}
	}
}

// TestPulseForgets lets the clock jump, and the encoder recover: nothing is said of what has passed.
func TestPulseForgets(t *testing.T) {
	began := time.Unix(1e9, 0)
	p := NewPulse([]media.Track{videoTrack}, false, began)
	send := func(from, to int, shift int64, slow time.Duration) (now time.Time) {
		for n := from; n < to; n++ {
			now = began.Add(time.Duration(n)*40*time.Millisecond + slow*time.Duration(n-from))
			p.Sample(media.Sample{Track: 1, DTS: int64(n)*3600 + shift, Key: n%50 == 0}, now)
		}
		return now
	}
	send(0, 500, 0, 0)
	if w := p.Warnings(send(500, 1000, 90000*3600, 0)); len(w) != 1 {
		t.Errorf("after a jump of the clock: %v, want only that there is no sound", w)
	}
	if w := p.Warnings(send(1000, 1500, 90000*3600, 10*time.Millisecond)); len(w) != 2 {
		t.Errorf("slow for a while: %v", w)
	}
	began = began.Add(5 * time.Second) // so late it stays, and is no slower than time
	if w := p.Warnings(send(1500, 2300, 90000*3600, 0)); len(w) != 1 {
		t.Errorf("steady again: %v", w)
	}
}
