package api

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
)

// TestUnfold: a link to a channel unfolds by Open Graph and oEmbed, whatever is written in its title, and one to a
// channel that is nobody's business says nothing of it.
func TestUnfold(t *testing.T) {
	const markup = `</title><script>alert(1)</script>\"><img src=x onerror=alert(1)>`
	x := newTheater(t, `{"slug":"news","title":"`+markup+`","description":"`+markup+`"}`)
	x.api.cfg.OnDemand = []Offers{tapes{}}
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"quiet","title":"By address","visibility":"unlisted"}`)
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"locked","title":"The locked one","password":"bread and wine"}`)
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"hidden","title":"The secret meeting","visibility":"private"}`)
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"spam","title":"The spam"}`)
	root(t, x.s).want(204, "PUT", "/api/v1/channels/spam/suspension", `{"reason":"x"}`)

	page, _ := get(t, x.s.URL+"/news")
	for _, want := range []string{
		`property="og:title" content="&lt;/title&gt;&lt;script&gt;`, `property="og:url" content="` + x.s.URL + `/news"`, `property="og:video" content="` + x.s.URL + `/news/embed"`,
		`name="twitter:card"`, `type="application/json+oembed" href="` + x.s.URL + `/oembed?url=`, `type="text/xml+oembed"`, `type="application/rss+xml" href="` + x.s.URL + `/api/v1/channels/news/feed.rss"`, `rel="canonical"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s: %.3000s", want, page)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img") || strings.Contains(page, "noindex") {
		t.Errorf("the page: %.3000s", page)
	}
	if page, _ := get(t, x.s.URL+"/news?play=evening"); !strings.Contains(page, `og:title" content="&lt;b&gt;Evening`) || !strings.Contains(page, `/news/embed?play=evening"`) {
		t.Errorf("the page of something offered: %.3000s", page)
	}
	if page, _ := get(t, x.s.URL+`/news?play="><script>&t="><script>`); strings.Contains(page, "<script>") || strings.Contains(page, "news/embed?") {
		t.Errorf("a page with markup in its address: %.3000s", page)
	}
	if page, _ := get(t, x.s.URL+"/quiet"); !strings.Contains(page, `og:title" content="By address"`) || !strings.Contains(page, "noindex") {
		t.Errorf("an unlisted channel: %.3000s", page)
	}
	if page, _ := get(t, x.s.URL+"/locked"); strings.Contains(page, "rss+xml") || strings.Contains(page, "og:image") {
		t.Errorf("a channel with a password: %.3000s", page)
	}
	for _, slug := range []string{"hidden", "spam"} {
		page, _ := get(t, x.s.URL+"/"+slug)
		if strings.Contains(page, "secret") || strings.Contains(page, "The spam") || strings.Contains(page, "og:") || !strings.Contains(page, "noindex") {
			t.Errorf("the page of %s: %.3000s", slug, page)
		}
	}

	about := func(link, more string) string { return x.s.URL + "/oembed?url=" + url.QueryEscape(link) + more }
	for link, want := range map[string]int{
		x.s.URL + "/news": 200, x.s.URL + "/news/embed?play=evening&t=1m": 200, x.s.URL + "/": 200, x.s.URL + "/quiet": 200,
		x.s.URL + "/hidden": 404, x.s.URL + "/spam": 404, x.s.URL + "/other": 404, x.s.URL + "/news/else": 404, "https://elsewhere.example/news": 404,
		"javascript:alert(1)": 404, "": 404, x.s.URL + "/news?" + strings.Repeat("x", 1000): 404,
	} {
		text, resp := get(t, about(link, ""))
		if resp.StatusCode != want || strings.Contains(text, "secret") || strings.Contains(text, "The spam") {
			t.Errorf("oEmbed of %s: %d %s", link, resp.StatusCode, text)
		}
	}
	text, resp := get(t, about(x.s.URL+"/news/embed?play=evening&t=1m", "&maxwidth=320&maxheight=100"))
	var o oembed
	if err := json.Unmarshal([]byte(text), &o); err != nil || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%v: %s", err, text)
	}
	if o.Type != "video" || o.Version != "1.0" || o.Width > 320 || o.Height > 100 || o.Title != "<b>Evening</b>" || !strings.Contains(o.HTML, `src="`+x.s.URL+`/news/embed?play=evening&amp;t=1m"`) || strings.Contains(o.HTML, "<b>") {
		t.Errorf("oEmbed: %+v", o)
	}
	text, resp = get(t, about(x.s.URL+"/news", "&format=xml"))
	var again oembed
	if err := xml.Unmarshal([]byte(text), &again); err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/xml") || again.Title != strings.ReplaceAll(markup, `\`, "") || strings.Contains(again.HTML, "<script>") {
		t.Errorf("oEmbed as XML: %v %s", err, text)
	}
	if _, resp := get(t, about(x.s.URL+"/news", "&format=yaml")); resp.StatusCode != 501 {
		t.Errorf("oEmbed as YAML: %d", resp.StatusCode)
	}
}

func TestPlayerSize(t *testing.T) {
	for _, c := range []struct {
		width, height string
		w, h          int
	}{{"", "", 640, 360}, {"320", "", 320, 180}, {"99999", "", 1280, 720}, {"-1", "x", 640, 360}, {"1280", "360", 640, 360}, {"1", "1", 64, 36}} {
		if w, h := playerSize(c.width, c.height); w != c.w || h != c.h {
			t.Errorf("%s × %s: %d × %d, want %d × %d", c.width, c.height, w, h, c.w, c.h)
		}
	}
}

// FuzzHead writes heads in which nothing that people write is markup.
func FuzzHead(f *testing.F) {
	f.Add(`</title><script>`, `"onload="alert(1)`, "news?play=a&t=1")
	f.Fuzz(func(t *testing.T, title, text, path string) {
		head := func(title, text, path string) string {
			at := "https://tv.example.org/c" + path
			return (&card{title: title, text: text, page: at, player: at, picture: at, feed: at}).head("https://tv.example.org")
		}
		made, plain := head(title, text, path), head("x", "x", "x")
		for _, mark := range []string{"<", ">", `"`} {
			if strings.Count(made, mark) != strings.Count(plain, mark) {
				t.Errorf("%q, %q, %q: %s", title, text, path, made)
			}
		}
	})
}
