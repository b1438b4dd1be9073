package station

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// loadCuts loads the cut lists of channels, and what their playlists list of the past.
func (s *Station) loadCuts(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range 16 {
		group.Go(func() error {
			for {
				p := s.load.take(ctx)
				if p == nil {
					return nil
				}
				s.loadOne(ctx, p)
			}
		})
	}
	return group.Wait()
}

func cutsKey(id string) string { return "cuts/" + id }

func (s *Station) loadOne(ctx context.Context, p *Program) {
	var list program.CutList
	err := s.retry(ctx, "a cut list cannot be read", func() (err error) {
		list, err = bucket.Load[program.CutList](ctx, s.cfg.Docs, cutsKey(p.id))
		if errors.Is(err, bucket.ErrNotFound) {
			list, err = program.CutList{Channel: p.id}, nil
		}
		return err
	})
	if err == nil {
		err = list.Validate()
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("a channel cannot be run", "channel", p.id, "error", err)
		}
		return
	}
	p.mu.Lock()
	p.director = program.NewDirector(&list, p.channel.AutoLive)
	p.director.Rehearse(p.channel.Rehearsal != nil)
	p.setPlan()
	if len(list.Entries) > 0 {
		p.saved, p.savedAt = &list, time.Now()
	}
	s.index(p)
	for id, w := range p.writers {
		if p.waiting[id] == nil { // its first part came before the cut list
			p.director.Began(contender(w.Log()))
		}
	}
	p.mu.Unlock()
	p.reload(ctx)
	p.settle(ctx)
	p.mu.Lock()
	p.touch()
	p.mu.Unlock()
	s.tell()
}

// reload reads from the bucket the logs of earlier takes that the DVR window still lists.
func (p *Program) reload(ctx context.Context) {
	p.mu.Lock()
	list, window := p.director.List(), p.channel.Window()
	p.mu.Unlock()
	end := time.Time{}
	for i := len(list.Entries) - 1; i >= 0; i-- {
		e := &list.Entries[i]
		if e.End != nil && end.IsZero() {
			end = e.End.ProgramTime
		}
		if e.End != nil && e.End.ProgramTime.Before(end.Add(-window)) {
			break
		}
		if e.Play != nil || p.station.store.Log(e.Take) != nil {
			continue
		}
		if _, err := p.station.origin(ctx, e.Origin); err != nil && !errors.Is(err, errUnsealed) && ctx.Err() == nil {
			p.station.log.Warn("older media of a channel cannot be read from the bucket", "channel", p.id, "error", err)
			return
		}
	}
	p.mu.Lock()
	p.reloaded = true
	p.mu.Unlock()
}

// queue holds the channels that wait for a loader: as many as there are.
type queue struct {
	mu   sync.Mutex
	list []*Program
	wake chan struct{} // there is something in the list
}

func (q *queue) put(p *Program) {
	q.mu.Lock()
	q.list = append(q.list, p)
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for the next channel; nil says that ctx has ended.
func (q *queue) take(ctx context.Context) *Program {
	for {
		q.mu.Lock()
		if len(q.list) > 0 {
			p := q.list[0]
			q.list = q.list[1:]
			more := len(q.list) > 0
			q.mu.Unlock()
			if more {
				q.signal()
			}
			return p
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil
		}
	}
}
