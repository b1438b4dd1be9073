package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// Refusal is a reason not to take an object, as problem+json (RFC 9457) tells it.
type Refusal struct {
	Status     int    // HTTP status
	Kind       string // a constant label for logs and programs, such as "unknown_key"
	Text       string // what is wrong and how to mend it; no secrets
	RetryAfter int    // seconds, 0 for none
}

func (r *Refusal) Error() string { return r.Text }

func refuse(status int, kind, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// again is a refusal of what may work in a moment.
func again(kind, format string, args ...any) *Refusal {
	r := refuse(http.StatusServiceUnavailable, kind, format, args...)
	r.RetryAfter = 1
	return r
}

// The reasons that a Desk, a Sink or whoever kicks a session commonly gives.
var (
	// ErrUnknownKey is for a stream key that belongs to no channel.
	ErrUnknownKey = refuse(http.StatusForbidden, "unknown_key",
		"unknown stream key: check the stream key in the studio and copy it again")
	// ErrKeyRevoked ends a session whose key was rotated or whose channel was deleted.
	ErrKeyRevoked = refuse(http.StatusForbidden, "key_revoked",
		"this stream key is no longer valid: copy the new one from the studio")
	// ErrReplaced ends a session when a newer one came with the same key.
	ErrReplaced = &Refusal{Status: http.StatusLocked, Kind: "replaced", RetryAfter: 2,
		Text: "replaced: a newer connection publishes with the same stream key"}
	// ErrTwoEncoders turns away the newer session when two keep taking the key from each other.
	ErrTwoEncoders = &Refusal{Status: http.StatusLocked, Kind: "two_encoders", RetryAfter: 5,
		Text: "two encoders use one key: stop one of them, or give it a stream key of its own"}
	// ErrStorageFull is for a node that can neither store nor spool.
	ErrStorageFull = again("storage_full", "the server's storage is full: tell the operator; it may be sent again")
	// Leaving ends sessions when this node stops: send to another one.
	Leaving = again("leaving", "this server is going away: send it again, to another one")
)

// Suspended is for a channel that an operator lets nobody publish to.
func Suspended(reason string) *Refusal {
	return refuse(http.StatusForbidden, "suspended", "this channel is suspended: %s", reason)
}

var (
	errIdle = errors.New("no upload came for too long")

	errBusy    = again("unavailable", "the server cannot take this at the moment: send it again")
	errNotYet  = again("not_durable", "it is not durable yet: send it again")
	errAhead   = again("ahead", "what comes before it has not arrived: send that, then this again")
	errFull    = again("full", "too much waits for what comes before it: send that, then this again")
	errCutOff  = refuse(http.StatusBadRequest, "cut_off", "the upload was cut off: send it again")
	errAnew    = again("superseded", "the same object came anew")
	errOther   = refuse(http.StatusConflict, "other_bytes", "other bytes came under this name before: an object never changes; begin a new session")
	errLate    = refuse(http.StatusConflict, "too_late", "it came too late: what follows it is on air already")
	errNoInit  = refuse(http.StatusPreconditionFailed, "no_init", "the init of this segment is not known here: send the init again, then this (ffmpeg -f hls: -hls_fmp4_init_resend 1)")
	errTooBig  = refuse(http.StatusRequestEntityTooLarge, "too_big", "the object is too big: make shorter segments or lower the bitrate")
	errMany    = &Refusal{Status: http.StatusTooManyRequests, Kind: "too_many", RetryAfter: 2, Text: "too many uploads or sessions with this stream key at once"}
	errKind    = refuse(http.StatusUnsupportedMediaType, "unknown_format", "neither CMAF (fragmented MP4) nor MPEG-TS nor a manifest: use ffmpeg's -f dash or -f hls, or an encoder with CMAF or HLS push")
	errSecond  = refuse(http.StatusUnsupportedMediaType, "second_track", "this stream has a representation of that kind already: send one video and one audio representation; renditions are made on the server")
	errAddress = refuse(http.StatusBadRequest, "address", "malformed address: want /push/{stream key}/{name}/{file} of letters, digits and .,_-+=()@~, at most 200 characters behind the key")
)

func badCodec(what string) *Refusal {
	return refuse(http.StatusUnsupportedMediaType, "unsupported_codec", "%s is not supported: send H.264 video and AAC audio", what)
}

// broken is for media that cannot be read.
func broken(format string, args ...any) *Refusal {
	return refuse(http.StatusBadRequest, "broken_media", "the media cannot be read: "+format, args...)
}

// refusalOf returns the words for err: its own if it is a Refusal, and otherwise that it passes.
func refusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return errBusy
}

// problem is an error as RFC 9457 shapes it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Kind   string `json:"kind"`
}

func (r *Refusal) answer(w http.ResponseWriter) {
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(r.Status), r.Status, r.Text, r.Kind}) // cannot fail
	head := w.Header()
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if r == Leaving {
		head.Set("Connection", "close") // a balancer sends the next one elsewhere
	}
	if r.RetryAfter > 0 {
		head.Set("Retry-After", strconv.Itoa(r.RetryAfter))
	}
	w.WriteHeader(r.Status)
	w.Write(append(body, '\n'))
}
