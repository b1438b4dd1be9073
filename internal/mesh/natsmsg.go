package mesh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	messagePrefix = "mayfly.m."
	requestPrefix = "mayfly.r."
	queueBytes    = 16 << 20 // that wait for one subscriber
)

func (n *NATS) now() time.Duration { return time.Since(n.began) }

func (n *NATS) wrap(k kind, life time.Duration, data []byte) []byte {
	e := envelope{kind: k, run: n.run, sent: n.now(), life: life, from: n.cfg.Node, data: data}
	return e.append(make([]byte, 0, envelopeFixed+len(e.from)+len(data)))
}

// Publish sends a message to all other nodes.
func (n *NATS) Publish(subject string, data []byte) error {
	if err := check(subject, data); err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	if err := n.conn.Publish(messagePrefix+subject, n.wrap(kindMessage, messageTime, data)); err != nil {
		return fmt.Errorf("publish %s: %w", subject, err)
	}
	return nil
}

// Subscribe calls f for the messages of other nodes.
func (n *NATS) Subscribe(subject string, f func(from string, data []byte)) (func(), error) {
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	sub, err := n.listen(messagePrefix+subject, func(m *nats.Msg) {
		if e, ok := n.open(m, kindMessage); ok {
			f(e.from, e.data)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	return func() { sub.Unsubscribe() }, nil
}

// listen subscribes with bounds. The link waits for the subscription's goroutine when it ends.
func (n *NATS) listen(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	sub, err := n.conn.Subscribe(subject, f)
	if err != nil {
		return nil, err
	}
	n.tasks.Add(1)
	sub.SetClosedHandler(func(string) { n.tasks.Done() })
	if err := sub.SetPendingLimits(queueLength, queueBytes); err != nil {
		sub.Unsubscribe()
		return nil, err
	}
	return sub, nil
}

// open reads what came, unless it is not for us or too old.
func (n *NATS) open(m *nats.Msg, k kind) (*envelope, bool) {
	e := &envelope{}
	if err := e.parse(m.Data); err != nil || e.kind != k || e.run == n.run {
		n.log.Debug("a message of the mesh cannot be read", "subject", m.Subject, "error", err)
		return nil, false
	}
	life := messageTime
	if k == kindRequest {
		life = min(e.life, requestTime)
	}
	old, stale := n.ages.of(e.from, e.run, e.sent, life, n.now())
	if stale {
		n.stale.Add(1)
		return nil, false
	}
	e.life = life - old
	return e, true
}

// Request asks one node.
func (n *NATS) Request(ctx context.Context, node, subject string, data []byte) ([]byte, error) {
	if err := checkRequest(n.cfg.Node, node, subject, data); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", node, subject, err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	deadline, _ := ctx.Deadline()
	m, err := n.conn.RequestWithContext(ctx, requestPrefix+token(node)+"."+subject, n.wrap(kindRequest, time.Until(deadline), data))
	if err != nil { // no node of that name is joined, it did not answer, or we are not connected
		return nil, fmt.Errorf("ask %s for %s: %w: %w", node, subject, ErrUnreachable, err)
	}
	var e envelope
	if err := e.parse(m.Data); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w: %w", node, subject, ErrUnreachable, err)
	}
	switch e.kind {
	case kindAnswer:
		return e.data, nil
	case kindRefusal:
		return nil, fmt.Errorf("%s: %w", e.data, ErrRefused)
	}
	return nil, fmt.Errorf("ask %s for %s: an answer of kind %d: %w", node, subject, e.kind, ErrUnreachable)
}

// Handle answers requests.
func (n *NATS) Handle(subject string, f Handler) error {
	if err := CheckSubject(subject); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[subject] = f
	return nil
}

// answer begins to answer requests.
func (n *NATS) answer() error {
	prefix := requestPrefix + token(n.cfg.Node) + "."
	_, err := n.listen(prefix+">", func(m *nats.Msg) {
		e, ok := n.open(m, kindRequest)
		if !ok || m.Reply == "" {
			return
		}
		subject := strings.TrimPrefix(m.Subject, prefix)
		n.mu.Lock()
		h := n.handlers[subject]
		n.mu.Unlock()
		if h == nil {
			n.reply(m, kindRefusal, notAsked(n.cfg.Node, subject))
			return
		}
		select {
		case n.busy <- struct{}{}:
		default:
			n.reply(m, kindRefusal, tooBusy(n.cfg.Node))
			return
		}
		n.tasks.Go(func() {
			defer func() { <-n.busy }()
			n.serve(m, e, h)
		})
	})
	if err != nil {
		return fmt.Errorf("answer requests: %w", err)
	}
	return nil
}

func (n *NATS) serve(m *nats.Msg, e *envelope, h Handler) {
	ctx, cancel := context.WithTimeout(n.ctx, e.life)
	defer cancel()
	data, err := h(ctx, e.from, e.data)
	switch {
	case err != nil:
		n.reply(m, kindRefusal, refusal(n.cfg.Node, err))
	case len(data) > MaxMessage:
		n.reply(m, kindRefusal, refusal(n.cfg.Node, ErrTooLarge))
	default:
		n.reply(m, kindAnswer, string(data))
	}
}

func (n *NATS) reply(m *nats.Msg, k kind, data string) {
	if err := n.conn.Publish(m.Reply, n.wrap(k, requestTime, []byte(data))); err != nil {
		n.log.Debug("an answer could not be sent", "error", err)
	}
}

// trouble hears of what went wrong in the client beside its calls.
func (n *NATS) trouble(_ *nats.Conn, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) && sub != nil {
		n.slow.Add(1)
		n.log.Warn("messages of other nodes were lost, because this node does not keep up", "subject", strings.TrimPrefix(sub.Subject, messagePrefix))
		return
	}
	n.log.Debug("mesh", "error", err)
}
