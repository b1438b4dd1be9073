package sim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// begins forgets how far the process before listed: one that begins while the bucket is away lists nothing
// until that is back.
func (l *laws) begins(node string) {
	for key := range l.progress {
		if strings.HasSuffix(key, node) {
			delete(l.progress, key)
		}
	}
}

// live notes how far a process lists a channel.
func (l *laws) live(p *process, slug string, w *hls.Window) {
	last, parts := w.Last()
	was := l.progress[slug+p.node.name]
	if was.last != last || was.parts != parts {
		l.progress[slug+p.node.name] = progress{last, parts, time.Now()}
	}
}

const (
	// settledTime is how long before everything but the bucket must have been well for law 7.
	settledTime = 10 * time.Second
	// stallTime is how long nothing new may be listed then.
	stallTime = 5 * time.Second
)

// goesOn checks that what is on air goes on, on all nodes, while nothing but the bucket is away (law 7).
func (l *laws) goesOn() {
	w := l.world
	if f := w.faults; len(f.busy) == 0 || time.Since(f.troubled) < settledTime {
		return
	}
	for i, c := range w.channels {
		if time.Since(w.producers[i].asked) < settledTime || !w.onAir(i) || w.came(i) {
			continue
		}
		if w.spy.onClock(c.ID) {
			continue // its media, and who may list how much of it, are the bucket's to say
		}
		for _, n := range w.living() {
			at, ok := l.progress[c.Slug+n.name]
			if ok && time.Since(at.at) > stallTime {
				l.fail("7", "the bucket is away, %s has a publisher, and nothing new is listed by %s for %v", c.Slug, n.name, time.Since(at.at).Round(time.Millisecond))
			}
		}
	}
}

// came reports whether some publisher of a channel has come or gone lately.
func (w *world) came(channel int) bool {
	for _, x := range w.publishers {
		if x.channel == channel && (x.x == nil || time.Since(x.since) < settledTime) {
			return true
		}
	}
	return false
}

// members says what each node thinks of the others and of the channels.
func (l *laws) members() string {
	var b strings.Builder
	for _, n := range l.world.living() {
		fmt.Fprintf(&b, "\n             %s:", n.name)
		for _, m := range n.proc.mesh.Members() {
			if !m.Self {
				fmt.Fprintf(&b, " %s is %s, heard %v ago, witnessed by %v;", m.Node, m.State, time.Since(m.Heard).Round(time.Millisecond), m.Witnesses)
			}
		}
		if h := n.proc.station.Health(); h.AwayFor > 0 {
			fmt.Fprintf(&b, " the bucket is away for %v;", h.AwayFor)
		}
		for _, s := range n.proc.station.Statuses() {
			fmt.Fprintf(&b, " %s is %s since %s, take %.6s from number %d on;", s.Slug, s.State, s.Since.Format("05.000"), s.Take, s.Number)
		}
	}
	for _, c := range l.world.channels {
		l.world.spy.mu.Lock()
		if list := l.world.spy.cuts["cuts/"+c.ID]; list != nil {
			fmt.Fprintf(&b, "\n             in the bucket, %s (off: %v):", c.Slug, list.Off)
			for _, e := range list.Tail(4).Entries {
				fmt.Fprintf(&b, " %d is take %s of %s from %d", e.Number, short(e.Take), e.Origin, e.From)
				if e.End != nil {
					fmt.Fprintf(&b, " to %v with %d gaps, leap %v", e.End.At, e.End.Gaps, e.End.Leap)
				}
				b.WriteString(";")
			}
		}
		l.world.spy.mu.Unlock()
	}
	return b.String()
}

// agreed checks that all nodes list the same, and that a channel with a publisher is on air (law 9).
func (l *laws) agreed() {
	w := l.world
	for i, c := range w.channels {
		var first *hls.Window
		for _, n := range w.nodes {
			win := l.look(n.proc, c.Slug, false)
			if win == nil {
				if len(l.listed[c.Slug]) > 0 {
					l.fail("9", "%s lists nothing of %s after the faults: %v", n.name, c.Slug, n.proc.why(c.Slug))
				}
				continue
			}
			if first == nil {
				first = win
			}
			a, _ := first.Last()
			b, _ := win.Last()
			if apart := w.apart(c.ID); a-b > apart || b-a > apart {
				l.fail("9", "%s lists %s up to number %d, %s up to %d", w.nodes[0].name, c.Slug, a, n.name, b)
			}
			at := l.progress[c.Slug+n.name].at
			late := time.Since(time.Unix(0, w.producers[i].told.Load())) < settledTime // a cut that waited for the end of a fault
			if w.onAir(i) && !late && time.Since(at) > 3*time.Second {
				l.fail("9", "%s has a publisher and nothing new is listed by %s for %v", c.Slug, n.name, time.Since(at).Round(time.Millisecond))
			}
		}
	}
}

// apart is how many numbers the ends of two nodes' lists may differ by: what is driven by the clock ends where each
// node's clock says.
func (w *world) apart(channel string) int64 {
	least, most := time.Duration(0), time.Duration(0)
	for _, d := range w.plan.skew {
		least, most = min(least, d), max(most, d)
	}
	if !w.spy.onClock(channel) || most == least {
		return 1
	}
	return 2 + int64((most-least)/media.Ticks(clipSegment).Duration())
}

// why says why a process lists nothing of a channel.
func (p *process) why(slug string) error {
	c, err := p.station.Program(slug)
	if err == nil {
		_, _, err = c.Window(media.Main, false)
	}
	return err
}

// onAir reports whether a channel must be on air: a publisher is connected for long enough.
func (w *world) onAir(channel int) bool {
	for _, x := range w.producers {
		if x.channel == channel && (x.off.Load() || x.busy.Load()) {
			return false
		}
	}
	if w.planned && w.faults.over && time.Since(w.faults.quietAt) >= agreeTime {
		return true // never dark
	}
	for _, x := range w.publishers {
		if x.channel == channel && x.x != nil && time.Since(x.since) > 8*time.Second {
			return true
		}
	}
	return false
}

// fetchable checks that everything that all nodes list can be had (law 3).
func (l *laws) fetchable() {
	w := l.world
	var group sync.WaitGroup
	for _, n := range w.nodes {
		for _, c := range w.channels {
			for _, dvr := range []bool{false, true} {
				win := l.look(n.proc, c.Slug, dvr)
				if win == nil {
					continue
				}
				p := n.proc
				group.Go(func() { l.everything(p, c.Slug, win, dvr) })
			}
		}
	}
	group.Wait()
}

func (l *laws) everything(p *process, slug string, win *hls.Window, dvr bool) {
	var late sync.Once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	get := func(address string) {
		if err := l.fetch(ctx, p, slug, address, dvr); err != nil && ctx.Err() == nil {
			l.fail("3", "%s lists %s and it cannot be fetched: %v", p.node.name, address, err)
		} else if err != nil {
			late.Do(func() { l.fail("3", "%s lists %s and it cannot be fetched within 10 s: %v", p.node.name, address, err) })
		}
	}
	for i := range win.Segments {
		s := &win.Segments[i]
		if s.Gap {
			continue
		}
		if s.URI != "" {
			get(s.URI)
		}
		for j := range s.Parts {
			get(s.Parts[j].URI)
		}
	}
}

// kept checks that the bucket has everything that was acknowledged, below the fences, when all nodes
// have ended (laws 1 and 4).
func (l *laws) kept() {
	ctx := context.Background()
	pieces := map[bundle.Piece]bool{}
	for name, landed := range l.stored {
		i, err := bundle.ParseIncarnation(name)
		if err != nil {
			l.fail("run", "%v", err)
			continue
		}
		end := l.end(ctx, i, pieces)
		// A bundle counts as acknowledged when all before it do.
		for n := uint64(0); ; n++ {
			sum, ok := landed[n]
			if !ok {
				break
			}
			if o, err := l.world.spy.Get(ctx, i.Key(n)); err != nil || sha256.Sum256(o.Data) != sum {
				l.fail("1", "bundle %d of %s was acknowledged and is another or none in the bucket: %v", n, i, err)
			}
			if n >= end {
				l.fail("1", "bundle %d of %s was acknowledged, and the incarnation ends before it, at %d", n, i, end)
			}
		}
	}
	for piece, o := range l.pieces {
		if !pieces[piece] && len(l.world.wiped(o.at, l.world.spy.stored(piece))) < 2 {
			l.fail("1", "piece %s of %s was acknowledged by %s, and is lost", piece.Name, piece.Session, o.node)
		}
	}
}

// end returns where an incarnation's bundles end for who reads them, and notes its pieces.
func (l *laws) end(ctx context.Context, i bundle.Incarnation, pieces map[bundle.Piece]bool) uint64 {
	r, err := bundle.Review(ctx, l.world.spy, i)
	if err != nil {
		l.fail("9", "incarnation %s is not sealed after all nodes ended: %v", i, err)
		return ^uint64(0)
	}
	for _, list := range take.Rebuild(r).Pieces {
		for _, p := range list {
			pieces[p.Piece] = true
		}
	}
	end := uint64(0)
	for _, s := range r.Bundles {
		if s.Index.Fence == "" {
			end = s.Sequence + 1
		}
	}
	return end
}

// durable notes that a pushed piece was acknowledged.
func (l *laws) durable(piece bundle.Piece, node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pieces[piece] = oath{node, time.Now()}
}
