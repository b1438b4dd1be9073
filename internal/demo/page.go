package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"
)

// page serves what is looked at: the built page, its events, and the buttons.
type page struct {
	fleet *fleet
	board *board
	files fs.FS
	front string // URL that the channels are fetched from
	host  string // this page's own host and port
	mux   *http.ServeMux
}

// errNoPages: the program was built without its pages.
var errNoPages = errors.New("the pages are not built into this program: build it with `make build`")

func newPage(f *fleet, b *board, files fs.FS, front, host string) (*page, error) {
	if _, err := fs.Stat(files, "demo.html"); err != nil {
		return nil, errNoPages
	}
	p := &page{fleet: f, board: b, files: files, front: front, host: host, mux: http.NewServeMux()}
	p.mux.HandleFunc("GET /{$}", p.home)
	p.mux.HandleFunc("GET /assets/{file}", p.asset)
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("POST /nodes/{node}/kill", p.act(func(r *http.Request) error { return f.kill(r.PathValue("node")) }))
	p.mux.HandleFunc("POST /nodes/{node}/start", p.act(func(r *http.Request) error { return f.start(r.PathValue("node")) }))
	p.mux.HandleFunc("POST /nodes/{node}/mesh", p.act(func(r *http.Request) error {
		cut, err := flag(r, "cut")
		if err != nil {
			return err
		}
		return f.cutMesh(r.Context(), r.PathValue("node"), cut)
	}))
	p.mux.HandleFunc("POST /bucket", p.act(func(r *http.Request) error {
		away, err := flag(r, "away")
		if err != nil {
			return err
		}
		return f.takeBucket(r.Context(), away)
	}))
	return p, nil
}

// serve serves until ctx ends; pages that listen for events are let go at once.
func (p *page) serve(ctx context.Context, ln net.Listener) error {
	s := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(ln); ctx.Err() == nil {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

// ServeHTTP answers only who came by this page's own address: another page of the web must not press
// these buttons, neither by a form nor by a name that it lets point here.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Host != p.host && r.Host != "localhost"+p.host[strings.LastIndexByte(p.host, ':'):] {
		http.Error(w, "This page is at http://"+p.host+"/ only.", http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := http.NewCrossOriginProtection().Check(r); err != nil || r.Header.Get("X-Mayfly-Demo") == "" {
			http.Error(w, "Only the page itself may do that.", http.StatusForbidden)
			return
		}
	}
	p.mux.ServeHTTP(w, r)
}

// policy lets the page load what is its own, and the channels from the front; no page may frame it.
const policy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: %[1]s; worker-src 'self' blob:; " +
	"style-src 'self' 'unsafe-inline'; connect-src 'self' %[1]s; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'none'"

const headMark = "<!--mayfly:head-->"

func (p *page) home(w http.ResponseWriter, _ *http.Request) {
	data, err := fs.ReadFile(p.files, "demo.html")
	if err != nil {
		http.Error(w, errNoPages.Error(), http.StatusNotFound)
		return
	}
	head := `<title>Demonstration · Mayfly</title><meta name="mayfly-channels" content="` + html.EscapeString(p.front) + `">`
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf(policy, p.front))
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(bytes.Replace(data, []byte(headMark), []byte(head), 1))
}

func (p *page) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	data, err := fs.ReadFile(p.files, "assets/"+name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Write(data)
}

const beat = 15 * time.Second

// events sends the state and the log as server-sent events, at most ten times a second.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	last := int64(0)
	for r.Context().Err() == nil {
		state, events, changed := p.board.look(last)
		var b bytes.Buffer
		for _, e := range events {
			data, err := json.Marshal(e)
			if err != nil {
				return
			}
			fmt.Fprintf(&b, "event: log\ndata: %s\n\n", data)
			last = e.ID
		}
		if state != nil {
			fmt.Fprintf(&b, "event: state\ndata: %s\n\n", state)
		}
		b.WriteString(":\n\n")
		rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := w.Write(b.Bytes()); err != nil || rc.Flush() != nil {
			return
		}
		pause := time.After(100 * time.Millisecond)
		select {
		case <-changed:
		case <-time.After(beat):
		case <-r.Context().Done():
		}
		select {
		case <-pause:
		case <-r.Context().Done():
		}
	}
}

// act carries out a button, and says in plain words why it could not.
func (p *page) act(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := do(r)
		switch {
		case err == nil:
			w.WriteHeader(http.StatusNoContent)
		case errors.Is(err, errNoNode):
			http.Error(w, err.Error(), http.StatusNotFound)
		case errors.Is(err, errUnbuilt):
			http.Error(w, err.Error(), http.StatusNotImplemented)
		case errors.Is(err, errFlag):
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}
}

var errFlag = errors.New("want 0 or 1")

func flag(r *http.Request, name string) (bool, error) {
	switch v := r.URL.Query().Get(name); v {
	case "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s=%.20q: %w", name, v, errFlag)
	}
}
