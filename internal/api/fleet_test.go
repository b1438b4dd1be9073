package api

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/trouble"
)

// lone is a fleet of one node.
type lone struct{ drained []string }

func (l *lone) States(context.Context) []NodeState {
	return []NodeState{{Name: "node", Viewers: 3, Requests: map[string]int64{"get": 1000, "put": 2000, "delete": 500, "list": 1000}, Log: []trouble.Line{}, Channels: map[string]Watched{"news": {3, 1000}}}, {Name: "deaf", Trouble: "it does not say how it is"}}
}

func (l *lone) Drain(_ context.Context, node string) error {
	if node != "node" {
		return ErrNoNode
	}
	l.drained = append(l.drained, node)
	return nil
}

func (l *lone) Prices() Prices { return Prices{Writes: 0.005, Reads: 0.0004} }

// TestFleet shows an operator nodes, channels and costs, and has a node leave; nobody else may.
func TestFleet(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	admin, ada := root(t, s), signUp(t, s, "ada")
	ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	v := admin.want(200, "GET", "/api/v1/fleet", "")
	if cost := v["cost"].(float64); math.Abs(cost-(0.0004+0.01+0.005)) > 1e-9 {
		t.Errorf("cost %v", cost)
	}
	if c := v["channels"].([]any)[0].(map[string]any); c["slug"] != "news" || c["viewers"] != 3.0 || c["bytes"] != 1000.0 || v["total"] != 1.0 || v["onAir"] != 0.0 {
		t.Errorf("%v", v)
	}
	if deaf := v["nodes"].([]any)[1].(map[string]any); deaf["log"] == nil || deaf["requests"] == nil || deaf["trouble"] == "" {
		t.Errorf("a node that does not answer: %v", deaf)
	}
	ada.want(403, "GET", "/api/v1/fleet", "")
	ada.want(403, "POST", "/api/v1/nodes/node/drain", "{}")
	admin.want(404, "POST", "/api/v1/nodes/x/drain", "{}")
	fleet := s.Config.Handler.(*API).cfg.Fleet.(*lone)
	if len(fleet.drained) > 0 {
		t.Fatalf("drained %v", fleet.drained)
	}
	admin.want(202, "POST", "/api/v1/nodes/node/drain", "{}")
	if len(fleet.drained) != 1 {
		t.Errorf("drained %v", fleet.drained)
	}
	if trail := toJSON(admin.want(200, "GET", "/api/v1/audit", "")); !strings.Contains(trail, "node.drain") {
		t.Errorf("audit: %s", trail)
	}
}
