package station

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

const (
	// knownTime is how long a publisher that comes again is kept waiting for what its dead node has left.
	knownTime = 8 * time.Second
	// quietTime is how long a publisher that pushes may send nothing before its take ends, so that what
	// it sent can be acknowledged.
	quietTime = 3 * time.Second
	// maxPieces is how many pieces of a channel are remembered: 20 minutes of two tracks in seconds.
	maxPieces = 2400
)

// Piece notes behind the samples written so far that an object which the publisher pushed is complete.
// rest says that nothing of another one was written yet.
// The function that it returns waits until that note and everything before it is durable, and in the program if
// it is to be on air by itself: what is acknowledged is not sent again, so it must not lie in a take that another
// one was quicker than.
func (x *Session) Piece(name string, sum [32]byte, rest bool) (durable func(context.Context) error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.station.runs()
	if x.ended != nil || x.writer == nil || r == nil {
		return func(context.Context) error { return ErrLeaving }
	}
	note := bundle.Piece{Session: x.pub.Session, Name: name, Sum: sum}
	piece, id := x.writer.Piece(note, rest), x.writer.Log().Take().ID
	x.quiet = false
	x.watchQuiet()
	durable = func(ctx context.Context) error {
		select {
		case <-piece.Written:
		case <-ctx.Done():
			return ctx.Err()
		}
		if piece.Line == 0 {
			return ErrLeaving
		}
		if err := r.flusher.Durable(ctx, piece.Line); err != nil {
			return fmt.Errorf("store piece %.100q: %w", name, err)
		}
		return x.program.awaitAired(ctx, id, x.source)
	}
	x.program.remember(noted{note, durable})
	return durable
}

// awaitAired waits until a take is in the program, unless it waits for a cut.
func (p *Program) awaitAired(ctx context.Context, id media.TakeID, source string) error {
	for {
		p.mu.Lock()
		settled := p.gone || p.director != nil && !p.goesOnAir(id, source)
		changed := p.live.wait()
		p.mu.Unlock()
		if settled {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// goesOnAir reports whether a take is not in the program and does not wait for a cut either: it is about to go on
// air, or it has ended and another take of its source was quicker or will be. The lock is held.
func (p *Program) goesOnAir(id media.TakeID, source string) bool {
	list := p.director.List()
	switch {
	case list.Has(id):
		return false
	case p.director.Waits(id):
		return true
	case p.writers[id] != nil || list.Off || !p.channel.AutoLive: // a backup, or one that somebody may cut to
		return false
	}
	e := list.OnAir()
	return e == nil || program.PictureOf(e.Source) == source
}

// noted is a piece that was pushed to this node, and what waits until it is durable.
type noted struct {
	bundle.Piece
	durable func(context.Context) error
}

// watchQuiet ends the take when nothing follows a piece for a while; the lock is held.
func (x *Session) watchQuiet() {
	if x.hush != nil {
		x.hush.Stop()
	}
	x.hush = time.AfterFunc(quietTime, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.ended == nil && x.quiet {
			x.close("the publisher paused")
		}
		x.quiet = true
		if x.ended == nil && x.writer != nil {
			x.hush.Reset(quietTime)
		}
	})
}

// Known returns the pieces of the session that are durable and in the program, of earlier takes too. If the node that took
// the session in has fallen silent, it waits until that is ended: only then it is certain what it left.
func (x *Session) Known() map[string][32]byte {
	s, p := x.station, x.program
	ctx, cancel := context.WithTimeout(context.Background(), knownTime)
	defer cancel()
	s.fleet.awaitEnd(ctx, p, x.slot())
	known := map[string][32]byte{}
	p.mu.Lock()
	pieces := slices.Clone(p.pieces)
	list := &program.CutList{}
	if p.director != nil {
		list = p.director.List()
	}
	p.mu.Unlock()
	s.past.mu.Lock()
	for _, o := range s.past.origins {
		for _, piece := range o.pieces[p.id] {
			if piece.Session == x.pub.Session && list.Has(piece.Take) {
				known[piece.Name] = piece.Sum
			}
		}
	}
	s.past.mu.Unlock()
	for _, piece := range pieces { // whether or not the publisher has waited for it
		if piece.Session == x.pub.Session && piece.durable(ctx) == nil {
			known[piece.Name] = piece.Sum
		}
	}
	return known
}

// awaitFree waits until a source can go on air here, and reports whether it can. What a node acknowledges that
// cannot put it on air may never be in the program: it may die first, or the publisher may be done.
func (p *Program) awaitFree(ctx context.Context, source string) bool {
	ctx, cancel := context.WithTimeout(ctx, knownTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !p.free(source) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// free reports whether this node knows what was on air before, and that it is no take of the source's own that
// another node writes or has left.
func (p *Program) free(source string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want(false) // who does not follow the channel does not hear that a take has ended
	if p.gone {
		return true
	}
	if p.director == nil || !p.settled {
		return false
	}
	e := p.director.List().OnAir()
	return e == nil || program.PictureOf(e.Source) != source || p.writers[e.Take] != nil
}

// sessionName is what an address says of a session.
func sessionName(session string) string {
	name, _, _ := strings.Cut(session, "~")
	return name
}

// remember keeps a piece: a publisher that begins a session again is told which of its pieces are durable.
func (p *Program) remember(piece noted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pieces = append(p.pieces, piece)
	if len(p.pieces) > maxPieces {
		p.pieces = append(p.pieces[:0:0], p.pieces[len(p.pieces)-maxPieces/2:]...)
	}
}

// awaitEnd waits until the node that last took in a source is heard again or has been ended.
func (f *fleet) awaitEnd(ctx context.Context, p *Program, slot string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	at := f.live[p.id][slot]
	f.mu.Unlock()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		m, ok := f.member(at.node)
		if !ok || m.Self || m.State == mesh.Alive && m.Incarnation == at.incarnation || m.Reason == mesh.HasLeft || f.station.ended(at.incarnation) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Owner names the other node that takes in a session just now, or "".
func (s *Station) Owner(key, session string) string {
	if s.fleet == nil {
		return ""
	}
	c, src, err := s.cfg.Channels.ByKey(key)
	if err != nil {
		return ""
	}
	slot := src.ID
	if key == src.BackupStreamKey {
		slot += backupMark
	}
	p := s.program(c)
	if p == nil || p.takesInHere(slot) {
		return ""
	}
	s.fleet.mu.Lock()
	at := s.fleet.live[c.ID][slot]
	s.fleet.mu.Unlock()
	if m, ok := s.fleet.member(at.node); ok && !m.Self && m.State == mesh.Alive && m.Incarnation == at.incarnation && at.session == session && session != "" {
		return at.node
	}
	return ""
}

// takesInHere reports whether this node has the publisher of a place.
func (p *Program) takesInHere(slot string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.publishers[slot] != nil
}
