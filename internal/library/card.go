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

// wrap breaks a text into lines that fit, within a word where one alone does not; what does not fit is left out.
func wrap(text string, most int, fits func(string) bool) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for word != "" {
			longer := strings.TrimSpace(line + " " + word)
			if fits(longer) {
				line, word = longer, ""
				continue
			}
			if line == "" {
				line, word = split(word, fits)
			}
			if lines = append(lines, line); len(lines) == most {
				lines[most-1] = dotted(line, fits)
				return lines
			}
			line = ""
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// split takes as much of a word as fits, at least one letter.
func split(word string, fits func(string) bool) (head, rest string) {
	letters := []rune(word)
	n := len(letters)
	for n > 1 && !fits(string(letters[:n])) {
		n--
	}
	return string(letters[:n]), string(letters[n:])
}

// dotted says that there was more.
func dotted(line string, fits func(string) bool) string {
	letters := []rune(line)
	for len(letters) > 1 && !fits(string(letters)+" …") {
		letters = letters[:len(letters)-1]
	}
	return strings.TrimSpace(string(letters)) + " …"
}
