package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// problem is an error as RFC 9457 shapes it.
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail,omitempty"`
	Kind       string `json:"kind,omitempty"` // a constant word for programs
	RetryAfter int    `json:"-"`              // seconds, 0 for none
}

// writeProblem answers a request with a problem that nobody may cache.
func writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	p.Type = "about:blank"
	body, _ := json.Marshal(p) // a struct of strings and a number cannot fail
	body = append(body, '\n')
	head := w.Header()
	head["Access-Control-Allow-Origin"] = valAny
	head["Cache-Control"] = valNoStore
	head["Content-Type"] = []string{"application/problem+json"}
	head["Content-Length"] = []string{strconv.Itoa(len(body))}
	head["X-Content-Type-Options"] = []string{"nosniff"}
	if p.RetryAfter > 0 {
		head["Retry-After"] = []string{strconv.Itoa(p.RetryAfter)}
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// fail counts and answers a problem.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, p problem) {
	h.stats.failed(p.Status)
	head := w.Header()
	delete(head, "Etag")
	delete(head, "Accept-Ranges")
	writeProblem(w, r, p)
}

// failWith answers what a Programs, Program or Media could not give.
func (h *Handler) failWith(w http.ResponseWriter, r *http.Request, err error) {
	if h.failGate(w, r, err) {
		return
	}
	switch {
	case errors.Is(err, ErrNoChannel):
		h.fail(w, r, problem{Status: http.StatusNotFound, Detail: "There is no channel of this name."})
	case errors.Is(err, ErrNotOnAir):
		h.fail(w, r, problem{Status: http.StatusNotFound, Title: "not on air yet", RetryAfter: 2,
			Detail: "This channel was never on air. Ask again when it is."})
	case errors.Is(err, ErrNotFound):
		h.fail(w, r, problem{Status: http.StatusNotFound, Detail: "It does not exist, or has left the window in which the channel can be rewound."})
	case errors.Is(err, ErrUnavailable):
		h.fail(w, r, problem{Status: http.StatusServiceUnavailable, RetryAfter: 1, Detail: "It cannot be read just now. Try again."})
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		h.stats.left.Add(1) // the viewer has gone, or the server is being stopped
		h.fail(w, r, problem{Status: http.StatusServiceUnavailable, RetryAfter: 1})
	default:
		h.log.warn("a request could not be answered", "path", r.URL.Path, "error", err)
		h.fail(w, r, problem{Status: http.StatusServiceUnavailable, RetryAfter: 1, Detail: "Something went wrong on our side. Try again."})
	}
}

// throttled logs at most one line a second, and then says how many it kept back.
type throttled struct {
	log  *slog.Logger
	last atomic.Int64 // Unix seconds of the last line
	kept atomic.Int64
}

func (t *throttled) warn(msg string, args ...any) {
	now := time.Now().Unix()
	last := t.last.Load()
	if now == last || !t.last.CompareAndSwap(last, now) {
		t.kept.Add(1)
		return
	}
	if n := t.kept.Swap(0); n > 0 {
		args = append(args, "alike_not_logged", n)
	}
	t.log.Warn(msg, args...)
}
