package main

import (
	"path/filepath"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// libraryFlags say how much channels may keep.
type libraryFlags struct {
	LibraryClips int      `help:"How many clips a channel may keep, at most 1000." default:"500"`
	LibraryBytes fileSize `help:"How much of clips a channel may keep, such as 500MB or 100GB." default:"100GB"`
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
		Lives: n.channels.Lives, Log: n.log,
	})
}
