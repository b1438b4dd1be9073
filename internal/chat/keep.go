package chat

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
)

// keepOn writes what is said to the bucket, takes out what was removed, and looks after the rooms.
func (h *Hub) keepOn(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		h.keepAll(ctx, keepEvery)
		h.eraseAll(ctx)
		h.refresh(ctx)
		h.tidy(time.Now())
	}
}

// keepAll writes what has waited for a while in rooms that this node keeps.
func (h *Hub) keepAll(ctx context.Context, after time.Duration) {
	var group errgroup.Group
	group.SetLimit(writers)
	for _, p := range h.rooms() {
		p.mu.Lock()
		n := len(p.room.pending)
		waits := time.Duration(0)
		if !p.unkept.IsZero() {
			waits = time.Since(p.unkept)
		}
		due := n > 0 && (n >= maxPage || after == 0 || waits >= after)
		p.mu.Unlock()
		// Who keeps it may have begun anew and know nothing of it. What two keep is read as one.
		forgotten := due && after > 0 && waits >= 2*after
		if !h.keeper(p.channel) && !forgotten {
			continue
		}
		if due {
			group.Go(func() error { h.keep(ctx, p); return nil })
		}
		if !p.private {
			group.Go(func() error { h.keepVotes(ctx, p); return nil })
		}
	}
	group.Wait()
}

// keep writes what is not in the bucket yet, and tells the other nodes.
func (h *Hub) keep(ctx context.Context, p *place) {
	p.mu.Lock()
	left := inOrder(p.room.Pending())
	p.mu.Unlock()
	for len(left) > 0 {
		n := 1
		for n < len(left) && n < maxPage && left[n].At.Sub(left[0].At) < maxSpan {
			n++
		}
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		err := h.pages.write(bounded, p.name, left[:n])
		cancel()
		if err != nil {
			h.log.Debug("what was said is not kept yet", "room", p.name, "messages", len(left), "error", err)
			return
		}
		ids := make([]string, n)
		for i := range ids {
			ids[i] = left[i].ID
		}
		h.kept(p, ids)
		left = left[n:]
	}
}

// kept notes that messages are in the bucket, and tells the other nodes: who knows of one that was removed meanwhile
// takes it out again.
func (h *Hub) kept(p *place, ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.erase(p.name, p.room.Kept(ids))
	if p.unkept = (time.Time{}); len(p.room.pending) > 0 {
		p.unkept = time.Now()
	}
	if h.mesh != nil {
		p.room.others.Kept = append(p.room.others.Kept, ids...)
		h.touch(p)
	}
}

// keepVotes writes the votes of an open poll.
func (h *Hub) keepVotes(ctx context.Context, p *place) {
	p.mu.Lock()
	poll, votes := "", []vote(nil)
	if time.Since(p.votesAt) >= keepEvery {
		if poll, votes = p.room.Votes(); poll != "" {
			p.votesAt = time.Now()
		}
	}
	p.mu.Unlock()
	if poll == "" {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	_, err := bucket.Update(bounded, h.cfg.Docs, votesKey(p.channel, poll), func(b *ballots) error {
		b.Votes = votes[:min(len(votes), maxKeptVotes)]
		return nil
	})
	if err != nil {
		h.log.Debug("the votes of a poll are not kept", "channel", p.channel, "error", err)
	}
}

// maxKeptVotes is how many votes a document has room for. What the fleet remembers is not bounded by it.
const maxKeptVotes = 8000

// eraseAll takes out of the bucket what was removed while it was on its way there.
func (h *Hub) eraseAll(ctx context.Context) {
	h.mu.Lock()
	todo := h.erases
	h.erases = nil
	h.mu.Unlock()
	for _, e := range todo {
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		err := h.pages.erase(bounded, e.room, e.ids)
		cancel()
		if err != nil {
			h.log.Warn("messages that a moderator removed are still kept; trying again", "room", e.room, "error", err)
			h.erase(e.room, e.ids)
		}
	}
}

// refresh reads the rules of a room again where somebody listens.
func (h *Hub) refresh(ctx context.Context) {
	for _, p := range h.rooms() {
		p.mu.Lock()
		due := !p.private && p.listeners > 0 && time.Since(p.rulesAt) > rulesTime
		if due {
			p.rulesAt = time.Now() // also if it fails: the next try is in a while
		}
		p.mu.Unlock()
		if !due {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, openTime)
		h.readRules(bounded, p)
		cancel()
	}
}

// Log returns what was said in a room from a time on and before another. If that is too much for one answer, next is
// where it goes on.
func (h *Hub) Log(ctx context.Context, in Where, from, to time.Time) (list []Message, next time.Time, err error) {
	p := h.enter(in.Channel, in.Private)
	pending := p.room.Pending()
	p.mu.Unlock()
	list, next, err = h.pages.between(ctx, p.name, from, to)
	if err != nil {
		return nil, next, err
	}
	if !next.IsZero() {
		to = next
	}
	for _, m := range pending {
		if !m.At.Before(from) && m.At.Before(to) {
			list = append(list, m)
		}
	}
	p = h.enter(in.Channel, in.Private)
	defer p.mu.Unlock()
	kept := list[:0]
	for _, m := range inOrder(list) {
		if !p.room.isGone[m.ID] {
			kept = append(kept, m)
		}
	}
	return kept, next, nil
}

const (
	sweepEvery = 6 * time.Hour
	// youngChannel is how long a channel that nobody knows may only just have been made.
	youngChannel = 48 * time.Hour
)

// sweepOn removes what is too old, and what is left of deleted channels.
func (h *Hub) sweepOn(ctx context.Context) {
	for wait := time.Minute; ; wait = sweepEvery {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if !h.keeper("sweep") {
			continue
		}
		for _, prefix := range []string{logPrefix, rulesKey(""), votesKey("", "")} {
			if err := h.sweep(ctx, prefix); err != nil && ctx.Err() == nil {
				h.log.Warn("old chat could not be removed", "error", err)
			}
		}
	}
}

// sweep goes from channel to channel below a prefix. What it keeps it does not list.
func (h *Hub) sweep(ctx context.Context, prefix string) error {
	b := h.cfg.Docs.Bucket()
	for after := ""; ; {
		first, err := b.List(ctx, prefix, after, 1)
		if err != nil || len(first.Entries) == 0 {
			return err
		}
		e := first.Entries[0]
		channel, rest, deep := strings.Cut(strings.TrimPrefix(e.Key, prefix), "/")
		switch lives, known := h.cfg.Lives(channel); {
		case !lives && (known || time.Since(e.Modified) > youngChannel):
			err = h.removeAll(ctx, e.Key[:len(prefix)+len(channel)], "")
		case prefix == logPrefix && h.cfg.Keep > 0 && rest != "":
			for _, private := range []bool{false, true} {
				room := logPrefix + roomName(channel, private) + "/"
				err = errors.Join(err, h.removeAll(ctx, room, room+stamp(time.Now().Add(-h.cfg.Keep))))
			}
		}
		if err != nil {
			return err
		}
		if after = e.Key; deep {
			after = prefix + channel + "0" // behind everything of the channel: 0 follows /
		}
	}
}

// removeAll removes what begins with a prefix, up to a key if that is not "".
func (h *Hub) removeAll(ctx context.Context, prefix, until string) error {
	b := h.cfg.Docs.Bucket()
	err := bucket.All(ctx, b, prefix, func(e bucket.Entry) error {
		if until != "" && e.Key >= until {
			return errDone
		}
		return b.Delete(ctx, e.Key)
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	return err
}

var errDone = errors.New("done")
