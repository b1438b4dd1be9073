// Package hlstest checks media playlists strictly, as RFC 8216bis (draft 17) wants them: one playlist by
// itself (Parse), and the successive playlists of one channel (Follower).
package hlstest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Playlist is a parsed media playlist.
type Playlist struct {
	Target        float64
	PartTarget    float64 // 0 without EXT-X-PART-INF
	Sequence      int64
	Discontinuity int64
	Skipped       int
	Segments      []Segment // those that a delta update left out are not here
	Hint          string
	EndList       bool
}

// Segment is one segment of a playlist; the last one may be incomplete, without a URI.
type Segment struct {
	Number        int64
	Discontinuity int64 // number of the run of segments without one
	URI           string
	Map           string
	Duration      float64
	Time          time.Time
	Gap           bool
	Tag           bool // EXT-X-DISCONTINUITY stands before it
	Parts         []Part
}

// Part is one partial segment.
type Part struct {
	URI         string
	Duration    float64
	Independent bool
	Gap         bool
}

// parser reads a playlist line by line and gathers what is wrong.
type parser struct {
	list   Playlist
	faults []error
	seen   map[string]int
	next   Segment // in the making
	open   bool    // something belongs to next
	m      string  // the map in force
	inf    bool
	cc     int64
	line   int
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("line %d: %s", p.line, fmt.Sprintf(format, args...)))
}

// once are tags that a media playlist has at most once.
var once = []string{"#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF",
	"#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-SKIP", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-ENDLIST"}

// Parse reads a media playlist and returns what is wrong with it.
func Parse(text []byte) (*Playlist, []error) {
	p := &parser{seen: map[string]int{}}
	s := string(text)
	if !strings.HasPrefix(s, "#EXTM3U\n") {
		p.fault("the playlist does not begin with #EXTM3U")
	}
	if !strings.HasSuffix(s, "\n") {
		p.fault("the last line is not whole")
	}
	for line := range strings.Lines(s) {
		p.line++
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsAny(line, "\r") {
			p.fault("a carriage return")
		}
		p.read(line)
	}
	p.end()
	return &p.list, p.faults
}

func (p *parser) read(line string) {
	if line == "" || line[0] != '#' {
		if line != "" {
			p.uri(line)
		}
		return
	}
	if !strings.HasPrefix(line, "#EXT") {
		return // a comment
	}
	tag, value, _ := strings.Cut(line, ":")
	p.seen[tag]++
	switch tag {
	case "#EXTM3U", "#EXT-X-ENDLIST":
		p.list.EndList = tag == "#EXT-X-ENDLIST"
	case "#EXT-X-VERSION":
		if p.integer(value) < 9 {
			p.fault("version %s, EXT-X-SKIP and EXT-X-PART need 9", value)
		}
	case "#EXT-X-TARGETDURATION":
		p.list.Target = float64(p.integer(value))
	case "#EXT-X-SERVER-CONTROL":
		p.control(value)
	case "#EXT-X-PLAYLIST-TYPE":
		if value != "VOD" {
			p.fault("a playlist of type %q", value)
		}
	case "#EXT-X-PART-INF":
		p.list.PartTarget = p.decimal(p.attributes(value, "PART-TARGET")["PART-TARGET"])
	case "#EXT-X-MEDIA-SEQUENCE":
		p.list.Sequence = p.integer(value)
		p.next.Number = p.list.Sequence
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		p.list.Discontinuity = p.integer(value)
		p.cc = p.list.Discontinuity
	case "#EXT-X-SKIP":
		p.list.Skipped = int(p.integer(p.attributes(value, "SKIPPED-SEGMENTS")["SKIPPED-SEGMENTS"]))
		p.next.Number += int64(p.list.Skipped)
		if p.list.Skipped < 1 {
			p.fault("nothing is skipped")
		}
	default:
		p.segment(tag, value)
	}
}

// segment reads a tag that belongs to a segment.
func (p *parser) segment(tag, value string) {
	if p.list.Target == 0 || p.seen["#EXT-X-MEDIA-SEQUENCE"] == 0 {
		p.fault("%s before the target duration and the media sequence", tag)
	}
	p.open = p.open || tag != "#EXT-X-PRELOAD-HINT" && tag != "#EXT-X-RENDITION-REPORT"
	switch tag {
	case "#EXT-X-DISCONTINUITY":
		p.next.Tag = true
		p.cc++
	case "#EXT-X-MAP":
		p.m = p.quoted(p.attributes(value, "URI")["URI"])
	case "#EXT-X-PROGRAM-DATE-TIME":
		t, err := time.Parse("2006-01-02T15:04:05.000Z07:00", value)
		if err != nil {
			p.fault("program time %q: %v", value, err)
		}
		p.next.Time = t
	case "#EXT-X-GAP":
		p.next.Gap = true
	case "#EXT-X-PART":
		p.part(p.attributes(value, "DURATION", "URI", "INDEPENDENT", "GAP"))
	case "#EXTINF":
		p.next.Duration = p.decimal(strings.TrimSuffix(value, ","))
		p.inf = true
		if math.Round(p.next.Duration) > p.list.Target {
			p.fault("EXTINF %s is over the target duration of %v", value, p.list.Target)
		}
	case "#EXT-X-PRELOAD-HINT":
		a := p.attributes(value, "TYPE", "URI")
		if p.list.Hint = p.quoted(a["URI"]); a["TYPE"] != "PART" {
			p.fault("preload hint of type %q", a["TYPE"])
		}
	case "#EXT-X-RENDITION-REPORT":
		p.attributes(value, "URI", "LAST-MSN", "LAST-PART")
	default:
		p.fault("unknown tag %s", tag)
	}
}

func (p *parser) control(value string) {
	a := p.attributes(value, "CAN-BLOCK-RELOAD", "CAN-SKIP-UNTIL", "HOLD-BACK", "PART-HOLD-BACK")
	if a["CAN-BLOCK-RELOAD"] != "YES" {
		p.fault("no blocking reload")
	}
	if s := p.decimal(a["CAN-SKIP-UNTIL"]); s < 6*p.list.Target {
		p.fault("CAN-SKIP-UNTIL %v is under six target durations", s)
	}
	if h := p.decimal(a["HOLD-BACK"]); h < 3*p.list.Target {
		p.fault("HOLD-BACK %v is under three target durations", h)
	}
	p.seen["part-hold-back"] = int(1000 * p.decimalOr(a["PART-HOLD-BACK"], 0))
}

func (p *parser) part(a map[string]string) {
	part := Part{URI: p.quoted(a["URI"]), Duration: p.decimal(a["DURATION"]), Independent: a["INDEPENDENT"] == "YES", Gap: a["GAP"] == "YES"}
	if p.list.PartTarget == 0 {
		p.fault("a part without EXT-X-PART-INF")
	} else if part.Duration > p.list.PartTarget+0.0005 {
		p.fault("part of %.6f s is over the part target of %v", part.Duration, p.list.PartTarget)
	}
	if n := len(p.next.Parts); n > 0 && p.next.Parts[n-1].Duration < 0.85*p.list.PartTarget-0.0005 {
		p.fault("a part of %.6f s is not the last of its segment, and under 85 %% of the part target", p.next.Parts[n-1].Duration)
	}
	p.next.Parts = append(p.next.Parts, part)
}

// uri ends a segment.
func (p *parser) uri(line string) {
	if !p.inf {
		p.fault("%q without EXTINF", line)
	}
	p.next.URI = line
	if sum := p.sum(); len(p.next.Parts) > 0 && math.Abs(sum-p.next.Duration) > 0.001*float64(len(p.next.Parts)+1) && !p.next.Gap {
		p.fault("the parts of %s last %.6f s, EXTINF says %.6f", line, sum, p.next.Duration)
	}
	p.push()
}

func (p *parser) sum() (sum float64) {
	for _, part := range p.next.Parts {
		sum += part.Duration
	}
	return sum
}

func (p *parser) push() {
	s := &p.next
	s.Map, s.Discontinuity = p.m, p.cc
	if s.Map == "" {
		p.fault("segment %d has no EXT-X-MAP", s.Number)
	}
	if s.Time.IsZero() {
		p.fault("segment %d has no program time", s.Number)
	}
	if n := len(p.list.Segments); n > 0 && s.Time.Before(p.list.Segments[n-1].Time) {
		p.fault("segment %d: program time goes back", s.Number)
	}
	p.list.Segments = append(p.list.Segments, *s)
	p.next, p.open, p.inf = Segment{Number: s.Number + 1}, false, false
}

func (p *parser) end() {
	if p.open && len(p.next.Parts) > 0 {
		p.push()
	} else if p.open {
		p.fault("tags of a segment without a segment")
	}
	for _, tag := range once {
		if p.seen[tag] > 1 {
			p.fault("%s stands %d times", tag, p.seen[tag])
		}
	}
	for _, tag := range []string{"#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL", "#EXT-X-MEDIA-SEQUENCE"} {
		if p.seen[tag] == 0 && (tag != "#EXT-X-SERVER-CONTROL" || p.seen["#EXT-X-PLAYLIST-TYPE"] == 0) {
			p.fault("%s is missing", tag)
		}
	}
	if p.seen["#EXT-X-PLAYLIST-TYPE"] > 0 && (!p.list.EndList || p.seen["#EXT-X-SERVER-CONTROL"] > 0) {
		p.fault("a playlist that never changes has no end, or says what may be waited for")
	}
	if hold := float64(p.seen["part-hold-back"]) / 1000; p.list.PartTarget > 0 && hold < 2*p.list.PartTarget {
		p.fault("PART-HOLD-BACK %v is under two part targets", hold)
	}
	if p.list.EndList && p.list.Hint != "" {
		p.fault("a preload hint in a playlist that has ended")
	}
	if len(p.list.Segments) > 0 && p.list.Segments[0].Tag && p.list.Skipped == 0 {
		p.fault("a discontinuity before the first segment")
	}
}

// attributes reads an attribute list; names that are not known are faults.
func (p *parser) attributes(value string, known ...string) map[string]string {
	out := map[string]string{}
	for value != "" {
		name, rest, ok := strings.Cut(value, "=")
		if !ok {
			p.fault("attribute %q without a value", value)
			return out
		}
		end := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			if close := strings.IndexByte(rest[1:], '"'); close >= 0 {
				end = close + 2
				if end == len(rest) {
					end = -1
				} else if rest[end] != ',' {
					p.fault("attribute %s: something behind the quotation mark", name)
				}
			}
		}
		v := rest
		if end >= 0 {
			v, value = rest[:end], rest[end+1:]
		} else {
			value = ""
		}
		if _, twice := out[name]; twice {
			p.fault("attribute %s stands twice", name)
		}
		out[name] = v
		if !contains(known, name) {
			p.fault("unknown attribute %s", name)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (p *parser) quoted(s string) string {
	if len(s) < 3 || s[0] != '"' || s[len(s)-1] != '"' {
		p.fault("%q is not a quoted text", s)
		return ""
	}
	return s[1 : len(s)-1]
}

func (p *parser) integer(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		p.fault("%q is not a whole number", s)
	}
	return n
}

func (p *parser) decimal(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || strings.ContainsAny(s, "eE+") {
		p.fault("%q is not a decimal number", s)
	}
	return f
}

func (p *parser) decimalOr(s string, other float64) float64 {
	if s == "" {
		return other
	}
	return p.decimal(s)
}
