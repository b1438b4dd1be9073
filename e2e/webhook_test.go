package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// hook is a program that a channel's webhook tells, written as the producer's guide says: it checks the signature of each
// message, and knows by the id what it has been told already.
type hook struct {
	t      *testing.T
	secret []byte

	mu   sync.Mutex
	told map[string][]string // ids by kind of event
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	id, stamp := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, h.secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); err != nil || r.Header.Get("Webhook-Signature") != want {
		h.t.Errorf("%s is signed %s, want %s (%v)", body, r.Header.Get("Webhook-Signature"), want, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var e struct {
		ID, Type string
		Channel  struct{ Slug string }
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID != id || e.Channel.Slug != "news" {
		h.t.Errorf("told %s, %v", body, err)
	}
	h.told[e.Type] = append(h.told[e.Type], id)
}

// heard returns the ids of the events of a kind, as often as they came.
func (h *hook) heard(kind string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.told[kind]...)
}

// TestWebhook tells a real receiver when a channel goes on and off air: once each, signed, also when the node dies that
// took the channel in and that may have looked after its webhooks. The receiver stands in a network that the operator
// allows; a webhook that leads elsewhere inside is refused.
func TestWebhook(t *testing.T) {
	t.Parallel()
	h := &hook{t: t, told: map[string][]string{}}
	receiver := httptest.NewServer(h)
	defer receiver.Close()
	nodes := webhookFleet(t)
	first := nodes[0]
	key := first.channel("news")
	status, body := first.admin("POST", "/api/v1/channels/news/webhooks", fmt.Sprintf(`{"url":%q,"events":["air.on","air.off"]}`, receiver.URL+"/hook"))
	var made struct{ ID, Secret string }
	if status != http.StatusCreated || json.Unmarshal(body, &made) != nil {
		t.Fatalf("add a webhook: %d %s", status, body)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made.Secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h.secret = secret
	var answer struct {
		OK   bool
		Said string
	}
	test := func(id string) {
		t.Helper()
		if status, body = first.admin("POST", "/api/v1/channels/news/webhooks/"+id+"/test", `{}`); status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
			t.Fatalf("test a webhook: %d %s", status, body)
		}
	}
	if test(made.ID); !answer.OK || len(h.heard("test")) != 1 {
		t.Errorf("a test: %s", body)
	}
	_, body = first.admin("POST", "/api/v1/channels/news/webhooks", `{"url":"http://169.254.169.254/latest/meta-data/"}`)
	var inside struct{ ID string }
	if err := json.Unmarshal(body, &inside); err != nil {
		t.Fatal(err)
	}
	if test(inside.ID); answer.OK || !strings.Contains(answer.Said, "not public") {
		t.Errorf("the metadata service was asked: %s", body)
	}

	encoder := camera(t, key, "320x180", "10", "440")
	first.until("the receiver is told that it is on air", 30*time.Second, func() bool { return len(h.heard("air.on")) > 0 })
	// A node that dies between telling and noting that leaves it to the next one, which tells the same event again.
	first.until("that is noted", 10*time.Second, func() bool {
		_, body := first.admin("GET", "/api/v1/channels/news/webhooks", "")
		return strings.Contains(string(body), `"type":"air.on"`)
	})
	first.process.kill()
	encoder.kill()
	nodes[1].until("the receiver is told that it is off air", 45*time.Second, func() bool { return len(h.heard("air.off")) > 0 })
	for _, kind := range []string{"air.on", "air.off"} {
		if ids := h.heard(kind); len(ids) != 1 {
			t.Errorf("told %s %d times: %v", kind, len(ids), ids)
		}
	}
}

// webhookFleet starts three nodes on one directory, each with a receiver's network allowed.
func webhookFleet(t *testing.T) []*node {
	t.Helper()
	data := t.TempDir()
	var nodes []*node
	for range 3 {
		nodes = append(nodes, newNode(t, data, "--fetch-allow", "127.0.0.0/8"))
	}
	for _, n := range nodes {
		n.until("it sees the others", 20*time.Second, func() bool { return n.sees() == len(nodes) })
	}
	return nodes
}
