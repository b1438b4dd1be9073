package chat

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// React lets a reaction rise.
func (r *Room) React(now time.Time, s Speaker, kind string) error {
	if !slices.Contains(Reactions, kind) {
		return invalid("reaction %q: use one of %v", kind, Reactions)
	}
	switch {
	case !r.known:
		return ErrStarting
	case r.rules.Mode == Off:
		return fmt.Errorf("%w: this channel has no chat", ErrBarred)
	case !s.Crew && r.rules.banned(&s, now) != nil:
		return fmt.Errorf("%w: a moderator has sent you out", ErrBarred)
	}
	wait := r.people.get(s.Who, now, r.slow()).reacted.take(reactPace, now)
	if wait == 0 {
		wait = r.addresses.get(s.Mark, now, 0).reacted.take(allowance{3 * reactPace.burst, reactPace.pause / 4}, now)
	}
	if wait > 0 {
		return &OftenError{wait, "that was a lot of reactions at once"}
	}
	r.react(map[string]int{kind: 1})
	if r.others.Reactions == nil {
		r.others.Reactions = map[string]int{}
	}
	r.others.Reactions[kind]++
	return nil
}

func (r *Room) react(counts map[string]int) {
	for kind, n := range counts {
		if n <= 0 || !slices.Contains(Reactions, kind) {
			continue
		}
		if r.viewers.Reactions == nil {
			r.viewers.Reactions = map[string]int{}
		}
		r.viewers.Reactions[kind] = min(r.viewers.Reactions[kind]+min(n, maxTogether), maxTogether)
	}
}

// Vote gives somebody's vote, in place of the one before.
func (r *Room) Vote(now time.Time, s Speaker, poll string, option int) error {
	p := r.rules.Poll
	switch {
	case !r.known:
		return ErrStarting
	case p == nil || p.ID != poll || !p.Ended.IsZero():
		return fmt.Errorf("%w: this poll is over", ErrBarred)
	case option < 0 || option >= len(p.Options):
		return invalid("option %d: use 0 to %d", option, len(p.Options)-1)
	case !s.Crew && r.rules.banned(&s, now) != nil:
		return fmt.Errorf("%w: a moderator has sent you out", ErrBarred)
	}
	if wait := r.people.get(s.Who, now, r.slow()).voted.take(votePace, now); wait > 0 {
		return &OftenError{wait, "you change your mind often"}
	}
	v := vote{Poll: poll, Who: s.Who, Option: option, At: now.UnixMilli()}
	_, had := r.ballot.votes[s.Who]
	if !s.Account {
		if v.Mark = s.Mark; !had && r.ballot.marks[s.Mark] >= votesFrom {
			return fmt.Errorf("%w: that many guests of one network have voted already: sign in to vote", ErrBarred)
		}
	}
	if !had && len(r.ballot.votes) >= maxVotes {
		return fmt.Errorf("%w: this poll has as many votes as it can count", ErrBarred)
	}
	r.count([]vote{v})
	r.others.Votes = append(r.others.Votes, v)
	return nil
}

func (r *Room) count(votes []vote) {
	changed := false
	for _, v := range votes {
		changed = r.ballot != nil && r.ballot.cast(v) || changed
	}
	if changed && r.rules.Poll != nil && r.rules.Poll.Ended.IsZero() {
		r.viewers.Poll, r.voted = r.poll(), true
	}
}

// Votes returns the votes of the open poll if some came since they were kept last.
func (r *Room) Votes() (poll string, votes []vote) {
	if !r.voted || r.ballot == nil {
		return "", nil
	}
	r.voted = false
	return r.ballot.poll, slices.Collect(maps.Values(r.ballot.votes))
}
