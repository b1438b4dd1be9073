package main

import (
	"context"
	"net/http"
	"net/mail"
	"strings"
	"sync"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
	"github.com/mayfly-tv/mayfly/internal/deliver"
	"github.com/mayfly-tv/mayfly/internal/fetch"
	"github.com/mayfly-tv/mayfly/internal/figures"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/webhook"
	"github.com/mayfly-tv/mayfly/internal/webpush"
)

// newWebhooks makes who tells webhooks of what happens in channels.
func (n *node) newWebhooks(docs *bucket.Documents) *webhook.Sender {
	s := webhook.New(webhook.Config{Docs: docs, Node: n.holder(), Aired: n.aired, Mine: n.looksAfter, Lives: n.channels.Lives, Poster: n.flags.fetcher(), Log: n.log})
	n.channels.Watch(s.Changed)
	return s
}

// newWebPush makes who tells browsers that channels are on air.
func (n *node) newWebPush(docs *bucket.Documents) *webpush.Sender {
	s := webpush.New(webpush.Config{
		Docs: docs, Node: n.holder(), Contact: n.contact(), Aired: n.aired, Mine: n.looksAfter, Lives: n.channels.Lives, Poster: fetch.New(), Log: n.log,
		Logo: func(c *channel.Channel) string { return station.ProfileOf(c).Logo },
		Mark: func(ctx context.Context, slug string) error {
			_, err := n.channels.Update(ctx, slug, func(c *channel.Channel) error { c.Subscribed = true; return nil })
			return err
		},
	})
	n.channels.Watch(s.Changed)
	return s
}

// contact is where push services can reach who runs this installation.
func (n *node) contact() string {
	if a, err := mail.ParseAddress(n.flags.MailFrom); err == nil {
		return a.Address
	}
	if strings.HasPrefix(n.flags.Public, "https://") {
		return n.flags.Public
	}
	return "https://localhost" // a page without TLS is told nothing, apart from those of this machine
}

// heldMessage is a message that waits for a moderator, on its way to webhooks.
type heldMessage struct {
	channel string
	chat.Message
}

// said hears of every message of viewers at this node. If webhooks do not keep up, the newest ones that are held are not
// told of: moderators see them all.
func (n *node) said(channel string, m chat.Message, held bool) {
	n.figures.Said(channel, m.Who)
	if held {
		select {
		case n.held <- heldMessage{channel, m}:
		default:
		}
	}
}

// tellHeld tells webhooks of messages that are held, until ctx ends.
func (n *node) tellHeld(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-n.held:
			n.emit(ctx, m.channel, channel.EventChatHeld, m.ID, map[string]any{"message": m.ID, "name": m.Name, "text": m.Text})
		}
	}
}

// recorded tells webhooks that a recording is complete.
func (n *node) recorded(ctx context.Context, id string, r library.Recording) {
	n.emit(ctx, id, channel.EventRecording, r.ID, map[string]any{"recording": r.ID, "title": r.Title, "begin": r.Begin, "duration": r.Duration.Seconds()})
}

func (n *node) emit(ctx context.Context, id string, kind channel.Event, what string, data map[string]any) {
	if err := n.webhooks.Emit(ctx, id, kind, what, data); err != nil && ctx.Err() == nil {
		n.log.Warn("webhooks are not told of something", "event", kind, "error", err)
	}
}

// holder names this run of the node to who holds leases.
func (n *node) holder() string { return n.spool.Node() + "/" + n.id }

// looksAfter reports whether this node is the one that does for a channel what one node does for all.
func (n *node) looksAfter(channel string) bool {
	joined := n.mesh.Load()
	return joined == nil || joined.Director(channel) == n.spool.Node()
}

// aired says what was on air in a channel, as far as this node knows. The caller must not change it.
func (n *node) aired(slug string) ([]webhook.Aired, bool) {
	p, err := n.station.Program(slug)
	if err != nil || !p.Known() {
		return nil, false
	}
	list := p.Cuts()
	if list == nil {
		return nil, false
	}
	c, err := n.channels.Get(slug)
	if err != nil {
		return nil, false
	}
	return n.airings.of(list, c), true
}

// airings are what cut lists say to who tells others of them. They are asked every 2 s, and copied when there is something new.
type airings struct {
	mu    sync.Mutex
	known map[string]airing // by channel id
}

// airing is a cut list with the names that a channel's document gives its sources. Neither is ever changed.
type airing struct {
	list    *program.CutList
	channel *channel.Channel
	aired   []webhook.Aired
}

func (a *airings) of(list *program.CutList, c *channel.Channel) []webhook.Aired {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.known[c.ID]; known.list == list && known.channel == c {
		return known.aired
	}
	aired := make([]webhook.Aired, 0, len(list.Entries))
	for i := range list.Entries {
		e := &list.Entries[i]
		mix := program.ParseMix(e.Source)
		x := webhook.Aired{ID: e.ID, Number: e.Number, Source: mix.Picture, Sound: mix.Sound, Plan: e.Play != nil, Start: e.ProgramTime}
		if s := c.Source(mix.Picture); s != nil {
			x.Name = s.Name
		}
		if e.End != nil {
			x.End = e.End.ProgramTime
		}
		aired = append(aired, x)
	}
	if a.known == nil {
		a.known = map[string]airing{}
	}
	a.known[c.ID] = airing{list, c, aired}
	return aired
}

// changed forgets a channel that is no more.
func (a *airings) changed(c *channel.Channel) {
	if !c.Deleted.IsZero() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.known, c.ID)
	}
}

// knowingFlags are about what producers and operators learn.
type knowingFlags struct {
	CountryHeader string `help:"Header in which a proxy says a viewer's country, such as CF-IPCountry; none if absent." placeholder:"NAME"`
}

// counting tells the figures of channels what viewers do.
type counting struct{ node *node }

func (c counting) Watched(r *http.Request, slug string, v deliver.View) {
	found, err := c.node.channels.Get(slug)
	if err != nil {
		return
	}
	country := ""
	if name := c.node.flags.CountryHeader; name != "" {
		country = figures.Country(r.Header.Get(name))
	}
	c.node.figures.Watched(found.ID, figures.Seen{
		Viewer: v.Viewer, At: v.At, Device: figures.Device(r.UserAgent()), Country: country, Referrer: v.Referrer,
		Paused: v.Paused, Starved: v.Starved, StarvedFor: v.StarvedFor, Latency: v.Latency,
	})
}

func (c counting) Fetched(take media.TakeID, bytes int64, starved bool) {
	id := c.node.station.ChannelOf(take)
	if id == "" { // a clip, whose index has just been used
		id, _ = c.node.library.ChannelOf(context.Background(), take)
	}
	if id != "" {
		c.node.figures.Fetched(id, bytes, starved)
	}
}
