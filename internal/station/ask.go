package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// cutMessage asks the node that takes in a source to put it on air.
type cutMessage struct {
	Channel  string    `json:"channel"`
	Source   string    `json:"source,omitempty"`
	Number   int64     `json:"number,omitempty"`
	Expected time.Time `json:"expected"`
}

// leaveMessage asks the writer of what is on air to end it.
type leaveMessage struct {
	Channel string        `json:"channel"`
	Entry   string        `json:"entry"`
	Take    *media.Take   `json:"take,omitempty"` // what is to follow, or nothing
	Play    *program.Play `json:"play,omitempty"` // likewise: the channel's plan
	From    uint32        `json:"from"`
	At      time.Time     `json:"at"` // the take's own time at the beginning of From
}

// Reasons that another node may answer with, so that they keep their meaning on the way.
var reasons = []error{program.ErrNoSuchSource, program.ErrBusy, program.ErrFormat, program.ErrNoPlan, ErrNoSound, ErrNotDerived, ErrStarting, ErrNoChannel, mesh.ErrUnreachable}

func meaning(err error) error {
	for _, r := range reasons {
		if err != nil && !errors.Is(err, r) && strings.Contains(err.Error(), r.Error()) {
			err = fmt.Errorf("%w (%w)", r, err)
		}
	}
	return err
}

// direct asks the channel's director for a cut, so that of two producers at two nodes one comes after the
// other. If it does not answer, this node does it itself: it is not the director that keeps two cuts from
// contradicting each other, but the pen.
func (f *fleet) direct(ctx context.Context, p *Program, source string) (number int64, expected time.Time, err error, done bool) {
	if f == nil {
		return 0, time.Time{}, nil, false
	}
	director := mesh.Director(f.mesh.Members(), p.id)
	if director == f.station.cfg.Spool.Node() {
		return 0, time.Time{}, nil, false
	}
	limit := directTime
	if !program.ParseMix(source).Plain() {
		limit += deriveTime
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := ask[cutMessage](bounded, f, director, subjectDirect, cutMessage{Channel: p.id, Source: source})
	if errors.Is(err, mesh.ErrUnreachable) {
		f.station.log.Warn("the channel's director does not answer; this node directs", "channel", p.id, "director", director)
		return 0, time.Time{}, nil, false
	}
	return m.Number, m.Expected, meaning(err), true
}

// directTime is how long a director has to answer.
const directTime = 1500 * time.Millisecond

func (f *fleet) askedDirect(ctx context.Context, _ string, data []byte) ([]byte, error) {
	var m cutMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	var err error
	if m.Number, m.Expected, err = p.cut(ctx, m.Source); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// primary reports whether another node takes in a source with its main key, and this one with its backup
// key at most.
func (f *fleet) primary(p *Program, source string) bool {
	source = program.PictureOf(source)
	if f == nil || source == "" || f.takesIn(p.id, source) == "" {
		return false
	}
	for _, x := range p.sessions() {
		if x.source == source && !x.backup {
			return false
		}
	}
	return true
}

// cutThere asks the node that takes in a source to put it on air.
func (f *fleet) cutThere(ctx context.Context, p *Program, source string) (int64, time.Time, error) {
	picture := program.PictureOf(source)
	node := f.takesIn(p.id, picture)
	if node == "" {
		node = f.takesIn(p.id, picture+backupMark)
	}
	if node == "" && (f.justDied(p.id, picture) || f.justDied(p.id, picture+backupMark)) {
		return 0, time.Time{}, fmt.Errorf("%w: %w", program.ErrNoSuchSource, mesh.ErrUnreachable)
	}
	if node == "" {
		return 0, time.Time{}, program.ErrNoSuchSource
	}
	m, err := ask[cutMessage](ctx, f, node, subjectCut, cutMessage{Channel: p.id, Source: source})
	return m.Number, m.Expected, meaning(err)
}

func (f *fleet) askedCut(ctx context.Context, _ string, data []byte) ([]byte, error) {
	var m cutMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	var err error
	if m.Number, m.Expected, err = p.cutHere(ctx, m.Source); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// leaveThere asks the writer of what is on air to end it, in favour of o.To or of nothing.
func (f *fleet) leaveThere(ctx context.Context, p *Program, o *program.Order) (number int64, err error) {
	p.mu.Lock()
	e := p.director.List().Entry(o.Entry)
	p.mu.Unlock()
	if e == nil {
		return 0, program.ErrBusy
	}
	i, err := bundle.ParseIncarnation(e.Origin)
	if err != nil {
		return 0, err
	}
	if i.Node == f.station.cfg.Spool.Node() || !f.lives(i) {
		return 0, fmt.Errorf("%w: %w", program.ErrBusy, mesh.ErrUnreachable) // its end is on its way
	}
	m := leaveMessage{Channel: p.id, Entry: o.Entry}
	if o.To != nil {
		m.Take, m.Play = o.To.Take, o.To.Play
		m.From, m.At = o.To.Start(time.Time{})
	}
	answer, err := ask[cutMessage](ctx, f, i.Node, subjectLeave, m)
	return answer.Number, meaning(err)
}

func (f *fleet) askedLeave(_ context.Context, _ string, data []byte) ([]byte, error) {
	var m leaveMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	var to *program.Contender
	if m.Take != nil {
		if m.Take.Rendition(media.Main) == nil || m.Take.Channel != p.id {
			return nil, errors.New("what is to follow is no take of this channel")
		}
		to = &program.Contender{Take: m.Take, Start: func(time.Time) (uint32, time.Time) { return m.From, m.At }}
	}
	if m.Play != nil {
		to = &program.Contender{Play: m.Play, Start: func(time.Time) (uint32, time.Time) { return 0, f.station.now() }}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return nil, ErrStarting
	}
	o, err := p.director.Leave(m.Entry, to)
	if err != nil {
		return nil, err
	}
	p.order(o)
	return json.Marshal(cutMessage{Channel: p.id, Number: p.director.NextNumber()})
}

// gather asks all members in sight what they know of a channel's cut list: some of it may not have got
// into the bucket yet.
func (f *fleet) gather(ctx context.Context, p *Program) {
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, gatherPatience)
	defer cancel()
	var group sync.WaitGroup
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State == mesh.Alive {
			group.Go(func() { f.learnFrom(ctx, p, m.Node) })
		}
	}
	group.Wait()
}

// gatherPatience is how long the others have to say what they know.
const gatherPatience = 500 * time.Millisecond
