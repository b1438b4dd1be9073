package paint

import (
	"image"
	"image/color"
	"math"
	"testing"
)

func TestColour(t *testing.T) {
	other := color.RGBA{1, 2, 3, 255}
	for text, want := range map[string]color.RGBA{
		"#0b7285": {0x0b, 0x72, 0x85, 255}, "#ffffff": White, "#000000": black,
		"": other, "red": other, "#fff": other, "#0b72857": other, "#0b728g": other, "0b72850": other, "#+b7285": other, "#0b7285\n": other, "#0B7285": other,
	} {
		if got := Colour(text, other); got != want || Valid(text) != (want != other) {
			t.Errorf("%q: %v, valid: %v", text, got, Valid(text))
		}
	}
}

// TestContrast knows some that are published with the formula.
func TestContrast(t *testing.T) {
	grey := color.RGBA{0x77, 0x77, 0x77, 255}
	for _, x := range []struct {
		a, b color.RGBA
		want float64
	}{{White, black, 21}, {black, White, 21}, {grey, grey, 1}, {White, grey, 4.48}, {White, color.RGBA{255, 0, 0, 255}, 4}} {
		if got := Contrast(x.a, x.b); math.Abs(got-x.want) > 0.005 {
			t.Errorf("%v on %v: %.3f, want %.3f", x.a, x.b, got, x.want)
		}
	}
}

// TestInkOn reads what is written on grounds of all colours.
func TestInkOn(t *testing.T) {
	for i := range 16 * 16 * 16 {
		ground := color.RGBA{uint8(i>>8) * 17, uint8(i>>4&15) * 17, uint8(i&15) * 17, 255}
		if c := Contrast(InkOn(ground), ground); c < Readable {
			t.Errorf("on %v: a contrast of %.2f", ground, c)
		}
	}
	for v := range 256 { // where white turns into black
		if ground := (color.RGBA{uint8(v), uint8(v), uint8(v), 255}); Contrast(InkOn(ground), ground) < Readable {
			t.Errorf("on %v: a contrast of %.2f", ground, Contrast(InkOn(ground), ground))
		}
	}
}

func TestMixed(t *testing.T) {
	if got := Mixed(black, White, 0.2); got != (color.RGBA{51, 51, 51, 255}) || Mixed(black, White, 0) != black || Mixed(black, White, 1) != White {
		t.Errorf("a fifth of white in black is %v", got)
	}
	if got := Sheer(color.RGBA{200, 100, 0, 255}, 0.5); got != (color.RGBA{100, 50, 0, 128}) {
		t.Errorf("half of it is %v", got)
	}
}

// TestFit makes sizes fit, some that are known and all small ones: as large as they may be, in their proportions.
func TestFit(t *testing.T) {
	for in, want := range map[[4]int][2]int{
		{64, 48, 512, 512}: {64, 48}, {2400, 300, 1920, 1080}: {1920, 240}, {100, 1000, 512, 512}: {51, 512}, {1080, 1920, 1280, 720}: {405, 720},
		{9000, 1, 100, 100}: {100, 1}, {1, 9000, 100, 100}: {1, 100}, {0, 5, 10, 10}: {0, 0}, {5, 0, 10, 10}: {0, 0}, {5, 5, 0, 0}: {1, 1},
	} {
		if got := Fit(image.Pt(in[0], in[1]), image.Pt(in[2], in[3])); got != image.Pt(want[0], want[1]) {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
	for i := range 20 * 20 * 20 {
		size, most := image.Pt(1+i%20, 1+i/20%20), image.Pt(1+i/400, 9)
		got := Fit(size, most)
		by := min(1, float64(most.X)/float64(size.X), float64(most.Y)/float64(size.Y))
		x, y := float64(size.X)*by, float64(size.Y)*by
		if got.X < 1 || got.Y < 1 || got.X > most.X || got.Y > most.Y || math.Abs(float64(got.X)-x) >= 1 || math.Abs(float64(got.Y)-y) >= 1 {
			t.Errorf("%v into %v: %v, want about %.2f × %.2f", size, most, got, x, y)
		}
	}
}
