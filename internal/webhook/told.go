package webhook

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Aired is an entry of a channel's cut list.
type Aired struct {
	ID     string
	Number int64
	Source string    // id of the source whose pictures it shows
	Name   string    // what that source is called
	Sound  string    // of the one that is heard, if that is another
	Plan   bool      // autopilot plays
	Start  time.Time // program time
	End    time.Time // zero while it is on air
}

// cutTime is how long nothing may be on air without being off air: a node died, or an encoder connects anew.
const cutTime = 10 * time.Second

// Told is how far the cut list of a channel was told.
type Told struct {
	Since  time.Time `json:"since"`  // what began before is not told
	Number int64     `json:"number"` // of the newest entry that was told
	Any    bool      `json:"any"`    // there was one
	Live   bool      `json:"live"`   // it was told that a source is on air
}

// Next returns what is to be told of a cut list, and how far it is told then. It is a pure function.
func (t Told) Next(channelID string, list []Aired, now time.Time) ([]Event, Told) {
	var out []Event
	tell := func(kind channel.Event, what string, at time.Time, data map[string]any) {
		out = append(out, Event{ID: idOf(channelID, kind, what), Type: kind, At: at.UTC().Truncate(time.Millisecond), Data: data})
	}
	off := func(what string, at time.Time, autopilot bool) {
		if !t.Live {
			return
		}
		if t.Live = false; !at.Before(t.Since) {
			tell(channel.EventOffAir, what, at, map[string]any{"autopilot": autopilot})
		}
	}
	var before *Aired
	for i := range list {
		e := &list[i]
		last := before
		before = e
		if t.Any && e.Number <= t.Number {
			continue
		}
		t.Any, t.Number = true, e.Number
		if e.Start.Before(t.Since) {
			t.Live = !e.Plan
			continue
		}
		if last != nil && !last.End.IsZero() && (e.Plan || e.Start.Sub(last.End) >= cutTime) {
			off(last.ID, last.End, e.Plan)
		} else if e.Plan {
			off(e.ID, e.Start, true)
		}
		if !e.Plan && !t.Live {
			t.Live = true
			tell(channel.EventOnAir, e.ID, e.Start, map[string]any{"source": e.Source, "name": e.Name, "number": e.Number})
		}
		data := map[string]any{"number": e.Number}
		switch {
		case e.Plan:
			data["source"] = "autopilot"
		default:
			data["source"], data["name"] = e.Source, e.Name
			if e.Sound != "" && e.Sound != e.Source {
				data["sound"] = e.Sound
			}
		}
		tell(channel.EventCut, e.ID, e.Start, data)
	}
	if before != nil && before.Number <= t.Number && !before.End.IsZero() && now.Sub(before.End) >= cutTime {
		off(before.ID, before.End, false)
	}
	return out, t
}
