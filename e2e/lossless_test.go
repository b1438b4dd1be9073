package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lossless publishes with a key of a source through mayfly push, which an encoder sends to on this machine. It
// tries the nodes in that order.
func (s *stage) lossless(source int, nodes ...int) *stage {
	t := s.f.t
	t.Helper()
	args := []string{"push", "--log-format", "json", "--spool", filepath.Join(t.TempDir(), "push"), "rtmp://127.0.0.1:0"}
	for _, i := range nodes {
		args = append(args, "http://"+s.f.nodes[i].http+"/push/"+s.channel.Sources[source].StreamKey)
	}
	agent := start(t, nil, program, args...)
	server := ""
	if !eventually(10*time.Second, func() bool {
		for line := range strings.Lines(agent.output()) {
			var said struct{ Msg, Server string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "waiting for the encoder" {
				server = said.Server
			}
		}
		return server != ""
	}) {
		t.Fatalf("mayfly push does not wait for an encoder:\n%s", tail(agent.output()))
	}
	p := s.f.encode(s.film, server+"/any")
	p.agent = agent
	s.publishers = append(s.publishers, p)
	return s
}

// every checks that a recording has every picture from the first to the last, over all its takes, once.
func (r *recording) every(t *testing.T, fault string) {
	t.Helper()
	lost, twice := gaps(r.order)
	bar(t, fault, "pictures lost", float64(lost), 0)
	figure(t, fault, "pictures twice, at the seam", float64(twice))
	if len(r.order) < 10*filmRate {
		t.Errorf("%s: the recording has %d pictures only", fault, len(r.order))
	}
}

// gaps counts the numbers that are missing in a sequence from 0 on, and those that come again.
func gaps(order []int) (lost, twice int) {
	next := 0
	for _, n := range order {
		if n < next {
			twice++
			continue
		}
		lost += n - next
		next = n + 1
	}
	return lost, twice
}

// still returns the longest time for which the picture of a page stood still between two times, in seconds.
func (b *browser) still(from, to time.Time) (longest float64) {
	for _, s := range b.all() {
		if s.Wall >= from.UnixMilli() && s.Wall <= to.UnixMilli() {
			longest = max(longest, s.Still/1000)
		}
	}
	return longest
}

// TestEvery checks what counts pictures.
func TestEvery(t *testing.T) {
	for _, c := range []struct {
		order       []int
		lost, twice int
	}{{[]int{0, 1, 2, 3}, 0, 0}, {[]int{0, 1, 3, 4}, 1, 0}, {[]int{0, 1, 1, 2}, 0, 1}, {[]int{2, 3, 4}, 2, 0}, {[]int{0, 1, 2, 1, 2, 3, 6}, 2, 2}} {
		if lost, twice := gaps(c.order); lost != c.lost || twice != c.twice {
			t.Errorf("%v: %d lost and %d twice, want %d and %d", c.order, lost, twice, c.lost, c.twice)
		}
	}
}
