package program

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// Programme is one line of a guide: a storyboard, from a slot on or in between.
type Programme struct {
	Start      time.Time `json:"start"`
	Stop       time.Time `json:"stop"`
	Storyboard string    `json:"storyboard,omitempty"`
	Title      string    `json:"title"`
	Filler     bool      `json:"filler,omitempty"` // it plays because no slot says otherwise
	Show       string    `json:"show,omitempty"`   // id of a show that is announced, instead of a storyboard
}

// maxLines bounds a guide and an as-run log.
const maxLines = 5000

// Guide returns what plays in a time if nobody goes live.
func (p *Playout) Guide(from, to time.Time) (out []Programme) {
	if from.Before(p.start) {
		from = p.start
	}
	if !from.Before(to) {
		return nil
	}
	t := media.TicksOf(from.Sub(p.start))
	for x := *p.seek(func(x *stretch) bool { return x.at <= t }); len(out) < maxLines; x = p.next(&x) {
		start := p.start.Add(x.at.Duration()).UTC()
		if !start.Before(to) {
			break
		}
		stop := to
		if x.count < forever {
			stop = p.start.Add(x.start(x.count).Duration()).UTC()
		}
		line := Programme{Start: start, Stop: stop, Storyboard: x.board.ID, Title: x.board.Title, Filler: !x.in}
		if n := len(out); n > 0 && line.Filler && out[n-1].Filler {
			out[n-1].Stop = stop
		} else {
			out = append(out, line)
		}
		if x.count == forever || p.schedule.Plan.Once {
			break
		}
	}
	return out
}

// Aired is one line of an as-run log: a clip or a stretch of it, or what a source sent.
type Aired struct {
	Start      time.Time     `json:"start"`
	Duration   time.Duration `json:"duration"`
	Source     string        `json:"source"` // or AutopilotSource
	Storyboard string        `json:"storyboard,omitempty"`
	Title      string        `json:"title,omitempty"` // of the clip
	Take       media.TakeID  `json:"take"`
	From       uint32        `json:"from"` // the first segment of the take
	Number     int64         `json:"number"`
}

// Aired returns the clips that an entry played up to its n-th segment, from a moment on.
func (p *Playout) Aired(e *Entry, n int64, from time.Time) (out []Aired) {
	for i := max(0, p.Playing(from)); i < n && len(out) < maxLines; {
		x := p.stretch(i)
		place := x.place + i - x.number
		_, clip, segment := x.board.clip(place)
		count := min(x.board.number[clip+1]-x.board.number[clip]-segment, x.number+x.count-i, n-i)
		start, c := p.At(i), &x.board.Clips[clip]
		out = append(out, Aired{
			Start: start, Duration: p.At(i + count).Sub(start), Source: e.Source, Storyboard: x.board.Title, Title: c.Title, Take: c.Take,
			From: c.From + uint32(segment), Number: e.Number + i,
		})
		i += count
	}
	return out
}
