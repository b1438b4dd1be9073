package burn

import (
	"image/color"
	"math"
	"strconv"

	"github.com/mayfly-tv/mayfly/internal/graphics"
)

// palette is what a look comes to. What is written on a colour can be read on it, whichever colour it is.
type palette struct{ ground, lift, ink, accent, onAccent color.RGBA }

// The colours of graphics where nobody chose others: those of our player (web/src/graphics/look.ts).
var (
	standardGround = color.RGBA{0x0e, 0x1a, 0x2b, 255}
	standardAccent = color.RGBA{0xff, 0xb4, 0x54, 255}
	white          = color.RGBA{255, 255, 255, 255}
	nearBlack      = color.RGBA{8, 16, 15, 255}
)

// enoughContrast is what text needs (WCAG 2.2).
const enoughContrast = 4.5

func paletteOf(l graphics.Look) palette {
	p := palette{ground: readColour(l.Ground, standardGround), accent: readColour(l.Accent, standardAccent)}
	p.ink, p.onAccent = inkOn(p.ground), inkOn(p.accent)
	if p.lift = mixed(p.ground, p.ink, 0.12); contrast(p.ink, p.lift) < enoughContrast {
		p.lift = p.ground
	}
	return p
}

// readColour reads #rrggbb.
func readColour(s string, otherwise color.RGBA) color.RGBA {
	if len(s) != 7 || s[0] != '#' {
		return otherwise
	}
	v, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return otherwise
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// inkOn is white or black, whichever is read better on a ground.
func inkOn(ground color.RGBA) color.RGBA {
	best := nearBlack
	if contrast(white, ground) >= contrast(nearBlack, ground) {
		best = white
	}
	if contrast(best, ground) >= enoughContrast {
		return best
	}
	return color.RGBA{A: 255} // where white is not enough, the blackest black is
}

func mixed(a, b color.RGBA, share float64) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + (float64(y)-float64(x))*share)) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// sheer makes a colour let through what is below it.
func sheer(c color.RGBA, opacity float64) color.RGBA {
	by := func(v uint8) uint8 { return uint8(math.Round(float64(v) * opacity)) }
	return color.RGBA{by(c.R), by(c.G), by(c.B), by(255)}
}
