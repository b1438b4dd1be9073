package push

import (
	"strings"
	"testing"
	"time"
)

// TestFFmpeg publishes with ffmpeg in all its ways and compares every frame with the source. Not with
// -http_persistent: ffmpeg then closes connections without having read the answers, and what it sent last
// is lost with them.
func TestFFmpeg(t *testing.T) {
	src := makeSource(t)
	want := hashes(t, src)
	for _, c := range []struct{ name, args, path string }{
		{"dash", "-f dash -seg_duration 1 -method PUT", "tv/manifest.mpd"},
		{"dash low latency", "-f dash -seg_duration 2 -streaming 1 -ldash 1 -utc_timing_url http://127.0.0.1/ -method PUT", "manifest.mpd"},
		{"dash, every frame", "-f dash -seg_duration 2 -streaming 1 -frag_type every_frame -method PUT", "tv/manifest.mpd"},
		{"hls ts", "-f hls -hls_time 1 -method PUT", "out.m3u8"},
		{"hls ts that deletes", "-f hls -hls_time 2 -hls_flags delete_segments -hls_list_size 2 -method PUT", "tv/out.m3u8"},
		{"hls fmp4", "-f hls -hls_time 1 -hls_segment_type fmp4 -method PUT", "tv/out.m3u8"},
		{"one long upload", "-f mp4 -movflags cmaf+frag_keyframe+delay_moov -method POST", "tv/all.cmfv"},
		{"one long upload that counts from its beginning", "-f mp4 -movflags frag_keyframe+empty_moov+delay_moov -method PUT", "tv/all.mp4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			address, _ := serve(t, Config{Desk: d, SessionIdle: 4 * time.Second})
			args := append([]string{"-re", "-i", src, "-c", "copy"}, strings.Fields(c.args)...)
			ffmpeg(t, append(args, address+"/push/"+goodKey+"/"+c.path)...)
			s := d.sink(t)
			s.closed(t)
			if s.reason != nil || len(d.made) != 0 {
				t.Errorf("ended with %v, and %d other sessions", s.reason, len(d.made))
			}
			compare(t, s, want)
		})
	}
}
