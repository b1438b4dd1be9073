package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// libraryFlags say how much channels may keep.
type libraryFlags struct {
	LibraryClips int      `help:"How many clips a channel may keep, at most 1000." default:"500"`
	LibraryBytes fileSize `help:"How much of clips a channel may keep, such as 500MB or 100GB." default:"100GB"`
}

// newLibrary makes the library as the flags say.
func (n *node) newLibrary(docs *bucket.Documents) (*library.Library, error) {
	f := n.flags
	var run [4]byte
	rand.Read(run[:])
	dir, err := f.spoolDir()
	if err != nil {
		return nil, err
	}
	return library.New(library.Config{
		Docs: docs, Node: n.spool.Node() + "/" + hex.EncodeToString(run[:]), Dir: filepath.Join(dir, "clips"),
		Quota: library.Quota{Bytes: int64(f.LibraryBytes), Clips: f.LibraryClips}, Part: f.Part, Segment: f.Segment,
		Lives: n.channels.Lives, Log: n.log,
		Played: func(ctx context.Context, channel string, take media.TakeID) (string, error) {
			return n.station.Played(ctx, channel, take)
		},
	})
}
