package station

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/derive"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

const (
	// mixPause is how long a sound that stayed out is not put on air again by itself.
	mixPause = 5 * time.Second
	// fetchTime is how long the log of a take that another node writes may need to come.
	fetchTime = 1500 * time.Millisecond
	// parted is how far the clocks of two takes may differ and still be believed. Clocks of encoders go apart by
	// seconds in a day.
	parted = time.Second
	// behindPictures is how much of the sound's take is read from before the pictures.
	behindPictures = 6 * time.Second
	// askedTime is how long a cut may take to be on air.
	askedTime = 10 * time.Second
)

// Mix returns what is put on air with the pictures of a source if a cut says no more: the sound that the channel
// keeps, unless it is muted.
func (p *Program) Mix(picture string) program.Mix {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings(picture)
}

// settings returns what the channel's settings say is heard with the pictures of a source; the lock is held.
func (p *Program) settings(picture string) program.Mix {
	m := program.Mix{Picture: picture, Sound: picture}
	if k := p.channel.Kept; k != nil && p.channel.Source(k.Source) != nil && k.Source != picture {
		m.Sound, m.Delay = k.Source, time.Duration(k.Delay)*time.Millisecond
	}
	if s := p.channel.Source(m.Sound); s != nil {
		m.Mute = s.Mute
	}
	m.Through = p.channel.Kept != nil && m.Plain()
	return m
}

// putOnAir carries out a cut to a source or a mix. For a mix a take is derived first; if what is on air has the same
// sound, that one ends with the frame before the first of the other's.
func (p *Program) putOnAir(ctx context.Context, source string) (number int64, expected time.Time, err error) {
	m := program.ParseMix(source)
	if m.Plain() {
		return p.cutNow(ctx, source)
	}
	p.mu.Lock()
	ready := p.director != nil && p.settled
	var onAir *program.Entry
	if ready {
		onAir = p.director.List().OnAir()
	}
	there := onAir != nil && onAir.Source == source && p.writers[onAir.Take] != nil
	p.mu.Unlock()
	if !ready {
		return 0, time.Time{}, ErrStarting
	}
	if there {
		return p.cutNow(ctx, source)
	}
	d, err := p.derive(ctx, m, onAir)
	if err != nil {
		return 0, time.Time{}, err
	}
	if d.from != derive.Anywhere {
		p.atSeam(ctx, onAir, d.sound, &d.start)
	}
	return p.cutNow(ctx, source)
}

// derive begins a take of a mix, and waits for its first part.
func (p *Program) derive(ctx context.Context, m program.Mix, onAir *program.Entry) (*derived, error) {
	pictures, err := p.pictures(m.Picture)
	if err != nil {
		return nil, err
	}
	d := &derived{
		program: p, mix: m, source: m.Source(), from: derive.Anywhere, born: time.Now(),
		picture: &reading{log: pictures}, first: make(chan struct{}), moved: make(chan struct{}),
	}
	cfg := derive.Config{Picture: tracks(pictures)}
	edge := pictures.Edge().End
	d.picture.next = pictures.Since(edge - media.TicksOf(behindPictures))
	if !m.Mute {
		sound, err := p.soundOf(ctx, m, pictures)
		if err != nil {
			return nil, err
		}
		cfg.Sound, cfg.Shift = tracks(sound), shift(pictures, sound)+media.TicksOf(m.Delay)
		d.sound = sound.Take().ID
		d.heard = &reading{log: sound, next: sound.Since(edge - cfg.Shift - media.TicksOf(behindPictures))}
		if onAir != nil && !program.ParseMix(onAir.Source).Plain() && program.ParseMix(onAir.Source).Sound == m.Sound {
			if at, ok := p.atSeam(ctx, onAir, d.sound, nil); ok {
				d.from = at
			}
		}
	}
	if d.mixer, err = derive.New(cfg); err != nil {
		return nil, err
	}
	p.derives(d, media.TakeID{})
	p.station.tasks.start(d.run)
	select {
	case <-d.first:
	case <-ctx.Done():
		d.end(ctx.Err())
		return nil, ctx.Err()
	}
	if d.log() == nil {
		return nil, ErrNotDerived
	}
	return d, nil
}

// pictures returns the log of the take of a source that this node takes in.
func (p *Program) pictures(source string) (*take.Log, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.director.Sends(source)
	if t == nil || p.writers[t.ID] == nil {
		return nil, program.ErrNoSuchSource
	}
	return p.writers[t.ID].Log(), nil
}

// soundOf returns the log of the take that is heard, and follows it if another node writes it.
func (p *Program) soundOf(ctx context.Context, m program.Mix, pictures *take.Log) (*take.Log, error) {
	if m.Sound == m.Picture {
		return pictures, nil
	}
	var found *Sending
	for _, s := range p.Sending() {
		if s.Source == m.Sound && (found == nil || found.Backup) {
			found = &s
		}
	}
	if found == nil {
		return nil, ErrNoSound
	}
	e := program.Entry{ID: "sound", Take: found.Take, Origin: p.originOf(found.Node)}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		p.mu.Lock()
		l := p.fetch(e)
		p.mu.Unlock()
		if l != nil && l.Edge().At != (media.Pos{}) {
			return l, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ErrNoSound
		}
	}
}

// shift returns what makes a time of the sound's take one of the pictures': by when each was born, or, once their
// clocks have gone apart, by what is newest of each.
func shift(pictures, sound *take.Log) media.Ticks {
	if pictures == sound {
		return 0
	}
	born := media.TicksOf(sound.Take().Born.Sub(pictures.Take().Born))
	newest := pictures.Edge().End - sound.Edge().End
	if off := newest - born; off > media.TicksOf(parted) || off < -media.TicksOf(parted) {
		return newest
	}
	return born
}

func tracks(l *take.Log) []media.Track {
	if r := l.Take().Rendition(media.Main); r != nil {
		return r.Tracks
	}
	return nil
}

// seamMessage has a derived take that is on air stand still, or go on to a place first.
type seamMessage struct {
	Channel string       `json:"channel"`
	Take    media.TakeID `json:"take"`
	Sound   media.TakeID `json:"sound"`
	To      *media.Ticks `json:"to,omitempty"` // the sound's time; absent: it stands still at once
	At      media.Ticks  `json:"at"`           // the sound's time with which it would go on
}

// atSeam has the derived take on air stand still, wherever it is written, so that another one can go on with its
// sound: at once, or at a place that it has not come to. It returns the sound's time there.
func (p *Program) atSeam(ctx context.Context, e *program.Entry, sound media.TakeID, to *media.Ticks) (at media.Ticks, ok bool) {
	m := seamMessage{Channel: p.id, Take: e.Take, Sound: sound, To: to}
	i, err := bundle.ParseIncarnation(e.Origin)
	if err != nil {
		return 0, false
	}
	if i.Node == p.station.cfg.Spool.Node() {
		return p.standStill(ctx, &m)
	}
	f := p.station.fleet
	if f == nil || !f.lives(i) {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, seamTime)
	defer cancel()
	answer, err := ask[seamMessage](ctx, f, i.Node, subjectSeam, m)
	return answer.At, err == nil
}

// standStill has a derived take of this node stand still.
func (p *Program) standStill(ctx context.Context, m *seamMessage) (at media.Ticks, ok bool) {
	p.mu.Lock()
	var d *derived
	for x, id := range p.derived {
		if id == m.Take {
			d = x
		}
	}
	p.mu.Unlock()
	if d == nil {
		return 0, false
	}
	if m.To != nil {
		return *m.To, d.goTo(ctx, *m.To)
	}
	return d.hold(m.Sound)
}

func (f *fleet) askedSeam(ctx context.Context, _ string, data []byte) ([]byte, error) {
	var m seamMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	p := f.station.byChannel(m.Channel)
	if p == nil {
		return nil, ErrNoChannel
	}
	var ok bool
	if m.At, ok = p.standStill(ctx, &m); !ok {
		return nil, ErrNoSound
	}
	return json.Marshal(m)
}

// derives notes a derived take in the making, and its id when it has one.
func (p *Program) derives(d *derived, id media.TakeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.derived[d] = id
}

func (p *Program) underive(d *derived) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.derived, d)
}

// derivations returns the derived takes in the making.
func (p *Program) derivations() (list []*derived) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for d := range p.derived {
		list = append(list, d)
	}
	return list
}

// tellLost tells the producer that a sound stays out; the lock is held.
func (p *Program) tellLost(source string) {
	name := source
	if s := p.channel.Source(source); s != nil {
		name = s.Name
	}
	p.notice, p.noticeAt = "the sound of "+name+" stays out: what is on air has its own sound until it is back", time.Now()
}

// keepMix puts on air what is to be heard with the pictures on air, if this node takes them in and it is not heard:
// it was out, a producer has changed a level, or the pictures have come back from a dead node.
func (p *Program) keepMix() {
	p.mu.Lock()
	wanted := ""
	if p.director != nil && p.settled && !p.mixing && time.Now().After(p.mixRetry) {
		if e := p.director.List().OnAir(); e != nil && p.writers[e.Take] != nil {
			m := p.asked
			if picture := program.PictureOf(e.Source); m.Picture != picture {
				m = p.settings(picture)
				if time.Since(p.askedAt) > askedTime {
					p.asked = program.Mix{} // another cut came after it
				}
			}
			if wanted = m.Source(); wanted == e.Source || m.Plain() && m.Same(program.ParseMix(e.Source)) {
				wanted = ""
			}
		}
	}
	p.mu.Unlock()
	if wanted == "" {
		return
	}
	if m := program.ParseMix(wanted); m.Sound != m.Picture && !p.sends(m.Sound) {
		return // what is on air sees itself whether its sound is out
	}
	p.mu.Lock()
	p.mixing = true
	p.mu.Unlock()
	p.station.tasks.start(func(ctx context.Context) {
		_, _, err := p.putOnAir(ctx, wanted)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mixing = false
		if err != nil {
			p.mixRetry = time.Now().Add(mixPause)
			p.station.log.Info("the sound that is to be heard cannot be put on air; it is tried again", "channel", p.id, "source", wanted, "error", err)
		}
	})
}

// sends reports whether a source sends something.
func (p *Program) sends(source string) bool {
	for _, s := range p.Sending() {
		if s.Source == source {
			return true
		}
	}
	return false
}
