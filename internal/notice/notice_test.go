package notice

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// watch runs Watch against one mock and hands out what it tells. The other clouds are not there.
func watch(t *testing.T, set func(*Config, string), h http.Handler) (told <-chan Notice, stop func()) {
	t.Helper()
	server := httptest.NewServer(h)
	nobody := httptest.NewServer(http.NotFoundHandler())
	notices := make(chan Notice, 16)
	cfg := Config{EC2: nobody.URL, GCP: nobody.URL, Azure: nobody.URL, Every: 5 * time.Millisecond, Patience: 5 * time.Second, Tell: func(n Notice) { notices <- n }}
	set(&cfg, server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, cfg)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		server.CloseClientConnections()
		<-ended
		server.Close()
		nobody.Close()
	})
	t.Cleanup(stop)
	return notices, stop
}

func next(t *testing.T, told <-chan Notice) Notice {
	t.Helper()
	select {
	case n := <-told:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("no notice within 10s")
		return Notice{}
	}
}

// none checks that nothing more was told once the watcher has ended.
func none(t *testing.T, told <-chan Notice) {
	t.Helper()
	select {
	case n := <-told:
		t.Errorf("told %+v too, want nothing more", n)
	default:
	}
}

func onEC2(c *Config, url string)   { c.EC2 = url }
func onGCP(c *Config, url string)   { c.GCP = url }
func onAzure(c *Config, url string) { c.Azure = url }

// mockEC2 has tokens that live for three questions.
type mockEC2 struct {
	mu                sync.Mutex
	tokens, questions int
	left              int
	action, rebalance string // answers; 404 if empty
	asked             chan struct{}
}

func (m *mockEC2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Method == http.MethodPut && r.URL.Path == ec2TokenPath && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "" {
		m.tokens++
		m.left = 3
		fmt.Fprintf(w, "token-%d", m.tokens)
		return
	}
	if r.Header.Get("X-aws-ec2-metadata-token") != fmt.Sprintf("token-%d", m.tokens) || m.left == 0 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	m.left--
	m.questions++
	select {
	case m.asked <- struct{}{}:
	default:
	}
	answer := map[string]string{ec2ActionPath: m.action, ec2RebalancePath: m.rebalance}[r.URL.Path]
	if answer == "" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, answer)
}

func TestEC2FromNothingToNotice(t *testing.T) {
	m := &mockEC2{asked: make(chan struct{}, 20)}
	told, stop := watch(t, onEC2, m)
	for range 12 { // 404, over several tokens
		<-m.asked
	}
	m.mu.Lock()
	m.rebalance = `{"noticeTime":"2030-10-27T08:20:00Z"}`
	m.mu.Unlock()
	if n := next(t, told); n.Kind != Rebalance || n.Cloud != "ec2" {
		t.Errorf("told %+v, want a rebalance recommendation of ec2", n)
	}
	m.mu.Lock()
	m.action = `{"action":"terminate","time":"2030-10-27T08:22:00Z"}`
	m.mu.Unlock()
	want := time.Date(2030, 10, 27, 8, 22, 0, 0, time.UTC)
	if n := next(t, told); n.Kind != Leave || !n.At.Equal(want) || !strings.Contains(n.Detail, "terminate") {
		t.Errorf("told %+v, want to leave by termination at %v", n, want)
	}
	for range 20 {
		<-m.asked
	}
	stop()
	none(t, told) // each announcement is told once
	if m.tokens < 4 {
		t.Errorf("%d tokens for %d questions of which a token answers 3", m.tokens, m.questions)
	}
}

func TestGCPWaitsForTheChange(t *testing.T) {
	preempted := make(chan struct{})
	var waited atomic.Bool
	told, stop := watch(t, onGCP, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Metadata-Flavor", "Google")
		w.Header().Set("ETag", "e1")
		waiting := r.URL.Query().Get("wait_for_change") == "true" && r.URL.Query().Get("last_etag") == "e1"
		switch value := strings.TrimPrefix(r.URL.Path, gcpRoot); {
		case value == "id":
			fmt.Fprint(w, "1234")
		case value == "maintenance-event" && waiting:
			<-r.Context().Done() // hangs, as a server may
		case value == "maintenance-event":
			fmt.Fprint(w, "NONE\n")
		case value == "preempted" && waiting:
			waited.Store(true)
			select {
			case <-preempted:
				fmt.Fprint(w, "TRUE")
			case <-r.Context().Done():
			}
		case value == "preempted":
			fmt.Fprint(w, "FALSE")
			close(preempted)
		}
	}))
	n := next(t, told)
	if n.Kind != Leave || n.Cloud != "gcp" || time.Until(n.At) > gcpPreemptTime || time.Until(n.At) < gcpPreemptTime/2 {
		t.Errorf("told %+v, want to leave gcp within %v", n, gcpPreemptTime)
	}
	if !waited.Load() {
		t.Error("the second question did not wait for the change")
	}
	stop()
	none(t, told)
}

const azureEvents = `{"DocumentIncarnation":2,"Events":[
 {"EventId":"1","EventType":"Freeze","EventStatus":"Scheduled","Resources":["vm_0"],"NotBefore":"Mon, 19 Sep 2030 18:29:47 GMT"},
 {"EventId":"2","EventType":"Preempt","EventStatus":"Scheduled","Resources":["vm_1"],"NotBefore":"Mon, 19 Sep 2030 18:29:47 GMT"},
 {"EventId":"3","EventType":"Redeploy","EventStatus":"Scheduled","Resources":["VM_0"],"NotBefore":"","Description":"host dies"},
 {"EventId":"4","EventType":"Terminate","EventStatus":"Started","Resources":["vm_1","vm_0"],"NotBefore":"Thu, 19 Sep 2030 18:29:47 GMT"}]}`

func TestAzureKnowsItself(t *testing.T) {
	told, stop := watch(t, onAzure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Metadata") != "true":
			w.WriteHeader(http.StatusBadRequest)
		case strings.HasPrefix(r.URL.Path, "/metadata/instance/compute"):
			fmt.Fprint(w, `{"name":"vm_0","vmId":"02aab8a4","location":"westus"}`)
		case r.URL.Path == "/metadata/scheduledevents":
			fmt.Fprint(w, azureEvents)
		default:
			http.NotFound(w, r)
		}
	}))
	if n := next(t, told); n.Kind != Rebalance || n.Detail != "Redeploy: host dies" || !n.At.IsZero() {
		t.Errorf("told %+v, want the redeployment as a recommendation", n)
	}
	if n := next(t, told); n.Kind != Leave || n.Detail != "Terminate" || n.At.Year() != 2030 {
		t.Errorf("told %+v, want the termination", n)
	}
	stop()
	none(t, told)
}

func TestNobodyThere(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	start := time.Now()
	Watch(t.Context(), Config{EC2: hang.URL, GCP: "http://127.0.0.1:0", Azure: hang.URL, Patience: 50 * time.Millisecond,
		Tell: func(n Notice) { t.Errorf("told %+v by a server that hangs", n) }})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Watch took %v to find nobody, with a patience of 50ms", took)
	}
}

// A web server that answers 200 to everything is no cloud.
func TestAnyWebServerIsNoCloud(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome to our network") }))
	defer page.Close()
	Watch(t.Context(), Config{EC2: page.URL, GCP: page.URL, Azure: page.URL, Tell: func(n Notice) { t.Errorf("told %+v by a web page", n) }})
}

// A service that goes away and comes back is asked on.
func TestServiceThatFailsForAWhile(t *testing.T) {
	var asked atomic.Int32
	told, _ := watch(t, onEC2, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case r.Method == http.MethodPut:
			fmt.Fprint(w, "t")
		case n < 8:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n < 12:
			fmt.Fprint(w, `{"action":`)
		case r.URL.Path == ec2ActionPath:
			fmt.Fprint(w, `{"action":"stop","time":"soon"}`)
		default:
			http.NotFound(w, r)
		}
	}))
	if n := next(t, told); n.Kind != Leave || !n.At.IsZero() {
		t.Errorf("told %+v, want to leave at a time that is not known", n)
	}
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{
		`{"action":"terminate","time":"2030-10-27T08:22:00Z"}`, `{"noticeTime":"2030-10-27T08:20:00Z"}`, "TRUE\n", "FALSE", "NONE",
		"TERMINATE_ON_HOST_MAINTENANCE", azureEvents, `{"name":"vm_0","vmId":"1"}`, `{"Events":null}`, "", "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		check := func(n Notice) {
			if n.Kind != Leave && n.Kind != Rebalance || n.id == "" || len(n.Detail) > 250 || len(n.id) > 450 {
				t.Errorf("notice %+v of %q", n, body)
			}
		}
		if n, err := parseEC2Action(body); err == nil {
			check(n)
		}
		if n, err := parseEC2Rebalance(body); err == nil {
			check(n)
		}
		var all []Notice
		for _, parse := range []func([]byte) ([]Notice, error){
			func(b []byte) ([]Notice, error) { return parseGCPPreempted(b, time.Unix(0, 0)) },
			func(b []byte) ([]Notice, error) { return parseGCPMaintenance(b, time.Unix(0, 0)) },
			func(b []byte) ([]Notice, error) { return parseAzureEvents(b, "vm_0") },
		} {
			found, err := parse(body)
			if err != nil && len(found) > 0 {
				t.Errorf("%q: both notices and %v", body, err)
			}
			all = append(all, found...)
		}
		for _, n := range all {
			check(n)
		}
		if self, err := parseAzureSelf(body); err == nil && self == "" {
			t.Errorf("%q: no name and no error", body)
		}
	})
}
