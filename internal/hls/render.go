package hls

import (
	"strconv"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// skipUntil is how far from the end, in target durations, a delta update may leave segments out.
	skipUntil = 6
	// partsFor is for how many target durations from the end parts are listed.
	partsFor = 3
	timeForm = "2006-01-02T15:04:05.000Z"
)

// Media renders the media playlist, or with skip a delta update if there is something to leave out.
func (w *Window) Media(skip Skip, reports []Report) []byte {
	b := make([]byte, 0, 512+len(w.Segments)*200+1024*len(reports))
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(w.TargetDuration), 10)
	b = w.appendControl(b)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, w.MediaSequence, 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendInt(b, w.DiscontinuitySequence, 10)
	b = append(b, '\n')
	first := 0
	if skip != SkipNo {
		if first = w.skipped(); first > 0 {
			b = append(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...)
			b = strconv.AppendInt(b, int64(first), 10)
			b = append(b, '\n')
		}
	}
	init := ""
	withParts := w.withParts()
	for i := first; i < len(w.Segments); i++ {
		s := &w.Segments[i]
		b = s.appendHead(b, init, w.Query)
		init = s.Init
		if w.LowLatency && i >= withParts {
			for j := range s.Parts {
				b = s.Parts[j].append(b, w.Query)
			}
		}
		b = s.appendEnd(b, w.Query)
	}
	return w.appendTail(b, reports)
}

// appendControl appends what the server can do (EXT-X-SERVER-CONTROL, EXT-X-PART-INF), or that there is nothing to wait for.
func (w *Window) appendControl(b []byte) []byte {
	if w.VOD {
		return append(b, "\n#EXT-X-PLAYLIST-TYPE:VOD"...)
	}
	target := float64(w.TargetDuration)
	b = append(b, "\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL="...)
	b = strconv.AppendFloat(b, skipUntil*target, 'f', 1, 64)
	b = append(b, ",HOLD-BACK="...)
	b = strconv.AppendFloat(b, 3*target, 'f', 1, 64)
	if !w.LowLatency {
		return b
	}
	b = append(b, ",PART-HOLD-BACK="...)
	b = strconv.AppendFloat(b, 3*w.PartTarget.Seconds(), 'f', 3, 64)
	b = append(b, "\n#EXT-X-PART-INF:PART-TARGET="...)
	return strconv.AppendFloat(b, w.PartTarget.Seconds(), 'f', 3, 64)
}

// within returns the index of the first segment that ends less than so many target durations
// before the end of the window.
func (w *Window) within(targets int) int {
	limit := media.Ticks(targets*w.TargetDuration) * media.TicksPerSecond
	var behind media.Ticks
	for i := len(w.Segments) - 1; i >= 0; i-- {
		if behind >= limit {
			return i + 1
		}
		behind += w.Segments[i].Duration
	}
	return 0
}

func (w *Window) withParts() int { return w.within(partsFor) }

// skipped returns how many segments a delta update leaves out.
func (w *Window) skipped() int { return w.within(skipUntil) }

func (s *Segment) appendHead(b []byte, init, query string) []byte {
	if s.Discontinuity {
		b = append(b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if s.Init != init && s.Init != "" {
		b = append(b, "#EXT-X-MAP:URI=\""...)
		b = append(b, s.Init...)
		b = append(b, query...)
		b = append(b, "\"\n"...)
	}
	b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
	b = s.ProgramTime.UTC().Truncate(time.Millisecond).AppendFormat(b, timeForm)
	b = append(b, '\n')
	return b
}

// appendEnd appends what lists the whole segment, once it is complete.
func (s *Segment) appendEnd(b []byte, query string) []byte {
	if !s.Complete {
		return b
	}
	if s.Gap {
		b = append(b, "#EXT-X-GAP\n"...)
	}
	b = append(b, "#EXTINF:"...)
	b = appendSeconds(b, s.Duration)
	b = append(b, ",\n"...)
	b = append(b, s.URI...)
	b = append(b, query...)
	return append(b, '\n')
}

func (p *Part) append(b []byte, query string) []byte {
	b = append(b, "#EXT-X-PART:DURATION="...)
	b = appendSeconds(b, p.Duration)
	b = append(b, ",URI=\""...)
	b = append(b, p.URI...)
	b = append(b, query...)
	b = append(b, '"')
	if p.Independent {
		b = append(b, ",INDEPENDENT=YES"...)
	}
	if p.Gap {
		b = append(b, ",GAP=YES"...)
	}
	return append(b, '\n')
}

func (w *Window) appendTail(b []byte, reports []Report) []byte {
	if w.Ended {
		return append(b, "#EXT-X-ENDLIST\n"...)
	}
	if w.Hint != "" && w.LowLatency {
		b = append(b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""...)
		b = append(b, w.Hint...)
		b = append(b, w.Query...)
		b = append(b, "\"\n"...)
	} else {
		// hls.js 1.7.4 counts the last segment twice if no line follows it, and fails at the next discontinuity.
		b = append(b, "# to be continued\n"...)
	}
	for _, r := range reports {
		b = append(b, "#EXT-X-RENDITION-REPORT:URI=\""...)
		b = append(b, r.URI...)
		b = append(b, "\",LAST-MSN="...)
		b = strconv.AppendInt(b, r.LastMSN, 10)
		if r.LastPart >= 0 {
			b = append(b, ",LAST-PART="...)
			b = strconv.AppendInt(b, int64(r.LastPart), 10)
		}
		b = append(b, '\n')
	}
	return b
}

// appendSeconds appends a duration in seconds with six decimals, rounded.
func appendSeconds(b []byte, t media.Ticks) []byte {
	micros := (int64(t)*1_000_000 + media.TicksPerSecond/2) / media.TicksPerSecond
	b = strconv.AppendInt(b, micros/1_000_000, 10)
	b = append(b, '.')
	rest := micros % 1_000_000
	for div := int64(100_000); div > 0; div /= 10 {
		b = append(b, byte('0'+rest/div%10))
	}
	return b
}
