package burn

import (
	"fmt"
	"image"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

// scene is what else lies over a picture, as far as a graphic makes room for it.
type scene struct {
	ticker            bool
	topLeft, topRight bool // a bug or a countdown lies there
	pictureAtTheRight bool
}

func sceneOf(all []seen) (s scene) {
	for _, x := range all {
		if x.leaves {
			continue
		}
		corner := x.Kind == graphics.Bug || x.Kind == graphics.Countdown
		s.ticker = s.ticker || x.Kind == graphics.Ticker
		s.topLeft = s.topLeft || corner && x.Place == "top-left"
		s.topRight = s.topRight || corner && x.Place == "top-right"
		s.pictureAtTheRight = s.pictureAtTheRight || x.Kind == graphics.Picture && x.Place == "right"
	}
	return s
}

// artist draws one graphic as our player does (web/src/styles/graphics.css): sizes are shares of the picture's width and
// height, and em is what one em is there.
type artist struct {
	*canvas
	*graphics.Showing
	palette
	scene       scene
	w, h, em    float64
	now         time.Time   // program time
	image, logo image.Image // nil: none, or not there yet
}

// emShare is one em as a share of the picture's width.
const emShare = 0.021

func emOf(width int) float64 { return max(10.5, emShare*float64(width)) }

// draw draws anything but a ticker.
func (a *artist) draw() {
	switch a.Kind {
	case graphics.LowerThird:
		a.lowerThird()
	case graphics.Chat:
		a.chat()
	case graphics.Picture:
		a.frame()
	case graphics.Bug:
		a.bug()
	case graphics.Countdown:
		a.countdown()
	case graphics.Sting:
		a.sting()
	case graphics.Heading, graphics.ComingUp:
		a.screen()
	}
}

// set lays out a text: size in em, width in pixels.
func (a *artist) set(text string, size, wide float64, most int, bold bool) block {
	return a.canvas.set.lay(text, style{font: a.Look.Font, bold: bold, size: size * a.em, wide: max(wide, 4*a.em), most: most, lead: 1.2})
}

// bottom is where what lies at the lower edge ends.
func (a *artist) bottom() float64 {
	b := a.h - 0.085*a.h
	if a.scene.ticker {
		b -= bandHeight * a.em
	}
	return b
}

// bar is how wide the bar at the side of a lower third is, in em.
const bar = 0.42

func (a *artist) lowerThird() {
	em, left := a.em, 0.05*a.w
	most := 0.82 * a.w
	if a.scene.pictureAtTheRight {
		most = 0.57 * a.w
	}
	name := a.set(a.Title, 1.5, most-3.2*em, 2, true)
	line := a.set(a.Text, 1, most-3.2*em, 3, true)
	nameHigh, lineHigh := name.h+0.7*em, 0.0
	if a.Text != "" {
		lineHigh = line.h + 0.5*em
	}
	top := a.bottom() - nameHigh - lineHigh
	a.rect(a.accent, left, top, bar*em, nameHigh+lineHigh)
	left += bar * em
	wide := name.w + 2.6*em
	a.slanted(a.ground, left, top, wide, nameHigh, 0.55*em)
	a.text(name, left+0.93*em, top+0.35*em, name.w, a.ink, start)
	if a.Text == "" {
		return
	}
	a.slanted(a.accent, left, top+nameHigh, line.w+2.4*em, lineHigh, 0.55*em)
	a.text(line, left+0.94*em, top+nameHigh+0.25*em, line.w, a.onAccent, start)
}

func (a *artist) chat() {
	em, left := a.em, 0.05*a.w
	words := a.set(a.Text, 1.16, 0.64*a.w-2.4*em, 4, false)
	who := a.set(a.Title, 0.86, 0.64*a.w-4*em, 1, true)
	wide := max(words.w+2.6*em, who.w+3.4*em)
	high, whoHigh := words.h+1.9*em, who.h+0.32*em
	top := a.bottom() - high
	a.round(a.ground, left, top, wide, high, em)
	a.round(a.accent, left+0.8*em, top-whoHigh/2, who.w+1.4*em, whoHigh, whoHigh/2)
	a.text(who, left+1.5*em, top-whoHigh/2+0.16*em, who.w, a.onAccent, start)
	a.text(words, left+1.3*em, top+1.1*em, words.w, a.ink, start)
}

// frame draws the picture beside the speaker, with the words below it.
func (a *artist) frame() {
	em, wide := a.em, 0.31*a.w
	left, top := 0.95*a.w-wide, 0.10*a.h
	below := a.scene.topRight
	if a.Place == "left" {
		left, below = 0.05*a.w, a.scene.topLeft
	}
	if below {
		top = 0.21 * a.h
	}
	high := min(wide*3/4, 0.38*a.h)
	title, text := a.set(a.Title, 1, wide-1.4*em, 2, true), a.set(a.Text, 1, wide-1.4*em, 3, false)
	words := title.h + text.h
	if words > 0 {
		words += 0.88 * em
	}
	a.rect(a.accent, left, top, wide, 0.3*em)
	top += 0.3 * em
	a.rect(a.ground, left, top, wide, high+words)
	if a.image != nil {
		a.picture(a.image, left, top, wide, high)
	}
	top += high + 0.4*em
	a.text(title, left+0.7*em, top, wide-1.4*em, a.ink, start)
	a.text(text, left+0.7*em, top+title.h, wide-1.4*em, a.ink, start)
}

// corner returns the upper left corner of a box that lies in the graphic's corner.
func (a *artist) corner(w, h float64) (x, y float64) {
	x, y = 0.04*a.w, 0.06*a.h
	if strings.HasSuffix(a.Place, "right") {
		x = a.w - x - w
	}
	if strings.HasPrefix(a.Place, "bottom") {
		edge := y
		if a.scene.ticker {
			edge = 0.035*a.h + 2.4*a.em
		}
		y = a.h - edge - h
	}
	return x, y
}

func (a *artist) bug() {
	em := a.em
	mark := a.image
	if mark == nil && a.Title == "" {
		mark = a.logo
	}
	if mark != nil {
		w, h := within(mark, 0.16*a.w, 0.11*a.h)
		x, y := a.corner(w, h)
		a.picture(mark, x, y, w, h)
		return
	}
	if a.Title == "" {
		return
	}
	word := a.set(a.Title, 0.86, 0.4*a.w, 1, true)
	w, h := word.w+1.2*em, word.h+0.38*em
	x, y := a.corner(w, h)
	a.rect(a.accent, x, y, w, h)
	a.text(word, x+0.6*em, y+0.19*em, word.w, a.onAccent, start)
}

func (a *artist) countdown() {
	em := a.em
	title, left := a.set(a.Title, 0.82, 0.30*a.w, 2, false), a.set(left(a.To, a.now), 1.8, 0.3*a.w, 1, true)
	w, h := 0.3*em+max(title.w, left.w)+1.7*em, title.h+left.h+0.8*em
	x, y := a.corner(w, h)
	a.rect(a.ground, x, y, w, h)
	a.rect(a.accent, x, y, 0.3*em, h)
	a.text(title, x+1.15*em, y+0.36*em, title.w, a.ink, start)
	a.text(left, x+1.15*em, y+0.36*em+title.h, left.w, a.ink, start)
}

// left says how long it is to a time, as 1:02:03; 0:00 from then on.
func left(to, now time.Time) string {
	s := max(0, int64((to.Sub(now)+time.Second-1)/time.Second))
	switch h := s / 3600; {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h > 0:
		return fmt.Sprintf("%d:%02d:%02d", h, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func (a *artist) sting() {
	w, h := a.w, a.h
	a.rect(a.accent, 0, 0, w, h)
	a.slanted(a.lift, 0.02*w, 0, 0.96*w, h, 0)
	a.slanted(a.ground, 0.05*w, 0, 0.90*w, h, 0)
	head, sub := a.set(a.Title, 3.7, 0.8*w, 3, true), a.set(a.Text, 1.32, 0.8*w, 3, false)
	lw, lh := a.logoSize()
	gap := 0.7 * a.em
	high := lh + head.h + sub.h + gap
	y := (h - high) / 2
	if a.logo != nil {
		a.picture(a.logo, (w-lw)/2, y, lw, lh)
		y += lh + gap
	}
	a.text(head, 0.1*w, y, 0.8*w, a.ink, middle)
	a.text(sub, 0.1*w, y+head.h+gap, 0.8*w, a.ink, middle)
}

func (a *artist) logoSize() (w, h float64) {
	if a.logo == nil {
		return 0, 0
	}
	return within(a.logo, 0.18*a.w, 0.14*a.h)
}

// backdrop fills the screen, with two stripes at the right that lean as the player's do.
func (a *artist) backdrop() {
	w, h, lean := a.w, a.h, 0.47*a.h
	a.rect(a.ground, 0, 0, w, h)
	for _, s := range []struct{ from, to, opacity float64 }{{0.70, 0.712, 0.92}, {0.735, 0.83, 0.34}} {
		a.poly(paint.Sheer(a.accent, s.opacity), s.from*w+lean/2, 0, s.to*w+lean/2, 0, s.to*w-lean/2, h, s.from*w-lean/2, h)
	}
}

// screen draws a heading with a sub-heading, or what comes up.
func (a *artist) screen() {
	a.backdrop()
	w, h, em := a.w, a.h, a.em
	left, wide, gap := 0.08*w, 0.58*w, 0.7*em
	size, title := 2.9, a.Title
	if a.Kind == graphics.ComingUp {
		size, wide = 2, 0.5*w // the lines end before the stripes
		if title == "" {
			title = "Coming up"
		}
	}
	head, sub := a.set(title, size, wide, 3, true), a.set(a.Text, 1.32, wide, 4, false)
	var lines []block
	lw, lh := a.logoSize()
	high := head.h
	if a.logo != nil {
		high += lh + gap
	}
	if a.Kind == graphics.ComingUp {
		for _, l := range a.Lines {
			b := a.set(l, 1.2, wide-2*em, 2, true)
			lines = append(lines, b)
			high += b.h + 1.3*em
		}
	} else if a.Text != "" {
		high += gap + sub.h + 0.7*em
	}
	y := max(0.03*h, (h-high)/2)
	if a.logo != nil {
		a.picture(a.logo, left, y, lw, lh)
		y += lh + gap
	}
	a.text(head, left, y, wide, a.ink, start)
	y += head.h + gap
	for _, b := range lines {
		a.rect(paint.Sheer(a.ink, 0.11), left, y, wide, b.h+0.8*em)
		a.rect(a.accent, left, y, 0.24*em, b.h+0.8*em)
		a.text(b, left+em, y+0.4*em, wide-2*em, a.ink, start)
		y += b.h + 1.3*em
	}
	if lines == nil && a.Text != "" {
		a.rect(a.accent, left, y, max(sub.w, 4*em), 0.16*em)
		a.text(sub, left, y+0.6*em, wide, a.ink, start)
	}
}
