package api

import (
	"net/http/httptest"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// TestRehearsal: cuts in a rehearsal are seen by producers alone, and its end changes nothing for viewers.
func TestRehearsal(t *testing.T) {
	s, _ := serve(t, token)
	admin := []string{"Authorization", "Bearer " + token}
	status, c, _ := ask(t, s, "POST", "/api/v1/channels", `{"slug":"news","title":"News"}`, admin...)
	if status != 201 {
		t.Fatalf("create: %d %v", status, c)
	}
	source := c["sources"].([]any)[0].(map[string]any)["id"].(string)
	if status, c, _ := ask(t, s, "POST", "/api/v1/channels/news/cuts", `{"source":"`+source+`"}`, admin...); status != 409 {
		t.Errorf("a cut to a source that sends nothing: %d %v", status, c)
	}
	if status, c, _ := ask(t, s, "POST", "/api/v1/channels/news/cuts", `{"source":"off","then":"autopilot"}`, admin...); status != 422 {
		t.Errorf("what follows a clip, without one: %d %v", status, c)
	}
	if status, _, _ := ask(t, s, "PUT", "/api/v1/channels/news/rehearsal", ""); status == 200 {
		t.Error("anybody begins a rehearsal")
	}
	if status, c, _ := ask(t, s, "PUT", "/api/v1/channels/news/rehearsal", "", admin...); status != 200 || c["rehearsal"] == nil {
		t.Fatalf("begin: %d %v", status, c)
	}
	if status, c, _ := ask(t, s, "POST", "/api/v1/channels/news/cuts", `{"source":"`+source+`"}`, admin...); status != 200 {
		t.Errorf("a cut in the rehearsal: %d %v", status, c)
	}
	if _, c, _ := ask(t, s, "GET", "/api/v1/channels/news", "", admin...); c["state"] != "never" || c["rehearsal"].(map[string]any)["source"] != source {
		t.Errorf("producers see %v", c)
	}
	if _, c, _ := ask(t, s, "GET", "/api/v1/channels/news", ""); c["rehearsal"] != nil {
		t.Errorf("viewers see the rehearsal: %v", c)
	}
	if status, c, _ := ask(t, s, "DELETE", "/api/v1/channels/news/rehearsal", "", admin...); status != 200 || c["rehearsal"] != nil || c["state"] != "never" {
		t.Errorf("end: %d %v", status, c)
	}
}

// TestRehearsedGraphics shows a graphic in a rehearsal: producers see it and viewers do not, now or afterwards.
func TestRehearsedGraphics(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	const at = "/api/v1/channels/news/graphics"
	var ids []string
	for _, title := range []string{"Ada", "Bert"} {
		r := ada.want(201, "POST", at+"/items", `{"kind":"lower-third","title":"`+title+`"}`)
		ids = append(ids, r["graphics"].([]any)[len(ids)].(map[string]any)["id"].(string))
	}
	ada.want(200, "POST", at+"/items/"+ids[0]+"/show", "")
	titles := func(r map[string]any) (all string) {
		for _, x := range r["shown"].([]any) {
			if y := x.(map[string]any); y["until"] == nil {
				all += y["title"].(string) + " "
			}
		}
		return all
	}
	viewers := func() string {
		_, r, _ := ask(t, s, "GET", at+"/log?from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:01Z", "")
		if len(r["showings"].([]any)) > 0 {
			t.Errorf("years ago: %v", r)
		}
		shown, err := s.Config.Handler.(*API).cfg.Graphics.Shown(t.Context(), mustChannel(t, s, "news").ID)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, x := range shown.Showings {
			all += x.Title + " "
		}
		return all
	}
	ada.want(200, "PUT", "/api/v1/channels/news/rehearsal", "")
	if r := ada.want(200, "GET", at, ""); titles(r) != "" || r["rehearsed"] != true {
		t.Errorf("a rehearsal begins with %v", r)
	}
	if r := ada.want(200, "POST", at+"/items/"+ids[1]+"/show", ""); titles(r) != "Bert " {
		t.Errorf("producers see %v", r)
	}
	ada.want(200, "PUT", "/api/v1/channels/news/rehearsal", "") // it goes on
	if r := ada.want(200, "GET", at, ""); titles(r) != "Bert " {
		t.Errorf("producers see %v", r)
	}
	if got := viewers(); got != "Ada " {
		t.Errorf("viewers see %q", got)
	}
	ada.want(200, "DELETE", "/api/v1/channels/news/rehearsal", "")
	if r := ada.want(200, "GET", at, ""); titles(r) != "Ada " || r["rehearsed"] != nil || viewers() != "Ada " {
		t.Errorf("after the rehearsal: %v", r)
	}
	ada.want(200, "PUT", "/api/v1/channels/news/rehearsal", "")
	if r := ada.want(200, "GET", at, ""); titles(r) != "" || len(r["shown"].([]any)) != 1 {
		t.Errorf("the next one begins with %v, and is to be told that what was shown in the last is hidden", r)
	}
	if r := ada.want(200, "POST", at+"/hide", ""); titles(r) != "" || viewers() != "Ada " {
		t.Errorf("hidden in the rehearsal: %v", r)
	}
}

func mustChannel(t *testing.T, s *httptest.Server, slug string) *channel.Channel {
	t.Helper()
	c, err := s.Config.Handler.(*API).cfg.Channels.Get(slug)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
