package station

import (
	"context"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// A channel that asks for its graphics to be drawn into the pictures has a second program, the burnt one. No document
// speaks of that but the channel's own: its program is kept, followed, sealed and listed as that of a channel, with one
// source to which nobody has a key but this process.
const (
	// BurntPath stands behind a channel's slug in the address of its burnt program.
	BurntPath = "/burnt"
	// burntMark stands behind a channel's id in that of its burnt program.
	burntMark   = "-burnt"
	burntSource = "burnt"
	// burntWindow is how far a burnt program can be rewound at most, in seconds.
	burntWindow = 10 * 60
	// burntRest is how long a burnt program may have shown nothing before what it showed counts as over.
	burntRest = 30 * time.Second
)

// BurntID is how the fleet names a channel's burnt program where one node is to be chosen for it.
func BurntID(channel string) string { return channel + burntMark }

// whose returns the id of the channel that takes of a program belong to: the channel's own, or its burnt one.
func whose(program string) string { return strings.TrimSuffix(program, burntMark) }

// burntChannel is what a channel's burnt program belongs to.
func burntChannel(c *channel.Channel) *channel.Channel {
	return &channel.Channel{
		ID: BurntID(c.ID), Slug: c.Slug + BurntPath, Title: c.Title, Created: c.Created, Deleted: c.Deleted,
		Sources:  []channel.Source{{ID: burntSource, Name: c.Title, StreamKey: burntSource}},
		AutoLive: true, DVRWindow: min(c.DVRWindow, burntWindow), Access: channel.Access{Suspended: c.Suspended},
	}
}

// burntChanged keeps the burnt program of a channel that asks for one, or once did. Where it does not ask any more,
// nobody finds it. Its address may be another channel's by then.
func (s *Station) burntChanged(c *channel.Channel) {
	if c.Burn == nil {
		return
	}
	b := burntChannel(c)
	s.programChanged(b)
	if !*c.Burn {
		s.mu.Lock()
		if s.channels[b.Slug] == s.byID[b.ID] {
			delete(s.channels, b.Slug)
		}
		s.mu.Unlock()
	}
}

// burnt reports whether this is the burnt program of a channel.
func (p *Program) burnt() bool { return strings.HasSuffix(p.id, burntMark) }

// PublishBurnt admits this process as the publisher of a channel's burnt program.
func (s *Station) PublishBurnt(ctx context.Context, channel string, pub Publication) (*Session, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	p := s.byChannel(BurntID(channel))
	if p == nil {
		return nil, ErrNoChannel
	}
	p.mu.Lock()
	c := p.channel
	p.mu.Unlock()
	pub.Key = burntSource
	return s.enter(ctx, c, p, c.Source(burntSource), pub)
}

// rested reports whether a burnt program has shown nothing for so long that what it lists is over. The lock is held.
func (p *Program) rested() bool {
	entries := p.director.List().Entries
	end := entries[len(entries)-1].End
	return end != nil && time.Since(end.ProgramTime) > burntRest
}

// awake returns the number with which a burnt program began anew after it had rested: a player that comes is not shown
// what was on air before. The lock is held.
func awake(list *program.CutList) int64 {
	i := len(list.Entries) - 1
	for ; i > 0; i-- {
		if e := &list.Entries[i-1]; e.End == nil || list.Entries[i].ProgramTime.Sub(e.End.ProgramTime) > burntRest {
			break
		}
	}
	return list.Entries[i].Number
}
