package bucket

import (
	"sync"
	"time"
)

// Meter counts requests of the last hour by kind.
type Meter struct {
	mu    sync.Mutex
	spans [60]meterSpan // of a minute each, by the minute modulo 60
}

type meterSpan struct {
	minute int64
	counts map[string]int64
}

// Observe counts a request.
func (m *Meter) Observe(kind string, now time.Time) {
	minute := now.Unix() / 60
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.spans[minute%60]
	if s.minute != minute {
		s.minute, s.counts = minute, map[string]int64{}
	}
	s.counts[kind]++
}

// LastHour returns how many requests of each kind there were within the last hour, the present minute included.
func (m *Meter) LastHour(now time.Time) map[string]int64 {
	minute := now.Unix() / 60
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]int64{}
	for i := range m.spans {
		if s := &m.spans[i]; minute-s.minute < 60 {
			for kind, n := range s.counts {
				out[kind] += n
			}
		}
	}
	return out
}
