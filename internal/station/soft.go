package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// softSeal ends the takes of a dead node while the bucket is away: the word of its witnesses, which all
// that are in sight take for the seal. It is the one place where law 2 can be broken, if a node that is
// out of sight has the bucket after all.
type softSeal struct {
	Incarnation string              `json:"incarnation"`
	Holder      string              `json:"holder"` // the node that has what the others lack
	Lines       uint64              `json:"lines"`
	Ends        map[string]softEnd  `json:"ends"`            // by channel that was on air: where its entry ends
	Marks       map[string][][]byte `json:"marks,omitempty"` // by channel
}

// softWord is a soft seal that this node knows.
type softWord struct {
	softSeal
	kept bool // the incarnation is sealed in the bucket, too
}

// softEnd says where a take ends.
type softEnd struct {
	Take     media.TakeID `json:"take"`
	Edge     program.Edge `json:"edge"`
	Finished bool         `json:"finished,omitempty"` // its own writer ended it
}

// endSoftly ends an incarnation while the bucket is away, if a publisher of it has come here, everyone in
// sight is without the bucket, most of the known members are in sight, and its witnesses give an exact
// word. Without a publisher that has moved it may as well be the mesh that is cut, and the node goes on.
func (f *fleet) endSoftly(ctx context.Context, i bundle.Incarnation) {
	s := f.station
	f.mu.Lock()
	_, done := f.soft[i.String()]
	f.mu.Unlock()
	dead, ok := f.member(i.Node)
	if done || !ok || !f.awaits(dead) || dead.Incarnation != i.String() || len(dead.Witnesses) == 0 || !f.mayAgree(ctx, dead) {
		return
	}
	best, exact := f.closeAll(ctx, i, dead.Witnesses)
	if best == "" || len(exact) == 0 {
		s.log.Warn("a node that died while the bucket is away cannot be ended before it is back: not all its witnesses answer", "incarnation", i)
		return
	}
	seal, err := f.askHeld(ctx, best, i)
	if err != nil {
		s.log.Warn("a node that died while the bucket is away cannot be ended before it is back", "incarnation", i, "error", err)
		return
	}
	s.log.Info("a silent node was ended by the word of its witnesses, while the bucket is away", "incarnation", i, "holder", best)
	f.say(subjectSoft, seal)
	f.applySoft(seal)
}

// mayAgree reports whether the members in sight can speak for the fleet: none of them has the bucket, which
// could end the node properly.
func (f *fleet) mayAgree(ctx context.Context, dead mesh.Member) bool {
	for _, m := range f.mesh.Members() {
		if m.State != mesh.Alive || m.Self || m.Away {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, wordTime)
		answer, err := ask[awayMessage](bounded, f, m.Node, subjectAway, awayMessage{})
		cancel()
		if err != nil || !answer.Away {
			return false
		}
	}
	return f.most(dead.Node)
}

// awayMessage says whether the bucket answers a node.
type awayMessage struct {
	Away bool `json:"away"`
}

// probeTime is how long the bucket has to answer a node that has had nothing to write lately.
const probeTime = time.Second

func (f *fleet) askedAway(ctx context.Context, _ string, _ []byte) ([]byte, error) {
	away := f.station.Health().AwayFor > 0
	if !away {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		_, err := bundle.LoadSeal(ctx, f.station.cfg.Docs.Bucket(), bundle.Incarnation{Node: f.station.cfg.Spool.Node(), ID: "none"})
		away = err != nil && !errors.Is(err, bucket.ErrNotFound)
	}
	return json.Marshal(awayMessage{away})
}

// most reports whether most of the members that there may be are in sight. One that has left, or was
// ended, is none any more, but the one that is about to be ended is.
func (f *fleet) most(about string) bool {
	known, sight := 0, 0
	for _, m := range f.mesh.Members() {
		if m.State == mesh.Lost && m.Node != about && (m.Reason == mesh.HasLeft || f.station.ended(m.Incarnation)) {
			continue
		}
		known++
		if m.Self || m.State == mesh.Alive {
			sight++
		}
	}
	return 2*sight > known
}

func (f *fleet) askHeld(ctx context.Context, node string, i bundle.Incarnation) (seal softSeal, err error) {
	if node == f.station.cfg.Spool.Node() {
		return f.held(i)
	}
	ctx, cancel := context.WithTimeout(ctx, wordTime)
	defer cancel()
	return ask[softSeal](ctx, f, node, subjectHeld, incarnationMessage{Incarnation: i.String()})
}

func (f *fleet) askedHeld(_ context.Context, _ string, data []byte) ([]byte, error) {
	h, err := f.askedHolder(data)
	if err != nil {
		return nil, err
	}
	h.Close()
	var m incarnationMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	i, err := bundle.ParseIncarnation(m.Incarnation)
	if err != nil {
		return nil, err
	}
	seal, err := f.held(i)
	if err != nil {
		return nil, err
	}
	return json.Marshal(seal)
}

// held says where the takes of an incarnation stand that this node witnessed, and makes them known here,
// so that other nodes can get what they lack.
func (f *fleet) held(i bundle.Incarnation) (softSeal, error) {
	s := f.station
	seal := softSeal{Incarnation: i.String(), Holder: s.cfg.Spool.Node(), Ends: map[string]softEnd{}, Marks: map[string][][]byte{}}
	h, err := f.holder(i)
	if err != nil {
		return seal, err
	}
	seal.Lines = h.Close()
	items, err := h.Items()
	if err != nil {
		return seal, err
	}
	held := take.Gather(items)
	for _, p := range s.each() {
		p.mu.Lock()
		var e *program.Entry
		if p.director != nil {
			e = p.director.List().OnAir()
		}
		if e == nil || e.Origin != i.String() {
			p.mu.Unlock()
			continue
		}
		seal.Marks[p.id] = append(seal.Marks[p.id], held[e.Take].Marks...)
		l := s.store.Log(e.Take)
		if l == nil && held[e.Take].Birth != nil {
			l = take.NewReplica(held[e.Take].Birth, p.logChanged).Log()
			s.store.Add(l)
		}
		takeID, id := e.Take, p.id
		p.mu.Unlock()
		if l == nil {
			continue // born before the bucket went, and not followed here
		}
		l.Complete(held[takeID])
		seal.Ends[id] = softEnd{takeID, edgeOf(l, l.Edge()), held[takeID].Ended}
	}
	return seal, nil
}

// heardSoft is told that an incarnation was ended by word. If it is this node's own, it ends at once: what it
// writes from now on does not count.
func (f *fleet) heardSoft(_ string, data []byte) {
	var seal softSeal
	if json.Unmarshal(data, &seal) != nil {
		return
	}
	if r := f.station.runs(); r != nil && r.incarnation.String() == seal.Incarnation {
		f.mu.Lock()
		if _, known := f.soft[seal.Incarnation]; !known {
			f.soft[seal.Incarnation] = softWord{seal, false}
		}
		f.mu.Unlock()
		r.flusher.End(fmt.Errorf("by the word of its witnesses: %w", bundle.ErrFenced))
		return
	}
	f.station.tasks.start(func(context.Context) { f.applySoft(seal) })
}

// softly returns the word that has ended an incarnation, or nil.
func (f *fleet) softly(i bundle.Incarnation) *softSeal {
	f.mu.Lock()
	defer f.mu.Unlock()
	if word, ok := f.soft[i.String()]; ok {
		return &word.softSeal
	}
	return nil
}

// sooner returns where takes of an incarnation were ended while the bucket was away.
func (f *fleet) sooner(i bundle.Incarnation) map[media.TakeID]media.Pos {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[media.TakeID]media.Pos{}
	for _, end := range f.soft[i.String()].Ends {
		out[end.Take] = end.Edge.At
	}
	return out
}

// applySoft ends what the dead node had on air.
func (f *fleet) applySoft(seal softSeal) {
	f.mu.Lock()
	if _, known := f.soft[seal.Incarnation]; known {
		f.mu.Unlock()
		return // the first word counts
	}
	f.soft[seal.Incarnation] = softWord{seal, false}
	f.ending[seal.Incarnation] = time.Now()
	f.mu.Unlock()
	for id, end := range seal.Ends {
		p := f.station.byChannel(id)
		if p == nil {
			continue
		}
		p.mu.Lock()
		if p.director != nil {
			before := p.director.List()
			for _, data := range seal.Marks[id] {
				if m, err := program.ParseMark(data); err == nil {
					p.order(p.director.Safe(m))
				}
			}
			if e := p.director.List().OnAir(); e != nil && e.Take == end.Take {
				p.director.Sealed(end.Take, end.Edge, true, false)
			}
			p.settled = p.settled || p.told // a node that has only just begun waits on (rule G)
			p.listChanged(before)
			p.order(p.director.Resume())
		}
		p.mu.Unlock()
	}
}
