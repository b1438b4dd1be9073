package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// newsroom is a server with a channel, news, that has recordings.
type newsroom struct {
	api      *API
	bucket   bucket.Bucket
	url      string
	channel  string  // its id
	ada, eve *person // its owner, and somebody else
	nobody   *person
}

// newNewsroom makes one, with recordings as they are stored.
func newNewsroom(t *testing.T, recordings string) newsroom {
	t.Helper()
	s, b := serve(t, token)
	openDoor(t, s)
	n := newsroom{api: s.Config.Handler.(*API), bucket: b, url: s.URL, ada: signUp(t, s, "ada"), eve: signUp(t, s, "eve"), nobody: &person{t: t, s: s}}
	n.ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	docs := bucket.NewDocuments(b)
	c, err := bucket.Load[channel.Channel](t.Context(), docs, "channels/news")
	if err != nil {
		t.Fatal(err)
	}
	n.channel = c.ID
	if err := bucket.Create(t.Context(), docs, "recordings/"+c.ID+"/list", json.RawMessage(`{"channel":"`+c.ID+`","recordings":[`+recordings+`]}`)); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRecordings has recordings in each state, and says who sees which.
func TestRecordings(t *testing.T) {
	const shown, hidden, live, held = "00000000000000aa", "00000000000000bb", "00000000000000cc", "00000000000000dd"
	n := newNewsroom(t, `
		{"id":"`+live+`","title":"Now","state":"onAir","duration":90000,"open":true},
		{"id":"`+shown+`","title":"<b>Then</b>","state":"whole","duration":900000,"bytes":5},
		{"id":"`+hidden+`","title":"Rehearsal","state":"kept","duration":900000,"hidden":true},
		{"id":"`+held+`","title":"For a clip","state":"kept","duration":900000,"clip":"00000000000000ee"}`)
	ada, eve, nobody := n.ada, n.eve, n.nobody
	const at = "/api/v1/channels/news/recordings"
	sees := func(p *person) (ids []string) {
		for _, r := range p.want(200, "GET", at, "")["recordings"].([]any) {
			r := r.(map[string]any)
			ids = append(ids, r["id"].(string))
			if (r["download"] != nil) != (p == ada) {
				t.Errorf("%s has a download: %v", r["id"], r["download"])
			}
		}
		return ids
	}
	if ids := sees(ada); len(ids) != 3 {
		t.Errorf("its owner sees %v", ids)
	}
	for _, p := range []*person{nobody, eve} {
		if ids := sees(p); len(ids) != 1 || ids[0] != shown {
			t.Errorf("a stranger sees %v", ids)
		}
		p.want(404, "GET", at+"/"+hidden, "")
		p.want(404, "GET", at+"/"+live, "")
	}
	ada.want(200, "GET", at+"/"+hidden, "")
	ada.want(404, "GET", at+"/"+held, "")
	for _, path := range []string{"/news/recordings/" + hidden + "/index.m3u8", "/news/recordings/" + held + "/index.m3u8", "/news/recordings/" + shown + "/x", "/news/recordings/..%2fx/index.m3u8", "/other/recordings/" + shown + "/index.m3u8", at + "/" + shown + "/poster/1"} {
		answer, err := http.Get(n.url + path)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != 404 {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	const offered = "/api/v1/channels/news/ondemand"
	for _, p := range []*person{ada, nobody} {
		if items := p.want(200, "GET", offered, "")["items"].([]any); len(items) != 1 || items[0].(map[string]any)["id"] != shown || items[0].(map[string]any)["kind"] != "recording" {
			t.Errorf("on demand: %v", items)
		}
	}
	nobody.want(404, "GET", offered+"/"+hidden+"/index.m3u8", "")
	ada.want(422, "PATCH", at+"/"+shown, `{"title":" "}`)
	if r := ada.want(200, "PATCH", at+"/"+shown, `{"title":"Yesterday","hidden":true}`); r["title"] != "Yesterday" || r["hidden"] != true {
		t.Errorf("changed: %v", r)
	}
	if ids := sees(nobody); len(ids) > 0 {
		t.Errorf("what was hidden is seen: %v", ids)
	}
	ada.want(422, "POST", at, `{"from":"soon","to":"later","title":"x"}`)
	ada.want(422, "POST", at, `{"from":"2030-01-01T10:00:00Z","to":"2030-01-01T10:01:00Z","title":"x"}`)
	ada.want(422, "POST", "/api/v1/channels/news/clips", `{"from":"2030-01-01T10:00:00Z","to":"2030-01-01T10:01:00Z","title":"x"}`)
	ada.want(204, "DELETE", at+"/"+shown, "")
	ada.want(404, "DELETE", at+"/"+shown, "")
	ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private","record":true,"recordDays":7}`)
	ada.want(422, "PATCH", "/api/v1/channels/news", `{"recordDays":-1}`)
	nobody.want(403, "GET", at, "")
	if ids := sees(ada); len(ids) != 2 {
		t.Errorf("its owner sees %v", ids)
	}
}
