package station

import (
	"context"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
)

const (
	// seekEvery is how often a channel that is not known is looked for in the bucket.
	seekEvery = time.Second
	// maxSought bounds how many are looked for in that time.
	maxSought = 16
)

// seek looks for a channel that somebody asks for and this node does not know: another one may have made
// it, and its word of that was lost.
func (f *fleet) seek(slug string) {
	if f == nil || channel.CheckSlug(slug) != nil {
		return
	}
	now := time.Now()
	f.mu.Lock()
	for old, at := range f.sought {
		if now.Sub(at) >= seekEvery {
			delete(f.sought, old)
		}
	}
	_, begun := f.sought[slug]
	begun = begun || len(f.sought) >= maxSought
	if !begun {
		f.sought[slug] = now
	}
	f.mu.Unlock()
	if begun {
		return
	}
	f.station.tasks.start(func(ctx context.Context) {
		if err := f.station.cfg.Channels.Look(ctx, slug); err != nil {
			f.station.log.Debug("there is no such channel", "channel", slug, "error", err)
		}
	})
}

// channelChanged is told of every channel that is loaded or changed.
func (s *Station) channelChanged(c *channel.Channel) {
	s.programChanged(c)
	s.burntChanged(c)
}

// programChanged takes a channel as it is now.
func (s *Station) programChanged(c *channel.Channel) {
	if !c.Deleted.IsZero() {
		s.channelDeleted(c)
		return
	}
	s.mu.Lock()
	p := s.byID[c.ID]
	made := p == nil
	if made {
		p = newProgram(s, c)
		s.byID[c.ID] = p
	}
	s.channels[c.Slug] = p
	s.mu.Unlock()
	if made {
		s.load.put(p)
		return
	}
	for _, x := range p.change(c) {
		x.end(ErrKeyRevoked)
	}
	if c.Suspended != "" {
		for _, x := range p.sessions() {
			x.end(&SuspendedError{c.Suspended})
		}
	}
	s.tell()
	s.tasks.start(func(context.Context) { p.keepMix() }) // another sound may be wanted
}

// SuspendedError is ErrSuspended with what the operator who suspended the channel gave as the reason.
type SuspendedError struct{ Reason string }

func (e *SuspendedError) Error() string { return ErrSuspended.Error() + ": " + e.Reason }

// Is makes the error ErrSuspended.
func (e *SuspendedError) Is(target error) bool { return target == ErrSuspended }

// ChannelOf returns the id of the channel that a take belongs to, or "" for a take that this node does not know. A
// burnt program's takes belong to the channel whose it is.
func (s *Station) ChannelOf(id media.TakeID) string {
	if l := s.store.Log(id); l != nil {
		return whose(l.Take().Channel)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.takes[id]; p != nil {
		return whose(p.id)
	}
	return ""
}

func (s *Station) channelDeleted(c *channel.Channel) {
	s.mu.Lock()
	p := s.byID[c.ID]
	if p != nil {
		delete(s.byID, c.ID)
		if s.channels[c.Slug] == p {
			delete(s.channels, c.Slug)
		}
	}
	s.mu.Unlock()
	if p == nil {
		return
	}
	for _, x := range p.sessions() {
		x.end(ErrKeyRevoked)
	}
	p.end()
	s.tell()
}

// program returns the program of a channel, or nil.
func (s *Station) program(c *channel.Channel) *Program {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[c.ID]
}
