package webpush

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

const (
	// quiet is how long a channel has to have been off air before browsers are told again.
	quiet = 10 * time.Minute
	// stale is how old the news may be: later, nobody is told what is perhaps over.
	stale = 15 * time.Minute
	// A round is gone through so often, with so much time between: push services may be away for a moment.
	maxPasses = 3
	passEvery = 30 * time.Second
	leaseTime = 45 * time.Second // how long a node that has died keeps others waiting
)

// state is what a channel's browsers were told: a document.
type state struct {
	Channel string       `json:"channel"` // slug, for people who read the bucket
	Told    webhook.Told `json:"told"`
	Live    time.Time    `json:"live"`            // when it was on air last, as far as was told
	Round   *round       `json:"round,omitempty"` // nil while nobody is to be told anything
	Swept   time.Time    `json:"swept"`           // when ended subscriptions were looked for last
	Owner   string       `json:"owner,omitempty"`
	Until   time.Time    `json:"until,omitzero"` // nobody but the owner sends before
}

// round is one event that all of a channel's browsers are told.
type round struct {
	Event  string    `json:"event"`
	At     time.Time `json:"at"` // when the channel went on air
	Passes int       `json:"passes,omitempty"`
	Next   time.Time `json:"next"` // the pass that comes begins then
}

// decide takes in what has happened. It begins a round where a channel is on air after long enough, and ends it where it
// is not any more. It reports whether anything is to be kept.
func (s *state) decide(channelID string, list []webhook.Aired, now time.Time) bool {
	events, told := s.Told.Next(channelID, list, now)
	if told == s.Told {
		return false
	}
	s.Told = told
	for _, e := range events {
		switch e.Type {
		case channel.EventOnAir:
			if s.Round = nil; e.At.Sub(s.Live) >= quiet && now.Sub(e.At) < stale {
				s.Round = &round{Event: e.ID, At: e.At, Next: now}
			}
			s.Live = e.At
		case channel.EventOffAir:
			s.Round, s.Live = nil, e.At
		}
	}
	return true
}

// due reports whether it is for a node to begin a pass of the round, or to go on with it.
func (s *state) due(node string, now time.Time) bool {
	return s.Round != nil && !now.Before(s.Round.Next) && (s.Owner == "" || s.Owner == node || !now.Before(s.Until))
}

// lease gives the channel to a node, or keeps it for the one that has it, as long as that event is told.
func (s *state) lease(node, event string, now time.Time) bool {
	if s.Round == nil || s.Round.Event != event || !s.due(node, now) {
		return false
	}
	s.Owner, s.Until = node, now.Add(leaseTime)
	return true
}

// passed ends a pass of the node that has the lease, and the round with it unless somebody is left who can be told.
func (s *state) passed(left bool, now time.Time) {
	s.Owner, s.Until = "", time.Time{}
	r := *s.Round
	r.Passes, r.Next = r.Passes+1, now.Add(passEvery)
	if s.Round = &r; !left || r.Passes >= maxPasses || now.Sub(r.At) >= stale {
		s.Round = nil
	}
}
