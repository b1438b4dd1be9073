package station

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// nodes is a fleet on one bucket, in the time of a synctest bubble.
type nodes struct {
	t      *testing.T
	bucket *bucket.Faulty
	net    *mesh.Switch
	spool  string
	all    map[string]*oneNode
	dying  sync.WaitGroup
	listed map[string]map[int64]string // every number that any node ever listed, by channel
	pace   atomic.Int64                // how long a node takes for each 64 bytes that it sends another, in ns
	shelf  *shelf
	skew   map[string]time.Duration // what a node's clock is ahead
}

// oneNode is a node of the fleet. Its bucket is its own way to the one that all have.
type oneNode struct {
	world
	mesh *mesh.Mesh
	port *mesh.Port
	away *bucket.Faulty
	kill func()
}

func inFleet(t *testing.T, names string, test func(t *testing.T, n *nodes)) {
	spool := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{
			t: t, bucket: bucket.NewFaulty(bucket.NewMem(), 1, bucket.Faults{Latency: 5 * time.Millisecond}),
			net: mesh.NewSwitch(), spool: spool, shelf: &shelf{}, skew: map[string]time.Duration{"b": 700 * time.Millisecond, "c": -900 * time.Millisecond}, all: map[string]*oneNode{}, listed: map[string]map[int64]string{},
		}
		for _, name := range strings.Fields(names) {
			n.start(name)
		}
		defer func() {
			for _, o := range n.all {
				o.kill()
			}
			n.dying.Wait()
		}()
		time.Sleep(2 * time.Second)
		test(t, n)
	})
}

// handler answers the requests of other nodes at the fleet's pace.
func (n *nodes) handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&paced{ResponseWriter: w, pace: &n.pace}, r)
	})
}

// paced writes slowly.
type paced struct {
	http.ResponseWriter
	pace *atomic.Int64
}

func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *paced) Write(b []byte) (n int, err error) {
	for chunk := range slices.Chunk(b, 64) {
		time.Sleep(time.Duration(p.pace.Load()))
		m, err := p.ResponseWriter.Write(chunk)
		n += m
		if err == nil {
			err = http.NewResponseController(p.ResponseWriter).Flush()
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// start starts a node, perhaps again.
func (n *nodes) start(name string) *oneNode {
	n.t.Helper()
	spool, err := bundle.OpenSpool(n.spool+"/"+name, name, nil, bundle.SpoolConfig{Keep: time.Minute})
	if err != nil {
		n.t.Fatal(err)
	}
	o := &oneNode{away: bucket.NewFaulty(n.bucket, 2, bucket.Faults{})}
	o.t, o.bucket, o.world.spool, o.shelf = n.t, o.away, n.spool, n.shelf
	docs := bucket.NewDocuments(o.away)
	log := slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", name)
	o.channels = channel.NewStore(docs, log)
	o.station = New(Config{Docs: docs, Spool: spool, Channels: o.channels, Log: log, Clips: n.shelf, Now: func() time.Time { return time.Now().Add(n.skew[name]) }})
	o.port = n.net.Link(name)
	o.mesh = mesh.New(mesh.Config{
		Node: name, Link: o.port, Log: log, Handler: n.handler(o.station.MeshHandler()), Beat: o.station.Beat,
	})
	if err := o.station.Join(o.mesh, name); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- o.mesh.Run(ctx) }()
	go func() { ended <- o.channels.Run(ctx) }()
	go func() { ended <- o.station.Run(ctx) }()
	end := func(killed bool) {
		cancel()
		for range 3 {
			if err := <-ended; err != nil && !killed {
				n.t.Errorf("%s: Run = %v", name, err)
			}
		}
		spool.Close()
	}
	o.stop = func() { end(false) }
	// A death: it reaches nothing any more, also not with a goodbye, and what it would do at its end does not count.
	o.kill = func() {
		o.away.Down(true)
		o.port.Kill()
		cancel()
		delete(n.all, name)
		n.dying.Go(func() { end(true) })
	}
	n.all[name] = o
	return o
}

// see notes what a node lists, and fails if any node ever listed another address for a number.
func (n *nodes) see(name, slug string) *hls.Window {
	n.t.Helper()
	o := n.all[name]
	w, err := o.window(slug, false)
	if errors.Is(err, ErrNotYet) {
		time.Sleep(2 * time.Second)
		w, err = o.window(slug, false)
	}
	if err != nil {
		n.t.Fatalf("node %s: window of %s: %v\n%s", name, slug, err, o.log.String())
	}
	if n.listed[slug] == nil {
		n.listed[slug] = map[int64]string{}
	}
	for i, s := range w.Segments {
		number := w.MediaSequence + int64(i)
		uri := s.URI
		if !s.Complete && len(s.Parts) > 0 {
			uri = strings.Split(s.Parts[0].URI, ".")[0]
		}
		uri = strings.TrimSuffix(strings.SplitN(uri, ".", 2)[0], ".m4s")
		if before := n.listed[slug][number]; before != "" && uri != "" && before != uri {
			n.t.Errorf("node %s lists %s as number %d, which was %s", name, uri, number, before)
		}
		if uri != "" {
			n.listed[slug][number] = uri
		}
	}
	return w
}

func (n *nodes) logs() string {
	var b strings.Builder
	for name, o := range n.all {
		fmt.Fprintf(&b, "--- %s\n%s", name, o.log.String())
	}
	return b.String()
}

// last returns the number of the newest whole segment.
func last(w *hls.Window) int64 {
	for i := len(w.Segments) - 1; i >= 0; i-- {
		if w.Segments[i].Complete {
			return w.MediaSequence + int64(i)
		}
	}
	return -1
}

func gaps(w *hls.Window) (n int) {
	for _, s := range w.Segments {
		if s.Gap {
			n++
		}
	}
	return n
}

// TestAnyNodeServes shows that each node lists the same, and gives the same bytes.
func TestAnyNodeServes(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		a := n.see("a", "news")
		for _, name := range []string{"b", "c"} {
			w := n.see(name, "news")
			if last(w) < last(a) || w.MediaSequence > a.MediaSequence {
				t.Errorf("%s lists %d to %d, a %d to %d", name, w.MediaSequence, last(w), a.MediaSequence, last(a))
			}
		}
		if err := e.run(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		w := n.see("b", "news")
		for _, s := range w.Segments {
			if !s.Complete {
				continue
			}
			address, err := media.ParseAddress(s.URI)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := n.all["a"].station.Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := n.all["b"].station.Open(t.Context(), address)
			if err != nil {
				t.Fatalf("b opens %s: %v", s.URI, err)
			}
			if !bytes.Equal(bytes.Join(want, nil), bytes.Join(got, nil)) {
				t.Errorf("%s is not the same on b as on a", s.URI)
			}
		}
	})
}

// TestOpenUnsettled asks for media that are not there, of a channel that is settled and of one that is not: then
// they may be listed still.
func TestOpenUnsettled(t *testing.T) {
	inFleet(t, "a b", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(4 * time.Second); err != nil {
			t.Fatal(err)
		}
		w := n.see("a", "news")
		address, err := media.ParseAddress(w.Segments[0].URI)
		if err != nil {
			t.Fatal(err)
		}
		address.Segment = 50
		e.x.Close(nil)
		time.Sleep(time.Second)
		p, err := n.all["a"].station.Program("news")
		if err != nil {
			t.Fatal(err)
		}
		for _, settled := range []bool{true, false} {
			p.mu.Lock()
			p.settled = settled
			p.mu.Unlock()
			want := map[bool]error{true: take.ErrNoMedia, false: take.ErrNotYet}[settled]
			if _, _, err := n.all["a"].station.Open(t.Context(), address); !errors.Is(err, want) {
				t.Errorf("settled %v: open = %v, want %v", settled, err, want)
			}
		}
	})
}

// TestWriterDies shows that a take that dies with its node is continued at another node, exactly.
func TestWriterDies(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.all["a"].mustPublish("cam-key-0123456789")
		if err := e.run(11 * time.Second); err != nil {
			t.Fatal(err)
		}
		n.see("b", "news")
		if err := e.run(700 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		before := n.see("a", "news")
		n.see("b", "news")
		n.see("c", "news")
		died := time.Now()
		n.all["a"].kill()
		e = n.all["b"].mustPublish("cam-key-0123456789")
		running := make(chan error, 1)
		go func() { running <- e.run(15 * time.Second) }()
		var back time.Duration
		for back == 0 && time.Since(died) < 10*time.Second {
			time.Sleep(50 * time.Millisecond)
			if l := n.see("c", "news"); len(l.Segments) > 0 && strings.Contains(newest(l), n.take("b", "news")) {
				back = time.Since(died)
			}
		}
		t.Logf("new pictures after %v", back)
		if back == 0 {
			for name, o := range n.all {
				p, _ := o.station.Program("news")
				p.mu.Lock()
				t.Logf("%s: settled %v writers %d waiting %d director %+v", name, p.settled, len(p.writers), len(p.waiting), p.director)
				p.mu.Unlock()
			}
		}
		if back == 0 || back > 4*time.Second {
			t.Errorf("new pictures after %v, want them within 4 s\n%s", back, n.logs())
		}
		if err := <-running; err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"b", "c"} {
			w := n.see(name, "news")
			if gaps(w) > 0 {
				t.Errorf("%s lists %d gaps, want none: the witnesses gave an exact word", name, gaps(w))
			}
			if w.MediaSequence > before.MediaSequence || last(w) < last(before)+5 {
				t.Errorf("%s lists %d to %d, before the death it was %d to %d", name, w.MediaSequence, last(w), before.MediaSequence, last(before))
			}
		}
	})
}

// newest returns the newest address of a window.
func newest(w *hls.Window) string {
	s := w.Segments[len(w.Segments)-1]
	if len(s.Parts) > 0 {
		return s.Parts[len(s.Parts)-1].URI
	}
	return s.URI
}

// take returns the take that a node writes for a channel, or something that no address contains.
func (n *nodes) take(name, slug string) string {
	p, err := n.all[name].station.Program(slug)
	if err != nil {
		n.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.writers {
		return id.String()
	}
	return "nothing"
}

// TestCutIsStoredOnce puts a channel on air of which every node hears: the bucket is written to once.
func TestCutIsStoredOnce(t *testing.T) {
	inFleet(t, "a b c", func(t *testing.T, n *nodes) {
		n.all["a"].channel("news", "cam")
		e := n.push("a", "tv~1")
		if err := e.x.Tracks([]media.Track{soundTrack}); err != nil {
			t.Fatal(err)
		}
		if err := e.run(40 * time.Second); err != nil {
			t.Fatal(err)
		}
		o, err := n.bucket.Get(t.Context(), cutsKey(e.x.program.id))
		if err != nil {
			t.Fatal(err)
		}
		var stored struct{ Revision int }
		if err := json.Unmarshal(o.Data, &stored); err != nil || stored.Revision != 1 {
			t.Errorf("the cut list was written %d times, want once (%v)", stored.Revision, err)
		}
	})
}
