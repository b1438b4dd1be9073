package burn

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"log"
	"slices"
	"strings"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/draw"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"golang.org/x/text/unicode/bidi"
)

// The families that every node has, whatever is installed on its machine.
const (
	ownSans = "mayfly sans"
	ownMono = "mayfly mono"
)

// families are the fonts of a look. "plain" is our own on every node, so that it looks the same whichever one draws;
// the others are what the machine has of them.
var families = map[string][]string{
	"humanist":  {"Noto Sans", "DejaVu Sans", ownSans},
	"condensed": {"Roboto Condensed", "DejaVu Sans Condensed", "Liberation Sans Narrow", ownSans},
	"rounded":   {"Quicksand", "Nunito", "DejaVu Sans", ownSans},
	"serif":     {"Noto Serif", "DejaVu Serif", "Liberation Serif", ownSans},
	"slab":      {"Roboto Slab", "DejaVu Serif", ownSans},
	"mono":      {ownMono},
}

// typesetter lays out text. It is not safe for concurrent use.
type typesetter struct {
	fonts  *fontscan.FontMap
	shaper shaping.HarfbuzzShaper
	seg    shaping.Segmenter
	wrap   shaping.LineWrapper
}

// newTypesetter makes a typesetter with our own fonts. With a directory for their index, those of the machine are
// there for what ours lack: other scripts, and the families of looks.
func newTypesetter(index string) (*typesetter, error) {
	t := &typesetter{fonts: fontscan.NewFontMap(log.New(io.Discard, "", 0))}
	for _, f := range []struct {
		name, family string
		data         []byte
	}{{"medium", ownSans, gomedium.TTF}, {"bold", ownSans, gobold.TTF}, {"mono", ownMono, gomono.TTF}, {"mono bold", ownMono, gomonobold.TTF}} {
		if err := t.fonts.AddFont(bytes.NewReader(f.data), f.name, f.family); err != nil {
			return nil, err
		}
	}
	if index != "" {
		// A machine without fonts is none the worse: ours are there.
		_ = t.fonts.UseSystemFonts(index)
	}
	return t, nil
}

// style is how a text is set.
type style struct {
	font string // of a look
	bold bool
	size float64 // pixels
	wide float64 // what a line may take
	most int     // lines; what does not fit into them ends with an ellipsis
	lead float64 // from line to line, in sizes
}

// block is a text that is laid out.
type block struct {
	lines  []shaping.Line
	w, h   float64
	ascent float64
	step   float64
	rtl    bool
	widths []float64
}

// lay breaks a text into lines, in the order in which they are read.
func (t *typesetter) lay(text string, s style) block {
	all := families[s.font]
	if all == nil {
		all = []string{ownSans}
	}
	aspect := font.Aspect{Weight: font.WeightMedium}
	if s.bold {
		aspect.Weight = font.WeightBold
	}
	t.fonts.SetQuery(fontscan.Query{Families: all, Aspect: aspect})
	b := block{step: s.size * s.lead, rtl: readsLeft(text)}
	runes := []rune(strings.ToValidUTF8(text, "\ufffd"))
	if len(runes) == 0 {
		return b
	}
	in := shaping.Input{Text: runes, RunEnd: len(runes), Direction: di.DirectionLTR, Size: fixed.Int26_6(s.size * 64), Language: language.DefaultLanguage()}
	if b.rtl {
		in.Direction = di.DirectionRTL
	}
	cfg := shaping.WrapConfig{Direction: in.Direction, TruncateAfterLines: s.most}
	if s.most > 0 {
		dots := in
		dots.Text, dots.RunEnd, dots.Script, dots.Face = []rune("…"), 1, language.Common, t.fonts.ResolveFace('…')
		cfg = cfg.WithTruncator(&t.shaper, dots)
	}
	var outs []shaping.Output
	for _, run := range t.seg.Split(in, t.fonts) {
		outs = append(outs, t.shaper.Shape(run))
	}
	lines, _ := t.wrap.WrapParagraph(cfg, int(s.wide), runes, shaping.NewSliceIterator(outs))
	for _, line := range lines {
		line = slices.Clone(line) // the wrapper uses its lines again
		w := 0.0
		for _, run := range line {
			w += float(run.Advance)
			b.ascent = max(b.ascent, min(float(run.LineBounds.Ascent), s.size*1.1))
		}
		b.lines, b.widths = append(b.lines, line), append(b.widths, w)
		b.w = max(b.w, w)
	}
	b.h = b.step * float64(len(b.lines))
	// The line's box is as high as the step; the text stands in the middle of it.
	b.ascent = (b.step-s.size*1.18)/2 + min(b.ascent, s.size*0.96)
	return b
}

// readsLeft reports whether a text is read from the right, by its first letter that says so.
func readsLeft(text string) bool {
	for _, r := range text {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			return true
		}
	}
	return false
}

func float(v fixed.Int26_6) float64 { return float64(v) / 64 }

// align says where the lines of a block lie within its width.
type align int

const (
	start align = iota // where reading begins
	middle
)

// text draws a block into a box of a width with its upper left corner at x, y.
func (c *canvas) text(b block, x, y, wide float64, ink color.RGBA, a align) {
	for i, line := range b.lines {
		at := x
		switch {
		case a == middle:
			at += (wide - b.widths[i]) / 2
		case b.rtl:
			at += wide - b.widths[i]
		}
		runs := slices.Clone(line)
		slices.SortFunc(runs, func(p, q shaping.Output) int { return int(p.VisualIndex - q.VisualIndex) })
		for i := range runs {
			c.run(&runs[i], at, y+b.ascent, ink)
			at += float(runs[i].Advance)
		}
		y += b.step
	}
}

// run draws the glyphs of a run, the first with its origin at x, y.
func (c *canvas) run(run *shaping.Output, x, y float64, ink color.RGBA) {
	scale := float(run.Size) / float64(run.Face.Upem())
	for _, g := range run.Glyphs {
		gx, gy := x+float(g.XOffset), y-float(g.YOffset)
		switch data := run.Face.GlyphData(g.GlyphID).(type) {
		case font.GlyphOutline:
			c.outline(data.Segments, gx, gy, scale, ink)
		case font.GlyphSVG:
			c.outline(data.Outline.Segments, gx, gy, scale, ink)
		case font.GlyphBitmap:
			c.bitmap(data, g, gx, gy)
		}
		x += float(g.Advance)
	}
}

// outline fills the outline of a glyph.
func (c *canvas) outline(segments []font.Segment, x, y, scale float64, ink color.RGBA) {
	if len(segments) == 0 {
		return
	}
	at := func(p opentype.SegmentPoint) (float32, float32) {
		return float32(x + float64(p.X)*scale), float32(y - float64(p.Y)*scale)
	}
	c.path(ink, func(r *vector.Rasterizer, dx, dy float32) {
		for _, s := range segments {
			var p [6]float32
			for i := range s.Args {
				px, py := at(s.Args[i])
				p[2*i], p[2*i+1] = px-dx, py-dy
			}
			switch s.Op {
			case opentype.SegmentOpMoveTo:
				r.ClosePath()
				r.MoveTo(p[0], p[1])
			case opentype.SegmentOpLineTo:
				r.LineTo(p[0], p[1])
			case opentype.SegmentOpQuadTo:
				r.QuadTo(p[0], p[1], p[2], p[3])
			case opentype.SegmentOpCubeTo:
				r.CubeTo(p[0], p[1], p[2], p[3], p[4], p[5])
			}
		}
		r.ClosePath()
	}, boundsOf(segments, at))
}

func boundsOf(segments []font.Segment, at func(opentype.SegmentPoint) (float32, float32)) image.Rectangle {
	const far = 1 << 14
	lowX, lowY, highX, highY := float32(far), float32(far), float32(-far), float32(-far)
	for i := range segments {
		for _, p := range segments[i].ArgsSlice() {
			x, y := at(p)
			lowX, lowY, highX, highY = min(lowX, x), min(lowY, y), max(highX, x), max(highY, y)
		}
	}
	return image.Rect(int(lowX)-1, int(lowY)-1, int(highX)+2, int(highY)+2)
}

// bitmap draws a glyph that is a picture, such as an emoji.
func (c *canvas) bitmap(b font.GlyphBitmap, g shaping.Glyph, x, y float64) {
	if b.Format != font.PNG {
		return
	}
	img, err := png.Decode(bytes.NewReader(b.Data))
	if err != nil {
		return
	}
	left, top := int(x+float(g.XBearing)), int(y-float(g.YBearing))
	box := image.Rect(left, top, left+g.Width.Ceil(), top-g.Height.Floor())
	draw.ApproxBiLinear.Scale(c.img, box, img, img.Bounds(), draw.Over, nil)
}
