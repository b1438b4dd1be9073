package burn

import (
	"image"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
)

// overlay lays graphics over pictures of one size. Each is drawn once, and again only when it looks otherwise. It is
// not safe for concurrent use.
type overlay struct {
	w, h     int
	canvas   *canvas
	pictures *pictures
	drawn    map[int64]*drawing // by the showing's number
}

// drawing is a graphic as it was drawn last.
type drawing struct {
	as     aspect
	sprite *sprite
	ticker *ticker
}

// aspect is all that a showing's looks depend on besides itself.
type aspect struct {
	scene       scene
	clock       string
	image, logo image.Image
}

func newOverlay(w, h int, set *typesetter, p *pictures) *overlay {
	return &overlay{w: w, h: h, canvas: newCanvas(w, h, set), pictures: p, drawn: map[int64]*drawing{}}
}

// onto lays what is shown at a program time over a picture.
func (o *overlay) onto(f *frame, all []graphics.Showing, at time.Time) {
	visible := seenAt(all, at)
	if len(visible) == 0 {
		clear(o.drawn)
		return
	}
	around := sceneOf(visible)
	for _, s := range visible {
		d := o.drawing(s.Showing, around, at)
		opacity := int(s.opaque*256 + 0.5)
		if d.ticker != nil {
			d.ticker.onto(f, at.Sub(s.From), opacity)
			continue
		}
		d.sprite.onto(f, 0, f.bounds(), opacity)
	}
	if len(o.drawn) > 4*len(visible)+8 {
		clear(o.drawn)
	}
}

// drawing returns a showing as it looks now.
func (o *overlay) drawing(s *graphics.Showing, around scene, at time.Time) *drawing {
	as := aspect{scene: around, image: o.pictures.of(s, at), logo: o.pictures.kept(s.Logo)}
	if s.Kind == graphics.Countdown {
		as.clock = left(s.To, at)
	}
	d := o.drawn[s.Number]
	if d != nil && d.as == as {
		return d
	}
	d = &drawing{as: as}
	o.drawn[s.Number] = d
	clear(o.canvas.img.Pix)
	a := &artist{
		canvas: o.canvas, Showing: s, palette: paletteOf(s.Look), scene: around, w: float64(o.w), h: float64(o.h), em: emOf(o.w),
		now: at, image: as.image, logo: as.logo,
	}
	if s.Kind == graphics.Ticker {
		d.ticker = a.ticker()
		return d
	}
	a.draw()
	d.sprite = spriteOf(o.canvas.img)
	return d
}
