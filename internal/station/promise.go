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

// promise is this node's word that nothing but that entry follows another one. It dies with the memory
// of the node, so a node that has just started gives none (rule G).
type promise struct {
	after, entry string
	by           string // the node that claims
	try          uint64 // how often it had asked for promises then
	firm         bool   // the bucket may have the claim: it cannot be taken back
	given        time.Time
}

// promiseTime is how long a promise binds. Who got it uses it at once, within claimTime.
const promiseTime = 6 * time.Second

// promiseMessage asks for a promise.
type promiseMessage struct {
	Channel string           `json:"channel"`
	Claim   *program.Mark    `json:"claim"`
	List    *program.CutList `json:"list"`
	Try     uint64           `json:"try,omitempty"`
}

// withdrawnMessage takes back a try to get promises that has failed.
type withdrawnMessage struct {
	Channel string `json:"channel"`
	Entry   string `json:"entry"`
	Try     uint64 `json:"try"`
}

// promiseAnswer is how a promise was given.
type promiseAnswer struct {
	// Kept is the cut list with the claim carried out: the bucket answers the node that was asked.
	Kept *program.CutList `json:"kept,omitempty"`
}

// newborn is how long a node gives no promises after its start: another one may have been given by the
// one before it.
const newborn = 6 * time.Second

// promised asks all members for their word that a claim is carried out while the bucket is away. Most of
// those that are known must give it, nobody who is in sight may refuse (rule F), and nobody who is not may claim. One that has the bucket
// after all carries the claim out there: else a node that has it too could do so with another claim.
//
// What was promised in vain is taken back, or two nodes that claim at the same time would refuse each other for as long
// as both want it. binds says that this node's own word stands all the same, because the bucket may have the claim.
func (f *fleet) promised(ctx context.Context, p *Program, claim *program.Mark, binds bool) (all bool) {
	p.mu.Lock()
	list := p.director.List()
	p.mu.Unlock()
	try := f.tries.Add(1)
	if !f.promise(p, list, claim, f.station.cfg.Spool.Node(), try) {
		return false
	}
	defer func() {
		if all {
			return
		}
		if !binds {
			f.withdraw(f.station.cfg.Spool.Node(), withdrawnMessage{p.id, claim.ID(), try})
		}
		f.say(subjectWithdrawn, withdrawnMessage{p.id, claim.ID(), try})
	}()
	asked := time.Now()
	voters, ok := f.voters(p.id, list)
	if !ok {
		return false
	}
	refused, kept := f.askPromises(ctx, p, voters.sight, promiseMessage{p.id, claim, list.Tail(tellEntries), try})
	given := 1 + len(voters.sight)
	most := 2*given > voters.known
	if claim.Ended != "" { // what is driven by the clock may be listed by any of them
		most = given == voters.known
	}
	return kept || !refused && most && time.Since(asked) < promiseTime/2
}

// voters are who has a say about a claim.
type voters struct {
	known int      // nodes that there may be, with this one
	sight []string // the others of them that can be asked
}

// voters returns who has a say about what is on air next, and false if a node that is out of sight may decide it by
// itself.
func (f *fleet) voters(channel string, list *program.CutList) (v voters, ok bool) {
	v.known = 1
	for _, m := range f.mesh.Members() {
		if m.Self || m.State == mesh.Lost && (m.Leaving || f.station.ended(m.Incarnation) || m.Reason == mesh.HasLeft) {
			continue
		}
		v.known++
		if m.State == mesh.Alive {
			v.sight = append(v.sight, m.Node)
		} else if f.mayClaim(m, channel, list) {
			return v, false
		}
	}
	return v, true
}

// askPromises asks nodes for their word. kept says that one of them has carried the claim out in the bucket.
func (f *fleet) askPromises(ctx context.Context, p *Program, nodes []string, m promiseMessage) (refused, kept bool) {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, node := range nodes {
		group.Go(func() {
			answer, err := ask[promiseAnswer](ctx, f, node, subjectPromise, m)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused = true
			} else if answer.Kept != nil && answer.Kept.Validate() == nil {
				p.mu.Lock()
				p.learn(answer.Kept, true)
				kept = kept || p.director.List().Entry(m.Claim.Entry.ID) != nil
				p.mu.Unlock()
			}
		})
	}
	group.Wait()
	return refused, kept
}

// mayClaim reports whether a node that is out of sight may put something on air in a channel by itself, should it have
// the bucket: it takes in a source, or wrote what was on air last. Then others do not agree on anything else.
func (f *fleet) mayClaim(m mesh.Member, channel string, list *program.CutList) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ended := f.soft[m.Incarnation]; ended {
		return false
	}
	if n := len(list.Entries); n > 0 && list.Entries[n-1].Origin == m.Incarnation {
		return true
	}
	for _, at := range f.live[channel] {
		if at.incarnation == m.Incarnation {
			return true
		}
	}
	return false
}

func (f *fleet) askedPromise(ctx context.Context, from string, data []byte) ([]byte, error) {
	var m promiseMessage
	if err := json.Unmarshal(data, &m); err != nil || m.Claim == nil || m.Claim.Entry == nil || m.List == nil || m.List.Validate() != nil {
		return nil, fmt.Errorf("malformed claim: %w", err)
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	if time.Since(f.started) < newborn {
		return nil, ErrStarting
	}
	p.mu.Lock()
	p.learn(m.List, false)
	var list *program.CutList
	if p.director != nil {
		list = p.director.List()
	}
	p.mu.Unlock()
	if list == nil {
		return nil, ErrStarting
	}
	if !f.promise(p, list, m.Claim, from, m.Try) {
		return nil, program.ErrTaken
	}
	answer := promiseAnswer{}
	if f.station.Health().AwayFor == 0 {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		kept, err := p.carryOut(ctx, m.Claim)
		if errors.Is(err, program.ErrTaken) {
			return nil, err
		}
		if err == nil {
			answer.Kept = kept.Tail(tellEntries)
		} else if errors.Is(err, errUnanswered) {
			f.firm(m)
		}
	}
	return json.Marshal(answer)
}

// promise gives this node's word to a node, or refuses. What a node claims itself it promises to itself,
// also when it is the bucket that it asks: else it could give its word for another claim meanwhile.
func (f *fleet) promise(p *Program, list *program.CutList, claim *program.Mark, by string, try uint64) bool {
	if _, err := program.Claimed(list, list, claim); err != nil {
		return false
	}
	after := ""
	if n := len(list.Entries); n > 0 {
		after = list.Entries[n-1].ID
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	given, ok := f.promises[p.id]
	if ok && given.after == after && given.by != by && time.Since(given.given) < promiseTime {
		return false
	}
	f.promises[p.id] = promise{after, claim.ID(), by, try, ok && given.firm && given.entry == claim.ID(), time.Now()}
	return true
}

// firm notes that the bucket may have carried out a claim for which this node gave its word.
func (f *fleet) firm(m promiseMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if given := f.promises[m.Channel]; given.entry == m.Claim.ID() {
		given.firm = true
		f.promises[m.Channel] = given
	}
}

func (f *fleet) heardWithdrawn(from string, data []byte) {
	var m withdrawnMessage
	if json.Unmarshal(data, &m) == nil {
		f.withdraw(from, m)
	}
}

// withdraw ends a promise that was given to a node, if it has not asked again since.
func (f *fleet) withdraw(by string, m withdrawnMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if given, ok := f.promises[m.Channel]; ok && given.by == by && given.entry == m.Entry && given.try == m.Try && !given.firm {
		delete(f.promises, m.Channel)
	}
}
