package chat

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// Where names a room for who works on it.
type Where struct {
	Channel string
	Private bool // the room of who works on the channel
}

// Said is what became of a message.
type Said struct {
	Message
	Held bool `json:"held,omitempty" doc:"a moderator sees it before others do"`
}

// Say says something in a room; ahead is how much the program's time is ahead of the clock, and crew names who works on
// the channel.
func (h *Hub) Say(ctx context.Context, in Where, s Speaker, text string, ahead time.Duration, crew func() []string) (Said, error) {
	text, err := CleanText(text)
	if err != nil {
		return Said{}, err
	}
	if !s.Crew && !s.Account {
		if s.Name, err = CleanName(s.Name); err != nil {
			return Said{}, err
		}
	}
	s.Name = shorter(plain(s.Name))
	p := h.ready(ctx, in.Channel, in.Private)
	defer p.mu.Unlock()
	now := time.Now()
	m, held, err := p.room.Say(now, now.Add(ahead), s, text, crew)
	if err == nil {
		h.touch(p)
		if h.cfg.Said != nil && !in.Private {
			h.cfg.Said(in.Channel, m, held)
		}
	}
	return Said{m, held}, err
}

// shorter cuts an account's name to what a line of chat has room for.
func shorter(name string) string {
	const most = 2 * maxName
	for i, n := 0, 0; i < len(name); n++ {
		if n == most {
			return name[:i] + "…"
		}
		_, size := utf8.DecodeRuneInString(name[i:])
		i += size
	}
	if name == "" {
		return "?"
	}
	return name
}

// React lets a reaction rise.
func (h *Hub) React(ctx context.Context, channel string, s Speaker, kind string) error {
	p := h.ready(ctx, channel, false)
	defer p.mu.Unlock()
	err := p.room.React(time.Now(), s, kind)
	if err == nil {
		h.touch(p)
	}
	return err
}

// Vote gives a vote, and returns the poll as it stands.
func (h *Hub) Vote(ctx context.Context, channel string, s Speaker, poll string, option int) (*Poll, error) {
	p := h.ready(ctx, channel, false)
	defer p.mu.Unlock()
	if err := p.room.Vote(time.Now(), s, poll, option); err != nil {
		return nil, err
	}
	h.touch(p)
	return p.room.poll(), nil
}

// Release shows a held message.
func (h *Hub) Release(ctx context.Context, channel, id string, ahead time.Duration) (Message, error) {
	p := h.ready(ctx, channel, false)
	defer p.mu.Unlock()
	m, err := p.room.Release(id, time.Now().Add(ahead))
	if err == nil {
		h.touch(p)
	}
	return m, err
}

// Remove takes messages away: at once from who listens, at all nodes, and then from what is kept. With an error they are
// gone from the room, and may still be in what is kept.
func (h *Hub) Remove(ctx context.Context, in Where, ids []string) error {
	for _, id := range ids {
		if _, ok := timeOf(id); !ok {
			return ErrNotFound
		}
	}
	p := h.ready(ctx, in.Channel, in.Private)
	p.room.Remove(ids)
	h.touch(p)
	p.mu.Unlock()
	return h.pages.erase(ctx, p.name, ids)
}

// Of returns the messages of a person in a room, or with "" of everybody, and how a moderator keeps that person out.
func (h *Hub) Of(ctx context.Context, in Where, who string) (ids []string, mark, name string) {
	p := h.ready(ctx, in.Channel, in.Private)
	defer p.mu.Unlock()
	return p.room.Of(who)
}

// EndPoll closes the poll with the votes that are known here.
func (h *Hub) EndPoll(ctx context.Context, channel, id string) (Rules, error) {
	p := h.ready(ctx, channel, false)
	counted := p.room.poll()
	p.mu.Unlock()
	return h.Change(ctx, channel, func(r *Rules) error {
		if r.Poll == nil || r.Poll.ID != id {
			return ErrNotFound
		}
		if r.Poll.Ended.IsZero() && counted != nil && counted.ID == id {
			ended := *r.Poll
			ended.Ended, ended.Counts = time.Now().UTC().Truncate(time.Millisecond), counted.Counts
			r.Poll = &ended
		}
		return nil
	})
}

// votesKey is where the votes of an open poll lie.
func votesKey(channel, poll string) string { return "polls/" + channel + "/" + poll }

// ballots is the document of an open poll's votes.
type ballots struct {
	Votes []vote `json:"votes"`
}

// readVotes reads the votes of the room's poll, for as far as they were kept.
func (h *Hub) readVotes(ctx context.Context, p *place) []vote {
	p.mu.Lock()
	poll := p.room.rules.Poll
	p.mu.Unlock()
	if poll == nil || !poll.Ended.IsZero() {
		return nil
	}
	b, err := bucket.Load[ballots](ctx, h.cfg.Docs, votesKey(p.channel, poll.ID))
	if err != nil {
		return nil
	}
	return b.Votes
}

// dropVotes removes who voted what: the counts are in the rules.
func (h *Hub) dropVotes(ctx context.Context, channel, poll string) {
	if err := h.cfg.Docs.Bucket().Delete(ctx, votesKey(channel, poll)); err != nil {
		h.log.Warn("the votes of a poll that is over could not be removed", "channel", channel, "error", err)
	}
}
