// Package meshtest has what every form of a mesh link must do, as one suite of tests.
package meshtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// Node is a link that runs.
type Node struct {
	mesh.Link
	Name string
	Stop func() // ends Run, waits for it, and fails the test if it fails or takes over 2 s
}

// Start makes the link of a node of one fleet and runs it until it is stopped or the test ends. A node
// of the same name has been stopped before.
type Start func(t *testing.T, name string) *Node

// Running runs a link.
func Running(t *testing.T, name string, l mesh.Link) *Node {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	n := &Node{Link: l, Name: name}
	n.Stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run of %s = %v, want nil", name, err)
			}
		case <-time.After(2 * time.Second):
			t.Errorf("Run of %s goes on for over 2 s after its context has ended", name)
		}
	})
	t.Cleanup(n.Stop)
	return n
}

// Run tests that the links that open gives keep every promise of mesh.Link. Each test gets a fleet
// without nodes.
func Run(t *testing.T, open func(t *testing.T) Start) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Start)
	}{
		{"messages in order, to all others", publish}, {"messages of every size", sizes},
		{"one who does not keep up", slow}, {"subscribing no more", unsubscribe}, {"names", names},
		{"a request and its answer", request}, {"refusals", refusals}, {"nobody answers", timeouts},
		{"many requests at once", busy}, {"a stream both ways", stream}, {"flow control", flow},
		{"to dial nobody", dialNobody}, {"to begin again under the same name", restart}, {"the end", end},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const patience = 20 * time.Second // of tests, with a busy machine

// Eventually asks until something holds.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatalf("after %v: %s: still not so", patience, what)
		}
	}
}

// fleet starts nodes, and waits until each can ask each.
func fleet(t *testing.T, start Start, names ...string) []*Node {
	t.Helper()
	var nodes []*Node
	for _, name := range names {
		nodes = append(nodes, start(t, name))
	}
	Joined(t, nodes...)
	return nodes
}

// Joined waits until each node can ask each.
func Joined(t *testing.T, nodes ...*Node) {
	t.Helper()
	for _, n := range nodes {
		must(t, n.Handle("joined", func(_ context.Context, from string, _ []byte) ([]byte, error) { return []byte(from), nil }))
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				Eventually(t, a.Name+" can ask "+b.Name, func() bool { return Answers(t, a, b.Name) })
			}
		}
	}
}

// Answers says whether a node that Joined has seen answers another one.
func Answers(t *testing.T, a *Node, b string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	got, err := a.Request(ctx, b, "joined", nil)
	return err == nil && string(got) == a.Name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inbox keeps what a subscriber gets.
type inbox struct {
	mu   sync.Mutex
	got  []string
	news chan struct{}
}

func subscribe(t *testing.T, n *Node, subject string) *inbox {
	t.Helper()
	in := &inbox{news: make(chan struct{}, 1)}
	_, err := n.Subscribe(subject, func(from string, data []byte) {
		in.mu.Lock()
		in.got = append(in.got, from+": "+string(data))
		in.mu.Unlock()
		select {
		case in.news <- struct{}{}:
		default:
		}
	})
	must(t, err)
	return in
}

// all returns what came, without what settle sent.
func (in *inbox) all() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []string
	for _, s := range in.got {
		if len(s) < 8 || s[len(s)-8:] != " settled" {
			out = append(out, s)
		}
	}
	return out
}

func (in *inbox) has(s string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, g := range in.got {
		if g == s {
			return true
		}
	}
	return false
}

// settle publishes until each inbox hears the node: a link may need a moment until the others know
// what is subscribed to.
func settle(t *testing.T, from *Node, subject string, inboxes ...*inbox) {
	t.Helper()
	for i, in := range inboxes {
		Eventually(t, fmt.Sprintf("inbox %d hears %s", i, from.Name), func() bool {
			must(t, from.Publish(subject, []byte("is settled")))
			return in.has(from.Name + ": is settled")
		})
	}
}

// expectAll waits for as many messages as are wanted, and compares.
func (in *inbox) expectAll(t *testing.T, want []string) {
	t.Helper()
	late := time.After(patience)
	for len(in.all()) < len(want) {
		select {
		case <-in.news:
		case <-late:
			t.Fatalf("%d messages came in %v, want %d", len(in.all()), patience, len(want))
		}
	}
	got := in.all()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("message %d is %.80q, want %.80q", i, got[i], want[i])
		}
	}
	if len(got) > len(want) {
		t.Fatalf("%d messages came, want %d; the one too many is %.80q", len(got), len(want), got[len(want)])
	}
}
