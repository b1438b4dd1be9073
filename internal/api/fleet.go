package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/station"
	"github.com/mayfly-tv/mayfly/internal/trouble"
)

// ErrNoNode is returned for a node that nobody hears.
var ErrNoNode = errors.New("there is no such node, or it does not answer: look at the list again")

// Fleet is what operators learn of all nodes, and ask of one.
type Fleet interface {
	// States asks every node how it is. One that does not answer in time says so.
	States(ctx context.Context) []NodeState
	// Drain has a node leave as if it were told to by its machine: publishers and viewers go to others first.
	Drain(ctx context.Context, node string) error
	// Prices are what a thousand requests to the bucket cost.
	Prices() Prices
}

// Prices are what requests to the bucket cost.
type Prices struct {
	Writes float64 `json:"writes" doc:"USD for a thousand writes and listings"`
	Reads  float64 `json:"reads" doc:"USD for a thousand reads"`
	Stated bool    `json:"stated" doc:"whoever runs this server gave them; else they are those of S3 Standard"`
}

// NodeState is how a node is, as it says itself.
type NodeState struct {
	Name       string             `json:"name"`
	Trouble    string             `json:"trouble,omitempty" doc:"why nothing is known of it"`
	Started    time.Time          `json:"started"`
	CPU        float64            `json:"cpu" doc:"processors in use, on average of the last seconds"`
	Processors int                `json:"processors"`
	Memory     int64              `json:"memory" doc:"bytes that the process holds"`
	Media      int64              `json:"media" doc:"of these, bytes of media"`
	Publishers int                `json:"publishers"`
	Viewers    int                `json:"viewers"`
	Backlog    int64              `json:"backlog" doc:"bytes of media that the bucket does not have yet"`
	Spool      int64              `json:"spool" doc:"of these, bytes in the spool"`
	Away       float64            `json:"away,omitempty" doc:"seconds that the bucket has not answered it"`
	Requests   map[string]int64   `json:"requests" doc:"to the bucket, within the last hour, by kind"`
	Cost       float64            `json:"cost" doc:"of these, in USD"`
	Log        []trouble.Line     `json:"log" doc:"what its log warned of lately, the newest first"`
	Channels   map[string]Watched `json:"channels,omitempty" doc:"that are watched through it, by address"`
}

// Watched is how much a channel is watched through a node.
type Watched struct {
	Viewers int   `json:"viewers"`
	Bytes   int64 `json:"bytes" doc:"of media sent within the last minutes"`
}

// CostOf returns what requests cost. Deleting costs nothing.
func (p Prices) CostOf(requests map[string]int64) (sum float64) {
	for kind, n := range requests {
		switch kind {
		case "get", "get_range":
			sum += float64(n) / 1000 * p.Reads
		case "delete", "delete_if_match":
		default:
			sum += float64(n) / 1000 * p.Writes
		}
	}
	return sum
}

// ChannelState is how a channel is in the whole fleet.
type ChannelState struct {
	Slug      string        `json:"slug"`
	Title     string        `json:"title"`
	State     station.State `json:"state" enum:"live,off,never"`
	Since     time.Time     `json:"since"`
	Node      string        `json:"node,omitempty" doc:"takes in what is on air"`
	Suspended string        `json:"suspended,omitempty"`

	Watched
}

type fleetOutput struct {
	Body struct {
		Nodes    []NodeState    `json:"nodes"`
		Channels []ChannelState `json:"channels" doc:"those on air first, and of these those that are watched most; at most 200"`
		Total    int            `json:"total" doc:"channels"`
		OnAir    int            `json:"onAir"`
		Cost     float64        `json:"cost" doc:"USD that requests to the bucket cost within the last hour, of all nodes that answer"`
		Prices   Prices         `json:"prices"`
	}
}

type drainInput struct {
	Node string `path:"node" maxLength:"80"`
}

// mostChannels is how many channels an operator is shown.
const mostChannels = 200

func (a *API) registerFleet(doc huma.API) {
	const tag = "operator"
	huma.Register(doc, operation(http.MethodGet, "/fleet", "fleet", "How the nodes and channels are, and what requests to the bucket cost", tag, 200, true), byOperator(a, a.fleet))
	huma.Register(doc, operation(http.MethodPost, "/nodes/{node}/drain", "drain-node", "Have a node leave: publishers and viewers go to other nodes, and the process ends", tag, 202, true), byOperator(a, a.drain))
}

func (a *API) fleet(ctx context.Context, _ *struct{}) (*fleetOutput, error) {
	out := &fleetOutput{}
	b := &out.Body
	b.Prices = a.cfg.Fleet.Prices()
	b.Nodes = a.cfg.Fleet.States(ctx)
	watched := map[string]Watched{}
	for i := range b.Nodes {
		n := &b.Nodes[i]
		n.Cost = b.Prices.CostOf(n.Requests)
		b.Cost += n.Cost
		for slug, w := range n.Channels {
			sum := watched[slug]
			watched[slug] = Watched{sum.Viewers + w.Viewers, sum.Bytes + w.Bytes}
		}
		n.Channels = nil
		if n.Log == nil { // it does not answer
			n.Log, n.Requests = []trouble.Line{}, map[string]int64{}
		}
	}
	b.Channels = []ChannelState{}
	for _, s := range a.cfg.Station.Statuses() {
		c := ChannelState{Slug: s.Slug, Title: s.Title, State: s.State, Since: s.Since, Suspended: s.Access.Suspended, Watched: watched[s.Slug]}
		if s.Air != nil {
			c.Node = s.Air.Node
		}
		if b.Total++; s.State == station.Live {
			b.OnAir++
		}
		b.Channels = append(b.Channels, c)
	}
	order := map[station.State]int{station.Live: 0, station.Off: 1, station.Never: 2}
	slices.SortFunc(b.Channels, func(x, y ChannelState) int {
		return cmp.Or(order[x.State]-order[y.State], y.Viewers-x.Viewers, cmp.Compare(x.Slug, y.Slug))
	})
	b.Channels = b.Channels[:min(len(b.Channels), mostChannels)]
	return out, nil
}

func (a *API) drain(ctx context.Context, in *drainInput) (*struct{}, error) {
	// Noted first: a node that leaves may be the one that answers.
	a.note(ctx, account.FleetTrail, "node.drain", in.Node)
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return nil, a.problem(a.cfg.Fleet.Drain(bounded, in.Node))
}
