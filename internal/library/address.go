package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// addressError is what a person is told of an address that has no film.
type addressError struct{ words string }

func (e *addressError) Error() string { return e.words }

// AddFrom makes a clip of what lies at an address, which whichever node converts it fetches.
func (l *Library) AddFrom(ctx context.Context, channel, address string, a Arrival) (Clip, error) {
	a.Origin.Kind = FromAddress
	return l.addFrom(ctx, channel, address, a)
}

func (l *Library) addFrom(ctx context.Context, channel, address string, a Arrival) (Clip, error) {
	u, err := fetch.Parse(address)
	if err != nil {
		return Clip{}, invalid("%v", err)
	}
	if len(address) > maxURL {
		return Clip{}, invalid("an address of %d characters: use at most %d", len(address), maxURL)
	}
	a.Origin.URL, a.Bytes = u.String(), 0
	if a.Title == "" {
		a.Title = titleOf(path.Base(u.Path))
	}
	c, err := l.Add(ctx, channel, a)
	if err != nil {
		return c, err
	}
	c.State = Waiting
	return c, l.submit(ctx, channel, c.ID)
}

// fetchAddress writes what lies at an address to the disk, as far as the channel has room for it.
func (l *Library) fetchAddress(ctx context.Context, channel string, c *Clip, to string) error {
	s, err := l.shelf(ctx, channel)
	if err != nil {
		return err
	}
	most := min(MaxFile, l.cfg.Quota.Bytes-s.used().Bytes)
	answer, err := l.fetcher.Get(ctx, c.Origin.URL, max(0, most))
	if err != nil {
		return addressWords(err, most)
	}
	defer answer.Body.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("a file for a conversion: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(f, answer.Body); err != nil {
		return addressWords(err, most)
	}
	return f.Close()
}

// addressWords makes a sentence of what will not pass by itself.
func addressWords(err error, most int64) error {
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status) && !status.Passing():
		return &addressError{"There is nothing to fetch: " + status.Error() + ". Look whether it opens in a browser without signing in."}
	case errors.Is(err, fetch.ErrTooLarge):
		return &addressError{fmt.Sprintf("What lies at the address is too large: there is room for %s.", Size(max(0, most)))}
	case errors.Is(err, fetch.ErrAddress):
		return &addressError{"The address cannot be fetched: it, or where it redirects to, is not one of the public internet."}
	}
	return fmt.Errorf("fetch a film: %w", err)
}
