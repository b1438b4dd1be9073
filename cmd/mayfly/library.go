package main

import (
	"context"
	"path/filepath"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// libraryFlags say how much channels may keep.
type libraryFlags struct {
	LibraryClips int      `help:"How many clips a channel may keep, at most 1000." default:"500"`
	LibraryBytes fileSize `help:"How much of clips a channel may keep, such as 500MB or 100GB." default:"100GB"`
	// RecordingBytes is apart from clips, because recordings make room for new ones by themselves.
	RecordingBytes fileSize `help:"How much of recordings a channel may keep; the oldest make room for new ones." default:"100GB"`
}

// aired shows the library what the station's channels showed: the station is made after the library, whose clips it plays.
type aired struct{ node *node }

func (a aired) Airings(ctx context.Context, channel string) ([]station.Airing, error) {
	return a.node.station.Airings(ctx, channel)
}

func (a aired) Passage(ctx context.Context, channel string, of station.Airing, from uint32) (*station.Passage, error) {
	return a.node.station.Passage(ctx, channel, of, from)
}

func (a aired) LastAired(channel string) (entry string, ended, records bool) {
	return a.node.station.LastAired(channel)
}

// newLibrary makes the library as the flags say.
func (n *node) newLibrary(docs *bucket.Documents) (*library.Library, error) {
	f := n.flags
	dir, err := f.spoolDir()
	if err != nil {
		return nil, err
	}
	return library.New(library.Config{
		Docs: docs, Node: n.holder(), Dir: filepath.Join(dir, "clips"),
		Quota: library.Quota{Bytes: int64(f.LibraryBytes), Clips: f.LibraryClips}, Part: f.Part, Segment: f.Segment,
		Lives: n.channels.Lives, Log: n.log, Recordings: int64(f.RecordingBytes), Channels: n.channels.All,
		Programs: aired{n}, Bundles: func(ctx context.Context, refs []bundle.Ref) ([][]byte, error) {
			return n.station.ReadBundles(ctx, refs)
		},
		Recorded: n.recorded, Fetcher: n.flags.fetcher(),
		Played: func(ctx context.Context, channel string, take media.TakeID) (string, error) {
			return n.station.Played(ctx, channel, take)
		},
	})
}
