package e2e

import (
	"fmt"
	"sync"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// ledger compares the playlists of all nodes line by line: what one node has listed under a number, all
// others list under it too, parts included (law 2).
type ledger struct {
	mu       sync.Mutex
	channels map[string]*book
	compared int // times that a playlist of one node was compared with the newest one of another
	against  []string
}

// book is what was listed of one channel.
type book struct {
	numbers map[int64]listing
	parts   map[[2]int64]string
	newest  map[string][2]int64 // by node: the numbers of its newest playlist
}

// listing is what stands under a number. The address is empty until the segment is whole.
type listing struct {
	uri, init     string
	discontinuity int64
	node          string
}

func newLedger() *ledger { return &ledger{channels: map[string]*book{}} }

// note compares a playlist of a node with everything that was listed.
func (l *ledger) note(channel, node string, p *hlstest.Playlist) {
	if len(p.Segments) == 0 || p.Skipped > 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.channels[channel]
	if b == nil {
		b = &book{numbers: map[int64]listing{}, parts: map[[2]int64]string{}, newest: map[string][2]int64{}}
		l.channels[channel] = b
	}
	for _, s := range p.Segments {
		l.segment(channel, node, b, s)
	}
	span := [2]int64{p.Segments[0].Number, p.Segments[len(p.Segments)-1].Number}
	for other, theirs := range b.newest {
		if other != node && theirs[0] <= span[1] && span[0] <= theirs[1] {
			l.compared++
		}
	}
	b.newest[node] = span
}

// segment compares what stands under one number; the lock is held.
func (l *ledger) segment(channel, node string, b *book, s hlstest.Segment) {
	say := func(format string, args ...any) {
		l.against = append(l.against, fmt.Sprintf("channel %s, number %d: ", channel, s.Number)+fmt.Sprintf(format, args...))
	}
	was, known := b.numbers[s.Number]
	now := listing{s.URI, s.Map, s.Discontinuity, node}
	switch {
	case !known:
	case was.uri != "" && now.uri != "" && was.uri != now.uri:
		say("%s lists %s, %s listed %s", node, now.uri, was.node, was.uri)
	case was.init != now.init:
		say("%s lists it with %s, %s with %s", node, now.init, was.node, was.init)
	case was.discontinuity != now.discontinuity:
		say("%s counts discontinuity %d, %s %d", node, now.discontinuity, was.node, was.discontinuity)
	}
	if !known || was.uri == "" {
		b.numbers[s.Number] = now
	}
	for i, part := range s.Parts {
		at := [2]int64{s.Number, int64(i)}
		if was, ok := b.parts[at]; ok && was != part.URI {
			say("part %d: %s lists %s, another %s", i, node, part.URI, was)
		}
		b.parts[at] = part.URI
	}
}

// verdict returns how many comparisons were made and what contradicted.
func (l *ledger) verdict() (compared int, against []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.compared, l.against
}
