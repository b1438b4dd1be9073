package api

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// rightOf says what right an operation of a channel takes, where it is more than to see the channel: the table that the
// walk compares the answers with. An operation that is not here is walked by strangers alone.
var rightOf = map[string]account.Action{
	"change-channel": account.Change, "delete-channel": account.Delete, "add-source": account.Change, "rename-source": account.Change,
	"remove-source": account.Change, "rotate-key": account.Keys, "cut": account.Cut,
	"add-step": account.Cut, "change-step": account.Cut, "move-step": account.Cut, "remove-step": account.Cut, "go-to-step": account.Cut,
	"list-webhooks": account.Change, "add-webhook": account.Change, "change-webhook": account.Change, "rotate-webhook": account.Change, "test-webhook": account.Change, "remove-webhook": account.Change,
	"set-emote": account.Change, "remove-emote": account.Change,
	"figures": account.See, "figures-csv": account.See, "get-rundown": account.See,
}

// operations reads all operations of the API from its own document.
func operations(t *testing.T, ask func(method, path, body string) (int, map[string]any)) map[string]op {
	t.Helper()
	status, doc := ask("GET", "/api/v1/openapi.json", "")
	if status != 200 {
		t.Fatalf("openapi: %d", status)
	}
	out := map[string]op{}
	for path, methods := range doc["paths"].(map[string]any) {
		for method, o := range methods.(map[string]any) {
			o := o.(map[string]any)
			out[o["operationId"].(string)] = op{strings.ToUpper(method), path, o["security"] != nil, o["tags"].([]any)[0].(string)}
		}
	}
	return out
}

type op struct {
	method, path string
	secured      bool
	tag          string
}

// at fills in an operation's address.
func (o op) at(slug, account string) string {
	parts := strings.Split(o.path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = map[string]string{"{channel}": slug, "{account}": account, "{pile}": "abc", "{number}": "0", "{kind}": "logo"}[p]
			if parts[i] == "" {
				parts[i] = "x"
			}
		}
	}
	return strings.Join(parts, "/")
}

// TestWalk asks for every operation of the API as nobody, with a token that is none, as people with a lesser role, as the
// owner of another channel and with that one's token, with tokens of too little scope, and for the server's own with no
// operator's right. Whoever may not is told so, whatever is asked for.
func TestWalk(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	owner, moderator, other := signUp(t, s, "owner"), signUp(t, s, "moderator"), signUp(t, s, "other")
	owner.want(201, "POST", "/api/v1/channels", `{"slug":"news","title":"News"}`)
	other.want(201, "POST", "/api/v1/channels", `{"slug":"rival"}`)
	moderator.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+secretIn(owner.want(201, "POST", "/api/v1/invitations", `{"channel":"news","role":"moderator"}`))+`"}`)
	tokenOf := func(p *person, scope string) *person {
		v := p.want(201, "POST", "/api/v1/me/tokens", `{"name":"`+scope+`","scopes":["`+scope+`"]}`)
		return &person{t: t, s: s, headers: []string{"Authorization", "Bearer " + v["token"].(string)}}
	}
	reader, producer, rival := tokenOf(owner, "read"), tokenOf(owner, "produce"), tokenOf(other, "manage")
	nobody, forged := &person{t: t, s: s}, &person{t: t, s: s, headers: []string{"Authorization", "Bearer mf_not-a-token"}}
	someone := moderator.want(200, "GET", "/api/v1/me", "")["id"].(string)
	all := operations(t, nobody.ask)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		o := all[id]
		at, body := o.at("news", someone), bodyFor(o.path)
		refused := func(who string, p *person, want int) {
			t.Helper()
			if status, v := p.ask(o.method, at, body); status != want {
				t.Errorf("%s (%s %s) by %s: %d %.200v, want %d", id, o.method, at, who, status, v, want)
			}
		}
		if !o.secured {
			continue
		}
		refused("nobody", nobody, 401)
		// Of wrong tokens so many are taken from one address, then it is held back.
		if status, _ := forged.ask(o.method, at, body); status != 401 && status != 429 {
			t.Errorf("%s with a token that is none: %d", id, status)
		}
		switch {
		case strings.Contains(o.path, "{channel}") && !strings.Contains(o.path, "{account}"):
			refused("the owner of another channel", other, 403)
			refused("another channel's token", rival, 403)
			if do, known := rightOf[id]; known {
				c, err := s.Config.Handler.(*API).cfg.Channels.Get("news")
				if err != nil {
					t.Fatalf("%s: the channel is gone: %v", id, err)
				}
				for who, x := range map[string]struct {
					p    *person
					role channel.Role
					as   *account.Caller
				}{
					"a moderator": {moderator, channel.Moderator, nil}, "a token to read": {reader, channel.Owner, &account.Caller{Scopes: []account.Scope{account.ScopeRead}}},
					"a token to produce": {producer, channel.Owner, &account.Caller{Scopes: []account.Scope{account.ScopeProduce}}},
				} {
					caller := x.as
					if caller == nil {
						caller = &account.Caller{}
					}
					id := "someone"
					caller.Account = &account.Account{ID: id}
					copied := *c
					copied.Members = []channel.Member{{Account: id, Role: x.role}}
					if !caller.May(do, &copied) {
						refused(who, x.p, 403)
					}
				}
			}
		case o.tag == "operator":
			refused("an owner who is no operator", owner, 403)
			refused("a token to read", reader, 403)
		}
	}
	if me := moderator.want(200, "GET", "/api/v1/me", ""); me["operator"] != false {
		t.Errorf("the walk gave somebody a right: %v", me)
	}
	for id := range rightOf {
		if all[id].path == "" {
			t.Errorf("there is no operation %s", id)
		}
	}
	if c := owner.want(200, "GET", "/api/v1/channels/news", ""); c["title"] != "News" || len(c["sources"].([]any)) != 1 {
		t.Errorf("the walk changed the channel: %v", c)
	}
}

// TestForgery asks for every operation that changes something from a page of another site, with the cookie of a person who
// may: nothing is done.
func TestForgery(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	tried := 0
	for id, o := range operations(t, (&person{t: t, s: s}).ask) {
		if o.method == http.MethodGet || !o.secured {
			continue
		}
		tried++
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example.com"}} {
			status, v, _ := ask(t, s, o.method, o.at("news", "0123456789abcdef01234567"), bodyFor(o.path), append(headers, "Cookie", ada.cookie)...)
			if status != 403 || !strings.Contains(toJSON(v), "another site") {
				t.Errorf("%s with %v: %d %.200v", id, headers, status, v)
			}
		}
	}
	if tried < 30 {
		t.Errorf("only %d operations change something", tried)
	}
	ada.want(200, "GET", "/api/v1/channels/news", "")
}

// TestMarkupEverywhere writes HTML into every field that people fill in, and reads every page and table: it is a part of
// none. What is JSON says that it is, and no browser guesses otherwise.
func TestMarkupEverywhere(t *testing.T) {
	const markup = `</title></script><script>alert(1)</script>\"><img src=x onerror=alert(1)>`
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news","title":"`+markup+`","description":"`+markup+`"}`)
	for path, body := range map[string]string{
		"POST /channels/news/sources": `{"name":"` + markup + `"}`, "POST /channels/news/links": `{"name":"` + markup + `"}`,
		"POST /channels/news/rundown/steps": `{"note":"` + markup + `"}`, "POST /channels/news/webhooks": `{"url":"https://example.org/` + markup + `"}`,
		"POST /channels/news/storyboards": `{"name":"` + markup + `","clips":[]}`, "POST /channels/news/clips": `{"file":"` + markup + `.mp4","bytes":5}`,
		"POST /channels/news/reports": `{"reason":"fraud","words":"` + markup + `"}`, "PATCH /channels/news": `{"tags":["` + markup + `"]}`, "PATCH /me": `{"name":"` + markup + `"}`,
	} {
		method, at, _ := strings.Cut(path, " ")
		if status, v := ada.ask(method, "/api/v1"+at, body); status >= 500 || status == 401 || status == 403 {
			t.Errorf("%s: %d %v", path, status, v)
		}
	}
	pages := []string{"/", "/news", "/news/embed", "/studio", "/studio/news", "/studio/news/library", "/studio/news/figures", "/studio/news/camera", "/operate", "/login", "/api/docs", "/nothing-here"}
	for id, o := range operations(t, (&person{t: t, s: s}).ask) {
		if o.method == http.MethodGet && id != "events" {
			pages = append(pages, o.at("news", "0123456789abcdef01234567"))
		}
	}
	for _, path := range pages {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", ada.cookie)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		kind := resp.Header.Get("Content-Type")
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: a browser may guess what it is", path)
		}
		if strings.Contains(kind, "json") || strings.HasPrefix(kind, "text/csv") {
			continue
		}
		if strings.Contains(string(text), "<script>alert") || strings.Contains(string(text), "<img src=x") {
			t.Errorf("%s (%s) has it as it was written: %.300s", path, kind, text)
		}
	}
}
