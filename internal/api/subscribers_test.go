package api

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webpush"
)

func webPushFor(docs *bucket.Documents, channels *channel.Store) *webpush.Sender {
	s := webpush.New(webpush.Config{
		Docs: docs, Node: "node", Lives: channels.Lives, Mine: func(string) bool { return false },
		Mark: func(ctx context.Context, slug string) error {
			_, err := channels.Update(ctx, slug, func(c *channel.Channel) error { c.Subscribed = true; return nil })
			return err
		},
	})
	channels.Watch(s.Changed)
	return s
}

// TestSubscribers has a browser told of a channel and told no more, whoever's browser it is, and refuses what no push
// service could take, channels that not everybody may watch, and who comes too often.
func TestSubscribers(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, viewer := signUp(t, s, "ada"), &person{t: t, s: s}
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	if key, err := base64.RawURLEncoding.DecodeString(viewer.want(200, "GET", "/api/v1/push-key", "")["key"].(string)); err != nil || len(key) != 65 {
		t.Errorf("the key has %d bytes, %v", len(key), err)
	}
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point := base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes())
	const endpoint, at = "https://push.example.org/send/abc", "/api/v1/channels/news/subscribers"
	sum := sha256.Sum256([]byte(endpoint))
	mine := at + "/" + hex.EncodeToString(sum[:16])
	body := func(endpoint, point, auth string) string {
		return fmt.Sprintf(`{"endpoint":%q,"keys":{"p256dh":%q,"auth":%q},"expirationTime":null}`, endpoint, point, auth)
	}
	const auth = "AAECAwQFBgcICQoLDA0ODw"
	if status, _, resp := ask(t, s, "GET", "/notify.js", ""); status != 200 || resp.Header.Get("Cache-Control") != "no-cache" || resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the service worker: %d %v", status, resp.Header)
	}
	viewer.want(404, "GET", mine, "")
	for _, bad := range []string{
		body("http://push.example.org/x", point, auth), body("push", point, auth), body("https://a:b@push.example.org/", point, auth),
		body(endpoint, point[:80], auth), body(endpoint, "B"+point[2:]+"A", auth), body(endpoint, point, "AAEC"), body(endpoint, "", ""),
		fmt.Sprintf(`{"endpoint":%q,"keys":{"p256dh":%q,"auth":%q},"expirationTime":1000}`, endpoint, point, auth),
	} {
		viewer.want(422, "POST", at, bad)
	}
	viewer.want(204, "POST", at, body(endpoint, point, auth))
	viewer.want(204, "POST", at, body(endpoint, point, auth))
	viewer.want(204, "GET", mine, "")
	viewer.want(404, "GET", at+"/"+"00000000000000000000000000000000", "")
	viewer.want(404, "DELETE", at+"/x", "")

	ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"private"}`)
	viewer.want(403, "POST", at, body(endpoint, point, auth))
	viewer.want(403, "GET", mine, "")
	viewer.want(204, "DELETE", mine, "")
	viewer.want(404, "DELETE", mine, "")
	ada.want(200, "PATCH", "/api/v1/channels/news", `{"visibility":"listed"}`)
	viewer.want(404, "GET", mine, "")
	for n := range 30 {
		if status, _ := viewer.ask("POST", at, body(fmt.Sprint(endpoint, n), point, auth)); status == 429 {
			return
		}
	}
	t.Error("one visitor may have thirty browsers told at once")
}
