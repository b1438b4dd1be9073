package mesh

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

const (
	// BeatEvery is how often a node says that it lives.
	BeatEvery = 500 * time.Millisecond
	// SuspectAfter and LostAfter say how long a node is not heard before others turn away from it,
	// and before its takes are ended.
	SuspectAfter = 1500 * time.Millisecond
	LostAfter    = 3 * time.Second
	// forgetAfter is how long a lost member is remembered.
	forgetAfter = time.Hour
	// maxMembers bounds a view.
	maxMembers = 10_000
)

// State is what a node knows of another.
type State string

// The states of a member.
const (
	Alive   State = "alive"
	Suspect State = "suspect" // not heard for SuspectAfter
	Lost    State = "lost"    // not heard for LostAfter, or it has left
)

// HasLeft is the reason of a member that said goodbye.
const HasLeft = "it has left"

// Beat is what a node says of itself.
type Beat struct {
	Version     int       `json:"v"`
	Node        string    `json:"node"`
	Incarnation string    `json:"incarnation"`
	Number      uint64    `json:"number"` // counts up within a run of the process
	Started     time.Time `json:"started"`
	Now         time.Time `json:"now"` // its clock
	PublicURL   string    `json:"publicURL,omitempty"`
	Media       string    `json:"media"` // address of its listener for other nodes
	Release     string    `json:"release,omitempty"`
	Ready       bool      `json:"ready"`
	Leaving     bool      `json:"leaving,omitempty"`
	Witnesses   []string  `json:"witnesses,omitempty"` // that hold what it takes in
	Away        bool      `json:"away,omitempty"`      // the bucket does not answer it
	Load        Load      `json:"load"`
}

// Load is how busy a node is.
type Load struct {
	Publishers int     `json:"publishers"`
	Viewers    int     `json:"viewers"`
	Takes      int     `json:"takes"` // that it holds, also as a follower
	In         int64   `json:"in"`    // bytes of media taken in, total
	CPU        float64 `json:"cpu"`   // processors in use
	// Watching is how many watch the channels that have a viewer limit, by slug.
	Watching map[string]int `json:"watching,omitempty"`
	// Burnt are the channels whose burnt programs players ask for, by slug.
	Burnt []string `json:"burnt,omitempty"`
	// Unburnt are those of them that this node is to make and has no room for.
	Unburnt []string `json:"unburnt,omitempty"`
}

// Member is a node as another one sees it.
type Member struct {
	Beat
	State  State
	Since  time.Time     // of the state; of this node itself: since when it has not stood still, zero if it never did
	Heard  time.Time     // when its newest beat came; of this node itself: when it said the newest one
	Reason string        // of the state, for people
	Clock  time.Duration // how far its clock is ahead of ours, as the quickest of its newest beats says
	Self   bool

	clocks  [clockBeats]time.Duration // what its newest beats said, less their way
	clocked int
}

// View is what a node knows of the others. It is a state machine: beats and the time are told to it.
// It is not safe for concurrent use.
type View struct {
	self    Beat
	members map[string]*Member
	ticked  time.Time
	awake   time.Time // when it last woke up
}

// sleepTime is how long a node must have stood still to count as one that has slept: others may have gone on
// without it.
const sleepTime = 2 * BeatEvery

// clockBeats is by how many beats it is judged how far a clock is ahead: those that were long on their way say too
// little.
const clockBeats = 8

// clock notes what a beat says of its node's clock.
func (m *Member) clock(ahead time.Duration) {
	m.clocks[m.clocked%clockBeats] = ahead
	m.clocked++
	m.Clock = slices.Max(m.clocks[:min(m.clocked, clockBeats)])
}

// NewView makes the view of a node that has heard nobody.
func NewView(node string) *View {
	return &View{self: Beat{Node: node}, members: map[string]*Member{}}
}

// Self notes what this node says of itself.
func (v *View) Self(b Beat) { v.self = b }

// Heard notes the beat of another node and reports whether that changed who is there. Beats that were
// overtaken by a newer one are passed over.
func (v *View) Heard(b Beat, now time.Time) bool {
	if b.Node == v.self.Node || b.Node == "" {
		return false
	}
	m := v.members[b.Node]
	if m == nil {
		if len(v.members) >= maxMembers {
			return false
		}
		m = &Member{Since: now, State: Lost}
		v.members[b.Node] = m
	}
	if b.Started.Equal(m.Started) && b.Number <= m.Number {
		return false
	}
	// An earlier run that wakes up does not take the place of the one that lives. But where nobody
	// lives, it may be that the machine's clock was set back.
	if b.Started.Before(m.Started) && m.State != Lost {
		return false
	}
	changed := m.State != Alive || m.Incarnation != b.Incarnation || m.Leaving != b.Leaving ||
		m.Ready != b.Ready || m.PublicURL != b.PublicURL || !slices.Equal(m.Witnesses, b.Witnesses)
	if m.State != Alive {
		m.State, m.Since, m.Reason = Alive, now, "it is heard"
	}
	if !b.Started.Equal(m.Started) {
		m.clocked = 0
	}
	m.Beat, m.Heard = b, now
	m.clock(b.Now.Sub(now))
	return changed
}

// Left notes that a run of a node said that it is gone. The farewell of an earlier run may come when
// the next one is there already, and does not count then.
func (v *View) Left(b Beat, now time.Time) bool {
	m := v.members[b.Node]
	if m == nil || m.State == Lost || !m.Started.Equal(b.Started) {
		return false
	}
	m.Number = max(m.Number, b.Number) // beats that it has overtaken do not bring the node back
	m.State, m.Since, m.Reason = Lost, now, HasLeft
	return true
}

// Tick notes the time and reports whether that changed who is there. If this node itself stood still,
// it was deaf, and nobody is lost for that (rule G).
func (v *View) Tick(now time.Time) bool {
	deaf := now.Sub(v.ticked)
	first := v.ticked.IsZero()
	v.ticked = now
	if !first && deaf >= sleepTime {
		v.awake = now
	}
	if !first && deaf > BeatEvery {
		for _, m := range v.members {
			// What was heard since it woke up was heard now, not in the future.
			if m.Heard = m.Heard.Add(deaf - BeatEvery); m.Heard.After(now) {
				m.Heard = now
			}
		}
	}
	changed := false
	for name, m := range v.members {
		silent := now.Sub(m.Heard)
		switch {
		case m.State == Alive && silent >= SuspectAfter:
			m.State, m.Since, m.Reason = Suspect, now, "not heard for "+SuspectAfter.String()
		case m.State == Suspect && silent >= LostAfter:
			m.State, m.Since, m.Reason = Lost, now, "not heard for "+LostAfter.String()
		case m.State == Lost && now.Sub(m.Since) > forgetAfter:
			delete(v.members, name)
			continue
		default:
			continue
		}
		changed = true
	}
	return changed
}

// Members returns all members, this node first, the others by name.
func (v *View) Members() []Member {
	out := []Member{{Beat: v.self, State: Alive, Since: v.awake, Heard: v.ticked, Self: true, Reason: "it is this node"}}
	for _, name := range slices.Sorted(maps.Keys(v.members)) {
		out = append(out, *v.members[name])
	}
	return out
}

// Director names the node that directs a channel: of the members that live and stay, the one that
// rendezvous hashing picks, so that few channels change hands when a member comes or goes.
func Director(members []Member, channel string) string {
	return rank(members, channel, 1)[0]
}

// Rank returns up to n names of the members that live and stay, this node among them, as rendezvous
// hashing orders them for a key.
func rank(members []Member, key string, n int) []string {
	type weighed struct {
		name   string
		weight uint64
	}
	var all []weighed
	for _, m := range members {
		if m.Self || m.State == Alive && !m.Leaving {
			all = append(all, weighed{m.Node, weigh(m.Node, key)})
		}
	}
	slices.SortFunc(all, func(a, b weighed) int {
		if a.weight != b.weight {
			return map[bool]int{true: -1, false: 1}[a.weight > b.weight]
		}
		return map[bool]int{true: -1, false: 1}[a.name < b.name]
	})
	out := make([]string, 0, n)
	for i := 0; i < len(all) && i < n; i++ {
		out = append(out, all[i].name)
	}
	return out
}

// Witnesses names the other members that are to witness for a node: up to n.
func Witnesses(members []Member, node string, n int) []string {
	others := slices.DeleteFunc(slices.Clone(members), func(m Member) bool {
		return m.Node == node || !m.Ready || m.Leaving
	})
	return rank(others, node, n)
}

// weigh mixes a node and a key. FNV alone is too regular in its high bits for names that are alike.
func weigh(node, key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(node))
	h.Write([]byte{0})
	h.Write([]byte(key))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
