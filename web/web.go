// Package web holds the pages: the guide, the watch page, the embed, the page of the API, that of the
// demonstration, the studio, and those about people (to sign in, one's own account, what operators do). They are
// written in TypeScript and built by `make web` into dist, which is embedded here. In a clean checkout dist is empty
// and the package compiles all the same.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files answers the built pages: index.html, watch.html, embed.html, docs.html, demo.html, login.html,
// operate.html, studio.html, embed.js (which other sites load), notify.js (the service worker) and assets/. Names under assets/ carry a hash of their content, so they may be cached for ever; the html files may not.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only an invalid path can fail, and "dist" is valid
	}
	return files
}
