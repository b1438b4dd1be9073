package station

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

const (
	saveEvery = 15 * time.Second // at most so often a cut list is stored (rule H)
	tidyEvery = 10 * time.Second
	// pageAge is how long the index of a bundle waits to become a part of a page, at most.
	pageAge = 12 * time.Hour
	// margin is how much longer than it is listed media can be had (law 3).
	margin = 2 * program.LiveSpan
	// recordSpan is how much of a channel that is recorded is known at least, so that whoever records it may be late.
	recordSpan = 30 * 60 * media.TicksPerSecond
	// unlistedTime is how long a take that ended without being on air is remembered.
	unlistedTime = 2 * time.Minute
)

func (s *Station) wakeKeeper() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keep stores cut lists and lets go what no playlist lists any more.
func (s *Station) keep(ctx context.Context) error {
	save, tidy := time.NewTicker(time.Second), time.NewTicker(tidyEvery)
	defer save.Stop()
	defer tidy.Stop()
	for {
		select {
		case <-s.wake:
			s.saveCuts(ctx, false)
		case <-save.C:
			s.saveCuts(ctx, false)
			s.forgetEnded(ctx)
			s.nudge()
			for _, p := range s.each() {
				p.keepMix()
			}
		case <-tidy.C:
			s.tidy(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// nudge lets channels whose publishers wait try again to go on air, and plans of channels where nothing is: a claim may
// have been turned down for what has passed since.
func (s *Station) nudge() {
	for _, p := range s.each() {
		p.mu.Lock()
		if p.director != nil && len(p.writers) > 0 {
			p.order(p.director.Next())
		}
		if p.director != nil && p.settled {
			p.idle()
			p.cued()
		}
		p.mu.Unlock()
	}
}

// saveCuts stores the cut lists that changed: at once, but none twice within saveEvery unless all are
// asked for. They are only the record of the marks, so it does no harm if one is late. An error says that
// not all could be stored.
func (s *Station) saveCuts(ctx context.Context, all bool) (failed error) {
	for _, p := range s.each() {
		p.mu.Lock()
		var list *program.CutList
		if p.director != nil && !p.gone {
			list = p.director.List()
		}
		due := list != nil && list != p.saved && (len(list.Entries) > 0 || list.Begin > 0) && (all || time.Since(p.savedAt) >= saveEvery)
		slug := p.channel.Slug
		p.mu.Unlock()
		if !due {
			continue
		}
		err := p.save(ctx, list)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("a cut list could not be stored; it is tried again", "channel", slug, "error", err)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// errStored says that the bucket has a cut list already: all nodes hear of a cut, and one stores it.
var errStored = errors.New("stored already")

// save stores what this node knows of the channel's cut list beside what other nodes stored.
func (p *Program) save(ctx context.Context, list *program.CutList) error {
	var merged *program.CutList
	_, err := bucket.Update(ctx, p.station.cfg.Docs, cutsKey(p.id), func(c *program.CutList) (err error) {
		stored := *c
		if merged, err = stored.Merge(list); err != nil {
			merged = &stored
			return err
		}
		if same(merged, &stored) {
			return errStored
		}
		*c = *merged
		return nil
	})
	if errors.Is(err, errStored) {
		err = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.savedAt = time.Now()
	if err == nil || errors.Is(err, program.ErrConflict) {
		p.learn(merged, true)
	}
	if err == nil {
		p.saved = list
	}
	return err
}

// same reports whether two lists are stored alike.
func same(a, b *program.CutList) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// tidy forgets what no playlist lists any more, and settles what could not be before.
func (s *Station) tidy(ctx context.Context) {
	listed := map[media.TakeID]bool{}
	for _, p := range s.each() {
		p.settle(ctx)
		if p.needsReload() {
			p.reload(ctx)
		}
		p.tidy(listed)
	}
	s.tidyOthers(listed)
	if r := s.runs(); r != nil {
		r.pager.Age(pageAge)
	}
	if s.fleet != nil {
		s.fleet.tidyTails()
		s.reindex()
	}
}

// reindex notes anew which channel lists which takes.
func (s *Station) reindex() {
	takes := map[media.TakeID]*Program{}
	for _, p := range s.each() {
		p.mu.Lock()
		if p.director != nil && !p.gone {
			for _, e := range p.director.List().Entries {
				if e.Play == nil {
					takes[e.Take] = p
				}
			}
		}
		p.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = takes
}

func (p *Program) needsReload() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.director != nil && !p.reloaded
}

// tidy trims the logs of the channel's takes to the DVR window, and notes which takes it lists.
func (p *Program) tidy(listed map[media.TakeID]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return
	}
	p.tidyPlay()
	list := p.director.List()
	span := max(media.TicksOf(p.channel.Window()), program.LiveSpan) + margin
	if p.channel.Record {
		span = max(span, recordSpan)
	}
	var covered media.Ticks
	for i := len(list.Entries) - 1; i >= 0; i-- {
		e := &list.Entries[i]
		if covered >= span {
			break
		}
		listed[e.Take] = true
		left := span - covered
		if e.End != nil {
			covered += media.TicksOf(e.End.ProgramTime.Sub(e.ProgramTime))
		} else if e.Play != nil {
			covered += media.TicksOf(time.Since(e.ProgramTime))
		}
		l := p.station.store.Log(e.Take)
		if l == nil {
			continue // another node has it, and what is older may be here all the same
		}
		end := l.Edge().End
		l.Trim(end - left)
		if e.End == nil {
			covered += end
		}
		if l.Ended() {
			l.Release()
		}
	}
}

// tidyOthers forgets ended takes that no channel lists.
func (s *Station) tidyOthers(listed map[media.TakeID]bool) {
	if !s.settled.Load() {
		return
	}
	var old []*take.Log
	s.store.Each(func(l *take.Log) {
		if !listed[l.Take().ID] && l.Ended() && time.Since(l.Take().Born.Add(l.Edge().End.Duration())) > unlistedTime {
			old = append(old, l)
		}
	})
	for _, l := range old {
		s.forget(l)
	}
}
