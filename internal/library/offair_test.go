package library

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
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

// TestDrawOffAir draws cards of all kinds of channels: they have their colours or ours, and what is written lies within
// the picture, can be told from the ground, and nothing of it is left out. A card that says nothing is ground and bar.
func TestDrawOffAir(t *testing.T) {
	logo := image.NewNRGBA(image.Rect(0, 0, 400, 100))
	for i := range logo.Pix {
		logo.Pix[i] = [4]byte{220, 30, 200, 255}[i%4]
	}
	var mark bytes.Buffer
	if err := png.Encode(&mark, logo); err != nil {
		t.Fatal(err)
	}
	ground, bar := color.RGBA{16, 36, 44, 255}, color.RGBA{255, 181, 71, 255}
	for name, c := range map[string]struct {
		card        OffAirCard
		ink         int // least pixels that are not the ground's, of every ninth; 0: there is none
		logo        bool
		ground, bar color.RGBA
	}{
		"plain":          {OffAirCard{Title: "St Mary's"}, 300, false, ground, bar},
		"nothing at all": {OffAirCard{}, 0, false, ground, bar},
		"all":            {OffAirCard{Title: "St Mary's, Ambleside", Line: "Back on Sunday at 10", Accent: "#e03131", Background: "#f8f4e8", Logo: mark.Bytes()}, 900, true, color.RGBA{0xf8, 0xf4, 0xe8, 255}, color.RGBA{0xe0, 0x31, 0x31, 255}},
		"too long":       {OffAirCard{Title: strings.Repeat("Ambleside ", 40), Line: strings.Repeat("W", 160), Background: "#204060", Logo: mark.Bytes()}, 2000, true, color.RGBA{0x20, 0x40, 0x60, 255}, bar},
		"no logo":        {OffAirCard{Title: "x", Logo: []byte("<svg>"), Accent: "red", Background: "url(x)"}, 20, false, ground, bar},
	} {
		data, err := c.card.Draw()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if dir := os.Getenv("MAYFLY_SHOTS"); dir != "" {
			if err := os.WriteFile(dir+"/card-"+name+".png", data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		pic, err := png.Decode(bytes.NewReader(data))
		if err != nil || pic.Bounds().Size() != image.Pt(cardWidth, cardHeight) {
			t.Fatalf("%s: %v, %v", name, pic.Bounds(), err)
		}
		at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(pic.At(x, y)).(color.RGBA) }
		if at(0, 0) != c.ground || at(cardWidth/2, cardHeight-1) != c.bar {
			t.Errorf("%s: the ground is %v and the bar %v, want %v and %v", name, at(0, 0), at(cardWidth/2, cardHeight-1), c.ground, c.bar)
		}
		written, seen := 0, false
		for y := 0; y < cardHeight-cardBar; y += 3 {
			for x := 0; x < cardWidth; x += 3 {
				if at(x, y) == c.ground {
					continue
				}
				written++
				seen = seen || at(x, y) == color.RGBA{220, 30, 200, 255}
				if y < 20 || y > cardHeight-20 || x < 20 || x > cardWidth-20 {
					t.Fatalf("%s: something is written at %d, %d", name, x, y)
				}
			}
		}
		if written < c.ink || c.ink == 0 && written > 0 || seen != c.logo {
			t.Errorf("%s: %d pixels are written, want %d; the logo is there: %v", name, written, c.ink, seen)
		}
	}
}

// TestTidyCards has clips of cards, of which one is wanted only when it is known which there are, and one was only just
// made: those stay, and what is no card's.
func TestTidyCards(t *testing.T) {
	l, ctx := newLibrary(t, bucket.NewMem(), "a", nil), t.Context()
	now := time.Now()
	l.cfg.Now = func() time.Time { return now }
	drawn := func(title string) string {
		c, err := l.AddDrawn(ctx, someChannel, Arrival{Title: title}, []byte("a picture"))
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	if _, err := l.Add(ctx, someChannel, Arrival{Title: "no card", Bytes: 1, Origin: Origin{Kind: FromUpload, File: "a.png"}}); err != nil {
		t.Fatal(err)
	}
	drawn("long gone")
	drawn("replaced")
	wanted := drawn("wanted")
	now = now.Add(time.Hour)
	drawn("just made")
	left := func() (titles string) {
		clips, _, _, err := l.Clips(ctx, someChannel)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range clips {
			titles += c.Title + ", "
		}
		return titles
	}
	before := left()
	l.TidyCards(ctx, someChannel, func(context.Context) (string, error) { return "", bucket.ErrUnavailable })
	if now := left(); now != before {
		t.Errorf("when nobody knows what is wanted %s are left of %s", now, before)
	}
	l.TidyCards(ctx, someChannel, func(context.Context) (string, error) { drawn("meanwhile"); return wanted, nil })
	if now := left(); now != "meanwhile, just made, wanted, no card, " {
		t.Errorf("%s are left", now)
	}
	now = now.Add(time.Hour)
	l.TidyCards(ctx, someChannel, func(context.Context) (string, error) { return "", nil })
	if now := left(); now != "no card, " {
		t.Errorf("without a card %s are left", now)
	}
}
