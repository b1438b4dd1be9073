package rtmp

import (
	"bytes"

	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// demux turns audio and video messages into tracks and samples. It is a state machine: it knows no
// connection and no clock but the stream's own.
//
// First it waits for the configuration of every track that the metadata promises (of both, if
// there is no metadata), but not for long; samples that come meanwhile are held, so that the
// first one reaches the sink. Then it gives the tracks, the held samples, and whatever follows.
type demux struct {
	sink  Sink
	time  timeline
	sound audioClock

	meta       bool // metadata came, and promises …
	wantVideo  bool
	wantAudio  bool
	frameRate  float64
	videoRaw   []byte // the video configuration as it came, to see whether it changes
	videoTrack media.Track
	avc        avcConfig
	audioTrack media.Track
	wide       []byte // a sample rewritten by widen

	started bool // the sink has the tracks
	held    []media.Sample
	store   []byte // the data of held samples, one after the other
	since   int64  // time of the first held sample, ms

	samples int64 // given or held
	skipped int64 // without a configuration, or malformed
}

// heldOverhead is counted for each held sample besides its bytes, so that a flood of tiny ones is bounded.
const heldOverhead = 64

// metadata notes what @setDataFrame or onMetaData promises.
func (d *demux) metadata(values []amfValue) {
	for i, v := range values {
		if v.text() != "onMetaData" || i+1 >= len(values) {
			continue
		}
		m := values[i+1]
		promises := func(names ...string) bool {
			for _, name := range names {
				if p := m.get(name); p.num > 0 || p.text() != "" {
					return true
				}
			}
			return false
		}
		d.wantVideo = promises("videocodecid", "width")
		d.wantAudio = promises("audiocodecid", "audiosamplerate")
		d.meta = d.wantVideo || d.wantAudio
		if f := m.get("framerate").num; f >= 1 && f <= 300 {
			d.frameRate = f
		}
	}
}

// video takes a video message.
func (d *demux) video(ms uint32, body []byte) error {
	t, err := parseVideo(body)
	if err != nil {
		d.skipped++
		return nil
	}
	if t.codec != "" && t.codec != codecH264 {
		return unsupportedVideo(t.codec)
	}
	switch t.kind {
	case tagConfig:
		return d.videoConfig(t.data)
	case tagFrame:
		return d.videoFrame(d.time.at(ms), t)
	}
	return nil
}

// audio takes an audio message.
func (d *demux) audio(ms uint32, body []byte) error {
	t, err := parseAudio(body)
	if err != nil {
		d.skipped++
		return nil
	}
	if t.codec != "" && t.codec != codecAAC {
		return unsupportedAudio(t.codec)
	}
	switch t.kind {
	case tagConfig:
		return d.audioConfig(t.data)
	case tagFrame:
		at := d.time.at(ms)
		if d.audioTrack.ID == 0 || cmaf.CheckAAC(t.data) != nil {
			d.skipped++
			return nil
		}
		return d.put(at, media.Sample{Track: AudioTrack, DTS: d.sound.at(at), Key: true, Data: t.data})
	}
	return nil
}

// videoConfig takes an AVC sequence header. Encoders repeat it at will; only a different one counts.
func (d *demux) videoConfig(record []byte) error {
	if bytes.Equal(record, d.videoRaw) {
		return nil
	}
	raw := bytes.Clone(record)
	c, err := parseAVCConfig(raw)
	if err != nil {
		return refuse("bad_config", "the encoder's %v", err)
	}
	if err := d.setVideo(c); err != nil {
		return err
	}
	d.videoRaw = raw
	return nil
}

// setVideo makes c the configuration of what follows.
func (d *demux) setVideo(c avcConfig) error {
	config, err := c.build()
	if err != nil {
		return refuse("bad_config", "the encoder's %v", err)
	}
	track, err := cmaf.H264Track(VideoTrack, config)
	if err != nil {
		return refuse("bad_config", "the encoder's %v", err)
	}
	if track.FrameRate == 0 {
		track.FrameRate = d.frameRate
	}
	if d.videoTrack.ID != 0 {
		if bytes.Equal(d.videoTrack.Config, config) {
			d.avc = c
			return nil
		}
		if err := d.start(); err != nil { // what is held belongs to the old configuration
			return err
		}
	}
	d.videoTrack, d.avc = track, c
	return d.changed()
}

func (d *demux) audioConfig(asc []byte) error {
	if d.audioTrack.ID != 0 && bytes.Equal(asc, d.audioTrack.Config) {
		return nil
	}
	track, err := cmaf.AACTrack(AudioTrack, bytes.Clone(asc))
	if err != nil {
		return refuse("bad_config", "the encoder's %v", err)
	}
	if d.audioTrack.ID != 0 {
		if err := d.start(); err != nil {
			return err
		}
	}
	d.audioTrack = track
	d.sound = audioClock{rate: int64(track.Timescale), frame: int64(cmaf.AACFrame(track))}
	return d.changed()
}

// changed tells the sink of new tracks, or starts it if nothing is left to wait for.
func (d *demux) changed() error {
	if d.started {
		return d.sink.Tracks(d.tracks())
	}
	missing := (d.wantVideo || !d.meta) && d.videoTrack.ID == 0 || (d.wantAudio || !d.meta) && d.audioTrack.ID == 0
	if missing {
		return nil
	}
	return d.start()
}

func (d *demux) tracks() []media.Track {
	all := make([]media.Track, 0, 2)
	if d.videoTrack.ID != 0 {
		all = append(all, d.videoTrack)
	}
	if d.audioTrack.ID != 0 {
		all = append(all, d.audioTrack)
	}
	return all
}

func (d *demux) videoFrame(at int64, t flvTag) error {
	if d.videoTrack.ID == 0 || len(t.data) == 0 {
		d.skipped++
		return nil
	}
	data := t.data
	if d.avc.lengthSize != 4 {
		var err error
		if d.wide, err = widen(d.wide[:0], data, d.avc.lengthSize); err != nil {
			d.skipped++
			return nil
		}
		data = d.wide
	}
	if cmaf.CheckAVCC(data) != nil {
		d.skipped++
		return nil
	}
	if t.key {
		if c, other := d.avc.withInBand(data); other {
			if err := d.setVideo(c.clone()); err != nil {
				return err
			}
		}
	}
	return d.put(at, media.Sample{Track: VideoTrack, DTS: at * 90, CTO: t.cto * 90, Key: t.key, Data: data})
}

// put hands a sample over, or holds it until the tracks are known.
func (d *demux) put(at int64, s media.Sample) error {
	d.samples++
	if d.started {
		return d.sink.Sample(s)
	}
	if len(d.held) == 0 {
		d.since = at
	}
	d.store = append(d.store, s.Data...)
	d.held = append(d.held, s) // of its Data only the length is used: start finds the bytes in the store
	waited := at - d.since
	if max(waited, -waited) >= detectTime.Milliseconds() || len(d.store)+heldOverhead*len(d.held) > detectBytes {
		return d.start()
	}
	return nil
}

// start gives the sink the tracks that are known and what was held.
func (d *demux) start() error {
	if d.started {
		return nil
	}
	d.started = true
	if err := d.sink.Tracks(d.tracks()); err != nil {
		return err
	}
	held, store := d.held, d.store
	d.held, d.store = nil, nil
	for _, s := range held {
		s.Data, store = store[:len(s.Data):len(s.Data)], store[len(s.Data):]
		if err := d.sink.Sample(s); err != nil {
			return err
		}
	}
	return nil
}
