package rtmp

import (
	"bytes"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Track ids of what a publisher sends.
const (
	videoTrack = 1
	audioTrack = 2
)

const videoTimescale = 90000

// tag is what an audio or video message holds (FLV specification 10.1, E.4.2 and E.4.3; Enhanced
// RTMP v2 for four-character codes).
type tag struct {
	config bool   // data is a codec's header, not a sample
	end    bool   // end of sequence: nothing in it
	key    bool   // video: decoding can start here
	cto    int32  // video: presentation time minus decode time, milliseconds
	data   []byte // the sample, or the header
}

var fourCCs = map[string]string{
	"hvc1": "HEVC (H.265)", "av01": "AV1", "vp08": "VP8", "vp09": "VP9", "vvc1": "VVC",
	"Opus": "Opus", "fLaC": "FLAC", "ac-3": "AC-3", "ec-3": "E-AC-3", ".mp3": "MP3",
}

var oldVideo = map[byte]string{2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen video 2", 12: "HEVC (H.265)"}

var oldAudio = map[byte]string{0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser", 7: "G.711", 8: "G.711", 11: "Speex", 13: "Opus", 14: "MP3"}

func unsupported(kind, codec, want string) error {
	if codec == "" {
		codec = "this " + kind + " codec"
	}
	return Refuse("%s is not supported: choose %s as the %s codec in your encoder's output settings", codec, want, kind)
}

// parseVideo reads the payload of a video message.
func parseVideo(b []byte) (tag, error) {
	if len(b) < 2 {
		return tag{end: true}, nil // some encoders send empty messages
	}
	t := tag{key: b[0]>>4&7 == 1}
	if b[0]&0x80 != 0 {
		return parseVideoEx(t, b)
	}
	if b[0]>>4 == 5 { // a command to the player, not a picture
		return tag{end: true}, nil
	}
	if codec := b[0] & 15; codec != 7 {
		return t, unsupported("video", oldVideo[codec], "H.264")
	}
	if len(b) < 5 {
		return t, malformed("video message of %d bytes", len(b))
	}
	t.cto = int32(uint24(b[2:])<<8) >> 8
	return t.ofType(b[1], b[5:])
}

// parseVideoEx reads an Enhanced RTMP video message.
func parseVideoEx(t tag, b []byte) (tag, error) {
	if len(b) < 5 {
		return t, malformed("video message of %d bytes", len(b))
	}
	kind, fourCC, rest := b[0]&15, string(b[1:5]), b[5:]
	if fourCC != "avc1" {
		return t, unsupported("video", fourCCs[fourCC], "H.264")
	}
	switch kind {
	case 1:
		if len(rest) < 3 {
			return t, malformed("video message of %d bytes", len(b))
		}
		t.cto = int32(uint24(rest)<<8) >> 8
		return t.ofType(1, rest[3:])
	case 3: // like 1, without the offset
		return t.ofType(1, rest)
	case 0, 2:
		return t.ofType(kind, rest)
	}
	return tag{end: true}, nil // metadata
}

func (t tag) ofType(kind byte, data []byte) (tag, error) {
	t.data = data
	switch kind {
	case 0:
		t.config = true
	case 1:
		t.end = len(data) == 0
	default:
		t.end = true
	}
	return t, nil
}

// parseAudio reads the payload of an audio message.
func parseAudio(b []byte) (tag, error) {
	t := tag{key: true}
	if len(b) < 2 {
		return tag{end: true}, nil
	}
	switch format := b[0] >> 4; format {
	case 10:
		return t.ofType(b[1], b[2:])
	case 9: // Enhanced RTMP
		if len(b) < 5 {
			return t, malformed("audio message of %d bytes", len(b))
		}
		if fourCC := string(b[1:5]); fourCC != "mp4a" {
			return t, unsupported("audio", fourCCs[fourCC], "AAC")
		}
		return t.ofType(b[0]&15, b[5:])
	default:
		return t, unsupported("audio", oldAudio[format], "AAC")
	}
}

// waitLimit is how long, in milliseconds of media, and how many bytes, samples are kept while the
// header of a track that was announced, or may be coming, is not there.
const (
	waitLimit  = 1000
	waitMemory = 8 << 20
)

// demuxer turns messages into tracks and samples. Samples that come before all tracks are known are
// kept, so that nothing is lost.
type demuxer struct {
	sink Sink

	video, audio *media.Track // as far as known
	wantVideo    bool         // announced by the metadata
	wantAudio    bool
	announced    bool // there was metadata that says what tracks there are
	open         bool // the sink knows the tracks
	waiting      []waitingSample
	waitingBytes int

	videoTime, audioTime clock
	first                int64 // time of the first sample in ms
	begun                bool
}

type waitingSample struct {
	video bool
	ms    int64
	tag   tag
}

// metadata notes which tracks the encoder announces.
func (d *demuxer) metadata(o object) {
	_, v := o["videocodecid"]
	_, a := o["audiocodecid"]
	if !v && !a {
		_, v = o["width"]
		_, a = o["audiosamplerate"]
	}
	d.wantVideo, d.wantAudio, d.announced = v, a, v || a
}

func (d *demuxer) onVideo(timestamp uint32, b []byte) error {
	t, err := parseVideo(b)
	if err != nil || t.end {
		return err
	}
	if !t.config {
		if err := cmaf.CheckAVCC(t.data); err != nil {
			return nil // a broken access unit is left out: the decoder could do nothing with it
		}
		return d.sample(true, d.videoTime.unwrap(timestamp), t)
	}
	if d.video != nil && bytes.Equal(d.video.Config, t.data) {
		return nil
	}
	track, err := cmaf.H264Track(videoTrack, bytes.Clone(t.data))
	if err != nil {
		return Refuse("the H.264 header of this stream cannot be read (%v): restart the encoder, or choose another H.264 encoder", err)
	}
	d.video = &track
	return d.changed()
}

func (d *demuxer) onAudio(timestamp uint32, b []byte) error {
	t, err := parseAudio(b)
	if err != nil || t.end {
		return err
	}
	if !t.config {
		return d.sample(false, d.audioTime.unwrap(timestamp), t)
	}
	if d.audio != nil && bytes.Equal(d.audio.Config, t.data) {
		return nil
	}
	track, err := cmaf.AACTrack(audioTrack, bytes.Clone(t.data))
	if err != nil {
		return Refuse("the AAC header of this stream cannot be read (%v): choose AAC-LC as the audio codec", err)
	}
	d.audio = &track
	return d.changed()
}

// changed tells the sink about new tracks, once it knows any.
func (d *demuxer) changed() error {
	if d.open {
		return d.sink.Tracks(d.tracks())
	}
	if d.complete() && d.begun {
		return d.release()
	}
	return nil
}

func (d *demuxer) tracks() []media.Track {
	var out []media.Track
	if d.video != nil {
		out = append(out, *d.video)
	}
	if d.audio != nil {
		out = append(out, *d.audio)
	}
	return out
}

// complete reports whether all tracks that are to be expected are known.
func (d *demuxer) complete() bool {
	if d.announced {
		return (d.video != nil || !d.wantVideo) && (d.audio != nil || !d.wantAudio)
	}
	return d.video != nil && d.audio != nil
}

// sample passes a sample on, or keeps it until the tracks are known.
func (d *demuxer) sample(video bool, ms int64, t tag) error {
	if d.open {
		return d.emit(video, ms, t)
	}
	if !d.begun {
		d.begun, d.first = true, ms
	}
	if !d.complete() && ms-d.first < waitLimit && d.waitingBytes < waitMemory {
		t.data = bytes.Clone(t.data)
		d.waitingBytes += len(t.data)
		d.waiting = append(d.waiting, waitingSample{video, ms, t})
		return nil
	}
	if d.video == nil && d.audio == nil {
		return Refuse("this stream has samples but no codec header: restart the encoder")
	}
	if err := d.release(); err != nil {
		return err
	}
	return d.emit(video, ms, t)
}

// release tells the sink the tracks, and what was kept.
func (d *demuxer) release() error {
	d.open = true
	if err := d.sink.Tracks(d.tracks()); err != nil {
		return err
	}
	waiting := d.waiting
	d.waiting, d.waitingBytes = nil, 0
	for _, w := range waiting {
		if err := d.emit(w.video, w.ms, w.tag); err != nil {
			return err
		}
	}
	return nil
}

func (d *demuxer) emit(video bool, ms int64, t tag) error {
	switch {
	case video && d.video != nil:
		return d.sink.Sample(media.Sample{
			Track: videoTrack, DTS: ms * (videoTimescale / 1000), CTO: t.cto * (videoTimescale / 1000), Key: t.key, Data: t.data,
		})
	case !video && d.audio != nil:
		return d.sink.Sample(media.Sample{
			Track: audioTrack, DTS: (ms*int64(d.audio.Timescale) + 500) / 1000, Key: true, Data: t.data,
		})
	}
	return nil // of a track without a header: nothing can be done with it
}

// clock continues 32-bit milliseconds beyond their wrap.
type clock struct {
	last  int64
	begun bool
}

func (c *clock) unwrap(t uint32) int64 {
	if !c.begun {
		c.begun, c.last = true, int64(t)
		return c.last
	}
	c.last += int64(int32(t - uint32(c.last)))
	return c.last
}
