// Package rtmp takes in live streams over RTMP and RTMPS from OBS, ffmpeg, GStreamer and hardware
// encoders, and hands their samples to a desk. It knows the protocol, stream keys only as secrets
// to pass on, and limits; it knows nothing of storage.
package rtmp

import (
	"context"
	"errors"
	"fmt"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Desk decides who may publish.
type Desk interface {
	// Publish admits a publisher, or refuses it: with a Refusal, whose text the encoder shows to a
	// person, or with another error, which is trouble of our own and asks the encoder to come again.
	Publish(ctx context.Context, p Publication) (Sink, error)
}

// Publication is a request to publish.
type Publication struct {
	Key     string // the stream key: a secret
	Remote  string // address of the encoder
	Encoder string // what the encoder calls itself
	// Kick closes the connection, telling the encoder the reason. It may be called from anywhere, does
	// not wait, and only the first call counts.
	Kick func(reason error)
}

// Sink takes a publisher's samples. Its methods are called from one goroutine.
type Sink interface {
	// Tracks says what tracks follow: before the first sample, and whenever they change.
	Tracks(tracks []media.Track) error
	// Sample takes one sample. Its data is valid during the call only.
	Sample(s media.Sample) error
	// Close is called once, at the end. A nil reason means that the encoder said goodbye.
	Close(reason error)
}

// Refusal is a reason not to take a stream that the person at the encoder can act on. It is written
// for that person: what is wrong, and what to do.
type Refusal struct {
	Code string // RTMP status code, such as NetStream.Publish.BadName
	Text string
}

func (r *Refusal) Error() string { return r.Text }

// Refuse makes a refusal to publish.
func Refuse(format string, args ...any) *Refusal {
	return &Refusal{Code: "NetStream.Publish.BadName", Text: fmt.Sprintf(format, args...)}
}

// errGoodbye ends a connection whose encoder has stopped publishing.
var errGoodbye = errors.New("the encoder stopped")

// keyHint is the part of a stream key that may be shown.
func keyHint(key string) string {
	if len(key) <= 8 {
		return "…"
	}
	return key[:4] + "…"
}
