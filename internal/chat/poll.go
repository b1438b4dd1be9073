package chat

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Poll is a question to the viewers. Each person has one vote, which counts as it was given last.
type Poll struct {
	ID       string    `json:"id"`
	Question string    `json:"question"`
	Options  []string  `json:"options"`
	Begun    time.Time `json:"begun"`
	Ended    time.Time `json:"ended"` // zero while it is open
	Counts   []int     `json:"counts,omitempty" doc:"votes for each option"`
}

const (
	maxQuestion = 150
	maxOption   = 60
	MaxOptions  = 6
	// maxVotes bounds the votes of a poll, and votesFrom those of guests from one address.
	maxVotes  = 200_000
	votesFrom = 30
)

// NewPoll makes a poll that is open from now on.
func NewPoll(question string, options []string, now time.Time) (*Poll, error) {
	p := &Poll{ID: randomID(), Question: plain(question), Begun: now.UTC().Truncate(time.Millisecond)}
	if n := utf8.RuneCountInString(p.Question); !seen(p.Question) || n > maxQuestion {
		return nil, invalid("a question of %d characters: use 1 to %d", n, maxQuestion)
	}
	for _, o := range options {
		if o = plain(o); o == "" {
			continue
		}
		if n := utf8.RuneCountInString(o); !seen(o) || n > maxOption {
			return nil, invalid("an answer of %d characters: use 1 to %d", n, maxOption)
		}
		if slices.Contains(p.Options, o) {
			return nil, invalid("the answer %q is there twice", o)
		}
		p.Options = append(p.Options, o)
	}
	if n := len(p.Options); n < 2 || n > MaxOptions {
		return nil, invalid("%d answers: give 2 to %d", n, MaxOptions)
	}
	return p, nil
}

// vote is one person's answer.
type vote struct {
	Poll   string `json:"poll"`
	Who    string `json:"who"`
	Mark   string `json:"mark,omitempty"` // of a guest
	Option int    `json:"option"`
	At     int64  `json:"at"` // ms; of two votes of a person the later one counts
}

// ballot counts the votes of a poll.
type ballot struct {
	poll   string
	votes  map[string]vote
	marks  map[string]int
	counts []int
}

func newBallot(p *Poll) *ballot {
	return &ballot{poll: p.ID, votes: map[string]vote{}, marks: map[string]int{}, counts: make([]int, len(p.Options))}
}

// cast counts a vote, and reports whether it changed anything.
func (b *ballot) cast(v vote) bool {
	if v.Poll != b.poll || v.Option < 0 || v.Option >= len(b.counts) {
		return false
	}
	old, had := b.votes[v.Who]
	if had && (v.At < old.At || v.At == old.At && v.Option <= old.Option) || !had && len(b.votes) >= maxVotes {
		return false
	}
	b.votes[v.Who] = v
	if had && v.Option == old.Option {
		return false
	}
	if had {
		b.counts[old.Option]--
	} else if v.Mark != "" {
		b.marks[v.Mark]++
	}
	b.counts[v.Option]++
	return true
}
