package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// person is a browser with its cookies, or a program with a token.
type person struct {
	t       *testing.T
	s       *httptest.Server
	cookie  string
	headers []string
}

// ask makes a request in the person's name, and keeps the cookie that the answer sets.
func (p *person) ask(method, path, body string) (int, map[string]any) {
	p.t.Helper()
	headers := append([]string{"Sec-Fetch-Site", "same-origin"}, p.headers...)
	if p.cookie != "" {
		headers = append(headers, "Cookie", p.cookie)
	}
	status, v, resp := ask(p.t, p.s, method, path, body, headers...)
	for _, c := range resp.Cookies() {
		if c.Name != cookieName {
			continue
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			p.t.Errorf("%s %s: the cookie %v is not kept from scripts and other sites", method, path, c)
		}
		if p.cookie = c.Name + "=" + c.Value; c.MaxAge < 0 {
			p.cookie = ""
		}
	}
	return status, v
}

// want makes a request that must be answered so.
func (p *person) want(status int, method, path, body string) map[string]any {
	p.t.Helper()
	got, v := p.ask(method, path, body)
	if got != status {
		p.t.Fatalf("%s %s %.80s: %d %v, want %d", method, path, body, got, v, status)
	}
	return v
}

// root is whoever has the administrator's token.
func root(t *testing.T, s *httptest.Server) *person {
	return &person{t: t, s: s, headers: []string{"Authorization", "Bearer " + token}}
}

// signUp makes an account by an open door.
func signUp(t *testing.T, s *httptest.Server, name string) *person {
	t.Helper()
	p := &person{t: t, s: s}
	p.want(201, "POST", "/api/v1/accounts", `{"email":"`+name+`@example.org","password":"four words do well"}`)
	return p
}

// openDoor lets anybody sign up.
func openDoor(t *testing.T, s *httptest.Server) {
	t.Helper()
	root(t, s).want(200, "PATCH", "/api/v1/settings", `{"signUp":"open"}`)
}

func secretIn(v map[string]any) string {
	_, secret, _ := strings.Cut(v["link"].(string), "#")
	return secret
}

// TestPeople makes accounts, a channel, and lets a second person in by invitation.
func TestPeople(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	if v := ada.want(200, "GET", "/api/v1/session", ""); v["me"].(map[string]any)["name"] != "ada" || v["signUp"] != "open" || v["letters"] != false {
		t.Errorf("session: %v", v)
	}
	v := ada.want(201, "POST", "/api/v1/channels", `{"slug":"news","title":"News"}`)
	source := v["sources"].([]any)[0].(map[string]any)
	if v["role"] != "owner" || source["streamKey"] == "" {
		t.Errorf("own channel: %v", v)
	}
	bob := signUp(t, s, "bob")
	if v := bob.want(200, "GET", "/api/v1/channels/news", ""); v["sources"] != nil || v["role"] != nil {
		t.Errorf("a stranger sees %v", v)
	}
	bob.want(403, "PATCH", "/api/v1/channels/news", `{"title":"Mine"}`)
	bob.want(403, "POST", "/api/v1/invitations", `{"channel":"news","role":"owner"}`)
	link := secretIn(ada.want(201, "POST", "/api/v1/invitations", `{"channel":"news","role":"moderator"}`))
	if v := bob.want(200, "POST", "/api/v1/invitations/look", `{"link":"`+link+`"}`); v["title"] != "News" || v["role"] != "moderator" {
		t.Errorf("the invitation: %v", v)
	}
	bob.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+link+`"}`)
	bob.want(410, "POST", "/api/v1/invitations/accept", `{"link":"`+link+`"}`)
	if v := bob.want(200, "GET", "/api/v1/channels/news", ""); v["role"] != "moderator" || strings.Contains(toJSON(v), source["streamKey"].(string)) {
		t.Errorf("a moderator sees %v", v)
	}
	bob.want(403, "POST", "/api/v1/channels/news/cuts", `{"source":"off"}`)
	members := ada.want(200, "GET", "/api/v1/channels/news/members", "")["members"].([]any)
	if len(members) != 2 {
		t.Fatalf("members: %v", members)
	}
	id := members[1].(map[string]any)["account"].(string)
	ada.want(200, "PUT", "/api/v1/channels/news/members/"+id, `{"role":"producer"}`)
	bob.want(200, "PATCH", "/api/v1/channels/news", `{"title":"Our news"}`)
	bob.want(403, "DELETE", "/api/v1/channels/news", "")
	own := members[0].(map[string]any)["account"].(string)
	ada.want(422, "DELETE", "/api/v1/channels/news/members/"+own, "")
	ada.want(409, "DELETE", "/api/v1/me", `{"email":"ada@example.org"}`)
	trail := toJSON(ada.want(200, "GET", "/api/v1/channels/news/audit", ""))
	for _, did := range []string{"channel.create", "invite", "member.join", "member.role", "title: News → Our news"} {
		if !strings.Contains(trail, did) {
			t.Errorf("%q is not in the audit trail: %s", did, trail)
		}
	}
	bob.want(403, "GET", "/api/v1/channels/news/audit", "")
	bob.want(200, "DELETE", "/api/v1/channels/news/members/"+id, "")
	bob.want(403, "PATCH", "/api/v1/channels/news", `{"title":"Mine"}`)
	bob.want(422, "DELETE", "/api/v1/me", `{"email":"ada@example.org"}`)
	bob.want(204, "DELETE", "/api/v1/me", `{"email":"bob@example.org"}`)
	bob.want(401, "GET", "/api/v1/me", "")
	ada.want(204, "DELETE", "/api/v1/channels/news", "")
	ada.want(204, "DELETE", "/api/v1/session", "")
	ada.want(401, "GET", "/api/v1/me", "")
}

// TestOwnAddress changes one's own address where no letter can be sent: it works, and counts as proven for nobody.
func TestOwnAddress(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(202, "PUT", "/api/v1/me/email", `{"email":"bob@example.org"}`)
	if me := ada.want(200, "GET", "/api/v1/me", ""); me["email"] != "bob@example.org" || !strings.HasPrefix(me["confirmed"].(string), "0001-") {
		t.Errorf("the account: %v", me)
	}
	eve := signUp(t, s, "eve")
	eve.want(409, "PUT", "/api/v1/me/email", `{"email":"Bob@example.org"}`)
}

// TestOwnerStays does not delete the owner's account, and takes nothing of it away.
func TestOwnerStays(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	id := ada.want(200, "GET", "/api/v1/me", "")["id"].(string)
	link, err := s.Config.Handler.(*API).cfg.People.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owner := &person{t: t, s: s}
	owner.want(201, "POST", "/api/v1/setup", `{"link":"`+link[strings.IndexByte(link, '#')+1:]+`","email":"owner@example.org","password":"four words do well"}`)
	owner.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	add := secretIn(owner.want(201, "POST", "/api/v1/invitations", `{"channel":"news","role":"owner"}`))
	ada.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+add+`"}`)
	owner.want(409, "DELETE", "/api/v1/me", `{"email":"owner@example.org"}`)
	if c := owner.want(200, "GET", "/api/v1/channels/news", ""); c["role"] != "owner" {
		t.Errorf("the owner's role after an attempt to delete the account: %v", c["role"])
	}
	owner.want(204, "POST", "/api/v1/accounts/"+id+"/own", "{}")
	owner.want(204, "DELETE", "/api/v1/me", `{"email":"owner@example.org"}`)
}

// TestQuota counts the channels that somebody owns.
func TestQuota(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	root(t, s).want(200, "PATCH", "/api/v1/settings", `{"channels":1}`)
	ada := signUp(t, s, "ada")
	ada.want(403, "POST", "/api/v1/channels", `{"slug":"one","sources":[{"name":"x","streamKey":"a-key-of-our-own-1"}]}`)
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"one"}`)
	ada.want(403, "POST", "/api/v1/channels", `{"slug":"two"}`)
	ada.want(204, "DELETE", "/api/v1/channels/one", "")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"two"}`)
}

// TestTokens lets a program do what its scopes allow.
func TestTokens(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	v := ada.want(201, "POST", "/api/v1/me/tokens", `{"name":"script","scopes":["produce"]}`)
	script := &person{t: t, s: s, headers: []string{"Authorization", "Bearer " + v["token"].(string)}}
	if c := script.want(200, "GET", "/api/v1/channels/news", ""); c["role"] != "owner" || c["sources"].([]any)[0].(map[string]any)["streamKey"] != nil {
		t.Errorf("a producing token sees %v", c)
	}
	script.want(403, "PATCH", "/api/v1/channels/news", `{"title":"x"}`)
	script.want(403, "GET", "/api/v1/me", "")
	script.want(403, "POST", "/api/v1/me/tokens", `{"name":"more","scopes":["operate"]}`)
	script.want(403, "POST", "/api/v1/channels", `{"slug":"other"}`)
	ada.want(204, "DELETE", "/api/v1/me/tokens/"+v["id"].(string), "")
	script.want(401, "GET", "/api/v1/channels/news", "")
}

// TestSources adds, renames and removes a source.
func TestSources(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	v := ada.want(201, "POST", "/api/v1/channels/news/sources", `{"name":"Balcony"}`)
	added := v["sources"].([]any)[1].(map[string]any)
	if added["name"] != "Balcony" || added["streamKey"] == "" || added["sending"] != nil {
		t.Fatalf("added: %v", added)
	}
	at := "/api/v1/channels/news/sources/" + added["id"].(string)
	if v := ada.want(200, "PATCH", at, `{"name":"Hall"}`); v["sources"].([]any)[1].(map[string]any)["name"] != "Hall" {
		t.Errorf("renamed: %v", v)
	}
	ada.want(422, "PATCH", at, `{"name":""}`)
	ada.want(200, "DELETE", at, "")
	ada.want(404, "DELETE", at, "")
	first := v["sources"].([]any)[0].(map[string]any)["id"].(string)
	ada.want(422, "DELETE", "/api/v1/channels/news/sources/"+first, "")
	for range 15 {
		ada.want(201, "POST", "/api/v1/channels/news/sources", `{"name":"More"}`)
	}
	ada.want(422, "POST", "/api/v1/channels/news/sources", `{"name":"Too many"}`)
}

// TestOtherSites has a page of another site use a visitor's cookie.
func TestOtherSites(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}} {
		status, v, _ := ask(t, s, "POST", "/api/v1/channels", `{"slug":"news"}`, append(headers, "Cookie", ada.cookie)...)
		if status != 403 || !strings.Contains(toJSON(v), "another site") {
			t.Errorf("%v: %d %v", headers, status, v)
		}
	}
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
}

// TestOperator runs the fleet.
func TestOperator(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	admin := root(t, s)
	ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
	all := admin.want(200, "GET", "/api/v1/accounts", "")["accounts"].([]any)
	ids := map[string]string{}
	for _, one := range all {
		ids[one.(map[string]any)["name"].(string)] = one.(map[string]any)["id"].(string)
	}
	if len(ids) != 2 || strings.Contains(toJSON(all), "argon2") {
		t.Fatalf("accounts: %v", all)
	}
	for _, q := range [][3]string{
		{"GET", "/api/v1/accounts", ""}, {"PATCH", "/api/v1/accounts/" + ids["bob"], `{"suspended":"x"}`}, {"DELETE", "/api/v1/accounts/" + ids["bob"], ""},
		{"POST", "/api/v1/accounts/" + ids["bob"] + "/password-link", "{}"}, {"GET", "/api/v1/settings", ""}, {"PATCH", "/api/v1/settings", `{"signUp":"open"}`},
		{"GET", "/api/v1/audit", ""}, {"POST", "/api/v1/invitations", `{"operator":true}`}, {"POST", "/api/v1/invitations", `{}`},
	} {
		ada.want(403, q[0], q[1], q[2])
	}
	admin.want(200, "PATCH", "/api/v1/accounts/"+ids["ada"], `{"operator":true}`)
	ada.want(200, "GET", "/api/v1/accounts", "")
	ada.want(200, "PATCH", "/api/v1/accounts/"+ids["bob"], `{"suspended":"spam"}`)
	if status, v := bob.ask("GET", "/api/v1/me", ""); status != 403 || !strings.Contains(toJSON(v), "spam") {
		t.Errorf("suspended: %d %v", status, v)
	}
	ada.want(200, "PATCH", "/api/v1/accounts/"+ids["bob"], `{"suspended":""}`)
	link := secretIn(ada.want(201, "POST", "/api/v1/accounts/"+ids["bob"]+"/password-link", "{}"))
	bob.want(200, "POST", "/api/v1/passwords", `{"link":"`+link+`","password":"another four words"}`)
	bob.want(200, "POST", "/api/v1/session", `{"email":"bob@example.org","password":"another four words"}`)
	bob.want(401, "POST", "/api/v1/session", `{"email":"bob@example.org","password":"four words do well"}`)
	if trail := toJSON(ada.want(200, "GET", "/api/v1/audit", "")); !strings.Contains(trail, "account.suspend") || !strings.Contains(trail, "settings.change") {
		t.Errorf("audit: %s", trail)
	}
	ada.want(204, "DELETE", "/api/v1/accounts/"+ids["bob"], "")
	bob.want(401, "GET", "/api/v1/me", "")
}

// TestEveryRoute asks every operation that needs somebody, as nobody, and as somebody without a right.
func TestEveryRoute(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	owner, stranger := signUp(t, s, "owner"), signUp(t, s, "stranger")
	owner.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	nobody := &person{t: t, s: s}
	status, api, _ := ask(t, s, "GET", "/api/v1/openapi.json", "")
	if status != 200 {
		t.Fatalf("openapi: %d", status)
	}
	tried := 0
	for path, methods := range api["paths"].(map[string]any) {
		for method, op := range methods.(map[string]any) {
			if op.(map[string]any)["security"] == nil {
				continue
			}
			tried++
			at := strings.NewReplacer("{channel}", "news", "{account}", "0123456789abcdef01234567", "{source}", "x", "{step}", "x", "{token}", "x", "{number}", "0", "{kind}", "logo", "{link}", "x", "{pile}", "abc", "{webhook}", "x", "{node}", "x").Replace(path)
			if status, v := nobody.ask(strings.ToUpper(method), at, "{}"); status != 401 || !strings.Contains(toJSON(v), "/login") {
				t.Errorf("%s %s by nobody: %d %v", method, at, status, v)
			}
			if strings.Contains(path, "{channel}") && !strings.Contains(path, "{account}") {
				if status, v := stranger.ask(strings.ToUpper(method), at, bodyFor(path)); status != 403 {
					t.Errorf("%s %s by a stranger: %d %v", method, at, status, v)
				}
			}
		}
	}
	if tried < 25 {
		t.Errorf("only %d operations need somebody", tried)
	}
}

// bodyFor is a body that is well-formed for an operation of a channel.
func bodyFor(path string) string {
	switch {
	case strings.HasSuffix(path, "/cuts"):
		return `{"source":"off"}`
	case strings.HasSuffix(path, "{channel}/sound"):
		return `{"source":""}`
	case strings.HasSuffix(path, "{source}/sound"):
		return `{"mute":true}`
	case strings.HasSuffix(path, "/steps"):
		return `{"note":"x"}`
	case strings.HasSuffix(path, "/graphics/items"):
		return `{"kind":"bug"}`
	case strings.HasSuffix(path, "/graphics/chat"):
		return `{"name":"x","text":"x"}`
	case strings.HasSuffix(path, "/steps/{step}"), strings.HasSuffix(path, "/items/{graphic}"):
		return `{"version":1}`
	case strings.HasSuffix(path, "/move"):
		return `{"after":""}`
	case strings.HasSuffix(path, "/go"):
		return `{"from":"","to":""}`
	case strings.HasSuffix(path, "/suspension"):
		return `{"reason":"x"}`
	case strings.HasSuffix(path, "/schedule"):
		return `{"zone":"UTC","filler":"a","storyboards":[]}`
	case strings.HasSuffix(path, "/links"), strings.HasSuffix(path, "/sources"), strings.HasSuffix(path, "/sources/{source}"):
		return `{"name":"x"}`
	case strings.HasSuffix(path, "/storyboards"), strings.HasSuffix(path, "/storyboards/{storyboard}"):
		return `{"name":"x","clips":[],"version":1}`
	case strings.Contains(path, "/shows"):
		return `{"title":"x","at":"2100-01-01T20:00:00Z"}`
	case strings.HasSuffix(path, "/recordings"):
		return `{"from":"1","to":"2","title":"x"}`
	case strings.HasSuffix(path, "/feeds"):
		return `{"url":"http://films.example/rss"}`
	case strings.HasSuffix(path, "/dismiss"):
		return `{"last":1}`
	case strings.HasSuffix(path, "/webhooks"):
		return `{"url":"https://example.org/"}`
	case strings.HasSuffix(path, "/chat/bans"):
		return `{"who":"x","seconds":0}`
	case strings.HasSuffix(path, "/chat/polls"):
		return `{"question":"x","options":["a","b"]}`
	case strings.HasSuffix(path, "/borrow"):
		return `{"channel":"news","storyboard":"x"}`
	}
	return "{}"
}
