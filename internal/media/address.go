package media

import (
	"fmt"
	"strconv"
	"strings"
)

// Address is the place of immutable media under /media/. Its text forms are
//
//	/media/{take}/{rendition}/init.mp4                  the init of all tracks
//	/media/{take}/{rendition}/{segment}.m4s             a whole segment
//	/media/{take}/{rendition}/{segment}.{from}-{to}.m4s parts from..to of a segment, both included
//	/media/{take}/{rendition}/{track}/init.mp4          one track alone
//	/media/{take}/{rendition}/{track}/{segment}.m4s
type Address struct {
	Take      TakeID
	Rendition string
	Track     int  // Track.ID, or 0 for all tracks together
	Init      bool // the init; Segment, Run, From and To are then unused
	Segment   uint32
	Run       bool // only parts From..To
	From, To  uint32
}

// String returns the address as an absolute path.
func (a Address) String() string { return string(a.Append(nil)) }

// Append appends the address to b as an absolute path.
func (a Address) Append(b []byte) []byte {
	b = append(b, "/media/"...)
	b = takeEncoding.AppendEncode(b, a.Take[:])
	b = append(b, '/')
	b = append(b, a.Rendition...)
	b = append(b, '/')
	if a.Track != 0 {
		b = strconv.AppendInt(b, int64(a.Track), 10)
		b = append(b, '/')
	}
	if a.Init {
		return append(b, "init.mp4"...)
	}
	b = strconv.AppendUint(b, uint64(a.Segment), 10)
	if a.Run {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(a.From), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(a.To), 10)
	}
	return append(b, ".m4s"...)
}

// ParseAddress reads an absolute path. It accepts only what String writes, so that
// one piece of media has one address.
func ParseAddress(path string) (Address, error) {
	fail := func(why string) (Address, error) {
		return Address{}, fmt.Errorf("media address %.120q: %s", path, why)
	}
	rest, ok := strings.CutPrefix(path, "/media/")
	if !ok {
		return fail("does not begin with /media/")
	}
	fields := strings.Split(rest, "/")
	if len(fields) != 3 && len(fields) != 4 {
		return fail("want {take}/{rendition}/[{track}/]{file}")
	}
	var a Address
	var err error
	if a.Take, err = ParseTakeID(fields[0]); err != nil {
		return fail("malformed take id")
	}
	if a.Rendition = fields[1]; !ValidRendition(a.Rendition) {
		return fail("malformed rendition name")
	}
	if len(fields) == 4 {
		n, ok := parseNumber(fields[2])
		if !ok || n == 0 || n > 255 {
			return fail("malformed track id")
		}
		a.Track = int(n)
	}
	file := fields[len(fields)-1]
	if file == "init.mp4" {
		a.Init = true
		return a, nil
	}
	if !a.parseFile(file) {
		return fail("want init.mp4, {segment}.m4s or {segment}.{from}-{to}.m4s")
	}
	return a, nil
}

func (a *Address) parseFile(file string) bool {
	name, ok := strings.CutSuffix(file, ".m4s")
	if !ok {
		return false
	}
	segment, run, isRun := strings.Cut(name, ".")
	if a.Segment, ok = parseNumber(segment); !ok || !isRun {
		return ok
	}
	from, to, ok := strings.Cut(run, "-")
	if !ok || a.Track != 0 {
		return false
	}
	a.Run = true
	if a.From, ok = parseNumber(from); !ok {
		return false
	}
	a.To, ok = parseNumber(to)
	return ok && a.From <= a.To
}

// parseNumber reads a decimal uint32 in canonical form.
func parseNumber(s string) (uint32, bool) {
	if s == "" || len(s) > 10 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// ValidRendition reports whether name may name a rendition: 1 to 32 of a-z, 0-9 and '-', and none of
// the names that playlists use themselves.
func ValidRendition(name string) bool {
	if name == "" || len(name) > 32 || name == "index" || name == "dvr" || name == "manifest" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
