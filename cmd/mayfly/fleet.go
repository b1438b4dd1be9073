package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/mayfly-tv/mayfly/internal/api"
	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

const (
	defaultMesh     = ":6222"
	defaultMeshHTTP = ":6223"
)

// joinFleet opens the ports for other nodes and makes this node one of the fleet of its bucket. It needs
// the bucket, where the fleet's secret and the other nodes' addresses are.
func (n *node) joinFleet(ctx context.Context) error {
	if n.flags.Mesh == "" {
		n.log.Info("this node is alone: --mesh is empty")
		return nil
	}
	secret, err := n.fleetSecret(ctx)
	if err != nil {
		return err
	}
	link, err := n.openMesh(secret)
	if err != nil {
		return err
	}
	n.link.Store(link)
	way := mesh.Link(link)
	if n.flags.Faults != "" {
		cuttable := mesh.NewCuttable(link)
		n.cut.Store(cuttable)
		way = cuttable
	}
	joined := mesh.New(mesh.Config{Node: n.spool.Node(), Link: way, Log: n.log, Beat: n.beat, Handler: n.meshHandler()})
	n.log.Info("listening", "for", "mesh", "address", link.RouteAddress())
	n.log.Info("listening", "for", "mesh-http", "address", link.Address())
	if err := n.station.Join(joined, link.RouteAddress()); err != nil {
		return err
	}
	if err := n.chat.Join(joined, n.spool.Node()); err != nil {
		return err
	}
	n.mesh.Store(joined)
	return nil
}

// cutMesh cuts this node off the mesh, or joins it again.
func (n *node) cutMesh(cut bool) {
	if c := n.cut.Load(); c != nil {
		c.Cut(cut)
	}
}

// fleetSecret reads the secret from the bucket, for as long as that takes.
func (n *node) fleetSecret(ctx context.Context) (mesh.Secret, error) {
	for {
		secret, err := mesh.LoadSecret(ctx, n.bucket)
		if err == nil || !errors.Is(err, bucket.ErrUnavailable) {
			return secret, err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return secret, ctx.Err()
		}
	}
}

// openMesh opens the mesh's ports. If the usual ones are taken, which another node on this machine may
// have done, any free ones do.
func (n *node) openMesh(secret mesh.Secret) (*mesh.NATS, error) {
	docs := bucket.NewDocuments(n.bucket)
	cfg := mesh.NATSConfig{
		Node: n.spool.Node(), Secret: secret, Log: n.log, Listen: n.flags.Mesh, MediaListen: n.flags.MeshHTTP,
		Advertise: n.flags.Advertise, Join: n.flags.Join,
		Peers: func(ctx context.Context) ([]string, error) { return bundle.Peers(ctx, docs, n.spool.Node()) },
	}
	link, err := mesh.NewNATS(cfg)
	if errors.Is(err, syscall.EADDRINUSE) && cfg.Listen == defaultMesh && cfg.MediaListen == defaultMeshHTTP {
		cfg.Listen, cfg.MediaListen = ":0", ":0"
		link, err = mesh.NewNATS(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ports for other nodes (give other addresses with --mesh and --mesh-http, or --mesh \"\" for a node that stays alone): %w", err)
	}
	return link, nil
}

// maxWatching bounds how many channels a beat names: it must fit a message.
const maxWatching = 200

func (n *node) beat() mesh.Beat {
	b := n.station.Beat()
	b.Release = version
	for slug, viewers := range n.viewers.AllViewers() {
		b.Load.Viewers += viewers
		if c, err := n.channels.Get(slug); err == nil && c.ViewerLimit > 0 && len(b.Load.Watching) < maxWatching {
			if b.Load.Watching == nil {
				b.Load.Watching = map[string]int{}
			}
			b.Load.Watching[slug] = viewers
		}
	}
	b.Load.Burnt = n.asked.lately()
	b.Load.Unburnt = n.burner.Waiting()
	b.Load.Unburnt = b.Load.Unburnt[:min(len(b.Load.Unburnt), maxWatching)]
	return b
}

// nodes lists the fleet as this node sees it.
func (n *node) nodes() []api.Node {
	self := api.Node{
		Name: n.spool.Node(), PublicURL: n.flags.Public, Incarnation: n.station.Incarnation(), Self: true,
		Ready: n.station.Ready() == nil, Version: version, State: string(mesh.Alive),
	}
	joined := n.mesh.Load()
	if joined == nil {
		return []api.Node{self}
	}
	var out []api.Node
	for _, m := range joined.Members() {
		if m.Self {
			self.Witnesses, self.Publishers, self.Viewers = m.Witnesses, m.Load.Publishers, m.Load.Viewers
			out = append(out, self)
			continue
		}
		out = append(out, api.Node{
			Name: m.Node, PublicURL: m.PublicURL, Incarnation: m.Incarnation, Ready: m.Ready && m.State == mesh.Alive,
			Version: m.Release, State: string(m.State), Reason: m.Reason, Leaving: m.Leaving, Witnesses: m.Witnesses,
			Publishers: m.Load.Publishers, Viewers: m.Load.Viewers, Clock: m.Clock.Seconds(),
		})
	}
	return out
}

// members counts the members of the fleet in a state.
func (n *node) members(state mesh.State) (count int) {
	joined := n.mesh.Load()
	if joined == nil {
		if state == mesh.Alive {
			return 1
		}
		return 0
	}
	for _, m := range joined.Members() {
		if m.State == state {
			count++
		}
	}
	return count
}

// named says in every answer which node gave it.
func (n *node) named(h http.Handler) http.Handler {
	name := []string{n.spool.Node()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Mayfly-Node"] = name
		h.ServeHTTP(w, r)
	})
}
