package library

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

const (
	cardWidth, cardHeight = 1280, 720
	cardMargin            = 110
	cardLines             = 4
)

// drawCard draws the picture that is shown with sound that has none: the title on a plain ground.
func drawCard(file, title string) error {
	face, err := cardFace(64)
	if err != nil {
		return err
	}
	defer face.Close()
	pic := image.NewRGBA(image.Rect(0, 0, cardWidth, cardHeight))
	for y := range cardHeight {
		shade := color.RGBA{uint8(16 + y*10/cardHeight), uint8(36 + y*34/cardHeight), uint8(62 + y*20/cardHeight), 255}
		for x := range cardWidth {
			pic.SetRGBA(x, y, shade)
		}
	}
	lines := wrap(title, cardLines, func(s string) bool { return font.MeasureString(face, s).Ceil() <= cardWidth-2*cardMargin })
	d := font.Drawer{Dst: pic, Src: image.NewUniform(color.RGBA{240, 246, 244, 255}), Face: face}
	height := face.Metrics().Height.Ceil()
	y := (cardHeight-height*len(lines))/2 + face.Metrics().Ascent.Ceil()
	for _, line := range lines {
		d.Dot = fixed.P((cardWidth-font.MeasureString(face, line).Ceil())/2, y)
		d.DrawString(line)
		y += height
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("draw a card: %w", err)
	}
	defer f.Close()
	if err := png.Encode(f, pic); err != nil {
		return fmt.Errorf("draw a card: %w", err)
	}
	return f.Close()
}

func cardFace(size float64) (font.Face, error) {
	parsed, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		return nil, fmt.Errorf("draw a card: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("draw a card: %w", err)
	}
	return face, nil
}

// wrap breaks a text into lines that fit; what does not is left out.
func wrap(text string, most int, fits func(string) bool) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		longer := strings.TrimSpace(line + " " + word)
		if line == "" || fits(longer) {
			line = longer
			continue
		}
		if lines = append(lines, line); len(lines) == most {
			lines[most-1] += " …"
			return lines
		}
		line = word
	}
	return append(lines, line)
}
