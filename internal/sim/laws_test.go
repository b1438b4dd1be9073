package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// laws checks the laws of the design, and remembers what they need to be checked.
type laws struct {
	world *world

	mu       sync.Mutex
	broken   []string
	at       time.Time
	law      string                         // the first that was broken
	listed   map[string]map[int64]*entry    // by channel: every number that was ever listed
	bodies   map[string]body                // by address: what was fetched there
	stored   map[string]map[uint64][32]byte // bundles whose writes were answered well, by incarnation
	bundles  int
	pieces   map[bundle.Piece]oath // pieces that were acknowledged
	count    int                   // numbers listed
	fetched  int
	progress map[string]progress // law 7: by channel, at the node of what is on air
}

// entry is what is known of a number: it never changes, whoever lists it.
type entry struct {
	take          media.TakeID
	segment       uint32
	whole         string // address, once it was listed whole
	discontinuity int64
	duration      media.Ticks // of the whole segment, unless it is a gap
	time          time.Time   // program time, unless it is a gap
	by            string      // who listed it first
}

// oath is the acknowledgement of a piece.
type oath struct {
	node string
	at   time.Time
}

// body is what was served at an address.
type body struct {
	sum  [32]byte
	size int
	by   string
}

// seen is what a viewer of one process saw last.
type seen struct {
	window *hls.Window
	at     time.Time
	first  int64
	last   int64
	parts  int
	whole  bool
}

type progress struct {
	last  int64
	parts int
	at    time.Time
}

const maxBroken = 8

// fail notes that a law was broken.
func (l *laws) fail(law, format string, args ...any) {
	text := fmt.Sprintf("law %s: ", law) + fmt.Sprintf(format, args...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.broken) < maxBroken {
		l.world.say("BROKEN", "%s", text)
	}
	if len(l.broken) == 0 {
		members := l.members()
		l.world.say("members", "%s", members)
		l.law, l.at = law, time.Now()
	}
	if len(l.broken) < maxBroken {
		l.broken = append(l.broken, fmt.Sprintf("at %.3f s, %s", time.Since(l.world.trace.began).Seconds(), text))
	}
}

func (l *laws) isBroken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.broken) > 0
}

// look checks what a viewer of a process sees.
func (l *laws) look(p *process, slug string, dvr bool) *hls.Window {
	c, err := p.station.Program(slug)
	if err != nil {
		return nil
	}
	w, _, err := c.Window(media.Main, dvr)
	if err != nil {
		return nil
	}
	key := slug + map[bool]string{true: " dvr"}[dvr]
	s := p.seen[key]
	if s == nil || time.Since(s.at) > 25*time.Second { // nobody watched: it may begin anew
		s = &seen{last: -1}
		p.seen[key] = s
	}
	s.at = time.Now()
	if s.window == w {
		return w
	}
	l.forward(p, key, s, w)
	l.numbers(p, slug, w)
	s.window = w
	return w
}

// forward checks that numbers never go back for a viewer (law 2).
func (l *laws) forward(p *process, key string, s *seen, w *hls.Window) {
	last, parts := w.Last()
	whole := len(w.Segments) > 0 && w.Segments[len(w.Segments)-1].Complete
	switch {
	case w.MediaSequence < s.first:
		l.fail("2", "%s of %s begins with number %d, and began with %d before", key, p.node.name, w.MediaSequence, s.first)
	case last < s.last:
		l.fail("2", "%s of %s ends with number %d, and ended with %d before", key, p.node.name, last, s.last)
	case last == s.last && (s.whole && !whole || !whole && parts < s.parts):
		l.fail("2", "%s of %s lists %d parts of number %d (whole: %v), and listed %d before (whole: %v)", key, p.node.name, parts, last, whole, s.parts, s.whole)
	}
	s.first, s.last, s.parts, s.whole = w.MediaSequence, last, parts, whole
}

// numbers compares a window with everything that was ever listed of its channel (law 2).
func (l *laws) numbers(p *process, slug string, w *hls.Window) {
	known := l.listed[slug]
	if known == nil {
		known = map[int64]*entry{}
		l.listed[slug] = known
	}
	discontinuity := w.DiscontinuitySequence
	var before time.Time
	for i := range w.Segments {
		s := &w.Segments[i]
		if s.Discontinuity {
			discontinuity++
		}
		number := w.MediaSequence + int64(i)
		if s.ProgramTime.Before(before.Add(-time.Millisecond)) {
			l.fail("2", "%s lists number %d of %s with a program time before that of the one before", p.node.name, number, slug)
		}
		before = s.ProgramTime
		l.number(p, slug, known, number, discontinuity, s)
	}
}

func (l *laws) number(p *process, slug string, known map[int64]*entry, number, discontinuity int64, s *hls.Segment) {
	a, ok := l.address(p, number, s)
	if !ok {
		return
	}
	e := known[number]
	if e == nil {
		e = &entry{take: a.Take, segment: a.Segment, discontinuity: discontinuity, by: l.who(p)}
		known[number] = e
		l.count++
	}
	switch {
	case e.take != a.Take || e.segment != a.Segment:
		l.fail("2", "%s lists segment %d of take %s as number %d of %s, which %s listed as segment %d of take %s", p.node.name, a.Segment, short(a.Take), number, slug, e.by, e.segment, short(e.take))
	case e.discontinuity != discontinuity:
		l.fail("2", "%s lists number %d of %s with discontinuity %d, %s with %d", p.node.name, number, slug, discontinuity, e.by, e.discontinuity)
	case s.Complete && e.whole == "":
		e.whole = s.URI
	case s.Complete && e.whole != s.URI:
		l.fail("2", "%s lists %s as number %d of %s, which was %s (first %s)", p.node.name, s.URI, number, slug, e.whole, e.by)
	}
	if !s.Complete || s.Gap {
		return
	}
	if e.duration == 0 {
		e.duration, e.time = s.Duration, s.ProgramTime
	} else if e.duration != s.Duration || !e.time.Equal(s.ProgramTime) {
		l.fail("2", "%s lists number %d of %s as %v from %v on, and it was %v from %v on", p.node.name, number, slug, s.Duration.Duration(), s.ProgramTime, e.duration.Duration(), e.time)
	}
}

func (l *laws) who(p *process) string {
	return fmt.Sprintf("%s (at %.3f s)", p.node.name, time.Since(l.world.trace.began).Seconds())
}

// address returns what a segment says of itself: its own address, and those of its parts.
func (l *laws) address(p *process, number int64, s *hls.Segment) (a media.Address, ok bool) {
	text := s.URI
	if text == "" && len(s.Parts) > 0 {
		text = s.Parts[0].URI
	}
	if text == "" {
		return a, false // the window ends with a segment of which no part is listed
	}
	a, err := media.ParseAddress(text)
	if err != nil {
		l.fail("2", "%s lists number %d: %v", p.node.name, number, err)
		return a, false
	}
	part := media.Address{Take: a.Take, Rendition: a.Rendition, Segment: a.Segment, Run: true}
	for i := range s.Parts {
		part.From, part.To = uint32(i), uint32(i)
		if s.Parts[i].URI != part.String() {
			l.fail("2", "%s lists %s as part %d of number %d, want %s", p.node.name, s.Parts[i].URI, i, number, part)
		}
	}
	return a, true
}

func short(id media.TakeID) string { return id.String()[:6] }

// fetch opens something that a window lists, and checks that it can be had (law 3) and is always the
// same. It returns an error that more patience may mend.
func (l *laws) fetch(ctx context.Context, p *process, slug, address string, dvr bool) error {
	a, err := media.ParseAddress(address)
	if err != nil {
		return err
	}
	for {
		began := time.Now()
		data, changed, err := l.world.open(ctx, p, a)
		if took := time.Since(began); took > 500*time.Millisecond || err != nil {
			l.world.say("viewer", "%s has opened %s in %v: %v", p.node.name, address, took, err)
		}
		switch {
		case err == nil:
			l.body(p, address, data)
			return nil
		case errors.Is(err, take.ErrNotYet):
			select {
			case <-changed:
				continue
			case <-time.After(500 * time.Millisecond):
				continue
			case <-ctx.Done():
				return fmt.Errorf("it is not there yet: %w", ctx.Err())
			}
		case errors.Is(err, take.ErrNoMedia) && l.lists(p, slug, address, dvr):
			l.fail("3", "%s lists %s and says that there is no such media: %v", p.node.name, address, err)
			return nil
		}
		return err
	}
}

func (l *laws) body(p *process, address string, data [][]byte) {
	h := sha256.New()
	for _, b := range data {
		h.Write(b)
	}
	b := body{sum: [32]byte(h.Sum(nil)), by: l.who(p)}
	for _, d := range data {
		b.size += len(d)
	}
	l.mu.Lock()
	before, ok := l.bodies[address]
	if !ok {
		l.bodies[address] = b
	}
	l.fetched++
	l.mu.Unlock()
	if ok && before.sum != b.sum {
		l.fail("3", "%s serves %d bytes at %s in %d slices, which are not the %d bytes that %s served there", p.node.name, b.size, address, len(data), before.size, before.by)
	}
}

// lists reports whether a process lists an address at the moment, and not as a gap.
func (l *laws) lists(p *process, slug, address string, dvr bool) bool {
	if _, alive := p.gate.pass(); !alive {
		return false
	}
	c, err := p.station.Program(slug)
	if err != nil {
		return false
	}
	w, _, err := c.Window(media.Main, dvr)
	if err != nil {
		return false
	}
	for i := range w.Segments {
		s := &w.Segments[i]
		if s.Gap {
			continue
		}
		if s.URI == address {
			return true
		}
		for j := range s.Parts {
			if s.Parts[j].URI == address && !s.Parts[j].Gap {
				return true
			}
		}
	}
	return false
}

// bounded checks that queues stay within their bounds (law 8).
func (l *laws) bounded(p *process) {
	h, s := p.station.Health(), p.station.Stats()
	if h.Memory+h.Pending > maxMemory+(8<<20) {
		l.fail("8", "%s holds %d bytes on their way to the bucket", p.node.name, h.Memory+h.Pending)
	}
	if s.TailBytes > 64<<20 {
		l.fail("8", "%s holds %d bytes of tails", p.node.name, s.TailBytes)
	}
}

const maxMemory = 64 << 20

// acked notes that a write of a bundle was answered well.
func (l *laws) acked(node, key string, data []byte) {
	fields := strings.Split(key, "/") // media/{hash}/{node}/{incarnation}/{number}
	if len(fields) != 5 || fields[2] != node {
		return
	}
	if x, _, err := bundle.DecodeIndex(data); err != nil || x == nil || x.Fence != "" {
		return
	}
	n, err := strconv.ParseUint(fields[4], 16, 64)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name := node + "/" + fields[3]
	if l.stored[name] == nil {
		l.stored[name] = map[uint64][32]byte{}
	}
	l.stored[name][n] = sha256.Sum256(data)
	l.bundles++
}
