package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// azure is the metadata service of Azure. Its scheduled events name all machines of a scale set, so
// this machine's own name must be known.
type azure struct {
	http *client
	base string
	self string
}

const (
	azureSelfPath   = "/metadata/instance/compute?api-version=2021-02-01"
	azureEventsPath = "/metadata/scheduledevents?api-version=2020-07-01"
	// azureFirst is how long the first answer may take: Azure begins to keep events when it is first asked.
	azureFirst = 2 * time.Minute
	maxEvents  = 1000
)

func probeAzure(ctx context.Context, c *client, base string) cloud {
	body, _, err := c.ask(ctx, http.MethodGet, base+azureSelfPath, "Metadata", "true")
	if err != nil {
		return nil
	}
	self, err := parseAzureSelf(body)
	if err != nil {
		return nil
	}
	return &azure{http: c, base: base, self: self}
}

func (a *azure) name() string { return "azure" }

func (a *azure) questions() []question {
	return []question{{about: "scheduled events", limit: azureFirst, ask: func(ctx context.Context) ([]Notice, error) {
		body, _, err := a.http.ask(ctx, http.MethodGet, a.base+azureEventsPath, "Metadata", "true")
		if errors.Is(err, errAbsent) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return parseAzureEvents(body, a.self)
	}}}
}

// parseAzureSelf reads the name of this machine out of instance/compute.
func parseAzureSelf(body []byte) (string, error) {
	var v struct{ Name, VMID string }
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("read what this machine is called: %w", err)
	}
	if v.Name == "" || v.VMID == "" || len(v.Name) > 200 {
		return "", errors.New("instance/compute has no name and vmId: it is not Azure's")
	}
	return v.Name, nil
}

// parseAzureEvents reads scheduled events, and keeps those of this machine. Preempt and Terminate end it;
// Reboot and Redeploy give ten minutes and more, and the machine comes again by itself; Freeze is a pause.
func parseAzureEvents(body []byte, self string) ([]Notice, error) {
	var v struct {
		Events []struct {
			EventID, EventType, EventStatus, NotBefore, Description string
			Resources                                               []string
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("read the scheduled events: %w", err)
	}
	if len(v.Events) > maxEvents {
		return nil, fmt.Errorf("%d scheduled events, at most %d are read", len(v.Events), maxEvents)
	}
	var found []Notice
	for _, e := range v.Events {
		ours := slices.ContainsFunc(e.Resources, func(name string) bool { return strings.EqualFold(name, self) })
		if !ours || e.EventStatus == "Completed" || e.EventStatus == "Canceled" {
			continue
		}
		n := Notice{id: clip(e.EventID) + " " + clip(e.EventType), Detail: clip(strings.TrimSuffix(e.EventType+": "+e.Description, ": "))}
		switch e.EventType {
		case "Preempt", "Terminate":
			n.Kind = Leave
		case "Reboot", "Redeploy":
			n.Kind = Rebalance
		default:
			continue
		}
		if at, err := http.ParseTime(e.NotBefore); err == nil { // empty once it has begun
			n.At = at
		}
		found = append(found, n)
	}
	return found, nil
}
