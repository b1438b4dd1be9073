package deliver

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// serveMedia answers a request under /media/.
func (h *Handler) serveMedia(w http.ResponseWriter, r *http.Request, path string) {
	a, err := media.ParseAddress(path)
	if err != nil {
		h.fail(w, r, problem{Status: http.StatusNotFound, Detail: "No media has such an address. Addresses come from playlists."})
		return
	}
	h.stats.media(a)
	private, ok := h.mayFetch(w, r, a.Take)
	if !ok {
		return
	}
	body, ok := h.open(w, r, a)
	if !ok {
		return
	}
	head := w.Header()
	head["Access-Control-Allow-Origin"] = valAny
	head["Cache-Control"] = valImmutable
	if private {
		head["Cache-Control"] = valImmutablePrivate
	}
	head["Etag"] = valETag
	if r.Header["If-None-Match"] != nil && noneMatch(r.Header["If-None-Match"]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head["Accept-Ranges"] = valBytes
	head["Content-Type"] = valMP4
	status, size := http.StatusOK, body.Len()
	if ranges := r.Header["Range"]; len(ranges) == 1 && r.Method == http.MethodGet && ifRange(r.Header["If-Range"]) {
		from, n, outcome := parseRange(ranges[0], size)
		switch outcome {
		case rangeBeyond:
			head["Content-Range"] = []string{"bytes */" + strconv.FormatInt(size, 10)}
			delete(head, "Cache-Control")
			h.fail(w, r, problem{Status: http.StatusRequestedRangeNotSatisfiable,
				Detail: "The range begins after the end: this is " + strconv.FormatInt(size, 10) + " bytes long."})
			return
		case rangeGood:
			head["Content-Range"] = []string{"bytes " + strconv.FormatInt(from, 10) + "-" +
				strconv.FormatInt(from+n-1, 10) + "/" + strconv.FormatInt(size, 10)}
			body, size, status = body.cut(from, n), n, http.StatusPartialContent
		}
	}
	head["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	h.fetched(r, a.Take, size)
	h.send(w, r, status, body, size)
}

// open asks for media and waits while it may still come. With false, the request has been answered.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, a media.Address) (Body, bool) {
	var wait hold
	defer wait.end()
	for {
		body, changed, err := h.cfg.Media.Open(r.Context(), a)
		if err == nil {
			return body, true
		}
		if !errors.Is(err, ErrNotYet) {
			h.failWith(w, r, err)
			return nil, false
		}
		if !wait.on(h, w, r, changed) {
			return nil, false
		}
	}
}

// send writes the header and, unless it is a HEAD request, the body.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, status int, body Body, size int64) {
	w.WriteHeader(status)
	if r.Method == http.MethodHead || size == 0 {
		return
	}
	h.stats.bytes.Add(size) // counted as asked for: who leaves early is not worth a second counter
	if c := plainConn(r); c != nil {
		if rf, ok := w.(io.ReaderFrom); ok {
			c.send(rf, body)
			return
		}
	}
	sendSlices(w, r, body, h.stall)
}

// sendSlices writes the body slice by slice. On HTTP/2 a viewer that keeps a stream's window
// shut would hold the handler for ever, as its connection makes progress with other streams:
// there every stallBytes have their own deadline. On HTTP/1 over TLS the conn sees to it.
func sendSlices(w http.ResponseWriter, r *http.Request, body Body, stall time.Duration) {
	rc, most := (*http.ResponseController)(nil), math.MaxInt
	if r.ProtoMajor == 2 {
		rc, most = http.NewResponseController(w), stallBytes
	}
	for _, s := range body {
		for len(s) > 0 {
			piece := s[:min(len(s), most)]
			s = s[len(piece):]
			if rc != nil && rc.SetWriteDeadline(time.Now().Add(stall)) != nil {
				rc = nil
			}
			if _, err := w.Write(piece); err != nil {
				return // the viewer left or did not read; either way nobody is there to be told
			}
		}
	}
}

// cut returns n bytes of the body from an offset on; the bytes are shared.
func (b Body) cut(from, n int64) Body {
	var out Body
	for _, s := range b {
		size := int64(len(s))
		if from >= size {
			from -= size
			continue
		}
		end := min(size, from+n)
		out = append(out, s[from:end])
		if n -= end - from; n == 0 {
			break
		}
		from = 0
	}
	return out
}
