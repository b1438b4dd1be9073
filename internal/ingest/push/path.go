package push

import (
	"strconv"
	"strings"
)

const (
	maxName    = 200
	maxSession = 64
	maxKey     = 256
	// unnamed is the session of files that lie directly behind the key.
	unnamed = "-"
)

// place is what an address says of an object.
type place struct {
	key     string
	session string
	name    string // within the session: "main/57", "chunk-stream0-00003.m4s"; "" is the session itself

	// lane is what the objects of one representation have in common: the name with # for its number,
	// which is the last run of digits before the extension.
	lane     string
	number   uint64
	numbered bool

	explicit bool // {session}/{rendition}/{number or init}: the publisher knows what a session is
}

// parsePlace reads /push/{key}/….
func parsePlace(path string) (place, error) {
	rest, ok := strings.CutPrefix(path, "/push/")
	if !ok {
		return place{}, errAddress
	}
	key, rest, _ := strings.Cut(rest, "/")
	parts := strings.FieldsFunc(rest, func(c rune) bool { return c == '/' })
	p := place{key: key, session: unnamed}
	if key == "" || len(key) > maxKey || len(rest) > maxName || !plain(rest) {
		return place{}, errAddress
	}
	for _, part := range parts {
		if strings.Trim(part, ".") == "" {
			return place{}, errAddress
		}
	}
	if len(parts) > 1 || len(parts) == 1 && strings.HasSuffix(rest, "/") {
		p.session, parts = parts[0], parts[1:]
	}
	if len(p.session) > maxSession || strings.Contains(p.session, "~") {
		return place{}, errAddress
	}
	if len(parts) == 0 {
		return p, nil
	}
	p.name = strings.Join(parts, "/")
	last := parts[len(parts)-1]
	p.explicit = len(parts) == 2 && p.session != unnamed && (last == "init" || digits(last) == len(last))
	p.findNumber(last)
	return p, nil
}

// plain reports whether a path has only characters that need no thought in logs and keys.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/.,_-+=()@~:%", rune(c)) {
			return false
		}
	}
	return true
}

// digits returns how many digits s ends with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[len(s)-1-n] >= '0' && s[len(s)-1-n] <= '9' {
		n++
	}
	return n
}

// findNumber sets lane and number from the last part of the name.
func (p *place) findNumber(file string) {
	p.lane = p.name
	stem, ext := file, ""
	if i := strings.LastIndexByte(file, '.'); i >= 0 {
		stem, ext = file[:i], file[i:]
	}
	end := len(stem)
	for end > 0 && digits(stem[:end]) == 0 {
		end--
	}
	n := digits(stem[:end])
	value, err := strconv.ParseUint(stem[end-n:end], 10, 63)
	if n == 0 || err != nil {
		return
	}
	dir := p.name[:len(p.name)-len(file)]
	p.lane, p.number, p.numbered = dir+stem[:end-n]+"#"+stem[end:]+ext, value, true
}

// isManifest reports whether the name is that of a playlist or MPD.
func (p *place) isManifest() bool {
	return strings.HasSuffix(p.name, ".m3u8") || strings.HasSuffix(p.name, ".mpd")
}
