package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
	"github.com/mayfly-tv/mayfly/internal/figures"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/report"
	"github.com/mayfly-tv/mayfly/internal/rundown"
	"github.com/mayfly-tv/mayfly/internal/station"
)

const token = "a-token-for-tests"

// serve runs an API on a station that has nothing on air.
func serve(t testing.TB, token string) (*httptest.Server, *bucket.Faulty) {
	t.Helper()
	b := bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{})
	docs := bucket.NewDocuments(b)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	spool, err := bundle.OpenSpool(t.TempDir(), "node", nil, bundle.SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	channels := channel.NewStore(docs, log)
	s := station.New(station.Config{Docs: docs, Spool: spool, Channels: channels, Log: log, Clips: oneClip{}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 4)
	go func() { ended <- channels.Run(ctx) }()
	go func() { ended <- s.Run(ctx) }()
	people, err := account.NewPeople(account.Config{Docs: docs, Public: func() string { return "http://tv.example.org" }, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- people.Run(ctx) }()
	art, err := artwork.NewStore(artwork.Config{Bucket: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	clips, err := library.New(library.Config{Docs: docs, Node: "node", Dir: t.TempDir(), Quota: library.Quota{Bytes: 1 << 20, Clips: 3}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	rooms := chat.NewHub(chat.Config{Docs: docs, Lives: channels.Lives, Log: log})
	go func() { ended <- rooms.Run(ctx) }()
	a, err := New(Config{
		Chat: rooms,
		Art:  art, Library: clips, Reports: report.NewBook(docs), Rundowns: rundown.NewStore(docs),
		Graphics: graphics.NewStore(docs), GraphicPictures: graphics.NewPictures(lens{t}, art.Made),
		Webhooks: webhooksFor(docs, channels), WebPush: webPushFor(docs, channels), Figures: figures.New(figures.Config{Docs: docs}), Fleet: &lone{},
		Station: s, Channels: channels, People: people, Previews: told{}, Thumbnails: painter{}, Token: token, Version: "test", Log: log,
		Unburnt: func(slug string) bool { return slug == "packed" },
		Nodes:   func() []Node { return []Node{{Name: "node", Self: true, Ready: true}} },
		Pages: fstest.MapFS{
			"index.html": {Data: []byte("<html>guide")}, "docs.html": {Data: []byte("<html>docs")},
			"watch.html": {Data: []byte("<html><head><!--mayfly:head--></head>" + strings.Repeat(" watch", 300))}, "embed.html": {Data: []byte("<html>embed")},
			"notify.js": {Data: []byte("self.addEventListener")}, "assets/a.js": {Data: []byte(strings.Repeat("let a = 1;\n", 300))},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- a.Run(ctx) }()
	server := httptest.NewServer(a)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		for range 4 {
			<-ended
		}
		spool.Close()
	})
	<-channels.Loaded()
	return server, b
}

// ask makes a request and returns the status and the decoded answer.
func ask(t *testing.T, s *httptest.Server, method, path, body string, headers ...string) (int, map[string]any, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	json.Unmarshal(data, &v)
	return resp.StatusCode, v, resp
}

func TestChannels(t *testing.T) {
	s, b := serve(t, token)
	admin := []string{"Authorization", "Bearer " + token}
	status, c, _ := ask(t, s, "POST", "/api/v1/channels", `{"slug":"news","title":"News","sources":[{"name":"Studio","streamKey":"a-key-of-our-own-1"}]}`, admin...)
	source := c["sources"].([]any)[0].(map[string]any)
	if status != 201 || c["slug"] != "news" || c["state"] != "never" || source["streamKey"] != "a-key-of-our-own-1" || source["backupStreamKey"] == "" {
		t.Fatalf("create: %d %v", status, c)
	}
	status, c, _ = ask(t, s, "GET", "/api/v1/channels/news", "")
	if status != 200 || c["title"] != "News" || c["sources"] != nil || strings.Contains(strings.ToLower(toJSON(c)), "key") {
		t.Errorf("read by anybody: %d %v", status, c)
	}
	if status, c, _ = ask(t, s, "PATCH", "/api/v1/channels/news", `{"title":"News at ten","dvrWindow":600}`, admin...); status != 200 || c["title"] != "News at ten" || c["dvrWindow"] != 600.0 {
		t.Errorf("change: %d %v", status, c)
	}
	status, c, _ = ask(t, s, "POST", "/api/v1/channels/news/sources/"+source["id"].(string)+"/rotate", `{}`, admin...)
	if now := c["sources"].([]any)[0].(map[string]any)["streamKey"]; status != 200 || now == "a-key-of-our-own-1" {
		t.Errorf("rotate: %d %v", status, c)
	}
	id := source["id"].(string)
	status, c, _ = ask(t, s, "PATCH", "/api/v1/channels/news/sources/"+id+"/sound", `{"mute":true}`, admin...)
	if src := c["sources"].([]any)[0].(map[string]any); status != 200 || src["mute"] != true {
		t.Errorf("mute: %d %v", status, c)
	}
	ask(t, s, "PATCH", "/api/v1/channels/news/sources/"+id+"/sound", `{"mute":false}`, admin...)
	status, c, _ = ask(t, s, "PATCH", "/api/v1/channels/news/sources/"+id+"/sound", `{"gain":-6.4}`, admin...)
	if src := c["sources"].([]any)[0].(map[string]any); status != 200 || src["gain"] != -6.0 || src["mute"] != nil {
		t.Errorf("gain, to the nearest step: %d %v", status, c)
	}
	status, c, _ = ask(t, s, "PATCH", "/api/v1/channels/news/sound", `{"source":"`+id+`","delay":80}`, admin...)
	if kept, _ := c["kept"].(map[string]any); status != 200 || kept["source"] != id || kept["delay"] != 80.0 {
		t.Errorf("keep a sound: %d %v", status, c)
	}
	if status, c, _ = ask(t, s, "PATCH", "/api/v1/channels/news/sound", `{"source":""}`, admin...); status != 200 || c["kept"] != nil {
		t.Errorf("keep no sound: %d %v", status, c)
	}
	for _, q := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/api/v1/channels", `{"slug":"news"}`, 409, "taken"},
		{"POST", "/api/v1/channels", `{"slug":"API"}`, 422, "small letters"},
		{"POST", "/api/v1/channels", `{"slug":"api"}`, 422, "reserved"},
		{"POST", "/api/v1/channels", `{"slag":"x"}`, 422, "slag"},
		{"POST", "/api/v1/channels", `{`, 400, ""},
		{"POST", "/api/v1/channels", `{"slug":"x2","description":"` + strings.Repeat("x", maxBody) + `"}`, 413, ""},
		{"PATCH", "/api/v1/channels/news", `{"dvrWindow":5}`, 422, "60"},
		{"PATCH", "/api/v1/channels/other", `{"title":"x"}`, 404, ""},
		{"GET", "/api/v1/channels/other", "", 404, ""},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"nobody"}`, 422, "no source"},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"` + source["id"].(string) + `","sound":"nobody"}`, 422, "no source"},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"` + source["id"].(string) + `","delay":4000}`, 422, "-1000 to 3000"},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"` + source["id"].(string) + `","mute":true}`, 409, "sends nothing"},
		{"PATCH", "/api/v1/channels/news/sound", `{"source":"nobody"}`, 404, ""},
		{"PATCH", "/api/v1/channels/news/sound", `{"source":"` + source["id"].(string) + `","delay":-4000}`, 422, "-1000 to 3000"},
		{"PATCH", "/api/v1/channels/news/sources/nobody/sound", `{"mute":true}`, 404, ""},
		{"PATCH", "/api/v1/channels/news/sources/nobody/sound", `{"gain":3}`, 404, ""},
		{"PATCH", "/api/v1/channels/news/sources/" + id + "/sound", `{"gain":12.1}`, 422, "-30 to 12"},
		{"PATCH", "/api/v1/channels/news/sources/" + id + "/sound", `{"gain":"loud"}`, 422, "number"},
		{"PATCH", "/api/v1/channels/news/sources/" + id + "/sound", `{}`, 422, "mute, gain or both"},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"autopilot"}`, 422, "no plan"},
		{"POST", "/api/v1/channels/news/cuts", `{"source":"` + source["id"].(string) + `"}`, 409, "sends nothing"},
	} {
		status, v, resp := ask(t, s, q.method, q.path, q.body, admin...)
		if status != q.status || !strings.Contains(toJSON(v), q.says) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %s %.60s: %d %v (%s), want %d and %q", q.method, q.path, q.body, status, v, resp.Header.Get("Content-Type"), q.status, q.says)
		}
	}
	b.Down(true)
	if status, _, resp := ask(t, s, "PATCH", "/api/v1/channels/news", `{"title":"x"}`, admin...); status != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a change without the bucket: %d, Retry-After %q", status, resp.Header.Get("Retry-After"))
	}
	b.Down(false)
	if status, _, _ := ask(t, s, "DELETE", "/api/v1/channels/news", "", admin...); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, _, _ := ask(t, s, "GET", "/api/v1/channels/news", ""); status != 404 {
		t.Errorf("read after delete: %d", status)
	}
}

func toJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// TestAuthorization tries every change without the right token.
func TestAuthorization(t *testing.T) {
	s, _ := serve(t, token)
	none, _ := serve(t, "")
	for _, q := range [][2]string{{"POST", "/api/v1/channels"}, {"PATCH", "/api/v1/channels/x"}, {"DELETE", "/api/v1/channels/x"},
		{"POST", "/api/v1/channels/x/cuts"}, {"PUT", "/api/v1/channels/x/schedule"}, {"POST", "/api/v1/channels/x/sources/y/rotate"}} {
		for name, got := range map[string]func() (int, map[string]any, *http.Response){
			"no token": func() (int, map[string]any, *http.Response) { return ask(t, s, q[0], q[1], `{}`) },
			"a wrong token": func() (int, map[string]any, *http.Response) {
				return ask(t, s, q[0], q[1], `{}`, "Authorization", "Bearer x")
			},
			"a node without one": func() (int, map[string]any, *http.Response) {
				return ask(t, none, q[0], q[1], `{}`, "Authorization", "Bearer ")
			},
			"an empty one": func() (int, map[string]any, *http.Response) {
				return ask(t, s, q[0], q[1], `{}`, "Authorization", "Bearer ")
			},
			"another sort of one": func() (int, map[string]any, *http.Response) {
				return ask(t, s, q[0], q[1], `{}`, "Authorization", "Basic "+token)
			},
		} {
			if status, v, resp := got(); status != 401 || resp.Header.Get("WWW-Authenticate") == "" || !strings.Contains(toJSON(v), "MAYFLY_ADMIN_TOKEN") {
				t.Errorf("%s %s with %s: %d %v", q[0], q[1], name, status, v)
			}
		}
	}
}

// TestEvents listens while channels come and go.
func TestEvents(t *testing.T) {
	s, _ := serve(t, token)
	admin := []string{"Authorization", "Bearer " + token}
	ask(t, s, "POST", "/api/v1/channels", `{"slug":"one"}`, admin...)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	scan := bufio.NewScanner(resp.Body)
	until := func(words ...string) {
		t.Helper()
		for scan.Scan() {
			found := true
			for _, w := range words {
				found = found && strings.Contains(scan.Text(), w)
			}
			if found {
				return
			}
		}
		t.Fatalf("the events ended (%v) before %q", scan.Err(), words)
	}
	until(`"slug":"one"`, `"state":"never"`, `"now":`)
	ask(t, s, "POST", "/api/v1/channels", `{"slug":"two","title":"Second"}`, admin...)
	until(`"slug":"two"`)
	ask(t, s, "PATCH", "/api/v1/channels/two", `{"title":"Changed"}`, admin...)
	until(`"title":"Changed"`)
	ask(t, s, "DELETE", "/api/v1/channels/one", "", admin...)
	until("event: removed")
	until(`"slug":"one"`)
}

func TestPages(t *testing.T) {
	s, _ := serve(t, token)
	ask(t, s, "POST", "/api/v1/channels", `{"slug":"news","title":"News & <more>"}`, "Authorization", "Bearer "+token)
	for path, want := range map[string]struct {
		status int
		text   string
		header [2]string
	}{
		"/":                    {200, "guide", [2]string{"Content-Security-Policy", "frame-ancestors 'self'"}},
		"/news":                {200, "<title>News &amp; &lt;more&gt;</title>", [2]string{"Cache-Control", "no-cache"}},
		"/nothing":             {404, "watch", [2]string{"Content-Type", "text/html"}},
		"/embed":               {200, "guide", [2]string{"Content-Security-Policy", "frame-ancestors *"}},
		"/login":               {404, "not built", [2]string{}},
		"/news/embed":          {200, "embed", [2]string{"Content-Security-Policy", "frame-ancestors *"}},
		"/api/docs":            {200, "docs", [2]string{"Content-Type", "text/html"}},
		"/assets/a.js":         {200, "let a", [2]string{"Cache-Control", "immutable"}},
		"/assets/b.js":         {404, "", [2]string{}},
		"/news/else":           {404, "nothing", [2]string{}},
		"/api/v1/openapi.json": {200, "create-channel", [2]string{}},
		"/api/v1/nodes":        {200, `"self":true`, [2]string{}},
	} {
		resp, err := s.Client().Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want.status || !strings.Contains(string(body), want.text) || want.header[0] != "" && !strings.Contains(resp.Header.Get(want.header[0]), want.header[1]) {
			t.Errorf("GET %s: %d %v %.200q, want %d, %q and %v", path, resp.StatusCode, resp.Header, body, want.status, want.text, want.header)
		}
	}
	_, _, first := ask(t, s, "GET", "/assets/a.js", "", "Accept-Encoding", "gzip")
	if first.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("a script is not compressed: %v", first.Header)
	}
	if status, _, _ := ask(t, s, "GET", "/assets/a.js", "", "If-None-Match", first.Header.Get("ETag")); status != 304 {
		t.Errorf("a script that did not change: %d, want 304", status)
	}
}
