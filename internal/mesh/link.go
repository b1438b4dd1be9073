// Package mesh joins the nodes of a fleet: small messages and requests, who is there (heartbeats and
// the view of the members), and connections for media.
//
// Nothing in the mesh is kept. A message may be lost, and a member that is not heard may live: what
// must be certain is decided in the bucket.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
)

const (
	// MaxMessage bounds a message, a request and an answer. Media travels on connections instead.
	MaxMessage = 1 << 20
	// MaxSubject bounds a subject: letters, digits, dashes, underscores and dots between them.
	MaxSubject = 200
)

var (
	// ErrUnreachable is returned when a node cannot be reached, or does not answer in time. Whether it
	// has seen the request is not known.
	ErrUnreachable = errors.New("node cannot be reached")
	// ErrTooLarge is returned for a message of over MaxMessage.
	ErrTooLarge = errors.New("message too large for the mesh")
	// ErrRefused is wrapped by the error that the other node answered a request with.
	ErrRefused = errors.New("the other node refused")
)

// Handler answers a request of another node. An error is sent back as its text, and the other node
// gets it as ErrRefused. It may take its time, but not longer than ctx.
type Handler func(ctx context.Context, from string, data []byte) ([]byte, error)

// Link carries messages and connections between nodes. There is one in memory (Switch) and one on
// NATS and TLS; one acceptance suite (meshtest) holds for both.
type Link interface {
	// Publish sends a message to all other nodes that subscribed to its subject. It does not wait:
	// a message that cannot be sent is lost, and messages of one node arrive in their order.
	Publish(subject string, data []byte) error
	// Subscribe calls f for the messages of other nodes, one after the other, until cancel is called.
	// f must not block; what comes while it does is kept up to a bound, and then lost.
	Subscribe(subject string, f func(from string, data []byte)) (cancel func(), err error)
	// Request asks one other node (never this one) and waits for its answer: until ctx ends, or for
	// 5 s at most.
	Request(ctx context.Context, node, subject string, data []byte) ([]byte, error)
	// Handle answers the requests of other nodes with that subject. Each call has its own goroutine,
	// up to a bound; requests beyond it are refused. A second handler takes the place of the first.
	Handle(subject string, f Handler) error
	// Dial connects to the listener of another node, whose beat gave that address.
	Dial(ctx context.Context, node, address string) (net.Conn, error)
	// Listener accepts what other nodes dial; Address is what they are to be told.
	Listener() net.Listener
	Address() string
	// Run runs the link until ctx ends.
	Run(ctx context.Context) error
}

// check says whether a message can be sent.
func check(subject string, data []byte) error {
	if err := CheckSubject(subject); err != nil {
		return err
	}
	if len(data) > MaxMessage {
		return fmt.Errorf("%d bytes, want at most %d: %w", len(data), MaxMessage, ErrTooLarge)
	}
	return nil
}

// checkRequest says whether a node can ask another one.
func checkRequest(self, node, subject string, data []byte) error {
	if err := CheckNode(node); err != nil {
		return err
	}
	if node == self {
		return fmt.Errorf("that is this node itself: %w", ErrUnreachable)
	}
	return check(subject, data)
}

// maxReason bounds the text of an error that is sent back.
const maxReason = 2000

// refusal is what the other node is told of an error.
func refusal(node string, err error) string { return fmt.Sprintf("%s: %.*s", node, maxReason, err) }

func notAsked(node, subject string) string {
	return fmt.Sprintf("%s is not asked for %q here", node, subject)
}

func tooBusy(node string) string {
	return fmt.Sprintf("%s answers %d requests already; ask again later", node, maxHandlers)
}
