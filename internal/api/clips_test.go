package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestClips makes clips and storyboards as people with different rights, and says what each is answered.
func TestClips(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, eve := signUp(t, s, "ada"), signUp(t, s, "eve")
	nobody := &person{t: t, s: s}
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	eve.want(201, "POST", "/api/v1/channels", `{"slug":"other"}`)
	const clips, boards = "/api/v1/channels/news/clips", "/api/v1/channels/news/storyboards"

	c := ada.want(201, "POST", clips, `{"file":"<script>alert(1)</script>.mp4","bytes":5}`)
	at := clips + "/" + c["id"].(string)
	if c["state"] != "uploading" || c["upload"] != at+"/upload" || c["origin"] != "upload" {
		t.Errorf("made: %v", c)
	}
	b := ada.want(201, "POST", boards, `{"name":"Morning","clips":[{"clip":"`+c["id"].(string)+`"}]}`)
	board := boards + "/" + b["id"].(string)
	for _, o := range []struct{ method, path, body string }{
		{"GET", clips, ""}, {"POST", clips, `{"file":"a","bytes":1}`}, {"GET", at, ""}, {"PATCH", at, `{"title":"x"}`}, {"DELETE", at, ""},
		{"GET", at + "/index.m3u8", ""}, {"GET", at + "/poster/1", ""}, {"GET", at + "/download", ""}, {"PATCH", at + "/upload", "x"}, {"HEAD", at + "/upload", ""},
		{"GET", boards, ""}, {"POST", boards, `{"name":"x","clips":[]}`}, {"GET", board, ""}, {"PUT", board, `{"name":"x","clips":[],"version":1}`}, {"DELETE", board, ""},
		{"POST", boards + "/borrow", `{"channel":"other","storyboard":"x"}`},
	} {
		nobody.want(401, o.method, o.path, o.body)
		eve.want(403, o.method, o.path, o.body)
	}
	ada.want(404, "GET", at+"/index.m3u8", "")
	ada.want(404, "GET", at+"/poster/1", "")
	ada.want(404, "GET", at+"/poster/../../x", "")
	ada.want(404, "GET", clips+"/0000000000000000", "")
	ada.want(404, "GET", clips+"/..%2f..%2fx", "")
	for _, bad := range []string{`{"file":"a","bytes":0}`, `{"file":"a","bytes":99999999999999}`, `{"file":"a\u0000","bytes":1}`, `{"file":"a","bytes":1,"title":"` + strings.Repeat("x", 121) + `"}`, `{"file":"a","bytes":1,"seconds":9999}`} {
		ada.want(422, "POST", clips, bad)
	}
	for _, bad := range []string{"file:///etc/passwd", "http://user:password@example.org/a.mp4", "ftp://example.org/a", "nothing"} {
		ada.want(422, "POST", clips, `{"url":"`+bad+`"}`)
	}
	if v := ada.want(409, "POST", clips, `{"file":"a","bytes":2000000}`); !strings.Contains(v["detail"].(string), "library is full") {
		t.Errorf("too much: %v", v)
	}
	ada.want(409, "PATCH", at, `{"in":1}`)
	if v := ada.want(200, "PATCH", at, `{"title":"<b>News</b>","tags":["a","a"]}`); v["title"] != "<b>News</b>" || len(v["tags"].([]any)) != 1 {
		t.Errorf("changed: %v", v)
	}
	if v := ada.want(200, "PUT", board, `{"name":"Evening","clips":[],"shared":true,"version":1}`); v["version"] != 2.0 {
		t.Errorf("storyboard: %v", v)
	}
	ada.want(409, "PUT", board, `{"name":"Late","clips":[],"version":1}`)
	ada.want(403, "PUT", board, `{"name":"Late","clips":[{"channel":"other","clip":"0000000000000000"}],"version":2}`)
	borrowed := eve.want(200, "POST", "/api/v1/channels/other/storyboards/borrow", fmt.Sprintf(`{"channel":"news","storyboard":%q}`, b["id"]))
	if list := borrowed["storyboards"].([]any); len(list) != 1 || list[0].(map[string]any)["channel"] != "news" || list[0].(map[string]any)["borrowed"] != true {
		t.Errorf("borrowed: %v", borrowed)
	}
	eve.want(404, "PUT", "/api/v1/channels/other/storyboards/"+b["id"].(string), `{"name":"Mine","clips":[],"version":2}`)
	ada.want(204, "DELETE", board, "")
	ada.want(204, "DELETE", at, "")
	ada.want(404, "GET", at, "")

	request, err := http.NewRequest("PATCH", s.URL+at+"/upload", strings.NewReader("12345"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", ada.cookie)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 403 {
		t.Errorf("a page of another site sends a file: %s", answer.Status)
	}
}

func TestFileName(t *testing.T) {
	for title, want := range map[string]string{"News": "News", "../../etc/passwd": "-..-etc-passwd", `a"b\c`: "a-b-c", " . ": "clip", "Späte\r\nNachricht": "Späte--Nachricht"} {
		if got := fileName(title); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}
