package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// Card is what viewers see when nobody is live, in a channel that has no plan of its own.
type Card struct {
	State string `json:"state" enum:"none,making,shown,failed,plan" doc:"making: it is shown in some seconds; failed: fault says why; plan: there is none, because the channel has a plan that is more than a card"`
	Kind  string `json:"kind,omitempty" doc:"drawn of the channel's title, logo and colours; a picture that was uploaded for it; or a clip of the library"`
	Line  string `json:"line,omitempty" doc:"what it says below the title, if it is drawn"`
	Clip  string `json:"clip,omitempty" doc:"id of the clip that shows it"`
	Fault string `json:"fault,omitempty"`

	Poster string `json:"poster,omitempty" doc:"address of a picture of it"`
}

type cardOutput struct{ Body Card }

type setCardInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Line string `json:"line,omitempty" maxLength:"160" doc:"a line of text below the channel's title, such as when there is something to see again"`
		Clip string `json:"clip,omitempty" maxLength:"40" doc:"instead: the id of a clip of the library, which is shown in a loop"`
	}
}

type cardPictureInput struct {
	Channel string `path:"channel"`
	RawBody []byte `contentType:"application/octet-stream"`
}

const (
	// cardSeconds is how long the clip of a card is: at its end it begins again.
	cardSeconds = 60
	cardTitle   = "Off-air card"
)

// errHasPlan is returned for a card in a channel that has a plan.
var errHasPlan = huma.Error409Conflict("the channel has a plan, which says what is played when nobody is live: let that play the card's clip, or change the plan")

// errNoCard ends a change that would take away a card that is not there.
var errNoCard = huma.Error409Conflict("the channel has no card")

func (a *API) registerCard(doc huma.API) {
	if a.cfg.Library == nil {
		return
	}
	op := func(method, path, id, summary string) huma.Operation {
		return operation(method, "/channels/{channel}/card"+path, id, summary, "channels", 200, true)
	}
	huma.Register(doc, op(http.MethodGet, "", "get-card", "Read what card is shown when nobody is live"), a.getCard)
	huma.Register(doc, op(http.MethodPut, "", "set-card", "Show a card when nobody is live: drawn of the channel's title, logo and colours, or a clip"), a.setCard)
	picture := op(http.MethodPut, "/picture", "set-card-picture", "Show a picture when nobody is live: a PNG, JPEG or WebP image of at most 5 MB, as the body")
	picture.MaxBodyBytes, picture.BodyReadTimeout = artwork.MaxBytes, uploadTime
	huma.Register(doc, picture, a.setCardPicture)
	huma.Register(doc, op(http.MethodDelete, "", "remove-card", "Show no card any more: when nobody is live the channel is off air"), a.removeCard)
}

// planned reports whether a channel has a plan that is more than a card.
func planned(c *channel.Channel) bool { return c.Plan != nil && c.Plan.Card == "" }

// showCard says how it is with a channel's card.
func (a *API) showCard(ctx context.Context, c *channel.Channel) (*cardOutput, error) {
	out := &cardOutput{Card{State: "none"}}
	switch {
	case c.Card == nil && planned(c):
		out.Body.State = "plan"
		return out, nil
	case c.Card == nil:
		return out, nil
	}
	out.Body = Card{State: "shown", Kind: string(c.Card.Kind), Line: c.Card.Line, Clip: c.Card.Clip}
	clip, err := a.cfg.Library.Clip(ctx, c.ID, c.Card.Clip)
	if err != nil && !errors.Is(err, library.ErrNotFound) {
		return nil, a.problem(err)
	}
	if c.DealsCard() {
		out.Body.State = "making"
		if err != nil || clip.State == library.Failed {
			out.Body.State, out.Body.Fault = "failed", cmp.Or(clip.Fault, "its clip was deleted: make it anew")
		}
	}
	if err == nil && clip.Poster > 0 {
		out.Body.Poster = clipPath(c.Slug, clip.ID) + "/poster/" + itoa(clip.Poster)
	}
	return out, nil
}

func (a *API) getCard(ctx context.Context, in *channelInput) (*cardOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	return a.showCard(bounded, c)
}

// cardable returns a channel that the caller may give a card.
func (a *API) cardable(ctx context.Context, slug string) (*channel.Channel, error) {
	c, err := a.channel(ctx, slug, account.Change)
	if err == nil && planned(c) {
		err = errHasPlan
	}
	return c, err
}

func (a *API) setCard(ctx context.Context, in *setCardInput) (*cardOutput, error) {
	c, err := a.cardable(ctx, in.Channel)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	card := channel.Card{Kind: channel.DrawnCard, Line: strings.Join(strings.Fields(in.Body.Line), " ")}
	if in.Body.Clip != "" {
		clip, err := a.cfg.Library.Clip(bounded, c.ID, in.Body.Clip)
		if err != nil {
			return nil, a.problem(err)
		}
		return a.putCard(bounded, c, channel.Card{Kind: channel.ClipCard, Clip: clip.ID})
	}
	drawn := library.OffAirCard{Title: c.Title, Line: card.Line, Accent: c.Accent, Background: c.Background}
	if c.Logo != "" {
		if drawn.Logo, err = a.cfg.Art.Get(bounded, c.ID, c.Logo); err != nil {
			return nil, a.problem(err)
		}
	}
	picture, err := drawn.Draw()
	if err != nil {
		return nil, a.problem(err)
	}
	return a.makeCard(bounded, c, card, picture)
}

func (a *API) setCardPicture(ctx context.Context, in *cardPictureInput) (*cardOutput, error) {
	c, err := a.cardable(ctx, in.Channel)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	picture, err := a.cfg.Art.Made(bounded, artwork.Picture, in.RawBody)
	if err != nil {
		return nil, a.problem(err)
	}
	return a.makeCard(bounded, c, channel.Card{Kind: channel.PictureCard}, picture.Data)
}

// makeCard makes a clip of a picture, and has it shown when it is one.
func (a *API) makeCard(ctx context.Context, c *channel.Channel, card channel.Card, picture []byte) (*cardOutput, error) {
	clip, err := a.cfg.Library.AddDrawn(ctx, c.ID, library.Arrival{Title: cardTitle, Origin: library.Origin{Seconds: cardSeconds}}, picture)
	if err != nil {
		return nil, a.problem(err)
	}
	card.Clip = clip.ID
	return a.putCard(ctx, c, card)
}

// putCard notes the card that is to be shown; see cards.
func (a *API) putCard(ctx context.Context, c *channel.Channel, card channel.Card) (*cardOutput, error) {
	c, err := a.changed(ctx, c.Slug, account.Change, "card.set", func(c *channel.Channel) (string, error) {
		if planned(c) {
			return "", errHasPlan
		}
		c.Card = &card
		return card.String(), nil
	})
	if err != nil {
		return nil, err
	}
	a.cards.see(c)
	return a.showCard(ctx, c)
}

func (a *API) removeCard(ctx context.Context, in *channelInput) (*cardOutput, error) {
	_, p, err := a.program(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	c, err := a.changed(ctx, in.Channel, account.Change, "card.remove", func(c *channel.Channel) (string, error) {
		if c.Card == nil {
			return "", errNoCard
		}
		said := c.Card.String()
		c.RemoveCard()
		return said, nil
	})
	if err != nil && !errors.Is(err, errNoCard) {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if err != nil { // it may be on air all the same: somebody took it away, and could not end that
		if c, err = a.newest(bounded, in.Channel); err != nil {
			return nil, a.problem(err)
		}
	}
	if err := p.EndCard(bounded); err != nil {
		return nil, a.problem(err)
	}
	a.tidyCards(bounded, c)
	return a.showCard(bounded, c)
}
