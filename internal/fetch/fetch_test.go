package fetch

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.100.100.200",
		"192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
	} {
		if Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for a public address", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "169.253.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"} {
		if !Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not taken for a public address", a)
		}
	}
}

// TestAllowed asks an operator's own networks, and never where clouds tell machines their secrets, in whatever form.
func TestAllowed(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd12::/16")}
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, a := range []string{"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "127.0.0.1", "fd12::1", "1.1.1.1", "2606:4700::1111"} {
		if !allowed(netip.MustParseAddr(a), own) {
			t.Errorf("%s is not asked", a)
		}
	}
	for _, a := range []string{"192.168.1.1", "172.16.0.1", "fd13::1", "::1", "100.64.0.1", "10.0.0.1%eth0"} {
		if addr, err := netip.ParseAddr(a); err == nil && allowed(addr, own) {
			t.Errorf("%s is asked", a)
		}
	}
	for _, a := range []string{
		"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254",
		"100.100.100.200", "192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1",
	} {
		if allowed(netip.MustParseAddr(a), everything) {
			t.Errorf("%s is asked if everything is allowed", a)
		}
	}
	for network, good := range map[string]bool{"10.0.0.0/8": true, "0.0.0.0/0": true, "127.0.0.1/32": true, "169.254.169.254/32": false, "169.254.0.0/16": false, "fe80::/64": false, "fd00:ec2::254/128": false} {
		if err := CheckNetwork(netip.MustParsePrefix(network)); (err == nil) != good {
			t.Errorf("%s: %v", network, err)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}
	}))
	defer s.Close()
	f := New(own...)
	answer, err := f.Get(t.Context(), s.URL+"/", 100)
	if err != nil {
		t.Fatalf("a server of an allowed network: %v", err)
	}
	answer.Body.Close()
	if answer, err := f.Get(t.Context(), s.URL+"/away", 100); !errors.Is(err, ErrAddress) {
		if err == nil {
			answer.Body.Close()
		}
		t.Errorf("a redirect to the metadata service: %v", err)
	}
}

// The node's own machine is asked under no name and in no form.
func TestGuard(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer s.Close()
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	f := New()
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]", "169.254.169.254"} {
		if answer, err := f.Get(t.Context(), "http://"+host+port+"/", 100); err == nil {
			answer.Body.Close()
			t.Errorf("%s was asked", host)
		}
	}
	for _, bad := range []string{"", "x", "ftp://example.org/", "file:///etc/passwd", "//example.org", "http://", "http:///x", "http://a:b@example.org/", "gopher://x", "http://exa mple/", "http://example.org/" + strings.Repeat("x", 3000), "javascript:alert(1)"} {
		if _, err := f.Get(t.Context(), bad, 100); !errors.Is(err, ErrAddress) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
	if asked > 0 {
		t.Errorf("the server was asked %d times", asked)
	}
}

// What an address leads to is looked at for every connection: after a redirect, and when a name has come to mean
// something else.
func TestEachConnection(t *testing.T) {
	secret := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secret++ }))
	defer inside.Close()
	to := ""
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		io.WriteString(w, "a film")
	}))
	defer outside.Close()
	open := true
	f := newFetcher(func(netip.Addr) bool { was := open; open = false; return was }) // the name means us after the first time
	answer, err := f.Get(t.Context(), outside.URL, 100)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if _, err := f.Get(t.Context(), outside.URL, 100); !errors.Is(err, ErrAddress) {
		t.Errorf("asked again: %v", err)
	}
	for _, to = range []string{inside.URL, "file:///etc/passwd", "ftp://x/", "http://u:p@example.org/"} {
		open = true
		if _, err := f.Get(t.Context(), outside.URL+"/moved", 100); !errors.Is(err, ErrAddress) {
			t.Errorf("redirected to %s: %v", to, err)
		}
	}
	if secret > 0 {
		t.Error("what is inside was asked")
	}
	all := newFetcher(func(netip.Addr) bool { return true })
	to = outside.URL + "/moved"
	if _, err := all.Get(t.Context(), to, 100); !errors.Is(err, ErrAddress) {
		t.Errorf("redirected for ever: %v", err)
	}
}

func TestLimits(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(404)
			return
		}
		if r.URL.Path == "/said" {
			w.Header().Set("Content-Length", "10")
		}
		io.WriteString(w, "0123456")
		w.(http.Flusher).Flush()
		io.WriteString(w, "789")
	}))
	defer s.Close()
	f := newFetcher(func(netip.Addr) bool { return true })
	if _, err := f.Get(t.Context(), s.URL+"/said", 9); !errors.Is(err, ErrTooLarge) {
		t.Errorf("said to be too large: %v", err)
	}
	for most, want := range map[int64]error{9: ErrTooLarge, 10: nil} {
		answer, err := f.Get(t.Context(), s.URL, most)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(answer.Body); !errors.Is(err, want) || want == nil && len(data) != 10 {
			t.Errorf("at most %d: %d bytes, %v", most, len(data), err)
		}
		answer.Body.Close()
	}
	var status *StatusError
	if _, err := f.Get(t.Context(), s.URL+"/gone", 9); !errors.As(err, &status) || status.Status != 404 || status.Passing() {
		t.Errorf("not there: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("http://example.org:80/a?b#c")
	f.Add("http://[::1%25eth0]/")
	f.Fuzz(func(t *testing.T, address string) {
		if u, err := Parse(address); err == nil && (u.User != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https") {
			t.Fatalf("%q was taken", address)
		}
	})
}
