package api

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// theater is a channel that not everybody may watch, with its people.
type theater struct {
	t             *testing.T
	s             *httptest.Server
	api           *API
	ada, bob, eve *person
}

func newTheater(t *testing.T, body string) *theater {
	x, _ := newTheaterOn(t, body)
	return x
}

// newTheaterOn returns the bucket too that all of it is in.
func newTheaterOn(t *testing.T, body string) (*theater, bucket.Bucket) {
	s, b := serve(t, token)
	openDoor(t, s)
	x := &theater{t: t, s: s, api: s.Config.Handler.(*API), ada: signUp(t, s, "ada"), bob: signUp(t, s, "bob"), eve: &person{t: t, s: s}}
	x.ada.want(201, "POST", "/api/v1/channels", body)
	return x, b
}

// watch asks for the playlists of a channel, as a browser with a cookie and a token.
func (x *theater) watch(slug, cookie, token string) (Pass, error) {
	r := httptest.NewRequest("GET", "/"+slug+"/index.m3u8?t="+token, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return x.api.Watch(r, slug)
}

func (x *theater) channel(slug string) *channel.Channel {
	x.t.Helper()
	c, err := x.api.cfg.Channels.Get(slug)
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

// TestPrivateChannel is watched by who works on it and by whoever has a link, until that is revoked.
func TestPrivateChannel(t *testing.T) {
	x := newTheater(t, `{"slug":"vestry","title":"The vestry","visibility":"private"}`)
	x.bob.want(201, "POST", "/api/v1/channels", `{"slug":"other","visibility":"private"}`)
	for who, p := range map[string]*person{"nobody": x.eve, "somebody else": x.bob} {
		v := p.want(200, "GET", "/api/v1/channels/vestry", "")
		if v["gate"] != "private" || strings.Contains(toJSON(v), "The vestry") {
			t.Errorf("%s is told %v", who, v)
		}
		if _, err := x.watch("vestry", p.cookie, ""); !errors.Is(err, ErrPrivate) {
			t.Errorf("%s watches: %v", who, err)
		}
	}
	if v := x.eve.want(200, "GET", "/api/v1/guide", ""); strings.Contains(toJSON(v), "vestry") {
		t.Errorf("the guide shows it: %v", v)
	}
	crew, err := x.watch("vestry", x.ada.cookie, "")
	if err != nil || !crew.Private || !crew.Crew || crew.Lists == "" || crew.Media == "" {
		t.Fatalf("its owner is let in with %+v, %v", crew, err)
	}
	if again, err := x.watch("vestry", "", crew.Lists); err != nil || again != crew {
		t.Errorf("with the token of a playlist: %+v, %v, want %+v", again, err, crew)
	}
	link := x.ada.want(201, "POST", "/api/v1/channels/vestry/links", `{"name":"The bishop","hours":1}`)
	_, secret, _ := strings.Cut(link["playlist"].(string), "?t=")
	guest, err := x.watch("vestry", "", secret)
	if err != nil || guest.Crew || guest.Lists != secret || guest.Media != crew.Media {
		t.Errorf("with the link: %+v, %v", guest, err)
	}
	if v := x.eve.want(200, "GET", "/api/v1/channels/vestry?t="+secret, ""); v["title"] != "The vestry" || v["gate"] != nil || v["sources"] != nil {
		t.Errorf("with the link it is %v", v)
	}
	vestry := x.channel("vestry")
	fetch := func(c *channel.Channel, token string) error {
		return x.api.Fetch(httptest.NewRequest("GET", "/media/x", nil), c, token)
	}
	if err := fetch(vestry, guest.Media); err != nil {
		t.Errorf("media: %v", err)
	}
	for what, token := range map[string]string{"no token": "", "that of playlists": crew.Lists, "the link": secret, "a made-up one": strings.Repeat("A", 28)} {
		if err := fetch(vestry, token); !errors.Is(err, ErrPrivate) {
			t.Errorf("media with %s: %v", what, err)
		}
	}
	if err := fetch(x.channel("other"), guest.Media); !errors.Is(err, ErrPrivate) {
		t.Errorf("media with another channel's token: %v", err)
	}
	for what, token := range map[string]string{"media's token": guest.Media, "another channel's link": secret} {
		slug := map[bool]string{true: "vestry", false: "other"}[what == "media's token"]
		if _, err := x.watch(slug, "", token); !errors.Is(err, ErrPrivate) {
			t.Errorf("playlists of %s with %s: %v", slug, what, err)
		}
	}
	x.bob.want(403, "GET", "/api/v1/channels/vestry/links", "")
	if v := x.ada.want(200, "GET", "/api/v1/channels/vestry/links", "")["links"].([]any); len(v) != 1 || v[0].(map[string]any)["playlist"] != link["playlist"] {
		t.Errorf("links: %v", v)
	}
	x.ada.want(204, "DELETE", "/api/v1/channels/vestry/links/"+link["id"].(string), "")
	x.ada.want(404, "DELETE", "/api/v1/channels/vestry/links/"+link["id"].(string), "")
	if _, err := x.watch("vestry", "", secret); !errors.Is(err, ErrPrivate) {
		t.Errorf("with a revoked link: %v", err)
	}
	trail := toJSON(x.ada.want(200, "GET", "/api/v1/channels/vestry/audit", ""))
	if !strings.Contains(trail, "link.create") || !strings.Contains(trail, "link.revoke") || strings.Contains(trail, secret) {
		t.Errorf("audit trail: %s", trail)
	}
}

// TestMemberLeaves ends what somebody watches who works on a channel no more.
func TestMemberLeaves(t *testing.T) {
	x := newTheater(t, `{"slug":"vestry","visibility":"private"}`)
	link := secretIn(x.ada.want(201, "POST", "/api/v1/invitations", `{"channel":"vestry","role":"producer"}`))
	x.bob.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+link+`"}`)
	pass, err := x.watch("vestry", x.bob.cookie, "")
	if err != nil {
		t.Fatal(err)
	}
	id := x.bob.want(200, "GET", "/api/v1/me", "")["id"].(string)
	x.ada.want(200, "DELETE", "/api/v1/channels/vestry/members/"+id, "")
	for _, try := range [][2]string{{x.bob.cookie, ""}, {"", pass.Lists}} {
		if _, err := x.watch("vestry", try[0], try[1]); !errors.Is(err, ErrPrivate) {
			t.Errorf("cookie %v, token %v: %v", try[0] != "", try[1] != "", err)
		}
	}
	if err := x.api.Fetch(httptest.NewRequest("GET", "/media/x", nil), x.channel("vestry"), pass.Media); !errors.Is(err, ErrPrivate) {
		t.Errorf("media: %v", err)
	}
}

// TestBroadcastPassword lets in who knows it, until it is changed.
func TestBroadcastPassword(t *testing.T) {
	x := newTheater(t, `{"slug":"evening","title":"Evening","password":"bread and wine"}`)
	if v := x.eve.want(200, "GET", "/api/v1/channels/evening", ""); v["gate"] != "password" || v["title"] != "Evening" || v["locked"] != true || strings.Contains(toJSON(v), "argon2") {
		t.Errorf("before: %v", v)
	}
	if v := x.ada.want(200, "GET", "/api/v1/channels/evening", ""); v["password"] != true || strings.Contains(toJSON(v), "argon2") {
		t.Errorf("its owner sees %v", v)
	}
	if v := toJSON(x.eve.want(200, "GET", "/api/v1/guide", "")); !strings.Contains(v, `"locked":true`) {
		t.Errorf("the guide: %v", v)
	}
	if _, err := x.watch("evening", "", ""); !errors.Is(err, ErrPassword) {
		t.Errorf("without it: %v", err)
	}
	x.eve.want(403, "POST", "/api/v1/channels/evening/enter", `{"password":"milk"}`)
	entered := x.eve.want(200, "POST", "/api/v1/channels/evening/enter", `{"password":"bread and wine"}`)["token"].(string)
	if pass, err := x.watch("evening", "", entered); err != nil || pass.Lists != entered || pass.Crew {
		t.Errorf("with it: %+v, %v", pass, err)
	}
	if v := x.eve.want(200, "GET", "/api/v1/channels/evening?t="+entered, ""); v["gate"] != nil {
		t.Errorf("with it: %v", v)
	}
	x.ada.want(422, "PATCH", "/api/v1/channels/evening", `{"password":"short"}`)
	x.ada.want(200, "PATCH", "/api/v1/channels/evening", `{"password":"another password"}`)
	if _, err := x.watch("evening", "", entered); !errors.Is(err, ErrPassword) {
		t.Errorf("after a new password: %v", err)
	}
	x.eve.want(403, "POST", "/api/v1/channels/evening/enter", `{"password":"bread and wine"}`)
	x.ada.want(200, "PATCH", "/api/v1/channels/evening", `{"visibility":"private"}`)
	x.eve.want(409, "POST", "/api/v1/channels/evening/enter", `{"password":"another password"}`)
	x.ada.want(200, "PATCH", "/api/v1/channels/evening", `{"visibility":"unlisted","password":""}`)
	if pass, err := x.watch("evening", "", ""); err != nil || pass != (Pass{}) {
		t.Errorf("without a password: %+v, %v", pass, err)
	}
	if trail := toJSON(x.ada.want(200, "GET", "/api/v1/channels/evening/audit", "")); !strings.Contains(trail, "password: taken away") || strings.Contains(trail, "argon2") {
		t.Errorf("audit trail: %s", trail)
	}
}

// TestGuessing holds back who tries passwords and playback tokens.
func TestGuessing(t *testing.T) {
	x := newTheater(t, `{"slug":"evening","password":"bread and wine"}`)
	last := 0
	for range 8 {
		last, _ = x.eve.ask("POST", "/api/v1/channels/evening/enter", `{"password":"guess"}`)
	}
	if last != 429 {
		t.Errorf("the eighth password in a row: %d", last)
	}
	var err error
	for range 70 {
		if _, err = x.watch("evening", "", strings.Repeat("B", 28)); errors.Is(err, account.ErrOften) {
			break
		}
	}
	if !errors.Is(err, account.ErrOften) {
		t.Errorf("the seventieth token in a row: %v", err)
	}
	if pass, err := x.watch("evening", x.ada.cookie, ""); err != nil || !pass.Crew {
		t.Errorf("who shares the address is shut out: %v", err)
	}
}

// TestViewerLimit tells the gate how many may watch, and who is let in anyway.
func TestViewerLimit(t *testing.T) {
	x := newTheater(t, `{"slug":"small","viewerLimit":3}`)
	for cookie, crew := range map[string]bool{"": false, x.bob.cookie: false, x.ada.cookie: true} {
		if pass, err := x.watch("small", cookie, ""); err != nil || pass != (Pass{Limit: 3, Crew: crew}) {
			t.Errorf("cookie %v: %+v, %v", cookie != "", pass, err)
		}
	}
	x.ada.want(422, "PATCH", "/api/v1/channels/small", `{"viewerLimit":-1}`)
}

// TestSuspension takes a channel away from everybody but its people, who read why.
func TestSuspension(t *testing.T) {
	x := newTheater(t, `{"slug":"spam","title":"Spam"}`)
	x.ada.want(403, "PUT", "/api/v1/channels/spam/suspension", `{"reason":"mine"}`)
	root(t, x.s).want(204, "PUT", "/api/v1/channels/spam/suspension", `{"reason":"It sells things"}`)
	for _, p := range []*person{x.eve, x.bob} {
		p.want(404, "GET", "/api/v1/channels/spam", "")
		p.want(404, "POST", "/api/v1/channels/spam/enter", `{"password":"x"}`)
		p.want(404, "POST", "/api/v1/channels/spam/reports", `{"reason":"fraud"}`)
		p.want(404, "GET", "/spam", "")
	}
	for _, cookie := range []string{"", x.ada.cookie} {
		if _, err := x.watch("spam", cookie, ""); !errors.Is(err, channel.ErrNotFound) {
			t.Errorf("watched: %v", err)
		}
	}
	if err := x.api.Fetch(httptest.NewRequest("GET", "/media/x", nil), x.channel("spam"), ""); !errors.Is(err, channel.ErrNotFound) {
		t.Errorf("media: %v", err)
	}
	if v := toJSON(x.eve.want(200, "GET", "/api/v1/guide", "")); strings.Contains(v, "spam") {
		t.Errorf("the guide: %s", v)
	}
	if v := x.ada.want(200, "GET", "/api/v1/channels/spam", ""); v["suspended"] != "It sells things" {
		t.Errorf("its owner reads %v", v)
	}
	if v := toJSON(root(t, x.s).want(200, "GET", "/api/v1/reports", "")["suspended"]); !strings.Contains(v, "It sells things") {
		t.Errorf("operators see %s", v)
	}
	root(t, x.s).want(204, "DELETE", "/api/v1/channels/spam/suspension", "")
	x.eve.want(200, "GET", "/api/v1/channels/spam", "")
	for _, at := range []string{"/api/v1/audit", "/api/v1/channels/spam/audit"} {
		if v := toJSON(root(t, x.s).want(200, "GET", at, "")); strings.Count(v, "channel.suspend") != 2 {
			t.Errorf("%s: %s", at, v)
		}
	}
}

// TestReports are read and answered by an operator.
func TestReports(t *testing.T) {
	x := newTheater(t, `{"slug":"spam","title":"Spam"}`)
	x.eve.want(422, "POST", "/api/v1/channels/spam/reports", `{"reason":"boring"}`)
	x.eve.want(422, "POST", "/api/v1/channels/spam/reports", `{"reason":"fraud","email":"nobody"}`)
	x.eve.want(202, "POST", "/api/v1/channels/spam/reports", `{"reason":"fraud","words":"<script>alert(1)</script>","email":"eve@example.org"}`)
	x.ada.want(403, "GET", "/api/v1/reports", "")
	admin := root(t, x.s)
	pile := admin.want(200, "GET", "/api/v1/reports", "")["reports"].([]any)[0].(map[string]any)
	one := pile["reports"].([]any)[0].(map[string]any)
	if pile["slug"] != "spam" || pile["title"] != "Spam" || one["email"] != "eve@example.org" || one["reason"] != "fraud" {
		t.Errorf("operators read %v", pile)
	}
	at := "/api/v1/reports/" + pile["channel"].(string) + "/dismiss"
	x.ada.want(403, "POST", at, `{"last":1}`)
	admin.want(204, "POST", at, `{"last":1}`)
	if v := admin.want(200, "GET", "/api/v1/reports", "")["reports"].([]any); len(v) != 0 {
		t.Errorf("left: %v", v)
	}
	last := 0
	for range 8 {
		last, _ = x.eve.ask("POST", "/api/v1/channels/spam/reports", `{"reason":"fraud"}`)
	}
	if last != 429 {
		t.Errorf("the ninth report in a row: %d", last)
	}
}

// TestProfile stores what a channel says of itself in one form, and refuses what is none.
func TestProfile(t *testing.T) {
	x := newTheater(t, `{"slug":"news","category":"news","language":"PT-br","tags":["#Local News","local-news","Café"],"accent":"#0B7285"}`)
	v := x.eve.want(200, "GET", "/api/v1/channels/news", "")
	if v["language"] != "pt-BR" || toJSON(v["tags"]) != `["local-news","café"]` || v["accent"] != "#0b7285" || v["category"] != "news" {
		t.Errorf("stored: %v", v)
	}
	for body, says := range map[string]string{
		`{"category":"nonsense"}`: "category", `{"language":"not a language"}`: "BCP 47", `{"tags":["<b>"]}`: "letters and digits",
		`{"accent":"red"}`: "#0b7285", `{"accent":"javascript:alert(1)"}`: "", `{"visibility":"secret"}`: "visibility",
		`{"tags":["a1","a2","a3","a4","a5","a6","a7","a8","a9","a10","a11"]}`: "at most 10",
	} {
		if v := toJSON(x.ada.want(422, "PATCH", "/api/v1/channels/news", body)); !strings.Contains(v, says) {
			t.Errorf("%s: %s", body, v)
		}
	}
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"listed":false}`)
	if v := x.ada.want(200, "GET", "/api/v1/channels/news", ""); v["visibility"] != "unlisted" || v["listed"] != false {
		t.Errorf("by the short form: %v", v)
	}
}

// TestQuotas bounds what a channel's people may have.
func TestQuotas(t *testing.T) {
	x := newTheater(t, `{"slug":"news"}`)
	admin := root(t, x.s)
	admin.want(200, "PATCH", "/api/v1/settings", `{"sources":1,"hours":3,"noKeep":true}`)
	x.ada.want(403, "POST", "/api/v1/channels/news/sources", `{"name":"More"}`)
	x.ada.want(403, "PATCH", "/api/v1/channels/news", `{"dvrWindow":14400}`)
	x.ada.want(403, "PATCH", "/api/v1/channels/news", `{"keep":true}`)
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"dvrWindow":10800}`)
	admin.want(200, "PATCH", "/api/v1/channels/news", `{"dvrWindow":14400,"keep":true}`)
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"title":"Still mine"}`)
	admin.want(422, "PATCH", "/api/v1/settings", `{"hours":1000}`)
}

// TestMarkup keeps what people write from becoming a part of the page, and of a private channel says nothing in it.
func TestMarkup(t *testing.T) {
	const markup = `</title><script>alert(1)</script>\"><img src=x onerror=alert(1)>`
	x := newTheater(t, `{"slug":"news","title":"`+markup+`","description":"`+markup+`"}`)
	page := func() string {
		t.Helper()
		resp, err := x.s.Client().Get(x.s.URL + "/news")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Fatalf("%d %v %v", resp.StatusCode, resp.Header, err)
		}
		return string(text)
	}
	if text := page(); strings.Contains(text, "<script>") || strings.Contains(text, "<img") || !strings.Contains(text, "&lt;script&gt;") {
		t.Errorf("the page: %s", text[:600])
	}
	for _, field := range []string{`{"name":"` + markup + `"}`, `{"name":"\u0000"}`} {
		status, v := x.ada.ask("POST", "/api/v1/channels/news/links", field)
		if status != 201 && status != 422 {
			t.Errorf("a link named %s: %d %v", field, status, v)
		}
	}
	x.ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private","title":"The secret meeting"}`)
	if text := page(); strings.Contains(text, "secret meeting") {
		t.Errorf("the page of a private channel: %s", text[:600])
	}
}

func pixels(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestImages serves an image that was made anew, and nothing else.
func TestImages(t *testing.T) {
	x := newTheater(t, `{"slug":"news"}`)
	x.bob.want(403, "PUT", "/api/v1/channels/news/images/logo", pixels(t))
	x.ada.want(422, "PUT", "/api/v1/channels/news/images/logo", "<svg onload='alert(1)'>")
	x.ada.want(413, "PUT", "/api/v1/channels/news/images/logo", strings.Repeat("x", 6<<20))
	at := x.ada.want(200, "PUT", "/api/v1/channels/news/images/logo", pixels(t)+"<script>alert(1)</script>")["logo"].(string)
	status, _, resp := ask(t, x.s, "GET", at, "")
	h := resp.Header
	if status != 200 || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", at, status, h)
	}
	for _, other := range []string{"/assets/channels/news/", "/assets/channels/other" + at[len("/assets/channels/news"):], at + "x", "/assets/channels/news/../../../fleet/key"} {
		if status, _, _ := ask(t, x.s, "GET", other, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", other, status)
		}
	}
	root(t, x.s).want(204, "PUT", "/api/v1/channels/news/suspension", `{"reason":"x"}`)
	x.eve.want(404, "GET", at, "")
	x.ada.want(200, "GET", at, "")
	root(t, x.s).want(204, "DELETE", "/api/v1/channels/news/suspension", "")
	x.ada.want(200, "DELETE", "/api/v1/channels/news/images/logo", "")
	if status, _, _ := ask(t, x.s, "GET", at, ""); status != 404 {
		t.Errorf("removed: %d", status)
	}
}
