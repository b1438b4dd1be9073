// Package paint has what all who draw agree on: how colours are written, what can be read on them, and how large something
// is that is made to fit.
package paint

import (
	"image"
	"image/color"
	"math"
	"regexp"
	"strconv"
)

// Readable is the contrast that text needs (WCAG 2.2).
const Readable = 4.5

// The inks of text.
var (
	White     = color.RGBA{255, 255, 255, 255}
	nearBlack = color.RGBA{8, 16, 15, 255}
	black     = color.RGBA{A: 255}
)

var written = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Valid reports whether a text is a colour as documents hold them: #rrggbb, in small letters.
func Valid(text string) bool { return written.MatchString(text) }

// Colour returns the colour that a text names, or another one if it names none.
func Colour(text string, otherwise color.RGBA) color.RGBA {
	if !Valid(text) {
		return otherwise
	}
	v, _ := strconv.ParseUint(text[1:], 16, 32) // six hexadecimal digits: it is valid
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

// Contrast is that of two colours: from 1, of a colour with itself, to 21.
func Contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// InkOn is white or black, whichever is read better on a ground. It can be read on any.
func InkOn(ground color.RGBA) color.RGBA {
	best := nearBlack
	if Contrast(White, ground) >= Contrast(nearBlack, ground) {
		best = White
	}
	if Contrast(best, ground) >= Readable {
		return best
	}
	return black // where white is not enough, the blackest black is
}

// Mixed is a colour with so much of another in it, from 0 to 1.
func Mixed(a, b color.RGBA, share float64) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + (float64(y)-float64(x))*share)) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// Sheer is a colour that lets through what is below it.
func Sheer(c color.RGBA, opacity float64) color.RGBA {
	by := func(v uint8) uint8 { return uint8(math.Round(float64(v) * opacity)) }
	return color.RGBA{by(c.R), by(c.G), by(c.B), by(255)}
}

// Fit returns a size in its own proportions that is not larger than most, nor than it was: at least one pixel each way, or
// none at all if there was none.
func Fit(size, most image.Point) image.Point {
	if size.X <= 0 || size.Y <= 0 {
		return image.Point{}
	}
	by := func(v, share, of int) int { return max(1, int(int64(v)*int64(share)/int64(of))) }
	if int64(size.X)*int64(most.Y) > int64(size.Y)*int64(most.X) {
		wide := max(1, min(size.X, most.X))
		return image.Pt(wide, by(size.Y, wide, size.X))
	}
	high := max(1, min(size.Y, most.Y))
	return image.Pt(by(size.X, high, size.Y), high)
}
