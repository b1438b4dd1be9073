package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/api"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/burn"
	"github.com/mayfly-tv/mayfly/internal/certs"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
	"github.com/mayfly-tv/mayfly/internal/deliver"
	"github.com/mayfly-tv/mayfly/internal/fault"
	"github.com/mayfly-tv/mayfly/internal/figures"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/ingest/push"
	"github.com/mayfly-tv/mayfly/internal/ingest/rtmp"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/notice"
	"github.com/mayfly-tv/mayfly/internal/opus"
	"github.com/mayfly-tv/mayfly/internal/report"
	"github.com/mayfly-tv/mayfly/internal/rundown"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/thumbnail"
	"github.com/mayfly-tv/mayfly/internal/trouble"
	"github.com/mayfly-tv/mayfly/internal/webhook"
	"github.com/mayfly-tv/mayfly/internal/webpush"
	"github.com/mayfly-tv/mayfly/web"
)

// node is one running node with all its parts.
type node struct {
	flags    *serveFlags
	log      *slog.Logger
	id       string // of this run
	bucket   bucket.Bucket
	spool    *bundle.Spool
	channels *channel.Store
	rundowns *rundown.Store
	graphics *graphics.Store
	people   *account.People
	art      *artwork.Store
	reports  *report.Book
	webhooks *webhook.Sender
	webpush  *webpush.Sender
	airings  airings
	figures  *figures.Gatherer
	trouble  *trouble.Ledger
	meter    bucket.Meter // of requests to the bucket
	load     load
	started  time.Time
	leave    func() // has the node leave, as its machine would
	station  *station.Station
	library  *library.Library
	chat     *chat.Hub
	held     chan heldMessage // on their way to webhooks
	viewers  *deliver.Handler
	pages    *api.API
	encoders *rtmp.Server
	pushed   *push.Handler
	pictures *thumbnail.Maker
	fetched  *graphics.Pictures // that lie at addresses of graphics
	burner   *burn.Burner
	asked    asked                     // for burnt programs
	certs    *tls.Config               // nil without TLS
	acme     *certs.Manager            // nil without ACME
	mesh     atomic.Pointer[mesh.Mesh] // nil before the node has joined its fleet, or if it is alone
	metrics  *metrics
	link     atomic.Pointer[mesh.NATS]
	cut      atomic.Pointer[mesh.Cuttable] // with --faults
	faults   fault.Control                 // harm from outside; idle unless --faults

	listeners []listener
	proven    chan struct{} // closed when the bucket has shown that it can be trusted
}

// drainTime is how long publishers may take to be sent away when the node leaves.
const drainTime = 8 * time.Second

// spoolKeep is how long bundles stay in the spool after a remote bucket has them, so that what is
// listed can be served while the bucket is away.
const spoolKeep = 2 * time.Minute

// serve runs a node until ctx ends.
func serve(ctx context.Context, f *serveFlags, log *slog.Logger) error {
	if err := f.check(); err != nil {
		return err
	}
	warnUnbuilt(f, log)
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	watched := make(chan struct{})
	defer func() { leave(); <-watched }()
	go func() {
		defer close(watched)
		notice.Watch(ctx, notice.Config{EC2: f.Metadata, GCP: f.Metadata, Azure: f.Metadata, Log: log, Tell: func(n notice.Notice) { heed(n, log, leave) }})
	}()
	seen := trouble.New()
	n, err := newNode(ctx, f, slog.New(seen.Handler(log.Handler())))
	if err != nil {
		return err
	}
	n.trouble, n.leave = seen, leave
	defer n.spool.Close()
	return n.run(ctx)
}

// heed does what a cloud's notice asks for.
func heed(n notice.Notice, log *slog.Logger, leave func()) {
	if n.Kind == notice.Rebalance {
		log.Warn("the cloud says that this machine is in danger", "cloud", n.Cloud, "at", n.At, "detail", n.Detail)
		return
	}
	log.Warn("the cloud takes this machine away; the node leaves", "cloud", n.Cloud, "at", n.At, "detail", n.Detail)
	leave()
}

// warnUnbuilt names the flags that were given and do nothing in this version.
func warnUnbuilt(f *serveFlags, log *slog.Logger) {
	for name, given := range map[string]bool{
		"srt": f.SRT != ":8890" && f.SRT != "", "webrtc": f.WebRTC != ":8189" && f.WebRTC != "",
	} {
		if given {
			log.Warn("this version does not have that part yet; the flag does nothing", "flag", "--"+name)
		}
	}
}

// newNode puts a node together and opens its ports. Nothing waits for the bucket.
func newNode(ctx context.Context, f *serveFlags, log *slog.Logger) (*node, error) {
	n := &node{flags: f, log: log, id: rand.Text()[:8], started: time.Now(), held: make(chan heldMessage, 100), asked: asked{at: map[string]time.Time{}}, proven: make(chan struct{}), metrics: newMetrics()}
	b, local, err := openBucket(ctx, f.Bucket)
	if err != nil {
		return nil, err
	}
	if f.Faults != "" {
		n.faults.Mesh = n.cutMesh
		b = n.faults.Bucket(b)
		if f.FaultsAway {
			n.faults.Begin()
		}
	}
	n.bucket = bucket.Counted(n.metrics.count(b), func(kind string, _ error, _ time.Duration, _ int64) { n.meter.Observe(kind, time.Now()) })
	dir, err := f.spoolDir()
	if err != nil {
		return nil, err
	}
	keep := spoolKeep
	if local {
		keep = 0
	}
	if n.spool, err = bundle.OpenSpool(dir, f.Node, newNodeName, bundle.SpoolConfig{Keep: keep}); err != nil {
		return nil, err
	}
	docs := bucket.NewDocuments(n.bucket)
	n.channels = channel.NewStore(docs, log)
	n.reports = report.NewBook(docs)
	n.rundowns = rundown.NewStore(docs)
	n.graphics = graphics.NewStore(docs)
	n.chat = n.newChat(docs)
	if n.art, err = artwork.NewStore(artwork.Config{Bucket: n.bucket, Named: n.imagesOf, Log: log}); err != nil {
		n.spool.Close()
		return nil, err
	}
	n.fetched = graphics.NewPictures(n.flags.fetcher(), n.art.Made)
	if n.people, err = n.newPeople(docs); err != nil {
		n.spool.Close()
		return nil, err
	}
	if n.library, err = n.newLibrary(docs); err != nil {
		n.spool.Close()
		return nil, err
	}
	n.station = station.New(station.Config{
		Docs: docs, Spool: n.spool, Channels: n.channels, Log: log,
		Part: f.Part, Segment: f.Segment, Flush: f.Flush, PublicURL: f.Public,
		Viewers: func(slug string) int { return n.viewers.Viewers(slug) }, Waiting: func() int { return int(n.viewers.Stats().HeldNow) },
		Flushed: n.metrics.flushed, Clips: n.library, Needed: n.library.Needed, Touched: n.library.Doubt,
		Removed: func(ctx context.Context, channel string) error {
			return errors.Join(n.graphics.Remove(ctx, channel), n.rundowns.Remove(ctx, channel))
		},
	})
	n.channels.Watch(n.airings.changed)
	n.webhooks = n.newWebhooks(docs)
	n.webpush = n.newWebPush(docs)
	n.figures = figures.New(figures.Config{Docs: docs, Tidy: func() bool { return n.looksAfter("figures") }, Log: log})
	n.encoders = rtmp.NewServer(rtmp.Config{Desk: desk{n}, Log: log, Drain: drainTime, MaxBitrate: int(f.MaxBitrate), Ended: n.metrics.connectionEnded})
	n.pushed = push.New(push.Config{Desk: pushDesk{n}, Router: pushRouter{mesher{n}}, Node: n.spool.Node(), AAC: opus.NewConverter(log).AAC, Log: log})
	if n.burner, err = n.newBurner(); err != nil {
		n.spool.Close()
		return nil, err
	}
	n.pictures = thumbnail.New(thumbnail.Config{Newest: newest{n.station}.keyframe, Elsewhere: mesher{n}, Log: log})
	if n.certs, err = n.newCerts(); err != nil {
		n.spool.Close()
		return nil, err
	}
	if err := n.makeHandler(); err != nil {
		n.spool.Close()
		return nil, err
	}
	if err := n.listen(); err != nil {
		n.spool.Close()
		return nil, err
	}
	return n, nil
}

// makeHandler joins what is asked over HTTP.
func (n *node) makeHandler() error {
	var err error
	n.pages, err = api.New(api.Config{
		Station: n.station, Channels: n.channels, Rundowns: n.rundowns, Nodes: n.nodes, People: n.people, Art: n.art, Reports: n.reports, Webhooks: n.webhooks, WebPush: n.webpush, Figures: n.figures, Chat: n.chat, Fleet: fleet{n}, Previews: previews{n}, Library: n.library, Thumbnails: thumbnails{n.pictures, n.library}, Ingest: n.ingest, Token: os.Getenv("MAYFLY_ADMIN_TOKEN"), Proxies: n.flags.Proxies, Public: n.flags.Public,
		Graphics: n.graphics, GraphicPictures: n.fetched, Unburnt: n.unburnt,
		Pages: web.Files(), Version: version, Log: n.log,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", n.readyz)
	mux.Handle("GET /metrics", n.metrics.handler())
	mux.Handle("/push/", n.pushed)
	mux.Handle("/", n.pages)
	var next http.Handler = mux
	if n.acme != nil {
		next = n.acme.Challenges(mux)
	}
	n.viewers = deliver.New(deliver.Config{Programs: programs{n.station, &n.asked}, Media: opener{n.station, n.library}, Gate: gate{n}, Figures: counting{n}, Next: next, Log: n.log})
	n.metrics.watch(n)
	return nil
}

// imagesOf returns the images that a channel, its graphics and its chat name. That all channels could be read comes first: one that could
// not names images too.
func (n *node) imagesOf(ctx context.Context, id string) ([]string, error) {
	if err := n.channels.LookAll(ctx); err != nil {
		return nil, err
	}
	c, err := n.channels.ByID(id)
	if err != nil {
		return nil, nil
	}
	names, err := n.graphics.Images(ctx, id)
	if err != nil {
		return nil, err
	}
	rules, err := n.chat.Rules(ctx, id)
	for _, e := range rules.Emotes {
		names = append(names, e.Image)
	}
	return append(names, c.Logo, c.Picture), err
}

func (n *node) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := n.station.Ready(); err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// newPeople makes the accounts as the flags say.
func (n *node) newPeople(docs *bucket.Documents) (*account.People, error) {
	f := n.flags
	cfg := account.Config{
		Docs: docs, Public: n.publicURL, Log: n.log,
		OIDC: account.OIDCConfig{Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, Secret: f.OIDCClientSecret, Name: f.OIDCName},
	}
	if f.SMTP != "" {
		mail, err := account.NewSMTP(f.SMTP, f.MailFrom)
		if err != nil {
			return nil, fmt.Errorf("--smtp: %w", err)
		}
		cfg.Mail = mail
	}
	return account.NewPeople(cfg)
}

// run serves until ctx ends, and then leaves in order: publishers first, viewers last.
func (n *node) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	viewing, lastViewer := context.WithCancel(context.WithoutCancel(ctx))
	defer lastViewer()
	showing, dark := context.WithCancel(context.WithoutCancel(ctx))
	defer dark()
	group.Go(func() error { n.sendViewersAway(ctx, lastViewer); return nil })
	for _, l := range n.listeners {
		n.log.Info("listening", "for", l.name, "address", l.ln.Addr().String())
		until := ctx
		if l.name == "http" || l.name == "https" {
			until = viewing
		}
		group.Go(func() error { return l.serve(until, l.ln) })
	}
	group.Go(func() error { return n.viewers.Run(showing) })
	group.Go(func() error { return n.pushed.Run(ctx) })
	group.Go(func() error { return n.pages.Run(ctx) })
	group.Go(func() error { return n.prove(ctx) })
	group.Go(func() error {
		defer dark()
		defer lastViewer()
		select {
		case <-n.proven:
		case <-ctx.Done():
			return nil
		}
		if err := n.joinFleet(ctx); err != nil {
			return err
		}
		inner, ctx := errgroup.WithContext(ctx)
		meshed, unmesh := context.WithCancel(context.WithoutCancel(ctx)) // the others hear of this node to its end
		inner.Go(func() error { return n.channels.Run(ctx) })
		inner.Go(func() error { return n.people.Run(ctx) })
		inner.Go(func() error { return n.art.Run(ctx) })
		inner.Go(func() error { return n.library.Run(ctx) })
		inner.Go(func() error { return n.webhooks.Run(ctx) })
		inner.Go(func() error { return n.burner.Run(ctx) })
		inner.Go(func() error { return n.webpush.Run(ctx) })
		inner.Go(func() error { return n.figures.Run(ctx) })
		inner.Go(func() error { return n.tellHeld(ctx) })
		inner.Go(func() error { return n.chat.Run(meshed) })
		inner.Go(func() error { defer unmesh(); return n.station.Run(ctx) })
		if joined := n.mesh.Load(); joined != nil {
			inner.Go(func() error { return joined.Run(meshed) })
		}
		if n.acme != nil {
			inner.Go(func() error { return n.acme.Run(ctx) })
		}
		return inner.Wait()
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	n.log.Info("stopped")
	return nil
}

// toOthers is how long readiness fails before the port for viewers is closed when others can serve them.
const toOthers = time.Second

// sendViewersAway ends what viewers ask of this node soon after it begins to leave, if other nodes can
// serve them: their next connection goes to one of those. Without others they are served to the end.
func (n *node) sendViewersAway(ctx context.Context, lastViewer func()) {
	<-ctx.Done()
	joined := n.mesh.Load()
	if joined == nil || len(mesh.Witnesses(joined.Members(), n.spool.Node(), 1)) == 0 {
		return
	}
	<-time.After(toOthers)
	lastViewer()
}

// prove shows that the bucket keeps conditional writes, before anything is written to it.
func (n *node) prove(ctx context.Context) error {
	wait := 100 * time.Millisecond
	for {
		err := bucket.Probe(ctx, n.bucket)
		switch {
		case err == nil:
			close(n.proven)
			return nil
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, bucket.ErrUnavailable):
			return err
		}
		n.log.Warn("the bucket does not answer; trying on", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// newNodeName makes a name up for a node: the host's, and something random.
func newNodeName() string {
	var b [3]byte
	rand.Read(b[:])
	host, _ := os.Hostname()
	name := ""
	for _, c := range []byte(host) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && name != "" {
			name += string(c)
		}
	}
	if name == "" {
		name = "node"
	}
	return name[:min(len(name), 24)] + "-" + hex.EncodeToString(b[:])
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
