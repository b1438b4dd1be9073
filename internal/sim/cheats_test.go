package sim

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// without are the rules of the design that can be left out, and within how many seeds that must be noticed,
// with these faults: several times as many as it takes. Of rule F it is the agreement on claims, and (Fh) that a
// clock-driven entry ends behind the highest number that anybody lists; the rest of it is left out in
// TestNeverDarkFinds of internal/program. Rule I gives nothing to check but that
// requests are held, which all runs need.
var without = []struct {
	rule   string
	what   string
	within int
	kinds  []string
	nodes  int // or as the seed says
	make   func() *cheat
}{
	{"A", "a director ends what is on air where its own list ends, and tells the others", 20, []string{}, 3, rogueDirector},
	{"B", "who meets a fence takes it for an answer that was lost", 20, []string{pause, partition}, 3, noFence},
	{"C", "what the witness holds is left out of the seal", 120, []string{crash}, 3, noTestimony},
	{"D", "a seal with the word of a spool counts as an exact one: no gaps", 100, []string{crash}, 1, func() *cheat { return otherWord(bundle.SpoolWord, bundle.ExactWord) }},
	{"E", "a seal without any word counts as one with the word of a spool: no leap", 40, []string{crash, outage}, 1, func() *cheat { return otherWord(bundle.NoWord, bundle.SpoolWord) }},
	{"F", "nobody is asked for a promise", 160, []string{outage, messages}, 3, noPromises},
	{"Fh", "a node asks for words and cuts where its own list ends", 40, []string{skew}, 3, noHighest},
	{"G", "a node that has just started gives promises, and does not ask the others what they know", 160, []string{outage, crash, oneSided}, 3, forgetful},
	{"H", "discontinuities are counted, not stored", 60, []string{crash}, 3, countedDiscontinuities},
}

// TestWithout shows that each rule left out is noticed: there is a seed that breaks a law without it, and keeps
// all laws with it. One whose run with the rule would be excused shows nothing.
func TestWithout(t *testing.T) {
	for _, r := range without {
		t.Run(r.rule, func(t *testing.T) {
			ran := 0
			for first := 1; first <= r.within; first += batch {
				all := seeds(t, uint64(first), min(batch, r.within-first+1), r.rule, lookedAt)
				ran += len(all)
				for _, o := range all {
					if o.Law == "" || o.Law == "run" {
						continue
					}
					honestly := seeds(t, o.Seed, 1, honest+r.rule, 0)[0]
					if honestly.Law != "" && !honestly.excused() {
						t.Fatalf("seed %d does not keep the laws with rule %s either: %s", o.Seed, r.rule, honestly.Broken[0])
					}
					if honestly.Law == "" {
						t.Logf("without rule %s (%s), after %d seeds of at most %d: seed %d: %s", r.rule, r.what, ran, r.within, o.Seed, o.Broken[0])
						return
					}
				}
			}
			t.Fatalf("without rule %s (%s) no seed of %d breaks a law that it keeps with it", r.rule, r.what, ran)
		})
	}
}

// The seeds are run in batches; of each, so many broken ones are looked at.
const batch, lookedAt = 40, 6

// cheatFor returns what leaves out a rule, and the faults with which that is to be noticed.
func cheatFor(rule string, kinds []string) (*cheat, []string) {
	for _, r := range without {
		switch rule {
		case r.rule:
			c := r.make()
			c.nodes = r.nodes
			return c, r.kinds
		case honest + r.rule:
			return &cheat{nodes: r.nodes, autopilot: r.make().autopilot}, r.kinds
		}
	}
	return nil, kinds
}

// honest before a rule gives its runs with nothing left out.
const honest = "honest "

// onPut is a bucket of which PutIfAbsent is another.
type onPut struct {
	bucket.Bucket
	put func(ctx context.Context, b bucket.Bucket, key string, body bucket.Body) (bucket.ETag, error)
}

func (o onPut) PutIfAbsent(ctx context.Context, key string, body bucket.Body) (bucket.ETag, error) {
	return o.put(ctx, o.Bucket, key, body)
}

// indexOf returns the index of a bundle on its way.
func indexOf(body bucket.Body) *bundle.Index {
	x, need, err := bundle.DecodeIndex(slices.Concat(body...))
	if err != nil || need > 0 {
		return nil
	}
	return x
}

func noFence() *cheat {
	return &cheat{onBucket: func(b bucket.Bucket) bucket.Bucket {
		return onPut{b, func(ctx context.Context, b bucket.Bucket, key string, body bucket.Body) (bucket.ETag, error) {
			e, err := b.PutIfAbsent(ctx, key, body)
			if x := indexOf(body); strings.HasPrefix(key, "media/") && errors.Is(err, bucket.ErrPrecondition) && x != nil && x.Fence == "" {
				return "", nil
			}
			return e, err
		}}
	}}
}

func noTestimony() *cheat {
	return &cheat{onBucket: func(b bucket.Bucket) bucket.Bucket {
		return onPut{b, func(ctx context.Context, b bucket.Bucket, key string, body bucket.Body) (bucket.ETag, error) {
			if x := indexOf(body); strings.HasPrefix(key, "media/") && x != nil && x.Fence != "" {
				body = bundle.EncodeFence(x.Fence)
			}
			return b.PutIfAbsent(ctx, key, body)
		}}
	}}
}

// otherWord writes seals with another word than the sealer's, and has it read its seal again.
func otherWord(is, becomes bundle.Word) *cheat {
	return &cheat{onBucket: func(b bucket.Bucket) bucket.Bucket {
		return onPut{b, func(ctx context.Context, b bucket.Bucket, key string, body bucket.Body) (bucket.ETag, error) {
			var seal bundle.Seal
			if !strings.HasPrefix(key, "seals/") || json.Unmarshal(slices.Concat(body...), &seal) != nil || seal.Word != is {
				return b.PutIfAbsent(ctx, key, body)
			}
			seal.Word = becomes
			data, err := json.Marshal(&seal)
			if err != nil {
				return "", err
			}
			if _, err := b.PutIfAbsent(ctx, key, bucket.Bytes(data)); err != nil {
				return "", err
			}
			return "", bucket.ErrUnavailable
		}}
	}}
}

func noPromises() *cheat {
	return &cheat{onAsk: func(subject string) ([]byte, bool) { return nil, subject == "promise" }}
}

func forgetful() *cheat {
	return &cheat{
		onAsk: func(subject string) ([]byte, bool) { return []byte("{}"), subject == "ask-cuts" },
		onAnswer: func(subject string, out []byte, err error) ([]byte, error) {
			if subject == "promise" && err != nil && strings.Contains(err.Error(), "only just started") {
				return nil, nil
			}
			return out, err
		},
	}
}

// cuts is the message that tells a cut list.
type cuts struct {
	Channel string           `json:"channel"`
	List    *program.CutList `json:"list,omitempty"`
}

func countedDiscontinuities() *cheat {
	count := func(data []byte) []byte {
		var m cuts
		if json.Unmarshal(data, &m) != nil || m.List == nil {
			return data
		}
		list := *m.List.Tail(2)
		list.Entries = slices.Clone(list.Entries)
		for i := range list.Entries {
			list.Entries[i].Discontinuity = int64(i)
		}
		m.List = &list
		out, err := json.Marshal(m)
		if err != nil {
			return data
		}
		return out
	}
	return &cheat{
		onSend: func(subject string, data []byte) []byte {
			if subject == "cuts" {
				return count(data)
			}
			return data
		},
		onAnswer: func(subject string, out []byte, err error) ([]byte, error) {
			if subject == "ask-cuts" && err == nil {
				return count(out), nil
			}
			return out, err
		},
	}
}

// rogueDirector ends what is on air at its own pleasure: it knows the newest cut list, and what one node
// lists, and tells all where the entry ends.
func rogueDirector() *cheat {
	var mu sync.Mutex
	newest := map[string]*program.CutList{}
	var port *mesh.Port
	var next time.Time
	c := &cheat{onSend: func(subject string, data []byte) []byte {
		var m cuts
		if subject == "cuts" && json.Unmarshal(data, &m) == nil && m.List != nil {
			mu.Lock()
			newest[m.Channel] = m.List
			mu.Unlock()
		}
		return data
	}}
	c.onStep = func(w *world) {
		if port == nil {
			port = w.net.Link("rogue")
			next = time.Now().Add(3 * time.Second)
		}
		if time.Now().Before(next) || w.faults.over {
			return
		}
		next = time.Now().Add(3 * time.Second)
		for _, channel := range w.channels {
			mu.Lock()
			list := newest[channel.ID]
			mu.Unlock()
			n := w.any()
			if list == nil || list.OnAir() == nil || n == nil {
				continue
			}
			win := w.laws.look(n.proc, channel.Slug, false)
			if win == nil {
				continue
			}
			last, _ := win.Last()
			if !win.Segments[len(win.Segments)-1].Complete {
				last--
			}
			told := *list
			told.Entries = slices.Clone(list.Entries)
			e := &told.Entries[len(told.Entries)-1]
			if last < e.Number {
				continue
			}
			e.End = &program.End{At: media.Pos{Segment: e.From + uint32(last+1-e.Number)}, ProgramTime: time.Now().UTC()}
			data, err := json.Marshal(cuts{channel.ID, &told})
			if err == nil {
				w.say("rogue", "ends number %d of %s", last, channel.Slug)
				port.Publish("cuts", data)
			}
		}
	}
	return c
}
