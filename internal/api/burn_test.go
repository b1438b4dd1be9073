package api

import (
	"strings"
	"testing"
)

// TestBurn has only owners ask for graphics in the pictures; it is said where they are then, and noted who asked.
func TestBurn(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, bob := signUp(t, s, "ada"), signUp(t, s, "bob")
	const news = "/api/v1/channels/news"
	if c := ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`); c["burn"] != false || c["burnt"] != nil {
		t.Errorf("a new channel: %v", c)
	}
	link := secretIn(ada.want(201, "POST", "/api/v1/invitations", `{"channel":"news","role":"producer"}`))
	bob.want(200, "POST", "/api/v1/invitations/accept", `{"link":"`+link+`"}`)
	bob.want(200, "PATCH", news, `{"title":"Our news","burn":false}`)
	bob.want(403, "PATCH", news, `{"title":"My news","burn":true}`)
	if c := ada.want(200, "GET", news, ""); c["title"] != "Our news" || c["burn"] != false {
		t.Errorf("after a producer's try: %v", c)
	}
	if status, _, _ := ask(t, s, "PATCH", news, `{"burn":true}`); status != 401 {
		t.Errorf("nobody: %d", status)
	}
	if c := ada.want(200, "PATCH", news, `{"burn":true}`); c["burn"] != true || c["burnt"] != "/news/burnt/index.m3u8" {
		t.Errorf("asked for: %v", c)
	}
	bob.want(403, "PATCH", news, `{"burn":false}`)
	if _, c, _ := ask(t, s, "GET", news, ""); c["burnt"] != nil {
		t.Errorf("anybody is told: %v", c)
	}
	if trail := toJSON(ada.want(200, "GET", news+"/audit", "")); !strings.Contains(trail, "burn: false → true") {
		t.Errorf("the trail: %s", trail)
	}
	const packed = "/api/v1/channels/packed"
	if c := ada.want(201, "POST", "/api/v1/channels", `{"slug":"packed"}`); c["notice"] != nil {
		t.Errorf("nobody asked for it: %v", c["notice"])
	}
	if c := ada.want(200, "PATCH", packed, `{"burn":true}`); c["notice"] != unburnt {
		t.Errorf("there is no room for it, and its owner is told %v", c["notice"])
	}
	if _, c, _ := ask(t, s, "GET", packed, ""); c["notice"] != nil {
		t.Errorf("anybody is told: %v", c["notice"])
	}
	if c := ada.want(200, "GET", news, ""); c["notice"] != nil {
		t.Errorf("there is room for it, and its owner is told %v", c["notice"])
	}
	if c := ada.want(200, "PATCH", news, `{"burn":false}`); c["burn"] != false || c["burnt"] != nil {
		t.Errorf("given up: %v", c)
	}
}
