package api

import (
	"fmt"
	"net/http"
	"testing"
)

// told answers previews with what was asked for.
type told struct{}

func (told) ServePreview(w http.ResponseWriter, _ *http.Request, slug, take, rendition string, pass Pass) {
	if pass.Media != "" {
		take += " signed"
	}
	fmt.Fprintf(w, `{"slug":%q,"take":%q,"rendition":%q}`, slug, take, rendition)
}

// TestPreviews asks for what a source sends, as people who work on the channel and as others.
func TestPreviews(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, bob, nobody := signUp(t, s, "ada"), signUp(t, s, "bob"), &person{t: t, s: s}
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	const at = "/studio/news/takes/abc/index.m3u8"
	nobody.want(401, "GET", at, "")
	bob.want(403, "GET", at, "")
	ada.want(404, "GET", "/studio/other/takes/abc/index.m3u8", "")
	ada.want(404, "GET", "/studio/news/takes/abc/index.txt", "")
	if v := ada.want(200, "GET", at, ""); v["slug"] != "news" || v["take"] != "abc" || v["rendition"] != "" {
		t.Errorf("asked for %v", v)
	}
	if v := root(t, s).want(200, "GET", "/studio/news/takes/abc/main.m3u8", ""); v["rendition"] != "main" {
		t.Errorf("asked for %v", v)
	}
}
