// Package fetch gets what lies at addresses that people give: films, feeds, pictures, receivers of webhooks. It is the
// one way to do so, because such an address must not lead into the node's own network, to the machine itself or to the
// metadata service of a cloud, whatever its name, its DNS server or a redirect says.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

var (
	// ErrAddress is wrapped by the errors of addresses that are not asked.
	ErrAddress = errors.New("this address is not asked")
	// ErrTooLarge is returned by the body of an answer that has more bytes than it may.
	ErrTooLarge = errors.New("what lies at the address is too large")
)

// StatusError is the answer of a server that has not what was asked for.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("the address answers %d (%s)", e.Status, http.StatusText(e.Status))
}

// Passing reports whether the same request may be answered some time later.
func (e *StatusError) Passing() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

const (
	maxAddress   = 2000
	maxRedirects = 5
	dialTime     = 10 * time.Second
	headerTime   = 20 * time.Second
	maxHeader    = 64 << 10
)

// Fetcher gets what lies at addresses. It is safe for concurrent use.
type Fetcher struct{ client *http.Client }

// New makes a fetcher that asks public addresses, and those of networks that are named here: the operator's own, where
// receivers of webhooks or pictures may stand.
func New(networks ...netip.Prefix) *Fetcher {
	return newFetcher(func(a netip.Addr) bool { return allowed(a, networks) })
}

// newFetcher makes a fetcher that asks addresses of which allowed says that it may.
func newFetcher(allowed func(netip.Addr) bool) *Fetcher {
	dialer := &net.Dialer{Timeout: dialTime, Control: func(_, address string, _ syscall.RawConn) error {
		// This is the address that the connection goes to, after names were resolved, each time.
		at, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(at.Addr()) {
			return fmt.Errorf("%w: it leads to a network that is not public, nor one that the operator allows (--fetch-allow)", ErrAddress)
		}
		return nil
	}}
	return &Fetcher{&http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: headerTime,
			MaxResponseHeaderBytes: maxHeader, DisableCompression: true, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: it redirects more than %d times", ErrAddress, maxRedirects)
			}
			return check(r.URL)
		},
	}}
}

// Parse reads an address that a person gave.
func Parse(address string) (*url.URL, error) {
	if len(address) > maxAddress {
		return nil, fmt.Errorf("%w: it has more than %d characters", ErrAddress, maxAddress)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not well-formed", ErrAddress)
	}
	return u, check(u)
}

// check says whether an address may be asked, as far as can be seen before its name is resolved.
func check(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: it has to begin with http:// or https://", ErrAddress)
	case u.Hostname() == "":
		return fmt.Errorf("%w: it names no server", ErrAddress)
	case u.User != nil:
		return fmt.Errorf("%w: leave out the name and password before the server", ErrAddress)
	}
	return nil
}

// Get asks an address. The answer's body fails with ErrTooLarge behind most bytes; its reader bounds the time by ctx.
func (f *Fetcher) Get(ctx context.Context, address string, most int64) (*http.Response, error) {
	u, err := Parse(address)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not well-formed", ErrAddress)
	}
	r.Header.Set("User-Agent", "Mayfly")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u.Host, err)
	}
	switch {
	case answer.StatusCode != http.StatusOK:
		answer.Body.Close()
		return nil, &StatusError{answer.StatusCode}
	case answer.ContentLength > most:
		answer.Body.Close()
		return nil, ErrTooLarge
	}
	answer.Body = &bounded{answer.Body, most}
	return answer, nil
}

// Answer is what a server says to what was posted to it.
type Answer struct {
	Status int
	Body   []byte // the beginning of it
}

// Post sends bytes to an address, and returns what it answers with, whatever the status, with at most so many bytes
// of it. It follows no redirect: what was meant for one server is for no other.
func (f *Fetcher) Post(ctx context.Context, address string, header http.Header, body []byte, most int64) (Answer, error) {
	u, err := Parse(address)
	if err != nil {
		return Answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("%w: it is not well-formed", ErrAddress)
	}
	r.Header = header.Clone()
	r.Header.Set("User-Agent", "Mayfly")
	client := *f.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got, err := client.Do(r)
	if err != nil {
		return Answer{}, fmt.Errorf("ask %s: %w", u.Host, err)
	}
	defer got.Body.Close()
	a := Answer{Status: got.StatusCode}
	a.Body, err = io.ReadAll(io.LimitReader(got.Body, most))
	if err != nil && len(a.Body) == 0 {
		return a, fmt.Errorf("ask %s: %w", u.Host, err)
	}
	return a, nil
}

// bounded is a body of so many bytes at most.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read reads what is there, and fails where there is too much.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// closed are networks that nobody outside can have a server in, besides those that netip knows.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("fec0::/10"),
}

// never are addresses at which a machine is told about itself, with its secrets, and those that are nobody's. They are
// not asked whatever an operator allows.
var never = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), // link-local: the metadata of nearly all clouds
	netip.MustParsePrefix("fd00:ec2::/32"), netip.MustParsePrefix("fd20:ce::/32"), // of AWS and Google Cloud by IPv6
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("192.0.0.192/32"), netip.MustParsePrefix("168.63.129.16/32"), // of Alibaba, Oracle and Azure
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("::/128"), netip.MustParsePrefix("224.0.0.0/3"), netip.MustParsePrefix("ff00::/8"),
}

// CheckNetwork says whether an operator can allow a network.
func CheckNetwork(p netip.Prefix) error {
	for _, n := range never {
		if n.Overlaps(p) && n.Bits() <= p.Bits() {
			return fmt.Errorf("%v lies within %v, which is never asked: there clouds tell a machine its secrets, or nobody is", p, n)
		}
	}
	return nil
}

// allowed reports whether an address may be asked: a public one, or one of these networks.
func allowed(a netip.Addr, networks []netip.Prefix) bool {
	if a.Zone() != "" {
		return false
	}
	if inner, ok := embedded(a); ok {
		return allowed(inner, networks)
	}
	in := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return !in(never) && (Public(a) || in(networks))
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // the last 4 bytes are an IPv4 address
	sixToFo = netip.MustParsePrefix("2002::/16")    // and here bytes 2 to 5
)

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	if inner, ok := embedded(a); ok {
		return Public(inner)
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// embedded returns the IPv4 address that an IPv6 address stands for, if it does.
func embedded(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case a.Is4In6():
		return a.Unmap(), true
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFo.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
