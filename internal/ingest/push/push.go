// Package push takes live streams over HTTP: `PUT /push/{stream key}/…`, as CMAF (ffmpeg's -f dash,
// DASH-IF Live Media Ingest interfaces 1 and 2), as HLS (fMP4 or MPEG-TS segments), and from `mayfly
// push`. An object is answered 201 only when it is durable, so a publisher that keeps what was not
// answered loses nothing, whichever machine dies.
//
// An upload is parsed as it comes (boxes.go, mp4.go, ts.go). The state machine of its session
// (stream.go, lane.go, merge.go) puts the objects of each representation in order and merges the
// representations by decode time; session.go writes what comes out to the Sink that the Desk gave;
// handler.go answers.
//
// A session is known by the first name behind the key: /push/KEY/{session}/…; there is one without a
// name, too. An encoder that begins anew under a name that has been used (it sends other bytes under
// a known name, or another init) begins a new session, named {session}~{checksum}.
//
// Sources: DASH-IF Live Media Ingest Protocol 1.2, RFC 8216bis, ISO/IEC 14496-12 and 23000-19.
package push

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/opus"
)

// Desk decides who may publish.
type Desk interface {
	// Publish admits a session or says why not. A *Refusal is answered in its own words; any other
	// error is a passing matter (503). ctx ends after Config.DeskTimeout.
	Publish(ctx context.Context, p Publication) (Sink, error)
}

// Publication is a request to publish.
type Publication struct {
	Key     string // the stream key: a secret, never to be logged
	Session string // names the stream across connections and nodes; what is before a ~ is in its address
	Remote  string // address of the publisher, or of the node that forwarded it
	Encoder string // what the publisher calls itself, "" if it does not
	// Kick asks the session to end with that reason. It returns at once, may be called from any
	// goroutine, more than once (the first reason counts) and after the session ended.
	Kick func(reason error)
}

// Sink takes the samples of one session. Its methods are called from one goroutine at a time, but for
// the functions that Piece returned. They must not wait for anything slow: that is what those are for.
type Sink interface {
	// Known returns the pieces of an earlier take of the same session that are durable: they are
	// acknowledged when they come again, and not written. It is asked once, before anything else.
	Known() map[string][32]byte
	// Tracks gives all tracks before the first sample, and again whenever one is new or has a new
	// configuration. Video is track 1, audio track 2.
	Tracks(tracks []media.Track) error
	// Sample gives the next sample. Its Data is valid only during the call. Samples of both tracks
	// come in the order of their decode times where the publisher's uploads allow it; samples of one
	// track always do.
	Sample(s media.Sample) error
	// Piece notes behind the samples written so far that the object of that name is complete. The
	// function that it returns waits until that note and everything before it is durable; it may be
	// called from any goroutine, more than once or never. rest says that all tracks stand at the end
	// of an object: nothing of the next one was written yet.
	Piece(name string, sum [32]byte, rest bool) (durable func(ctx context.Context) error)
	// Close ends the session; nothing follows. The reason is nil when the publisher is done.
	Close(reason error)
}

// Router knows which node writes a session, and reaches it.
type Router interface {
	// Owner returns the node that writes the session now, or "" if that is this node or nobody. The
	// session is as in the address, without what is behind a ~.
	Owner(key, session string) (node string)
	// RoundTripper takes requests to the node by its name as the host.
	http.RoundTripper
}

// Track ids of all sessions.
const (
	VideoTrack = 1
	AudioTrack = 2
)

// Header names of ours.
const (
	// HeaderOldest is sent by a publisher that numbers its objects: the lowest number of the lane that
	// was not acknowledged yet. Nothing below it will come.
	HeaderOldest = "Mayfly-Oldest"
	// HeaderNext is sent with the DELETE of a session by a publisher that numbers its objects: the number
	// that would be next. The session ends when everything below it is there.
	HeaderNext = "Mayfly-Next"
	// HeaderNode names in answers the node that wrote.
	HeaderNode = "Mayfly-Node"
	// headerHop marks a request that another node forwarded: it is not forwarded again.
	headerHop = "Mayfly-Hop"
)

// Config says how a Handler works. Desk is required; 0 means the default.
type Config struct {
	Desk   Desk
	Router Router       // nil: all sessions are local
	Node   string       // this node's name, for answers
	Log    *slog.Logger // default: none

	// AAC makes frames first to end of a grid of opus.Span samples of sound that comes as Opus; nil: it is refused.
	AAC func(ctx context.Context, head opus.Head, packets []opus.Packet, first, end int64) ([][]byte, error)

	DeskTimeout time.Duration // for Desk.Publish; default 8 s
	AckTimeout  time.Duration // from an object's last byte to its answer; default 10 s
	BodyIdle    time.Duration // the longest silence within an upload; default 30 s
	SessionIdle time.Duration // a session ends after so long without an upload; default 10 s

	MaxObject   int64 // bytes of one object, and of one fragment of a long upload; default 64 MiB
	MaxHeld     int64 // bytes of one session that wait for others; default 128 MiB
	MaxHeldAll  int64 // of all sessions; default 1 GiB
	MaxSessions int   // of one key; default 16
	MaxUploads  int   // of one session at a time; default 64
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.DeskTimeout, 8 * time.Second}, {&c.AckTimeout, 10 * time.Second},
		{&c.BodyIdle, 30 * time.Second}, {&c.SessionIdle, 10 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int64
		value int64
	}{{&c.MaxObject, 64 << 20}, {&c.MaxHeld, 128 << 20}, {&c.MaxHeldAll, 1 << 30}} {
		if *n.field <= 0 {
			*n.field = n.value
		}
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = 16
	}
	if c.MaxUploads <= 0 {
		c.MaxUploads = 64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}
