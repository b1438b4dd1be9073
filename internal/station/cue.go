package station

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/program"
)

const (
	// cueBoard is the storyboard of the plan that a cue is played from.
	cueBoard, cueTitle = "cue", "On cue"
	// cueRetry is how long it is waited before what is to follow a cue is tried again.
	cueRetry = time.Second
)

// Cued is a clip of the library that is to be played on cue.
type Cued struct {
	ID   string
	Clip program.Clip
}

// Cue plays clips once, one after the other, instead of what is on air. At their end then is cut to: a source,
// program.AutopilotSource or program.OffAir, or with "" what was on air before. It returns what Cut does.
func (p *Program) Cue(ctx context.Context, clips []Cued, then string) (number int64, expected time.Time, err error) {
	if p.id == "" {
		return 0, time.Time{}, ErrStarting
	}
	board, ids := program.Storyboard{ID: cueBoard, Title: cueTitle}, make([]string, len(clips))
	for i, c := range clips {
		board.Clips = append(board.Clips, c.Clip)
		ids[i] = c.ID
	}
	plan := program.Plan{Once: true, Zone: program.Zone{Name: "UTC", Offsets: []program.Offset{{}}}, Filler: cueBoard, Storyboards: []program.Storyboard{board}}
	if err := p.station.measure(ctx, &plan); err != nil {
		return 0, time.Time{}, err
	}
	s, err := p.keepCue(ctx, &plan)
	if err != nil {
		return 0, time.Time{}, err
	}
	cue, err := program.CueOf(s, ids, then)
	if err != nil {
		return 0, time.Time{}, err
	}
	to := program.Contender{
		Play: &program.Play{Plan: plan.Version, Cue: cue}, Format: plan.Format,
		Start: func(time.Time) (uint32, time.Time) { return 0, p.station.now() },
	}
	p.turns.Add(1) // a cut that was asked for earlier is not tried any more
	return p.decide(ctx, func() (*program.Order, error) { return p.director.Cue(to) })
}

// keepCue writes what a cue plays where all nodes find it. Its version says what is in it, so the same clips are
// kept once, however often they are played.
func (p *Program) keepCue(ctx context.Context, plan *program.Plan) (*program.Schedule, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("keep a cue: %w", err)
	}
	sum := sha256.Sum256(text)
	plan.Version = -1 - int64(binary.BigEndian.Uint64(sum[:])>>12)
	s, err := program.NewSchedule(plan)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	if err := bucket.Create(ctx, p.station.cfg.Docs, planKey(p.id, plan.Version), *plan); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.auto.asked = time.Now()
	if p.auto.plans == nil {
		p.auto.plans = map[int64]*planned{}
	}
	p.auto.plans[plan.Version] = &planned{schedule: s}
	return s, nil
}

// cued looks after what follows the cue that is on air. The lock is held.
func (p *Program) cued() {
	e := p.onClock()
	if e == nil || e.Whole() == nil || p.auto.cue == e.ID || p.gone {
		return
	}
	p.auto.cue = e.ID
	wait := e.Whole().ProgramTime.Sub(e.Time(p.station.now())) - program.Early
	p.station.tasks.start(func(ctx context.Context) { p.afterCue(ctx, e.ID, wait) })
}

// afterCue puts on air what follows a cue once that is over, the channel's director before other nodes.
func (p *Program) afterCue(ctx context.Context, entry string, wait time.Duration) {
	for wait += p.station.fleet.turnOf(p.id); ; wait = cueRetry + p.station.fleet.turnOf(p.id) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if !p.leaveCue(ctx, entry) {
			return
		}
	}
}

// leaveCue cuts from a cue to what follows it. It reports false if that cue is not on air any more.
func (p *Program) leaveCue(ctx context.Context, entry string) bool {
	p.mu.Lock()
	e := p.onClock()
	there := e != nil && e.ID == entry && !p.gone
	then := ""
	if there && !p.director.List().Off { // a producer who has taken the channel off air since has the last word
		then = e.Play.Cue.Then
	}
	p.mu.Unlock()
	if !there {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, cutPatience)
	defer cancel()
	err := program.ErrNoSuchSource
	switch then {
	case "":
	case program.OffAir:
		_, _, err = p.cutOnce(ctx, "")
	case program.AutopilotSource:
		_, _, err = p.cutOnce(ctx, then)
	default:
		_, _, err = p.cutOnce(ctx, p.Mix(then).Source())
	}
	if err != nil && !errors.Is(err, program.ErrBusy) {
		p.mu.Lock()
		p.order(p.director.Past(entry))
		p.mu.Unlock()
	}
	return true
}

// whole ends a cue that is over: how much of it may have been listed is known without anybody's word. It reports
// false if the entry is none, or is not over.
func (p *Program) whole(entry string) (ended bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.onClock()
	if e == nil || e.ID != entry {
		return false, nil
	}
	end := e.Over(p.station.now())
	if end == nil {
		return false, nil
	}
	o := p.director.Agreed(entry, end, nil)
	if o == nil {
		return true, fmt.Errorf("it has ended meanwhile: %w", program.ErrBusy)
	}
	p.order(o)
	return true, nil
}
