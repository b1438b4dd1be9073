package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

const someFeed = `<?xml version="1.0" encoding="ISO-8859-1"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>
<title>Films &amp; more</title><itunes:title>not this</itunes:title>
<item><title>Old</title><guid>1</guid><pubDate>Mon, 01 Jan 2024 10:00:00 +0000</pubDate><enclosure url="/old.mp4" type="video/mp4" length="9"/></item>
<item><title>  New
 caf` + "\xe9" + ` </title><guid>2</guid><pubDate>Tue, 2 Jan 2024 10:00:00 GMT</pubDate>
 <media:group><media:content url="http://films.example/small.mp4" type="video/mp4"/><media:content url="http://films.example/large.mp4" medium="video" isDefault="true"/></media:group></item>
<item><title>A picture</title><guid>3</guid><media:content url="http://films.example/a.jpg" type="image/jpeg"/></item>
<item><guid>2</guid><enclosure url="http://films.example/again.mp4" type="video/mp4"/></item>
<item><enclosure url="http://films.example/no-name.mp3" type="audio/mpeg"/></item>
</channel></rss>`

func TestReadFeed(t *testing.T) {
	base := must(url.Parse("http://feeds.example/rss/all.xml"))
	title, items, err := readFeed(strings.NewReader(someFeed), base, 10)
	if err != nil || title != "Films & more" || len(items) != 3 {
		t.Fatalf("%q, %+v, %v", title, items, err)
	}
	for i, want := range []feedItem{
		{ID: "2", Title: "New café", URL: "http://films.example/large.mp4"},
		{ID: "1", Title: "Old", URL: "http://feeds.example/old.mp4"},
		{ID: "http://films.example/no-name.mp3", Title: "no-name", URL: "http://films.example/no-name.mp3"},
	} {
		if got := items[i]; got.ID != want.ID || got.Title != want.Title || got.URL != want.URL {
			t.Errorf("item %d: %+v, want %+v", i, got, want)
		}
	}
	for _, bad := range []string{"", "words", "<html><body>hello</body></html>", "<feed xmlns='http://www.w3.org/2005/Atom'/>", "<rss><channel>"} {
		if _, items, err := readFeed(strings.NewReader(bad), base, 10); err == nil && len(items) > 0 {
			t.Errorf("%q has %+v", bad, items)
		}
	}
}

func FuzzFeed(f *testing.F) {
	f.Add([]byte(someFeed))
	f.Add([]byte("<rss><channel><item><guid>x"))
	base, _ := url.Parse("http://feeds.example/")
	f.Fuzz(func(t *testing.T, data []byte) {
		_, items, _ := readFeed(strings.NewReader(string(data)), base, feedFilms)
		if len(items) > feedFilms {
			t.Errorf("%d items", len(items))
		}
		for _, i := range items {
			if checkText("title", i.Title, 1, maxTitle) != nil || i.URL == "" || i.ID == "" {
				t.Errorf("%+q", i)
			}
		}
	})
}

// web answers for addresses.
type web map[string]string

func (w web) Get(_ context.Context, address string, _ int64) (*http.Response, error) {
	text, ok := w[address]
	if !ok {
		return nil, &fetch.StatusError{Status: 404}
	}
	return &http.Response{Body: io.NopCloser(strings.NewReader(text))}, nil
}

// TestFeed follows a feed: its newest films are clips, older ones go, and one that somebody deleted stays away.
func TestFeed(t *testing.T) {
	now := time.Now()
	l := newLibrary(t, bucket.NewMem(), "a", func() time.Time { return now })
	const address = "http://feeds.example/rss"
	written := func(from, to int) string {
		text := "<rss><channel><title>Films</title>"
		for n := to; n >= from; n-- {
			text += fmt.Sprintf(`<item><title>Film %d</title><guid>%d</guid><pubDate>%s</pubDate><enclosure url="http://films.example/%d.mp4" type="video/mp4"/></item>`,
				n, n, time.Unix(int64(n)*1000, 0).UTC().Format(time.RFC1123Z), n)
		}
		return text + "</channel></rss>"
	}
	pages := web{address: written(1, 30)}
	l.fetcher = pages
	f, err := l.AddFeed(t.Context(), someChannel, address)
	if err != nil || f.Title != "Films" {
		t.Fatalf("%+v, %v", f, err)
	}
	clips := func() (titles []string) {
		all, _, _, err := l.Clips(t.Context(), someChannel)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			titles = append(titles, c.Title)
		}
		return titles
	}
	if got := clips(); len(got) != feedFilms || got[0] != "Film 30" || got[feedFilms-1] != "Film 6" {
		t.Fatalf("clips: %v", got)
	}
	all, _, _, _ := l.Clips(t.Context(), someChannel)
	if err := l.Delete(t.Context(), someChannel, all[0].ID); err != nil {
		t.Fatal(err)
	}
	pages[address] = written(3, 32)
	now = now.Add(feedEvery + time.Minute)
	if err := l.sweepFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := clips(); len(got) != feedFilms-1 || got[0] != "Film 32" || got[2] != "Film 29" || got[len(got)-1] != "Film 8" {
		t.Errorf("two films later: %v", got)
	}
	delete(pages, address)
	now = now.Add(feedEvery + time.Minute)
	if err := l.sweepFeeds(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, _ := l.Feeds(t.Context(), someChannel)
	if len(list) != 1 || !strings.Contains(list[0].Fault, "404") || len(clips()) != feedFilms-1 {
		t.Errorf("when it is away: %+v", list)
	}
	for _, bad := range []string{"ftp://x", "http://feeds.example/nothing", address} {
		if _, err := l.AddFeed(t.Context(), someChannel, bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := l.RemoveFeed(t.Context(), someChannel, f.ID); err != nil || len(clips()) != feedFilms-1 {
		t.Errorf("removed: %v, %d clips", err, len(clips()))
	}
}
