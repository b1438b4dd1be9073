package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// graphicsEvent says what lies over a channel's pictures, sent at first and whenever it changed.
type graphicsEvent struct {
	Slug     string             `json:"slug"`
	Since    time.Time          `json:"since" doc:"program time from which on nothing is left out"`
	Showings []graphics.Showing `json:"showings"`
}

// recently is how far back an event reaches: more than a viewer who watches live is behind.
const recently = 2 * time.Minute

// overlay tells one listener what lies over a channel's pictures.
type overlay struct {
	api  *API
	told *graphics.Shown
}

// tell sends what has changed, and reports false if the listener has left. What cannot be read is told later.
func (o *overlay) tell(ctx context.Context, s station.Status, send sse.Sender) bool {
	c, err := o.api.cfg.Channels.Get(s.Slug)
	if err != nil {
		return true
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	shown, err := o.api.cfg.Graphics.Now(bounded, c.ID, s.Revision)
	if err != nil || shown == o.told {
		return ctx.Err() == nil
	}
	o.told = shown
	e := graphicsEvent{Slug: s.Slug}
	if shown.Last > 0 {
		e.Since = time.Now().Add(-recently).UTC()
	}
	e.Showings = addressed(c, shown.Since(e.Since))
	return send.Data(e) == nil
}

type graphicsLogInput struct {
	Channel string    `path:"channel" doc:"its slug"`
	From    time.Time `query:"from" required:"true" doc:"program time"`
	To      time.Time `query:"to" required:"true" doc:"program time, at most a day later"`
	Token   string    `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch it"`
}

type graphicsLogOutput struct {
	Body struct {
		Showings []graphics.Showing `json:"showings" doc:"in the order in which they began"`
	}
}

const maxLogSpan = 24 * time.Hour

func (a *API) registerGraphicsLog(doc huma.API) {
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/graphics/log", "graphics-log", "What lay over the pictures within a stretch of the program", "graphics", 200, false), func(ctx context.Context, in *graphicsLogInput) (*graphicsLogOutput, error) {
		c, err := a.cfg.Channels.Get(in.Channel)
		if err != nil {
			return nil, a.problem(err)
		}
		switch err := a.mayWatch(ctx, c, in.Token); {
		case errors.Is(err, channel.ErrNotFound):
			return nil, a.problem(err)
		case err != nil:
			return nil, a.problem(a.turnedAway(ctx, c, in.Token))
		}
		if d := in.To.Sub(in.From); d < 0 || d > maxLogSpan {
			return nil, huma.Error422UnprocessableEntity("ask for a stretch of at most 24 hours: to is a program time behind from")
		}
		bounded, cancel := context.WithTimeout(ctx, bucketTime)
		defer cancel()
		all, err := a.cfg.Graphics.Log(bounded, c.ID, in.From, in.To)
		if err != nil {
			return nil, a.problem(err)
		}
		out := &graphicsLogOutput{}
		out.Body.Showings = addressed(c, all)
		return out, nil
	})
}

// newestPath stands in the address of a picture that is fetched again and again, before the graphic's id.
const newestPath = "newest/"

func addressOf(c *channel.Channel, image string) string {
	if image == "" {
		return ""
	}
	return station.ArtPath + c.Slug + "/" + image
}

// addressed puts addresses in the place of images' names. What is shown now and reloads itself has one that does.
func addressed(c *channel.Channel, all []graphics.Showing) []graphics.Showing {
	all = slices.Clone(all)
	for i := range all {
		s := &all[i]
		s.Image, s.Logo = addressOf(c, s.Image), addressOf(c, s.Logo)
		if s.Reload > 0 && s.Until.IsZero() {
			s.Image = addressOf(c, newestPath+s.Graphic)
		}
	}
	return all
}

// overlaid returns what is known of the graphics of a channel: what is shown, and what is prepared.
func (a *API) overlaid(ctx context.Context, c *channel.Channel) (*graphics.Shown, *graphics.Board, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	p, err := a.cfg.Station.Program(c.Slug)
	if err != nil {
		return nil, nil, err
	}
	revision := p.Status().Revision
	shown, err := a.cfg.Graphics.Now(ctx, c.ID, revision)
	if err != nil {
		return nil, nil, err
	}
	board, err := a.cfg.Graphics.Prepared(ctx, c.ID, revision)
	return shown, board, err
}

// illustrates reports whether an image belongs to a graphic of a channel.
func (a *API) illustrates(ctx context.Context, c *channel.Channel, image string) bool {
	if artwork.ContentType(image) == "" {
		return false
	}
	shown, board, err := a.overlaid(ctx, c)
	return err == nil && (slices.Contains(shown.Images, image) || slices.ContainsFunc(board.Graphics, func(g graphics.Graphic) bool { return g.Image == image }))
}

// newestPicture answers with what lies just now at the address of a graphic that is shown. The graphic's id is in its
// address: nobody guesses it.
func (a *API) newestPicture(w http.ResponseWriter, r *http.Request, slug, graphic string) {
	c, err := a.cfg.Channels.Get(slug)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if caller, _, _ := a.caller(r); c.Suspended != "" && !caller.May(account.See, c) {
		http.NotFound(w, r)
		return
	}
	shown, board, err := a.overlaid(r.Context(), c)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if c.Rehearsal != nil {
		if x, err := a.cfg.Graphics.Rehearsed(r.Context(), c.ID); err == nil {
			shown = &graphics.Shown{Showings: slices.Concat(shown.Showings, x.Showings)}
		}
	}
	g := board.Graphic(graphic)
	if g == nil || g.Reload == 0 || !slices.ContainsFunc(shown.Since(time.Now()), func(s graphics.Showing) bool { return s.Graphic == graphic }) {
		http.NotFound(w, r)
		return
	}
	every := time.Duration(g.Reload) * time.Second
	file, err := a.cfg.GraphicPictures.Newest(r.Context(), g.Address, every)
	if err != nil { // the one that was there when it was prepared
		http.Redirect(w, r, addressOf(c, g.Image), http.StatusFound)
		return
	}
	sendImage(w, r, c, artwork.ContentType(file.Name), file.Data, "max-age="+strconv.Itoa(g.Reload/2))
}
