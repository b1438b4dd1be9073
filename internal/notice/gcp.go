package notice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// gcp is the metadata server of Google's Compute Engine. It says by itself when a value changes: the
// question waits there.
type gcp struct {
	http *client
	base string
}

const (
	gcpRoot        = "/computeMetadata/v1/instance/"
	gcpFlavor      = "Metadata-Flavor"
	gcpWait        = 30 * time.Second // how long the server may hold a question
	gcpPreemptTime = 30 * time.Second // from the notice of preemption to the end
)

func probeGCP(ctx context.Context, c *client, base string) cloud {
	g := &gcp{http: c, base: base}
	_, headers, err := c.ask(ctx, http.MethodGet, base+gcpRoot+"id", gcpFlavor, "Google")
	if err != nil || headers.Get(gcpFlavor) != "Google" {
		return nil
	}
	return g
}

func (g *gcp) name() string { return "gcp" }

func (g *gcp) questions() []question {
	return []question{
		g.waiting("preempted", parseGCPPreempted),
		g.waiting("maintenance-event", parseGCPMaintenance),
	}
}

// waiting asks for a value: at first at once, then the server answers when it differs from what it was.
func (g *gcp) waiting(value string, parse func([]byte, time.Time) ([]Notice, error)) question {
	etag := ""
	return question{about: value, limit: gcpWait + 5*time.Second, ask: func(ctx context.Context) ([]Notice, error) {
		query := url.Values{"alt": {"text"}}
		if etag != "" {
			query.Set("wait_for_change", "true")
			query.Set("last_etag", etag)
			query.Set("timeout_sec", fmt.Sprint(int(gcpWait.Seconds())))
		}
		body, headers, err := g.http.ask(ctx, http.MethodGet, g.base+gcpRoot+value+"?"+query.Encode(), gcpFlavor, "Google")
		if err != nil {
			etag = "" // what is said next is not waited for
			if errors.Is(err, errAbsent) {
				return nil, nil
			}
			return nil, err
		}
		if etag = headers.Get("ETag"); len(etag) > 200 {
			etag = ""
		}
		return parse(body, time.Now())
	}}
}

// parseGCPPreempted reads instance/preempted: TRUE or FALSE.
func parseGCPPreempted(body []byte, now time.Time) ([]Notice, error) {
	switch word := strings.TrimSpace(string(body)); word {
	case "FALSE":
		return nil, nil
	case "TRUE":
		return []Notice{{Kind: Leave, At: now.Add(gcpPreemptTime), Detail: "the instance is preempted", id: "preempted"}}, nil
	default:
		return nil, fmt.Errorf("instance/preempted %.40q: want TRUE or FALSE", word)
	}
}

// parseGCPMaintenance reads instance/maintenance-event: NONE, MIGRATE_ON_HOST_MAINTENANCE, which the
// machine survives, or TERMINATE_ON_HOST_MAINTENANCE.
func parseGCPMaintenance(body []byte, _ time.Time) ([]Notice, error) {
	switch word := strings.TrimSpace(string(body)); {
	case strings.HasPrefix(word, "TERMINATE"):
		return []Notice{{Kind: Leave, Detail: "host maintenance: " + clip(word), id: "maintenance"}}, nil
	case word == "NONE", strings.HasPrefix(word, "MIGRATE"):
		return nil, nil
	default:
		return nil, fmt.Errorf("instance/maintenance-event %.40q: want NONE, MIGRATE… or TERMINATE…", word)
	}
}
