package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// stage is a channel of a fleet under a fault: its publishers and its viewers.
type stage struct {
	f          *fleet
	channel    channelKeys
	film       *film
	publishers []*publisher
	viewers    []*viewer
}

// stage makes a channel.
func (f *fleet) stage(film *film, slug string, sources int) *stage {
	f.t.Helper()
	return &stage{f: f, film: film, channel: f.channel(slug, true, sources)}
}

// publish publishes with the key of a source, first to the first of some nodes.
func (s *stage) publish(source int, nodes ...int) *stage {
	s.publishers = append(s.publishers, s.f.publish(s.film, s.channel.Sources[source].StreamKey, nodes...))
	return s
}

func (s *stage) backup(source int, nodes ...int) *stage {
	s.publishers = append(s.publishers, s.f.publish(s.film, s.channel.Sources[source].BackupStreamKey, nodes...))
	return s
}

// live waits until the channel is on air, at every node.
func (s *stage) live() *stage {
	s.f.t.Helper()
	for _, n := range s.f.nodes {
		n.until("the channel "+s.channel.Slug+" is on air", 20*time.Second, func() bool { return n.state(s.channel.Slug) == "live" })
	}
	return s
}

// watch adds viewers at some nodes, and one at the front.
func (s *stage) watch(nodes ...int) *stage {
	for _, i := range nodes {
		s.viewers = append(s.viewers, s.f.watch(s.f.nodes[i].http, s.channel.Slug, s.film))
	}
	s.viewers = append(s.viewers, s.f.watch(s.f.viewer, s.channel.Slug, s.film))
	return s
}

// stop ends viewers and publishers.
func (s *stage) stop() {
	for _, v := range s.viewers {
		v.cancel()
	}
	for _, v := range s.viewers {
		v.stop()
	}
	for _, p := range s.publishers {
		p.stop()
	}
}

// seen returns the worst stalls that viewers had between two times, and the slowest new picture.
func (s *stage) seen(from, to time.Time) (o outcome) {
	for _, v := range s.viewers {
		low, standard := v.seen(from, to)
		if low > none {
			v.mu.Lock()
			s.f.t.Logf("viewer of %s at %s (%s): longest stall %.2f s at low latency, %.2f s at standard; its failed and long requests:\n%s", v.channel, v.host, s.f.name(v.host), low, standard, tail(strings.Join(v.slow, "\n")))
			v.mu.Unlock()
		}
		o.low, o.standard = max(o.low, low), max(o.standard, standard)
		took, ok := v.newPictures(from)
		if !ok {
			took = to.Sub(from).Seconds()
		}
		o.fresh = max(o.fresh, took)
	}
	return o
}

// name returns whose address a viewer has.
func (f *fleet) name(host string) string {
	for i, n := range f.nodes {
		if n.http == host {
			return nodeNames[i]
		}
	}
	return "the front"
}

// outcome is what viewers of a channel saw of a fault, in seconds.
type outcome struct {
	low, standard float64 // the longest stall
	fresh         float64 // until pictures of a new take came
}

// faults returns what broke a promise for a viewer.
func (s *stage) faults() (list []string) {
	for _, v := range s.viewers {
		v.mu.Lock()
		list = append(list, v.faults...)
		v.mu.Unlock()
	}
	return list
}

// check fails the test if a promise was broken: numbers that go back, playlists that contradict, media that
// is listed and missing.
func (f *fleet) check(stages ...*stage) {
	f.t.Helper()
	for _, s := range stages {
		if list := s.faults(); len(list) > 0 {
			f.t.Errorf("channel %s: %d broken promises:\n%s", s.channel.Slug, len(list), strings.Join(list[:min(len(list), 20)], "\n"))
		}
	}
	compared, against := f.ledger.verdict()
	f.t.Logf("%d comparisons of playlists, %d contradictions", compared, len(against))
	figure(f.t, lawTwo, comparisons, float64(compared))
	figure(f.t, lawTwo, "contradictions", float64(len(against)))
	broken := 0
	for _, s := range stages {
		broken += len(s.faults())
	}
	figure(f.t, lawTwo, "numbers that went back, media that was listed and missing, malformed playlists", float64(broken))
	if len(against) > 0 {
		f.t.Errorf("%d contradictions:\n%s", len(against), strings.Join(against[:min(len(against), 20)], "\n"))
	}
	for i, n := range f.nodes {
		if strings.Contains(n.said(), "know different programs") {
			f.t.Errorf("%s and another node knew different programs", nodeNames[i])
		}
	}
}

// logs keeps what the nodes said, if the test failed.
func (f *fleet) logs(t *testing.T) {
	if !t.Failed() {
		return
	}
	for i, n := range f.nodes {
		keep(t, fmt.Sprintf("%s.log", nodeNames[i]), n.said())
	}
}

// recording ends the channel and reads what was kept of it.
func (s *stage) recording() *recording {
	s.f.t.Helper()
	s.stop()
	r := s.f.recorded(s.channel.Slug, s.film, s.viewers...)
	if len(r.wrong) > 0 {
		s.f.t.Errorf("the recording of %s:\n%s", s.channel.Slug, strings.Join(r.wrong[:min(len(r.wrong), 10)], "\n"))
	}
	return r
}
