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
	told map[string]map[string]bool // ids by kind of event
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
	if h.told[e.Type] == nil {
		h.told[e.Type] = map[string]bool{}
	}
	h.told[e.Type][id] = true
}

// heard returns how many events of a kind it was told of; one that came twice under its id is one.
func (h *hook) heard(kind string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.told[kind])
}

// offAirIn is how long it may take at most until a receiver is told that a channel is off air whose node died. That node
// may have died after it told that the channel is on air and before it noted that; then nobody else tells anything for
// the 45 s of its lease, looks within 2 s of that, and tells both. The rest is for a slow machine.
const offAirIn = 60 * time.Second

// TestWebhook tells a real receiver when a channel goes on and off air: signed, and each under one id, also when the node
// dies that took the channel in and that may have looked after its webhooks. If it dies before it has noted what it told,
// that comes again under the same id. The receiver stands in a network that the operator allows; a webhook that leads
// elsewhere inside is refused.
func TestWebhook(t *testing.T) {
	t.Parallel()
	h := &hook{t: t, told: map[string]map[string]bool{}}
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
	if test(made.ID); !answer.OK || h.heard("test") != 1 {
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
	first.until("the receiver is told that it is on air", 30*time.Second, func() bool { return h.heard("air.on") > 0 })
	first.process.kill()
	encoder.kill()
	nodes[1].until("the receiver is told that it is off air", offAirIn, func() bool { return h.heard("air.off") > 0 })
	for _, kind := range []string{"air.on", "air.off"} {
		if n := h.heard(kind); n != 1 {
			t.Errorf("told of %s under %d ids, want 1", kind, n)
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
