package burn

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

var t0 = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

const testWidth, testHeight = 640, 360

// drawnOn draws showings over a plain picture, half a second after the last of them came.
func drawnOn(t testing.TB, images map[string]image.Image, all ...graphics.Showing) *frame {
	t.Helper()
	f := grey()
	o := testOverlay(t, images)
	o.onto(f, all, t0.Add(500*time.Millisecond))
	return f
}

func testOverlay(t testing.TB, images map[string]image.Image) *overlay {
	t.Helper()
	set, err := newTypesetter("")
	if err != nil {
		t.Fatal(err)
	}
	p := newPictures(t.Context(), nil, "c")
	for name, img := range images {
		p.all[name] = &picture{img: img}
	}
	return newOverlay(testWidth, testHeight, set, p)
}

func grey() *frame {
	f := newFrame(testWidth, testHeight)
	for i := range f.pix {
		f.pix[i] = 128
	}
	return f
}

// touched returns the smallest box around what is not as it was.
func touched(f *frame) (box image.Rectangle) {
	for y := range f.h {
		for x := range f.w {
			if f.pix[y*f.w+x] != 128 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// colourAt returns the colour of a pixel.
func colourAt(f *frame, x, y int) color.RGBA {
	n := f.w * f.h
	luma := float64(f.pix[y*f.w+x]) - 16
	at := y/2*(f.w/2) + x/2
	blue, red := float64(f.pix[n+at])-128, float64(f.pix[n+n/4+at])-128
	limit := func(v float64) uint8 { return uint8(min(255, max(0, v+0.5))) }
	return color.RGBA{limit(1.164*luma + 1.793*red), limit(1.164*luma - 0.213*blue - 0.533*red), limit(1.164*luma + 2.112*blue), 255}
}

func near(a, b color.RGBA) bool {
	d := func(x, y uint8) bool { return max(x, y)-min(x, y) < 26 }
	return d(a.R, b.R) && d(a.G, b.G) && d(a.B, b.B)
}

// has reports whether a colour is anywhere in a box.
func has(f *frame, c color.RGBA, box image.Rectangle) bool {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if near(colourAt(f, x, y), c) {
				return true
			}
		}
	}
	return false
}

func filled(c color.RGBA) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.SetRGBA(i%64, i/64, c)
	}
	return img
}

func showing(c graphics.Content) graphics.Showing {
	return graphics.Showing{Number: 1, Graphic: "g", From: t0, Content: c, Look: graphics.Look{Ground: "#203040", Accent: "#ff8800"}}
}

var (
	groundOf = color.RGBA{0x20, 0x30, 0x40, 255}
	accentOf = color.RGBA{0xff, 0x88, 0x00, 255}
	purple   = color.RGBA{160, 32, 200, 255}
)

// kinds are one graphic of each kind, with the part of the picture that it lies in: shares of width and height.
var kinds = []struct {
	content        graphics.Content
	x0, y0, x1, y1 float64
}{
	{graphics.Content{Kind: graphics.LowerThird, Title: "Ada Lovelace", Text: "Harbour master"}, 0.04, 0.7, 0.6, 0.93},
	{graphics.Content{Kind: graphics.Chat, Title: "kelpie", Text: "Greetings from the other side of the loch, where it rains"}, 0.04, 0.65, 0.75, 0.93},
	{graphics.Content{Kind: graphics.Picture, Title: "The bridge", Text: "as it was in spring", Place: "right"}, 0.63, 0.09, 0.96, 0.7},
	{graphics.Content{Kind: graphics.Picture, Title: "The bridge", Place: "left"}, 0.04, 0.09, 0.37, 0.7},
	{graphics.Content{Kind: graphics.Ticker, Title: "News", Lines: []string{"Boats are late", "Rain until Friday"}, Speed: 3}, 0, 0.9, 1, 1},
	{graphics.Content{Kind: graphics.Sting, Title: "Tonight", Text: "The harbour"}, 0, 0, 1, 1},
	{graphics.Content{Kind: graphics.Heading, Title: "The old harbour", Text: "A walk with those who built it"}, 0, 0, 1, 1},
	{graphics.Content{Kind: graphics.ComingUp, Lines: []string{"Weather", "The tides", "Letters", "Good night"}}, 0, 0, 1, 1},
	{graphics.Content{Kind: graphics.Bug, Title: "LIVE", Place: "top-right"}, 0.8, 0.05, 0.97, 0.15},
	{graphics.Content{Kind: graphics.Countdown, Title: "We begin in", To: t0.Add(754 * time.Second), Place: "bottom-left"}, 0.03, 0.7, 0.4, 0.95},
}

// TestKinds draws a graphic of each kind: where it belongs, in its colours, with its words.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(string(k.content.Kind)+k.content.Place, func(t *testing.T) {
			f := drawnOn(t, nil, showing(k.content))
			if dir := os.Getenv("BURN_PICTURES"); dir != "" {
				save(t, f, filepath.Join(dir, string(k.content.Kind)+k.content.Place+".png"))
			}
			box := touched(f)
			most := image.Rect(int(k.x0*testWidth), int(k.y0*testHeight), int(k.x1*testWidth), int(k.y1*testHeight))
			if box.Empty() || !box.In(most) {
				t.Errorf("it lies at %v, want within %v", box, most)
			}
			if !has(f, accentOf, box) {
				t.Error("it has nothing of the accent")
			}
			if k.content.Kind != graphics.Bug && !has(f, groundOf, box) {
				t.Error("it has nothing of the ground")
			}
			if k.content.Kind != graphics.Bug && !has(f, paint.White, box) { // what is written on that ground
				t.Error("there are no words")
			}
			other := k.content
			other.Title, other.Lines, other.To = "Qxz", []string{"Qxz"}, t0.Add(time.Hour)
			if string(drawnOn(t, nil, showing(other)).pix) == string(f.pix) {
				t.Error("other words look the same")
			}
		})
	}
}

func save(t *testing.T, f *frame, file string) {
	img := image.NewRGBA(f.bounds())
	for y := range f.h {
		for x := range f.w {
			img.SetRGBA(x, y, colourAt(f, x, y))
		}
	}
	w, err := os.Create(file)
	if err == nil {
		err = png.Encode(w, img)
		w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestImages draws the images of graphics that have some.
func TestImages(t *testing.T) {
	images := map[string]image.Image{"p.png": filled(purple)}
	for _, c := range []graphics.Content{{Kind: graphics.Picture, Place: "right"}, {Kind: graphics.Bug, Place: "bottom-right"}, {Kind: graphics.Sting, Title: "x"}, {Kind: graphics.Heading, Title: "x"}, {Kind: graphics.ComingUp, Lines: []string{"x"}}} {
		s := showing(c)
		if s.Kind == graphics.Picture || s.Kind == graphics.Bug {
			s.Image = "p.png"
		} else {
			s.Logo = "p.png"
		}
		if f := drawnOn(t, images, s); !has(f, purple, f.bounds()) {
			t.Errorf("a %s without its image", c.Kind)
		}
	}
}

// TestAbsurd draws what nobody should write: it stays within the picture and harms nobody.
func TestAbsurd(t *testing.T) {
	words := []string{
		"", strings.Repeat("W", 300), strings.Repeat("word ", 60), "مرحبا بكم في الميناء القديم", "שלום עולם 123 abc", "日本語の字幕", "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301\u0302\u0303", "a\u202eb\u202cc", "\ufffd\u0000x",
		strings.Repeat("\u0301", 120), "नमस्ते दुनिया", "  ",
	}
	o := testOverlay(t, nil)
	o = newOverlay(testWidth/2, testHeight/2, o.canvas.set, o.pictures)
	places := []string{"", "left", "bottom-right", "somewhere"}
	for i, w := range words {
		for _, k := range graphics.Kinds {
			c := graphics.Content{Kind: k, Title: w, Text: w, Lines: []string{w, w}, Place: places[i%len(places)], Speed: 99, To: t0.Add(1e6 * time.Hour)}
			f := newFrame(o.w, o.h)
			clear(o.drawn)
			o.onto(f, []graphics.Showing{showing(c)}, t0.Add(time.Second))
			if d := o.drawn[1].sprite; d != nil && !image.Rect(d.at.X, d.at.Y, d.at.X+d.w, d.at.Y+d.h).In(f.bounds()) {
				t.Errorf("%s: it lies at %v, %d by %d", k, d.at, d.w, d.h)
			}
		}
	}
}

// TestRoom has graphics make room for one another as in our player.
func TestRoom(t *testing.T) {
	lower, ticker := showing(kinds[0].content), showing(kinds[4].content)
	ticker.Number, ticker.Graphic = 2, "t"
	alone := touched(drawnOn(t, nil, lower))
	o := testOverlay(t, nil)
	f := grey()
	o.onto(f, []graphics.Showing{lower, ticker}, t0.Add(time.Second))
	raised := colourAt(f, alone.Min.X+2, alone.Min.Y-4)
	if !near(raised, accentOf) {
		t.Errorf("above a ticker the lower third is where it was: %v", raised)
	}
}

// TestTicker moves what runs by as far as the time says, and never over its label.
func TestTicker(t *testing.T) {
	o := testOverlay(t, nil)
	s := showing(kinds[4].content)
	at := func(age time.Duration) string {
		f := grey()
		o.onto(f, []graphics.Showing{s}, t0.Add(age))
		return string(f.pix)
	}
	if at(time.Second) == at(1100*time.Millisecond) {
		t.Error("it stands still")
	}
	run := o.drawn[1].ticker
	around := time.Duration(float64(run.run) / run.speed * float64(time.Second))
	if at(time.Second) != at(time.Second+around) {
		t.Error("after a round it is elsewhere")
	}
	if run.window.Min.X < 40 || len(o.drawn) != 1 {
		t.Errorf("items are seen from %d on, and %d graphics were drawn", run.window.Min.X, len(o.drawn))
	}
}

// TestDrawnOnce draws a graphic again only when it looks otherwise.
func TestDrawnOnce(t *testing.T) {
	o := testOverlay(t, nil)
	clock := showing(graphics.Content{Kind: graphics.Countdown, Title: "x", To: t0.Add(time.Minute), Place: "top-left"})
	all := []graphics.Showing{clock}
	o.onto(grey(), all, t0.Add(1100*time.Millisecond))
	first := o.drawn[1]
	o.onto(grey(), all, t0.Add(1900*time.Millisecond))
	if o.drawn[1] != first {
		t.Error("it was drawn again although it looks the same")
	}
	o.onto(grey(), all, t0.Add(2100*time.Millisecond))
	if o.drawn[1] == first {
		t.Error("the clock stands still")
	}
	o.onto(grey(), nil, t0)
	if len(o.drawn) != 0 {
		t.Error("what nobody shows is kept")
	}
}

// TestSeen has one showing on each layer, as our player has.
func TestSeen(t *testing.T) {
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	third := func(n int64, graphic string, from, until float64) graphics.Showing {
		x := graphics.Showing{Number: n, Graphic: graphic, From: at(from), Content: graphics.Content{Kind: graphics.LowerThird, Title: "x"}}
		if until > 0 {
			x.Until = at(until)
		}
		return x
	}
	all := []graphics.Showing{third(1, "a", 1, 2), third(2, "a", 2, 3), third(3, "b", 3, 5), third(4, "c", 9, 9)}
	for _, x := range []struct {
		at   float64
		want string
	}{{0.99, ""}, {1, "1~"}, {1.5, "1"}, {2, "2"}, {3, "3~"}, {4, "3"}, {5.05, "3-~"}, {5.2, ""}, {9, ""}} {
		got := ""
		for _, s := range seenAt(all, at(x.at)) {
			got += fmt.Sprint(s.Number)
			if s.leaves {
				got += "-"
			}
			if s.opaque < 1 {
				got += "~"
			}
		}
		if got != x.want {
			t.Errorf("after %v s %q is seen, want %q", x.at, got, x.want)
		}
	}
}

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{754 * time.Second: "12:34", 3725*time.Second + 1: "1:02:06", 1: "0:01", 0: "0:00", -time.Hour: "0:00", 72 * time.Hour: "3 days"} {
		if got := left(t0.Add(d), t0); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestPalette writes on every colour so that it can be read.
func TestPalette(t *testing.T) {
	for _, hex := range []string{"#000000", "#ffffff", "#ffb454", "#7f7f7f", "#e4572e", "#0e1a2b", "#00ff00", "red", ""} {
		p := paletteOf(graphics.Look{Ground: hex, Accent: hex})
		for _, x := range []float64{paint.Contrast(p.ink, p.ground), paint.Contrast(p.ink, p.lift), paint.Contrast(p.onAccent, p.accent)} {
			if x < paint.Readable {
				t.Errorf("%s: a contrast of %.2f", hex, x)
			}
		}
	}
}
