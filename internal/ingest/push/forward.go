package push

import (
	"io"
	"net/http"
	"net/url"
)

// owner returns the node that a request is to be forwarded to, or "".
func (h *Handler) owner(r *http.Request, p place) string {
	if h.cfg.Router == nil || r.Header.Get(headerHop) != "" {
		return ""
	}
	return h.cfg.Router.Owner(p.key, p.session)
}

// forward hands a request to the node that writes its session, with its body as it arrives. If the
// node does not answer, the publisher is asked to come again: by then it is known to be gone.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, node string) {
	out := r.Clone(r.Context())
	out.URL = &url.URL{Scheme: "http", Host: node, Path: r.URL.Path, RawPath: r.URL.RawPath}
	out.Host, out.RequestURI = node, ""
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"} {
		out.Header.Del(name)
	}
	out.Header.Set(headerHop, "1")
	in := newIntake(w, r, h.cfg.BodyIdle, func() {})
	out.Body = io.NopCloser(in.buf)
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	answer, err := h.cfg.Router.RoundTrip(out)
	if err != nil {
		h.cfg.Log.Warn("the node that writes a session does not answer", "node", node, "error", err)
		errBusy.answer(w)
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	io.Copy(w, io.LimitReader(answer.Body, 64<<10))
}
