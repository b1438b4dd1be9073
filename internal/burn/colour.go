package burn

import (
	"image/color"

	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

// palette is what a look comes to. What is written on a colour can be read on it, whichever colour it is.
type palette struct{ ground, lift, ink, accent, onAccent color.RGBA }

// The colours of graphics where nobody chose others: those of our player (web/src/graphics/look.ts).
var (
	standardGround = color.RGBA{0x0e, 0x1a, 0x2b, 255}
	standardAccent = color.RGBA{0xff, 0xb4, 0x54, 255}
)

func paletteOf(l graphics.Look) palette {
	p := palette{ground: paint.Colour(l.Ground, standardGround), accent: paint.Colour(l.Accent, standardAccent)}
	p.ink, p.onAccent = paint.InkOn(p.ground), paint.InkOn(p.accent)
	if p.lift = paint.Mixed(p.ground, p.ink, 0.12); paint.Contrast(p.ink, p.lift) < paint.Readable {
		p.lift = p.ground
	}
	return p
}
