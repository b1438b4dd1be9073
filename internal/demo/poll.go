package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/demo/front"
)

// answer is what one node said when it was asked. Fields that a node does not know stay empty.
type answer struct {
	ready    bool
	nodes    []nodeView
	channels map[string]channelView
}

// nodeView is a line of GET /api/v1/nodes.
type nodeView struct {
	Name        string   `json:"name"`
	Incarnation string   `json:"incarnation"`
	Self        bool     `json:"self"`
	Ready       bool     `json:"ready"`
	State       string   `json:"state"`
	Witnesses   []string `json:"witnesses"`
}

// channelView is what is read of GET /api/v1/channels/{channel}.
type channelView struct {
	State string `json:"state"`
	OnAir *struct {
		Take string `json:"take"`
	} `json:"onAir"`
	Air *struct {
		Node      string   `json:"node"`
		Witnesses []string `json:"witnesses"`
		Director  string   `json:"director"`
	} `json:"air"`
}

const (
	maxAnswer  = 1 << 20
	askPause   = 250 * time.Millisecond
	mute       = 3 // so many questions in a row without an answer
	askLimit   = 900 * time.Millisecond
	servedTime = 3 * time.Second // over which "serves" is counted
)

// poller asks all nodes, tells the fronts who can be reached, and shows the page what it found.
type poller struct {
	fleet      *fleet
	viewers    *front.Front
	encoders   *front.Front
	publishers []*publisher
	board      *board
	epoch      time.Time
	frontURL   string
	bucket     string
	client     *http.Client
	woken      chan struct{}
	heard      func(State) // told of every round; for whoever waits for the first picture

	readyAt map[string]bool
	air     map[string]Channel // as it was last told
	takes   map[string]string
	seen    map[string]string // "b a": what b said of a
	missed  map[string]int
	served  []served
}

// served is what the front had sent at a time.
type served struct {
	at     time.Time
	counts []front.Count
}

func (p *poller) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// run looks again and again until ctx ends.
func (p *poller) run(ctx context.Context) error {
	for ctx.Err() == nil {
		nodes := p.look(ctx)
		p.route(nodes)
		s := p.merge(nodes)
		p.board.show(s)
		if p.heard != nil {
			p.heard(s)
		}
		select {
		case <-time.After(askPause):
		case <-p.woken:
		case <-ctx.Done():
		}
	}
	return nil
}

// looked is one node with its answer, nil if it gave none.
type looked struct {
	node
	up     bool
	answer *answer
}

// look asks all nodes at once.
func (p *poller) look(ctx context.Context) []looked {
	p.fleet.mu.Lock()
	var list []looked
	for _, n := range p.fleet.nodes {
		list = append(list, looked{node: *n, up: n.running()})
	}
	p.fleet.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var asking sync.WaitGroup
	for i := range list {
		if n := &list[i]; n.up && n.open {
			asking.Go(func() { n.answer = p.ask(ctx, n.http) })
		}
	}
	asking.Wait()
	return list
}

// ask asks one node for everything. A node that does not answer the first question is not asked more.
func (p *poller) ask(ctx context.Context, address string) *answer {
	a := &answer{channels: map[string]channelView{}}
	status, _, err := p.get(ctx, address, "/readyz")
	if err != nil {
		return nil
	}
	a.ready = status == http.StatusOK
	if status, body, err := p.get(ctx, address, "/api/v1/nodes"); err == nil && status == http.StatusOK {
		a.nodes = readNodes(body)
	}
	for _, pub := range p.publishers {
		status, body, err := p.get(ctx, address, "/api/v1/channels/"+pub.slug)
		var c channelView
		if err == nil && status == http.StatusOK && json.Unmarshal(body, &c) == nil {
			a.channels[pub.slug] = c
		}
	}
	return a
}

// readNodes reads a list of nodes, alone or as the member "nodes".
func readNodes(body []byte) []nodeView {
	var list []nodeView
	if json.Unmarshal(body, &list) == nil {
		return list
	}
	var in struct{ Nodes []nodeView }
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	return in.Nodes
}

func (p *poller) get(ctx context.Context, address, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}

// route gives the fronts the nodes that can be reached, as a balancer's health checks do: not those that say
// they are not ready, unless all say so; and not those that were never ready since their start. A dead node
// stays in the list, because between two checks a balancer does not know: that it refuses must do no harm.
func (p *poller) route(nodes []looked) {
	anyReady := slices.ContainsFunc(nodes, func(n looked) bool { return n.answer != nil && n.answer.ready })
	var web, rtmp []front.Backend
	for _, n := range nodes {
		key := fmt.Sprint(n.name, n.starts)
		if n.answer != nil && n.answer.ready {
			p.readyAt[key] = true
		}
		unready := n.answer != nil && !n.answer.ready && anyReady
		if n.http == "" || n.rtmp == "" || n.up && (unready || !p.readyAt[key]) {
			continue
		}
		web = append(web, front.Backend{Name: n.name, Address: n.http})
		rtmp = append(rtmp, front.Backend{Name: n.name, Address: n.rtmp})
	}
	p.viewers.Set(web)
	p.encoders.Set(rtmp)
}

// merge makes one state of all answers, and tells what is new in it.
func (p *poller) merge(nodes []looked) State {
	p.fleet.mu.Lock()
	away := p.fleet.away
	p.fleet.mu.Unlock()
	s := State{Now: time.Now().UnixMilli(), Front: p.frontURL, Epoch: p.epoch.UnixMilli(), Refused: p.viewers.Refused(),
		Bucket: Bucket{Where: p.bucket, Away: !away.IsZero()}}
	if s.Bucket.Away {
		s.Bucket.Since = away.UnixMilli()
	}
	for _, pub := range p.publishers {
		c := channelOf(pub.slug, nodes)
		c.How, c.FPS = pub.how, pub.picture.fps
		c.Encoder, c.Restarts = pub.status()
		p.tellChannel(c, nodes)
		s.Channels = append(s.Channels, c)
	}
	shares := p.share()
	for _, n := range nodes {
		s.Nodes = append(s.Nodes, p.nodeOf(n, nodes, s.Channels, shares[n.name]))
		s.Mesh = s.Mesh || n.answer != nil && slices.ContainsFunc(n.answer.nodes, func(v nodeView) bool { return v.State != "" })
	}
	return s
}

// nodeOf makes what the page shows of one node.
func (p *poller) nodeOf(n looked, all []looked, channels []Channel, sent rate) Node {
	out := Node{Name: n.name, State: "dead", Since: n.since.UnixMilli(), Log: n.log, Starts: n.starts, Cut: n.cut,
		TakesIn: []string{}, Witnesses: []string{}, Directs: []string{}, Seen: map[string]string{}, Share: sent.share, Bitrate: sent.bitrate}
	for _, other := range all {
		if other.answer == nil || other.name == n.name {
			continue
		}
		for _, v := range other.answer.nodes {
			if v.Name == n.name && v.State != "" {
				out.Seen[other.name] = v.State
			}
		}
	}
	if !n.up {
		return p.tellNode(out)
	}
	out.State, out.PID, out.HTTP = "starting", n.child.pid(), n.http
	if n.answer != nil && n.answer.ready {
		out.State = "ready"
		p.missed[n.name] = 0
	} else if p.readyAt[fmt.Sprint(n.name, n.starts)] {
		out.State = "silent"
		if n.answer == nil { // once may be the moment of its death
			if p.missed[n.name]++; p.missed[n.name] < mute {
				out.State = "ready"
			}
		}
	}
	if n.answer != nil {
		for _, v := range n.answer.nodes {
			if v.Self {
				out.Incarnation = v.Incarnation
			}
		}
	}
	for _, c := range channels {
		if c.Node == n.name {
			out.TakesIn = append(out.TakesIn, c.Slug)
		}
		if slices.Contains(c.Witnesses, n.name) {
			out.Witnesses = append(out.Witnesses, c.Slug)
		}
		if c.Director == n.name {
			out.Directs = append(out.Directs, c.Slug)
		}
	}
	return p.tellNode(out)
}

// channelOf makes one truth of what the nodes say of a channel: the word of the node that says it takes
// the channel in itself counts first, then what most say.
func channelOf(slug string, nodes []looked) Channel {
	best, votes := Channel{Slug: slug, State: "unknown"}, 0
	count := map[string]int{}
	for _, n := range nodes {
		if n.answer == nil {
			continue
		}
		v, ok := n.answer.channels[slug]
		if !ok {
			continue
		}
		c := Channel{Slug: slug, State: v.State}
		weight := 1
		switch {
		case v.Air != nil:
			c.Node, c.Witnesses, c.Director = v.Air.Node, v.Air.Witnesses, v.Air.Director
			if c.Node == n.name && v.State == "live" {
				weight = 100
			}
		case v.State == "live": // a node that knows of no other one
			c.Node = n.name
			weight = 50
		}
		if v.State == "live" {
			weight++
		}
		if count[c.Node] += weight; count[c.Node] > votes {
			best, votes = c, count[c.Node]
		}
	}
	if best.State != "live" {
		best.Node, best.Witnesses = "", nil
	}
	slices.Sort(best.Witnesses)
	return best
}

// tellChannel says what changed for a channel.
func (p *poller) tellChannel(c Channel, nodes []looked) {
	before, known := p.air[c.Slug]
	if c.State == "unknown" {
		return
	}
	p.air[c.Slug] = c
	if c.Node != "" && c.Node != before.Node {
		text := fmt.Sprintf("Node %s takes in %s.", c.Node, c.Slug)
		if before.Node != "" {
			text = fmt.Sprintf("Node %s takes in %s now; it was %s.", c.Node, c.Slug, before.Node)
		}
		p.board.say(Event{Kind: "role", Node: c.Node, Slug: c.Slug, Text: text})
	}
	if !slices.Equal(c.Witnesses, before.Witnesses) && len(c.Witnesses) > 0 {
		p.board.say(Event{Kind: "role", Node: c.Witnesses[0], Slug: c.Slug, Text: fmt.Sprintf("Witness of %s: node %s.", c.Slug, strings.Join(c.Witnesses, ", "))})
	}
	if c.Director != "" && c.Director != before.Director && known {
		p.board.say(Event{Kind: "role", Node: c.Director, Slug: c.Slug, Text: fmt.Sprintf("Node %s directs %s.", c.Director, c.Slug)})
	}
	take := takeOf(c, nodes)
	if take == "" || take == p.takes[c.Slug] {
		return
	}
	if p.takes[c.Slug] != "" {
		p.board.say(Event{Kind: "cut", Node: c.Node, Slug: c.Slug, Text: fmt.Sprintf("Cut: %s goes on with a new take.", c.Slug)})
	}
	p.takes[c.Slug] = take
}

// takeOf returns the take on air as the node that takes it in names it, else as anybody does.
func takeOf(c Channel, nodes []looked) string {
	take := ""
	for _, n := range nodes {
		if n.answer == nil {
			continue
		}
		if v := n.answer.channels[c.Slug]; v.OnAir != nil && v.State == "live" && (take == "" || n.name == c.Node) {
			take = v.OnAir.Take
		}
	}
	return take
}

// tellNode says what changed for a node.
func (p *poller) tellNode(n Node) Node {
	key := "ready " + n.Name
	if n.State == "ready" && p.seen[key] != "ready" {
		p.board.say(Event{Kind: "ready", Node: n.Name, Text: fmt.Sprintf("Node %s is ready, %.1f s after its start.", n.Name, float64(time.Now().UnixMilli()-n.Since)/1000)})
	}
	if n.State == "silent" && p.seen[key] == "ready" {
		p.board.say(Event{Kind: "seen", Node: n.Name, Text: fmt.Sprintf("Node %s runs, and is not ready or does not answer.", n.Name)})
	}
	p.seen[key] = n.State
	for by, state := range n.Seen {
		key := by + " " + n.Name
		before := p.seen[key]
		p.seen[key] = state
		if before != "" && before != state {
			p.board.say(Event{Kind: "seen", Node: n.Name, Text: sight(by, n.Name, state)})
		}
	}
	return n
}

// sight says in words what one node thinks of another.
func sight(by, of, state string) string {
	switch state {
	case "alive":
		return fmt.Sprintf("Node %s hears %s.", by, of)
	case "suspect":
		return fmt.Sprintf("Node %s does not hear %s and suspects that it is dead.", by, of)
	case "lost", "gone":
		return fmt.Sprintf("Node %s has given %s up.", by, of)
	}
	return fmt.Sprintf("Node %s says of %s: %s.", by, of, state)
}

// rate is what a node sent to viewers of late.
type rate struct{ share, bitrate float64 }

// share counts who served viewers in the last seconds.
func (p *poller) share() map[string]rate {
	now := time.Now()
	p.served = append(p.served, served{now, p.viewers.Counts()})
	for len(p.served) > 2 && now.Sub(p.served[1].at) > servedTime {
		p.served = p.served[1:]
	}
	first := p.served[0]
	took := now.Sub(first.at).Seconds()
	list := map[string]rate{}
	if took < 0.2 {
		return list
	}
	sum := 0.0
	for _, c := range p.served[len(p.served)-1].counts {
		sent := c.Served
		for _, old := range first.counts {
			if old.Name == c.Name {
				sent -= old.Served
			}
		}
		list[c.Name] = rate{bitrate: float64(sent) * 8 / took}
		sum += float64(sent)
	}
	for name, r := range list {
		if sum > 0 {
			r.share = r.bitrate * took / 8 / sum
		}
		list[name] = r
	}
	return list
}
