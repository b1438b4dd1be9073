package chat

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

const (
	// writeTime is how long one batch may take to be sent.
	writeTime = 10 * time.Second
	// beatTime is how often a quiet connection says that it is there, and is asked whether it may be.
	beatTime = 20 * time.Second
)

// StatusBarred closes the connection of somebody who may not listen any more.
const StatusBarred websocket.StatusCode = 4403

// Listener is somebody who listens to a room.
type Listener struct {
	Where
	Crew   bool   // is told what waits for moderators
	Mark   string // of the address
	Cursor string // of the last batch that was received, if any
	// Origins: a browser that shows cookies must have the page from here.
	Origins bool
	// Stays says from time to time whether the listener may still listen.
	Stays func() bool
}

var (
	// ErrFull is returned for an address with as many connections as it may have.
	ErrFull = errors.New("as many connections as may be come from your network: close some, or try again later")
	// ErrLeaving is returned when the node leaves.
	ErrLeaving = errors.New("this node leaves: connect again")
)

// join counts a connection in.
func (h *Hub) join(mark string) (leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		return nil, ErrLeaving
	}
	if h.from[mark] >= h.cfg.MaxFrom {
		return nil, ErrFull
	}
	h.from[mark]++
	h.open++
	h.users.Add(1)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open--
		if h.from[mark]--; h.from[mark] <= 0 {
			delete(h.from, mark)
		}
		h.users.Done()
	}, nil
}

// Serve tells a listener over a web socket what is said, until it leaves, does not keep up, or may not any more. With an
// error the request is not answered yet.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, l Listener) error {
	leave, err := h.join(l.Mark)
	if err != nil {
		return err
	}
	defer leave()
	p := h.ready(r.Context(), l.Channel, l.Private)
	p.listeners++
	along := p.viewers
	if l.Crew {
		along = p.crew
	}
	hello, at := []byte(nil), along.after(l.Cursor)
	if at == nil {
		hello, at = along.enter(p.room, l.Crew)
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.listeners--
		p.mu.Unlock()
	}()
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: !l.Origins, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // Accept has answered
	}
	ctx, cancel := context.WithCancel(r.Context())
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer cancel()
		c.SetReadLimit(64)
		c.Read(ctx) // ends with the connection, or with data: what a listener has to say comes by other ways
	}()
	defer func() {
		cancel()
		c.CloseNow()
		<-read
	}()
	if hello != nil && send(ctx, c, hello) != nil {
		return nil
	}
	h.walk(ctx, c, l, along, at)
	return nil
}

// walk sends what comes along a line.
func (h *Hub) walk(ctx context.Context, c *websocket.Conn, l Listener, along *line, at *frame) {
	beat := time.NewTicker(beatTime)
	defer beat.Stop()
	for {
		select {
		case <-at.ready:
			at = at.next
			if along.newest.Load()-at.seq > maxLag {
				c.Close(websocket.StatusTryAgainLater, "too slow")
				return
			}
			if send(ctx, c, at.data) != nil {
				return
			}
		case <-beat.C:
			if !l.Stays() {
				c.Close(StatusBarred, "may not listen any more")
				return
			}
			if send(ctx, c, []byte("{}")) != nil {
				return
			}
		case <-h.leaving:
			c.Close(websocket.StatusGoingAway, "the node leaves")
			return
		case <-ctx.Done():
			return
		}
	}
}

func send(ctx context.Context, c *websocket.Conn, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return c.Write(ctx, websocket.MessageText, data)
}
