package api

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// onAir makes the guide believe that channels are on air and watched by so many.
func (x *theater) onAir(viewers map[string]int) {
	x.api.listed.statuses = func() []station.Status {
		all := x.api.cfg.Station.Statuses()
		for i := range all {
			if n, ok := viewers[all[i].Slug]; ok {
				all[i].State, all[i].Viewers, all[i].Since = station.Live, n, time.Unix(2e9+int64(n), 0)
			}
		}
		return all
	}
}

// slugs asks for a page of the guide.
func (x *theater) slugs(query string) string {
	x.t.Helper()
	v := x.eve.want(200, "GET", "/api/v1/guide?"+query, "")
	out := fmt.Sprintf("%v/%v:", v["total"], v["onAir"])
	for _, c := range v["channels"].([]any) {
		out += " " + c.(map[string]any)["slug"].(string)
	}
	return out
}

// TestGuide finds channels page by page, and never one that is not for everybody.
func TestGuide(t *testing.T) {
	x := newTheater(t, `{"slug":"cafe","title":"Café Central","category":"music","language":"de-AT","tags":["jazz"]}`)
	for _, c := range []string{
		`{"slug":"news","title":"The News","category":"news","language":"en"}`, `{"slug":"late","title":"A late one","description":"for NIGHT owls","language":"de"}`,
		`{"slug":"hidden","title":"Jazz in secret","visibility":"private"}`, `{"slug":"quiet","title":"Jazz by address","visibility":"unlisted"}`,
	} {
		x.ada.want(201, "POST", "/api/v1/channels", c)
	}
	x.onAir(map[string]int{"news": 3, "late": 9, "hidden": 100, "quiet": 50})
	for query, want := range map[string]string{
		"":                             "3/2: late news cafe",
		"order=title":                  "3/2: late news cafe",
		"order=recent":                 "3/2: late news cafe",
		"onAir=true":                   "2/2: late news",
		"limit=1&offset=1":             "3/2: news",
		"offset=7":                     "3/2:",
		"search=CAFE":                  "1/0: cafe",
		"search=caf%C3%A9+%23jazz":     "1/0: cafe",
		"search=owls+late":             "1/1: late",
		"search=owls+news":             "0/0:",
		"search=jazz":                  "1/0: cafe",
		"search=secret":                "0/0:",
		"search=%3Cscript%3E%27%22%25": "0/0:",
		"category=music":               "1/0: cafe",
		"language=de":                  "2/1: late cafe",
		"language=de-AT":               "1/0: cafe",
		"language=d":                   "0/0:",
	} {
		if got := x.slugs(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	v := x.eve.want(200, "GET", "/api/v1/guide?search=nothing", "")
	if got := toJSON(v["categories"]) + toJSON(v["languages"]); got != `[{"count":1,"id":"news"},{"count":1,"id":"music"}][{"count":2,"id":"de"},{"count":1,"id":"en"}]` {
		t.Errorf("kinds: %s", got)
	}
	for _, bad := range []string{"limit=0", "limit=201", "offset=-1", "order=odd", "search=" + strings.Repeat("x", 201)} {
		x.eve.want(422, "GET", "/api/v1/guide?"+bad, "")
	}
	old := x.api.listed.edition()
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private"}`)
	if page, _, _ := x.api.find(old, &guideInput{Limit: 60}); len(page) != 2 || strings.Contains(toJSON(page), "News") {
		t.Errorf("a channel that became private is found in an edition of a moment ago: %v", page)
	}
}

// TestRSS is well formed whatever people write, and says nothing of what is not for everybody.
func TestRSS(t *testing.T) {
	const markup = `</title><script>alert(1)</script>\"&]]>`
	x := newTheater(t, `{"slug":"news","title":"`+markup+`","description":"`+markup+`"}`)
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"hidden","title":"Meeting","visibility":"private"}`)
	x.ada.want(201, "POST", "/api/v1/channels", `{"slug":"locked","title":"Locked","password":"bread and wine"}`)
	x.api.cfg.OnDemand = []Offers{tapes{}}
	x.onAir(map[string]int{"news": 1, "hidden": 1, "locked": 2})
	read := func(path string) (text string, f rss) {
		t.Helper()
		text, resp := get(t, x.s.URL+path)
		if err := xml.Unmarshal([]byte(text), &f); err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/rss+xml") {
			t.Fatalf("%s: %d %v %s", path, resp.StatusCode, err, text)
		}
		return text, f
	}
	text, f := read("/api/v1/guide.rss")
	if len(f.Channel.Items) != 2 || strings.Contains(text, "Meeting") || strings.Contains(text, "<script>") {
		t.Fatalf("the guide: %s", text)
	}
	if i := f.Channel.Items[1]; i.Title != `</title><script>alert(1)</script>"&]]>` || i.Link != x.s.URL+"/news" {
		t.Errorf("item: %+v", i)
	}
	if strings.Contains(text, "/locked/thumbnail") || !strings.Contains(text, "/news/thumbnail") {
		t.Errorf("pictures: %s", text)
	}
	if _, f := read("/api/v1/channels/news/feed.rss"); len(f.Channel.Items) != 1 || f.Channel.Items[0].Title != "<b>Evening</b>" || f.Channel.Items[0].Link != x.s.URL+"/news?play=evening" {
		t.Errorf("the channel: %+v", f)
	}
	for _, slug := range []string{"hidden", "locked", "other"} {
		x.eve.want(404, "GET", "/api/v1/channels/"+slug+"/feed.rss", "")
	}
}

// TestEdition is made anew when something changed, and not so often that nothing else is done. Nobody waits long for it.
func TestEdition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		made, changed, takes := 0, make(chan struct{}), time.Duration(0)
		x := &index{wanted: make(chan struct{}, 1), made: make(chan struct{})}
		x.changes = func() <-chan struct{} {
			mu.Lock()
			defer mu.Unlock()
			return changed
		}
		x.statuses = func() []station.Status {
			mu.Lock()
			made++
			title, wait := fmt.Sprint(made), takes
			mu.Unlock()
			time.Sleep(wait)
			return []station.Status{{Slug: "a", Title: title, Access: channel.Access{Visibility: channel.Listed}}, {Slug: "b"}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- x.run(ctx) }()
		defer func() { cancel(); <-ended }()
		title := func() string { return x.edition().lines[0].Title }
		for range 2 {
			if got := title(); got != "1" || len(x.edition().lines) != 1 {
				t.Fatalf("it is the edition %s", got)
			}
		}
		// change lets the next editions take so long.
		change := func(takesNow time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			close(changed)
			changed, takes = make(chan struct{}), takesNow
		}
		change(0)
		if got := title(); got != "2" || title() != "2" {
			t.Errorf("after a change it is the edition %s", got)
		}
		change(time.Second)
		began := time.Now()
		if got := title(); got != "2" || time.Since(began) != editionWait {
			t.Errorf("edition %s after %v, while the next takes long", got, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		change(0)
		if got := title(); got != "3" {
			t.Errorf("edition %s: one that takes a second is not made anew within ten", got)
		}
		time.Sleep(10 * time.Second)
		if got := title(); got != "4" {
			t.Errorf("ten seconds later it is the edition %s", got)
		}
		time.Sleep(eventRound + time.Second)
		if got := title(); got != "5" {
			t.Errorf("viewers come and go, and it is the edition %s", got)
		}
	})
}

// BenchmarkGuide asks for the guide of 15,000 channels: the page that opens, a search that finds little, and one that
// finds nothing, of an edition that is there, and with one that has to be made first.
func BenchmarkGuide(b *testing.B) {
	s, _ := serve(b, token)
	a := s.Config.Handler.(*API)
	words := strings.Fields("morning evening choir harbour football jazz council garden history river mountain kitchen")
	for n := range 15_000 {
		w := func(k int) string { return words[(n/k+k)%len(words)] }
		c := channel.Channel{Slug: fmt.Sprintf("c%05d", n), Title: fmt.Sprintf("%s %s %d", w(1), w(12), n), Description: strings.Repeat(w(7)+" "+w(5)+" ", 12)}
		c.Visibility, c.Category, c.Language, c.Tags = channel.Listed, channel.Categories[n%len(channel.Categories)].ID, []string{"en", "de", "pt-BR"}[n%3], []string{w(3)}
		if _, err := a.cfg.Channels.Create(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range []struct{ name, query string }{
		{"opened", ""}, {"found", "?search=harbour+14999"}, {"nothing", "?search=nowhere"}, {"title", "?order=title&offset=14000&limit=200"},
	} {
		for _, stale := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/while-made=%v", q.name, stale), func(b *testing.B) {
				began := cpuTime()
				for b.Loop() {
					if stale {
						a.listed.publish(&edition{changed: a.listed.newest.changed, lines: a.listed.newest.lines, text: a.listed.newest.text, ends: a.listed.newest.ends, bySlug: a.listed.newest.bySlug, byTitle: a.listed.newest.byTitle})
					}
					w := httptest.NewRecorder()
					if a.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/guide"+q.query, nil)); w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/request")
				b.ReportMetric(float64((cpuTime()-began).Microseconds())/1000/float64(b.N), "cpu-ms/request")
			})
		}
	}
}

// cpuTime is what this process has used of the processor, however many others use it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// FuzzSearch finds in the text of all lines what one finds line by line.
func FuzzSearch(f *testing.F) {
	f.Add("The News", "Café Central", "news", "e")
	f.Add("a", "a\x00b", "\x00", "")
	f.Add("", "", "x", "ß")
	f.Fuzz(func(t *testing.T, first, second, word, other string) {
		e := &edition{}
		for i, title := range []string{first, second, first + second} {
			e.lines = append(e.lines, lineOf(station.Status{Slug: fmt.Sprint(i), Title: title}, nil))
		}
		e.write()
		words := strings.Fields(fold(word + " " + other))
		found := e.search(words)
		for i, l := range e.lines {
			want := true
			for _, w := range words {
				want = want && strings.Contains(l.words, w)
			}
			if got := found == nil || found[i]; got != want {
				t.Errorf("%q in %q: %v, want %v", words, l.words, got, want)
			}
		}
	})
}
