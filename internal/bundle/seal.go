package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Node is the document of a node, `nodes/{name}`.
type Node struct {
	Name         string   `json:"name"`
	PublicURL    string   `json:"publicURL,omitempty"`
	Mesh         string   `json:"mesh,omitempty"` // where other nodes reach it
	Incarnations []string `json:"incarnations"`   // begun and not sealed, oldest first
}

func nodeKey(name string) string { return "nodes/" + name }

// Register notes, before anything is written, that an incarnation has begun. It returns the earlier
// incarnations of the node that nobody has sealed.
func Register(ctx context.Context, docs *bucket.Documents, i Incarnation, publicURL, mesh string) (unsealed []Incarnation, err error) {
	n, err := bucket.Update(ctx, docs, nodeKey(i.Node), func(n *Node) error {
		n.Name, n.PublicURL, n.Mesh = i.Node, publicURL, mesh
		if !slices.Contains(n.Incarnations, i.ID) {
			n.Incarnations = append(n.Incarnations, i.ID)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("register node %s: %w", i.Node, err)
	}
	for _, id := range n.Incarnations {
		if id != i.ID {
			unsealed = append(unsealed, Incarnation{Node: i.Node, ID: id})
		}
	}
	return unsealed, nil
}

// Peers lists where other nodes that may run are reached.
func Peers(ctx context.Context, docs *bucket.Documents, node string) (addresses []string, err error) {
	err = bucket.All(ctx, docs.Bucket(), nodeKey(""), func(e bucket.Entry) error {
		n, err := bucket.LoadListed[Node](ctx, docs, e)
		if err == nil && n.Name != node && n.Mesh != "" && len(n.Incarnations) > 0 {
			addresses = append(addresses, n.Mesh)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return addresses, nil
}

// Forget notes that an incarnation is sealed, and that what its seal says has been seen to.
func Forget(ctx context.Context, docs *bucket.Documents, i Incarnation) error {
	_, err := bucket.Update(ctx, docs, nodeKey(i.Node), func(n *Node) error {
		n.Incarnations = slices.DeleteFunc(n.Incarnations, func(id string) bool { return id == i.ID })
		return nil
	})
	return err
}

// Seal is the object that ends the takes of a dead incarnation: what lies beyond it does not count.
type Seal struct {
	By    string                     `json:"by"`    // the sealing node
	At    time.Time                  `json:"at"`    // for people
	End   uint64                     `json:"end"`   // number of the fence: the bundles below it count
	Word  Word                       `json:"word"`  // what is known of what was listed
	Takes map[media.TakeID]media.Pos `json:"takes"` // where each take ends
}

// Word is what a sealer knows of what the dead incarnation may have listed beyond its bundles.
type Word int

// The words, the least knowing first.
const (
	NoWord    Word = iota // nothing: the spool is not at hand
	SpoolWord             // what was safe is there; one finished segment beyond it may have been listed
	ExactWord             // nothing beyond was listed
)

func sealKey(i Incarnation) string { return "seals/" + i.String() }

// LoadSeal reads the seal of an incarnation, or bucket.ErrNotFound.
func LoadSeal(ctx context.Context, b bucket.Bucket, i Incarnation) (*Seal, error) {
	o, err := b.Get(ctx, sealKey(i))
	if err != nil {
		return nil, err
	}
	s := &Seal{}
	if err := json.Unmarshal(o.Data, s); err != nil {
		return nil, fmt.Errorf("seal of %s: %w", i, err)
	}
	return s, nil
}

// Recovered is what is left of an incarnation that has ended.
type Recovered struct {
	Incarnation *Incarnation
	Bundles     []Scanned
	Seal        *Seal
	Sealed      bool // it was just sealed, and not known to have ended before
}

// Known is what a sealer knows of an incarnation that its bundles do not say.
type Known struct {
	Word      Word     // what its spool is worth
	Witnesses []string // those that gave an exact word
	// Sooner is where takes were ended already while the bucket was away: what landed later does not count.
	Sooner map[media.TakeID]media.Pos
}

// worth returns the word for a seal of these bundles. If the newest of them, or that there is none, says that
// nothing was listed, that is exact. The word of a witness counts only if the newest of them
// names it: a writer that lives on after all has named others before it listed more (rule C). The names stand in
// the bundle only, not in an index page.
func (k Known) worth(ctx context.Context, b bucket.Bucket, i Incarnation, bundles []Scanned) (Word, error) {
	n := len(bundles) - 1
	for ; n >= 0 && bundles[n].Index.Fence != ""; n-- {
	}
	if n < 0 {
		return ExactWord, nil
	}
	x, err := ReadIndex(ctx, b, i.Key(bundles[n].Sequence))
	if errors.Is(err, bucket.ErrNotFound) { // collected
		return k.Word, nil
	}
	if err == nil && (x.Quiet || slices.ContainsFunc(k.Witnesses, func(w string) bool { return slices.Contains(x.Witnesses, w) })) {
		return ExactWord, nil
	}
	return k.Word, err
}

// Recover ends an incarnation whose node has died, if nobody did yet, and reads what it left: it
// fences it, so that the writer cannot go on should it live after all, reads everything before the
// fence, and writes the seal. Several may do so at once; they come to the same result: that of the
// first seal. The incarnation counts as not sealed until whoever called has stored what follows from that, and calls
// Forget: else that would be lost with the caller's memory.
func Recover(ctx context.Context, docs *bucket.Documents, i Incarnation, by string, known Known) (*Recovered, error) {
	b := docs.Bucket()
	found, err := fence(ctx, b, i, by)
	if err != nil {
		return nil, fmt.Errorf("recover %s: %w", i, err)
	}
	word, err := known.worth(ctx, b, i, found.bundles)
	if err != nil {
		return nil, fmt.Errorf("recover %s: %w", i, err)
	}
	r := &Recovered{Incarnation: &i, Bundles: found.bundles, Sealed: true}
	seal := &Seal{By: by, At: time.Now().UTC(), End: found.end, Word: word, Takes: ends(found.bundles)}
	for id, at := range known.Sooner {
		if end, ok := seal.Takes[id]; ok && at.Before(end) {
			seal.Takes[id] = at
		}
	}
	if r.Seal, err = writeSeal(ctx, b, i, seal); err != nil {
		return nil, fmt.Errorf("recover %s: %w", i, err)
	}
	return r, nil
}

type fenced struct {
	bundles []Scanned
	end     uint64
}

// fenceTries bounds how often stragglers and other sealers may get in the way of a fence.
const fenceTries = 100

// fence writes a fence into the next InFlight numbers of the incarnation, or completes those of another
// sealer. A bundle that lands in between is read too and counts.
func fence(ctx context.Context, b bucket.Bucket, i Incarnation, by string) (*fenced, error) {
	for try := range fenceTries {
		bundles, next, done, err := Scan(ctx, b, i)
		if err != nil {
			return nil, err
		}
		first := next
		if done {
			first++ // the one at next is there
		}
		for n := first; n < next+InFlight; n++ {
			_, err = b.PutIfAbsent(ctx, i.Key(n), EncodeFence(by))
			if n == next && err != nil {
				break
			}
			if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
				return nil, fmt.Errorf("write fence: %w", err)
			}
			err = nil
		}
		if err == nil {
			return &fenced{bundles, next}, nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return nil, fmt.Errorf("write fence: %w", err)
		}
		// A straggler landed there, or another sealer was quicker: look again.
		select {
		case <-time.After(time.Duration(min(try, 20)) * 5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("write fence: others were quicker %d times: %w", fenceTries, bucket.ErrUnavailable)
}

// ends says where each take stands at the end of the bundles.
func ends(bundles []Scanned) map[media.TakeID]media.Pos {
	takes := map[media.TakeID]media.Pos{}
	for _, s := range bundles {
		for i := range s.Index.Records {
			r := &s.Index.Records[i]
			switch {
			case r.Kind == KindPart && r.Part.Last:
				takes[r.Take] = media.Pos{Segment: r.Part.Segment + 1}
			case r.Kind == KindPart:
				takes[r.Take] = media.Pos{Segment: r.Part.Segment, Part: r.Part.Index + 1}
			case r.Kind == KindBirth:
				if _, ok := takes[r.Take]; !ok {
					takes[r.Take] = media.Pos{}
				}
			}
		}
	}
	return takes
}

// writeSeal writes a seal, or returns the one that is there.
func writeSeal(ctx context.Context, b bucket.Bucket, i Incarnation, s *Seal) (*Seal, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode seal: %w", err)
	}
	_, err = b.PutIfAbsent(ctx, sealKey(i), bucket.Bytes(data))
	if err == nil {
		return s, nil
	}
	there, loadErr := LoadSeal(ctx, b, i)
	if loadErr != nil {
		return nil, fmt.Errorf("write seal: %w", errors.Join(err, loadErr))
	}
	return there, nil
}

// Finish seals an incarnation from within, at a graceful end: its takes have ended and everything, what follows from it
// too, is in the bucket. The next start then has nothing to recover.
func Finish(ctx context.Context, docs *bucket.Documents, i Incarnation) error {
	if _, err := Recover(ctx, docs, i, i.Node, Known{Word: ExactWord}); err != nil {
		return err
	}
	return Forget(ctx, docs, i)
}

// Review reads what a sealed incarnation left.
func Review(ctx context.Context, b bucket.Bucket, i Incarnation) (*Recovered, error) {
	seal, err := LoadSeal(ctx, b, i)
	if err != nil {
		return nil, fmt.Errorf("review %s: %w", i, err)
	}
	bundles, whole, err := reviewPaged(ctx, b, i, seal.End)
	if err == nil && !whole {
		bundles, _, _, err = Scan(ctx, b, i)
	}
	if err != nil {
		return nil, fmt.Errorf("review %s: %w", i, err)
	}
	return &Recovered{Incarnation: &i, Bundles: bundles, Seal: seal}, nil
}

// reviewPaged reads a sealed incarnation by its index pages alone, if they reach to its end, and the fence there,
// which may have what a witness held: a few requests instead of one for each bundle.
func reviewPaged(ctx context.Context, b bucket.Bucket, i Incarnation, end uint64) (found []Scanned, whole bool, err error) {
	if found, err = readPages(ctx, b, i); err != nil || uint64(len(found)) < end {
		return nil, false, err
	}
	found = found[:end]
	x, err := ReadIndex(ctx, b, i.Key(end))
	switch {
	case errors.Is(err, bucket.ErrNotFound): // collected, with everything before it
		return found, true, nil
	case err != nil:
		return nil, false, err
	case x.Fence == "":
		return nil, false, nil
	case len(x.Records) > 0:
		found = append(found, Scanned{end, x})
	}
	return found, true, nil
}

// Unsealed lists the incarnations of other nodes that nobody has sealed.
func Unsealed(ctx context.Context, docs *bucket.Documents, node string) ([]Incarnation, error) {
	var out []Incarnation
	err := bucket.All(ctx, docs.Bucket(), nodeKey(""), func(e bucket.Entry) error {
		n, err := bucket.Load[Node](ctx, docs, e.Key)
		if err != nil {
			return err
		}
		for _, id := range n.Incarnations {
			if n.Name != node {
				out = append(out, Incarnation{Node: n.Name, ID: id})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return out, nil
}

// Resume writes to the bucket what earlier incarnations of this node left in the spool and its
// journals. It must come before their recovery. It returns, for the incarnations that the spool knows,
// what its word is worth. A bundle that cannot be read is set aside; one whose number is fenced comes
// too late and is let go.
func Resume(ctx context.Context, b bucket.Bucket, s *Spool, log *slog.Logger) (map[string]Word, error) {
	left, words, err := s.leftovers()
	if err != nil {
		return nil, fmt.Errorf("resume from spool: %w", err)
	}
	for id, bundles := range left {
		i := &Incarnation{Node: s.Node(), ID: id}
		if bundles, err = s.missing(ctx, b, i, bundles); err != nil {
			return nil, fmt.Errorf("resume from spool: %w", err)
		}
		for _, l := range bundles {
			body, err := s.body(i, l)
			switch {
			case err != nil:
				return nil, fmt.Errorf("resume from spool: %w", err)
			case body == nil && l.journaled: // nothing whole was written to it
				continue
			case body == nil:
				log.Error("a bundle in the spool cannot be read and is set aside", "incarnation", i, "sequence", l.sequence)
				if err := s.SetAside(id, l.sequence); err != nil {
					return nil, fmt.Errorf("resume from spool: %w", err)
				}
				words[id] = min(words[id], SpoolWord)
				continue
			}
			late, err := s.resume(ctx, b, i, l, body)
			if err != nil {
				return nil, fmt.Errorf("resume from spool: %w", err)
			}
			if late {
				words[id] = min(words[id], SpoolWord)
			}
		}
	}
	return words, nil
}

// ResumeWhole writes to the bucket the whole bundles that earlier incarnations of this node left in the spool,
// up to the first of which that has not all, of incarnations of which the spool does not know everything.
// It comes before their witnesses are asked: one that was passed over holds less than these bundles, and the
// newest of them names those that were not.
func ResumeWhole(ctx context.Context, b bucket.Bucket, s *Spool) error {
	left, words, err := s.leftovers()
	if err != nil {
		return fmt.Errorf("resume from spool: %w", err)
	}
	for id, bundles := range left {
		i := &Incarnation{Node: s.Node(), ID: id}
		if bundles, err = s.missing(ctx, b, i, bundles); err != nil {
			return fmt.Errorf("resume from spool: %w", err)
		}
		for _, l := range bundles {
			if words[id] == ExactWord || l.journaled {
				break
			}
			body, err := s.body(i, l)
			if err == nil && body == nil {
				break
			}
			if err == nil {
				_, err = s.resume(ctx, b, i, l, body)
			}
			if err != nil {
				return fmt.Errorf("resume from spool: %w", err)
			}
		}
	}
	return nil
}

// missing returns the leftovers that the bucket may not have, noting that the others have landed. Of the newest
// numbers in the bucket one cannot tell by a listing whether they are bundles or a fence: a fence takes up the
// first InFlight numbers that were free, and as many bundles may have been on their way behind it.
func (s *Spool) missing(ctx context.Context, b bucket.Bucket, i *Incarnation, left []leftover) ([]leftover, error) {
	if len(left) <= 2*InFlight {
		return left, nil
	}
	there, newest := map[uint64]bool{}, uint64(0)
	if err := bucket.All(ctx, b, i.prefix(), func(e bucket.Entry) error {
		n, err := parseSequence(e.Key)
		there[n], newest = true, max(newest, n)
		return err
	}); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(left, func(l leftover) bool {
		landed := there[l.sequence] && l.sequence+2*InFlight <= newest
		if landed {
			s.Landed(i, l.sequence)
		}
		return landed
	}), nil
}

// resume writes one leftover, and lets it go if it comes too late.
func (s *Spool) resume(ctx context.Context, b bucket.Bucket, i *Incarnation, l leftover, body bucket.Body) (late bool, err error) {
	late, err = resume(ctx, b, i.Key(l.sequence), body, l.journaled)
	switch {
	case err != nil:
	case late:
		s.Drop(i, l.sequence)
	default:
		s.Landed(i, l.sequence)
	}
	return late, err
}

// resume writes a bundle unless there is one of that number: the same, or a fence and what a witness held,
// for which this one is too late. One from the journal has the records of the one that was written, if it
// was, but not its bytes.
func resume(ctx context.Context, b bucket.Bucket, key string, body bucket.Body, journaled bool) (late bool, err error) {
	_, err = b.PutIfAbsent(ctx, key, body)
	if !errors.Is(err, bucket.ErrPrecondition) {
		return false, err
	}
	if journaled {
		x, err := ReadIndex(ctx, b, key)
		return err == nil && x.Fence != "", err
	}
	if err = checkOwn(ctx, b, key, body); errors.Is(err, ErrFenced) {
		return true, nil
	}
	return false, err
}
