package push

import (
	"path"
	"strings"
)

// maxManifest bounds a manifest: a playlist of ten hours of 1 s segments has 2 MB.
const maxManifest = 4 << 20

// manifest is what is used of a playlist or MPD: nothing of it is needed but when names alone do not
// say which init belongs to which segments.
type manifest struct {
	maps  map[string]string // lane of segments -> name of their init, within the session
	ended bool              // the publisher says that nothing follows
}

// readManifest reads a playlist (RFC 8216bis) or an MPD as far as it is used. It is safe on any input.
func readManifest(p place, text string) manifest {
	m := manifest{maps: map[string]string{}}
	if !strings.HasPrefix(text, "#EXTM3U") {
		m.ended = strings.Contains(text, "<MPD") && strings.Contains(text, `type="static"`)
		return m
	}
	dir := path.Dir(p.name)
	init := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-MAP:"):
			init = within(dir, attribute(line, "URI"))
		case line == "#EXT-X-ENDLIST":
			m.ended = true
		case line == "" || line[0] == '#' || init == "":
		default:
			if name := within(dir, line); name != "" && len(m.maps) < maxLanes {
				segment := place{name: name}
				segment.findNumber(path.Base(name))
				m.maps[segment.lane] = init
			}
		}
	}
	return m
}

// attribute returns a quoted attribute of a playlist's tag.
func attribute(line, name string) string {
	_, rest, ok := strings.Cut(line, name+`="`)
	value, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		return ""
	}
	return value
}

// within resolves a relative URI of a manifest to a name of the session, or returns "".
func within(dir, uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	name := path.Join(dir, uri)
	if uri == "" || strings.Contains(uri, "://") || strings.HasPrefix(name, "..") || strings.HasPrefix(uri, "/") || len(name) > maxName || !plain(name) {
		return ""
	}
	return name
}
