// Package api is what people and programs ask a node for apart from media: channels as JSON over HTTP,
// described by an OpenAPI document, server-sent events, and the pages.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Station is what the API needs of the node's station.
type Station interface {
	Program(slug string) (*station.Program, error)
	Statuses() []station.Status
	Changed() <-chan struct{}
}

// Node is one node of the fleet as this node sees it.
type Node struct {
	Name        string   `json:"name"`
	PublicURL   string   `json:"publicURL"`
	Incarnation string   `json:"incarnation,omitempty"`
	Self        bool     `json:"self" doc:"it is the node that answers"`
	Ready       bool     `json:"ready"`
	Version     string   `json:"version,omitempty"`
	State       string   `json:"state" enum:"alive,suspect,lost" doc:"what this node knows of it"`
	Reason      string   `json:"reason,omitempty" doc:"of the state, for people"`
	Leaving     bool     `json:"leaving,omitempty"`
	Witnesses   []string `json:"witnesses,omitempty" doc:"nodes that hold what it takes in until the bucket has it"`
	Publishers  int      `json:"publishers"`
	Viewers     int      `json:"viewers" doc:"estimated"`
	Clock       float64  `json:"clock,omitempty" doc:"seconds that its clock is ahead of the answering node's"`
}

// Config says what the API is made of.
type Config struct {
	Station  Station
	Channels *channel.Store
	Nodes    func() []Node
	Token    string // MAYFLY_ADMIN_TOKEN; "" refuses every change
	Pages    fs.FS  // the built pages
	Version  string
	Log      *slog.Logger
}

// API answers everything under /api/, and the pages.
type API struct {
	cfg   Config
	mux   *http.ServeMux
	pages *pages
	token [sha256.Size]byte
}

// maxBody bounds what a request may send.
const maxBody = 64 << 10

// New makes the API. It fails if the pages cannot be read.
func New(cfg Config) (*API, error) {
	p, err := newPages(cfg.Pages)
	if err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, mux: http.NewServeMux(), pages: p, token: sha256.Sum256([]byte(cfg.Token))}
	h := huma.DefaultConfig("Mayfly", cfg.Version)
	h.OpenAPIPath, h.DocsPath, h.SchemasPath = "/api/v1/openapi", "", "/api/v1/schemas"
	h.CreateHooks = nil // no $schema members in answers
	h.Info.Description = "Channels of live television: make them, see what is on air, and cut."
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	doc := humago.New(a.mux, h)
	doc.UseMiddleware(a.authorize(doc))
	a.registerChannels(doc)
	a.registerStatus(doc)
	a.registerEvents(doc)
	a.registerPages()
	return a, nil
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, OPTIONS")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	a.mux.ServeHTTP(w, r)
}

// needsToken marks an operation that only a bearer of the token may call.
var needsToken = []map[string][]string{{"token": {}}}

type adminKey struct{}

// isAdmin reports whether the request carried the token.
func isAdmin(ctx context.Context) bool { return ctx.Value(adminKey{}) != nil }

// authorize checks the token of requests that carry one, and refuses those that need one.
func (a *API) authorize(doc huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		given, ok := strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
		if ok && a.cfg.Token != "" {
			sum := sha256.Sum256([]byte(given))
			if subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1 {
				next(huma.WithValue(ctx, adminKey{}, true))
				return
			}
		}
		if len(ctx.Operation().Security) == 0 && !ok {
			next(ctx)
			return
		}
		ctx.SetHeader("WWW-Authenticate", "Bearer")
		detail := "This needs the administrator's token: send the header `Authorization: Bearer TOKEN` with the value of MAYFLY_ADMIN_TOKEN."
		switch {
		case a.cfg.Token == "":
			detail = "Changes are not possible, because this node was started without a token: set MAYFLY_ADMIN_TOKEN and start it again."
		case ok:
			detail = "That is not the administrator's token: compare it with the value of MAYFLY_ADMIN_TOKEN that the node was started with."
		}
		huma.WriteErr(doc, ctx, http.StatusUnauthorized, detail)
	}
}

// problem turns an error into the answer that a caller gets. All errors become statuses here.
func (a *API) problem(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, channel.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, channel.ErrExists):
		return huma.Error409Conflict(sentence(err) + ": choose another")
	case errors.Is(err, channel.ErrNotFound), errors.Is(err, station.ErrNoChannel):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, program.ErrNoSuchSource):
		return huma.Error409Conflict("that source sends nothing at the moment: it goes on air by itself when it connects")
	case errors.Is(err, program.ErrBusy), errors.Is(err, program.ErrFormat):
		return huma.Error409Conflict(sentence(err))
	case errors.Is(err, bucket.ErrUnavailable), errors.Is(err, station.ErrStarting), errors.Is(err, context.DeadlineExceeded):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the bucket does not answer at the moment: try again"), http.Header{"Retry-After": {"2"}})
	}
	a.cfg.Log.Error("a request failed", "error", err)
	return huma.Error500InternalServerError("something went wrong here: the node's log says what")
}

// sentence is an error's text for a person.
func sentence(err error) string { return err.Error() }

// bucketTime bounds what a request waits for the bucket.
const bucketTime = 8 * time.Second
