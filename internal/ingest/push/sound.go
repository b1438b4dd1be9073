package push

import (
	"context"
	"errors"
	"time"

	"github.com/mayfly-tv/mayfly/internal/opus"
)

// SoundLag is how far the sound of an object that sends Opus ends before its pictures, in 1/48,000 s: frames of AAC are
// made of what lies on both sides of them, and an object must not wait for the next one.
const SoundLag = 3 * opus.Span

// soundTime bounds the making of an object's sound. It does not end with the request: who sends an object again because
// this node is slow would never get it through.
const soundTime = 20 * time.Second

// aac replaces the Opus of an object by AAC. Which frames belong to the object is said by its pictures alone: those
// that end within their time, put back by SoundLag. So every frame belongs to one object, and who publishes sends with
// each object the sound that its frames are made of, also what the object before had: from SoundLag, one frame and
// opus.Before before its first picture, to its last one.
func (u *upload) aac(h *header, samples []sample) ([]sample, error) {
	if h.opus == nil {
		return samples, nil
	}
	var out []sample
	var packets []opus.Packet
	begin, end, scale := int64(0), int64(0), int64(0)
	if t := h.tracks[videoSlot]; t != nil {
		scale = int64(t.Timescale)
	}
	for _, x := range samples {
		if x.slot == audioSlot {
			packets = append(packets, opus.Packet{Time: x.dts, Data: x.data})
			continue
		}
		if len(out) == 0 {
			begin = x.dts
		}
		end = x.dts + x.dur
		out = append(out, x)
	}
	if len(out) == 0 {
		return nil, refuse(415, "opus_alone", "Opus without pictures is not supported: send it in the objects of the pictures, or send AAC")
	}
	first, after := frameAt(begin, scale), frameAt(end, scale)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.r.Context()), soundTime)
	defer cancel()
	frames, err := u.convert(ctx, *h.opus, packets, first, after)
	if err != nil {
		return nil, err
	}
	for i, f := range frames {
		out = append(out, sample{slot: audioSlot, dts: (first + int64(i)) * opus.Span, dur: opus.Span, key: true, data: f})
	}
	return out, nil
}

// frameAt returns the first frame that does not end by the time t, put back by SoundLag.
func frameAt(t, scale int64) int64 {
	s := seconds(t, scale)
	return floor(s*opus.Rate+(t-s*scale)*opus.Rate/scale-SoundLag, opus.Span)
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (u *upload) convert(ctx context.Context, head opus.Head, packets []opus.Packet, first, end int64) ([][]byte, error) {
	if u.h.cfg.AAC == nil {
		return nil, badCodec("OPUS")
	}
	frames, err := u.h.cfg.AAC(ctx, head, packets, first, end)
	switch {
	case err == nil:
		return frames, nil
	case errors.Is(err, opus.ErrMissing):
		return nil, refuse(415, "no_ffmpeg", "this server has no ffmpeg, which makes AAC of Opus: send AAC, or tell the operator to install it")
	case errors.Is(err, opus.ErrInvalid):
		return nil, broken("%v", err)
	}
	return nil, errBusy
}
