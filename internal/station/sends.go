package station

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// liveEvery is how often a node says what it takes in.
const liveEvery = 2 * time.Second

// place is where a publisher is, and which take it sends.
type place struct {
	node, incarnation, session string
	take                       media.TakeID
	warnings                   []take.Warning
}

// liveMessage says what a node takes in.
type liveMessage struct {
	Live []liveLine `json:"live"`
}

// liveLine is one publisher.
type liveLine struct {
	Channel string       `json:"channel"`
	Slot    string       `json:"slot"` // source and key
	Session string       `json:"session,omitempty"`
	Take    media.TakeID `json:"take"` // zero between takes

	Warnings []take.Warning `json:"warnings,omitempty"`
}

// sayLive tells the others what this node takes in.
func (f *fleet) sayLive() {
	m := liveMessage{}
	for _, p := range f.station.each() {
		for _, x := range p.sessions() {
			m.Live = append(m.Live, liveLine{p.id, x.slot(), sessionName(x.pub.Session), x.sends(), x.warnings()})
		}
	}
	f.say(subjectLive, m)
}

func (f *fleet) heardLive(from string, data []byte) {
	var m liveMessage
	if json.Unmarshal(data, &m) != nil {
		return
	}
	sender, _ := f.member(from)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.liveAt[from] = time.Now()
	for _, sources := range f.live {
		for source, at := range sources {
			if at.node == from {
				delete(sources, source)
			}
		}
	}
	for _, l := range m.Live {
		if f.live[l.Channel] == nil {
			f.live[l.Channel] = map[string]place{}
		}
		f.live[l.Channel][l.Slot] = place{from, sender.Incarnation, l.Session, l.Take, l.Warnings}
	}
}

// takesIn names the living node that takes in a source, or "".
func (f *fleet) takesIn(channel, source string) string {
	f.mu.Lock()
	at := f.live[channel][source]
	f.mu.Unlock()
	if m, ok := f.member(at.node); ok && m.State == mesh.Alive && m.Incarnation == at.incarnation {
		return at.node
	}
	return ""
}

// justDied reports whether the node that took in a source has fallen silent a moment ago: its publisher may come back.
func (f *fleet) justDied(channel, source string) bool {
	f.mu.Lock()
	at := f.live[channel][source]
	f.mu.Unlock()
	m, ok := f.member(at.node)
	return ok && (m.State == mesh.Suspect || m.State == mesh.Lost && time.Since(m.Since) < cutPatience)
}

// somebodySends reports whether another node takes in a source of a channel.
func (f *fleet) somebodySends(channel string) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live[channel]) > 0
}

// publisherMessage says that a publisher has come to a node.
type publisherMessage struct {
	Channel string    `json:"channel"`
	Source  string    `json:"source"`
	Backup  bool      `json:"backup,omitempty"`
	Since   time.Time `json:"since"`
}

// arrived tells the others of a publisher. If what its source had on air was taken in by a node that is
// silent now, that node is ended sooner.
func (f *fleet) arrived(x *Session) {
	if f == nil {
		return
	}
	p := x.program
	f.say(subjectPublisher, publisherMessage{p.id, x.source, x.backup, x.since})
	f.sayLive()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil || p.burnt() { // who feeds a burnt program was chosen, and has not come from anywhere
		return
	}
	if e := p.director.List().OnAir(); e != nil && program.PictureOf(e.Source) == x.source {
		if i, err := bundle.ParseIncarnation(e.Origin); err == nil && i.Node != f.station.cfg.Spool.Node() {
			f.mu.Lock()
			f.returned[i.Node] = true
			f.mu.Unlock()
		}
	}
}

// heardPublisher ends this node's session of a source whose publisher is at another node now: of two
// with the same key the newer wins, wherever they are.
func (f *fleet) heardPublisher(from string, data []byte) {
	var m publisherMessage
	if json.Unmarshal(data, &m) != nil {
		return
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return
	}
	for _, x := range p.sessions() {
		if x.source == m.Source && x.backup == m.Backup && x.since.Before(m.Since) {
			f.station.log.Info("the publisher is at another node now", "channel", p.id, "node", from)
			f.station.tasks.start(func(context.Context) { x.end(ErrReplaced) })
		}
	}
}
