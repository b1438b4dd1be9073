// Package api is what people and programs ask a node for apart from media: channels as JSON over HTTP,
// described by an OpenAPI document, server-sent events, and the pages.
package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
	"github.com/mayfly-tv/mayfly/internal/figures"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/report"
	"github.com/mayfly-tv/mayfly/internal/rundown"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/take"
	"github.com/mayfly-tv/mayfly/internal/webhook"
	"github.com/mayfly-tv/mayfly/internal/webpush"
)

// Station is what the API needs of the node's station.
type Station interface {
	Program(slug string) (*station.Program, error)
	Statuses() []station.Status
	Changed() <-chan struct{}
	// Touch says that something else of a channel has changed that its producers see, at all nodes.
	Touch(channel string)
}

// Previews shows what a source sends, on air or not, to people who work on the channel.
type Previews interface {
	// ServePreview answers with a playlist of a take: the media playlist of a rendition, or, with "", the
	// multivariant one. pass is what the request is let in with.
	ServePreview(w http.ResponseWriter, r *http.Request, slug, take, rendition string, pass Pass)
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
	Station    Station
	Channels   *channel.Store
	Rundowns   *rundown.Store
	Graphics   *graphics.Store
	Nodes      func() []Node
	Previews   Previews
	Thumbnails Thumbnails
	Library    *library.Library // nil: there is none
	OnDemand   []Offers         // what channels offer beside the clips of their library
	Ingest     func() Ingest    // which ports encoders find
	People     *account.People
	Art        *artwork.Store
	Reports    *report.Book
	Webhooks   *webhook.Sender
	WebPush    *webpush.Sender
	Figures    *figures.Gatherer
	Fleet      Fleet
	Chat       *chat.Hub      // nil: there is none
	Token      string         // MAYFLY_ADMIN_TOKEN: may do everything; "" lets in nobody that way
	Proxies    []netip.Prefix // whose word counts for where a request came from
	Public     string         // the address that people outside know, "" if none was given
	Pages      fs.FS          // the built pages
	Version    string
	Log        *slog.Logger

	GraphicPictures *graphics.Pictures
	Unburnt         func(slug string) bool // whether players wait for its burnt program because no node has room to make it
}

// API answers everything under /api/, and the pages.
type API struct {
	cfg    Config
	mux    *http.ServeMux
	pages  *pages
	listed *index
	cards  cards
	token  [sha256.Size]byte
	csrf   *http.CrossOriginProtection
}

// maxBody bounds what a request may send.
const maxBody = 64 << 10

// New makes the API. It fails if the pages cannot be read.
func New(cfg Config) (*API, error) {
	p, err := newPages(cfg.Pages)
	if err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, mux: http.NewServeMux(), pages: p, token: sha256.Sum256([]byte(cfg.Token)), csrf: http.NewCrossOriginProtection(), listed: newIndex(cfg.Station)}
	h := huma.DefaultConfig("Mayfly", cfg.Version)
	h.OpenAPIPath, h.DocsPath, h.SchemasPath = "/api/v1/openapi", "", "/api/v1/schemas"
	h.CreateHooks = nil // no $schema members in answers
	h.Info.Description = "Channels of live television: make them, see what is on air, and cut."
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "an account's token, or the administrator's"},
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "of a person who signed in"},
	}
	doc := humago.New(a.mux, h)
	doc.UseMiddleware(a.identify(doc))
	a.registerChannels(doc)
	a.registerSound(doc)
	a.registerRundown(doc)
	a.registerGraphics(doc)
	a.registerSchedule(doc)
	a.registerShows(doc)
	a.registerRehearsal(doc)
	a.registerStatus(doc)
	a.registerGuide(doc)
	a.registerEvents(doc)
	a.registerSessions(doc)
	a.registerMe(doc)
	a.registerKeys(doc)
	a.registerInvitations(doc)
	a.registerMembers(doc)
	a.registerOperator(doc)
	a.registerWatching(doc)
	a.registerArt(doc)
	a.registerReports(doc)
	a.registerWebhooks(doc)
	a.registerSubscribers(doc)
	a.registerFigures(doc)
	a.registerFleet(doc)
	a.registerProvider()
	a.registerClips(doc)
	a.registerCard(doc)
	a.registerOnDemand(doc)
	a.registerFeed(doc)
	a.registerRecordings(doc)
	a.registerFeeds(doc)
	a.registerChat(doc)
	a.registerPreviews()
	a.registerThumbnails()
	a.registerPages()
	cfg.Channels.Watch(a.cards.see)
	return a, nil
}

// Run keeps the guide up to date, and shows cards when they are made, until ctx ends.
func (a *API) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.listed.run(ctx) })
	group.Go(func() error { return a.dealCards(ctx) })
	return group.Wait()
}

func (a *API) now() time.Time { return time.Now() }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	a.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, a.visitor(r))))
}

// problem turns an error into the answer that a caller gets. All errors become statuses here.
func (a *API) problem(err error) error {
	var often *account.OftenError
	var talkative *chat.OftenError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &often):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(sentence(err)), http.Header{"Retry-After": {strconv.Itoa(int(often.Wait.Seconds()) + 1)}})
	case errors.Is(err, account.ErrRefused):
		return huma.Error401Unauthorized(sentence(err))
	case errors.Is(err, account.ErrPassword):
		return huma.Error403Forbidden(sentence(err))
	case errors.Is(err, ErrPassword):
		return huma.Error403Forbidden("this channel wants a password: enter it on the channel's page")
	case errors.Is(err, ErrPrivate):
		return huma.Error403Forbidden("this channel is private: sign in as somebody who works on it, or use a playback link that counts")
	case errors.Is(err, account.ErrSuspended), errors.Is(err, account.ErrClosed), errors.Is(err, errForbidden):
		return huma.Error403Forbidden(sentence(err))
	case errors.Is(err, account.ErrLink):
		return huma.Error410Gone(sentence(err))
	case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrOwned), errors.Is(err, account.ErrLast):
		return huma.Error409Conflict(sentence(err))
	case errors.Is(err, account.ErrNoProvider):
		a.cfg.Log.Warn("the OpenID provider failed", "error", err)
		return huma.Error502BadGateway(account.ErrNoProvider.Error() + ": try again, or sign in another way")
	case errors.Is(err, account.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, account.ErrNotFound):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, channel.ErrInvalid), errors.Is(err, artwork.ErrInvalid), errors.Is(err, report.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, channel.ErrExists):
		return huma.Error409Conflict(sentence(err) + ": choose another")
	case errors.Is(err, channel.ErrNotFound), errors.Is(err, station.ErrNoChannel):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, program.ErrPlan), errors.Is(err, program.ErrNoPlan), errors.Is(err, program.ErrCue), errors.Is(err, station.ErrNoClips):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, ErrNoNode):
		return huma.Error404NotFound(ErrNoNode.Error())
	case errors.Is(err, webhook.ErrNotFound):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, webhook.ErrOften):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(sentence(err)), http.Header{"Retry-After": {"5"}})
	case errors.Is(err, webpush.ErrNotFound):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, webpush.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, webpush.ErrFull):
		return huma.Error409Conflict(sentence(err) + ": use the feed")
	case errors.Is(err, library.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, ErrNotOffered):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, library.ErrNotFound), errors.Is(err, take.ErrNoMedia):
		return huma.Error404NotFound(library.ErrNotFound.Error())
	case errors.Is(err, library.ErrMixed):
		return huma.Error409Conflict(sentence(err))
	case errors.Is(err, library.ErrFull), errors.Is(err, library.ErrPlayed), errors.Is(err, library.ErrState), errors.Is(err, library.ErrChanged):
		return huma.Error409Conflict(sentence(err))
	case errors.Is(err, program.ErrNoSuchSource):
		return huma.Error409Conflict("that source sends nothing at the moment: it goes on air by itself when it connects")
	case errors.Is(err, rundown.ErrChanged), errors.Is(err, rundown.ErrMoved), errors.Is(err, graphics.ErrChanged):
		return huma.Error409Conflict(sentence(err) + ": look at it again")
	case errors.Is(err, rundown.ErrNotFound), errors.Is(err, graphics.ErrNotFound):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, program.ErrMix), errors.Is(err, rundown.ErrInvalid), errors.Is(err, graphics.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, station.ErrNoSound), errors.Is(err, station.ErrNotDerived):
		return huma.Error409Conflict(sentence(err) + ": cut to the pictures alone, or try again when it is there")
	case errors.Is(err, mesh.ErrUnreachable):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("a node that this needs does not answer, and no other has taken its place so far: try again"), http.Header{"Retry-After": {"1"}})
	case errors.Is(err, program.ErrBusy), errors.Is(err, program.ErrFormat):
		return huma.Error409Conflict(sentence(err))
	case errors.As(err, &talkative):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(sentence(err)), http.Header{"Retry-After": {strconv.Itoa(int(talkative.Wait.Seconds()) + 1)}})
	case errors.Is(err, chat.ErrFull):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(sentence(err)), http.Header{"Retry-After": {"30"}})
	case errors.Is(err, chat.ErrBarred):
		return huma.Error403Forbidden(sentence(err))
	case errors.Is(err, chat.ErrInvalid):
		return huma.Error422UnprocessableEntity(sentence(err))
	case errors.Is(err, chat.ErrNotFound):
		return huma.Error404NotFound(sentence(err))
	case errors.Is(err, chat.ErrStarting), errors.Is(err, chat.ErrLeaving):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(sentence(err)+": try again"), http.Header{"Retry-After": {"2"}})
	case errors.Is(err, bucket.ErrUnavailable), errors.Is(err, station.ErrStarting), errors.Is(err, station.ErrNotYet), errors.Is(err, context.DeadlineExceeded):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the bucket does not answer at the moment: try again"), http.Header{"Retry-After": {"2"}})
	}
	a.cfg.Log.Error("a request failed", "error", err)
	return huma.Error500InternalServerError("something went wrong here: the node's log says what")
}

// sentence is an error's text for a person.
func sentence(err error) string {
	text := err.Error()
	for _, kind := range []error{account.ErrInvalid, channel.ErrInvalid, artwork.ErrInvalid, report.ErrInvalid, library.ErrInvalid, library.ErrState, graphics.ErrInvalid, chat.ErrInvalid, webpush.ErrInvalid} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return strings.ReplaceAll(text, errForbidden.Error()+": ", "")
}

// bucketTime bounds what a request waits for the bucket.
const bucketTime = 8 * time.Second
