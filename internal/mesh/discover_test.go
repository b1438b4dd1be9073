package mesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDialRoutes keeps what is dialled in step with what is found.
func TestDialRoutes(t *testing.T) {
	n, err := NewNATS(NATSConfig{Node: "a", Secret: NewSecret(), Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0", Join: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	expect := func(when string, want ...string) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(n.routes)); !slices.Equal(got, want) {
			t.Errorf("%s: dials %q, want %q", when, got, want)
		}
	}
	age := func() {
		for r := range n.routes {
			n.routes[r] = time.Now().Add(-2 * forgetRoute)
		}
	}
	expect("at the start", "127.0.0.1:1")
	n.dialRoutes([]string{n.RouteAddress(), "", "x", "host:0", ":5", "[::1]:2", "127.0.0.1:1", strings.Repeat("x", 400) + ":1"}, true)
	expect("with its own and broken ones", "127.0.0.1:1", "[::1]:2")
	n.dialRoutes(nil, true)
	expect("not found once", "127.0.0.1:1", "[::1]:2")
	age()
	n.dialRoutes([]string{"127.0.0.1:3"}, false)
	expect("while the bucket is away", "127.0.0.1:1", "127.0.0.1:3", "[::1]:2")
	age()
	n.dialRoutes([]string{"127.0.0.1:3"}, true)
	expect("not found for long", "127.0.0.1:3")
	var many []string
	for i := range maxRoutes + 10 {
		many = append(many, fmt.Sprintf("127.0.0.%d:%d", 2+i%200, 1+i/200))
	}
	n.dialRoutes(many, true)
	if len(n.routes) != maxRoutes {
		t.Errorf("dials %d addresses, want at most %d", len(n.routes), maxRoutes)
	}
}

// TestReloadKeepsClient changes the routes many times: the node's own client stays connected.
func TestReloadKeepsClient(t *testing.T) {
	n, err := NewNATS(NATSConfig{Node: "a", Secret: NewSecret(), Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for i := range 20 {
		n.dialRoutes([]string{fmt.Sprintf("127.0.0.1:%d", 1+i)}, true)
		if err := n.conn.Flush(); err != nil {
			t.Errorf("Flush after change %d: %v", i, err)
		}
	}
	if got := n.conn.Stats().Reconnects; got != 0 {
		t.Errorf("the client had to connect again %d times", got)
	}
}

// TestPeersFail logs once that the addresses cannot be read, and goes on asking.
func TestPeersFail(t *testing.T) {
	asked := make(chan bool)
	n, err := NewNATS(NATSConfig{Node: "a", Secret: NewSecret(), Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0", Peers: func(ctx context.Context) ([]string, error) {
		select {
		case asked <- true:
		case <-ctx.Done():
		}
		return nil, errors.New("the bucket is away")
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	for range 3 {
		<-asked
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSplitListen(t *testing.T) {
	for address, want := range map[string]string{
		":6222": " 6222", "127.0.0.1:0": "127.0.0.1 -1", "[::1]:7": "::1 7", "x": "error", ":-1": "error", ":65536": "error", "": "error",
	} {
		host, port, err := splitListen(address)
		got := fmt.Sprint(host, " ", port)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("splitListen(%q) = %s, want %s", address, got, want)
		}
	}
}
