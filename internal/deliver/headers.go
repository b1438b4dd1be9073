package deliver

import (
	"strconv"
	"strings"
)

// Header values that every response shares, in the form that an http.Header holds. They
// are put into the map directly: no allocation, no canonical form to compute. The keys are
// in Go's canonical form.
var (
	valAny          = []string{"*"}
	valMethods      = []string{"GET, HEAD, OPTIONS"}
	valAllowHeaders = []string{"Range, If-Range, If-None-Match, Cache-Control, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"}
	valDay          = []string{"86400"}
	valBytes        = []string{"bytes"}
	valMP4          = []string{"video/mp4"}
	valMPEGURL      = []string{"application/vnd.apple.mpegurl"}
	valGzip         = []string{"gzip"}
	valVary         = []string{"Accept-Encoding"}
	valNoStore      = []string{"no-store"}
	valClose        = []string{"close"}

	// Media at an address never changes (DESIGN section 4).
	valImmutable = []string{"public, max-age=31536000, immutable"}
	// What not everybody may watch is for the viewer's own cache. A CDN that checks nobody must not keep it
	// by itself; one that is told to may, as all viewers of an hour have the same addresses.
	valImmutablePrivate = []string{"private, max-age=31536000, immutable"}
	// An entity tag tells versions of one address apart (RFC 9110, 8.8.3). An address of
	// media has one version, so one tag serves them all.
	valETag = []string{etag}

	// A blocking reload's answer stays right: the address names the number that it shows.
	// Six target durations, as the HLS draft (rfc8216bis, appendix B.1) recommends for
	// caches between us and the viewer. Other playlists go stale within a part.
	valBlockingAge = []string{"public, max-age=24"}
	valPlainAge    = []string{"public, max-age=1"}
	valVariantsAge = []string{"public, max-age=4"}

	valBlockingPrivate = []string{"private, max-age=24"}
	valPlainPrivate    = []string{"private, max-age=1"}
	valVariantsPrivate = []string{"private, max-age=4"}
)

const etag = `"1"`

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): the last entry that names gzip or
// x-gzip decides, else the last "*", else gzip is not wanted.
func acceptsGzip(lines []string) bool {
	named, any := -1, -1 // -1 unknown, 0 no, 1 yes
	for _, line := range lines {
		for line != "" {
			var entry string
			entry, line, _ = strings.Cut(line, ",")
			coding, params, _ := strings.Cut(entry, ";")
			coding = strings.Trim(coding, " \t")
			switch {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				named = wanted(params)
			case coding == "*":
				any = wanted(params)
			}
		}
	}
	if named >= 0 {
		return named == 1
	}
	return any == 1
}

// wanted reads the weight of an entry: 1 unless it is malformed or 0.
func wanted(params string) int {
	params = strings.Trim(params, " \t")
	if params == "" {
		return 1
	}
	value, ok := strings.CutPrefix(params, "q=")
	if !ok {
		value, ok = strings.CutPrefix(params, "Q=")
	}
	if !ok || len(value) > 5 {
		return 0
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || !(q > 0 && q <= 1) {
		return 0
	}
	return 1
}

// noneMatch reads If-None-Match: whether it names our only version. The comparison is weak.
func noneMatch(lines []string) bool {
	for _, line := range lines {
		for line != "" {
			var tag string
			tag, line, _ = strings.Cut(line, ",")
			tag = strings.Trim(tag, " \t")
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// ifRange says whether a Range may be honoured. A date never matches: we send none.
func ifRange(lines []string) bool {
	return len(lines) == 0 || len(lines) == 1 && lines[0] == etag
}

type rangeOutcome int

const (
	rangeIgnored rangeOutcome = iota // malformed, another unit, or several: answer the whole
	rangeGood
	rangeBeyond // answer 416
)

// parseRange reads a Range with a single range (RFC 9110, 14.2) for a body of size bytes.
// Several ranges are ignored, as a server may; players ask for one.
func parseRange(s string, size int64) (from, n int64, _ rangeOutcome) {
	spec, ok := strings.CutPrefix(s, "bytes=")
	if !ok {
		return 0, 0, rangeIgnored
	}
	first, last, ok := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !ok {
		return 0, 0, rangeIgnored
	}
	if first == "" { // the last n bytes
		n, ok = parseOffset(last)
		switch {
		case !ok:
			return 0, 0, rangeIgnored
		case n == 0 || size == 0:
			return 0, 0, rangeBeyond
		}
		n = min(n, size)
		return size - n, n, rangeGood
	}
	if from, ok = parseOffset(first); !ok {
		return 0, 0, rangeIgnored
	}
	end := size - 1
	if last != "" {
		if end, ok = parseOffset(last); !ok || end < from {
			return 0, 0, rangeIgnored
		}
		end = min(end, size-1)
	}
	if from >= size {
		return 0, 0, rangeBeyond
	}
	return from, end - from + 1, rangeGood
}

// parseOffset reads 1 to 18 digits.
func parseOffset(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
