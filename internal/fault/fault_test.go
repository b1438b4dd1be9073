package fault

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

func post(c *Control, target string, header ...string) int {
	r := httptest.NewRequest(http.MethodPost, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code
}

func TestBucketGoesAndComesBack(t *testing.T) {
	c := &Control{}
	b := c.Bucket(bucket.NewMem())
	put := func() error {
		_, err := b.Put(t.Context(), "a", bucket.Bytes([]byte("x")))
		return err
	}
	if err := put(); err != nil {
		t.Fatalf("put before any fault: %v", err)
	}
	if code := post(c, "/bucket?away=1"); code != http.StatusOK {
		t.Fatalf("take the bucket away: %d", code)
	}
	if err := put(); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("put while it is away: %v, want ErrUnavailable", err)
	}
	if code := post(c, "/bucket?away=0"); code != http.StatusOK || put() != nil {
		t.Errorf("give the bucket back: %d, put %v", code, put())
	}
	c.Begin()
	if err := put(); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("put after Begin: %v, want ErrUnavailable", err)
	}
}

func TestRequests(t *testing.T) {
	var cut []bool
	c := &Control{Mesh: func(on bool) { cut = append(cut, on) }}
	for target, want := range map[string]int{
		"/mesh?cut=2": 400, "/mesh": 400, "/bucket?away=1": 501, "/": 404, "/mesh?cut=1": 200,
	} {
		if code := post(c, target); code != want {
			t.Errorf("POST %s: %d, want %d", target, code, want)
		}
	}
	if len(cut) != 1 || !cut[0] {
		t.Errorf("the mesh was told %v, want one cut", cut)
	}
	if code := post(c, "/mesh?cut=0", "Origin", "https://example.org"); code != http.StatusForbidden {
		t.Errorf("a page's request was answered %d, want 403", code)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/mesh?cut=1", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET was answered %d, want 405", w.Code)
	}
}

func TestAddress(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:80": true, ":0": false, "0.0.0.0:1": false, "localhost:1": false, "10.0.0.1:1": false, "": false,
	} {
		if err := Address(address); (err == nil) != good {
			t.Errorf("Address(%q) = %v, want good %v", address, err, good)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&Control{Mesh: func(bool) {}}).Serve(ctx, ln) }()
	resp, err := http.Post("http://"+ln.Addr().String()+"/mesh?cut=1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("answered %d, want 200", resp.StatusCode)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}
