package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
)

// Offered is something that a channel offers to be played at any time.
type Offered struct {
	ID       string
	Kind     string // OfferedClip or OfferedRecording
	Title    string
	Made     time.Time
	Duration time.Duration
	Poster   int // its number, 0 for none
}

// The kinds of what is offered.
const (
	OfferedClip      = "clip"
	OfferedRecording = "recording"
)

// Offers is what channels offer of one kind. Ids of all kinds differ. Who asks has been let in already.
type Offers interface {
	// Offered lists what a channel offers, newest first.
	Offered(ctx context.Context, channel string) ([]Offered, error)
	// Playlist returns the media playlist of something offered, or ErrNotOffered. The addresses in it get a
	// token, if there is one.
	Playlist(ctx context.Context, channel, id, token string) ([]byte, error)
	// Poster returns a JPEG, or ErrNotOffered.
	Poster(ctx context.Context, channel, id string, number int) ([]byte, error)
}

// ErrNotOffered is returned for what a channel does not offer on demand.
var ErrNotOffered = errors.New("the channel does not offer that: it may have been taken back")

// OnDemand is something that a channel offers, as the API shows it.
type OnDemand struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind" enum:"clip,recording"`
	Title    string    `json:"title"`
	Made     time.Time `json:"made"`
	Duration float64   `json:"duration" doc:"seconds"`
	Poster   string    `json:"poster,omitempty" doc:"address of a JPEG"`
	Playlist string    `json:"playlist"`
	Page     string    `json:"page" doc:"for people"`
}

type onDemandOutput struct {
	Body struct {
		Items []OnDemand `json:"items" doc:"newest first"`
	}
}

// maxOffered bounds the list.
const maxOffered = 500

func (a *API) registerOnDemand(doc huma.API) {
	const at = "/channels/{channel}/ondemand"
	huma.Register(doc, operation(http.MethodGet, at, "on-demand", "What a channel offers to be played at any time", "watching", 200, false), a.onDemand)
	a.mux.HandleFunc("GET /api/v1"+at+"/{item}/index.m3u8", a.aboutOffered(a.offeredPlaylist))
	a.mux.HandleFunc("GET /api/v1"+at+"/{item}/poster/{number}", a.aboutOffered(a.offeredPoster))
}

// offers are all kinds of what channels offer.
func (a *API) offers() []Offers {
	if a.cfg.Library == nil {
		return a.cfg.OnDemand
	}
	return append([]Offers{clipOffers{a.cfg.Library}, recordingOffers{a.cfg.Library}}, a.cfg.OnDemand...)
}

// offered lists what a channel offers, newest first.
func (a *API) offered(ctx context.Context, c *channel.Channel) ([]Offered, error) {
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	var all []Offered
	for _, o := range a.offers() {
		some, err := o.Offered(bounded, c.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(x, y Offered) int { return y.Made.Compare(x.Made) })
	return all[:min(len(all), maxOffered)], nil
}

// showOffered makes what people see of it; the page's address is whole where it begins with origin.
func showOffered(c *channel.Channel, x *Offered, origin string) OnDemand {
	at := "/api/v1/channels/" + c.Slug + "/ondemand/" + x.ID
	out := OnDemand{
		ID: x.ID, Kind: x.Kind, Title: x.Title, Made: x.Made, Duration: x.Duration.Seconds(),
		Playlist: at + "/index.m3u8", Page: fmt.Sprintf("%s/%s?%s=%s", origin, c.Slug, itemQuery, x.ID),
	}
	if x.Poster > 0 {
		out.Poster = at + "/poster/" + itoa(x.Poster)
	}
	return out
}

func (a *API) onDemand(ctx context.Context, in *watchInput) (*onDemandOutput, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, err
	}
	all, err := a.offered(ctx, c)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &onDemandOutput{}
	out.Body.Items = make([]OnDemand, len(all))
	for i := range all {
		out.Body.Items[i] = showOffered(c, &all[i], "")
	}
	return out, nil
}

// watched returns a channel that whoever asks may watch.
func (a *API) watched(ctx context.Context, slug, token string) (*channel.Channel, error) {
	c, err := a.cfg.Channels.Get(slug)
	if err != nil {
		return nil, a.problem(err)
	}
	switch err := a.mayWatch(ctx, c, token); {
	case errors.Is(err, channel.ErrNotFound):
		return nil, a.problem(err)
	case err != nil:
		return nil, a.problem(a.turnedAway(ctx, c, token))
	}
	return c, nil
}

// aboutOffered lets f answer who may watch the channel; private says that not everybody may have the answer.
func (a *API) aboutOffered(f func(w http.ResponseWriter, r *http.Request, c *channel.Channel, private bool) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := a.cfg.Channels.Get(r.PathValue("channel"))
		pass := Pass{}
		if err == nil {
			pass, err = a.Watch(r, c.Slug)
		}
		if err == nil {
			err = f(w, r, c, pass.Private)
		}
		if err != nil {
			a.refuseFile(w, err)
		}
	}
}

// firstOf asks each kind for one thing until one has it.
func firstOf[T any](kinds []Offers, f func(Offers) (T, error)) (T, error) {
	for _, o := range kinds {
		if got, err := f(o); !errors.Is(err, ErrNotOffered) {
			return got, err
		}
	}
	var none T
	return none, ErrNotOffered
}

func (a *API) offeredPlaylist(w http.ResponseWriter, r *http.Request, c *channel.Channel, private bool) error {
	token := ""
	if private {
		var err error
		if token, err = a.cfg.People.PlaybackToken(r.Context(), account.PlayMedia, c); err != nil {
			return err
		}
	}
	text, err := firstOf(a.offers(), func(o Offers) ([]byte, error) {
		return o.Playlist(r.Context(), c.ID, r.PathValue("item"), token)
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Write(text)
	return nil
}

func (a *API) offeredPoster(w http.ResponseWriter, r *http.Request, c *channel.Channel, private bool) error {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || n <= 0 {
		return ErrNotOffered
	}
	data, err := firstOf(a.offers(), func(o Offers) ([]byte, error) {
		return o.Poster(r.Context(), c.ID, r.PathValue("item"), n)
	})
	if err != nil {
		return err
	}
	scope := "public"
	if private {
		scope = "private"
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", scope+", max-age=86400")
	w.Write(data)
	return nil
}

// itemQuery names in a page's address what is played on demand.
const itemQuery = "play"

// itemID reports whether an address's word can be the id of something offered.
func itemID(id string) bool {
	return id != "" && len(id) <= 40 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}
