// Package rtmp takes live streams from encoders over RTMP and RTMPS: OBS, ffmpeg, GStreamer
// and hardware encoders publish to rtmp://host/live/{stream key}.
//
// A connection is read by one goroutine. It reassembles messages from chunks (chunk.go), answers
// commands (session.go), recognises FLV tags (flv.go), finds out which tracks there are (demux.go)
// and hands samples to a Sink that the Desk gave for the stream key. Nothing is copied more than
// once and a running stream allocates nothing.
//
// What an encoder does wrong it is told in words, as a status that encoders show or log (refusal.go).
// Strangers, who have not shown a stream key, get little memory and little time.
//
// Sources: the Adobe RTMP specification 1.0 (chunks 5.3, control messages 5.4, commands 7), the
// FLV specification 10.1 (annex E), AMF0, and Enhanced RTMP v2.
package rtmp

import (
	"context"
	"log/slog"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Desk decides who may publish.
type Desk interface {
	// Publish admits the publisher or says why not. A *Refusal reaches the encoder in its own
	// words. Any other error, and a Refusal marked Temporary, is answered as success followed by
	// an early end: OBS gives up for good when its first connect fails, but tries again and
	// again once it was connected. ctx ends after Config.DeskTimeout, with the connection's
	// kick and with the server.
	Publish(ctx context.Context, p Publication) (Sink, error)
}

// Publication is a request to publish.
type Publication struct {
	Key     string // the stream key: a secret, never to be logged
	App     string // the RTMP application, without the key
	Remote  string // address and port of the encoder
	Encoder string // what the encoder calls itself, "" if it does not
	// Kick asks the connection to end with that reason. It returns at once, may be called from
	// any goroutine, more than once (the first reason counts) and after the connection ended.
	Kick func(reason error)
	// Reconnect asks the encoder to connect again and to end this connection when it is on the new
	// one (Enhanced RTMP v2, "Reconnect Request"). It reports whether the encoder knows how to; if it
	// does not, nothing was sent. It may be called like Kick.
	Reconnect func() bool
}

// Sink takes the samples of one publisher. Its methods are called from one goroutine.
type Sink interface {
	// Tracks gives all tracks before the first sample, and again whenever one of them is new
	// or has a new configuration. Video is track 1, audio track 2.
	Tracks(tracks []media.Track) error
	// Sample gives the next sample. Its Data is valid only during the call. Video is timed in
	// 1/90,000 s, audio in its sample rate, both from the encoder's own origin.
	Sample(s media.Sample) error
	// Close ends the stream; nothing follows. The reason is nil when the encoder said goodbye.
	Close(reason error)
}

// Track ids of all RTMP streams.
const (
	VideoTrack = 1
	AudioTrack = 2
)

// Config says how a Server works. Desk is required; of the limits, 0 means the default.
type Config struct {
	Desk Desk
	Log  *slog.Logger // default: none

	MaxBitrate int // bit/s of one stream, measured over 5 s; 0: no bound

	HandshakeTimeout time.Duration // from accept to the end of the handshake, TLS included; default 5 s
	PublishTimeout   time.Duration // from there, or the end of a publication, to the next "publish"; default 10 s
	DeskTimeout      time.Duration // for Desk.Publish; default 8 s
	IdleTimeout      time.Duration // a publisher without a whole audio or video message for so long is closed; default 30 s
	WriteTimeout     time.Duration // for the encoder's side to take a reply; default 5 s
	Drain            time.Duration // how long publishers may stay after the server's end, for the Desk to end them one by one; default 0
	Linger           time.Duration // how long a refused encoder may take to read the reason; default 2 s

	MaxConnections int // of all kinds; one more is closed at once; default 4096
	MaxStrangers   int // connections that do not publish (yet); the oldest gives way to a new one; default 500
	MaxPerAddress  int // of these, from one address (IPv6: one /64); default 50

	// Pace is the grid on which a connection that was read empty is looked at again. It costs half
	// of it in latency and saves most wake-ups: the frames of all connections are taken in at once.
	// Default 33 ms; negative: never wait. TLS connections do not wait: one short record does not
	// mean that there are no more.
	Pace time.Duration

	// Ended, if set, is told of every connection's end: "publisher" or "stranger", and why. It must
	// not block.
	Ended func(kind string, err error)
}

func (c *Config) setDefaults() {
	durations := []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.HandshakeTimeout, 5 * time.Second}, {&c.PublishTimeout, 10 * time.Second}, {&c.DeskTimeout, 8 * time.Second},
		{&c.IdleTimeout, 30 * time.Second}, {&c.WriteTimeout, 5 * time.Second}, {&c.Linger, 2 * time.Second},
	}
	for _, d := range durations {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	counts := []struct {
		field *int
		value int
	}{{&c.MaxConnections, 4096}, {&c.MaxStrangers, 500}, {&c.MaxPerAddress, 50}}
	for _, n := range counts {
		if *n.field <= 0 {
			*n.field = n.value
		}
	}
	if c.Pace == 0 {
		c.Pace = 33 * time.Millisecond
	}
	c.Pace = min(c.Pace, maxPace)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

const (
	// maxPace keeps what a fast stream sends meanwhile well below a socket's buffer.
	maxPace = 100 * time.Millisecond
	// maxVideo bounds a video message: what the 24 bits of a message's length can say.
	maxVideo = 1<<24 - 1
	// detectTime of media, and detectBytes of it, are waited for the header of a track that the metadata
	// promises, or that may yet come if there is no metadata.
	detectTime  = time.Second
	detectBytes = 4 << 20
)
