package library

import (
	"errors"
	"fmt"
	"time"
)

// Work that one node does for all is a document with a lease. A lease is only about not doing things twice: whoever
// thinks that it holds one and does not any more does no harm, because everything it writes is written if absent, or
// by compare-and-swap.

const (
	// leaseTime is how long a node that has died keeps others waiting.
	leaseTime = 30 * time.Second
	// renewEvery is how often a node says that it goes on, and how far it is.
	renewEvery = 5 * time.Second
)

var (
	// errHeld is wrapped where another node has the lease.
	errHeld = errors.New("another node does this")
	// errLost is returned where another node has taken the lease over.
	errLost = errors.New("another node has taken this over")
)

// lease says who does something, and until when nobody else may.
type lease struct {
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until,omitzero"`
	Term  int       `json:"term,omitempty"` // counts its holders, so that one who comes back knows that it was away
}

// take gives the lease to an owner if nobody has it, or whoever had it let it run out.
func (l *lease) take(owner string, now time.Time) error {
	if l.Owner != "" && now.Before(l.Until) {
		return fmt.Errorf("%w: %s until %s", errHeld, l.Owner, l.Until.Format(time.TimeOnly))
	}
	l.Owner, l.Until, l.Term = owner, now.Add(leaseTime), l.Term+1
	return nil
}

// renew lets the holder of a term go on. Nobody else having come, it may also come late.
func (l *lease) renew(owner string, term int, now time.Time) error {
	if l.Owner != owner || l.Term != term {
		return errLost
	}
	l.Until = now.Add(leaseTime)
	return nil
}

// release gives the lease back, if it is the holder's still.
func (l *lease) release(owner string, term int) error {
	if l.Owner != owner || l.Term != term {
		return errLost
	}
	l.Owner, l.Until = "", time.Time{}
	return nil
}
