package api

import (
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// webhooksFor is a sender that sends nothing by itself.
func webhooksFor(docs *bucket.Documents, channels *channel.Store) *webhook.Sender {
	s := webhook.New(webhook.Config{Docs: docs, Node: "node", Lives: channels.Lives, Mine: func(string) bool { return false }})
	channels.Watch(s.Changed)
	return s
}

// TestWebhooks adds, changes, tries and removes a webhook: its secret is shown once, and where it leads is looked at.
func TestWebhooks(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	const at = "/api/v1/channels/news/webhooks"
	for _, bad := range []string{`{"url":"ftp://example.org/"}`, `{"url":"https://a:b@example.org/"}`, `{"url":"x"}`, `{"url":"https://example.org/","events":["nothing"]}`} {
		ada.want(422, "POST", at, bad)
	}
	made := ada.want(201, "POST", at, `{"url":"http://169.254.169.254/latest?key=private","events":["air.on","cut"]}`)
	secret, id := made["secret"].(string), made["id"].(string)
	if !strings.HasPrefix(secret, "whsec_") || len(secret) < 40 {
		t.Fatalf("made: %v", made)
	}
	for _, path := range []string{at, "/api/v1/channels/news", "/api/v1/channels", "/api/v1/me/export", "/api/v1/channels/news/audit"} {
		if _, v := ada.ask("GET", path, ""); strings.Contains(toJSON(v), secret) {
			t.Errorf("%s shows the secret", path)
		}
	}
	answer := ada.want(200, "POST", at+"/"+id+"/test", "")
	if answer["ok"] != false || !strings.Contains(answer["said"].(string), "not public") {
		t.Errorf("a test into the metadata service: %v", answer)
	}
	ada.want(429, "POST", at+"/"+id+"/test", "")
	list := ada.want(200, "GET", at, "")["webhooks"].([]any)[0].(map[string]any)
	if log := list["answers"].([]any); len(log) != 1 || log[0].(map[string]any)["type"] != "test" {
		t.Errorf("the log: %v", list)
	}
	if v := ada.want(200, "POST", at+"/"+id+"/secret", ""); v["secret"] == secret || v["secret"] == nil {
		t.Errorf("another secret: %v", v)
	}
	if v := ada.want(200, "PATCH", at+"/"+id, `{"on":false,"events":[]}`); v["on"] != false || v["secret"] != nil || len(v["events"].([]any)) != 0 {
		t.Errorf("changed: %v", v)
	}
	ada.want(404, "PATCH", at+"/x", `{"on":false}`)
	trail := toJSON(ada.want(200, "GET", "/api/v1/channels/news/audit", ""))
	for _, did := range []string{"webhook.add", "webhook.secret", "webhook.change", "169.254.169.254"} {
		if !strings.Contains(trail, did) {
			t.Errorf("%q is not in the audit trail: %s", did, trail)
		}
	}
	if strings.Contains(trail, "key=private") {
		t.Error("the audit trail shows all of an address")
	}
	for range 9 {
		ada.want(201, "POST", at, `{"url":"https://example.org/"}`)
	}
	ada.want(422, "POST", at, `{"url":"https://example.org/"}`)
	ada.want(204, "DELETE", at+"/"+id, "")
	ada.want(404, "DELETE", at+"/"+id, "")
}
