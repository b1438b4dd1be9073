package station

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// errUnsettled keeps the collector from deleting anything while not all is known.
var errUnsettled = errors.New("not all channels are settled and read")

// roots says what of the bucket is needed: of incarnations that have ended and of the running one,
// everything from the oldest part on that a log in memory refers to. A channel that keeps everything
// keeps the incarnations of all its takes whole.
func (s *Station) roots(ctx context.Context) (bundle.Roots, error) {
	ended, err := bundle.Sealed(ctx, s.cfg.Docs.Bucket())
	if err != nil {
		return nil, err
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
		if err := p.roots(roots); err != nil {
			return nil, err
		}
	}
	s.store.Each(func(l *take.Log) {
		ref, ok := l.Oldest()
		if !ok {
			return
		}
		need, known := roots[*ref.Incarnation]
		switch {
		case !known:
		case need.None || ref.Sequence < need.From:
			roots[*ref.Incarnation] = bundle.Need{From: ref.Sequence}
		}
	})
	return roots, nil
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
	if !p.channel.Keep {
		return nil
	}
	list := p.director.List()
	oldest := ""
	for _, e := range list.Entries {
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
