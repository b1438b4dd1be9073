package chat

import (
	"fmt"
	"slices"
	"time"
)

const (
	// maxRing is how many messages a room shows to who comes in, and maxHeld how many may wait for a moderator.
	maxRing = 150
	maxHeld = 200
	// maxPending bounds what is not in the bucket yet: when it is away for long, the oldest is not kept.
	maxPending = 20_000
	// maxGone is how many removed messages are remembered, for what comes late.
	maxGone = 2000
	// maxTogether bounds what one batch holds of anything.
	maxTogether = 1000
)

// Batch is what listeners are told at once. Empty parts are left out.
type Batch struct {
	Cursor    string         `json:"cursor"`
	Snapshot  bool           `json:"snapshot,omitempty"` // begins anew: what was known before may be old
	Messages  []Message      `json:"messages,omitempty"`
	Removed   []string       `json:"removed,omitempty"`
	Reactions map[string]int `json:"reactions,omitempty"`
	Rules     *Shown         `json:"rules,omitempty"`
	Poll      *Poll          `json:"poll,omitempty"`
	NoPoll    bool           `json:"noPoll,omitempty"` // there is none any more
	// For moderators only.
	Held  []Message `json:"held,omitempty"`
	Freed []string  `json:"freed,omitempty"` // wait no more
}

// Shown is what viewers are told of the rules.
type Shown struct {
	Version int64   `json:"version"`
	Mode    Mode    `json:"mode"`
	Slow    int     `json:"slow,omitempty"`
	Emotes  []Emote `json:"emotes,omitempty"`
}

func (b *Batch) empty() bool {
	return len(b.Messages) == 0 && len(b.Removed) == 0 && len(b.Reactions) == 0 && b.Rules == nil && b.Poll == nil && !b.NoPoll && len(b.Held) == 0 && len(b.Freed) == 0
}

// said is a message as nodes tell it each other: with what moderators need to keep a guest out.
type said struct {
	Message
	Mark string `json:"mark,omitempty"`
}

// Room decides what is said in one room, and what who listens, other nodes and the bucket are told of it.
type Room struct {
	channel string
	private bool // for who works on the channel: no rules but the pace
	rules   Rules
	known   bool // rules were read once
	filter  *filter

	ring   []said
	held   []said
	gone   []string // removed lately, oldest first
	isGone map[string]bool

	people, addresses habits
	all               meter
	ballot            *ballot
	voted             bool // since the votes were kept last

	pending []Message // not in the bucket yet
	viewers Batch     // for the next batch
	crew    Batch     // what moderators get beside it
	others  wire      // for other nodes
}

// NewRoom makes an empty room of a channel.
func NewRoom(channel string, private bool) *Room {
	r := &Room{channel: channel, private: private, known: private, isGone: map[string]bool{}}
	r.rules.settle(time.Time{})
	r.filter = newFilter(&r.rules)
	return r
}

// Settle makes rules count, unless newer ones do. told: other nodes have to hear of them.
func (r *Room) Settle(rules Rules, told bool) {
	if r.private || r.known && rules.Version <= r.rules.Version {
		return
	}
	before := r.rules.Poll
	rules.settle(time.Time{})
	r.rules, r.known, r.filter = rules, true, newFilter(&rules)
	r.viewers.Rules = r.shown()
	if told {
		r.others.Rules = &rules
	}
	p := rules.Poll
	switch {
	case p == nil && before != nil:
		r.ballot, r.viewers.Poll, r.viewers.NoPoll = nil, nil, true
	case p != nil && (before == nil || before.ID != p.ID || !before.Ended.Equal(p.Ended)):
		if r.ballot == nil || r.ballot.poll != p.ID {
			r.ballot = newBallot(p)
		}
		r.viewers.Poll, r.viewers.NoPoll = r.poll(), false
	}
}

func (r *Room) shown() *Shown {
	return &Shown{Version: r.rules.Version, Mode: r.rules.Mode, Slow: r.rules.Slow, Emotes: r.rules.Emotes}
}

// poll returns the poll as it stands.
func (r *Room) poll() *Poll {
	if r.rules.Poll == nil {
		return nil
	}
	p := *r.rules.Poll
	if p.Ended.IsZero() {
		p.Counts = slices.Clone(r.ballot.counts)
	}
	return &p
}

// may says whether a speaker may write now at all.
func (r *Room) may(s *Speaker, now time.Time) error {
	switch {
	case r.private && !s.Crew:
		return fmt.Errorf("%w: this room is for who works on the channel", ErrBarred)
	case !r.known:
		return ErrStarting
	case r.private:
		return nil
	case r.rules.Mode == Off:
		return fmt.Errorf("%w: this channel has no chat", ErrBarred)
	case s.Crew:
		return nil
	}
	if b := r.rules.banned(s, now); b != nil {
		if b.Until.IsZero() {
			return fmt.Errorf("%w: a moderator has banned you", ErrBarred)
		}
		return fmt.Errorf("%w: a moderator has sent you out until %s", ErrBarred, b.Until.UTC().Format("15:04 MST, 2 January"))
	}
	switch r.rules.Mode {
	case Closed:
		return fmt.Errorf("%w: all are muted at the moment", ErrBarred)
	case Crew:
		return fmt.Errorf("%w: only moderators write at the moment", ErrBarred)
	case Members:
		if !s.Account {
			return fmt.Errorf("%w: sign in to write", ErrBarred)
		}
	}
	return nil
}

// Say says something: s and text are clean (CleanName, CleanText), at is the program's time. held: a moderator sees it
// first. crew are the names that only who works on the channel may have.
func (r *Room) Say(now, at time.Time, s Speaker, text string, crew func() []string) (m Message, held bool, err error) {
	if err := r.may(&s, now); err != nil {
		return m, false, err
	}
	if err := r.paced(&s, text, now); err != nil {
		return m, false, err
	}
	if !s.Crew && r.taken(&s, crew) {
		return m, false, invalid("somebody here is called %q, or nearly so: choose another name", s.Name)
	}
	h := r.people.get(s.Who, now, r.slow())
	h.last, h.text = now, text
	one := said{Message{ID: newID(at), At: at.UTC().Truncate(time.Millisecond), Who: s.Who, Name: s.Name, Role: s.Role, Text: text}, s.Mark}
	if !r.private && !s.Crew && r.filter.holds(text) {
		if len(r.held) >= maxHeld {
			return m, false, &OftenError{10 * time.Second, "many messages wait for the moderators"}
		}
		r.hold(one)
		r.others.Held = append(r.others.Held, one)
		return one.Message, true, nil
	}
	r.show(one)
	r.others.Said = append(r.others.Said, one)
	return one.Message, false, nil
}

func (r *Room) slow() time.Duration { return time.Duration(r.rules.Slow) * time.Second }

// paced counts a message, or says how long its speaker has to wait.
func (r *Room) paced(s *Speaker, text string, now time.Time) error {
	h := r.people.get(s.Who, now, r.slow())
	pace := crewPace
	if !s.Crew {
		pace = speakerPace
		if wait := r.slow() - now.Sub(h.last); wait > 0 && !h.last.IsZero() {
			return &OftenError{wait, "slow mode is on"}
		}
		if h.text == text && now.Sub(h.last) < repeatTime {
			return invalid("you have just said that")
		}
		if wait := r.addresses.get(s.Mark, now, 0).said.take(addressPace, now); wait > 0 {
			return &OftenError{wait, "too many messages come from your network"}
		}
	}
	if wait := h.said.take(pace, now); wait > 0 {
		return &OftenError{wait, "that was too many messages at once"}
	}
	if wait := r.all.take(roomPace, now); wait > 0 && !s.Crew {
		return &OftenError{wait + time.Second, "everybody writes at once"}
	}
	return nil
}

// taken reports whether a name looks like that of somebody who works on the channel, or of somebody else here.
func (r *Room) taken(s *Speaker, crew func() []string) bool {
	like := look(s.Name)
	for _, name := range crew() {
		if look(name) == like {
			return true
		}
	}
	if s.Account {
		return false // cannot choose another one here
	}
	return slices.ContainsFunc(r.ring, func(o said) bool {
		return o.Who != s.Who && (o.Name == s.Name || o.Role != "" && look(o.Name) == like)
	})
}

func (r *Room) show(m said) {
	r.ring = append(r.ring, m)
	if len(r.ring) > 2*maxRing {
		r.ring = slices.Clone(r.ring[len(r.ring)-maxRing:])
	}
	r.viewers.Messages = append(r.viewers.Messages, m.Message)
	r.pending = append(r.pending, m.Message)
	if len(r.pending) > maxPending {
		r.pending = slices.Clone(r.pending[maxPending/10:])
	}
}

func (r *Room) hold(m said) {
	if len(r.held) >= maxHeld {
		r.crew.Freed = append(r.crew.Freed, r.held[0].ID)
		r.held = slices.Delete(r.held, 0, 1)
	}
	r.held = append(r.held, m)
	r.crew.Held = append(r.crew.Held, m.Message)
}

// Release shows a held message. It gets the id of now, as it is said now.
func (r *Room) Release(id string, at time.Time) (Message, error) {
	i := slices.IndexFunc(r.held, func(m said) bool { return m.ID == id })
	if i < 0 {
		return Message{}, ErrNotFound
	}
	m := r.held[i]
	m.ID, m.At = newID(at), at.UTC().Truncate(time.Millisecond)
	r.unhold(id)
	r.show(m)
	r.others.Freed = append(r.others.Freed, id)
	r.others.Said = append(r.others.Said, m)
	return m.Message, nil
}

func (r *Room) unhold(id string) {
	n := len(r.held)
	if r.held = slices.DeleteFunc(r.held, func(m said) bool { return m.ID == id }); len(r.held) < n {
		r.crew.Freed = append(r.crew.Freed, id)
	}
}

// Remove takes messages away, shown or held, also such as this node does not know (any more).
func (r *Room) Remove(ids []string) {
	r.remove(ids)
	r.others.Removed = append(r.others.Removed, ids...)
}

func (r *Room) remove(ids []string) {
	if len(ids) == 0 {
		return
	}
	for _, id := range ids {
		r.unhold(id)
		if !r.isGone[id] {
			r.isGone[id] = true
			r.gone = append(r.gone, id)
			r.viewers.Removed = append(r.viewers.Removed, id)
		}
	}
	if extra := len(r.gone) - maxGone; extra > 0 {
		for _, id := range r.gone[:extra] {
			delete(r.isGone, id)
		}
		r.gone = slices.Clone(r.gone[extra:])
	}
	r.ring = slices.DeleteFunc(r.ring, func(m said) bool { return slices.Contains(ids, m.ID) })
	r.viewers.Messages = slices.DeleteFunc(r.viewers.Messages, func(m Message) bool { return slices.Contains(ids, m.ID) })
	r.pending = slices.DeleteFunc(r.pending, func(m Message) bool { return slices.Contains(ids, m.ID) })
}

// Of returns the messages of a person, or with "" of everybody, that the room shows or holds; and the mark and name by
// which a moderator keeps that person out.
func (r *Room) Of(who string) (ids []string, mark, name string) {
	for _, list := range [][]said{r.ring, r.held} {
		for _, m := range list {
			if who == "" || m.Who == who {
				ids = append(ids, m.ID)
				mark, name = m.Mark, m.Name
			}
		}
	}
	return ids, mark, name
}

// Find returns a message that the room shows.
func (r *Room) Find(id string) (Message, error) {
	i := slices.IndexFunc(r.ring, func(m said) bool { return m.ID == id })
	if i < 0 {
		return Message{}, ErrNotFound
	}
	return r.ring[i].Message, nil
}

// Recall fills a room with what was kept of it: messages in their order, and votes.
func (r *Room) Recall(messages []Message, votes []vote) {
	var old []said
	for _, m := range messages {
		if !r.isGone[m.ID] && !slices.ContainsFunc(r.ring, func(o said) bool { return o.ID == m.ID }) {
			old = append(old, said{Message: m})
		}
	}
	r.ring = append(old, r.ring...)
	r.ring = slices.Clone(r.ring[max(0, len(r.ring)-maxRing):])
	r.viewers.Messages = append(r.viewers.Messages, plainly(old)...)
	before := r.voted
	r.count(votes)
	r.voted = before
}

func plainly(list []said) []Message {
	out := make([]Message, len(list))
	for i, m := range list {
		out[i] = m.Message
	}
	return out
}

// Pending returns what is not in the bucket yet, oldest first.
func (r *Room) Pending() []Message { return slices.Clone(r.pending) }

// Kept notes that messages are in the bucket, and returns those of them that were removed meanwhile: they have to go there too.
func (r *Room) Kept(ids []string) (erase []string) {
	kept := make(map[string]bool, len(ids))
	for _, id := range ids {
		kept[id] = true
		if r.isGone[id] {
			erase = append(erase, id)
		}
	}
	r.pending = slices.DeleteFunc(r.pending, func(m Message) bool { return kept[m.ID] })
	return erase
}

// Snapshot is what somebody is told who comes in, without a cursor.
func (r *Room) Snapshot(crew bool) Batch {
	b := Batch{Snapshot: true, Messages: plainly(r.ring[max(0, len(r.ring)-maxRing):]), Removed: slices.Clone(r.gone[max(0, len(r.gone)-maxRing):])}
	if n := len(r.viewers.Messages); n > 0 { // those come with the next batch
		next := make(map[string]bool, n)
		for _, m := range r.viewers.Messages {
			next[m.ID] = true
		}
		b.Messages = slices.DeleteFunc(b.Messages, func(m Message) bool { return next[m.ID] })
	}
	if !r.private {
		b.Rules, b.Poll = r.shown(), r.poll()
	}
	if crew {
		b.Held = plainly(r.held)
	}
	return b
}

// Collect takes what is to be told: to viewers, to moderators (what viewers are told is in it), and to other nodes.
func (r *Room) Collect() (viewers, crew Batch, others wire) {
	viewers, crew = r.viewers, r.viewers
	crew.Held, crew.Freed = r.crew.Held, r.crew.Freed
	others = r.others
	r.viewers, r.crew, r.others = Batch{}, Batch{}, wire{}
	return viewers, crew, others
}

// Heard takes in what another node tells. It returns messages that have to be removed from the bucket.
func (r *Room) Heard(w wire, now time.Time) (erase []string) {
	if w.Rules != nil {
		r.Settle(*w.Rules, false)
	}
	for _, m := range w.Said {
		if r.isGone[m.ID] || slices.ContainsFunc(r.ring, func(o said) bool { return o.ID == m.ID }) {
			continue
		}
		h := r.people.get(m.Who, now, r.slow())
		h.said.use(speakerPace, now)
		h.last, h.text = now, m.Text
		r.show(m)
	}
	for _, m := range w.Held {
		if !r.isGone[m.ID] {
			r.hold(m)
		}
	}
	for _, id := range w.Freed {
		r.unhold(id)
	}
	r.remove(w.Removed)
	r.react(w.Reactions)
	r.count(w.Votes)
	return r.Kept(w.Kept)
}
