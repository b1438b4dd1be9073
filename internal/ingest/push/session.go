package push

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// session joins the state machine of a stream with its sink.
type session struct {
	log  *slog.Logger
	held *atomic.Int64 // of all sessions

	kicked chan error         // the first reason to end it from outside
	last   atomic.Int64       // when the last upload brought something, since began
	taking singleflight.Group // objects that have arrived, by name and sum

	mu      sync.Mutex
	sink    Sink
	m       *stream
	began   time.Time
	uploads int // under way
	changed chan struct{}
	counted int64 // what held has of this session
	over    error // not nil: it has ended, and why
}

func newSession(i id, cfg *Config, held *atomic.Int64) *session {
	return &session{
		held: held, kicked: make(chan error, 1), changed: make(chan struct{}), began: time.Now(),
		log: cfg.Log.With("key", hint(i.key), "session", i.name),
	}
}

// hint is what of a key may be shown.
func hint(key string) string {
	if len(key) <= 4 {
		return "…"
	}
	return key[:4] + "…"
}

func (s *session) kick(reason error) {
	select {
	case s.kicked <- reason:
	default:
	}
}

// enter begins an upload. It reports false if the session has ended.
func (s *session) enter(limit int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return false, nil
	}
	if s.uploads >= limit {
		return false, errMany
	}
	s.uploads++
	return true, nil
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads--
	s.alive()
}

// alive notes that something arrived.
func (s *session) alive() { s.last.Store(int64(time.Since(s.began))) }

// do calls f with the state machine and the time, and does what comes out of it.
func (s *session) do(f func(m *stream, now time.Duration) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return s.over
	}
	err := f(s.m, time.Since(s.began))
	s.settle()
	return err
}

// settle does what the state machine wants; the lock is held.
func (s *session) settle() {
	defer func() {
		s.held.Add(s.m.held - s.counted)
		s.counted = s.m.held
	}()
	for _, e := range s.m.take() {
		var err error
		switch {
		case s.over != nil:
			if e.piece != nil {
				e.piece.err = s.over
				close(e.piece.done)
			}
		case e.gone != nil:
			s.log.Warn("segments are missing: going on without them", "before", e.gone.name)
		case e.tracks != nil:
			err = s.sink.Tracks(e.tracks)
		case e.piece != nil:
			o := e.piece
			o.durable = s.sink.Piece(o.name, o.sum, e.rest)
			if !o.endless {
				s.m.remember(o.name, piece{o.sum, o.durable})
			}
			close(o.done)
		default:
			err = s.sink.Sample(e.sample)
		}
		if err != nil {
			s.end(err)
		}
	}
}

// end closes the session for a reason that is not the publisher's; the lock is held.
func (s *session) end(reason error) {
	if s.over != nil {
		return
	}
	s.over = reason
	for _, o := range s.m.open {
		if !o.ended {
			s.m.fail(o, reason)
		}
	}
	s.sink.Close(reason)
	s.log.Warn("publisher ended", "reason", reason)
}

// finish closes the session with everything that waits.
func (s *session) finish(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return
	}
	s.m.end(time.Since(s.began))
	s.settle()
	if s.over == nil {
		s.over = errBusy
		s.sink.Close(nil)
		s.log.Info("publisher stopped", "why", why)
	}
}

// tick does what is due, and reports whether the session has ended.
func (s *session) tick(idle time.Duration) (ended bool) {
	s.mu.Lock()
	select {
	case reason := <-s.kicked:
		s.end(reason)
	default:
	}
	if s.over == nil {
		s.m.tick(time.Since(s.began))
		s.settle()
	}
	if s.m.ended {
		idle = min(idle, time.Second)
	}
	over, quiet := s.over != nil, s.uploads == 0 && time.Since(s.began)-time.Duration(s.last.Load()) >= idle
	done := s.m.over()
	s.mu.Unlock()
	switch {
	case over:
	case done:
		s.finish("the publisher said goodbye")
	case quiet:
		s.finish(errIdle.Error())
	}
	return over || done || quiet
}

// initArrived wakes those who wait for an init; the lock is held.
func (s *session) initArrived() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// header waits for the init of a segment.
func (s *session) header(ctx context.Context, p place) (*header, error) {
	deadline := time.Now().Add(initWait)
	for {
		var h *header
		var changed chan struct{}
		err := s.do(func(m *stream, _ time.Duration) error {
			h = m.headerFor(p, m.explicit || time.Until(deadline) < initWait/2)
			changed = s.changed
			if h == nil && m.explicit {
				return errNoInit
			}
			return nil
		})
		if h != nil || err != nil {
			return h, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, errNoInit
		}
		timer := time.NewTimer(min(left, initWait/2+time.Millisecond))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, errCutOff
		}
	}
}

// initWait is how long a segment waits for its init, which encoders may send at the same time.
const initWait = 4 * time.Second

// await waits until an object is written and durable. An object that waits for others stays when the
// time is up: when it comes again, what has become of it is known.
func (s *session) await(ctx context.Context, o *object) error {
	select {
	case <-o.done:
	case <-ctx.Done():
		return errAhead
	}
	if o.err != nil {
		return o.err
	}
	return s.durable(ctx, o.durable)
}

// durable waits for a piece. A node that cannot make it durable any more ends the session.
func (s *session) durable(ctx context.Context, f durableFunc) error {
	if f == nil {
		return nil
	}
	err := f(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return errNotYet
	}
	s.kick(err)
	return err
}
