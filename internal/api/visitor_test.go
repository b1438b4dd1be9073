package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestVisitor reads where requests came from, directly and through proxies that are known or not.
func TestVisitor(t *testing.T) {
	a := &API{cfg: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Public: "https://tv.example.org/"}}
	for _, c := range []struct {
		remote, host, forwarded, proto string
		want                           visitor
	}{
		{"192.0.2.1:5000", "localhost:8080", "", "", visitor{"192.0.2.1", "http://localhost:8080", false}},
		{"192.0.2.1:5000", "localhost:8080", "198.51.100.7", "https", visitor{"192.0.2.1", "http://localhost:8080", false}},
		{"10.1.1.1:5000", "other.example.org", "198.51.100.7", "https", visitor{"198.51.100.7", "https://other.example.org", true}},
		{"10.1.1.1:5000", "other.example.org", "203.0.113.9, 198.51.100.7, 10.2.2.2", "", visitor{"198.51.100.7", "http://other.example.org", false}},
		{"10.1.1.1:5000", "other.example.org", "nonsense", "", visitor{"10.1.1.1", "http://other.example.org", false}},
		{"192.0.2.1:5000", "TV.example.org", "", "", visitor{"192.0.2.1", "https://TV.example.org", true}},
		{"[2001:db8::1]:5000", "tv.example.com", "", "", visitor{"2001:db8::1", "http://tv.example.com", false}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		r.Header.Set("X-Forwarded-For", c.forwarded)
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if got := a.visitor(r); got != c.want {
			t.Errorf("from %s for %s by %q: %+v, want %+v", c.remote, c.host, c.forwarded, got, c.want)
		}
	}
}
