package burn

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // the forms in which images are kept
	_ "image/png"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/graphics"
)

// Images gives the images of a channel's graphics, each one made anew by us. Nothing else is drawn.
type Images interface {
	// Kept returns an image that was uploaded, or fetched when its graphic was prepared.
	Kept(ctx context.Context, channel, name string) ([]byte, error)
	// Newest returns what lies at the address of a graphic just now, asked for at most once in a while.
	Newest(ctx context.Context, channel, graphic string, every time.Duration) ([]byte, error)
}

const (
	pictureTime  = 12 * time.Second
	pictureAgain = 3 * time.Second // after one that could not be had
	maxPictures  = 24
)

// pictures are the images of one channel, fetched in the background: nobody waits for one while pictures go by.
type pictures struct {
	ctx     context.Context
	images  Images
	channel string
	group   sync.WaitGroup

	mu  sync.Mutex
	all map[string]*picture
}

// picture is one image, or a place for one.
type picture struct {
	img     image.Image // nil before it is there
	turn    int64       // of one that is fetched again and again
	loading bool
	failed  time.Time
	asked   time.Time
}

// newPictures makes pictures that are fetched until ctx ends; wait waits for the last of them.
func newPictures(ctx context.Context, images Images, channel string) *pictures {
	return &pictures{ctx: ctx, images: images, channel: channel, all: map[string]*picture{}}
}

func (p *pictures) wait() { p.group.Wait() }

// kept returns an uploaded image, nil if there is none or it is not there yet.
func (p *pictures) kept(name string) image.Image {
	if name == "" {
		return nil
	}
	return p.get(name, 0, func(ctx context.Context) ([]byte, error) { return p.images.Kept(ctx, p.channel, name) })
}

// of returns the image of a showing at a program time. One that reloads itself is the same for all who watch: that of
// its turn. The one before stays until the next is there.
func (p *pictures) of(s *graphics.Showing, at time.Time) image.Image {
	if s.Reload <= 0 || !s.Until.IsZero() {
		return p.kept(s.Image)
	}
	img := p.get("newest "+s.Graphic, at.Unix()/int64(s.Reload), func(ctx context.Context) ([]byte, error) {
		return p.images.Newest(ctx, p.channel, s.Graphic, time.Duration(s.Reload)*time.Second)
	})
	if img == nil {
		return p.kept(s.Image)
	}
	return img
}

// prepare has the images fetched that showings will need.
func (p *pictures) prepare(all []graphics.Showing, now time.Time) {
	for i := range all {
		if s := &all[i]; s.Until.IsZero() || s.Until.After(now) {
			p.of(s, now)
			p.kept(s.Logo)
		}
	}
}

func (p *pictures) get(name string, turn int64, load func(context.Context) ([]byte, error)) image.Image {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	x := p.all[name]
	if x == nil {
		p.drop()
		x = &picture{turn: -1}
		p.all[name] = x
	}
	x.asked = now
	if x.turn >= turn || x.loading || now.Sub(x.failed) < pictureAgain || p.ctx.Err() != nil {
		return x.img
	}
	x.loading = true
	p.group.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, pictureTime)
		defer cancel()
		var img image.Image
		data, err := load(ctx)
		if err == nil {
			img, _, err = image.Decode(bytes.NewReader(data))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		x.loading = false
		if err != nil {
			x.failed = time.Now()
			return
		}
		x.img, x.turn = img, turn
	})
	return x.img
}

// drop makes room for another image; the lock is held.
func (p *pictures) drop() {
	for len(p.all) >= maxPictures {
		oldest := ""
		for name, x := range p.all {
			if oldest == "" || x.asked.Before(p.all[oldest].asked) {
				oldest = name
			}
		}
		delete(p.all, oldest)
	}
}
