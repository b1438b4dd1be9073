package graphics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/artwork"
	"github.com/mayfly-tv/mayfly/internal/fetch"
)

// Fetcher gets what lies at an address that a person gave, and asks no address of the node's own network.
type Fetcher interface {
	Get(ctx context.Context, address string, most int64) (*http.Response, error)
}

// Pictures fetches the pictures that lie at addresses, and makes them anew like uploads.
type Pictures struct {
	fetch Fetcher
	make  func(context.Context, artwork.Kind, []byte) (artwork.File, error)

	mu   sync.Mutex
	kept map[string]*newest // by address
}

// newest is the newest picture of an address.
type newest struct {
	reading chan struct{}
	file    artwork.File
	at      time.Time // when it was asked for last
}

const (
	fetchTime = 10 * time.Second
	maxKept   = 32 // pictures of at most some 500 kB
)

// NewPictures fetches pictures with a fetcher, and makes them with make.
func NewPictures(f Fetcher, make func(context.Context, artwork.Kind, []byte) (artwork.File, error)) *Pictures {
	return &Pictures{fetch: f, make: make, kept: map[string]*newest{}}
}

// Fetch gets the bytes of the picture at an address, as they lie there.
func (p *Pictures) Fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	answer, err := p.fetch.Get(ctx, address, artwork.MaxBytes)
	if err != nil {
		return nil, addressWords(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, addressWords(err)
	}
	return data, nil
}

// addressWords makes a sentence of why there is no picture. It tells nothing of the node's own network.
func addressWords(err error) error {
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status):
		return invalid("there is no picture at the address: %v. Look whether it opens in a browser without signing in", status)
	case errors.Is(err, fetch.ErrTooLarge):
		return invalid("what lies at the address is too large: at most %d MB", artwork.MaxBytes>>20)
	case errors.Is(err, fetch.ErrAddress):
		return invalid("the address cannot be fetched: it, or where it redirects to, is not one of the public internet")
	}
	return invalid("the server at the address does not answer: try again, or upload the picture")
}

// Newest returns the picture that lies at an address, asked for at most once in a while, however many viewers want
// it. If it cannot be had, the one before counts.
func (p *Pictures) Newest(ctx context.Context, address string, every time.Duration) (artwork.File, error) {
	k := p.of(address)
	select {
	case k.reading <- struct{}{}:
	case <-ctx.Done():
		return artwork.File{}, ctx.Err()
	}
	defer func() { <-k.reading }()
	if time.Since(k.at) < every {
		return k.file, k.missing()
	}
	k.at = time.Now()
	// Who asked first may leave; the others wait for the same picture.
	ctx = context.WithoutCancel(ctx)
	data, err := p.Fetch(ctx, address)
	if err != nil {
		return k.file, k.missing()
	}
	if f, err := p.make(ctx, artwork.Graphic, data); err == nil {
		k.file = f
	}
	return k.file, k.missing()
}

// missing returns an error if there has been no picture so far.
func (k *newest) missing() error {
	if k.file.Name == "" {
		return fmt.Errorf("%w: there is no picture at its address", ErrNotFound)
	}
	return nil
}

func (p *Pictures) of(address string) *newest {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.kept[address]
	if k == nil {
		for any := range p.kept {
			if len(p.kept) < maxKept {
				break
			}
			delete(p.kept, any)
		}
		k = &newest{reading: make(chan struct{}, 1)}
		p.kept[address] = k
	}
	return k
}
