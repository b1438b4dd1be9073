package webhook

import (
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Bounds of a ledger: it must stay a small document.
const (
	maxWaiting = 400
	maxAnswers = 20 // of each webhook
	maxSaid    = 200
	leaseTime  = 45 * time.Second // how long a node that has died keeps others waiting
	// atOnce is how many events one webhook is told under one lease, and postTime how long it has for each: together
	// they are well below leaseTime.
	atOnce   = 3
	postTime = 10 * time.Second
	// giveUp is how long an event is tried.
	giveUp = 24 * time.Hour
)

// waits are the times between tries; the last one goes on.
var waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// Answer is one line of a webhook's delivery log.
type Answer struct {
	Event  string        `json:"event"` // id
	Type   channel.Event `json:"type"`
	At     time.Time     `json:"at"`
	Try    int           `json:"try"` // counts from 1
	Status int           `json:"status,omitempty" doc:"of the answer; absent if there was none"`
	Said   string        `json:"said,omitempty" doc:"the beginning of the answer, or what went wrong"`
	Took   float64       `json:"took" doc:"seconds"`
	OK     bool          `json:"ok" doc:"the address took it: it answered 200 to 299"`
	Next   *time.Time    `json:"next,omitempty" doc:"when it is tried again; absent if it is not"`
}

// waiting is an event on its way to one webhook.
type waiting struct {
	Event Event     `json:"event"`
	Hook  string    `json:"hook"`
	Since time.Time `json:"since"` // when it was queued
	Tries int       `json:"tries,omitempty"`
	Next  time.Time `json:"next"`
}

// ledger is the document of one channel.
type ledger struct {
	Channel string              `json:"channel"` // slug, for people who read the bucket
	Owner   string              `json:"owner,omitempty"`
	Until   time.Time           `json:"until,omitzero"` // nobody but the owner sends before
	Term    int64               `json:"term,omitempty"`
	Told    Told                `json:"told"`
	Waiting []waiting           `json:"waiting,omitempty"`
	Answers map[string][]Answer `json:"answers,omitempty"` // by webhook, newest first
}

// queue adds events for all webhooks that want them, and drops the oldest if there are too many.
func (l *ledger) queue(c *channel.Channel, events []Event, now time.Time) {
	for _, e := range events {
		for i := range c.Webhooks {
			if w := &c.Webhooks[i]; w.Wants(e.Type) && !l.has(e.ID, w.ID) {
				l.Waiting = append(l.Waiting, waiting{Event: e, Hook: w.ID, Since: now, Next: now})
			}
		}
	}
	for len(l.Waiting) > maxWaiting {
		x := l.Waiting[0]
		l.Waiting = l.Waiting[1:]
		l.note(x.Hook, Answer{Event: x.Event.ID, Type: x.Event.Type, At: now, Try: x.Tries, Said: "given up: too much waits for this channel's webhooks"})
	}
}

// has reports whether an event waits for a webhook, or was told to it lately.
func (l *ledger) has(event, hook string) bool {
	return slices.ContainsFunc(l.Waiting, func(x waiting) bool { return x.Event.ID == event && x.Hook == hook }) ||
		slices.ContainsFunc(l.Answers[hook], func(a Answer) bool { return a.Event == event })
}

// drop forgets webhooks that are no more, and what waits for them or for ones that are told nothing.
func (l *ledger) drop(c *channel.Channel) {
	l.Waiting = slices.DeleteFunc(l.Waiting, func(x waiting) bool {
		w := c.Webhook(x.Hook)
		return w == nil || !w.Wants(x.Event.Type)
	})
	for hook := range l.Answers {
		if c.Webhook(hook) == nil {
			delete(l.Answers, hook)
		}
	}
}

// due returns what is to be sent now: of each webhook the oldest few.
func (l *ledger) due(now time.Time) (out []waiting) {
	count := map[string]int{}
	for _, x := range l.Waiting {
		if !x.Next.After(now) && count[x.Hook] < atOnce {
			count[x.Hook]++
			out = append(out, x)
		}
	}
	return out
}

// take gives the lease to a node if nobody else has it. It reports the term.
func (l *ledger) take(node string, now time.Time) (term int64, ok bool) {
	if l.Owner != "" && now.Before(l.Until) {
		return 0, false
	}
	l.Owner, l.Until, l.Term = node, now.Add(leaseTime), l.Term+1
	return l.Term, true
}

// sent is what came of one try.
type sent struct {
	waiting
	answer Answer
}

// settle notes what came of tries, and gives the lease of that term back.
func (l *ledger) settle(term int64, tries []sent, now time.Time) {
	if l.Term == term {
		l.Owner, l.Until = "", time.Time{}
	}
	for _, s := range tries {
		i := slices.IndexFunc(l.Waiting, func(x waiting) bool { return x.Event.ID == s.Event.ID && x.Hook == s.Hook })
		if i < 0 {
			continue // another node has told it meanwhile, or the webhook is no more
		}
		x := &l.Waiting[i]
		x.Tries++
		s.answer.Try = x.Tries
		next := now.Add(waits[min(x.Tries, len(waits))-1])
		switch {
		case s.answer.OK, next.Sub(x.Since) > giveUp:
			l.Waiting = slices.Delete(l.Waiting, i, i+1)
		default:
			x.Next, s.answer.Next = next, &next
		}
		l.note(s.Hook, s.answer)
	}
}

func (l *ledger) note(hook string, a Answer) {
	if l.Answers == nil {
		l.Answers = map[string][]Answer{}
	}
	list := append([]Answer{a}, l.Answers[hook]...)
	l.Answers[hook] = list[:min(len(list), maxAnswers)]
}
