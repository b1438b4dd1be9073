package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mayfly-tv/mayfly/internal/api"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// What operators learn of a node, and ask of it, goes over the mesh, where only nodes of the fleet are let in.
const (
	statePath = "/mesh/state"
	drainPath = "/mesh/drain"
	// stateTime is how long a node may take to say how it is.
	stateTime = 2 * time.Second
	maxState  = 1 << 20
)

// s3Prices are those of S3 Standard in us-east-1, in USD for a thousand requests.
const s3Writes, s3Reads = 0.005, 0.0004

// priceFlags say what the bucket costs.
type priceFlags struct {
	PriceWrites float64 `help:"What a thousand writes and listings cost in USD, for the operator's page; that of S3 Standard if absent." placeholder:"USD"`
	PriceReads  float64 `help:"What a thousand reads cost in USD." placeholder:"USD"`
}

func (f *priceFlags) prices() api.Prices {
	p := api.Prices{Writes: f.PriceWrites, Reads: f.PriceReads, Stated: f.PriceWrites > 0 || f.PriceReads > 0}
	if !p.Stated {
		p.Writes, p.Reads = s3Writes, s3Reads
	}
	return p
}

// load measures how busy this process is.
type load struct {
	mu   sync.Mutex
	used time.Duration // of processors, since the start
	at   time.Time
	cpu  float64
}

// measure returns how many processors were in use lately. It measures over a second at least.
func (l *load) measure(now time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if passed := now.Sub(l.at); passed >= time.Second {
		var u unix.Rusage
		if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
			used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
			if !l.at.IsZero() {
				l.cpu = float64(used-l.used) / float64(passed)
			}
			l.used, l.at = used, now
		}
	}
	return l.cpu
}

// state says how this node is.
func (n *node) state() api.NodeState {
	now := time.Now()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	health, stats := n.station.Health(), n.station.Stats()
	s := api.NodeState{
		Name: n.spool.Node(), Started: n.started.UTC(), CPU: n.load.measure(now), Processors: runtime.NumCPU(), Memory: int64(m.Sys - m.HeapReleased), Media: stats.TailBytes,
		Publishers: stats.Publishers, Backlog: health.Pending + health.Memory + health.Spooled, Spool: health.Spooled, Away: health.AwayFor.Seconds(),
		Requests: n.meter.LastHour(now), Log: n.trouble.Lines(now), Channels: map[string]api.Watched{},
	}
	for slug, viewers := range n.viewers.AllViewers() {
		if c, err := n.channels.Get(slug); err == nil { // else a preview
			s.Viewers += viewers
			s.Channels[c.Slug] = api.Watched{Viewers: viewers}
		}
	}
	for id, bytes := range n.figures.BytesLately() {
		if c, err := n.channels.ByID(id); err == nil {
			w := s.Channels[c.Slug]
			w.Bytes = bytes
			s.Channels[c.Slug] = w
		}
	}
	return s
}

// operated answers other nodes on behalf of an operator.
func (n *node) operated(mux *http.ServeMux) {
	mux.HandleFunc("GET "+statePath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(n.state()) // a node that does not read it asks again
	})
	mux.HandleFunc("POST "+drainPath, func(w http.ResponseWriter, r *http.Request) {
		n.log.Warn("an operator has this node leave", "by", r.Header.Get(mesh.NodeHeader))
		w.WriteHeader(http.StatusAccepted)
		n.leave()
	})
}

// fleet is what operators learn of all nodes, and ask of one.
type fleet struct{ node *node }

func (f fleet) Prices() api.Prices { return f.node.flags.prices() }

func (f fleet) States(ctx context.Context) []api.NodeState {
	out := []api.NodeState{f.node.state()}
	joined := f.node.mesh.Load()
	if joined == nil {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, stateTime)
	defer cancel()
	var group sync.WaitGroup
	var others []*api.NodeState
	for _, m := range joined.Members() {
		if m.Self || m.State == mesh.Lost {
			continue
		}
		s := &api.NodeState{Name: m.Node}
		others = append(others, s)
		group.Go(func() {
			if err := f.ask(ctx, http.MethodGet, m.Node, statePath, s); err != nil {
				*s = api.NodeState{Name: m.Node, Trouble: "it does not say how it is"}
				f.node.log.Debug("a node does not say how it is", "node", m.Node, "error", err)
			}
		})
	}
	group.Wait()
	for _, s := range others {
		out = append(out, *s)
	}
	return out
}

func (f fleet) Drain(ctx context.Context, node string) error {
	if node == f.node.spool.Node() {
		f.node.log.Warn("an operator has this node leave")
		f.node.leave()
		return nil
	}
	joined := f.node.mesh.Load()
	if joined == nil {
		return api.ErrNoNode
	}
	if m, ok := joined.Member(node); !ok || m.State == mesh.Lost {
		return api.ErrNoNode
	}
	if err := f.ask(ctx, http.MethodPost, node, drainPath, nil); err != nil {
		return fmt.Errorf("%w: %w", api.ErrNoNode, err)
	}
	return nil
}

// ask asks another node for something, and reads its answer into v.
func (f fleet) ask(ctx context.Context, method, node, path string, v any) error {
	at := url.URL{Scheme: "http", Host: node, Path: path}
	r, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return err
	}
	answer, err := mesher(f).RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("node %s answers %d", node, answer.StatusCode)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxState)).Decode(v)
}
