package rtmp

import (
	"errors"
	"fmt"
)

// Refusal is a reason to turn a publisher away or to end its stream, in words for the person at the
// encoder: what is wrong, and how to mend it.
type Refusal struct {
	Code string // RTMP status code; see codeRejected
	Text string // a sentence for a person; no secrets
	Kind string // a constant label for metrics and logs, such as "unknown_key"
	// Temporary says that the same encoder may be welcome in a moment. At the beginning of a
	// publication it is therefore let in and then disconnected, so that it tries again.
	Temporary bool
}

func (r *Refusal) Error() string { return r.Text }

// OBS gives up waiting for the answer to publish on these two codes and on no other of their family.
const (
	codeRejected = "NetStream.Publish.Rejected"
	codeDenied   = "NetStream.Publish.Denied" // the place or the key is wrong
)

func refuse(kind, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Code: codeRejected, Text: fmt.Sprintf(format, args...)}
}

// The reasons that a Desk, a Sink or whoever kicks a publisher commonly gives.
var (
	// ErrUnknownKey is for a stream key that belongs to no channel.
	ErrUnknownKey = &Refusal{Kind: "unknown_key", Code: codeDenied,
		Text: "unknown stream key: check the stream key in the studio and copy it again"}
	// ErrReplaced ends a publisher when a newer one came with the same key.
	ErrReplaced = &Refusal{Kind: "replaced", Code: codeRejected, Temporary: true,
		Text: "replaced: a newer connection publishes with the same stream key"}
	// ErrTwoEncoders turns away the newer publisher when two keep taking the key from each other.
	ErrTwoEncoders = &Refusal{Kind: "two_encoders", Code: codeRejected,
		Text: "two encoders use one key: stop one of them, or give it a stream key of its own"}
	// Leaving ends publishers when this server stops.
	Leaving = &Refusal{Kind: "leaving", Code: codeRejected, Temporary: true,
		Text: "this server is going away: connect again"}
	// ErrStorageFull ends a publisher whose media can neither be stored nor spooled.
	ErrStorageFull = &Refusal{Kind: "storage_full", Code: codeRejected, Temporary: true,
		Text: "the server's storage is full: tell the operator, then try again"}
	// ErrKeyRevoked ends a publisher whose key was rotated or whose channel was deleted.
	ErrKeyRevoked = &Refusal{Kind: "key_revoked", Code: codeDenied,
		Text: "this stream key is no longer valid: copy the new one from the studio"}
)

// Suspended is for a channel that an operator lets nobody publish to.
func Suspended(reason string) *Refusal {
	return &Refusal{Kind: "suspended", Code: codeDenied, Text: "this channel is suspended: " + reason}
}

var (
	errBusy = &Refusal{Kind: "unavailable", Code: codeRejected, Temporary: true,
		Text: "the server cannot take this stream at the moment: it will be tried again"}
	errIdle = &Refusal{Kind: "idle", Code: codeRejected, Temporary: true,
		Text: "no picture and no sound arrived for too long: check the encoder and its network"}
	errPlay = &Refusal{Kind: "play", Code: "NetStream.Play.Failed",
		Text: "playing over RTMP is not offered: open the channel's page or its HLS address"}
	errTwice = &Refusal{Kind: "protocol", Code: codeRejected,
		Text: "this connection already publishes: use one connection for each stream"}
)

// ErrLost is the reason given to a Sink when the encoder's connection broke without a goodbye.
var ErrLost = errors.New("the encoder's connection was lost")

func wrongApp(app string) *Refusal {
	return &Refusal{Kind: "wrong_app", Code: codeDenied,
		Text: fmt.Sprintf("wrong application %.40q: set the server to rtmp://host/live and put the stream key in its own field", app)}
}

// malformed is for bytes that are not RTMP.
func malformed(format string, args ...any) *Refusal {
	return refuse("protocol", "the encoder broke the RTMP protocol: "+format, args...)
}

func unsupportedVideo(name string) *Refusal {
	return refuse("unsupported_codec", "video codec %s is not supported: choose H.264 (x264 or a hardware H.264 encoder) in OBS under Settings, Output, Video Encoder", name)
}

func unsupportedAudio(name string) *Refusal {
	return refuse("unsupported_codec", "audio codec %s is not supported: choose AAC in OBS under Settings, Output, Audio Encoder", name)
}

func overBitrate(got, limit int64) *Refusal {
	return refuse("bitrate", "the stream has %.1f Mbit/s, more than the %.1f Mbit/s allowed: lower the bitrate in OBS under Settings, Output",
		float64(got)/1e6, float64(limit)/1e6)
}

// refusalOf returns the words for err: its own if it is a Refusal, and otherwise that it is a passing matter.
func refusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return errBusy
}
