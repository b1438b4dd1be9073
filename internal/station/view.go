package station

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/hls"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Program returns the program of the channel with that slug, or ErrNoChannel.
func (s *Station) Program(slug string) (*Program, error) {
	s.mu.RLock()
	p := s.channels[slug]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	select {
	case <-s.cfg.Channels.Loaded():
		s.fleet.seek(slug)
		return nil, ErrNoChannel
	default:
		return &Program{station: s}, nil // its windows say that it is too early to know
	}
}

// Window returns the present window of a rendition: the live one, or the whole DVR window. The same
// pointer is returned until it changes. changed is closed when there is another.
func (p *Program) Window(rendition string, dvr bool) (w *hls.Window, changed <-chan struct{}, err error) {
	if p.id == "" {
		return nil, p.station.cfg.Channels.Loaded(), ErrNotYet
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &p.live
	if dvr {
		v = &p.dvr
	}
	p.want(dvr)
	if err := p.onAir(); err != nil {
		return nil, v.wait(), err
	}
	if p.burnt() && p.rested() {
		return nil, v.wait(), ErrNotYet
	}
	if rendition != media.Main {
		return nil, nil, ErrNotFound
	}
	v.stale = v.stale || !v.due.IsZero() && !time.Now().Before(v.due)
	patient := v.stale && v.floor == 0 && p.patient(dvr)
	if patient && p.gathering() {
		return nil, v.wait(), ErrNotYet
	}
	if v.stale {
		if err := p.renew(dvr, v, patient); err != nil {
			return nil, v.wait(), err
		}
	}
	if len(v.window.Segments) == 0 {
		return nil, v.wait(), ErrNotYet
	}
	v.given = time.Now()
	return v.window, v.wait(), nil
}

// renew makes the window anew, or leaves it as it is where what it lacks is on its way. ErrNotYet says that it is not to be
// given to anybody meanwhile. The lock is held.
func (p *Program) renew(dvr bool, v *view, patient bool) error {
	w, state := p.window(dvr, v)
	p.played(v, state)
	away := p.station.Health().AwayFor > 0
	if p.withheld() {
		if v.fresh() && v.lacks(away) {
			return nil
		}
		return ErrNotYet
	}
	if v.gathers = patient && state.Lacking; v.gathers {
		return ErrNotYet // of a take that is being followed the end has not come yet
	}
	if state.Lacking && w.MediaSequence > v.front() || before(w, v.window) {
		switch lacks := v.lacks(away); {
		case v.window != nil && p.leapt() || lacks && v.fresh():
			return nil
		case lacks:
			return ErrNotYet
		}
	}
	if dvr && v.floor == 0 {
		p.logShort(state)
	}
	v.window, v.held, v.stale, v.lacking = w, state.Held, false, time.Time{}
	if len(w.Segments) > 0 && p.station.fleet != nil {
		v.floor = max(v.floor, w.MediaSequence)
	}
	return nil
}

// withheld reports whether what is driven by the clock cannot be listed yet: its plan is being read, or this process
// may not list it so far. The lock is held.
func (p *Program) withheld() bool {
	e := p.onClock()
	return p.gathersPlan() || e != nil && p.auto.reserves && e.Listers[p.station.process] < p.auto.playing
}

// leapt reports whether the program ended with a leap: what this node listed beyond its end nobody lists in its stead,
// unless it is a whole segment of a take, and it stays until something follows. The lock is held.
func (p *Program) leapt() bool {
	list := p.director.List()
	if len(list.Entries) == 0 {
		return false
	}
	e := &list.Entries[len(list.Entries)-1]
	return e.End != nil && e.End.Leap
}

// lackTime is how long the end of a take, or a plan, is waited for that this node does not have, and awayLackTime while
// the bucket is away: then only other nodes can have it, and they give it at once.
const (
	lackTime     = 10 * time.Second
	awayLackTime = 2 * time.Second
)

// lacks reports whether a window is better held back, because what it lacks is on its way.
func (v *view) lacks(away bool) bool {
	if v.window == nil || len(v.window.Segments) == 0 {
		return false
	}
	if v.lacking.IsZero() {
		v.lacking = time.Now()
	}
	if away {
		return time.Since(v.lacking) < awayLackTime
	}
	return time.Since(v.lacking) < lackTime
}

// fresh reports whether somebody may be watching by the window that is shown, as a player asks again after the target
// duration (RFC 8216, 6.3.4): who watches keeps it until what it lacks is there. One that nobody has asked for in a while
// would lead who comes to what was on air then.
func (v *view) fresh() bool { return time.Since(v.given) < hls.TargetDuration*3/2*time.Second }

// front returns the first number of the window that is shown.
func (v *view) front() int64 {
	if v.window == nil {
		return 0
	}
	return v.window.MediaSequence
}

// whole returns the number behind the last whole segment of the window that is shown.
func (v *view) whole() int64 {
	if v.window == nil {
		return 0
	}
	n := len(v.window.Segments)
	if n > 0 && !v.window.Segments[n-1].Complete {
		n--
	}
	return v.window.MediaSequence + int64(n)
}

// before reports whether a window ends before another one does: this node has lost what it knew, and is
// being told again.
func before(w, shown *hls.Window) bool {
	if shown == nil || len(shown.Segments) == 0 {
		return false
	}
	end, was := w.MediaSequence+int64(len(w.Segments)), shown.MediaSequence+int64(len(shown.Segments))
	if end != was || len(w.Segments) == 0 {
		return end < was
	}
	a, b := &w.Segments[len(w.Segments)-1], &shown.Segments[len(shown.Segments)-1]
	return !a.Complete && (b.Complete || len(a.Parts) < len(b.Parts))
}

// onAir says why there is no window, if there is none. ErrNotYet: there will be.
func (p *Program) onAir() error {
	switch {
	case p.gone:
		return ErrNoChannel
	case p.director == nil || !p.told:
		return ErrNotYet
	case len(p.director.List().Entries) > 0:
		return nil
	case p.planned() && !p.director.List().Off, p.burnt():
		return ErrNotYet
	case len(p.publishers) > 0 || p.station.fleet.somebodySends(p.id):
		return ErrNotYet
	}
	return ErrNotOnAir
}

// window makes a window anew.
func (p *Program) window(dvr bool, shown *view) (*hls.Window, program.State) {
	v := program.View{
		Rendition: media.Main, Span: program.LiveSpan, Part: p.station.partTarget(), LowLatency: true, Until: p.director.Until(),
		Floor: shown.floor, Shown: shown.whole(),
	}
	if dvr {
		v.Span, v.LowLatency = media.TicksOf(p.channel.Window()), false
	}
	if p.burnt() { // its parts come a segment at a time
		v.LowLatency, v.Floor = false, max(v.Floor, awake(p.director.List()))
	}
	p.play(&v)
	return program.Of(p.director.List(), p.station.lookup(dvr), v)
}

func (s *Station) partTarget() time.Duration {
	if s.cfg.Part > 0 {
		return s.cfg.Part
	}
	return 250 * time.Millisecond
}

// liveListing is how much of a take a live window can need.
const liveListing media.Ticks = program.LiveSpan + 30*media.TicksPerSecond

// lookup finds listings of takes: all of them, or only what a live window can need. Of a take that was in the program
// and of which its ended incarnation has left nothing, the listing is empty: its numbers are gaps.
func (s *Station) lookup(all bool) program.Lookup {
	return func(id media.TakeID, _ string, e *program.Entry) *media.Listing {
		l := s.store.Log(id)
		if l == nil && e.End != nil && s.lost(e) {
			return &media.Listing{Take: &media.Take{ID: id}, Rendition: media.Main, Sealed: true}
		}
		if l == nil {
			return nil
		}
		span := liveListing
		if all || e.End != nil && !l.Ended() {
			span = 0
		}
		return l.Listing(span)
	}
}

// Open answers requests for media; see take.Store. A take that another node writes is followed first. What a
// channel lists that is not settled yet may turn out to lie beyond a seal: the answer is held until it is a gap
// (rule I).
func (s *Station) Open(ctx context.Context, a media.Address) ([][]byte, <-chan struct{}, error) {
	data, changed, err := s.store.Open(ctx, a)
	if s.fleet == nil || !errors.Is(err, take.ErrNoMedia) {
		return data, changed, err
	}
	s.mu.RLock()
	p := s.takes[a.Take]
	s.mu.RUnlock()
	if p == nil {
		return nil, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.store.Log(a.Take) == nil {
		p.want(true)
	} else if p.settled && p.live.lacking.IsZero() && p.dvr.lacking.IsZero() {
		return nil, nil, err
	}
	return nil, p.live.wait(), take.ErrNotYet
}

// Variants returns what the multivariant playlist lists.
func (p *Program) Variants() (list []hls.Variant, changed <-chan struct{}, err error) {
	if p.id == "" {
		return nil, p.station.cfg.Channels.Loaded(), ErrNotYet
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want(false)
	if err := p.onAir(); err != nil {
		return nil, p.live.wait(), err
	}
	if p.burnt() && p.rested() {
		return nil, p.live.wait(), ErrNotYet
	}
	cuts := p.director.List()
	e := &cuts.Entries[len(cuts.Entries)-1]
	if e.Play != nil {
		list, err = p.variantsOf(e, cuts.Format.Codecs())
		return list, p.live.wait(), err
	}
	l := p.station.store.Log(e.Take)
	if l == nil {
		return nil, p.live.wait(), ErrNotYet
	}
	list, err = variants(l, cuts.Format.Codecs())
	return list, p.live.wait(), err
}

// variants describes a take to players that are told those codecs.
func variants(l *take.Log, codecs string) ([]hls.Variant, error) {
	r := l.Take().Rendition(media.Main)
	if r == nil {
		return nil, fmt.Errorf("take %s has no rendition %q: %w", l.Take().ID, media.Main, ErrNotFound)
	}
	v := hls.Variant{URI: media.Main + ".m3u8", Codecs: codecs}
	v.Bandwidth, v.AverageBandwidth = bandwidth(l.Listing(liveListing))
	if v.Bandwidth == 0 {
		if !l.Ended() {
			return nil, ErrNotYet
		}
		v.Bandwidth = max(r.Bandwidth, usualBandwidth)
	}
	if t := picture(l); t != nil {
		v.Width, v.Height, v.FrameRate = t.Width, t.Height, t.FrameRate
	}
	return []hls.Variant{v}, nil
}

// picture returns the track of a take's pictures, or nil.
func picture(l *take.Log) *media.Track {
	r := l.Take().Rendition(media.Main)
	if r == nil {
		return nil
	}
	for i := range r.Tracks {
		if r.Tracks[i].Codec.IsVideo() {
			return &r.Tracks[i]
		}
	}
	return nil
}

// usualBandwidth is given for a take that ended long ago, whose parts are no longer told apart.
const usualBandwidth = 5_000_000

// bandwidth measures the peak and the average of the newest whole segments, in bit/s.
func bandwidth(l *media.Listing) (peak, average int) {
	var bits, span float64
	for _, s := range l.Segments {
		if !s.Complete || len(s.Parts) == 0 || s.Duration <= 0 {
			continue
		}
		n := 0.0
		for i := range s.Parts {
			n += 8 * float64(s.Parts[i].Length)
		}
		peak = max(peak, int(n/s.Duration.Seconds()))
		bits += n
		span += s.Duration.Seconds()
	}
	if span == 0 {
		return 0, 0
	}
	return peak, int(bits / span)
}
