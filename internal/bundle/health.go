package bundle

import "time"

// Full reports that nothing more is to be taken in: neither the bucket nor the spool takes anything and
// memory is used up, or a disk that hangs holds up the making of bundles.
func (f *Flusher) Full() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full || f.bytes > maxGathered
}

// Health is the state of a flusher at one moment.
type Health struct {
	Pending   int64         // bytes not yet in a bundle
	Memory    int64         // bytes of bundles held in memory
	Spooled   int64         // bytes of bundles that only the spool has
	AwayFor   time.Duration // how long the bucket has not answered, 0 if it does
	SpoolFull bool
}

// Health returns the state at this moment.
func (f *Flusher) Health() Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := Health{Pending: f.bytes, Memory: f.held, Spooled: f.cfg.Spool.Backlog(), SpoolFull: f.full}
	if !f.away.IsZero() {
		h.AwayFor = time.Since(f.away)
	}
	return h
}
