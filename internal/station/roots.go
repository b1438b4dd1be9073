package station

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// errUnsettled keeps the collector from deleting anything while not all is known.
var errUnsettled = errors.New("not all channels are settled and read")

// roots says what of the bucket is needed: of incarnations that have ended and of the running one,
// everything from the oldest part on that a log in memory refers to. A channel that keeps everything
// keeps the incarnations of all its takes whole.
func (s *Station) roots(ctx context.Context) (bundle.Roots, error) {
	var ended []bundle.Incarnation
	if s.fleet == nil || s.fleet.collects() {
		var err error
		if ended, err = bundle.Sealed(ctx, s.cfg.Docs.Bucket()); err != nil {
			return nil, err
		}
	}
	roots := bundle.Roots{}
	for _, i := range ended {
		roots[i] = bundle.Need{None: true}
	}
	if r := s.runs(); r != nil {
		roots[*r.incarnation] = bundle.Need{From: math.MaxUint64} // it goes on: its index pages stay
	}
	if !s.settled.Load() {
		return nil, errUnsettled
	}
	for _, p := range s.each() {
		if s.fleet != nil && len(ended) > 0 {
			if err := p.refresh(ctx); err != nil {
				return nil, err
			}
		}
		if err := p.roots(roots); err != nil {
			return nil, err
		}
	}
	s.store.Each(func(l *take.Log) {
		if ref, ok := l.Oldest(); ok {
			need(roots, *ref.Incarnation, ref.Sequence)
		}
	})
	if s.cfg.Needed == nil {
		return roots, nil
	}
	// Last: what somebody begins to refer to from now on is in a DVR window, and so among the above.
	needed, err := s.cfg.Needed(ctx)
	for i, from := range needed {
		need(roots, i, from)
	}
	return roots, err
}

// need adds that bundles of an incarnation are needed from a number on.
func need(roots bundle.Roots, i bundle.Incarnation, from uint64) {
	if old, known := roots[i]; known && (old.None || from < old.From) {
		roots[i] = bundle.Need{From: from}
	}
}

// roots adds what a channel that keeps everything needs. It fails while the channel is not read.
func (p *Program) roots(roots bundle.Roots) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	if p.director == nil || !p.settled || !p.reloaded {
		return fmt.Errorf("channel %s: %w", p.channel.Slug, errUnsettled)
	}
	list := p.director.List()
	if p.station.fleet != nil {
		if err := p.listed(list, roots); err != nil {
			return err
		}
	}
	if !p.channel.Keep {
		return nil
	}
	oldest := ""
	for _, e := range list.Entries {
		if e.Play != nil {
			continue
		}
		i, err := bundle.ParseIncarnation(e.Origin)
		if err != nil {
			return err
		}
		if oldest == "" {
			oldest = i.ID
		}
		if _, known := roots[i]; known {
			roots[i] = bundle.Need{From: 0}
		}
	}
	for i := range roots { // entries that the list dropped lie in older incarnations, nobody knows which
		if list.Dropped > 0 && i.ID <= oldest {
			delete(roots, i)
		}
	}
	return nil
}

// listed adds what the DVR window lists and this node does not follow: it cannot say from which bundle
// on it is needed, so all of its incarnation is.
func (p *Program) listed(list *program.CutList, roots bundle.Roots) error {
	span := max(media.TicksOf(p.channel.Window()), program.LiveSpan) + margin
	var covered media.Ticks
	for i := len(list.Entries) - 1; i >= 0 && covered < span; i-- {
		e := &list.Entries[i]
		if e.Play == nil {
			origin, err := bundle.ParseIncarnation(e.Origin)
			if err != nil {
				return err
			}
			if _, known := roots[origin]; known && p.station.store.Log(e.Take) == nil {
				roots[origin] = bundle.Need{From: 0}
			}
		}
		if e.End != nil {
			covered += media.TicksOf(e.End.ProgramTime.Sub(e.ProgramTime))
		}
	}
	return nil
}

// refresh reads the channel's cut list from the bucket: of a channel that nobody watches here, other
// nodes know more.
func (p *Program) refresh(ctx context.Context) error {
	list, err := bucket.Load[program.CutList](ctx, p.station.cfg.Docs, cutsKey(p.id))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(&list, true)
	return nil
}

// collects reports whether this node clears away what other nodes left: one does at a time.
func (f *fleet) collects() bool {
	return mesh.Director(f.mesh.Members(), "collector") == f.station.cfg.Spool.Node()
}
