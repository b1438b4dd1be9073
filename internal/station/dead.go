package station

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

const (
	// soonAfter is how long a node must be silent before it is ended if one of its publishers has come
	// to another.
	soonAfter = 2 * time.Second
	// turn is how long each of the others waits longer than the one before it to end a dead node.
	turn = 700 * time.Millisecond
	// wordTime is how long a witness has to give its word.
	wordTime = 3 * time.Second
	// deadRetry is when a silent node is looked at again that still writes, or that could not be ended.
	deadRetry = 2 * time.Second
)

// lookForDead ends the incarnations of members that have fallen silent.
func (f *fleet) lookForDead() {
	now := time.Now()
	members := f.mesh.Members()
	f.endSoft(now)
	for _, m := range members {
		if m.Self || m.Incarnation == "" {
			continue
		}
		ended := f.station.ended(m.Incarnation)
		if m.State == mesh.Alive || ended {
			f.mu.Lock()
			delete(f.writing, m.Incarnation)
			tell := ended && m.State == mesh.Alive && now.Sub(f.trying[m.Incarnation]) >= softRetry
			if tell {
				f.trying[m.Incarnation] = now
			}
			f.mu.Unlock()
			if tell { // it had nothing to write, and so did not meet the fence
				f.say(subjectSealed, incarnationMessage{Incarnation: m.Incarnation})
			}
			continue
		}
		f.lookAtWriting(m)
		silent := now.Sub(m.Heard)
		soon := f.awaits(m)
		if silent < soonAfter || silent < mesh.LostAfter && !soon {
			continue
		}
		f.endLater(m, f.position(members, m))
	}
}

// endSoft ends at once in the bucket what was ended by word while it was away: before its writer, should
// it live, can write what does not count. Until then the others are told again and again: some may have
// come since.
func (f *fleet) endSoft(now time.Time) {
	f.mu.Lock()
	var due []softSeal
	for name, word := range f.soft {
		if !word.kept && now.Sub(f.trying[name]) >= softRetry {
			f.trying[name] = now
			due = append(due, word.softSeal)
		}
	}
	f.mu.Unlock()
	for _, seal := range due {
		f.say(subjectSoft, seal)
		i, err := bundle.ParseIncarnation(seal.Incarnation)
		if err != nil {
			continue
		}
		f.station.tasks.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, deadRetry)
			defer cancel()
			if _, err := bundle.LoadSeal(ctx, f.station.cfg.Docs.Bucket(), i); err == nil {
				f.mu.Lock()
				f.soft[i.String()] = softWord{seal, true}
				f.mu.Unlock()
				f.sealed(ctx, i)
			} else if errors.Is(err, bucket.ErrNotFound) {
				f.seal(ctx, i)
			}
		})
	}
}

// softRetry is how often it is tried to end in the bucket what was ended by word.
const softRetry = 500 * time.Millisecond

// awaits reports whether a publisher of a silent node has come to this one, or sends here as a backup.
func (f *fleet) awaits(m mesh.Member) bool {
	f.mu.Lock()
	returned := f.returned[m.Node]
	f.mu.Unlock()
	if returned {
		return true
	}
	for _, p := range f.station.each() {
		p.mu.Lock()
		var e *program.Entry
		if p.director != nil && len(p.writers) > 0 {
			e = p.director.List().OnAir()
		}
		waits := e != nil && e.Origin == m.Incarnation
		p.mu.Unlock()
		if waits {
			return true
		}
	}
	return false
}

// position says how many others are to end a dead node before this one does: its witnesses come first,
// because they know best.
func (f *fleet) position(members []mesh.Member, dead mesh.Member) int {
	self := f.station.cfg.Spool.Node()
	var order []string
	for _, w := range dead.Witnesses {
		if slices.ContainsFunc(members, func(m mesh.Member) bool { return m.Node == w && m.State == mesh.Alive }) {
			order = append(order, w)
		}
	}
	for _, n := range mesh.Witnesses(members, dead.Node, len(members)) {
		if !slices.Contains(order, n) {
			order = append(order, n)
		}
	}
	if i := slices.Index(order, self); i >= 0 {
		return i
	}
	return len(order)
}

// endLater begins to end a silent node, once.
func (f *fleet) endLater(m mesh.Member, position int) {
	i, err := bundle.ParseIncarnation(m.Incarnation)
	if err != nil {
		return
	}
	f.mu.Lock()
	begun := f.busy[m.Incarnation] || time.Since(f.ending[m.Incarnation]) < deadRetry+time.Duration(position)*turn
	if !begun {
		f.ending[m.Incarnation], f.busy[m.Incarnation] = time.Now(), true
	}
	f.mu.Unlock()
	if begun || f.station.ended(m.Incarnation) {
		return
	}
	f.station.tasks.start(func(ctx context.Context) {
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.busy, m.Incarnation)
		}()
		select {
		case <-time.After(time.Duration(position) * turn):
		case <-ctx.Done():
			return
		}
		if f.lives(i) && m.State == mesh.Lost {
			return
		}
		f.endDead(ctx, i)
	})
}

// meet returns when every other node of the fleet that may know more than the bucket was heard, or has been
// ended, so that its log says what it knew: a node that has just begun decides nothing before (rule G).
func (f *fleet) meet(ctx context.Context) {
	if f == nil {
		return
	}
	s := f.station
	var others []bundle.Incarnation
	if s.retry(ctx, "the nodes cannot be listed", func() (err error) {
		others, err = bundle.Unsealed(ctx, s.cfg.Docs, s.cfg.Spool.Node())
		return err
	}) != nil {
		return
	}
	began := time.Now()
	for ctx.Err() == nil {
		others = slices.DeleteFunc(others, func(i bundle.Incarnation) bool { return f.met(ctx, i, time.Since(began)) })
		if len(others) == 0 {
			break
		}
		select {
		case <-time.After(meetEvery):
		case <-ctx.Done():
		}
	}
	var group sync.WaitGroup
	for _, p := range s.each() {
		group.Go(func() { f.gather(ctx, p) })
	}
	group.Wait()
}

// meetEvery is how often a node that begins looks who is there.
const meetEvery = 250 * time.Millisecond

// met reports whether an incarnation of another node is heard, or has ended, or writes to the bucket and
// so tells there what it decides. One that does nothing of all that is ended after a while. Of one that ended without
// anybody's word this node is in doubt like the node that ended it.
func (f *fleet) met(ctx context.Context, i bundle.Incarnation, waited time.Duration) bool {
	s := f.station
	if f.lives(i) {
		return true
	}
	if o, err := s.origin(ctx, i.String()); err == nil {
		s.inherit(o, i)
		return true
	}
	if waited < s.cfg.Patience {
		return false // lookForDead ends those that were heard
	}
	before, err := bundle.Newest(ctx, s.cfg.Docs.Bucket(), i)
	if err != nil {
		return false
	}
	f.endDead(ctx, i)
	after, err := bundle.Newest(ctx, s.cfg.Docs.Bucket(), i)
	return err == nil && after != before && !s.ended(i.String())
}

// ended reports whether it is known that an incarnation was ended.
func (s *Station) ended(incarnation string) bool {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	o := s.past.origins[incarnation]
	return o != nil && o.known
}

// endDead ends an incarnation whose node is silent, unless it still writes to the bucket: then only the
// mesh does not reach it.
func (f *fleet) endDead(ctx context.Context, i bundle.Incarnation) {
	s := f.station
	if s.Health().AwayFor > 0 {
		f.wasAway()
		f.endSoftly(ctx, i)
		return
	}
	seal, err := bundle.LoadSeal(ctx, s.cfg.Docs.Bucket(), i)
	if err == nil && seal != nil {
		f.sealed(ctx, i)
		return
	}
	before, err := bundle.Newest(ctx, s.cfg.Docs.Bucket(), i)
	if err != nil {
		f.wasAway()
		f.endSoftly(ctx, i)
		return
	}
	if f.awayLately() {
		return // a node that the mesh does not reach needs some time to write what it has
	}
	if !f.still(ctx, i, before) {
		return
	}
	if _, err := bundle.LoadSeal(ctx, s.cfg.Docs.Bucket(), i); err == nil { // another was quicker: it need not be done again
		f.sealed(ctx, i)
		return
	}
	if f.endsElsewhere(i) {
		return // lookForDead comes back to it
	}
	f.say(subjectEnding, incarnationMessage{Incarnation: i.String()})
	f.seal(ctx, i)
}

// heardEnding notes that another node has begun to end an incarnation. Several may, with the same result; but
// each reads all that was left, and on a busy fleet that makes all of them slow.
func (f *fleet) heardEnding(_ string, data []byte) {
	var m incarnationMessage
	if json.Unmarshal(data, &m) != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.elsewhere[m.Incarnation] = time.Now()
}

// endingTime is how long another node may take to end an incarnation before this one tries too.
const endingTime = 2 * time.Second

// endsElsewhere reports whether another node has just begun to end an incarnation.
func (f *fleet) endsElsewhere(i bundle.Incarnation) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.elsewhere[i.String()]) < endingTime
}

// patienceAfter is how long the bucket must have been there before a node is ended that is only silent.
const patienceAfter = 8 * time.Second

func (f *fleet) wasAway() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = time.Now()
}

func (f *fleet) awayLately() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.away) < patienceAfter
}

// seal ends an incarnation in the bucket.
func (f *fleet) seal(ctx context.Context, i bundle.Incarnation) {
	s := f.station
	started := time.Now()
	exact, err := f.words(ctx, i)
	var r *bundle.Recovered
	if err == nil {
		r, err = bundle.Recover(ctx, s.cfg.Docs, i, s.cfg.Spool.Node(), bundle.Known{Witnesses: exact, Sooner: f.sooner(i)})
	}
	if err != nil {
		s.log.Warn("a silent node cannot be ended yet", "incarnation", i, "error", err)
		return
	}
	s.log.Info("a silent node was ended", "incarnation", i, "word", r.Seal.Word, "took", time.Since(started).Round(time.Millisecond))
	s.recovered(ctx, r)
	f.sealed(ctx, i)
}

// words asks the witnesses that the newest bundle of an incarnation names for what they hold, and has
// the one that holds most end it with that. It returns those that gave an exact word.
func (f *fleet) words(ctx context.Context, i bundle.Incarnation) (exact []string, err error) {
	named, err := bundle.Named(ctx, f.station.cfg.Docs.Bucket(), i)
	if err != nil || len(named) == 0 {
		return nil, err
	}
	best, exact := f.closeAll(ctx, i, named)
	if best == "" {
		return nil, nil
	}
	if err := f.askTestify(ctx, best, i); err != nil {
		f.station.log.Warn("a witness of a dead node cannot write what it holds", "incarnation", i, "witness", best, "error", err)
		return nil, err
	}
	return exact, nil
}

// sightTime is how long a node that starts waits until it hears the witnesses that it needs.
const sightTime = 3 * time.Second

// awaitSight waits until these nodes are heard, those that are not this one.
func (f *fleet) awaitSight(ctx context.Context, nodes []string) {
	ctx, cancel := context.WithTimeout(ctx, sightTime)
	defer cancel()
	for ctx.Err() == nil {
		changed, missing := f.mesh.Changed(), false
		for _, node := range nodes {
			m, ok := f.member(node)
			missing = missing || !ok || m.State != mesh.Alive
		}
		if !missing {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// closeAll closes what witnesses hold of an incarnation, and names the one that holds most, and those
// whose word is exact, because they were there to the writer's end: others may have been passed over. If not all
// answer, the word of one counts only if that is sure, or the incarnation was ended by word already.
func (f *fleet) closeAll(ctx context.Context, i bundle.Incarnation, named []string) (best string, exact []string) {
	var most uint64
	heard, sure := 0, false
	for _, node := range named {
		m, err := f.askClose(ctx, node, i)
		if err != nil {
			f.station.log.Warn("a witness of a dead node does not answer", "incarnation", i, "witness", node, "error", err)
			continue
		}
		heard++
		if m.Soft != nil {
			f.applySoft(*m.Soft) // that is where its takes end
		}
		if m.Alone {
			exact, sure = append(exact, node), sure || m.Sure
		}
		if best == "" || m.Lines > most {
			best, most = node, m.Lines
		}
	}
	if heard < len(named) && !sure && f.softly(i) == nil {
		return best, nil
	}
	return best, exact
}

func (f *fleet) askClose(ctx context.Context, node string, i bundle.Incarnation) (incarnationMessage, error) {
	if node == f.station.cfg.Spool.Node() {
		h, err := f.holder(i)
		if err != nil {
			return incarnationMessage{}, err
		}
		return f.word(h)
	}
	if m, ok := f.member(node); ok && m.State == mesh.Lost {
		return incarnationMessage{}, mesh.ErrUnreachable
	}
	ctx, cancel := context.WithTimeout(ctx, wordTime)
	defer cancel()
	return ask[incarnationMessage](ctx, f, node, subjectClose, incarnationMessage{Incarnation: i.String()})
}

func (f *fleet) askTestify(ctx context.Context, node string, i bundle.Incarnation) error {
	m := incarnationMessage{Incarnation: i.String()}
	if node != f.station.cfg.Spool.Node() {
		_, err := ask[struct{}](ctx, f, node, subjectTestify, m)
		return err
	}
	data, err := json.Marshal(m)
	if err == nil {
		_, err = f.askedTestify(ctx, node, data)
	}
	return err
}
