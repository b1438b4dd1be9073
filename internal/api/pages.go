package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// page is a file of the pages, as it is sent.
type page struct {
	data, zipped []byte
	kind         string
	etag         string
}

// pages are the built pages, all in memory.
type pages struct {
	files map[string]*page
}

func newPages(files fs.FS) (*pages, error) {
	p := &pages{files: map[string]*page{}}
	if files == nil {
		return p, nil
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		p.files[name] = newPage(name, bytes.Replace(data, []byte(guardMark), []byte("<script>"+guard+"</script>"), 1))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return p, nil
}

func newPage(name string, data []byte) *page {
	sum := sha256.Sum256(data)
	f := &page{data: data, kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	return f
}

// zip compresses the page if that is worth it.
func (f *page) zip() {
	if f.zipped != nil || len(f.data) < 1000 || !strings.HasPrefix(f.kind, "text/") && !strings.Contains(f.kind, "javascript") && !strings.Contains(f.kind, "svg") {
		return
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(f.data) // a bytes.Buffer takes everything
	w.Close()
	f.zipped = b.Bytes()
}

// guard is the one script that stands in the pages themselves: it fetches the others again.
//
//go:embed guard.js
var guard string

// guardMark is where it stands.
const guardMark = "<!--mayfly:guard-->"

// policy is what the pages may load: only what is ours. An embed may be framed by anybody.
var policy = "default-src 'self'; script-src 'self' '" + sourceHash(guard) + "'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; " +
	"style-src 'self' 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors "

// sourceHash names a script that stands in a page (Content Security Policy Level 3, section 6.7.3.3).
func sourceHash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// policyOf is policy, and for a camera's page that it may reach the other nodes of the fleet, by TLS wherever they are.
func (a *API) policyOf(name string) string {
	if name != "camera.html" {
		return policy
	}
	reach := "connect-src 'self' https:"
	for _, n := range a.cfg.Nodes() {
		if at, err := url.Parse(n.PublicURL); err == nil && at.Scheme == "http" && at.Host != "" && !strings.ContainsAny(at.Host, " ;,'\"") {
			reach += " http://" + at.Host
		}
	}
	return strings.Replace(policy, "connect-src 'self'", reach, 1)
}

// serviceWorker shows what is pushed to browsers. It lies at the root, because it is for the pages of all channels.
const serviceWorker = "notify.js"

const headMark = "<!--mayfly:head-->"

func (a *API) registerPages() {
	for _, f := range a.pages.files {
		f.zip() // some 150 kB once; start-up does not wait for it longer than for the disk
	}
	a.mux.HandleFunc("GET /api/docs", func(w http.ResponseWriter, r *http.Request) { a.page(w, r, "docs.html", http.StatusOK, nil) })
	a.mux.HandleFunc("GET /", a.visit)
}

// visit answers what is neither media nor API. Slugs are checked by hand because they stand beside
// /assets, which patterns cannot tell apart.
func (a *API) visit(w http.ResponseWriter, r *http.Request) {
	first, rest, more := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case first == "" && !more:
		a.page(w, r, "index.html", http.StatusOK, a.guideCard(r.Context()))
	case first == "embed" && !more:
		a.framed(w, r, "index.html", http.StatusOK, a.guideCard(r.Context()))
	case first == "oembed" && !more:
		a.answerOembed(w, r)
	case first == "login":
		a.page(w, r, "login.html", http.StatusOK, nil)
	case first == "studio" && strings.HasSuffix(rest, "/camera") && strings.Count(rest, "/") == 1:
		a.page(w, r, "camera.html", http.StatusOK, nil)
	case first == "studio" && !strings.Contains(rest, "/"):
		a.page(w, r, "studio.html", http.StatusOK, nil)
	case first == "studio" && strings.Count(rest, "/") == 1 && strings.HasSuffix(rest, "/library"):
		a.page(w, r, "library.html", http.StatusOK, nil)
	case first == "studio" && strings.Count(rest, "/") == 1 && strings.HasSuffix(rest, "/figures"):
		a.page(w, r, "figures.html", http.StatusOK, nil)
	case first == "operate" && !more:
		a.page(w, r, "operate.html", http.StatusOK, nil)
	case strings.HasPrefix(r.URL.Path, station.ArtPath):
		a.art(w, r)
	case first == "assets":
		a.asset(w, r)
	case first == "favicon.ico":
		a.icon(w, r)
	case first == serviceWorker && !more && a.pages.files[first] != nil:
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Security-Policy", "default-src 'self'") // it loads pictures of notifications, of this server
		a.send(w, r, a.pages.files[first], http.StatusOK)
	case !more && a.pages.files[first] != nil && !strings.HasSuffix(first, ".html"):
		w.Header().Set("Cache-Control", "public, max-age=300") // embed.js, which other sites load
		a.send(w, r, a.pages.files[first], http.StatusOK)
	case !more:
		a.watch(w, r, first, "watch.html")
	case rest == "":
		http.Redirect(w, r, "/"+first, http.StatusMovedPermanently)
	case rest == thumbnailName:
		a.programThumbnail(w, r, first)
	case strings.HasPrefix(rest, "recordings/"):
		a.recording(w, r, first, strings.TrimPrefix(rest, "recordings/"))
	case rest == "embed":
		a.watch(w, r, first, "embed.html")
	default:
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
	}
}

// watch answers with a channel's page. For a channel that is not there the page says so itself.
func (a *API) watch(w http.ResponseWriter, r *http.Request, slug, name string) {
	show := a.page
	if name == "embed.html" {
		show = a.framed
	}
	c, err := a.cfg.Channels.Get(slug)
	if err == nil && c.Suspended == "" {
		show(w, r, name, http.StatusOK, a.cardOf(r.Context(), c, r.URL.Query()))
		return
	}
	status := http.StatusNotFound
	select {
	case <-a.cfg.Channels.Loaded():
	default:
		if channel.CheckSlug(slug) == nil {
			status = http.StatusOK // too early to know; the page goes on asking
		}
	}
	show(w, r, name, status, nil)
}

// page answers with an HTML page that only our own pages may frame. If it is about something, its head says what.
func (a *API) page(w http.ResponseWriter, r *http.Request, name string, status int, k *card) {
	a.html(w, r, name, status, k, "'self'")
}

// framed answers with an HTML page that any site may frame.
func (a *API) framed(w http.ResponseWriter, r *http.Request, name string, status int, k *card) {
	a.html(w, r, name, status, k, "*")
}

func (a *API) html(w http.ResponseWriter, r *http.Request, name string, status int, k *card, ancestors string) {
	f := a.pages.files[name]
	if f == nil {
		http.Error(w, "The pages are not built into this program: build it with `make build`. Playlists and the API work.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", a.policyOf(name)+ancestors)
	w.Header().Set("Referrer-Policy", "same-origin")
	w.Header().Set("Cache-Control", "no-cache")
	if before, after, found := bytes.Cut(f.data, []byte(headMark)); found {
		f = newPage(name, slices.Concat(before, []byte(k.head(a.outside(r.Context()))), after))
	}
	a.send(w, r, f, status)
}

// outside is the address at which people reach this server.
func (a *API) outside(ctx context.Context) string {
	if a.cfg.Public != "" {
		return strings.TrimSuffix(a.cfg.Public, "/")
	}
	return visitorOf(ctx).origin
}

func (a *API) asset(w http.ResponseWriter, r *http.Request) {
	f := a.pages.files[strings.TrimPrefix(r.URL.Path, "/")]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	a.send(w, r, f, http.StatusOK)
}

func (a *API) icon(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{"favicon.ico", "favicon.svg"} {
		if f := a.pages.files[name]; f != nil {
			a.send(w, r, f, http.StatusOK)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) send(w http.ResponseWriter, r *http.Request, f *page, status int) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if status == http.StatusOK && r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data := f.data
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		data = f.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(data)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(data); err != nil && !errors.Is(err, http.ErrHandlerTimeout) {
		return // the visitor left
	}
}
