package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-tv/mayfly/internal/burn"
	"github.com/mayfly-tv/mayfly/internal/graphics"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// askedFor is how long a channel's burnt program is made after a player last asked for it.
const askedFor = time.Minute

// asked notes for which channels' burnt programs players ask at this node.
type asked struct {
	mu sync.Mutex
	at map[string]time.Time // by slug
}

func (a *asked) note(slug string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[slug] = time.Now()
}

// lately lists the channels that were asked for lately, and forgets the others.
func (a *asked) lately() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for slug, at := range a.at {
		if time.Since(at) > askedFor {
			delete(a.at, slug)
			continue
		}
		all = append(all, slug)
	}
	slices.Sort(all)
	return all[:min(len(all), maxWatching)]
}

// newBurner makes who draws graphics into pictures.
func (n *node) newBurner() (*burn.Burner, error) {
	dir, err := n.flags.spoolDir()
	if err != nil {
		return nil, err
	}
	fonts := filepath.Join(dir, "fonts")
	if err := os.MkdirAll(fonts, 0o700); err != nil {
		return nil, err
	}
	return burn.New(burn.Config{
		Channels: n.burns, Mine: func(channel string) bool { return n.looksAfter(station.BurntID(channel)) },
		Program: func(slug string) (burn.Timeline, error) { return n.station.Program(slug) },
		Open: func(ctx context.Context, a media.Address) ([][]byte, <-chan struct{}, error) {
			return opener{n.station, n.library}.Open(ctx, a)
		},
		Publish: n.publishBurnt, Shown: n.showings, Images: burnImages{n}, Fonts: fonts, Log: n.log,
	}), nil
}

// burns lists the channels that ask for their graphics in the pictures and whose burnt programs somebody plays, at
// whichever node. It looks at no others: there may be thousands.
func (n *node) burns() (all []burn.Channel) {
	slugs := n.asked.lately()
	if joined := n.mesh.Load(); joined != nil {
		for _, m := range joined.Members() {
			if m.State == mesh.Alive {
				slugs = append(slugs, m.Load.Burnt...)
			}
		}
	}
	slices.Sort(slugs)
	for _, slug := range slices.Compact(slugs) {
		if c, err := n.channels.Get(slug); err == nil && c.Burns() && c.Suspended == "" {
			all = append(all, burn.Channel{ID: c.ID, Slug: c.Slug})
		}
	}
	return all
}

// unburnt reports whether players wait for a channel's burnt program because no node has room to make it.
func (n *node) unburnt(slug string) bool {
	if slices.Contains(n.burner.Waiting(), slug) {
		return true
	}
	joined := n.mesh.Load()
	return joined != nil && slices.ContainsFunc(joined.Members(), func(m mesh.Member) bool {
		return m.State == mesh.Alive && slices.Contains(m.Load.Unburnt, slug)
	})
}

// revision returns the number that changes with whatever is set in a channel.
func (n *node) revision(slug string) (int64, error) {
	p, err := n.station.Program(slug)
	if err != nil {
		return 0, err
	}
	return p.Status().Revision, nil
}

func (n *node) showings(ctx context.Context, c burn.Channel) ([]graphics.Showing, error) {
	revision, err := n.revision(c.Slug)
	if err != nil {
		return nil, err
	}
	shown, err := n.graphics.Now(ctx, c.ID, revision)
	if err != nil {
		return nil, err
	}
	return shown.Showings, nil
}

// burnImages are the images of graphics, as pages show them.
type burnImages struct{ node *node }

func (b burnImages) Kept(ctx context.Context, channel, name string) ([]byte, error) {
	return b.node.art.Get(ctx, channel, name)
}

func (b burnImages) Newest(ctx context.Context, channel, graphic string, every time.Duration) ([]byte, error) {
	c, err := b.node.channels.ByID(channel)
	if err != nil {
		return nil, err
	}
	revision, err := b.node.revision(c.Slug)
	if err != nil {
		return nil, err
	}
	board, err := b.node.graphics.Prepared(ctx, channel, revision)
	if err != nil {
		return nil, err
	}
	g := board.Graphic(graphic)
	if g == nil || g.Address == "" {
		return nil, graphics.ErrNotFound
	}
	file, err := b.node.fetched.Newest(ctx, g.Address, every)
	return file.Data, err
}

// burntSink feeds a channel's burnt program.
type burntSink struct {
	*station.Session
	at time.Time // program time of the first picture of the take that begins
}

func (s *burntSink) Begin(tracks []media.Track, at time.Time) error {
	s.at = at
	return s.Tracks(tracks)
}

func (n *node) publishBurnt(ctx context.Context, channel string, kick func(reason error)) (burn.Sink, error) {
	s := &burntSink{}
	var err error
	s.Session, err = n.station.PublishBurnt(ctx, channel, station.Publication{Remote: "this node", Encoder: "graphics", Kick: kick, Born: func() time.Time { return s.at }})
	if err != nil {
		return nil, err
	}
	return s, nil
}
