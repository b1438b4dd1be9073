package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/chat"
)

// TestEmotes gives a channel emotes of its own: who listens is told, everybody may see their pictures, moderators may not
// change them, and what is removed goes, while what was said stays as it was written.
func TestEmotes(t *testing.T) {
	x := newTheater(t, `{"slug":"parish","title":"The parish"}`)
	const at = "/api/v1/channels/parish/chat/emotes"
	c, _ := x.listen("parish/chat/live", "")
	until(t, c, func(b chat.Batch) bool { return b.Rules != nil && len(b.Rules.Emotes) == 0 })
	x.bob.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+secretIn(x.ada.want(201, "POST", "/api/v1/invitations", `{"channel":"parish","role":"moderator"}`))+`"}`)
	x.eve.want(401, "PUT", at+"/bell", pixels(t))
	x.bob.want(403, "PUT", at+"/bell", pixels(t))
	x.ada.want(422, "PUT", at+"/Bell", pixels(t))
	x.ada.want(422, "PUT", at+"/bell", "<svg onload='alert(1)'>")
	x.ada.want(413, "PUT", at+"/bell", strings.Repeat("x", 2<<20))
	v := x.ada.want(200, "PUT", at+"/bell", pixels(t)+"<script>alert(1)</script>")
	image := v["emotes"].([]any)[0].(map[string]any)["image"].(string)
	until(t, c, func(b chat.Batch) bool {
		return b.Rules != nil && len(b.Rules.Emotes) == 1 && strings.HasSuffix(image, "/"+b.Rules.Emotes[0].Image)
	})
	if v := x.eve.want(200, "GET", at, ""); toJSON(v["emotes"]) != `[{"image":"`+image+`","name":"bell"}]` {
		t.Errorf("the list: %v", v)
	}
	got, err := http.Get(x.s.URL + image)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	if got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), "image/") {
		t.Errorf("the picture: %d %v", got.StatusCode, got.Header)
	}
	x.eve.want(201, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"ring :bell:","name":"Eve",`+guestID+`}`)
	x.bob.want(403, "DELETE", at+"/bell", "")
	x.ada.want(200, "DELETE", at+"/bell", "")
	x.ada.want(404, "DELETE", at+"/bell", "")
	until(t, c, func(b chat.Batch) bool { return b.Rules != nil && len(b.Rules.Emotes) == 0 })
	x.eve.want(404, "GET", image, "")
	if log := toJSON(x.eve.want(200, "GET", "/api/v1/channels/parish/chat/log?from=2020-01-01T00:00:00Z", "")); !strings.Contains(log, "ring :bell:") {
		t.Errorf("the log: %s", log)
	}
	trail := toJSON(x.ada.want(200, "GET", "/api/v1/channels/parish/audit", ""))
	if !strings.Contains(trail, "chat.emote") || !strings.Contains(trail, "chat.emote.remove") {
		t.Errorf("the trail: %.300s", trail)
	}
	x.ada.want(200, "PUT", at+"/bell", pixels(t))
	x.ada.want(200, "PATCH", "/api/v1/channels/parish", `{"visibility":"`+string(channel.Private)+`"}`)
	x.eve.want(403, "GET", at, "")
}
