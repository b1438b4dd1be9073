package push

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Handler serves /push/. Run must run beside it.
type Handler struct {
	cfg  Config
	held atomic.Int64 // bytes of all sessions

	mu       sync.Mutex
	sessions map[id]*entry
	left     bool
}

// id is what an address says of a session.
type id struct{ key, name string }

// entry is a session, or one that is being asked for.
type entry struct {
	ready chan struct{} // closed when s or err is there
	s     *session
	err   error
}

// New makes a handler.
func New(cfg Config) *Handler {
	cfg.setDefaults()
	return &Handler{cfg: cfg, sessions: map[id]*entry{}}
}

// beat is how often sessions are looked at.
const beat = 50 * time.Millisecond

// Run does what is due in all sessions until ctx ends; then it ends them.
func (h *Handler) Run(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for i, e := range h.all() {
				if e.s.tick(h.cfg.SessionIdle) {
					h.remove(i, e)
				}
			}
		case <-ctx.Done():
			h.mu.Lock()
			h.left = true
			h.mu.Unlock()
			for i, e := range h.all() {
				e.s.kick(Leaving)
				e.s.tick(h.cfg.SessionIdle)
				h.remove(i, e)
			}
			return nil
		}
	}
}

// Sessions returns how many sessions there are.
func (h *Handler) Sessions() int { return len(h.all()) }

// all returns the sessions that are there.
func (h *Handler) all() map[id]*entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make(map[id]*entry, len(h.sessions))
	for i, e := range h.sessions {
		if e.s != nil {
			out[i] = e
		}
	}
	return out
}

func (h *Handler) remove(i id, e *entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[i] == e {
		delete(h.sessions, i)
	}
}

// ServeHTTP answers a request to /push/.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	// A page of another node may publish here: the key in the address is all the right there is, and no cookie counts.
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("Access-Control-Expose-Headers", "Retry-After, "+HeaderNode)
	if h.cfg.Node != "" {
		head.Set(HeaderNode, h.cfg.Node)
	}
	const methods = "PUT, POST, DELETE, OPTIONS"
	switch r.Method {
	case http.MethodPut, http.MethodPost, http.MethodDelete:
	case http.MethodOptions:
		head.Set("Allow", methods)
		head.Set("Access-Control-Allow-Methods", methods)
		head.Set("Access-Control-Allow-Headers", "Content-Type, "+HeaderOldest+", "+HeaderNext)
		head.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		head.Set("Allow", methods)
		refuse(http.StatusMethodNotAllowed, "method", "this is where live streams are sent to: use PUT, POST or DELETE").answer(w)
		return
	}
	p, err := parsePlace(r.URL.Path)
	status := 0
	if err == nil {
		if node := h.owner(r, p); node != "" {
			h.forward(w, r, node)
			return
		}
		status, err = h.serve(w, r, p)
	}
	if err != nil {
		h.refused(p, r, err)
		refusalOf(err).answer(w)
		return
	}
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}

// refused logs what the publisher is told, apart from what passes.
func (h *Handler) refused(p place, r *http.Request, err error) {
	if no := refusalOf(err); no.Status < 500 && no != errCutOff && no != errNoInit {
		h.cfg.Log.Warn("upload refused", "key", hint(p.key), "session", p.session, "name", p.name, "kind", no.Kind, "remote", r.RemoteAddr, "reason", err)
	}
}

// serve takes a request in on this node.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, p place) (int, error) {
	switch {
	case r.Method == http.MethodDelete:
		if p.name == "" {
			next, _ := strconv.ParseUint(r.Header.Get(HeaderNext), 10, 63) // absent: at once
			h.goodbye(p, next)
		}
		return http.StatusOK, nil
	case p.isManifest():
		return http.StatusCreated, h.manifest(r, p)
	case h.held.Load() > h.cfg.MaxHeldAll:
		return 0, errBusy
	case r.Header.Get("Content-Encoding") != "":
		return 0, refuse(http.StatusUnsupportedMediaType, "encoding", "content encoding %.20q: send media as it is", r.Header.Get("Content-Encoding"))
	}
	s, err := h.enter(r, p, nil, "", false)
	if err != nil {
		return 0, err
	}
	u := &upload{h: h, s: s, p: p, r: r}
	u.body = newIntake(w, r, h.cfg.BodyIdle, func() { u.s.alive() })
	defer func() { u.s.leave() }()
	return u.run()
}

// enter begins an upload in the session of the address, which is opened if need be. If it is old, a
// new one with that suffix takes its place; inits says that it has the same inits.
func (h *Handler) enter(r *http.Request, p place, old *session, suffix string, inits bool) (*session, error) {
	i := id{p.key, p.session}
	for range 3 {
		e, mine, err := h.entry(i, old)
		if err != nil {
			return nil, err
		}
		if mine {
			h.open(r, p, i, e, old, suffix, inits)
		}
		select {
		case <-e.ready:
		case <-r.Context().Done():
			return nil, errCutOff
		}
		if e.err != nil {
			return nil, e.err
		}
		if ok, err := e.s.enter(h.cfg.MaxUploads); ok || err != nil {
			return e.s, err
		}
		h.remove(i, e) // it has ended
		old = nil
	}
	return nil, errBusy
}

// entry returns the entry of a session, and whether the caller has to fill it.
func (h *Handler) entry(i id, old *session) (e *entry, mine bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		return nil, false, Leaving
	}
	e = h.sessions[i]
	if e != nil && (old == nil || e.s != old) {
		return e, false, nil
	}
	if e == nil {
		n := 0
		for other := range h.sessions {
			if other.key == i.key {
				n++
			}
		}
		if n >= h.cfg.MaxSessions {
			return nil, false, errMany
		}
	}
	e = &entry{ready: make(chan struct{})}
	h.sessions[i] = e
	return e, true, nil
}

// open asks the desk for a session and fills its entry.
func (h *Handler) open(r *http.Request, p place, i id, e *entry, old *session, suffix string, inits bool) {
	name := i.name
	if old != nil {
		name += "~" + suffix
		old.finish("the encoder began anew")
	}
	s := newSession(i, &h.cfg, &h.held)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.cfg.DeskTimeout)
	defer cancel()
	sink, err := h.cfg.Desk.Publish(ctx, Publication{
		Key: p.key, Session: name, Remote: r.RemoteAddr, Encoder: printable(r.UserAgent()), Kick: s.kick,
	})
	if err == nil {
		s.sink, s.m = sink, newStream(p.explicit, h.cfg.MaxHeld, sink.Known())
		if inits {
			s.m.inits = old.m.inits
		}
		s.log.Info("publishing", "remote", r.RemoteAddr, "encoder", printable(r.UserAgent()), "name", name)
	}
	h.mu.Lock()
	if e.err = err; err == nil {
		e.s = s
	} else if h.sessions[i] == e {
		delete(h.sessions, i)
	}
	h.mu.Unlock()
	close(e.ready)
}

// printable is a name that a stranger gave, fit for logs.
func printable(s string) string {
	s = s[:min(len(s), 80)]
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

// goodbye ends a session whose publisher says that it is done, once everything below a number is there.
// What is not durable yet is made so by that: the last of a stream waits for nothing more.
func (h *Handler) goodbye(p place, next uint64) {
	s := h.find(p)
	if s == nil {
		return
	}
	s.do(func(m *stream, _ time.Duration) error {
		m.leaving, m.final = true, next
		return nil
	})
	s.tick(h.cfg.SessionIdle)
}

// find returns the session of an address, or nil.
func (h *Handler) find(p place) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.sessions[id{p.key, p.session}]; e != nil {
		return e.s
	}
	return nil
}

// manifest takes a playlist or an MPD in, as far as there is a session that it can help.
func (h *Handler) manifest(r *http.Request, p place) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	switch {
	case err != nil:
		return errCutOff
	case len(text) > maxManifest:
		return errTooBig
	}
	s := h.find(p)
	if s == nil {
		return nil
	}
	found := readManifest(p, string(text))
	s.do(func(m *stream, _ time.Duration) error {
		m.ended = found.ended
		for lane, init := range found.maps {
			if len(m.maps) < maxLanes {
				m.maps[lane] = init
			}
		}
		s.initArrived()
		return nil
	})
	return nil
}
