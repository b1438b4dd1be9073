package api

import (
	"context"
	"encoding/xml"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// rss is a feed as feed readers want it: RSS 2.0, with pictures by Media RSS.
type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Media   string     `xml:"xmlns:media,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language,omitempty"`
	Minutes     int       `xml:"ttl"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description,omitempty"`
	Published   string    `xml:"pubDate"`
	ID          rssID     `xml:"guid"`
	Category    string    `xml:"category,omitempty"`
	Picture     *rssImage `xml:"media:thumbnail,omitempty"`
}

type rssID struct {
	Text string `xml:",chardata"`
	Link bool   `xml:"isPermaLink,attr"`
}

type rssImage struct {
	URL string `xml:"url,attr"`
}

// feedMinutes is how long a reader may keep a feed.
const feedMinutes = 5

func (f *rssChannel) write() (*fileOutput, error) {
	f.Minutes = feedMinutes
	body, err := xml.MarshalIndent(rss{Version: "2.0", Media: "http://search.yahoo.com/mrss/", Channel: *f}, "", " ")
	return &fileOutput{Type: "application/rss+xml; charset=utf-8", Body: append([]byte(xml.Header), body...)}, err
}

// onAirItem tells that a channel went on air. A show has one id for as long as it lasts.
func onAirItem(s *station.Status, title, origin string) rssItem {
	at := origin + "/" + s.Slug
	i := rssItem{
		Title: title, Link: at, Description: s.Description, Category: categoryName(s.Category),
		Published: s.Since.UTC().Format(time.RFC1123Z), ID: rssID{Text: at + "#" + strconv.FormatInt(s.Since.Unix(), 10)},
	}
	if !s.Locked {
		i.Picture = &rssImage{at + "/" + thumbnailName}
	}
	return i
}

func (a *API) guideRSS(ctx context.Context, in *guideInput) (*fileOutput, error) {
	origin := a.outside(ctx)
	in.OnAir, in.Order = true, "recent"
	page, _, _ := a.find(a.listed.edition(), in)
	f := rssChannel{Title: "On air", Link: origin + "/", Description: "What is on air now."}
	for i := range page {
		f.Items = append(f.Items, onAirItem(&page[i], page[i].Title, origin))
	}
	return f.write()
}

func (a *API) registerFeed(doc huma.API) {
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/feed.rss", "channel-rss", "That a channel is on air, and what it offers at any time, as RSS", "watching", 200, false), a.channelRSS)
}

// channelRSS answers for channels that everybody may watch: a feed reader has nothing to show.
func (a *API) channelRSS(ctx context.Context, in *channelInput) (*fileOutput, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err == nil && !c.Open() {
		err = channel.ErrNotFound
	}
	if err != nil {
		return nil, a.problem(err)
	}
	offered, err := a.offered(ctx, c)
	if err != nil {
		return nil, a.problem(err)
	}
	origin := a.outside(ctx)
	f := rssChannel{Title: c.Title, Link: origin + "/" + c.Slug, Description: c.Description, Language: c.Language}
	if p, err := a.cfg.Station.Program(c.Slug); err == nil && p.Known() {
		if s := p.Status(); s.State == station.Live {
			f.Items = append(f.Items, onAirItem(&s, c.Title+" is on air", origin))
		}
	}
	for i := range offered {
		x := showOffered(c, &offered[i], origin)
		item := rssItem{Title: x.Title, Link: x.Page, Published: x.Made.UTC().Format(time.RFC1123Z), ID: rssID{Text: x.Page}}
		if x.Poster != "" {
			item.Picture = &rssImage{origin + x.Poster}
		}
		f.Items = append(f.Items, item)
	}
	return f.write()
}
