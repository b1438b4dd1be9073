package station

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Mesh is what a station needs of the mesh of its fleet.
type Mesh interface {
	http.RoundTripper
	Members() []mesh.Member
	Changed() <-chan struct{}
	Publish(subject string, data []byte) error
	Subscribe(subject string, f func(from string, data []byte)) (cancel func(), err error)
	Request(ctx context.Context, node, subject string, data []byte) ([]byte, error)
	Handle(subject string, f mesh.Handler) error
}

// fleet is the station's side of the mesh: what it tells other nodes, and does for them.
type fleet struct {
	station *Station
	mesh    Mesh
	route   string
	started time.Time

	mu        sync.Mutex
	holders   map[string]*bundle.Holder   // of incarnations that this node witnesses
	live      map[string]map[string]place // by channel and publisher's place: who takes it in
	liveAt    map[string]time.Time        // when a node last said what it takes in
	promises  map[string]promise          // by channel
	tries     atomic.Uint64               // to get promises
	returned  map[string]bool             // nodes whose publishers came back to this one
	ending    map[string]time.Time        // incarnations that are being ended, or were
	elsewhere map[string]time.Time        // when another node said that it ends one
	busy      map[string]bool             // those of them that this node is just ending
	tails     map[string]*bucketTail      // incarnations that are followed through the bucket
	names     []string                    // witnesses of this node
	soft      map[string]softWord         // incarnations that were ended while the bucket was away
	trying    map[string]time.Time        // when it was last tried to end those in the bucket
	writing   map[string]writing          // of silent incarnations
	away      time.Time                   // when the bucket last did not answer
	sought    map[string]time.Time        // channels that were asked for and are not known
}

// The subjects of the station's messages and requests.
const (
	subjectCuts      = "cuts"      // a cut list changed
	subjectAskCuts   = "ask-cuts"  // what do you know of a channel's cut list
	subjectChannel   = "channel"   // a channel was made, changed or deleted
	subjectTouched   = "touched"   // something else changed that a channel's producers see
	subjectSoft      = "soft"      // an incarnation was ended while the bucket is away
	subjectAway      = "away"      // does the bucket answer you
	subjectHeld      = "held"      // witness: where the takes of an incarnation stand
	subjectLive      = "live"      // what a node takes in
	subjectPublisher = "publisher" // a publisher has come to a node
	subjectSealed    = "sealed"    // an incarnation was ended
	subjectEnding    = "ending"    // an incarnation is being ended
	subjectClose     = "close"     // witness: accept nothing more of an incarnation
	subjectTestify   = "testify"   // witness: end an incarnation with what is held
	subjectDirect    = "direct"    // director: carry out a cut
	subjectCut       = "cut"       // put a source on air that is taken in there
	subjectLeave     = "leave"     // end an entry whose take is written there
	subjectSeam      = "seam"      // have a derived take stand still where another one goes on
	subjectPromise   = "promise"   // give your word for a claim
	subjectWithdrawn = "withdrawn" // a promise is not needed any more
	subjectWord      = "word"      // list no more of a clock-driven entry than you have
)

// Join makes the station one of a fleet, whose nodes reach it at route. It must be called before Run.
func (s *Station) Join(m Mesh, route string) error {
	f := &fleet{
		station: s, mesh: m, route: route, started: time.Now(), holders: map[string]*bundle.Holder{}, live: map[string]map[string]place{},
		liveAt: map[string]time.Time{}, promises: map[string]promise{}, returned: map[string]bool{},
		ending: map[string]time.Time{}, elsewhere: map[string]time.Time{}, busy: map[string]bool{}, soft: map[string]softWord{}, trying: map[string]time.Time{}, writing: map[string]writing{}, tails: map[string]*bucketTail{}, sought: map[string]time.Time{},
	}
	for subject, h := range map[string]mesh.Handler{
		subjectAskCuts: f.askedCuts, subjectClose: f.askedClose, subjectTestify: f.askedTestify,
		subjectAway: f.askedAway, subjectHeld: f.askedHeld, subjectDirect: f.askedDirect, subjectCut: f.askedCut, subjectLeave: f.askedLeave, subjectSeam: f.askedSeam, subjectPromise: f.askedPromise, subjectWord: f.askedWord,
	} {
		if err := m.Handle(subject, h); err != nil {
			return err
		}
	}
	for subject, h := range map[string]func(string, []byte){
		subjectCuts: f.heardCuts, subjectLive: f.heardLive, subjectPublisher: f.heardPublisher, subjectSealed: f.heardSealed, subjectEnding: f.heardEnding,
		subjectChannel: f.heardChannel, subjectTouched: f.heardTouched, subjectSoft: f.heardSoft, subjectWithdrawn: f.heardWithdrawn,
	} {
		if _, err := m.Subscribe(subject, h); err != nil {
			return err
		}
	}
	s.cfg.Channels.OnStored(func(slug string) { f.say(subjectChannel, slug) })
	s.fleet = f
	return nil
}

// address returns where other nodes reach this one.
func (f *fleet) address() string {
	if f == nil {
		return ""
	}
	return f.route
}

// heardChannel reads the document of a channel that another node has changed.
func (f *fleet) heardChannel(_ string, data []byte) {
	var slug string
	if json.Unmarshal(data, &slug) != nil {
		return
	}
	f.station.tasks.start(func(ctx context.Context) {
		if err := f.station.cfg.Channels.Look(ctx, slug); err != nil {
			f.station.log.Debug("a changed channel could not be read; it is looked for again", "channel", slug, "error", err)
		}
	})
}

// Touch says that something else of a channel has changed that its producers see: their pages ask for it again.
func (s *Station) Touch(channel string) {
	s.touched(channel)
	if s.fleet != nil {
		s.fleet.say(subjectTouched, channel)
	}
}

func (f *fleet) heardTouched(_ string, data []byte) {
	var channel string
	if json.Unmarshal(data, &channel) == nil {
		f.station.touched(channel)
	}
}

func (s *Station) touched(channel string) {
	if s.cfg.Touched != nil {
		s.cfg.Touched(channel)
	}
	if p := s.byChannel(channel); p != nil {
		p.mu.Lock()
		p.revision++
		p.mu.Unlock()
		s.tell()
	}
}

// run does what a member of a fleet does at all times, until ctx ends.
func (f *fleet) run(ctx context.Context) error {
	f.reopen()
	ticker := time.NewTicker(liveEvery)
	defer ticker.Stop()
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-f.mesh.Changed():
			f.sayLive() // to whom has just come
			select {
			case <-look.C:
			case <-ctx.Done():
				return nil
			}
		case <-look.C:
			if f.station.Health().AwayFor > 0 {
				f.wasAway()
			}
			f.lookForDead()
		case <-ticker.C:
			f.sayLive()
			f.lookForOld()
		case <-ctx.Done():
			return nil
		}
	}
}

// writes reports whether an incarnation that nobody has ended is another node's: it writes, or is ended
// when it has been silent for long enough.
func (f *fleet) writes(origin string) bool {
	if f == nil {
		return false
	}
	i, err := bundle.ParseIncarnation(origin)
	return err == nil && i.Node != f.station.cfg.Spool.Node()
}

// others reports whether there is another node that publishers and viewers can go to.
func (f *fleet) others() bool {
	if f == nil {
		return false
	}
	for _, m := range f.mesh.Members() {
		if !m.Self && m.State == mesh.Alive && m.Ready && !m.Leaving {
			return true
		}
	}
	return false
}

// heard reports whether the node of an incarnation is heard.
func (f *fleet) heard(origin string) bool {
	if f == nil {
		return false
	}
	i, err := bundle.ParseIncarnation(origin)
	return err == nil && f.lives(i)
}

// member returns a member by name.
func (f *fleet) member(node string) (mesh.Member, bool) {
	for _, m := range f.mesh.Members() {
		if m.Node == node {
			return m, true
		}
	}
	return mesh.Member{}, false
}

// lives reports whether an incarnation is heard.
func (f *fleet) lives(i bundle.Incarnation) bool {
	m, ok := f.member(i.Node)
	return ok && m.State != mesh.Lost && m.Incarnation == i.String()
}

func (f *fleet) say(subject string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = f.mesh.Publish(subject, data)
	}
	if err != nil {
		f.station.log.Debug("the other nodes could not be told", "subject", subject, "error", err)
	}
}

// ask asks one node. T is what it answers.
func ask[T any](ctx context.Context, f *fleet, node, subject string, v any) (out T, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return out, err
	}
	answer, err := f.mesh.Request(ctx, node, subject, data)
	if err == nil && len(answer) > 0 {
		err = json.Unmarshal(answer, &out)
	}
	return out, err
}

// cutsMessage tells the newest entries of a channel's cut list.
type cutsMessage struct {
	Channel string           `json:"channel"`
	List    *program.CutList `json:"list,omitempty"`
}

const tellEntries = 12

// tellCuts tells the others what this node knows of a cut list; the program's lock is held.
func (p *Program) tellCuts() {
	if f := p.station.fleet; f != nil && (len(p.director.List().Entries) > 0 || p.director.List().Begin > 0) {
		f.say(subjectCuts, cutsMessage{p.id, p.director.List().Tail(tellEntries)})
	}
}

func (f *fleet) heardCuts(_ string, data []byte) {
	var m cutsMessage
	if json.Unmarshal(data, &m) != nil || m.List == nil || m.List.Validate() != nil {
		return
	}
	if p := f.station.byChannel(m.Channel); p != nil {
		p.mu.Lock()
		p.learn(m.List, false)
		p.mu.Unlock()
	}
}

func (f *fleet) askedCuts(_ context.Context, _ string, data []byte) ([]byte, error) {
	var m cutsMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
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
	return json.Marshal(cutsMessage{p.id, p.director.List().Tail(4 * tellEntries)})
}

// learnFrom asks another node for a cut list.
func (f *fleet) learnFrom(ctx context.Context, p *Program, node string) {
	m, err := ask[cutsMessage](ctx, f, node, subjectAskCuts, cutsMessage{Channel: p.id})
	if err != nil || m.List == nil || m.List.Validate() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(m.List, false)
}

func (s *Station) byChannel(id string) *Program {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// Beat is what the station says of itself in the heartbeats of its node.
func (s *Station) Beat() mesh.Beat {
	b := mesh.Beat{Incarnation: s.Incarnation(), PublicURL: s.cfg.PublicURL, Ready: s.Ready() == nil}
	b.Leaving, b.Away = s.isLeaving(), s.Health().AwayFor > 0
	b.Load.Publishers = s.publishers()
	s.store.Each(func(*take.Log) { b.Load.Takes++ })
	if s.fleet != nil {
		s.fleet.mu.Lock()
		b.Witnesses = s.fleet.names
		s.fleet.mu.Unlock()
	}
	return b
}

func (s *Station) isLeaving() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.leaving
}
