package api

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image"
	_ "image/jpeg" // what DecodeConfig reads
	_ "image/png"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// card is what a link to a page unfolds to. Of a channel that is not for everybody who has the address there is none.
type card struct {
	title, text   string
	page, player  string // addresses
	picture       string // address, "" for none
	width, height int    // of the picture, 0 if it is not known
	hidden        bool   // search engines are asked to pass it over
	feed          string // address of an RSS feed
}

// thumbnailWidth is the largest width of a thumbnail.
const thumbnailWidth = 640

// moment is what may stand behind ?t= of a page: a time of day, or how far into something offered.
var moment = regexp.MustCompile(`^[0-9][0-9A-Za-z:.-]{0,39}$`)

// cardOf makes the card of a channel's page, or of something that the query says it offers. It returns nil for what is
// nobody's business.
func (a *API) cardOf(ctx context.Context, c *channel.Channel, query url.Values) *card {
	if c.Visibility == channel.Private || c.Suspended != "" {
		return nil
	}
	origin := a.outside(ctx)
	at := origin + "/" + c.Slug
	k := &card{title: c.Title, text: c.Description, page: at, player: at + "/embed", hidden: c.Visibility != channel.Listed}
	a.picture(k, c, origin)
	if c.Open() {
		k.feed = origin + "/api/v1/channels/" + c.Slug + "/feed.rss"
	}
	passed := url.Values{}
	if id := query.Get(itemQuery); itemID(id) && c.Open() {
		if x := a.item(ctx, c, id); x != nil {
			k.title, k.text = x.Title, c.Title
			if x.Poster > 0 {
				k.picture, k.width, k.height = origin+showOffered(c, x, "").Poster, 0, 0
			}
			passed.Set(itemQuery, id)
			k.page += "?" + passed.Encode()
		}
	}
	if t := query.Get("t"); moment.MatchString(t) {
		passed.Set("t", t)
	}
	if len(passed) > 0 {
		k.player += "?" + passed.Encode()
	}
	return k
}

// item returns something that a channel offers, or nil.
func (a *API) item(ctx context.Context, c *channel.Channel, id string) *Offered {
	all, err := a.offered(ctx, c)
	i := slices.IndexFunc(all, func(x Offered) bool { return x.ID == id })
	if err != nil || i < 0 {
		return nil
	}
	return &all[i]
}

// picture gives a card the channel's picture, or what it shows just now.
func (a *API) picture(k *card, c *channel.Channel, origin string) {
	if art := station.ProfileOf(c).Picture; art != "" {
		k.picture = origin + art
		return
	}
	p, err := a.cfg.Station.Program(c.Slug)
	if err != nil || !p.Known() || !c.Open() {
		return
	}
	if s := p.Status(); s.State == station.Live {
		k.picture = origin + "/" + c.Slug + "/" + thumbnailName
		if s.Width > 0 {
			k.width = min(s.Width, thumbnailWidth)
			k.height = s.Height * k.width / s.Width
		}
	}
}

// measure finds out how large the card's picture is, if it is the channel's own.
func (a *API) measure(ctx context.Context, k *card, c *channel.Channel) {
	if k.width > 0 || c.Picture == "" || !strings.HasSuffix(k.picture, "/"+c.Picture) {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	data, err := a.cfg.Art.Get(bounded, c.ID, c.Picture)
	if err != nil {
		return
	}
	if size, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		k.width, k.height = size.Width, size.Height
	}
}

// guideCard is that of the guide.
func (a *API) guideCard(ctx context.Context) *card {
	origin := a.outside(ctx)
	return &card{title: "Mayfly", text: "What is on air now.", page: origin + "/", player: origin + "/embed", feed: origin + "/api/v1/guide.rss"}
}

// head writes a card as the head of a page: for browsers, search engines, Open Graph, Twitter, oEmbed and feed readers.
func (k *card) head(origin string) string {
	if k == nil {
		return `<title>Mayfly</title><meta name="robots" content="noindex">`
	}
	var b strings.Builder
	add := func(format string, values ...string) {
		escaped := make([]any, len(values))
		for i, v := range values {
			escaped[i] = html.EscapeString(v)
		}
		fmt.Fprintf(&b, format, escaped...)
	}
	add(`<title>%s</title><meta name="description" content="%s"><link rel="canonical" href="%s">`, k.title, k.text, k.page)
	if k.hidden {
		add(`<meta name="robots" content="noindex">`)
	}
	add(`<meta property="og:site_name" content="Mayfly"><meta property="og:title" content="%s"><meta property="og:description" content="%s"><meta property="og:url" content="%s">`, k.title, k.text, k.page)
	if k.picture != "" {
		add(`<meta property="og:image" content="%s"><meta property="og:image:alt" content="%s">`, k.picture, k.title)
	}
	if k.page == origin+"/" {
		add(`<meta property="og:type" content="website"><meta name="twitter:card" content="summary">`)
	} else {
		add(`<meta property="og:type" content="video.other"><meta property="og:video" content="%s"><meta property="og:video:type" content="text/html"><meta property="og:video:width" content="1280"><meta property="og:video:height" content="720">`, k.player)
		if strings.HasPrefix(k.player, "https://") {
			add(`<meta property="og:video:secure_url" content="%s"><meta name="twitter:card" content="player"><meta name="twitter:player" content="%s"><meta name="twitter:player:width" content="1280"><meta name="twitter:player:height" content="720">`, k.player, k.player)
		} else {
			add(`<meta name="twitter:card" content="summary_large_image">`)
		}
	}
	about := url.QueryEscape(k.page)
	add(`<link rel="alternate" type="application/json+oembed" href="%s" title="%s">`, origin+"/oembed?url="+about, k.title)
	add(`<link rel="alternate" type="text/xml+oembed" href="%s" title="%s">`, origin+"/oembed?format=xml&url="+about, k.title)
	if k.feed != "" {
		add(`<link rel="alternate" type="application/rss+xml" href="%s" title="%s">`, k.feed, k.title)
	}
	return b.String()
}
