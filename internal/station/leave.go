package station

import (
	"context"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
)

const (
	// leaveTime bounds what a graceful end may take.
	leaveTime = 20 * time.Second
	// answersTime is how long viewers are served after that.
	answersTime = 4 * time.Second
	// keyTime is how long publishers have to end at a keyframe, or to go to another node.
	keyTime = 5 * time.Second
)

// leave ends everything in order: publishers, what they sent, the incarnation.
func (s *Station) leave(r *run, ended <-chan error) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	s.sendAway(ctx)
	s.setRunning(nil)
	s.endSessions(ErrLeaving)
	if err := r.flusher.Flush(ctx); err != nil {
		s.log.Warn("not everything could be written to the bucket; it lies in the spool and is written at the next start", "error", err)
		r.pager.Close(ctx) // whose time is over
		r.journal.Close()
		return
	}
	r.pager.Close(ctx)
	if err := s.retry(ctx, "the cut lists cannot be stored", func() error { return s.saveCuts(ctx, true) }); err != nil {
		s.log.Warn("not all cut lists could be stored; the next start does it", "error", err)
		r.journal.Close()
		return
	}
	if err := bundle.Finish(ctx, s.cfg.Docs, *r.incarnation); err != nil {
		s.log.Warn("the incarnation could not be sealed; the next start does it", "error", err)
		return
	}
	r.journal.Close()
	if err := s.cfg.Spool.DropJournal(r.incarnation); err != nil {
		s.log.Warn("the journal could not be removed", "error", err)
	}
}

// sendAway has publishers go to other nodes, if there are any, without a hole in the pictures.
func (s *Station) sendAway(ctx context.Context) {
	if !s.fleet.others() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	for _, p := range s.each() {
		for _, x := range p.sessions() {
			x.goAway()
		}
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for s.publishers() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lastAnswers waits until viewers that wait here have what other nodes take in by now: each of them goes to
// another node with its next request, and none has waited in vain.
func (s *Station) lastAnswers() {
	if !s.fleet.others() {
		return
	}
	over := time.NewTimer(answersTime)
	defer over.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for s.cfg.Waiting() > 0 {
		select {
		case <-tick.C:
		case <-over.C:
			return
		}
	}
}

// endSessions ends all takes that are being written.
func (s *Station) endSessions(reason error) {
	for _, p := range s.each() {
		for _, x := range p.sessions() {
			x.end(reason)
		}
		for _, d := range p.derivations() {
			d.end(reason)
		}
	}
}
