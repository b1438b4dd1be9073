package station

import "github.com/mayfly-tv/mayfly/internal/channel"

// channelChanged is told of every channel that is loaded or changed.
func (s *Station) channelChanged(c *channel.Channel) {
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
	s.tell()
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
