package api

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

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
// service could take, and channels that not everybody may watch.
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
}

// TestSubscribeOften has one address subscribe, and look, as often as it may at once and no more: the one does not count for
// the other, each says when to come again, and another address is none the worse for it.
func TestSubscribeOften(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	signUp(t, s, "ada").want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point := base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes())
	const at, other = "/api/v1/channels/news/subscribers", "/00000000000000000000000000000000"
	api, n := s.Config.Handler, 0
	begin := time.Now()
	// ask returns what an address is answered, and how often it was asked for.
	ask := func(from, method, path string) *httptest.ResponseRecorder {
		n++
		body := fmt.Sprintf(`{"endpoint":"https://push.example.org/send/%d","keys":{"p256dh":%q,"auth":"AAECAwQFBgcICQoLDA0ODw"}}`, n, point)
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.RemoteAddr = from + ":1024"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	// spend asks until it is refused, which it is in time, and not before.
	spend := func(burst int, pause time.Duration, want int, f func(i int) *httptest.ResponseRecorder) {
		t.Helper()
		for i := range 2 * burst {
			switch w := f(i); {
			case w.Code == want && i < burst+int(time.Since(begin)/pause):
			case w.Code == 429 && i >= burst:
				if wait, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || wait < 1 || wait > int(pause.Seconds())+1 || !strings.Contains(w.Body.String(), "wait") {
					t.Errorf("refused with %v, %s", w.Header(), w.Body)
				}
				return
			default:
				t.Fatalf("request %d: %d %s", i, w.Code, w.Body)
			}
		}
		t.Errorf("%d at once are not too many", 2*burst)
	}
	const one, two = "192.0.2.1", "192.0.2.2"
	spend(20, 10*time.Second, 204, func(int) *httptest.ResponseRecorder { return ask(one, "POST", at) })
	spend(60, time.Second, 404, func(i int) *httptest.ResponseRecorder {
		return ask(one, []string{"GET", "DELETE"}[i%2], at+other)
	})
	if w := ask(two, "POST", at); w.Code != 204 {
		t.Errorf("another address subscribes: %d %s", w.Code, w.Body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if w := ask(two, method, at+other); w.Code != 404 {
			t.Errorf("another address: %s %d %s", method, w.Code, w.Body)
		}
		if w := ask(one, method, at+other); w.Code != 429 && time.Since(begin) < time.Second {
			t.Errorf("%s after too many: %d", method, w.Code)
		}
	}
}
