package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// Publication is a request to publish.
type Publication struct {
	Key     string // the stream key: a secret, never to be logged
	Remote  string // where the encoder is
	Encoder string // what it calls itself
	Session string // of a publisher that pushes: names the stream across connections and nodes
	// Kick ends the connection for that reason. It returns at once.
	Kick func(reason error)
	// Reconnect, if set, asks the encoder to come again, to another node, and to end this connection
	// when it has. It reports whether the encoder knows how to.
	Reconnect func() bool
	// Born, if set, says when the first sample of the take that begins is shown, in program time; else it is when it comes.
	Born func() time.Time
}

// Session is one publisher. It writes one take after the other: a new one whenever the encoder's
// parameters change or its clock jumps. Tracks, Sample and Close are called from one goroutine.
type Session struct {
	station *Station
	program *Program
	source  string
	backup  bool // it publishes with the source's backup key
	pub     Publication
	since   time.Time
	sent    atomic.Pointer[media.TakeID] // of the take that is written; nil between takes
	steps   atomic.Int32                 // by how much louder the channel wants it

	mu     sync.Mutex
	tracks []media.Track
	writer *take.Writer // nil between takes
	pulse  *take.Pulse  // of what comes; nil before its tracks are known
	volume loudness
	ended  error       // why it ended from outside
	going  bool        // it ends at the next keyframe
	quiet  bool        // nothing came since the newest piece was noted
	hush   *time.Timer // see watchQuiet
	count  int         // of samples
}

// lookEvery is after how many samples a session looks whether there is still room for more: half a second.
const lookEvery = 32

// Publish admits a publisher. Of two with the same key the newer one wins, unless they take it from
// each other for ever: the third change of hands within 30 s is refused.
func (s *Station) Publish(ctx context.Context, pub Publication) (*Session, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	c, src, err := s.cfg.Channels.ByKey(pub.Key)
	if err != nil && s.fleet != nil { // another node may just have made it
		if err = s.cfg.Channels.LookAll(ctx); err == nil {
			c, src, err = s.cfg.Channels.ByKey(pub.Key)
		}
	}
	if err != nil || pub.Session == "" && pub.Key == src.CameraKey() {
		return nil, ErrUnknownKey
	}
	p := s.program(c)
	if p == nil {
		return nil, ErrUnknownKey
	}
	return s.enter(ctx, c, p, src, pub)
}

// enter lets a publisher of a source in.
func (s *Station) enter(ctx context.Context, c *channel.Channel, p *Program, src *channel.Source, pub Publication) (*Session, error) {
	if c.Suspended != "" {
		return nil, &SuspendedError{c.Suspended}
	}
	if pub.Session != "" && !s.settled.Load() {
		return nil, ErrStarting // other nodes know more: what is pushed here could not go on air
	}
	x := &Session{station: s, program: p, source: src.ID, backup: pub.Key == src.BackupStreamKey, pub: pub, since: time.Now()}
	old, err := p.takeOver(x)
	if err != nil {
		return nil, err
	}
	if old != nil {
		old.end(ErrReplaced)
	}
	s.fleet.arrived(x)
	if pub.Session != "" && !p.awaitFree(ctx, x.source) {
		p.remove(x)
		return nil, ErrStarting
	}
	if s.Ready() != nil { // the node began to leave meanwhile
		p.remove(x)
		return nil, ErrLeaving
	}
	return x, nil
}

// admit waits until the node can take publishers, and says why if it cannot.
func (s *Station) admit(ctx context.Context) error {
	select {
	case <-s.cfg.Channels.Loaded():
	case <-ctx.Done():
		return ErrStarting
	}
	if err := s.Ready(); err != nil {
		return err
	}
	if r := s.runs(); r == nil || r.flusher.Full() {
		return ErrStorageFull
	}
	return nil
}

// Tracks says what follows. Other tracks than before end the take.
func (x *Session) Tracks(tracks []media.Track) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended != nil {
		return x.ended
	}
	x.close("the encoder's tracks changed")
	x.tracks, x.volume = slices.Clone(tracks), loudnessOf(tracks)
	x.pulse = take.NewPulse(x.tracks, x.pub.Session != "", time.Now())
	return nil
}

// Sample takes the next sample. A jump of the encoder's clock ends the take and begins another one
// with that sample.
func (x *Session) Sample(s media.Sample) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended != nil {
		return x.ended
	}
	if x.going && x.entry(s) {
		x.ended = ErrLeaving
		x.close("the node is leaving")
		return x.ended
	}
	x.quiet = false
	if x.pulse != nil {
		x.pulse.Sample(s, time.Now())
	}
	s = x.volume.apply(s, int(x.steps.Load()))
	if x.count++; x.count%lookEvery == 0 && x.writer != nil {
		if r := x.station.runs(); r != nil && r.flusher.Full() {
			return ErrStorageFull
		}
	}
	if x.writer == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	err := x.writer.Write(s)
	if !errors.Is(err, take.ErrTimeJump) {
		return err
	}
	x.close("the encoder's clock jumped")
	if err := x.begin(); err != nil {
		return err
	}
	return x.writer.Write(s)
}

// entry reports whether a segment can begin with a sample.
func (x *Session) entry(s media.Sample) bool {
	for _, t := range x.tracks {
		if t.Codec.IsVideo() {
			return s.Key && s.Track == t.ID
		}
	}
	return true
}

// goAway ends the session where the pictures can go on at another node: when the encoder has gone there,
// if it knows how to, else at its next keyframe.
func (x *Session) goAway() {
	if x.pub.Reconnect != nil && x.pub.Reconnect() {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.going = true
}

// sends returns the take that is written, zero between takes.
func (x *Session) sends() media.TakeID {
	if id := x.sent.Load(); id != nil {
		return *id
	}
	return media.TakeID{}
}

// warnings says what is wrong with what the publisher sends.
func (x *Session) warnings() []take.Warning {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pulse == nil {
		return nil
	}
	return append(x.pulse.Warnings(time.Now()), x.volume.warning(int(x.steps.Load()))...)
}

// begin gives birth to a take.
func (x *Session) begin() error {
	r := x.station.runs()
	if r == nil {
		return ErrLeaving
	}
	if r.flusher.Full() {
		return ErrStorageFull
	}
	cfg := &x.station.cfg
	w, err := take.NewWriter(take.Birth{
		Take: media.Take{
			Channel: x.program.id, Source: x.source, Backup: x.backup, Node: r.incarnation.Node, Incarnation: r.incarnation.ID,
			Born: x.born(),
		},
		Packager: take.PackagerConfig{Tracks: x.tracks, Part: cfg.Part, Segment: cfg.Segment, Fill: true},
		Recorder: r.flusher,
		Watch:    x.program.logChanged,
		Exact:    r.flusher.Exact,
	})
	if err != nil {
		return fmt.Errorf("begin a take: %w", err)
	}
	x.writer = w
	x.sent.Store(&w.Log().Take().ID)
	x.station.stats.takes.Add(1)
	x.station.store.Add(w.Log())
	x.program.began(w)
	if x.station.fleet != nil {
		x.station.tasks.start(func(context.Context) { x.station.fleet.sayLive() })
	}
	return nil
}

// born returns when the take that begins is born.
func (x *Session) born() time.Time {
	at := time.Now()
	if x.pub.Born != nil {
		at = x.pub.Born()
	}
	return at.UTC().Truncate(time.Millisecond)
}

// close ends the take that is being written, if there is one. The lock is held.
func (x *Session) close(why string) {
	w := x.writer
	if w == nil {
		return
	}
	x.writer = nil
	x.sent.Store(nil)
	w.Finish()
	x.program.left(w)
	w.End(why)
}

// Close ends the session; the encoder is gone.
func (x *Session) Close(reason error) {
	x.mu.Lock()
	if x.ended == nil {
		x.ended = ErrLeaving
		why := "the encoder stopped"
		if reason != nil {
			why = reason.Error()
		}
		x.close(why)
	}
	x.mu.Unlock()
	x.program.remove(x)
}

// end ends the session from outside, and tells the encoder why.
func (x *Session) end(reason error) {
	x.mu.Lock()
	if x.ended == nil {
		x.ended = reason
		x.close(reason.Error())
	}
	x.mu.Unlock()
	x.pub.Kick(reason)
	x.program.remove(x)
}

// drop ends the session without writing anything more: its incarnation is over.
func (x *Session) drop(reason error) {
	x.mu.Lock()
	x.ended = reason
	if x.writer != nil {
		x.writer.Drop()
	}
	x.writer = nil
	x.mu.Unlock()
	x.pub.Kick(reason)
	x.program.remove(x)
}

// backupMark tells the place of a source's backup publisher from that of its main one.
const backupMark = "/backup"

// slot names the place that the publisher takes: there is one for each key of a source.
func (x *Session) slot() string {
	if x.backup {
		return x.source + backupMark
	}
	return x.source
}

const (
	// quarrelTime and quarrelHands say when two encoders fight over one key.
	quarrelTime  = 30 * time.Second
	quarrelHands = 3
)

// takeOver makes x the publisher of its source, and returns the one before.
func (p *Program) takeOver(x *Session) (*Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, ErrUnknownKey
	}
	old := p.publishers[x.slot()]
	if old != nil {
		now := time.Now()
		hands := slices.DeleteFunc(p.hands[x.slot()], func(t time.Time) bool { return now.Sub(t) > quarrelTime })
		if len(hands)+1 >= quarrelHands {
			p.notice, p.noticeAt = "two encoders use one key", now
			p.hands[x.slot()] = hands
			p.station.tell()
			return nil, ErrTwoEncoders
		}
		p.hands[x.slot()] = append(hands, now)
	}
	p.publishers[x.slot()] = x
	x.wants(p.channel)
	return old, nil
}

// remove forgets a session that has ended.
func (p *Program) remove(x *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.publishers[x.slot()] == x {
		delete(p.publishers, x.slot())
	}
}

// sessions returns the channel's publishers.
func (p *Program) sessions() []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Session
	for _, x := range p.publishers {
		out = append(out, x)
	}
	return out
}
