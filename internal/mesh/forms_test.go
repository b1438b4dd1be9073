package mesh_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/mesh/meshtest"
)

func TestSwitch(t *testing.T) {
	meshtest.Run(t, func(*testing.T) meshtest.Start {
		s := mesh.NewSwitch()
		return func(t *testing.T, name string) *meshtest.Node { return meshtest.Running(t, name, s.Link(name)) }
	})
	goleak.VerifyNone(t)
}

// TestCuttable has the suite for a link that is not cut.
func TestCuttable(t *testing.T) {
	meshtest.Run(t, func(*testing.T) meshtest.Start {
		s := mesh.NewSwitch()
		return func(t *testing.T, name string) *meshtest.Node {
			return meshtest.Running(t, name, mesh.NewCuttable(s.Link(name)))
		}
	})
}

func TestNATS(t *testing.T) {
	meshtest.Run(t, func(*testing.T) meshtest.Start { return newBook().start })
	goleak.VerifyNone(t)
}

// book is where the nodes of a fleet note their addresses, as they do in the bucket.
type book struct {
	secret mesh.Secret
	mu     sync.Mutex
	routes map[string]string
}

func newBook() *book { return &book{secret: mesh.NewSecret(), routes: map[string]string{}} }

func (b *book) peers(context.Context) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.routes {
		out = append(out, r)
	}
	return out, nil
}

func (b *book) note(name, route string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.routes[name] = route
}

func (b *book) config(t *testing.T, name string) mesh.NATSConfig {
	return mesh.NATSConfig{
		Node: name, Secret: b.secret, Listen: "127.0.0.1:0", MediaListen: "127.0.0.1:0", Peers: b.peers,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)).With("node", name),
	}
}

func (b *book) open(t *testing.T, cfg mesh.NATSConfig) *mesh.NATS {
	t.Helper()
	n, err := mesh.NewNATS(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *book) start(t *testing.T, name string) *meshtest.Node {
	t.Helper()
	n := b.open(t, b.config(t, name))
	b.note(name, n.RouteAddress())
	return meshtest.Running(t, name, n)
}
