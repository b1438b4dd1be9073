package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// lens has a picture at one address.
type lens struct{ t *testing.T }

func (l lens) Get(_ context.Context, address string, _ int64) (*http.Response, error) {
	if address != "https://example.org/map.png" {
		return nil, fmt.Errorf("dial 10.0.0.7:80: %w", fetch.ErrAddress)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 32, 32))); err != nil {
		l.t.Fatal(err)
	}
	return &http.Response{Body: io.NopCloser(&b)}, nil
}

// hear listens to events; what it returns waits for one of a kind that says something.
func hear(t *testing.T, s *httptest.Server, path string) (until func(kind, says string), stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(resp.Body)
	return func(kind, says string) {
		t.Helper()
		of := ""
		for scan.Scan() {
			if k, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
				of = k
			}
			if of == kind && strings.Contains(scan.Text(), says) {
				return
			}
		}
		t.Fatalf("the events ended (%v) before %s with %q", scan.Err(), kind, says)
	}, func() { cancel(); resp.Body.Close() }
}

// TestGraphics prepares graphics and shows them: what viewers are told as it happens and afterwards, and what
// is refused.
func TestGraphics(t *testing.T) {
	s, b := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news","accent":"#ff8800"}`)
	const at = "/api/v1/channels/news/graphics"
	item := func(r map[string]any, n int) map[string]any { return r["graphics"].([]any)[n].(map[string]any) }
	shown := func(r map[string]any) (all []map[string]any) {
		for _, x := range r["shown"].([]any) {
			all = append(all, x.(map[string]any))
		}
		return all
	}
	events, stop := hear(t, s, "/api/v1/events?channel=news")
	defer stop()
	events("graphics", `"showings":[]`)

	const nasty = `<script>alert(1)</script>`
	r := ada.want(201, "POST", at+"/items", fmt.Sprintf(`{"kind":"lower-third","title":%q,"text":"Minister"}`, nasty))
	id := item(r, 0)["id"].(string)
	r = ada.want(200, "POST", at+"/items/"+id+"/show", "")
	if x := shown(r); len(x) != 1 || x[0]["title"] != nasty || x[0]["until"] != nil || x[0]["look"].(map[string]any)["accent"] != "#ff8800" {
		t.Errorf("shown: %v", r)
	}
	events("graphics", `"text":"Minister"`)
	r = ada.want(200, "PATCH", at+"/items/"+id, `{"version":1,"text":"Former minister"}`)
	if x := shown(r); x[0]["text"] != "Minister" || item(r, 0)["text"] != "Former minister" {
		t.Errorf("what is shown changed with what is prepared: %v", r)
	}
	ada.want(409, "PATCH", at+"/items/"+id, `{"version":1,"text":"Nobody"}`)
	r = ada.want(200, "POST", at+"/items/"+id+"/show", "")
	if x := shown(r); len(x) != 1 || x[0]["text"] != "Former minister" {
		t.Errorf("shown again: %v", r)
	}
	events("graphics", "Former minister")

	// Pictures.
	r = ada.want(201, "POST", at+"/items", `{"kind":"picture","address":"https://example.org/map.png","reload":10}`)
	picture := item(r, 1)
	r = ada.want(200, "POST", at+"/items/"+picture["id"].(string)+"/show", "")
	for _, address := range []string{picture["image"].(string), shown(r)[1]["image"].(string)} {
		if status, _, resp := ask(t, s, "GET", address, ""); status != 200 || resp.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: %d", address, status)
		}
	}
	if !strings.Contains(shown(r)[1]["image"].(string), "/newest/") {
		t.Errorf("it does not reload itself: %v", r)
	}
	r = ada.want(201, "POST", at+"/items", `{"kind":"bug"}`)
	bug := item(r, 2)["id"].(string)
	ada.want(422, "POST", at+"/items/"+bug+"/show", "")
	if v := ada.want(422, "POST", at+"/items", `{"kind":"picture","address":"http://inside.example.org/latest"}`); strings.Contains(toJSON(v), "10.0.0.7") {
		t.Errorf("it tells of the node's network: %v", v)
	}
	ada.want(422, "POST", at+"/items", `{"kind":"ticker","lines":[]}`)
	ada.want(422, "POST", at+"/items", `{"kind":"banner","title":"x"}`)
	ada.want(404, "POST", at+"/items/nothing/show", "")
	ada.want(422, "PUT", at+"/look", `{"ground":"url(x)"}`)
	ada.want(200, "PUT", at+"/look", `{"font":"serif","ground":"#102030"}`)
	ada.want(200, "POST", at+"/items/"+bug+"/move", `{"after":""}`)

	// A line of chat takes the place of the lower third.
	r = ada.want(200, "POST", at+"/chat", `{"name":"Zoë","text":"Hello","lasts":10}`)
	if x := shown(r); len(x) != 2 || x[1]["graphic"] != "chat" || x[1]["until"] == nil {
		t.Errorf("a chat line: %v", r)
	}
	r = ada.want(200, "POST", at+"/hide", "")
	if len(shown(r)) != 0 {
		t.Errorf("hidden: %v", r)
	}
	from, to := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	span := at + "/log?from=" + from + "&to=" + to
	if _, l, _ := ask(t, s, "GET", span, ""); len(l["showings"].([]any)) != 4 {
		t.Errorf("the log: %v", l)
	}
	if status, _, _ := ask(t, s, "GET", at+"/log?from="+from+"&to=2100-01-01T00:00:00Z", ""); status != 422 {
		t.Errorf("a log of a century: %d", status)
	}

	ada.want(200, "DELETE", at+"/items/"+id, "")
	ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private"}`)
	if status, _, _ := ask(t, s, "GET", span, ""); status != 403 {
		t.Errorf("the log of a private channel: %d", status)
	}
	b.Down(true)
	ada.want(503, "POST", at+"/hide", "")
	b.Down(false)
}
