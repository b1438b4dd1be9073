package station

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// past is what is known of incarnations that have ended.
type past struct {
	mu      sync.Mutex
	origins map[string]*origin   // by incarnation
	owed    []bundle.Incarnation // that were ended, until what follows from that is stored
}

// origin is an incarnation that has ended.
type origin struct {
	once   latch     // one reads it at a time
	looked time.Time // when it had no seal
	known  bool
	lacks  bool // some of its logs were forgotten since: it is read again when one of them is wanted
	word   bundle.Word
	takes  map[media.TakeID]media.Pos // that the seal names
	marks  map[string][][]byte        // by channel, in their order
	pieces map[string][]take.Pushed   // likewise
	doubts map[string]bool            // channels that were told that nobody knows what it listed
}

// errUnsealed is returned for an incarnation that nobody has ended so far.
var errUnsealed = errors.New("that incarnation has not ended")

// recover ends the earlier incarnations of this node, and those of other nodes that are silent, and
// takes in what they left. Publishers and viewers are served meanwhile; a channel goes on air again
// when what was on air before is settled. Nothing of this run is listed before the bucket says that it may be:
// a node that dies sooner leaves nobody in doubt.
func (s *Station) recover(ctx context.Context, r *run, unsealed []bundle.Incarnation) {
	started := time.Now()
	var words map[string]bundle.Word
	b := s.cfg.Docs.Bucket()
	if s.retry(ctx, "what lies in the spool cannot be written to the bucket", func() error {
		return bundle.ResumeWhole(ctx, b, s.cfg.Spool)
	}) != nil {
		return
	}
	heard := s.hearWitnesses(ctx, unsealed)
	if s.retry(ctx, "what lies in the spool cannot be written to the bucket", func() (err error) {
		words, err = bundle.Resume(ctx, b, s.cfg.Spool, s.log)
		return err
	}) != nil {
		return
	}
	own := s.Incarnation()
	for _, i := range unsealed {
		if s.recoverOne(ctx, i, bundle.Known{Word: words[i.ID], Witnesses: heard[i.ID]}) != nil {
			return
		}
		delete(words, i.ID)
	}
	for id := range words { // sealed before, but the journal was not removed
		if i := (bundle.Incarnation{Node: s.cfg.Spool.Node(), ID: id}); i.String() != own && own != "" {
			s.cfg.Spool.DropJournal(&i)
		}
	}
	if len(unsealed) > 0 {
		s.log.Info("recovered what earlier runs left", "incarnations", len(unsealed), "took", time.Since(started).Round(time.Millisecond))
	}
	s.fleet.meet(ctx)
	if r.flusher.Open(ctx) != nil {
		return
	}
	s.settled.Store(true)
	s.settleAll(ctx)
	if s.fleet == nil {
		s.recoverOthers(ctx)
	}
}

// hearWitnesses asks the witnesses of earlier incarnations of this node of which the spool does not know
// all: what they hold was safe, and is written before the little that the spool may have.
// It returns those that gave an exact word.
func (s *Station) hearWitnesses(ctx context.Context, unsealed []bundle.Incarnation) map[string][]string {
	heard := map[string][]string{}
	if s.fleet == nil {
		return heard
	}
	known, err := s.cfg.Spool.Words()
	if err != nil {
		s.log.Warn("the spool cannot be read", "error", err)
	}
	for _, i := range unsealed {
		if known[i.ID] == bundle.ExactWord {
			continue
		}
		named, err := bundle.Named(ctx, s.cfg.Docs.Bucket(), i)
		if err == nil && len(named) == 0 {
			continue
		}
		s.fleet.awaitSight(ctx, named)
		// A witness that is there and cannot write what it holds is waited for: that may be acknowledged.
		if s.retry(ctx, "a witness of an earlier run cannot write what it holds", func() error {
			heard[i.ID], err = s.fleet.words(ctx, i)
			return err
		}) != nil {
			return heard
		}
	}
	return heard
}

// recoverOne ends one incarnation.
func (s *Station) recoverOne(ctx context.Context, i bundle.Incarnation, known bundle.Known) error {
	return s.retry(ctx, "an earlier run cannot be recovered from the bucket", func() error {
		known.Sooner = s.fleet.sooner(i)
		r, err := bundle.Recover(ctx, s.cfg.Docs, i, s.cfg.Spool.Node(), known)
		if err != nil {
			return err
		}
		s.recovered(ctx, r)
		return s.cfg.Spool.DropJournal(&i)
	})
}

// recoverOthers ends the incarnations of other nodes that write nothing more. One that lives after
// all meets the fence and begins again.
func (s *Station) recoverOthers(ctx context.Context) {
	var others []bundle.Incarnation
	if s.retry(ctx, "the nodes cannot be listed", func() (err error) {
		others, err = bundle.Unsealed(ctx, s.cfg.Docs, s.cfg.Spool.Node())
		return err
	}) != nil || len(others) == 0 {
		return
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, i := range others {
		group.Go(func() error {
			before, err := bundle.Newest(ctx, s.cfg.Docs.Bucket(), i)
			if err != nil {
				return nil
			}
			select {
			case <-time.After(s.cfg.Patience):
			case <-ctx.Done():
				return nil
			}
			after, err := bundle.Newest(ctx, s.cfg.Docs.Bucket(), i)
			if err != nil || before != after {
				s.log.Warn("another node writes to this bucket; its channels are left alone", "incarnation", i, "error", err)
				return nil
			}
			s.log.Info("another node is silent and its incarnation is ended", "incarnation", i)
			if s.recoverOne(ctx, i, bundle.Known{}) == nil {
				s.settleAll(ctx)
			}
			return nil
		})
	}
	group.Wait()
}

func (s *Station) originOf(name string) *origin {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	o := s.past.origins[name]
	if o == nil {
		o = &origin{once: newLatch()}
		s.past.origins[name] = o
	}
	return o
}

// recovered takes in what an incarnation left that this node has just ended, makes it quick for the others to
// read, and tells them.
func (s *Station) recovered(ctx context.Context, r *bundle.Recovered) {
	o := s.originOf(r.Incarnation.String())
	o.once.lock()
	s.takeIn(o, r)
	o.once.unlock()
	s.applyMarks(ctx, o)
	s.tasks.start(func(ctx context.Context) {
		page, cancel := context.WithTimeout(ctx, pageTime)
		defer cancel()
		r.WritePage(page, s.cfg.Docs.Bucket(), s.log)
		if s.fleet != nil {
			s.fleet.say(subjectSealed, incarnationMessage{Incarnation: r.Incarnation.String()})
		}
	})
}

// pageTime is how long the others may have to wait for what is quicker to read.
const pageTime = time.Second

// takeIn makes the logs of an ended incarnation known. The origin's lock is held.
func (s *Station) takeIn(o *origin, r *bundle.Recovered) {
	rebuilt := take.Rebuild(r)
	channels := map[media.TakeID]string{}
	for _, l := range rebuilt.Logs {
		if have := s.store.Log(l.Take().ID); !o.known || have == nil || !have.Ended() {
			s.store.Add(l)
		}
		channels[l.Take().ID] = l.Take().Channel
	}
	marks := map[string][][]byte{}
	for _, m := range rebuilt.Marks {
		c := channels[m.Take]
		marks[c] = append(marks[c], m.Data)
	}
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	o.word, o.takes, o.marks, o.pieces, o.known, o.lacks = r.Seal.Word, r.Seal.Takes, marks, rebuilt.Pieces, true, false
	if r.Sealed {
		s.past.owe(o, *r.Incarnation)
	}
}

// owe notes that an incarnation was ended, and that the cut lists may not say yet what follows from that: what its marks
// put on air, and, if nobody gave a word for it, the doubt. The lock is held.
func (p *past) owe(o *origin, i bundle.Incarnation) {
	if slices.Contains(p.owed, i) {
		return
	}
	p.owed = append(p.owed, i)
	if o.word == bundle.NoWord {
		o.doubts = map[string]bool{}
	}
}

// inherit takes over what whoever ended an incarnation owes, as it counts as not sealed still: who ended it may be slower
// than this node, or have died.
func (s *Station) inherit(o *origin, i bundle.Incarnation) {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	s.past.owe(o, i)
}

// applyMarks lets the marks that an ended incarnation left count, also in channels that nobody knew it to
// have on air, and has the cut lists that they change stored at once.
func (s *Station) applyMarks(ctx context.Context, o *origin) {
	s.past.mu.Lock()
	channels := slices.Collect(maps.Keys(o.marks))
	s.past.mu.Unlock()
	for _, id := range channels {
		p := s.byChannel(id)
		if p == nil {
			continue
		}
		p.mu.Lock()
		var changed *program.CutList
		if p.director != nil && !p.gone {
			before := p.director.List()
			p.replay()
			if p.director.List() != before {
				changed = p.director.List()
			}
			p.listChanged(before)
		}
		p.mu.Unlock()
		if changed != nil {
			if err := p.save(ctx, changed); err != nil && ctx.Err() == nil {
				s.log.Warn("a cut list could not be stored; it is tried again", "channel", id, "error", err)
			}
		}
	}
}

// forget drops the log of a take. If its incarnation has ended, it can be read again.
func (s *Station) forget(l *take.Log) {
	s.store.Remove(l.Take().ID)
	i := bundle.Incarnation{Node: l.Take().Node, ID: l.Take().Incarnation}
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	if o := s.past.origins[i.String()]; o != nil {
		o.lacks = true
	}
}

// lost reports whether it is known that nothing of an entry's take was ever in the bucket: the seal of its
// incarnation does not name it.
func (s *Station) lost(e *program.Entry) bool {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	o := s.past.origins[e.Origin]
	if o == nil || !o.known {
		return false
	}
	_, named := o.takes[e.Take]
	return !named
}

// whole reports whether an ended incarnation is known with all its logs.
func (s *Station) whole(o *origin) bool {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	return o.known && !o.lacks
}

// origin returns an ended incarnation, reading it from the bucket if it is not known.
func (s *Station) origin(ctx context.Context, name string) (*origin, error) {
	o := s.originOf(name)
	o.once.lock()
	defer o.once.unlock()
	if s.whole(o) {
		return o, nil
	}
	if time.Since(o.looked) < lookAgain {
		return nil, fmt.Errorf("%s: %w", name, errUnsealed)
	}
	i, err := bundle.ParseIncarnation(name)
	if err != nil {
		return nil, err
	}
	r, err := bundle.Review(ctx, s.cfg.Docs.Bucket(), i)
	if errors.Is(err, bucket.ErrNotFound) {
		o.looked = time.Now()
		return nil, fmt.Errorf("%s: %w", name, errUnsealed)
	}
	if err != nil {
		return nil, err
	}
	s.takeIn(o, r)
	return o, nil
}

// lookAgain is how often a seal is looked for, however many channels wait for it.
const lookAgain = 200 * time.Millisecond

// lookAfresh has a seal looked for at once: somebody says that it is there.
func (s *Station) lookAfresh(name string) {
	o := s.originOf(name)
	o.once.lock()
	defer o.once.unlock()
	o.looked = time.Time{}
}
