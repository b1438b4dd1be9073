package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// wordMessage asks for a node's word that it lists no more of a clock-driven entry than it has (rule F).
type wordMessage struct {
	Channel string           `json:"channel"`
	Entry   string           `json:"entry"`
	Only    bool             `json:"only,omitempty"` // only the name of the process is asked for: nothing binds
	List    *program.CutList `json:"list,omitempty"`
}

// wordAnswer is that word: so many segments, by that process.
type wordAnswer struct {
	Segments int64  `json:"segments"`
	Process  string `json:"process"`
}

// askTime is how long a node has to give its word.
const askTime = time.Second

// words asks everyone that they list no more of a clock-driven entry, and has claimed what is to follow it. Who does
// not answer and may have listed more makes the claim a leap, so while the bucket is away nobody is asked unless
// all are there: a word that is given binds.
func (p *Program) words(ctx context.Context, entry string) error {
	if ended, err := p.whole(entry); ended {
		return err
	}
	x, err := p.await(ctx, entry)
	if err == nil && p.station.Health().AwayFor > 0 && !p.everyone(ctx, entry) {
		err = fmt.Errorf("the bucket is away and not all that may list the plan answer: %w", program.ErrBusy)
	}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.director.Denied(entry)
		return err
	}
	p.station.fleet.gather(ctx, p)
	p.mu.Lock()
	own, ok := p.word(entry)
	list := p.director.List()
	p.mu.Unlock()
	if !ok {
		return fmt.Errorf("it has ended meanwhile: %w", program.ErrBusy)
	}
	highest, by := own.Segments, []string{own.Process}
	for _, w := range p.station.fleet.askWords(ctx, wordMessage{Channel: p.id, Entry: entry, List: list.Tail(tellEntries)}) {
		highest, by = max(highest, w.Segments), append(by, w.Process)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.director.Agreed(entry, x.End(highest), by)
	if o == nil {
		return fmt.Errorf("it has ended meanwhile: %w", program.ErrBusy)
	}
	p.order(o)
	return nil
}

// everyone reports whether all processes answer that may list a clock-driven entry.
func (p *Program) everyone(ctx context.Context, entry string) bool {
	if !p.station.fleet.all() {
		return false
	}
	p.mu.Lock()
	list := p.director.List()
	p.mu.Unlock()
	there := map[string]bool{p.station.process: true}
	for _, w := range p.station.fleet.askWords(ctx, wordMessage{Channel: p.id, Entry: entry, Only: true, List: list.Tail(tellEntries)}) {
		there[w.Process] = true
	}
	e := list.Entry(entry)
	if e == nil {
		return false
	}
	for process := range e.Listers {
		if !there[process] {
			return false
		}
	}
	return true
}

// word gives this node's word. The lock is held.
func (p *Program) word(entry string) (w wordAnswer, ok bool) {
	listed := int64(0)
	if p.auto.entry == entry {
		listed = p.auto.listed
	}
	if w.Segments, ok = p.director.Word(entry, listed); !ok {
		p.director.Denied(entry)
		return w, false
	}
	w.Process = p.station.process
	p.touch()
	p.mind(entry)
	return w, true
}

// askWords asks all members in sight.
func (f *fleet) askWords(ctx context.Context, m wordMessage) (words []wordAnswer) {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, member := range f.mesh.Members() {
		if member.Self || member.State == mesh.Lost {
			continue
		}
		group.Go(func() {
			w, err := ask[wordAnswer](ctx, f, member.Node, subjectWord, m)
			if err != nil || w.Process == "" || w.Segments < 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			words = append(words, w)
		})
	}
	group.Wait()
	return words
}

func (f *fleet) askedWord(_ context.Context, _ string, data []byte) ([]byte, error) {
	var m wordMessage
	if err := json.Unmarshal(data, &m); err != nil || m.List == nil || m.List.Validate() != nil {
		return nil, errors.Join(errors.New("malformed question for a word"), err)
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.director == nil {
		return nil, ErrStarting
	}
	p.learn(m.List, false)
	if m.Only {
		return json.Marshal(wordAnswer{Process: f.station.process})
	}
	w, ok := p.word(m.Entry)
	if !ok {
		return nil, program.ErrTaken
	}
	return json.Marshal(w)
}

// all reports whether all nodes are in sight that there may be.
func (f *fleet) all() bool {
	if f == nil {
		return true
	}
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State != mesh.Alive && !(m.State == mesh.Lost && (m.Reason == mesh.HasLeft || f.station.ended(m.Incarnation))) {
			return false
		}
	}
	return true
}

// turnOf is how long this node leaves something to the channel's director.
func (f *fleet) turnOf(channel string) time.Duration {
	if f == nil || mesh.Director(f.mesh.Members(), channel) == f.station.cfg.Spool.Node() {
		return 0
	}
	return 2 * time.Second
}
