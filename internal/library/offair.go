package library

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"time"

	_ "image/jpeg" // logos are kept as JPEG, or as PNG if one sees through them

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

// OffAirCard is what a card says that is shown when nobody is live.
type OffAirCard struct {
	Title, Line        string
	Accent, Background string // #rrggbb; "": ours
	Logo               []byte // an image; empty: none
}

const (
	cardLogo           = 190 // pixels, at most
	cardGap            = 36
	cardTitle, cardSub = 68, 36 // sizes of letters
	cardBar            = 10
)

// Draw draws the card as a PNG.
func (o *OffAirCard) Draw() ([]byte, error) {
	ground, accent := paint.Colour(o.Background, color.RGBA{16, 36, 44, 255}), paint.Colour(o.Accent, color.RGBA{255, 181, 71, 255})
	ink, soft := inksOn(ground)
	pic := image.NewRGBA(image.Rect(0, 0, cardWidth, cardHeight))
	draw.Draw(pic, pic.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(pic, image.Rect(0, cardHeight-cardBar, cardWidth, cardHeight), image.NewUniform(accent), image.Point{}, draw.Src)

	var texts []cardText
	height := 0
	for _, t := range []cardText{{o.Title, cardTitle, ink, cardLines - 1, nil, nil}, {o.Line, cardSub, soft, cardLines - 1, nil, nil}} {
		if t.text == "" {
			continue
		}
		if err := t.set(); err != nil {
			return nil, err
		}
		defer t.face.Close()
		height += t.height() + cardGap
		texts = append(texts, t)
	}
	logo, _, err := image.Decode(bytes.NewReader(o.Logo))
	size := image.Point{}
	if err == nil { // else the card is without it
		size = paint.Fit(logo.Bounds().Size(), image.Pt(3*cardLogo, cardLogo))
		height += size.Y + cardGap
	}
	y := (cardHeight - cardBar - height + cardGap) / 2
	if size.Y > 0 {
		x := (cardWidth - size.X) / 2
		draw.CatmullRom.Scale(pic, image.Rect(x, y, x+size.X, y+size.Y), logo, logo.Bounds(), draw.Over, nil)
		y += size.Y + cardGap
	}
	for i := range texts {
		texts[i].draw(pic, y)
		y += texts[i].height() + cardGap
	}
	var out bytes.Buffer
	if err := png.Encode(&out, pic); err != nil {
		return nil, fmt.Errorf("draw a card: %w", err)
	}
	return out.Bytes(), nil
}

// inksOn returns what a title is written with, and the softer ink of the line below it, where that can be read too.
func inksOn(ground color.RGBA) (ink, soft color.RGBA) {
	ink = paint.InkOn(ground)
	if soft = paint.Mixed(ink, ground, 0.22); paint.Contrast(soft, ground) < paint.Readable {
		soft = ink
	}
	return ink, soft
}

// cardText is a text on a card.
type cardText struct {
	text  string
	size  float64
	ink   color.RGBA
	most  int // lines
	face  font.Face
	lines []string
}

func (t *cardText) set() (err error) {
	if t.face, err = cardFace(t.size); err != nil {
		return err
	}
	t.lines = wrap(t.text, t.most, func(s string) bool { return font.MeasureString(t.face, s).Ceil() <= cardWidth-2*cardMargin })
	return nil
}

func (t *cardText) height() int { return t.face.Metrics().Height.Ceil() * len(t.lines) }

// draw writes the lines in the middle, one below the other from y on.
func (t *cardText) draw(pic draw.Image, y int) {
	d := font.Drawer{Dst: pic, Src: image.NewUniform(t.ink), Face: t.face}
	y += t.face.Metrics().Ascent.Ceil()
	for _, line := range t.lines {
		d.Dot = fixed.P((cardWidth-font.MeasureString(t.face, line).Ceil())/2, y)
		d.DrawString(line)
		y += t.face.Metrics().Height.Ceil()
	}
}

// AddDrawn makes a clip of a picture that is there already, as if somebody had sent it.
func (l *Library) AddDrawn(ctx context.Context, channel string, n Arrival, picture []byte) (Clip, error) {
	n.Bytes, n.Origin.Kind = int64(len(picture)), FromCard
	c, err := l.Add(ctx, channel, n)
	if err != nil {
		return Clip{}, err
	}
	for from := 0; from < len(picture); from += pieceSize {
		end := min(from+pieceSize, len(picture))
		if err := l.putOnce(ctx, pieceKey(channel, c.ID, int64(from)), bucket.Bytes(picture[from:end])); err != nil {
			return Clip{}, fmt.Errorf("keep a picture: %w", err)
		}
	}
	return c, l.submit(ctx, channel, c.ID)
}

// cardNoted is by how much later than its clip a card is in its channel's document at the latest: more than twice as long
// as a request may take, for nodes whose clocks differ.
const cardNoted = 20 * time.Second

// TidyCards deletes clips of cards that are not wanted any more. wanted is asked which one still is, "" for none, when it
// is known which ones there are: a card that is set meanwhile keeps its clip, and so does one that may just be set. What a
// program still plays stays until the next time, too.
func (l *Library) TidyCards(ctx context.Context, channel string, wanted func(context.Context) (clip string, err error)) {
	clips, _, _, err := l.Clips(ctx, channel)
	if err != nil {
		return
	}
	clips = slices.DeleteFunc(clips, func(c Clip) bool {
		return c.Origin.Kind != FromCard || l.now().Sub(c.Created) < cardNoted
	})
	if len(clips) == 0 {
		return
	}
	but, err := wanted(ctx)
	if err != nil {
		l.log.Debug("the clips of earlier cards stay for now", "channel", channel, "error", err)
		return
	}
	for i := range clips {
		if c := &clips[i]; c.ID != but {
			if err := l.Delete(ctx, channel, c.ID); err != nil {
				l.log.Debug("the clip of an earlier card stays for now", "channel", channel, "clip", c.ID, "error", err)
			}
		}
	}
}
