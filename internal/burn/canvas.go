package burn

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/vector"

	"github.com/mayfly-tv/mayfly/internal/paint"
)

// canvas is as large as a program's picture; a graphic is drawn on it where it lies.
type canvas struct {
	img    *image.RGBA
	set    *typesetter
	raster vector.Rasterizer
	cover  *image.Alpha // of a path, used again
}

func newCanvas(w, h int, set *typesetter) *canvas {
	return &canvas{img: image.NewRGBA(image.Rect(0, 0, w, h)), set: set}
}

// path fills what trace draws within bounds; it is told what to subtract from its coordinates.
func (c *canvas) path(ink color.RGBA, trace func(r *vector.Rasterizer, dx, dy float32), bounds image.Rectangle) {
	box := bounds.Intersect(c.img.Bounds())
	if box.Empty() || bounds.Dx() > 1<<14 || bounds.Dy() > 1<<14 {
		return
	}
	c.raster.Reset(bounds.Dx(), bounds.Dy())
	c.raster.DrawOp = draw.Src
	trace(&c.raster, float32(bounds.Min.X), float32(bounds.Min.Y))
	if n := bounds.Dx() * bounds.Dy(); c.cover == nil || cap(c.cover.Pix) < n {
		c.cover = &image.Alpha{Pix: make([]uint8, n)}
	}
	c.cover.Pix, c.cover.Stride = c.cover.Pix[:bounds.Dx()*bounds.Dy()], bounds.Dx()
	c.cover.Rect = image.Rect(0, 0, bounds.Dx(), bounds.Dy())
	c.raster.Draw(c.cover, c.cover.Rect, image.Opaque, image.Point{})
	draw.DrawMask(c.img, box, image.NewUniform(ink), image.Point{}, c.cover, box.Min.Sub(bounds.Min), draw.Over)
}

// poly fills a polygon of corners x, y, x, y and so on.
func (c *canvas) poly(ink color.RGBA, at ...float64) {
	lowX, lowY, highX, highY := at[0], at[1], at[0], at[1]
	for i := 0; i < len(at); i += 2 {
		lowX, lowY, highX, highY = min(lowX, at[i]), min(lowY, at[i+1]), max(highX, at[i]), max(highY, at[i+1])
	}
	c.path(ink, func(r *vector.Rasterizer, dx, dy float32) {
		r.MoveTo(float32(at[0])-dx, float32(at[1])-dy)
		for i := 2; i < len(at); i += 2 {
			r.LineTo(float32(at[i])-dx, float32(at[i+1])-dy)
		}
		r.ClosePath()
	}, image.Rect(int(lowX)-1, int(lowY)-1, int(highX)+2, int(highY)+2))
}

func (c *canvas) rect(ink color.RGBA, x, y, w, h float64) {
	c.poly(ink, x, y, x+w, y, x+w, y+h, x, y+h)
}

// slanted fills a rectangle whose right side leans to the left by so much.
func (c *canvas) slanted(ink color.RGBA, x, y, w, h, lean float64) {
	c.poly(ink, x, y, x+w, y, x+w-lean, y+h, x, y+h)
}

// round fills a rectangle with round corners.
func (c *canvas) round(ink color.RGBA, x, y, w, h, radius float64) {
	radius = min(radius, w/2, h/2)
	c.path(ink, func(r *vector.Rasterizer, dx, dy float32) {
		l, t, ri, b, q := float32(x)-dx, float32(y)-dy, float32(x+w)-dx, float32(y+h)-dy, float32(radius)
		r.MoveTo(l+q, t)
		r.LineTo(ri-q, t)
		r.QuadTo(ri, t, ri, t+q)
		r.LineTo(ri, b-q)
		r.QuadTo(ri, b, ri-q, b)
		r.LineTo(l+q, b)
		r.QuadTo(l, b, l, b-q)
		r.LineTo(l, t+q)
		r.QuadTo(l, t, l+q, t)
		r.ClosePath()
	}, image.Rect(int(x)-1, int(y)-1, int(x+w)+2, int(y+h)+2))
}

// picture draws an image that fills a box; what is too much of it is cut off.
func (c *canvas) picture(img image.Image, x, y, w, h float64) {
	box := image.Rect(int(x), int(y), int(math.Ceil(x+w)), int(math.Ceil(y+h)))
	from := img.Bounds()
	if box.Empty() || from.Empty() {
		return
	}
	if wide := from.Dx() * box.Dy(); wide > from.Dy()*box.Dx() {
		cut := from.Dx() - from.Dy()*box.Dx()/box.Dy()
		from.Min.X += cut / 2
		from.Max.X -= cut - cut/2
	} else {
		cut := from.Dy() - from.Dx()*box.Dy()/box.Dx()
		from.Min.Y += cut / 2
		from.Max.Y -= cut - cut/2
	}
	draw.CatmullRom.Scale(c.img, box, img, from, draw.Over, nil)
}

// within returns the size of an image that is made to fit a box; it is not made larger.
func within(img image.Image, w, h float64) (float64, float64) {
	size := paint.Fit(img.Bounds().Size(), image.Pt(int(w), int(h)))
	return float64(size.X), float64(size.Y)
}
