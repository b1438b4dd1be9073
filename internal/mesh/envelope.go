package mesh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// An envelope is what a message, a request or an answer travels in between nodes:
//
//	0      version, 1
//	1      kind
//	2..9   run: a random number of the sender's process
//	10..17 time since that process began, in nanoseconds
//	18..21 how long it counts, in milliseconds
//	22     length of the sender's name, then the name, then the data
//
// The time is that of a clock which is never set, so a clock that is set loses no messages.
const (
	envelopeVersion = 1
	envelopeFixed   = 23
	maxEnvelope     = envelopeFixed + maxNode + MaxMessage

	// messageTime is how old a message may become on its way. What is older waited in front of a node
	// that stood still, and says nothing of now.
	messageTime = 3 * time.Second
)

type kind byte

const (
	kindMessage kind = iota + 1
	kindRequest
	kindAnswer
	kindRefusal // its data is the reason
)

type envelope struct {
	kind kind
	run  uint64
	sent time.Duration
	life time.Duration
	from string
	data []byte
}

var errEnvelope = errors.New("not a message of this version of the mesh")

func (e *envelope) append(b []byte) []byte {
	b = append(b, envelopeVersion, byte(e.kind))
	b = binary.BigEndian.AppendUint64(b, e.run)
	b = binary.BigEndian.AppendUint64(b, uint64(e.sent))
	b = binary.BigEndian.AppendUint32(b, uint32(e.life.Milliseconds()))
	b = append(b, byte(len(e.from)))
	b = append(b, e.from...)
	return append(b, e.data...)
}

// parse reads an envelope; its data is a part of b.
func (e *envelope) parse(b []byte) error {
	if len(b) < envelopeFixed || len(b) > maxEnvelope {
		return fmt.Errorf("envelope of %d bytes: %w", len(b), errEnvelope)
	}
	if b[0] != envelopeVersion {
		return fmt.Errorf("envelope of version %d, want %d: %w", b[0], envelopeVersion, errEnvelope)
	}
	*e = envelope{
		kind: kind(b[1]), run: binary.BigEndian.Uint64(b[2:]), sent: time.Duration(binary.BigEndian.Uint64(b[10:])),
		life: time.Duration(binary.BigEndian.Uint32(b[18:])) * time.Millisecond,
	}
	name, rest := int(b[22]), b[envelopeFixed:]
	if e.kind < kindMessage || e.kind > kindRefusal || e.sent < 0 || name > len(rest) || len(rest)-name > MaxMessage {
		return fmt.Errorf("envelope of kind %d with a name of %d bytes: %w", b[1], name, errEnvelope)
	}
	e.from, e.data = string(rest[:name]), rest[name:]
	if err := CheckNode(e.from); err != nil {
		return fmt.Errorf("envelope: %w", err)
	}
	return nil
}

// ages tells how old messages are, without the nodes' clocks agreeing: a message is as old as it took
// longer than the quickest one of the same sender. It is a state machine but for its lock.
type ages struct {
	mu    sync.Mutex
	peers map[string]*age
}

type age struct {
	run   uint64
	base  time.Duration // our clock minus its clock, less the way, of the quickest message
	heard time.Duration // our clock at the newest message
	late  time.Duration // our clock at the first of the late messages that came without one in time; 0 if none
}

const (
	// drift is how far two clocks may run apart: 1 s in 1,000 s.
	drift = 1000
	// lateFor is how long messages may be late one after the other until it is the clock that is late:
	// a machine that slept. What waited in front of a node that stood still is read in less.
	lateFor  = 2 * time.Second
	maxPeers = 10_000
)

// of returns how old a message is that comes now, which is the time since our process began. A
// life of 0 asks nothing.
func (a *ages) of(from string, run uint64, sent, life, now time.Duration) (old time.Duration, stale bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers == nil {
		a.peers = map[string]*age{}
	}
	p, took := a.peers[from], now-sent
	if p == nil || p.run != run {
		if len(a.peers) >= maxPeers {
			clear(a.peers)
		}
		p = &age{run: run, base: took, heard: now}
		a.peers[from] = p
	}
	p.base = min(p.base+(now-p.heard)/drift, took)
	p.heard = now
	old = took - p.base
	switch {
	case old <= messageTime:
		p.late = 0
	case p.late == 0:
		p.late = now
	case now-p.late > lateFor:
		p.base, p.late, old = took, 0, 0
	}
	return old, old > life
}
