package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// Feed is a Media RSS feed whose newest films are clips of a channel, and stay so by themselves.
type Feed struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	Title   string    `json:"title"`
	Checked time.Time `json:"checked"`
	Fault   string    `json:"fault,omitempty"` // a sentence for people, if it could not be read when it was last tried
	// Items are the films that were taken in of it, as it calls them: one that somebody deletes does not come back.
	Items []string `json:"items,omitempty"`
}

// feeds is the document with all feeds of a channel.
type feeds struct {
	Channel string `json:"channel"`
	Feeds   []Feed `json:"feeds"`
}

const (
	maxFeeds = 10
	// feedFilms is how many of a feed's films are kept: the newest.
	feedFilms = 25
	feedEvery = 30 * time.Minute
	feedTime  = 20 * time.Second
)

func feedsKey(channel string) string { return shelfPrefix + channel + "/feeds" }

// Feeds returns the feeds of a channel.
func (l *Library) Feeds(ctx context.Context, channel string) ([]Feed, error) {
	f, err := bucket.LoadIfThere[feeds](ctx, l.docs, feedsKey(channel))
	return f.Feeds, err
}

// AddFeed lets a channel have the newest films of a feed, which must be there.
func (l *Library) AddFeed(ctx context.Context, channel, address string) (Feed, error) {
	u, err := fetch.Parse(strings.TrimSpace(address))
	if err != nil {
		return Feed{}, invalid("%v", err)
	}
	f := Feed{ID: newID(), URL: u.String()}
	title, items, err := l.askFeed(ctx, f.URL)
	if err != nil {
		return Feed{}, invalid("%s", feedFault(err))
	}
	if f.Title = title; title == "" {
		f.Title = u.Hostname()
	}
	if _, err := l.updateFeeds(ctx, channel, func(d *feeds) error {
		switch {
		case len(d.Feeds) >= maxFeeds:
			return fmt.Errorf("%w: it has %d feeds: remove one", ErrFull, len(d.Feeds))
		case slices.ContainsFunc(d.Feeds, func(o Feed) bool { return o.URL == f.URL }):
			return invalid("the channel has this feed already")
		}
		d.Feeds = append(d.Feeds, f)
		return nil
	}); err != nil {
		return Feed{}, err
	}
	err = l.follow(ctx, channel, &f, items)
	return f, errors.Join(err, l.keepFeed(ctx, channel, f))
}

// RemoveFeed lets a feed go. Its clips stay.
func (l *Library) RemoveFeed(ctx context.Context, channel, id string) error {
	_, err := l.updateFeeds(ctx, channel, func(d *feeds) error {
		n := len(d.Feeds)
		if d.Feeds = slices.DeleteFunc(d.Feeds, func(f Feed) bool { return f.ID == id }); len(d.Feeds) == n {
			return ErrNotFound
		}
		return nil
	})
	return err
}

func (l *Library) updateFeeds(ctx context.Context, channel string, change func(*feeds) error) (feeds, error) {
	return bucket.Update(ctx, l.docs, feedsKey(channel), func(d *feeds) error {
		d.Channel = channel
		return change(d)
	})
}

// keepFeed notes what came of looking at a feed, unless it was removed meanwhile.
func (l *Library) keepFeed(ctx context.Context, channel string, f Feed) error {
	_, err := l.updateFeeds(ctx, channel, func(d *feeds) error {
		for i := range d.Feeds {
			if d.Feeds[i].ID == f.ID {
				d.Feeds[i] = f
				return nil
			}
		}
		return ErrNotFound
	})
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return err
}

// askFeed reads what a feed has.
func (l *Library) askFeed(ctx context.Context, address string) (string, []feedItem, error) {
	ctx, cancel := context.WithTimeout(ctx, feedTime)
	defer cancel()
	u, err := fetch.Parse(address)
	if err != nil {
		return "", nil, err
	}
	answer, err := l.fetcher.Get(ctx, address, maxFeed)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	return readFeed(answer.Body, u, feedFilms)
}

// feedFault says why a feed could not be read.
func feedFault(err error) string {
	var status *fetch.StatusError
	switch {
	case errors.Is(err, errNoFeed):
		return shorten(err.Error())
	case errors.As(err, &status):
		return "the feed cannot be read: " + status.Error()
	case errors.Is(err, fetch.ErrAddress):
		return "the feed is not asked: its address, or where it redirects to, is not one of the public internet"
	case errors.Is(err, fetch.ErrTooLarge):
		return "the feed is larger than " + Size(maxFeed)
	}
	return "the feed does not answer: look whether its address opens in a browser"
}

// follow makes clips of what is new in a feed, and deletes those that are not among its newest any more.
func (l *Library) follow(ctx context.Context, channel string, f *Feed, items []feedItem) error {
	f.Checked, f.Fault = l.now().UTC().Truncate(time.Second), ""
	clips, _, _, err := l.Clips(ctx, channel)
	if err != nil {
		return err
	}
	var now []string
	for _, item := range slices.Backward(items) { // the newest last, so that it is the first on the shelf
		if !slices.Contains(f.Items, item.ID) && !slices.ContainsFunc(clips, func(c Clip) bool { return c.Origin.Feed == f.ID && c.Origin.Item == item.ID }) {
			_, err := l.addFrom(ctx, channel, item.URL, Arrival{Title: item.Title, Origin: Origin{Kind: FromFeed, Feed: f.ID, Item: item.ID}})
			switch {
			case errors.Is(err, ErrFull):
				f.Fault = shorten(err.Error())
				continue
			case errors.Is(err, ErrInvalid):
				l.log.Debug("a film of a feed cannot be taken in", "feed", f.URL, "film", item.URL, "error", err)
			case err != nil:
				return err
			}
		}
		now = append(now, item.ID)
	}
	for i := range clips {
		c := &clips[i]
		if c.Origin.Feed == f.ID && len(items) > 0 && !slices.ContainsFunc(items, func(item feedItem) bool { return item.ID == c.Origin.Item }) {
			if err := l.Delete(ctx, channel, c.ID); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	f.Items = now
	return nil
}

// sweepFeeds looks at the feeds of all channels that were not looked at for a while.
func (l *Library) sweepFeeds(ctx context.Context) error {
	return bucket.All(ctx, l.bucket, shelfPrefix, func(e bucket.Entry) error {
		channel, ok := strings.CutSuffix(strings.TrimPrefix(e.Key, shelfPrefix), "/feeds")
		if !ok {
			return nil
		}
		d, err := bucket.LoadListed[feeds](ctx, l.docs, e)
		if err != nil {
			return err
		}
		if lives, known := l.cfg.Lives(channel); !lives && known {
			return l.bucket.Delete(ctx, e.Key)
		}
		for _, f := range d.Feeds {
			if l.now().Sub(f.Checked) < feedEvery {
				continue
			}
			_, items, err := l.askFeed(ctx, f.URL)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				f.Checked, f.Fault = l.now().UTC().Truncate(time.Second), feedFault(err)
			} else if err := l.follow(ctx, channel, &f, items); err != nil {
				return err
			}
			if err := l.keepFeed(ctx, channel, f); err != nil {
				return err
			}
		}
		return nil
	})
}
