package graphics

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/fetch"
	"github.com/mayfly-tv/mayfly/internal/paint"
)

// Board is what a channel's producers have prepared.
type Board struct {
	Look     Look      `json:"look"`
	Graphics []Graphic `json:"graphics"`
}

// Look is the template of all graphics of a channel.
type Look struct {
	Font   string `json:"font,omitempty" enum:"plain,humanist,condensed,rounded,serif,slab,mono" doc:"plain if absent"`
	Ground string `json:"ground,omitempty" doc:"colour behind the text, #rrggbb; absent: dark"`
	Accent string `json:"accent,omitempty" doc:"colour of bars and labels, #rrggbb; absent: the channel's"`
	NoLogo bool   `json:"noLogo,omitempty" doc:"full screens and stings go without the channel's logo"`
}

// Fonts are the families that the player knows. None is fetched: each names what systems have.
var Fonts = []string{"plain", "humanist", "condensed", "rounded", "serif", "slab", "mono"}

// Set changes the look.
func (b *Board) Set(l Look) error {
	l.Ground, l.Accent = strings.ToLower(l.Ground), strings.ToLower(l.Accent)
	for _, c := range []string{l.Ground, l.Accent} {
		if c != "" && !paint.Valid(c) {
			return invalid("the colour %q: write it as #rrggbb", c)
		}
	}
	if l.Font != "" && !slices.Contains(Fonts, l.Font) {
		return invalid("the font %q: use one of %v", l.Font, Fonts)
	}
	b.Look = l
	return nil
}

// Graphic is one that is prepared.
type Graphic struct {
	ID      string `json:"id"`
	Version int    `json:"version" doc:"counts its changes"`
	Name    string `json:"name,omitempty" doc:"for the producers"`
	Lasts   int    `json:"lasts,omitempty" doc:"s after which it hides itself; 0: it stays until it is hidden"`
	Address string `json:"address,omitempty" doc:"where its picture lies, if it was not uploaded"`
	Image   string `json:"image,omitempty"`

	Content
}

// MaxGraphics is how many a channel may prepare.
const MaxGraphics = 100

func (g *Graphic) validate() error {
	g.Name = strings.TrimSpace(g.Name)
	g.tidy()
	if g.Kind != Picture {
		g.Address = ""
	}
	if err := plain("a name", g.Name, maxName); err != nil {
		return err
	}
	if g.Lasts < 0 || g.Lasts > maxLasts {
		return invalid("hiding itself after %d s: use 0 (never) to %d", g.Lasts, maxLasts)
	}
	if g.Address != "" {
		if _, err := fetch.Parse(g.Address); err != nil {
			return invalid("%v", err)
		}
	} else if g.Reload != 0 {
		return invalid("only a picture that lies at an address can be fetched again: give an address, or do not reload it")
	}
	return g.Content.validate()
}

// Check says what is wrong with a graphic, before anything is done for it.
func (g *Graphic) Check() error {
	c := *g
	return c.validate()
}

// Ready says what a graphic lacks to be shown, in a channel with that logo.
func (g *Graphic) Ready(logo string) error {
	switch {
	case g.Kind == Picture && g.Image == "":
		return invalid("it has no picture so far: upload one, or give an address")
	case g.Kind == Bug && g.Image == "" && g.Title == "" && logo == "":
		return invalid("a bug without a picture shows the channel's logo, and there is none: upload one, or give it a text")
	}
	return nil
}

func (b *Board) at(id string) int {
	return slices.IndexFunc(b.Graphics, func(g Graphic) bool { return g.ID == id })
}

// Graphic returns the one of that id, or nil.
func (b *Board) Graphic(id string) *Graphic {
	if i := b.at(id); i >= 0 {
		return &b.Graphics[i]
	}
	return nil
}

// Add puts a graphic at the end, under an id made with NewID.
func (b *Board) Add(g Graphic) error {
	if len(b.Graphics) >= MaxGraphics {
		return invalid("the channel has %d graphics, as many as it may: remove one first", len(b.Graphics))
	}
	g.Version = 1
	if err := g.validate(); err != nil {
		return err
	}
	b.Graphics = append(b.Graphics, g)
	return nil
}

// Change changes a graphic, if it is of that version. What is shown of it stays as it is until it is shown again.
func (b *Board) Change(id string, version int, change func(*Graphic)) error {
	i := b.at(id)
	switch {
	case i < 0:
		return ErrNotFound
	case b.Graphics[i].Version != version:
		return ErrChanged
	}
	g := b.Graphics[i]
	change(&g)
	g.ID, g.Version, g.Kind = id, version+1, b.Graphics[i].Kind
	if err := g.validate(); err != nil {
		return err
	}
	b.Graphics = slices.Clone(b.Graphics)
	b.Graphics[i] = g
	return nil
}

// Illustrate gives a graphic its picture. Whoever changes its text meanwhile is not in the way.
func (b *Board) Illustrate(id, image string) error {
	g := b.Graphic(id)
	if g == nil {
		return ErrNotFound
	}
	if g.Kind != Picture && g.Kind != Bug {
		return invalid("a %s shows no picture", g.Kind)
	}
	g.Image = image
	g.Version++
	return nil
}

// Move puts a graphic behind the one of another id, or with "" at the beginning.
func (b *Board) Move(id, after string) error {
	i := b.at(id)
	if i < 0 || after != "" && b.at(after) < 0 {
		return ErrNotFound
	}
	if id == after {
		return nil
	}
	g := b.Graphics[i]
	b.Graphics = slices.Delete(slices.Clone(b.Graphics), i, i+1)
	b.Graphics = slices.Insert(b.Graphics, b.at(after)+1, g)
	return nil
}

// Remove takes a graphic out.
func (b *Board) Remove(id string) error {
	i := b.at(id)
	if i < 0 {
		return ErrNotFound
	}
	b.Graphics = slices.Delete(slices.Clone(b.Graphics), i, i+1)
	return nil
}

// NewID makes the id of a graphic. Nobody guesses it.
func NewID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
