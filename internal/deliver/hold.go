package deliver

import (
	"net/http"
	"time"
)

// hold is a request's waiting for what is not there yet. Its zero value has not begun.
type hold struct {
	h     *Handler
	timer *time.Timer
}

// on waits until changed is closed and returns true. It returns false, having answered the
// request, when the time is over, the viewer has left, Run has ended, or too many wait already. All waits
// of one request share one time limit.
func (w *hold) on(h *Handler, rw http.ResponseWriter, r *http.Request, changed <-chan struct{}) bool {
	if w.timer == nil {
		if h.stats.held.Add(1) > int64(h.cfg.MaxHeld) {
			h.stats.held.Add(-1)
			h.stats.crowded.Add(1)
			h.fail(rw, r, problem{Status: http.StatusServiceUnavailable, RetryAfter: 1,
				Detail: "Too many requests wait for what is to come. Try again."})
			return false
		}
		w.h, w.timer = h, time.NewTimer(h.cfg.Hold)
	}
	select {
	case <-changed:
		return true
	case <-r.Context().Done():
		// The viewer has left, or the server is being stopped: then there is a reader.
		h.stats.left.Add(1)
	case <-h.leaving:
		rw.Header()["Connection"] = valClose
	case <-w.timer.C:
		h.stats.expired.Add(1)
	}
	h.fail(rw, r, problem{Status: http.StatusServiceUnavailable, RetryAfter: 1,
		Detail: "It is not there yet, though it may still come. Ask again."})
	return false
}

// end gives the place up.
func (w *hold) end() {
	if w.timer != nil {
		w.timer.Stop()
		w.h.stats.held.Add(-1)
	}
}
