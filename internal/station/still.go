package station

import (
	"context"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

const (
	// stillTime is how long a silent node must at least have written no bundle before it is ended; it writes
	// one every flush.
	stillTime = 700 * time.Millisecond
	// stillLong is the same for a node that was seen to write while it was silent: it lives, and only the mesh
	// does not reach it. It also holds for who does not hear most of the fleet: it is rather its own mesh that
	// is cut.
	stillLong = 3 * time.Second
)

// writing is what is known of the bundles of a node that has fallen silent.
type writing struct {
	next  uint64    // number behind the newest
	since time.Time // nothing was written since; zero before it was looked
	lives bool      // it has written while it was silent
}

// saw notes where the writing stands now.
func (w writing) saw(next uint64, now time.Time) writing {
	switch {
	case w.since.IsZero():
		return writing{next, now, false}
	case w.next != next:
		return writing{next, now, true}
	}
	return w
}

// lookAtWriting looks once where the writing of a node stands that has just fallen silent.
func (f *fleet) lookAtWriting(m mesh.Member) {
	i, err := bundle.ParseIncarnation(m.Incarnation)
	f.mu.Lock()
	_, looked := f.writing[m.Incarnation]
	if !looked {
		f.writing[m.Incarnation] = writing{}
	}
	f.mu.Unlock()
	if looked || err != nil {
		return
	}
	f.station.tasks.start(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, stillLong)
		defer cancel()
		if next, err := bundle.Newest(ctx, f.station.cfg.Docs.Bucket(), i); err == nil {
			f.saw(i, next)
		}
	})
}

// cutOff reports whether this node knows that its own mesh is cut: it does not hear most of the fleet, and
// one that it does not hear writes. Then it ends nobody: those on the other side know better.
func (f *fleet) cutOff() bool {
	if f.most("") {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.writing {
		if w.lives && time.Since(w.since) < 2*stillLong {
			return true
		}
	}
	return false
}

// saw notes where the writing stands now.
func (f *fleet) saw(i bundle.Incarnation, next uint64) writing {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.writing[i.String()].saw(next, time.Now())
	f.writing[i.String()] = w
	return w
}

// still waits until an incarnation whose newest bundles are known has written nothing for long enough, and
// reports whether that is so.
func (f *fleet) still(ctx context.Context, i bundle.Incarnation, next uint64) bool {
	w := f.saw(i, next)
	least := max(stillTime, f.station.flushTime()*3/2)
	m, known := f.member(i.Node)
	if w.lives || !f.most(i.Node) && !(known && f.awaits(m)) {
		least = stillLong
	}
	select {
	case <-time.After(time.Until(w.since.Add(least))):
	case <-ctx.Done():
		return false
	}
	next, err := bundle.Newest(ctx, f.station.cfg.Docs.Bucket(), i)
	return err == nil && f.saw(i, next) == w && !f.cutOff()
}
