// Package hls renders a program's window as HLS playlists, with the extensions for low latency
// (RFC 8216bis). It is pure: the same window gives the same bytes.
package hls

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// TargetDuration is EXT-X-TARGETDURATION of every media playlist, in seconds. It is the same for all
// channels for life, so that it never changes whatever is on air.
const TargetDuration = 4

// Window is what a media playlist lists at one moment. It is not changed once it is made.
type Window struct {
	TargetDuration        int           // seconds
	PartTarget            time.Duration // longest part
	MediaSequence         int64         // number of Segments[0]
	DiscontinuitySequence int64         // discontinuity number of Segments[0]
	Segments              []Segment     // the last one may be incomplete
	Hint                  string        // address of the part that comes next, or ""
	Ended                 bool          // nothing follows, ever
	VOD                   bool          // Ended, and it never listed anything else
	LowLatency            bool          // list parts, and offer blocking reload
	Query                 string        // stands behind every address of media, "" or such as "?t=…"; none of what the window is
}

// Segment is one segment of a window.
type Segment struct {
	URI           string // "" while incomplete
	Init          string // address of its init
	Duration      media.Ticks
	ProgramTime   time.Time
	Discontinuity bool // between the segment before and this one; never on the first of a window
	Gap           bool // its media cannot be had
	Complete      bool
	Parts         []Part // of recent segments
}

// Part is one partial segment.
type Part struct {
	URI         string
	Duration    media.Ticks
	Independent bool
	Gap         bool
}

// Last returns the number of the newest segment and how many of its parts are listed.
func (w *Window) Last() (number int64, parts int) {
	n := len(w.Segments)
	if n == 0 {
		return w.MediaSequence - 1, 0
	}
	return w.MediaSequence + int64(n) - 1, len(w.Segments[n-1].Parts)
}

// Has reports whether the window holds what a blocking request waits for (RFC 8216bis, 6.2.5.2). A part
// beyond the end of a whole segment means the first part of the next one.
func (w *Window) Has(r Request) bool {
	if !r.Blocking() {
		return true
	}
	last, parts := w.Last()
	if r.MSN != last || len(w.Segments) == 0 {
		return r.MSN < last
	}
	if r.Part < 0 {
		return w.Segments[len(w.Segments)-1].Complete
	}
	return r.Part < parts
}

// Report is what other playlists say of this one (EXT-X-RENDITION-REPORT).
type Report struct {
	URI      string // relative to the playlist that carries the report
	LastMSN  int64
	LastPart int // -1 without parts
}

// Report makes the report of this window for the playlists of other renditions.
func (w *Window) Report(uri string) Report {
	last, parts := w.Last()
	return Report{URI: uri, LastMSN: last, LastPart: parts - 1}
}
