package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/graphics"
)

type graphicsOutput struct {
	Body struct {
		Look     graphics.Look      `json:"look" doc:"the template of all of them"`
		Graphics []graphics.Graphic `json:"graphics" doc:"what is prepared; image is an address"`
		Shown    []graphics.Showing `json:"shown" doc:"what is shown now; in a rehearsal also what was in the last minute"`

		Rehearsed bool `json:"rehearsed,omitempty" doc:"the channel rehearses: what is shown is shown to producers alone"`
	}
}

type graphicsLookInput struct {
	Channel string `path:"channel"`
	Body    graphics.Look
}

type newGraphicInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Name    string `json:"name,omitempty"`
		Lasts   int    `json:"lasts,omitempty" doc:"s after which it hides itself; 0: it stays until it is hidden"`
		Address string `json:"address,omitempty" doc:"where its picture lies; it is fetched at once"`

		graphics.Content
	}
}

type graphicInput struct {
	Channel string `path:"channel"`
	Graphic string `path:"graphic"`
}

type changeGraphicInput struct {
	Channel string `path:"channel"`
	Graphic string `path:"graphic"`
	Body    struct {
		Version int        `json:"version" doc:"of the graphic as it was read: one that somebody else has changed is not changed"`
		Name    *string    `json:"name,omitempty"`
		Lasts   *int       `json:"lasts,omitempty"`
		Address *string    `json:"address,omitempty"`
		Title   *string    `json:"title,omitempty"`
		Text    *string    `json:"text,omitempty"`
		Lines   *[]string  `json:"lines,omitempty"`
		Place   *string    `json:"place,omitempty"`
		Speed   *int       `json:"speed,omitempty"`
		Back    *bool      `json:"back,omitempty"`
		To      *time.Time `json:"to,omitempty"`
		Reload  *int       `json:"reload,omitempty"`
	}
}

type moveGraphicInput struct {
	Channel string `path:"channel"`
	Graphic string `path:"graphic"`
	Body    struct {
		After string `json:"after" doc:"the id of the graphic that it comes behind, or \"\": at the beginning"`
	}
}

type illustrateInput struct {
	Channel string `path:"channel"`
	Graphic string `path:"graphic"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type chatLineInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Name  string `json:"name" doc:"the viewer's nickname"`
		Text  string `json:"text"`
		Lasts int    `json:"lasts,omitempty" minimum:"0" maximum:"3600" doc:"s after which it hides itself; 0: it stays until it is hidden"`
	}
}

// chatLine is the graphic of lines that none was prepared for.
const chatLine = "chat"

func (a *API) registerGraphics(doc huma.API) {
	op := func(method, path, id, summary string, status int) huma.Operation {
		return operation(method, "/channels/{channel}/graphics"+path, id, summary, "graphics", status, true)
	}
	huma.Register(doc, op(http.MethodGet, "", "get-graphics", "Read the graphics that are prepared, and what is shown", 200), func(ctx context.Context, in *channelInput) (*graphicsOutput, error) {
		c, err := a.channel(ctx, in.Channel, account.See)
		if err != nil {
			return nil, err
		}
		return a.graphicsOf(ctx, c)
	})
	huma.Register(doc, op(http.MethodPut, "/look", "set-graphics-look", "Set the template: font and colours", 200), func(ctx context.Context, in *graphicsLookInput) (*graphicsOutput, error) {
		return a.prepared(ctx, in.Channel, "graphics.look", "", func(_ *channel.Channel, b *graphics.Board) error { return b.Set(in.Body) })
	})
	huma.Register(doc, op(http.MethodPost, "/items", "add-graphic", "Prepare a graphic", 201), a.addGraphic)
	huma.Register(doc, op(http.MethodPatch, "/items/{graphic}", "change-graphic", "Change a graphic; what is shown of it stays as it is until it is shown again", 200), a.changeGraphic)
	huma.Register(doc, op(http.MethodPost, "/items/{graphic}/move", "move-graphic", "Put a graphic elsewhere", 200), func(ctx context.Context, in *moveGraphicInput) (*graphicsOutput, error) {
		return a.prepared(ctx, in.Channel, "graphics.move", in.Graphic, func(_ *channel.Channel, b *graphics.Board) error { return b.Move(in.Graphic, in.Body.After) })
	})
	huma.Register(doc, op(http.MethodDelete, "/items/{graphic}", "remove-graphic", "Remove a graphic; if it is shown, it is hidden", 200), func(ctx context.Context, in *graphicInput) (*graphicsOutput, error) {
		if _, err := a.hide(ctx, in.Channel, in.Graphic); err != nil {
			return nil, err
		}
		return a.prepared(ctx, in.Channel, "graphics.remove", in.Graphic, func(_ *channel.Channel, b *graphics.Board) error { return b.Remove(in.Graphic) })
	})
	put := op(http.MethodPut, "/items/{graphic}/image", "illustrate-graphic", "Give a graphic its picture: a PNG, JPEG or WebP image of at most 5 MB, as the body", 200)
	put.MaxBodyBytes, put.BodyReadTimeout = artwork.MaxBytes, uploadTime
	huma.Register(doc, put, func(ctx context.Context, in *illustrateInput) (*graphicsOutput, error) {
		c, err := a.channel(ctx, in.Channel, account.Cut)
		if err != nil {
			return nil, err
		}
		image, err := a.keepImage(ctx, c, in.RawBody)
		if err != nil {
			return nil, err
		}
		return a.prepared(ctx, in.Channel, "graphics.image", in.Graphic, func(_ *channel.Channel, b *graphics.Board) error { return b.Illustrate(in.Graphic, image) })
	})
	huma.Register(doc, op(http.MethodPost, "/items/{graphic}/show", "show-graphic", "Show a graphic as it is now, in place of what lies where it does", 200), a.showGraphic)
	huma.Register(doc, op(http.MethodPost, "/items/{graphic}/hide", "hide-graphic", "Hide a graphic", 200), func(ctx context.Context, in *graphicInput) (*graphicsOutput, error) {
		return a.hide(ctx, in.Channel, in.Graphic)
	})
	huma.Register(doc, op(http.MethodPost, "/hide", "hide-graphics", "Hide all graphics", 200), func(ctx context.Context, in *channelInput) (*graphicsOutput, error) {
		return a.hide(ctx, in.Channel, "")
	})
	huma.Register(doc, op(http.MethodPost, "/chat", "show-chat-line", "Show a line that a viewer wrote; hide it as the graphic `chat`", 200), func(ctx context.Context, in *chatLineInput) (*graphicsOutput, error) {
		b := &in.Body
		g := graphics.Graphic{ID: chatLine, Lasts: b.Lasts, Content: graphics.Content{Kind: graphics.Chat, Title: b.Name, Text: b.Text}}
		return a.display(ctx, in.Channel, func(*graphics.Board) (*graphics.Graphic, error) { return &g, g.Check() })
	})
	a.registerGraphicsLog(doc)
}

// graphicsOf answers with a channel's graphics.
func (a *API) graphicsOf(ctx context.Context, c *channel.Channel) (*graphicsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	board, err := a.cfg.Graphics.Board(ctx, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	read := a.cfg.Graphics.Shown
	if c.Rehearsal != nil {
		read = a.cfg.Graphics.Rehearsed
	}
	shown, err := read(ctx, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	return graphicsAnswer(c, &board, &shown), nil
}

func graphicsAnswer(c *channel.Channel, board *graphics.Board, shown *graphics.Shown) *graphicsOutput {
	out := &graphicsOutput{}
	out.Body.Look, out.Body.Graphics = board.Look, []graphics.Graphic{}
	for _, g := range board.Graphics {
		g.Image = addressOf(c, g.Image)
		out.Body.Graphics = append(out.Body.Graphics, g)
	}
	since := time.Now().Add(soon)
	if out.Body.Rehearsed = c.Rehearsal != nil; out.Body.Rehearsed {
		since = time.Time{}
	}
	out.Body.Shown = addressed(c, shown.Since(since))
	return out
}

// prepared changes what is prepared, tells all producers, and notes it.
func (a *API) prepared(ctx context.Context, slug, did, detail string, change func(*channel.Channel, *graphics.Board) error) (*graphicsOutput, error) {
	c, _, err := edited(ctx, a, slug, account.Cut, a.cfg.Graphics.Update, change)
	if err != nil {
		return nil, err
	}
	a.cfg.Station.Touch(c.ID)
	a.note(ctx, c.ID, did, detail)
	return a.graphicsOf(ctx, c)
}

// keepImage keeps the picture of a graphic, and returns its name.
func (a *API) keepImage(ctx context.Context, c *channel.Channel, data []byte) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	name, err := a.cfg.Art.Put(bounded, c.ID, artwork.Graphic, data)
	return name, a.problem(err)
}

// fetchImage fetches the picture at an address and keeps it, so that who gave the address sees what lies there.
func (a *API) fetchImage(ctx context.Context, c *channel.Channel, address string) (string, error) {
	data, err := a.cfg.GraphicPictures.Fetch(ctx, address)
	if err != nil {
		return "", a.problem(err)
	}
	return a.keepImage(ctx, c, data)
}

func (a *API) addGraphic(ctx context.Context, in *newGraphicInput) (*graphicsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Cut)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	g := graphics.Graphic{ID: graphics.NewID(), Name: b.Name, Lasts: b.Lasts, Address: b.Address, Content: b.Content}
	if err := g.Check(); err != nil {
		return nil, a.problem(err)
	}
	if g.Address != "" {
		if g.Image, err = a.fetchImage(ctx, c, g.Address); err != nil {
			return nil, err
		}
	}
	return a.prepared(ctx, in.Channel, "graphics.add", cmp.Or(g.Name, g.Title, string(g.Kind)), func(_ *channel.Channel, b *graphics.Board) error { return b.Add(g) })
}

func (a *API) changeGraphic(ctx context.Context, in *changeGraphicInput) (*graphicsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Cut)
	if err != nil {
		return nil, err
	}
	b, image := &in.Body, ""
	if b.Address != nil && *b.Address != "" {
		if image, err = a.fetchImage(ctx, c, *b.Address); err != nil {
			return nil, err
		}
	}
	return a.prepared(ctx, in.Channel, "graphics.change", in.Graphic, func(_ *channel.Channel, board *graphics.Board) error {
		return board.Change(in.Graphic, b.Version, func(g *graphics.Graphic) {
			set(&g.Name, b.Name)
			set(&g.Lasts, b.Lasts)
			set(&g.Address, b.Address)
			set(&g.Title, b.Title)
			set(&g.Text, b.Text)
			set(&g.Lines, b.Lines)
			set(&g.Place, b.Place)
			set(&g.Speed, b.Speed)
			set(&g.Back, b.Back)
			set(&g.To, b.To)
			set(&g.Reload, b.Reload)
			g.Image = cmp.Or(image, g.Image)
		})
	})
}

func (a *API) showGraphic(ctx context.Context, in *graphicInput) (*graphicsOutput, error) {
	return a.display(ctx, in.Channel, func(b *graphics.Board) (*graphics.Graphic, error) {
		g := b.Graphic(in.Graphic)
		if g == nil {
			return nil, graphics.ErrNotFound
		}
		return g, nil
	})
}

// lead is how far ahead of the newest picture on air a graphic comes or goes. Viewers see that picture a second or so
// later at the earliest, and hear of the graphic meanwhile.
const lead = 250 * time.Millisecond

// soon is when what ends counts as hidden to producers: they see at once what they did.
const soon = time.Second

// edge returns a channel whose graphics somebody may show, and from which program time on what is done is seen: in a
// rehearsal, whose pictures have the time at which they were sent, at once.
func (a *API) edge(ctx context.Context, slug string) (*channel.Channel, time.Time, error) {
	c, err := a.channel(ctx, slug, account.Cut)
	if err != nil {
		return nil, time.Time{}, err
	}
	if c.Rehearsal != nil {
		return c, time.Now(), nil
	}
	p, err := a.cfg.Station.Program(slug)
	if err != nil {
		return nil, time.Time{}, a.problem(err)
	}
	return c, p.Edge(ctx).Add(lead), nil
}

// changeShown changes what viewers see, or in a rehearsal what producers do.
func (a *API) changeShown(ctx context.Context, c *channel.Channel, change func(*graphics.Shown)) (graphics.Shown, error) {
	if c.Rehearsal != nil {
		return a.cfg.Graphics.Rehearse(ctx, c.ID, change)
	}
	return a.cfg.Graphics.Change(ctx, c.ID, change)
}

// display shows a graphic from the pictures on that come next.
func (a *API) display(ctx context.Context, slug string, find func(*graphics.Board) (*graphics.Graphic, error)) (*graphicsOutput, error) {
	c, at, err := a.edge(ctx, slug)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	board, err := a.cfg.Graphics.Board(bounded, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	g, err := find(&board)
	if err == nil {
		err = g.Ready(c.Logo)
	}
	if err != nil {
		return nil, a.problem(err)
	}
	n := graphics.Showing{Graphic: g.ID, Content: g.Content, Image: g.Image, Look: board.Look}
	n.Look.Accent = cmp.Or(n.Look.Accent, c.Accent)
	if !n.Look.NoLogo {
		n.Logo = c.Logo
	}
	shown, err := a.changeShown(bounded, c, func(s *graphics.Shown) { s.Show(n, g.Lasts, at) })
	if err != nil {
		return nil, a.problem(err)
	}
	a.cfg.Station.Touch(c.ID)
	a.cfg.People.Note(c.ID, callerOf(ctx), "graphics.show", cmp.Or(g.Name, g.Title, string(g.Kind)))
	return graphicsAnswer(c, &board, &shown), nil
}

// hide hides a graphic, or with "" all of them.
func (a *API) hide(ctx context.Context, slug, graphic string) (*graphicsOutput, error) {
	c, at, err := a.edge(ctx, slug)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if _, err := a.changeShown(bounded, c, func(s *graphics.Shown) { s.Hide(graphic, at) }); err != nil {
		return nil, a.problem(err)
	}
	a.cfg.Station.Touch(c.ID)
	a.cfg.People.Note(c.ID, callerOf(ctx), "graphics.hide", cmp.Or(graphic, "all"))
	return a.graphicsOf(ctx, c)
}
