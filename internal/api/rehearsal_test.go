package api

import (
	"testing"
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
