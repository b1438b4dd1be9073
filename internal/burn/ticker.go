package burn

import (
	"image"
	"time"
)

// bandHeight is how high a ticker is, in em.
const bandHeight = 2.2

// shares is how much of the picture's width goes by in a second, by a ticker's speed.
var shares = [...]float64{0, 0.035, 0.055, 0.08, 0.11, 0.15}

// maxRun bounds how wide the items of a ticker are together, in pixels; what is beyond does not run by.
const maxRun = 60_000

// ticker is what a ticker consists of: a band, over it what runs, over that the label.
type ticker struct {
	band, items, label *sprite
	window             image.Rectangle // where items are seen
	run                int             // pixels after which the items begin again
	speed              float64         // pixels in a second
	back               bool
}

func (a *artist) ticker() *ticker {
	em, high := a.em, bandHeight*a.em
	top, line := a.h-high, max(1, 0.14*em)
	t := &ticker{back: a.Back, speed: a.w * shares[min(max(a.Speed, 1), len(shares)-1)]}
	a.rect(a.ground, 0, top, a.w, high)
	a.rect(a.accent, 0, top, a.w, line)
	t.band = spriteOf(a.img)
	edge := 0.0
	if a.Title != "" {
		clear(a.img.Pix)
		title := a.canvas.set.lay(a.Title, style{font: a.Look.Font, bold: true, size: em, wide: 0.3*a.w - 2.1*em, most: 1, lead: 1.2})
		edge = title.w + 2.1*em
		a.slanted(a.accent, 0, top, edge, high, 0.55*em)
		a.text(title, em, top+(high-title.h+line)/2, title.w, a.onAccent, start)
		t.label = spriteOf(a.img)
		edge -= 0.5 * em
	}
	t.window = image.Rect(int(edge), int(top+line), int(a.w), int(a.h))
	t.items, t.run = a.items(high-line, top+line)
	return t
}

// items draws what runs by.
func (a *artist) items(high, top float64) (*sprite, int) {
	em := a.em
	var all []block
	wide := 0.0
	for _, l := range a.Lines {
		b := a.canvas.set.lay(l, style{font: a.Look.Font, bold: true, size: em, wide: maxRun, most: 1, lead: 1.2})
		if next := wide + b.w + 3.4*em; next < maxRun {
			all, wide = append(all, b), next
		}
	}
	c := newCanvas(int(wide)+1, int(high), a.canvas.set)
	x := 0.0
	for _, b := range all {
		x += 1.5 * em
		c.text(b, x, (high-b.h)/2, b.w, a.ink, start)
		x += b.w + 1.5*em
		mid, r := high/2, 0.2*em*1.41
		c.poly(a.accent, x+r, mid-r, x+2*r, mid, x+r, mid+r, x, mid)
		x += 0.4 * em
	}
	s := spriteOf(c.img)
	if s != nil {
		s.at.Y += int(top)
	}
	return s, max(int(wide), int(a.w))
}

// onto lays the ticker over a picture, so long after it began to be shown.
func (t *ticker) onto(f *frame, age time.Duration, opacity int) {
	t.band.onto(f, 0, f.bounds(), opacity)
	if t.items != nil {
		gone := int(age.Seconds()*t.speed) % t.run
		if t.back {
			gone = t.run - gone
		}
		for x := t.window.Min.X - gone; x < f.w; x += t.run {
			t.items.onto(f, x, t.window, opacity)
		}
	}
	t.label.onto(f, 0, f.bounds(), opacity)
}
