package station

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/program"
)

const (
	// claimTime is how long the bucket has to answer a claim before the others' word is asked.
	claimTime = 1500 * time.Millisecond
	// claimRetry is how long a claim waits that nobody could grant.
	claimRetry = 250 * time.Millisecond
)

// claim gets the right to begin an entry while nothing is on air, for as long as the director wants it:
// from the bucket, or, while that is away, from the other nodes.
func (p *Program) claim(ctx context.Context, m *program.Mark) {
	p.station.fleet.gather(ctx, p)
	began, unanswered := time.Now(), false
	for tries := 0; ctx.Err() == nil; tries++ {
		if (p.station.Health().AwayFor == 0 || time.Since(began) > claimTime) && p.mine(m) {
			err := p.claimInBucket(ctx, m)
			if err == nil {
				return
			}
			if errors.Is(err, program.ErrTaken) { // perhaps only because the list has gone on since it was made
				p.nextLater(ctx)
				return
			}
			unanswered = unanswered || errors.Is(err, errUnanswered)
		}
		away := p.station.Health().AwayFor > 0 || time.Since(began) > claimTime
		if away && p.grantable(m) && p.station.granted(ctx, p, m, unanswered) {
			p.mu.Lock()
			o := p.director.Granted(m.Entry.ID)
			if o == nil || p.writers[o.Take] == nil { // the list has gone on meanwhile, or the take has ended
				p.director.Denied(m.Entry.ID)
				o = p.director.Next()
			}
			p.order(o)
			p.mu.Unlock()
			return
		}
		if !p.wants(m) {
			return
		}
		select {
		case <-time.After(spread(m.ID(), tries)):
		case <-ctx.Done():
		}
	}
}

// spread returns how long a claim waits before it is tried again. It differs from claim to claim, so that of two that
// stand in each other's way one comes alone.
func spread(claim string, tries int) time.Duration {
	h := fnv.New32a()
	fmt.Fprint(h, claim, tries)
	return claimRetry/2 + time.Duration(h.Sum32())%claimRetry
}

// grantable reports whether the others' word can stand for the bucket's: there must be a take's log to keep the
// claim, and only the bucket may leap.
func (p *Program) grantable(m *program.Mark) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.Entry != nil && m.Entry.Play == nil && m.Exact(p.director.List())
}

// nextLater looks again soon what is to be put on air.
func (p *Program) nextLater(ctx context.Context) {
	select {
	case <-time.After(claimRetry):
	case <-ctx.Done():
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order(p.director.Next())
}

// mine reports whether this node has given its word to nobody else.
func (p *Program) mine(m *program.Mark) bool {
	f := p.station.fleet
	if f == nil {
		return true
	}
	p.mu.Lock()
	list := p.director.List()
	p.mu.Unlock()
	if _, err := program.Claimed(list, list, m); err != nil {
		return true // the list has gone on, and the bucket says how
	}
	return f.promise(p, list, m, f.station.cfg.Spool.Node(), 0)
}

// wants reports whether a claim is still wanted: its take is still there, or it needs none.
func (p *Program) wants(m *program.Mark) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.Entry == nil || m.Entry.Play != nil {
		return p.director.Claims(m.ID())
	}
	if p.writers[m.Entry.Take] != nil {
		return true
	}
	p.director.Denied(m.ID())
	p.order(p.director.Next())
	return false
}

// claimInBucket writes the entry into the cut list in the bucket, if it follows what is there.
func (p *Program) claimInBucket(ctx context.Context, m *program.Mark) error {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	_, err := p.carryOut(ctx, m)
	return err
}

// errUnanswered is wrapped when the bucket may have carried out a claim, and its answer was lost.
var errUnanswered = errors.New("the bucket may have it")

// carryOut writes an entry that this node or another one claims into the cut list in the bucket, if it
// follows what is there, and learns what is there then.
func (p *Program) carryOut(ctx context.Context, m *program.Mark) (list *program.CutList, err error) {
	p.mu.Lock()
	ours := p.director.List()
	p.mu.Unlock()
	written := false
	_, err = bucket.Update(ctx, p.station.cfg.Docs, cutsKey(p.id), func(c *program.CutList) (err error) {
		written = true
		if list, err = program.Claimed(c, ours, m); err == nil {
			*c = *list
		}
		return err
	})
	if err != nil && !errors.Is(err, program.ErrTaken) {
		if written {
			err = fmt.Errorf("%w: %w", errUnanswered, err)
		}
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.director.Denied(m.ID())
		p.learn(list, true)
		return nil, err
	}
	p.savedAt = time.Now()
	p.learn(list, true)
	p.saved = p.director.List()
	return list, nil
}

// conflictEvery is how often the bucket is asked at most when another node knows a different program.
const conflictEvery = time.Second

// learn takes in what another node or, with sure, the bucket knows of the cut list. The lock is held.
func (p *Program) learn(list *program.CutList, sure bool) {
	if p.director == nil || p.gone {
		return
	}
	before := p.director.List()
	o, err := p.director.Learn(list, sure)
	if err != nil {
		p.station.stats.conflicts.Add(1)
		p.station.log.Error("this node and another know different programs of a channel", "channel", p.channel.Slug, "sure", sure, "error", err)
		if !sure && time.Since(p.savedAt) > conflictEvery { // the bucket says who is right
			p.saved, p.savedAt = nil, time.Time{}
			p.station.wakeKeeper()
		}
	}
	if p.director.List() == before && o != nil && o.Words != "" {
		p.director.Denied(o.Words) // nothing was learned that would make it come out otherwise
		return
	}
	if p.director.List() == before && o != nil && o.Claim != nil {
		p.director.Denied(o.Claim.ID()) // likewise
		return
	}
	p.listChanged(before)
	p.order(o)
}

// granted reports whether the others give their word for a claim while the bucket is away.
func (s *Station) granted(ctx context.Context, p *Program, m *program.Mark, unanswered bool) bool {
	if s.fleet == nil {
		return true
	}
	return s.fleet.promised(ctx, p, m, unanswered)
}
