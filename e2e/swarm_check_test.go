package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls/hlstest"
)

// channel makes a channel that can be rewound so many seconds, and returns its stream key.
func (s *swarm) channel(slug string, window int) (key string) {
	s.t.Helper()
	status, body := s.nodes[0].call("POST", "/api/v1/channels", fmt.Sprintf(`{"slug":%q,"dvrWindow":%d,"sources":[{"name":"reel"}]}`, slug, window))
	var c channelKeys
	if err := json.Unmarshal(body, &c); status != http.StatusCreated || err != nil || len(c.Sources) != 1 {
		s.t.Fatalf("create channel: %d %s (%v)", status, body, err)
	}
	return c.Sources[0].StreamKey
}

// tally is what was kept of what was published.
type tally struct {
	acknowledged int // pieces
	lost         int // acknowledged pieces of which a picture is missing
	twice        int // pieces of which a picture is there again
	shown        int // pictures that viewers were shown and that are gone
	takes        int
	wrong        []string
	channels     map[string]int // with a loss: how many pieces
}

// verifyAtOnce is how many channels are read at a time.
const verifyAtOnce = 8

// verify reads all that the nodes list of every channel, and compares it with what was acknowledged.
func (s *swarm) verify() *tally {
	all := &tally{channels: map[string]int{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	next := make(chan *pusher)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: verifyAtOnce}}
	defer client.CloseIdleConnections()
	for range verifyAtOnce {
		group.Go(func() {
			for p := range next {
				c := &reading{s: s, p: p, client: client, count: map[int]int{}}
				c.run()
				mu.Lock()
				all.add(c)
				mu.Unlock()
			}
		})
	}
	for _, p := range s.pushers {
		next <- p
	}
	close(next)
	group.Wait()
	return all
}

// reading is one channel that is read.
type reading struct {
	s      *swarm
	p      *pusher
	client *http.Client
	count  map[int]int // how often each picture is there
	takes  map[string]bool
	wrong  []string
	list   string // the playlist
}

func (c *reading) fault(format string, args ...any) {
	c.wrong = append(c.wrong, c.p.slug+": "+fmt.Sprintf(format, args...))
}

// get asks one of the nodes, and again for what is on its way.
func (c *reading) get(n int, path string) (status int, body string) {
	n %= len(c.s.nodes)
	eventually(15*time.Second, func() bool {
		resp, err := c.client.Get("http://" + c.s.nodes[n].http + path)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
		status, body = resp.StatusCode, string(data)
		return err == nil && status != http.StatusServiceUnavailable
	})
	return status, body
}

// fetch fetches a segment from a node, and from the next ones if that does not have it: that is a fault, but
// only what nobody has is lost.
func (c *reading) fetch(first int, segment hlstest.Segment) (body string) {
	for n := range c.s.nodes {
		status, text := c.get(first+n, segment.URI)
		if status == http.StatusOK {
			return text
		}
		c.fault("number %d, %s is listed, and %s answers %d %s", segment.Number, segment.URI, c.s.names[(first+n)%len(c.s.nodes)], status, tail(text))
	}
	return ""
}

// run reads the channel at two nodes, which must list the same, and every segment at one of all.
func (c *reading) run() {
	var other string
	n := c.p.channel
	if !eventually(30*time.Second, func() bool {
		_, c.list = c.get(n, "/"+c.p.slug+"/dvr/main.m3u8")
		_, other = c.get(n+len(c.s.nodes)/2, "/"+c.p.slug+"/dvr/main.m3u8")
		return c.list != "" && c.list == other
	}) {
		c.fault("two nodes do not come to one truth:\n%s", tail(diff([]string{c.list, other})))
	}
	p, faults := hlstest.Parse([]byte(c.list))
	for _, err := range faults {
		c.fault("%v", err)
	}
	c.takes = map[string]bool{}
	for i, segment := range p.Segments {
		if segment.Gap {
			continue
		}
		c.takes[takeOf(segment.URI)] = true
		body := c.fetch(n+i, segment)
		pictures, err := c.s.reel.read(c.p.channel, []byte(body))
		if err != nil {
			c.fault("number %d, %s: %v", segment.Number, segment.URI, err)
		}
		for _, picture := range pictures {
			c.count[picture]++
		}
	}
}

// add adds what was found of a channel.
func (t *tally) add(c *reading) {
	for _, a := range c.p.taken() {
		missing, again := 0, false
		for i := a.piece * c.s.reel.per; i < (a.piece+1)*c.s.reel.per; i++ {
			if c.count[i] == 0 {
				missing++
			}
			again = again || c.count[i] > 1
		}
		t.acknowledged++
		if again {
			t.twice++
		}
		if missing > 0 {
			t.lost++
			t.channels[c.p.slug]++
			c.fault("piece %d, which %s acknowledged at %s, lacks %d pictures", a.piece, a.node, a.at.Format("15:04:05.000"), missing)
		}
	}
	for _, v := range c.s.viewers {
		if v.channel != c.p.slug {
			continue
		}
		for _, a := range v.has(false) {
			for _, picture := range a.pictures {
				if c.count[picture] == 0 {
					t.shown++
				}
			}
		}
	}
	t.takes += len(c.takes)
	if len(c.wrong) > 0 {
		keep(c.s.t, c.p.slug+".m3u8", c.list)
	}
	t.wrong = append(t.wrong, c.wrong...)
}

// promises fails the test if one was broken.
func (s *swarm) promises(kept *tally) {
	s.t.Helper()
	some := func(list []string) string { return strings.Join(list[:min(len(list), 20)], "\n") }
	if kept.lost > 0 {
		s.t.Errorf("%d of %d pieces that were acknowledged are lost, of %d channels", kept.lost, kept.acknowledged, len(kept.channels))
	}
	if len(kept.wrong) > 0 {
		s.t.Errorf("%d faults of what was kept:\n%s", len(kept.wrong), some(kept.wrong))
	}
	if kept.shown > 0 {
		s.t.Errorf("%d pictures that viewers were shown are gone", kept.shown)
	}
	if len(s.faults) > 0 {
		s.t.Errorf("%d broken promises:\n%s", len(s.faults), some(s.faults))
	}
	if _, against := s.ledger.verdict(); len(against) > 0 {
		s.t.Errorf("%d contradictions:\n%s", len(against), some(against))
	}
	for i, n := range s.nodes {
		if strings.Contains(n.said(), "know different programs") {
			s.t.Errorf("%s and another node knew different programs", s.names[i])
		}
	}
}
