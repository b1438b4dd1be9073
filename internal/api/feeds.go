package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// Feed is a feed as the API shows it.
type Feed struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	Title   string    `json:"title"`
	Checked time.Time `json:"checked" doc:"when it was last asked"`
	Fault   string    `json:"fault,omitempty" doc:"why it could not be read then"`
}

type feedsOutput struct {
	Body struct {
		Feeds []Feed `json:"feeds"`
	}
}

type feedOutput struct{ Body Feed }

type addFeedInput struct {
	Channel string `path:"channel"`
	Body    struct {
		URL string `json:"url" maxLength:"1000" doc:"of a Media RSS feed"`
	}
}

type feedInput struct {
	Channel string `path:"channel"`
	Feed    string `path:"feed" maxLength:"40"`
}

func (a *API) registerFeeds(doc huma.API) {
	if a.cfg.Library == nil {
		return
	}
	const tag, at = "library", "/channels/{channel}/feeds"
	huma.Register(doc, operation(http.MethodGet, at, "feeds", "List the feeds whose newest films are clips of a channel", tag, 200, true), a.feeds)
	huma.Register(doc, operation(http.MethodPost, at, "add-feed", "Keep the newest 25 films of a Media RSS feed in the library", tag, 201, true), a.addFeed)
	huma.Register(doc, operation(http.MethodDelete, at+"/{feed}", "remove-feed", "Let a feed go; its clips stay", tag, 204, true), a.removeFeed)
}

func showFeed(f *library.Feed) Feed {
	return Feed{ID: f.ID, URL: f.URL, Title: f.Title, Checked: f.Checked, Fault: f.Fault}
}

func (a *API) feeds(ctx context.Context, in *channelInput) (*feedsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Library.Feeds(ctx, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &feedsOutput{}
	out.Body.Feeds = make([]Feed, len(all))
	for i := range all {
		out.Body.Feeds[i] = showFeed(&all[i])
	}
	return out, nil
}

func (a *API) addFeed(ctx context.Context, in *addFeedInput) (*feedOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, 4*bucketTime) // the feed is asked
	defer cancel()
	f, err := a.cfg.Library.AddFeed(bounded, c.ID, in.Body.URL)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "feed.add", f.Title)
	return &feedOutput{showFeed(&f)}, nil
}

func (a *API) removeFeed(ctx context.Context, in *feedInput) (*struct{}, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if err := a.cfg.Library.RemoveFeed(bounded, c.ID, in.Feed); err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "feed.remove", in.Feed)
	return nil, nil
}
