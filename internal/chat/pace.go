package chat

import "time"

// allowance is how often somebody may do something: burst times at once, and again after each pause.
type allowance struct {
	burst int
	pause time.Duration
}

var (
	speakerPace = allowance{5, 1500 * time.Millisecond}
	crewPace    = allowance{20, 200 * time.Millisecond}
	addressPace = allowance{20, 250 * time.Millisecond} // a school's many viewers have one
	roomPace    = allowance{500, 2 * time.Millisecond}  // 500 messages a second are more than anybody reads
	reactPace   = allowance{10, 400 * time.Millisecond}
	votePace    = allowance{5, time.Second}
)

// repeatTime is how long somebody may not say the same again.
const repeatTime = 30 * time.Second

// meter says when an allowance is full again: the generic cell rate algorithm (ITU-T I.371).
type meter struct{ full time.Time }

// take uses one of an allowance, or says how long to wait for one.
func (m *meter) take(a allowance, now time.Time) (wait time.Duration) {
	full := m.full
	if full.Before(now) {
		full = now
	}
	if wait = full.Sub(now) - time.Duration(a.burst-1)*a.pause; wait > 0 {
		return wait
	}
	m.full = full.Add(a.pause)
	return 0
}

// use counts what happened elsewhere and cannot be refused any more.
func (m *meter) use(a allowance, now time.Time) {
	if m.full.Before(now) {
		m.full = now
	}
	if most := now.Add(time.Duration(a.burst) * a.pause); m.full.Before(most) {
		m.full = m.full.Add(a.pause)
	}
}

// habit is what a room remembers of who speaks in it, for as long as it matters.
type habit struct {
	said, reacted, voted meter
	last                 time.Time
	text                 string
}

func (h *habit) idle(now time.Time, slow time.Duration) bool {
	for _, m := range []meter{h.said, h.reacted, h.voted} {
		if m.full.After(now) {
			return false
		}
	}
	return now.Sub(h.last) > max(slow, repeatTime)
}

// habits remember people and addresses by their names.
type habits struct {
	of   map[string]*habit
	next int // how many there may be before those that do not matter any more are forgotten
}

const fewHabits = 512

func (h *habits) get(who string, now time.Time, slow time.Duration) *habit {
	if had := h.of[who]; had != nil {
		return had
	}
	if len(h.of) >= max(h.next, fewHabits) {
		for name, had := range h.of {
			if had.idle(now, slow) {
				delete(h.of, name)
			}
		}
		h.next = 2 * len(h.of)
	}
	if h.of == nil {
		h.of = map[string]*habit{}
	}
	had := &habit{}
	h.of[who] = had
	return had
}
