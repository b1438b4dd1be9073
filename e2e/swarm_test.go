package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
)

// scale is how large a swarm is. MAYFLY_SWARM sets it as a command line does: "-nodes 10 -channels 200".
type scale struct {
	nodes, channels, viewers int
	piece                    int // seconds
	calm, storm              time.Duration
	every                    time.Duration // from one death to the next
	seed                     uint64
	flags                    string // for the nodes
}

// newScale returns what is asked for, by default what `make test` has time for.
func newScale(t *testing.T) (s scale) {
	t.Helper()
	f := flag.NewFlagSet("MAYFLY_SWARM", flag.ContinueOnError)
	f.IntVar(&s.nodes, "nodes", 4, "`number` of nodes")
	f.IntVar(&s.channels, "channels", 12, "`number` of channels")
	f.IntVar(&s.viewers, "viewers", 6, "`number` of viewers")
	f.IntVar(&s.piece, "piece", 2, "`seconds` of media in what is pushed at a time")
	f.DurationVar(&s.calm, "calm", 5*time.Second, "how long it is measured without deaths")
	f.DurationVar(&s.storm, "storm", 15*time.Second, "how long nodes die")
	f.DurationVar(&s.every, "every", 5*time.Second, "from one death to the next")
	f.Uint64Var(&s.seed, "seed", 1, "of the choice of who dies")
	f.StringVar(&s.flags, "flags", "", "flags of mayfly serve, with commas for spaces")
	if err := f.Parse(strings.Fields(os.Getenv("MAYFLY_SWARM"))); err != nil {
		t.Fatalf("MAYFLY_SWARM: %v", err)
	}
	if s.nodes < 2 || s.channels < 1 || s.piece < 1 || s.every <= 0 {
		t.Fatalf("MAYFLY_SWARM: %+v: want two nodes, a channel, a piece of a second and some time between deaths", s)
	}
	return s
}

// swarm is many nodes on one bucket, of which now and then one dies, and many channels, each with a lossless
// publisher.
type swarm struct {
	t        *testing.T
	scale    scale
	nodes    []*node
	names    []string
	back     []time.Time // when a dead node is started again; zero: it runs
	reel     *reel
	pushers  []*pusher
	viewers  []*viewer
	ledger   *ledger
	requests *requestLog
	deaths   []killed
	rng      *rand.Rand
	group    sync.WaitGroup
	stop     context.CancelFunc // of the publishers: they make no more
	giveUp   context.CancelFunc // of the publishers: they send no more
	faults   []string           // what a promise was broken by
}

// killed is one node's death.
type killed struct {
	at   time.Time
	node string
}

// TestSwarm kills a node of many every few seconds for a while, starts it again a little later, and checks that nothing
// that was acknowledged is lost, that all nodes list the same, and what it costs.
func TestSwarm(t *testing.T) {
	t.Parallel()
	s := newSwarm(t, newScale(t))
	defer s.logs()
	s.publish()
	s.watch()
	s.settle("all channels are on air", 60*time.Second, s.onAir)
	after(4 * time.Second)
	calm := s.measure("without deaths", s.scale.calm, func() {})
	storm := s.measure(fmt.Sprintf("a death every %v", s.scale.every), s.scale.storm, s.killOne)
	ended := time.Now()
	s.settle("all nodes are back and see each other", 60*time.Second, s.whole)
	whole := time.Now()
	s.settle("every channel has gone on", 60*time.Second, func() bool { return s.goneOn(whole) })
	s.end()
	s.settle("nobody publishes any more", 60*time.Second, s.offAir)
	kept := s.verify()
	s.promises(kept)
	if err := s.report(calm, storm, kept, whole.Sub(ended)); err != nil {
		t.Error(err)
	}
}

func newSwarm(t *testing.T, sc scale) *swarm {
	t.Helper()
	access := filepath.Join(t.TempDir(), "requests.log")
	s3 := buckettest.StartS3(t, "--access-log", access)
	s := &swarm{
		t: t, scale: sc, ledger: newLedger(), rng: rand.New(rand.NewPCG(sc.seed, 0)), back: make([]time.Time, sc.nodes),
		requests: &requestLog{path: access}, reel: newReel(t, sc.piece),
	}
	for i := range sc.nodes {
		name := fmt.Sprintf("n%02d", i)
		n := &node{
			t: t, spool: filepath.Join(t.TempDir(), "spool"), env: s3Env(), bucket: s3.Bucket("tv"),
			http: "127.0.0.1:0", rtmp: "127.0.0.1:0", mesh: "127.0.0.1:0",
			flags: append([]string{"--node", name, "--flush", "500ms"}, strings.FieldsFunc(sc.flags, func(c rune) bool { return c == ',' })...),
		}
		n.launch()
		s.nodes, s.names = append(s.nodes, n), append(s.names, name)
	}
	for _, n := range s.nodes {
		n.ready()
	}
	s.settle("all nodes see each other", 60*time.Second, s.whole)
	t.Logf("%d nodes, %d channels in pieces of %d s, seed %d", sc.nodes, sc.channels, sc.piece, sc.seed)
	return s
}

// settle waits for a condition, and fails the test if it does not come true.
func (s *swarm) settle(what string, limit time.Duration, f func() bool) {
	s.t.Helper()
	if !eventually(limit, func() bool { s.restart(); return f() }) {
		s.t.Fatalf("waited %v until %s", limit, what)
	}
}

// whole reports whether every node runs, and finds every other alive.
func (s *swarm) whole() bool {
	for i, n := range s.nodes {
		if !s.back[i].IsZero() || n.sees() != len(s.nodes) {
			return false
		}
	}
	return true
}

// onAir reports whether something of every channel was acknowledged, and can be watched somewhere.
func (s *swarm) onAir() bool {
	for i, p := range s.pushers {
		if len(p.taken()) == 0 {
			return false
		}
		if status, _ := s.nodes[i%len(s.nodes)].get("/" + p.slug + "/main.m3u8"); status != http.StatusOK {
			return false
		}
	}
	return true
}

// goneOn reports whether two pieces of every channel were acknowledged since.
func (s *swarm) goneOn(since time.Time) bool {
	for _, p := range s.pushers {
		if acks := p.taken(); len(acks) < 2 || acks[len(acks)-2].at.Before(since) {
			return false
		}
	}
	return true
}

func (s *swarm) offAir() bool {
	for i, p := range s.pushers {
		if s.nodes[i%len(s.nodes)].state(p.slug) != "off" {
			return false
		}
	}
	return true
}

// killOne kills a node that runs.
func (s *swarm) killOne() {
	var alive []int
	for i, at := range s.back {
		if at.IsZero() {
			alive = append(alive, i)
		}
	}
	if len(alive) < 2 {
		return
	}
	i := alive[s.rng.IntN(len(alive))]
	down := 3*time.Second + time.Duration(s.rng.Int64N(int64(5*time.Second)))
	s.deaths = append(s.deaths, killed{time.Now(), s.names[i]})
	s.nodes[i].process.kill()
	s.back[i] = time.Now().Add(down)
	s.t.Logf("death %d: %s, for %.1f s", len(s.deaths), s.names[i], down.Seconds())
}

// restart starts the nodes whose time has come. One that ended by itself is a fault, and is started too.
func (s *swarm) restart() {
	for i, n := range s.nodes {
		if s.back[i].IsZero() && n.dead() {
			s.faults = append(s.faults, fmt.Sprintf("%s %s ended by itself: %v", time.Now().Format("15:04:05.000"), s.names[i], n.process.err))
			s.back[i] = time.Now().Add(time.Second)
		}
		if at := s.back[i]; !at.IsZero() && time.Now().After(at) {
			s.back[i] = time.Time{}
			n.launch()
		}
	}
}

// hosts returns the addresses of all nodes.
func (s *swarm) hosts() (list []string) {
	for _, n := range s.nodes {
		list = append(list, n.http)
	}
	return list
}

// publish makes the channels and begins to publish to all of them, the first pieces spread over the time of one.
func (s *swarm) publish() {
	s.t.Helper()
	makes, stop := context.WithCancel(context.Background())
	sends, giveUp := context.WithCancel(context.Background())
	s.stop, s.giveUp = stop, giveUp
	s.t.Cleanup(func() { stop(); giveUp(); s.group.Wait() })
	client, begin := pushClient(s.scale.channels), time.Now().Add(time.Second)
	window := int((s.scale.calm + s.scale.storm + 10*time.Minute).Seconds())
	for i := range s.scale.channels {
		p := &pusher{
			reel: s.reel, channel: i, slug: fmt.Sprintf("swarm-%d", i), hosts: s.hosts(), at: i % len(s.nodes), client: client,
			rng: rand.New(rand.NewPCG(s.scale.seed, uint64(i)+1)), done: map[int]bool{},
		}
		p.key = s.channel(p.slug, window)
		s.pushers = append(s.pushers, p)
	}
	each := time.Duration(s.scale.piece) * time.Second
	for i, p := range s.pushers {
		s.group.Go(func() { p.run(makes, sends, begin.Add(each*time.Duration(i)/time.Duration(len(s.pushers)))) })
	}
}

// watch adds viewers, each at a node; they go to another one when that dies.
func (s *swarm) watch() {
	hosts := s.hosts()
	for i := range s.scale.viewers {
		p := s.pushers[i/2*2*len(s.pushers)/s.scale.viewers] // two of a channel, so that there is something to compare
		rng := rand.New(rand.NewPCG(s.scale.seed, 1<<32+uint64(i)))
		move := func(host string) string {
			at := slices.Index(hosts, host)
			return hosts[(at+1+rng.IntN(len(hosts)-1))%len(hosts)]
		}
		v := &viewer{
			t: s.t, host: hosts[(i+i/2)%len(hosts)], channel: p.slug, ledger: s.ledger, move: move,
			read: func(data []byte) ([]int, error) { return s.reel.read(p.channel, data) },
		}
		s.viewers = append(s.viewers, v.begin())
	}
}

// end ends publishers and viewers. What was made is sent to the end, if that is not too long.
func (s *swarm) end() {
	s.t.Helper()
	s.stop()
	done := make(chan struct{})
	go func() { s.group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		s.giveUp()
		<-done
	}
	for _, v := range s.viewers {
		v.cancel()
	}
	for _, v := range s.viewers {
		v.stop()
		s.faults = append(s.faults, v.faults...)
	}
	for _, p := range s.pushers {
		s.faults = append(s.faults, p.refused...)
		if len(p.refused) > 0 {
			keep(s.t, p.slug+".trail", strings.Join(p.trail, "\n"))
		}
	}
}

// logs keeps what the nodes said, if the test failed.
func (s *swarm) logs() {
	if s.t.Failed() {
		for i, n := range s.nodes {
			keep(s.t, s.names[i]+".log", n.said())
		}
	}
}
