package webhook

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

var (
	// ErrNotFound is returned for a webhook that is not there.
	ErrNotFound = errors.New("no such webhook")
	// ErrOften is returned where somebody tries a webhook again at once.
	ErrOften = errors.New("a test was sent just now: wait a few seconds")
	// errHeld ends an update that another node's lease makes needless.
	errHeld = errors.New("another node sends")
	// errNothing ends an update that would change nothing.
	errNothing = errors.New("nothing to note")
)

// Poster sends to addresses that people gave.
type Poster interface {
	Post(ctx context.Context, address string, header http.Header, body []byte, most int64) (fetch.Answer, error)
}

// Config is what a Sender is made of.
type Config struct {
	Docs *bucket.Documents
	Node string // and run: who holds leases
	// Aired returns the cut list of a channel; false while it is not known.
	Aired func(slug string) ([]Aired, bool)
	// Mine reports whether this node looks after a channel's webhooks: one node does, as far as nodes agree.
	Mine func(channelID string) bool
	// Lives reports whether a channel is there, and whether anything is known of it.
	Lives  func(channelID string) (lives, known bool)
	Poster Poster           // a fetcher that asks public addresses only if nil
	Now    func() time.Time // time.Now if nil
	Log    *slog.Logger
}

// Sender tells webhooks. It is safe for concurrent use.
type Sender struct {
	cfg Config

	mu     sync.Mutex
	hooked map[string]*channel.Channel // by id: those that have webhooks
	known  map[string]ledger           // as last read or written here
	asked  map[string]bool             // this node has queued something
	tested map[string]time.Time        // by webhook
	wake   chan struct{}               // holds one when something was queued
}

// New makes a sender; it sends nothing before Run.
func New(cfg Config) *Sender {
	if cfg.Poster == nil {
		cfg.Poster = fetch.New()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sender{cfg: cfg, hooked: map[string]*channel.Channel{}, known: map[string]ledger{}, asked: map[string]bool{}, tested: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

const (
	prefix = "webhooks/"
	// lookEvery is how often a node looks at what it knows.
	lookEvery = 2 * time.Second
	// listEvery is how often it looks for what others have left: one request for a thousand channels.
	listEvery = time.Minute
	// testEvery is how often one webhook may be tried.
	testEvery = 5 * time.Second
	// parallel is how many channels are looked after at once.
	parallel = 8
)

func key(channelID string) string { return prefix + channelID }

// Changed takes in a channel that was loaded, changed or deleted.
func (s *Sender) Changed(c *channel.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Deleted.IsZero() && len(c.Webhooks) > 0 {
		s.hooked[c.ID] = c
		return
	}
	delete(s.hooked, c.ID)
	delete(s.known, c.ID)
}

// Run tells webhooks until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	var listed time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-time.After(lookEvery):
		}
		if now := s.cfg.Now(); now.Sub(listed) >= listEvery && s.any() {
			listed = now
			if err := s.list(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("it could not be seen what waits for webhooks; it is tried again", "error", err)
			}
		}
		s.lookAll(ctx)
	}
}

func (s *Sender) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.hooked) > 0
}

// list reads the ledgers that have changed, and removes those of channels that are no more.
func (s *Sender) list(ctx context.Context) error {
	return bucket.All(ctx, s.cfg.Docs.Bucket(), prefix, func(e bucket.Entry) error {
		id := strings.TrimPrefix(e.Key, prefix)
		s.mu.Lock()
		_, hooked := s.hooked[id]
		s.mu.Unlock()
		if !hooked {
			if lives, known := s.cfg.Lives(id); known && !lives && s.cfg.Mine(id) {
				return s.cfg.Docs.Bucket().Delete(ctx, e.Key)
			}
			return nil
		}
		if !s.cfg.Mine(id) {
			return nil
		}
		l, err := bucket.LoadListed[ledger](ctx, s.cfg.Docs, e)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		if err == nil {
			s.learn(id, l)
		}
		return err
	})
}

func (s *Sender) learn(id string, l ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooked[id] != nil {
		s.known[id] = l
	}
}

// lookAll looks after the channels that are this node's, and those that it has queued something for.
func (s *Sender) lookAll(ctx context.Context) {
	s.mu.Lock()
	asked := s.asked
	s.asked = map[string]bool{}
	all := slices.Collect(maps.Values(s.hooked))
	s.mu.Unlock()
	var group sync.WaitGroup
	free := make(chan struct{}, parallel)
	for _, c := range all {
		if !asked[c.ID] && !s.cfg.Mine(c.ID) {
			continue
		}
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			if err := s.look(ctx, c); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("webhooks of a channel could not be looked after; it is tried again", "channel", c.Slug, "error", err)
			}
		})
	}
	group.Wait()
}

// look queues what is to be told of the cut list, and sends what is due.
func (s *Sender) look(ctx context.Context, c *channel.Channel) error {
	s.mu.Lock()
	l, known := s.known[c.ID]
	s.mu.Unlock()
	if !known {
		var err error
		if l, err = bucket.LoadIfThere[ledger](ctx, s.cfg.Docs, key(c.ID)); err != nil {
			return err
		}
		s.learn(c.ID, l)
	}
	if list, ok := s.cfg.Aired(c.Slug); ok {
		queued := func(l *ledger) error {
			if l.Told.Since.IsZero() {
				l.Told.Since = c.Webhooks[0].Created
			}
			events, now := l.Told.Next(c.ID, list, s.cfg.Now())
			if now == l.Told {
				return errNothing
			}
			l.Told = now
			l.queue(c, events, s.cfg.Now())
			return nil
		}
		copied := l.clone()
		if queued(&copied) == nil { // else nothing is asked of the bucket
			if _, err := s.update(ctx, c, queued); err != nil && !errors.Is(err, errNothing) {
				return err
			}
		}
	}
	return s.send(ctx, c)
}

// clone copies a ledger so far that queueing in the copy leaves the original as it is.
func (l *ledger) clone() ledger {
	out := *l
	out.Waiting, out.Answers = slices.Clone(l.Waiting), maps.Clone(l.Answers)
	return out
}

// update changes a channel's ledger.
func (s *Sender) update(ctx context.Context, c *channel.Channel, change func(*ledger) error) (ledger, error) {
	l, err := bucket.Update(ctx, s.cfg.Docs, key(c.ID), func(l *ledger) error {
		l.Channel = c.Slug
		l.drop(c)
		return change(l)
	})
	if err == nil || errors.Is(err, errNothing) || errors.Is(err, errHeld) {
		s.learn(c.ID, l)
	}
	return l, err
}

// send sends what is due, under the lease, until nothing is.
func (s *Sender) send(ctx context.Context, c *channel.Channel) error {
	for ctx.Err() == nil {
		s.mu.Lock()
		l := s.known[c.ID]
		s.mu.Unlock()
		if len(l.due(s.cfg.Now())) == 0 || l.Owner != "" && s.cfg.Now().Before(l.Until) {
			return nil // without asking the bucket
		}
		var due []waiting
		var term int64
		_, err := s.update(ctx, c, func(l *ledger) (err error) {
			if due = l.due(s.cfg.Now()); len(due) == 0 {
				return errNothing
			}
			ok := false
			if term, ok = l.take(s.cfg.Node, s.cfg.Now()); !ok {
				return errHeld
			}
			return nil
		})
		if errors.Is(err, errNothing) || errors.Is(err, errHeld) {
			return nil
		}
		if err != nil {
			return err
		}
		tries := s.postAll(ctx, c, due)
		if len(tries) == 0 {
			return ctx.Err()
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTime) // what was told is noted, also by a node that leaves
		_, err = s.update(bounded, c, func(l *ledger) error {
			l.settle(term, tries, s.cfg.Now())
			return nil
		})
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// postAll tells each webhook its events one after the other, and all webhooks side by side.
func (s *Sender) postAll(ctx context.Context, c *channel.Channel, due []waiting) []sent {
	var mu sync.Mutex
	var out []sent
	by := map[string][]waiting{}
	for _, x := range due {
		by[x.Hook] = append(by[x.Hook], x)
	}
	var group sync.WaitGroup
	for hook, list := range by {
		w := c.Webhook(hook)
		if w == nil {
			continue
		}
		group.Go(func() {
			for _, x := range list {
				if ctx.Err() != nil {
					return
				}
				a := s.post(ctx, c, w, &x.Event)
				mu.Lock()
				out = append(out, sent{x, a})
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return out
}

// post tells one webhook one event.
func (s *Sender) post(ctx context.Context, c *channel.Channel, w *channel.Webhook, e *Event) Answer {
	now := s.cfg.Now()
	a := Answer{Event: e.ID, Type: e.Type, At: now.UTC().Truncate(time.Millisecond), Try: 1}
	body, err := e.body(c)
	if err != nil {
		a.Said = err.Error()
		return a
	}
	bounded, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	got, err := s.cfg.Poster.Post(bounded, w.URL, sign(w.Secret, e.ID, now, body), body, maxSaid)
	a.Took = s.cfg.Now().Sub(now).Round(time.Millisecond).Seconds()
	a.Status = got.Status
	switch {
	case err != nil:
		a.Said = wordsOf(err)
	default:
		a.OK = got.Status >= 200 && got.Status < 300
		a.Said = short(string(got.Body))
		if got.Status >= 300 && got.Status < 400 {
			a.Said = "it redirects, which is not followed: give the address that it leads to"
		}
	}
	return a
}

// wordsOf says to a producer why an address did not answer, without telling of the node's own network.
func wordsOf(err error) string {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, fetch.ErrAddress):
		return fetch.ErrAddress.Error() + ": it leads to a network that is not public, or is not well-formed"
	case errors.As(err, &name) && name.IsNotFound:
		return "there is no server of that name"
	case errors.As(err, &cert):
		return "its certificate does not count: " + short(cert.Err.Error())
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the server refuses the connection"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer within %v: answer at once, and do the work afterwards", postTime)
	case errors.Is(err, context.Canceled):
		return "this node was leaving"
	}
	return "the server cannot be reached"
}

// short makes plain text of what a stranger said.
func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return strings.TrimSpace(text)
}

// Emit tells a channel's webhooks of something that happened apart from cuts. what names it among all of its kind in the
// channel, such as the id of a recording: however often and by however many nodes it is emitted, it is one event.
func (s *Sender) Emit(ctx context.Context, channelID string, kind channel.Event, what string, data map[string]any) error {
	s.mu.Lock()
	c := s.hooked[channelID]
	s.mu.Unlock()
	if c == nil || !slices.ContainsFunc(c.Webhooks, func(w channel.Webhook) bool { return w.Wants(kind) }) {
		return nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("queue an event for webhooks: %w", err)
	}
	if len(text) > maxData {
		return fmt.Errorf("queue an event for webhooks: %d bytes of data, at most %d are sent", len(text), maxData)
	}
	e := Event{ID: idOf(channelID, kind, what), Type: kind, At: s.cfg.Now().UTC().Truncate(time.Millisecond), Data: data}
	if _, err := s.update(ctx, c, func(l *ledger) error {
		l.queue(c, []Event{e}, s.cfg.Now())
		return nil
	}); err != nil {
		return fmt.Errorf("queue an event for webhooks: %w", err)
	}
	s.mu.Lock()
	s.asked[channelID] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Test tells one webhook that somebody tries it, and returns what it answers. It is in the log, and is not repeated.
func (s *Sender) Test(ctx context.Context, c *channel.Channel, hook, run string) (Answer, error) {
	w := c.Webhook(hook)
	if w == nil {
		return Answer{}, ErrNotFound
	}
	now := s.cfg.Now()
	s.mu.Lock()
	maps.DeleteFunc(s.tested, func(_ string, at time.Time) bool { return now.Sub(at) >= testEvery })
	_, often := s.tested[hook]
	if !often {
		s.tested[hook] = now
	}
	s.mu.Unlock()
	if often {
		return Answer{}, ErrOften
	}
	e := Event{ID: idOf(c.ID, channel.EventTest, run), Type: channel.EventTest, At: now.UTC().Truncate(time.Millisecond)}
	a := s.post(ctx, c, w, &e)
	_, err := s.update(ctx, c, func(l *ledger) error {
		l.note(hook, a)
		return nil
	})
	return a, err
}

// Log returns what each of a channel's webhooks answered lately, newest first, and how many events wait for it.
func (s *Sender) Log(ctx context.Context, c *channel.Channel) (answers map[string][]Answer, waits map[string]int, err error) {
	l, err := bucket.LoadIfThere[ledger](ctx, s.cfg.Docs, key(c.ID))
	if err != nil {
		return nil, nil, err
	}
	waits = map[string]int{}
	for _, x := range l.Waiting {
		waits[x.Hook]++
	}
	return l.Answers, waits, nil
}
