package bundle

import (
	"math"
	"slices"
)

// safety says how far the log of an incarnation is safe (rule C): in a bundle that landed, or held by the
// witnesses that the newest bundle in the bucket names, because that is where who ends the incarnation
// looks for whom to ask. It is a state machine without goroutines or clocks.
//
// All that are named must hold a line, so that any one of them who lives can give an exact word. While the
// bucket is away nobody else can be named, and one witness's death would stop everything; so those that
// are gone are passed over then, if most of the fleet is in sight (solo). If neither can be had, the spool
// is what there is. A witness that its writer has outlived does not give its word alone, nor one that hears
// less than half of the fleet, if the writer was without the bucket when it was last heard: it cannot know.
//
// While a bundle that changes the names is on its way nobody can know which of the two is the newest, so
// what holds for both counts. If no bundle names any, there is no other word than the incarnation's own
// spool, and who ends it without that leaps.
//
// Places in the log of the incarnation are counted in lines: its records in the order of their coming.
type safety struct {
	stored  uint64            // lines in bundles that landed, without a hole
	spooled uint64            // lines in bundles that landed or are synced to the spool, without a hole
	held    map[string]uint64 // lines that each witness holds
	wanted  []string          // who shall witness
	namings []naming          // the newest bundle that landed, then those on their way that name others
	lonely  bool              // the spool alone has counted at some time
	solo    bool              // witnesses that are gone may be passed over while the bucket is away
}

// naming is a bundle and whom it names.
type naming struct {
	sequence uint64
	names    []string
}

func newSafety() *safety {
	return &safety{held: map[string]uint64{}, namings: make([]naming, 1)}
}

// want says who shall witness from the next bundle on, and reports whether that is a change.
func (s *safety) want(names []string) bool {
	names = names[:min(len(names), maxWitnesses)]
	if slices.Equal(names, s.wanted) {
		return false
	}
	s.wanted = slices.Clone(names)
	return true
}

// unnamed reports whether the next bundle will name others than the newest one.
func (s *safety) unnamed() bool {
	return !slices.Equal(s.wanted, s.namings[len(s.namings)-1].names)
}

// made notes that a bundle was made, which names the witnesses that are wanted.
func (s *safety) made(sequence uint64) []string {
	if s.unnamed() {
		s.namings = append(s.namings, naming{sequence: sequence, names: s.wanted})
	}
	return s.wanted
}

// landed notes that a bundle and all before it landed.
func (s *safety) landed(sequence, lines uint64) {
	s.stored = max(s.stored, lines)
	s.spooled = max(s.spooled, lines)
	for i := len(s.namings) - 1; i > 0; i-- {
		if s.namings[i].sequence <= sequence {
			s.namings = slices.Delete(s.namings, 0, i)
			return
		}
	}
}

// hold notes how many lines a witness holds; it is not there any more with 0.
func (s *safety) hold(witness string, lines uint64) {
	if lines == 0 {
		delete(s.held, witness)
		return
	}
	s.held[witness] = max(s.held[witness], lines)
}

// exact reports whether who ends the incarnation may ask witnesses for an exact word, so that nothing
// may be listed that is not safe.
func (s *safety) exact() bool {
	return slices.ContainsFunc(s.namings, func(n naming) bool { return len(n.names) > 0 })
}

// safe returns how many lines are safe; away says that the bucket does not answer.
func (s *safety) safe(away bool) uint64 {
	if !s.exact() {
		return s.spooled
	}
	if away && len(s.held) == 0 {
		s.lonely = true
		return s.spooled // neither the bucket nor a witness can be had
	}
	all := uint64(math.MaxUint64)
	for _, n := range s.namings {
		if len(n.names) > 0 { // else no exact word is expected: whatever was listed, one leaps
			all = min(all, s.heldBy(n.names, away && s.solo))
		}
	}
	return max(s.stored, all)
}

// heldBy returns how many lines all of these witnesses hold, or all that are there.
func (s *safety) heldBy(names []string, present bool) uint64 {
	all, some := uint64(math.MaxUint64), false
	for _, witness := range names {
		lines, there := s.held[witness]
		if there || !present {
			all = min(all, lines)
		}
		some = some || there
	}
	if !some {
		return 0
	}
	return all
}

// durable returns how many lines may be acknowledged to who would forget them then: in bundles that
// landed, or, while the bucket is away, held by two witnesses that count.
func (s *safety) durable(away bool) uint64 {
	if !away {
		return s.stored
	}
	var best, second uint64
	for witness, lines := range s.held {
		if !s.counts(witness) {
			continue
		}
		if lines > best {
			best, second = lines, best
		} else {
			second = max(second, lines)
		}
	}
	return max(s.stored, second)
}

// counts reports whether a witness will be asked, whichever of the bundles is the newest then: all name it.
// One that names nobody counts here too. What was listed may be leapt over; what was acknowledged is not lost.
func (s *safety) counts(witness string) bool {
	return !slices.ContainsFunc(s.namings, func(n naming) bool { return !slices.Contains(n.names, witness) })
}
