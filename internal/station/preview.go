package station

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Sending is a source that sends something, on air or not.
type Sending struct {
	Source string // its id
	Backup bool   // with the backup key
	Take   media.TakeID
	Node   string // that takes it in
	OnAir  bool
	// Width and Height are of the picture, as far as this node knows the take.
	Width, Height int
	Warnings      []take.Warning // what is wrong with it
}

// Sending lists what the channel's sources send now, as this node knows it.
func (p *Program) Sending() []Sending {
	var out []Sending
	for _, x := range p.sessions() {
		if id := x.sends(); id != (media.TakeID{}) {
			out = append(out, Sending{Source: x.source, Backup: x.backup, Take: id, Node: p.station.cfg.Spool.Node(), Warnings: x.warnings()})
		}
	}
	out = append(out, p.station.fleet.sending(p.id)...)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range out {
		s := &out[i]
		if p.director != nil {
			e := p.director.List().OnAir()
			s.OnAir = e != nil && (e.Take == s.Take || e.Source != s.Source && program.PictureOf(e.Source) == s.Source && !s.Backup)
		}
		if l := p.station.store.Log(s.Take); l != nil {
			if t := picture(l); t != nil {
				s.Width, s.Height = t.Width, t.Height
			}
		}
	}
	slices.SortFunc(out, func(a, b Sending) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Node, b.Node))
	})
	return out
}

// sending lists what other nodes take in of a channel.
func (f *fleet) sending(channel string) (out []Sending) {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	places := map[string]place{}
	for slot, at := range f.live[channel] {
		places[slot] = at
	}
	f.mu.Unlock()
	for slot, at := range places {
		m, ok := f.member(at.node)
		if !ok || m.State != mesh.Alive || m.Incarnation != at.incarnation || at.take == (media.TakeID{}) {
			continue
		}
		source, backup := strings.CutSuffix(slot, backupMark)
		out = append(out, Sending{Source: source, Backup: backup, Take: at.take, Node: at.node, Warnings: at.warnings})
	}
	return out
}

// Preview is one take of a channel as it is sent, for people who work on the channel: it may never be on air.
type Preview struct {
	program *Program
	list    *program.CutList // that would have it alone on air
	view    view             // the program's lock protects it
	asked   time.Time        // when somebody last did, likewise
}

// Preview returns the take that a source of the channel sends, or ErrNotFound.
func (p *Program) Preview(id media.TakeID) (*Preview, error) {
	origin := ""
	for _, s := range p.Sending() {
		if s.Take == id {
			origin = p.originOf(s.Node)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropPreviews()
	if v := p.previews[id]; v != nil {
		return v, nil
	}
	if origin == "" || p.gone {
		return nil, ErrNotFound
	}
	list := &program.CutList{Channel: p.id, Entries: []program.Entry{{ID: "preview", Take: id, Origin: origin}}}
	v := &Preview{program: p, list: list, view: view{stale: true}, asked: time.Now()}
	p.previews[id] = v
	return v, nil
}

// originOf returns the incarnation that a node runs.
func (p *Program) originOf(node string) string {
	s := p.station
	if node == s.cfg.Spool.Node() {
		return s.Incarnation()
	}
	m, ok := s.fleet.member(node)
	if !ok {
		return ""
	}
	return m.Incarnation
}

// dropPreviews forgets what nobody looks at any more; the lock is held.
func (p *Program) dropPreviews() {
	for id, v := range p.previews {
		if time.Since(v.asked) > wantedFor {
			delete(p.previews, id)
		}
	}
}

// Window returns what is to be listed of the take; see Program.Window. There is nothing to rewind.
func (v *Preview) Window(rendition string, _ bool) (*hls.Window, <-chan struct{}, error) {
	p := v.program
	p.mu.Lock()
	defer p.mu.Unlock()
	v.asked = time.Now()
	if p.gone || rendition != media.Main {
		return nil, nil, ErrNotFound
	}
	if v.fetch() == nil {
		return nil, v.view.wait(), ErrNotYet
	}
	if v.view.stale {
		w, _ := program.Of(v.list, p.station.lookup(false), program.View{
			Rendition: media.Main, Span: program.LiveSpan, Part: p.station.partTarget(), LowLatency: true,
		})
		v.view.window, v.view.stale = w, false
	}
	if len(v.view.window.Segments) == 0 {
		return nil, v.view.wait(), ErrNotYet
	}
	return v.view.window, v.view.wait(), nil
}

// fetch returns the take's log, or nil and begins to follow the take. The lock is held.
func (v *Preview) fetch() *take.Log { return v.program.fetch(v.list.Entries[0]) }

// fetch returns the log of a take, or nil; it begins to follow one that another node writes. The lock is held.
func (p *Program) fetch(e program.Entry) *take.Log {
	p.want(false)
	l := p.station.store.Log(e.Take)
	if l != nil && (l.Ended() || p.writers[e.Take] != nil || p.follow.feeds[e.Take] != nil) {
		return l
	}
	if p.follow.running && p.follow.feeds[e.Take] == nil {
		p.station.tasks.start(func(ctx context.Context) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.follow.running && p.follow.feeds[e.Take] == nil {
				p.followOne(ctx, e)
			}
		})
	}
	return l
}

// Variants returns what the multivariant playlist lists.
func (v *Preview) Variants() ([]hls.Variant, <-chan struct{}, error) {
	p := v.program
	p.mu.Lock()
	defer p.mu.Unlock()
	v.asked = time.Now()
	l := v.fetch()
	if l == nil {
		return nil, v.view.wait(), ErrNotYet
	}
	r := l.Take().Rendition(media.Main)
	if r == nil {
		return nil, nil, ErrNotFound
	}
	list, err := variants(l, program.FormatOf(r.Tracks).Codecs())
	return list, v.view.wait(), err
}
