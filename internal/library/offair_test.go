package library

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/paint"
)

// TestInks can be read on grounds of all brightnesses.
func TestInks(t *testing.T) {
	softer := 0
	for v := range 256 {
		ground := color.RGBA{uint8(v), uint8(v), uint8(255 - v), 255}
		ink, soft := inksOn(ground)
		if paint.Contrast(ink, ground) < paint.Readable || paint.Contrast(soft, ground) < paint.Readable {
			t.Errorf("on %v: %v and %v", ground, ink, soft)
		}
		if soft != ink {
			softer++
		}
	}
	if softer < 128 {
		t.Errorf("on %d of 256 grounds alone the line is softer than the title", softer)
	}
}

// TestDrawOffAir draws cards of all kinds of channels: what is written lies within the picture, can be told from the
// ground, and nothing of it is left out.
func TestDrawOffAir(t *testing.T) {
	logo := image.NewNRGBA(image.Rect(0, 0, 400, 100))
	for i := range logo.Pix {
		logo.Pix[i] = [4]byte{220, 30, 200, 255}[i%4]
	}
	var mark bytes.Buffer
	if err := png.Encode(&mark, logo); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		card OffAirCard
		ink  int // least pixels that are not the ground's, of every ninth
		logo bool
	}{
		"plain":          {OffAirCard{Title: "St Mary's"}, 300, false},
		"nothing at all": {OffAirCard{}, 0, false},
		"all":            {OffAirCard{Title: "St Mary's, Ambleside", Line: "Back on Sunday at 10", Accent: "#e03131", Background: "#f8f4e8", Logo: mark.Bytes()}, 900, true},
		"too long":       {OffAirCard{Title: strings.Repeat("Ambleside ", 40), Line: strings.Repeat("W", 160), Background: "#204060", Logo: mark.Bytes()}, 2000, true},
		"no logo":        {OffAirCard{Title: "x", Logo: []byte("<svg>"), Accent: "red", Background: "url(x)"}, 20, false},
	} {
		data, err := c.card.Draw()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if dir := os.Getenv("MAYFLY_SHOTS"); dir != "" {
			os.WriteFile(dir+"/card-"+name+".png", data, 0o644)
		}
		pic, err := png.Decode(bytes.NewReader(data))
		if err != nil || pic.Bounds().Size() != image.Pt(cardWidth, cardHeight) {
			t.Fatalf("%s: %v, %v", name, pic.Bounds(), err)
		}
		ground := pic.At(0, 0)
		written, seen := 0, false
		for y := 0; y < cardHeight-cardBar; y += 3 {
			for x := 0; x < cardWidth; x += 3 {
				at := pic.At(x, y)
				if at == ground {
					continue
				}
				written++
				seen = seen || at == color.RGBA{220, 30, 200, 255}
				if y < 20 || y > cardHeight-20 || x < 20 || x > cardWidth-20 {
					t.Fatalf("%s: something is written at %d, %d", name, x, y)
				}
			}
		}
		if written < c.ink || seen != c.logo {
			t.Errorf("%s: %d pixels are written, want %d; the logo is there: %v", name, written, c.ink, seen)
		}
		if got := color.RGBAModel.Convert(ground); c.card.Background == "#204060" && got != (color.RGBA{0x20, 0x40, 0x60, 255}) {
			t.Errorf("%s: the ground is %v", name, got)
		}
	}
}
