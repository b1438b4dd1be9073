package library

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html/charset"
)

// A feed is RSS 2.0 whose items say where their films lie: by Media RSS, or by an enclosure.

// feedItem is one film of a feed.
type feedItem struct {
	ID    string // what the feed calls it, else its address
	Title string
	URL   string
	Date  time.Time
}

const (
	maxFeed  = 4 << 20
	maxItems = 1000
)

var errNoFeed = errors.New("this is no RSS feed: look for an address that a podcast or feed reader takes")

// mediaContent is a media:content.
type mediaContent struct {
	URL     string `xml:"url,attr"`
	Type    string `xml:"type,attr"`
	Medium  string `xml:"medium,attr"`
	Default bool   `xml:"isDefault,attr"`
	Bitrate string `xml:"bitrate,attr"`
	Title   string `xml:"http://search.yahoo.com/mrss/ title"`
}

// rssItem is an item as it is written.
type rssItem struct {
	Titles    []xmlText      `xml:"title"`
	GUID      string         `xml:"guid"`
	Date      string         `xml:"pubDate"`
	Media     []mediaContent `xml:"http://search.yahoo.com/mrss/ content"`
	Groups    []mediaGroup   `xml:"http://search.yahoo.com/mrss/ group"`
	Enclosure []struct {
		URL  string `xml:"url,attr"`
		Type string `xml:"type,attr"`
	} `xml:"enclosure"`
}

type mediaGroup struct {
	Media []mediaContent `xml:"http://search.yahoo.com/mrss/ content"`
}

// xmlText is a text of some namespace.
type xmlText struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

// readFeed reads the films of a feed, the newest first, as many as are wanted. Addresses may be relative to the feed's.
// It is safe on any input.
func readFeed(r io.Reader, base *url.URL, most int) (title string, items []feedItem, err error) {
	var doc struct {
		XMLName xml.Name
		Channel struct {
			Titles []xmlText `xml:"title"`
			Items  []rssItem `xml:"item"`
		} `xml:"channel"`
	}
	d := xml.NewDecoder(r)
	d.CharsetReader = charset.NewReaderLabel
	d.Strict, d.Entity = false, xml.HTMLEntity
	if err := d.Decode(&doc); err != nil {
		return "", nil, fmt.Errorf("%w (%.100s)", errNoFeed, err.Error())
	}
	if doc.XMLName.Local != "rss" {
		return "", nil, errNoFeed
	}
	for i := range doc.Channel.Items[:min(len(doc.Channel.Items), maxItems)] {
		x := &doc.Channel.Items[i]
		item := feedItem{ID: strings.TrimSpace(x.GUID), Title: plain(x.Titles), Date: dateOf(x.Date)}
		if u, err := base.Parse(strings.TrimSpace(x.film())); err == nil && x.film() != "" {
			item.URL = u.String()
		}
		if item.ID == "" {
			item.ID = item.URL
		}
		if item.URL == "" || len(item.URL) > maxURL || len(item.ID) > maxURL || slices.ContainsFunc(items, func(o feedItem) bool { return o.ID == item.ID }) {
			continue
		}
		if item.Title == "" {
			item.Title = titleOf(item.URL)
		}
		items = append(items, item)
	}
	slices.SortStableFunc(items, func(a, b feedItem) int { return b.Date.Compare(a.Date) })
	return plain(doc.Channel.Titles), items[:min(len(items), most)], nil
}

// film returns the address of an item's film: of several the one that the feed prefers, else the first.
func (x *rssItem) film() string {
	all := slices.Clone(x.Media)
	for _, g := range x.Groups {
		all = append(all, g.Media...)
	}
	first := ""
	for _, m := range all {
		film := m.Medium == "video" || m.Medium == "audio" || m.Medium == "" && playable(m.Type)
		switch {
		case m.URL == "" || !film:
		case m.Default:
			return m.URL
		case first == "":
			first = m.URL
		}
	}
	for _, e := range x.Enclosure {
		if first == "" && playable(e.Type) {
			first = e.URL
		}
	}
	return first
}

func playable(kind string) bool {
	return strings.HasPrefix(kind, "video/") || strings.HasPrefix(kind, "audio/")
}

// plain returns the title that is RSS's own, on one line and no longer than a clip's may be.
func plain(titles []xmlText) string {
	for _, t := range titles {
		if t.XMLName.Space != "" {
			continue
		}
		words := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(t.Text, ""), func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 }), " ")
		if runes := []rune(words); len(runes) > maxTitle {
			words = string(runes[:maxTitle])
		}
		return strings.TrimSpace(words)
	}
	return ""
}

// dateOf reads the forms of a date that feeds have; one that cannot be read is the oldest.
func dateOf(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700", time.RFC822Z, time.RFC822, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
