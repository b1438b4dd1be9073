package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/chat"
)

const guestID = `"guest":"0123456789abcdef-one"`

// listen connects to a channel's chat. It returns the status of a refusal.
func (x *theater) listen(query, cookie string, headers ...string) (*websocket.Conn, int) {
	x.t.Helper()
	h := http.Header{}
	if cookie != "" {
		h.Set("Cookie", cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	c, resp, err := websocket.Dial(x.t.Context(), "ws"+strings.TrimPrefix(x.s.URL, "http")+"/api/v1/channels/"+query, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		if resp == nil {
			x.t.Fatal(err)
		}
		return nil, resp.StatusCode
	}
	x.t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(1 << 20)
	return c, 101
}

// until reads batches until one satisfies f.
func until(t *testing.T, c *websocket.Conn, f func(chat.Batch) bool) {
	t.Helper()
	for {
		_, data, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var b chat.Batch
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		if f(b) {
			return
		}
	}
}

// TestChat says, moderates, votes and reads, as guest, as somebody with an account, and as who works on the channel.
func TestChat(t *testing.T) {
	x := newTheater(t, `{"slug":"parish","title":"The parish"}`)
	c, _ := x.listen("parish/chat/live", "")
	crew, _ := x.listen("parish/chat/live", x.ada.cookie, "Origin", x.s.URL)
	evil := `<img src=x onerror=alert(1)>`
	m := x.eve.want(201, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"`+evil+`","name":"Eve",`+guestID+`}`)
	if m["text"] != evil || m["name"] != "Eve" || m["role"] != nil || strings.Contains(toJSON(m), "127.0.0.1") {
		t.Errorf("said: %v", m)
	}
	until(t, c, func(b chat.Batch) bool { return len(b.Messages) == 1 && b.Messages[0].Text == evil })
	x.eve.want(422, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"hi","name":"<script>",`+guestID+`}`)
	x.eve.want(422, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"hi","name":"Eve"}`)
	x.eve.want(422, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"I am the owner","name":"Ada","guest":"0123456789abcdef-two"}`)
	if v := x.bob.want(201, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"hello","name":"Ada"}`); v["name"] != "bob" {
		t.Errorf("an account is called %v", v["name"])
	}
	if v := x.ada.want(201, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"welcome"}`); v["role"] != "owner" {
		t.Errorf("the owner's role is %v", v["role"])
	}

	v := x.ada.want(200, "PATCH", "/api/v1/channels/parish/chat/rules", `{"words":["darn"," darn ","Two words"],"slow":0}`)
	if words := v["words"].([]any); len(words) != 2 {
		t.Errorf("words: %v", words)
	}
	held := x.eve.want(202, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"darn","name":"Eve",`+guestID+`}`)
	until(t, crew, func(b chat.Batch) bool { return len(b.Held) == 1 && b.Held[0].ID == held["id"] })
	x.ada.want(200, "POST", "/api/v1/channels/parish/chat/messages/"+held["id"].(string)+"/release", `{}`)
	until(t, c, func(b chat.Batch) bool {
		if len(b.Held) != 0 {
			t.Errorf("a viewer is told what is held: %+v", b)
		}
		return len(b.Messages) == 1 && b.Messages[0].Text == "darn"
	})
	x.ada.want(204, "DELETE", "/api/v1/channels/parish/chat/messages/"+m["id"].(string), "")
	until(t, c, func(b chat.Batch) bool { return len(b.Removed) == 1 && b.Removed[0] == m["id"] })
	from := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	if log := toJSON(x.eve.want(200, "GET", "/api/v1/channels/parish/chat/log?from="+from, "")); strings.Contains(log, "onerror") || !strings.Contains(log, "welcome") {
		t.Errorf("the log: %s", log)
	}

	x.eve.want(204, "POST", "/api/v1/channels/parish/chat/reactions", `{"kind":"heart",`+guestID+`}`)
	until(t, c, func(b chat.Batch) bool { return b.Reactions["heart"] == 1 })
	poll := x.ada.want(201, "POST", "/api/v1/channels/parish/chat/polls", `{"question":"Which hymn?","options":["Abide with me","Jerusalem"]}`)["poll"].(map[string]any)
	id := poll["id"].(string)
	x.eve.want(200, "POST", "/api/v1/channels/parish/chat/votes", `{"poll":"`+id+`","option":0,`+guestID+`}`)
	x.eve.want(200, "POST", "/api/v1/channels/parish/chat/votes", `{"poll":"`+id+`","option":1,`+guestID+`}`)
	x.bob.want(200, "POST", "/api/v1/channels/parish/chat/votes", `{"poll":"`+id+`","option":1}`)
	until(t, c, func(b chat.Batch) bool {
		return b.Poll != nil && len(b.Poll.Counts) == 2 && b.Poll.Counts[1] == 2 && b.Poll.Counts[0] == 0
	})
	x.ada.want(200, "POST", "/api/v1/channels/parish/chat/polls/"+id+"/end", `{}`)
	x.bob.want(403, "POST", "/api/v1/channels/parish/chat/votes", `{"poll":"`+id+`","option":0}`)
	x.ada.want(200, "DELETE", "/api/v1/channels/parish/chat/polls/"+id, "")

	ban := x.ada.want(201, "POST", "/api/v1/channels/parish/chat/bans", `{"who":"`+m["who"].(string)+`","seconds":600,"erase":true}`)["bans"].([]any)[0].(map[string]any)
	x.eve.want(403, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"hey","name":"Eve2","guest":"0123456789abcdef-three"}`)
	if log := toJSON(x.eve.want(200, "GET", "/api/v1/channels/parish/chat/log?from="+from, "")); strings.Contains(log, "darn") {
		t.Errorf("the log after a ban with erasure: %s", log)
	}
	x.ada.want(200, "DELETE", "/api/v1/channels/parish/chat/bans/"+ban["id"].(string), "")
	x.eve.want(201, "POST", "/api/v1/channels/parish/chat/messages", `{"text":"thanks","name":"Eve",`+guestID+`}`)
	trail := toJSON(x.ada.want(200, "GET", "/api/v1/channels/parish/audit", ""))
	for _, did := range []string{"chat.rules", "chat.time-out", "chat.lift", "chat.poll"} {
		if !strings.Contains(trail, did) {
			t.Errorf("the trail lacks %s: %s", did, trail)
		}
	}
	flood := 0
	for range 30 {
		if status, v := x.eve.ask("POST", "/api/v1/channels/parish/chat/messages", `{"text":"spam `+time.Now().Format(time.StampNano)+`","name":"Eve",`+guestID+`}`); status == 201 {
			flood++
		} else if status != 429 || !strings.Contains(toJSON(v), "wait") {
			t.Fatalf("a flood is answered %d %v", status, v)
		}
	}
	if flood > 8 {
		t.Errorf("%d of a flood of 30 came through", flood)
	}
}

// TestChatRights tries what moderators do without a token, with a wrong role, and with a role in another channel; and
// the chat of a channel that not everybody may watch.
func TestChatRights(t *testing.T) {
	x := newTheater(t, `{"slug":"vestry","title":"The vestry","visibility":"private"}`)
	x.bob.want(201, "POST", "/api/v1/channels", `{"slug":"other"}`)
	said := x.ada.want(201, "POST", "/api/v1/channels/vestry/chat/messages", `{"text":"secret"}`)
	id := said["id"].(string)
	for _, q := range [][3]string{
		{"GET", "rules", ""}, {"PATCH", "rules", `{"mode":"off"}`}, {"DELETE", "messages/" + id, ""}, {"DELETE", "messages", ""},
		{"POST", "messages/" + id + "/release", `{}`}, {"POST", "bans", `{"who":"gx","seconds":0}`}, {"DELETE", "bans/x", ""},
		{"POST", "polls", `{"question":"q","options":["a","b"]}`}, {"POST", "polls/x/end", `{}`}, {"DELETE", "polls/x", ""},
	} {
		x.eve.want(401, q[0], "/api/v1/channels/vestry/chat/"+q[1], q[2])
		x.bob.want(403, q[0], "/api/v1/channels/vestry/chat/"+q[1], q[2]) // owns another channel
	}
	from := "?from=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for _, p := range []*person{x.eve, x.bob} {
		p.want(403, "GET", "/api/v1/channels/vestry/chat/log"+from, "")
		p.want(403, "POST", "/api/v1/channels/vestry/chat/messages", `{"text":"hi","name":"Eve",`+guestID+`}`)
		p.want(403, "POST", "/api/v1/channels/vestry/chat/reactions", `{"kind":"heart",`+guestID+`}`)
		p.want(403, "POST", "/api/v1/channels/vestry/chat/votes", `{"poll":"x","option":0,`+guestID+`}`)
		if _, status := x.listen("vestry/chat/live", p.cookie, "Origin", x.s.URL); status != 403 {
			t.Errorf("somebody listens to a private channel: %d", status)
		}
	}
	if _, status := x.listen("nothing/chat/live", ""); status != 404 {
		t.Errorf("the chat of no channel: %d", status)
	}
	if _, status := x.listen("vestry/chat/live", x.ada.cookie, "Origin", "https://evil.example"); status != 403 {
		t.Errorf("a page of another site listens in the owner's name: %d", status)
	}
	link := x.ada.want(201, "POST", "/api/v1/channels/vestry/links", `{"name":"choir"}`)
	secret := secretOf(link)
	x.eve.want(200, "GET", "/api/v1/channels/vestry/chat/log"+from+"&t="+secret, "")
	c, status := x.listen("vestry/chat/live?t="+secret, "")
	if status != 101 {
		t.Fatalf("with a playback link: %d", status)
	}
	until(t, c, func(b chat.Batch) bool { return len(b.Messages) > 0 && b.Messages[0].Text == "secret" })
	if _, status := x.listen("other/chat/live?room=crew&t="+secret, ""); status != 401 {
		t.Errorf("the crew's room with a link: %d", status)
	}
	if _, status := x.listen("vestry/chat/live?room=crew", x.bob.cookie, "Origin", x.s.URL); status != 403 {
		t.Errorf("the crew's room with a role in another channel: %d", status)
	}
	x.bob.want(403, "POST", "/api/v1/channels/vestry/chat/messages?room=crew", `{"text":"hi"}`)
	x.eve.want(401, "POST", "/api/v1/channels/vestry/chat/messages?room=crew&t="+secret, `{"text":"hi","name":"Eve",`+guestID+`}`)
	x.ada.want(201, "POST", "/api/v1/channels/vestry/chat/messages?room=crew", `{"text":"camera 2 next"}`)
	crew, _ := x.listen("vestry/chat/live?room=crew", x.ada.cookie, "Origin", x.s.URL)
	until(t, crew, func(b chat.Batch) bool { return len(b.Messages) > 0 && b.Messages[0].Text == "camera 2 next" })
	if log := toJSON(x.eve.want(200, "GET", "/api/v1/channels/vestry/chat/log"+from+"&t="+secret, "")); strings.Contains(log, "camera 2") {
		t.Errorf("viewers read the crew's room: %s", log)
	}

	// A moderator may moderate, and a token that may only read may not; a moderator is not kept out.
	invitation := secretIn(x.ada.want(201, "POST", "/api/v1/invitations", `{"channel":"vestry","role":"moderator"}`))
	x.bob.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+invitation+`"}`)
	x.bob.want(200, "PATCH", "/api/v1/channels/vestry/chat/rules", `{"mode":"crew"}`)
	x.eve.want(403, "POST", "/api/v1/channels/vestry/chat/messages?t="+secret, `{"text":"hi","name":"Eve",`+guestID+`}`)
	bob := x.bob.want(201, "POST", "/api/v1/channels/vestry/chat/messages", `{"text":"quiet please"}`)
	if bob["role"] != "moderator" {
		t.Errorf("the moderator's role: %v", bob)
	}
	x.ada.want(409, "POST", "/api/v1/channels/vestry/chat/bans", `{"who":"`+bob["who"].(string)+`","seconds":0}`)
	for scope, want := range map[account.Scope]int{account.ScopeRead: 403, account.ScopeProduce: 200} {
		made := x.ada.want(201, "POST", "/api/v1/me/tokens", `{"name":"bot","scopes":["`+string(scope)+`"]}`)
		bot := &person{t: t, s: x.s, headers: []string{"Authorization", "Bearer " + made["token"].(string)}}
		bot.want(want, "PATCH", "/api/v1/channels/vestry/chat/rules", `{"mode":"open"}`)
	}
}

func secretOf(link map[string]any) string {
	address := link["playlist"].(string)
	return address[strings.Index(address, "t=")+2:]
}
