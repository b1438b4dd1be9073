package main

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/deliver"
	"github.com/mayfly-tv/mayfly/internal/ingest/rtmp"
	"github.com/mayfly-tv/mayfly/internal/mesh"
)

// metrics is what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	waited   *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	flushes  prometheus.Histogram
	bundled  prometheus.Counter
	refused  *prometheus.CounterVec

	mu        sync.Mutex
	listeners []*deliver.Listener
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mayfly_bucket_requests_total", Help: "Requests to the bucket."}, []string{"kind", "outcome"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mayfly_bucket_seconds", Help: "How long the bucket took to answer.",
			Buckets: []float64{.001, .005, .02, .05, .1, .2, .5, 1, 5}}, []string{"kind"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mayfly_bucket_bytes_total", Help: "Bytes written to and read from the bucket."}, []string{"kind"}),
		flushes: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mayfly_flush_seconds", Help: "From the first part of a bundle to its acknowledgement by the bucket.",
			Buckets: []float64{.1, .3, .5, .6, .8, 1, 2, 5, 10, 60}}),
		bundled: prometheus.NewCounter(prometheus.CounterOpts{Name: "mayfly_bundle_bytes_total", Help: "Bytes of bundles in the bucket."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mayfly_rtmp_ended_total", Help: "RTMP connections that ended, by why."}, []string{"who", "why"}),
	}
	m.registry.MustRegister(m.requests, m.waited, m.bytes, m.flushes, m.bundled, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// count counts the requests to a bucket.
func (m *metrics) count(b bucket.Bucket) bucket.Bucket {
	return bucket.Counted(b, func(kind string, err error, took time.Duration, bytes int64) {
		m.requests.WithLabelValues(kind, outcome(err)).Inc()
		m.waited.WithLabelValues(kind).Observe(took.Seconds())
		m.bytes.WithLabelValues(kind).Add(float64(bytes))
	})
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, bucket.ErrNotFound):
		return "not_found"
	case errors.Is(err, bucket.ErrPrecondition):
		return "precondition"
	case errors.Is(err, bucket.ErrUnavailable):
		return "unavailable"
	}
	return "error"
}

func (m *metrics) flushed(bytes int64, took time.Duration) {
	m.flushes.Observe(took.Seconds())
	m.bundled.Add(float64(bytes))
}

func (m *metrics) connectionEnded(who string, err error) {
	why := "left"
	if r, ok := errors.AsType[*rtmp.Refusal](err); ok {
		why = r.Kind
	} else if err != nil {
		why = "lost"
	}
	m.refused.WithLabelValues(who, why).Inc()
}

func (m *metrics) viewers(l *deliver.Listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listeners = append(m.listeners, l)
}

// connections returns how many viewers' connections are open.
func (m *metrics) connections() (open int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.listeners {
		open += l.Stats().Open
	}
	return open
}

// watch shows what the parts of a node count themselves.
func (m *metrics) watch(n *node) {
	m.watchStation(n)
	m.watchFleet(n)
	m.watchViewers(n)
}

func (m *metrics) watchFleet(n *node) {
	for _, state := range []mesh.State{mesh.Alive, mesh.Suspect, mesh.Lost} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mayfly_fleet_members", Help: "Members of the fleet as this node sees them, itself among them.", ConstLabels: prometheus.Labels{"state": string(state)},
		}, func() float64 { return float64(n.members(state)) }))
	}
	m.gauge("mayfly_witnesses", "Other nodes that hold what this one takes in until the bucket has it.", func() float64 { return float64(len(n.station.Beat().Witnesses)) })
	m.counter("mayfly_program_conflicts_total", "Times that another node or the bucket knew another program of a channel. Anything but 0 is a fault of Mayfly.", nil, func() int64 { return n.station.Stats().Conflicts })
	m.counter("mayfly_mesh_refused_total", "Connections of nodes with another secret.", nil, func() int64 {
		if link := n.link.Load(); link != nil {
			return link.Refused()
		}
		return 0
	})
}

func (m *metrics) counter(name, help string, labels prometheus.Labels, f func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(f()) }))
}

func (m *metrics) gauge(name, help string, f func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

func (m *metrics) watchStation(n *node) {
	stats, health := n.station.Stats, n.station.Health
	m.gauge("mayfly_channels", "Channels.", func() float64 { return float64(stats().Channels) })
	m.gauge("mayfly_publishers", "Publishers connected.", func() float64 { return float64(stats().Publishers) })
	m.gauge("mayfly_takes_known", "Takes whose log is in memory.", func() float64 { return float64(stats().Logs) })
	m.gauge("mayfly_tail_bytes", "Media in memory.", func() float64 { return float64(stats().TailBytes) })
	m.counter("mayfly_takes_total", "Takes begun.", nil, func() int64 { return stats().Takes })
	m.counter("mayfly_parts_total", "Parts made.", nil, func() int64 { return stats().Parts })
	m.counter("mayfly_cuts_total", "Changes of cut lists.", nil, func() int64 { return stats().Cuts })
	m.gauge("mayfly_unflushed_bytes", "Media that is in no bundle in the bucket, in memory.", func() float64 {
		h := health()
		return float64(h.Pending + h.Memory)
	})
	m.gauge("mayfly_spool_bytes", "Bundles that only the spool has.", func() float64 { return float64(health().Spooled) })
	m.gauge("mayfly_bucket_away_seconds", "How long the bucket has not taken bundles.", func() float64 { return health().AwayFor.Seconds() })
}

func (m *metrics) watchViewers(n *node) {
	stats := n.viewers.Stats
	m.gauge("mayfly_viewers", "Viewers of this node, estimated.", func() float64 {
		total := 0
		for _, v := range n.viewers.AllViewers() {
			total += v
		}
		return float64(total)
	})
	m.gauge("mayfly_burnt_waiting", "Channels for whose graphics in the picture this node has no room, while players wait.", func() float64 { return float64(len(n.burner.Waiting())) })
	m.gauge("mayfly_chat_connections", "Connections that the chat is told over.", func() float64 { return float64(n.chat.Connected()) })
	m.gauge("mayfly_http_connections", "Open connections of viewers.", func() float64 { return float64(m.connections()) })
	m.gauge("mayfly_requests_held", "Requests that wait for what is not there yet.", func() float64 { return float64(stats().HeldNow) })
	kinds := func(name, help string, of map[string]func(deliver.Stats) int64) {
		for kind, f := range of {
			m.counter(name, help, prometheus.Labels{"kind": kind}, func() int64 { return f(stats()) })
		}
	}
	kinds("mayfly_playlist_requests_total", "Requests for playlists.", map[string]func(deliver.Stats) int64{
		"plain": func(s deliver.Stats) int64 { return s.Playlists.Plain }, "blocking": func(s deliver.Stats) int64 { return s.Playlists.Blocking },
		"multivariant": func(s deliver.Stats) int64 { return s.Playlists.Multivariant },
	})
	kinds("mayfly_media_requests_total", "Requests for media.", map[string]func(deliver.Stats) int64{
		"init": func(s deliver.Stats) int64 { return s.Media.Init }, "segment": func(s deliver.Stats) int64 { return s.Media.Segment },
		"parts": func(s deliver.Stats) int64 { return s.Media.Parts }, "track": func(s deliver.Stats) int64 { return s.Media.Track },
	})
	kinds("mayfly_request_errors_total", "Answers that were errors.", map[string]func(deliver.Stats) int64{
		"bad_request": func(s deliver.Stats) int64 { return s.Errors.BadRequest }, "not_found": func(s deliver.Stats) int64 { return s.Errors.NotFound },
		"method": func(s deliver.Stats) int64 { return s.Errors.Method }, "range": func(s deliver.Stats) int64 { return s.Errors.Range },
		"unavailable": func(s deliver.Stats) int64 { return s.Errors.Unavailable }, "crowded": func(s deliver.Stats) int64 { return s.Errors.Crowded },
		"hold_expired": func(s deliver.Stats) int64 { return s.Errors.HoldExpired },
		"refused":      func(s deliver.Stats) int64 { return s.Errors.Refused }, "full": func(s deliver.Stats) int64 { return s.Errors.Full },
	})
	m.counter("mayfly_sent_bytes_total", "Bytes sent to viewers.", nil, func() int64 { return stats().Bytes })
	m.counter("mayfly_playlists_rendered_total", "Playlists rendered.", nil, func() int64 { return stats().Renders })
}
