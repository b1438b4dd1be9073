package bucket

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// errEnough ends a walk.
var errEnough = errors.New("enough")

// List returns a page of keys. It reads only the directories that can hold them.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) (Page, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	w := dirWalk{dir: d, ctx: ctx, prefix: prefix, after: after, limit: limit}
	top := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		top = prefix[:i]
	}
	if err := w.walk(top); err != nil && !errors.Is(err, errEnough) {
		return Page{}, fail("list", prefix, err)
	}
	return w.page, nil
}

type dirWalk struct {
	dir           *Dir
	ctx           context.Context
	prefix, after string
	limit         int
	page          Page
}

// walk lists the keys below a directory, whose key is parent ("" for the root).
func (w *dirWalk) walk(parent string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.dir.root, filepath.FromSlash(parent)))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		_, x, _ := keyName(a)
		_, y, _ := keyName(b)
		return strings.Compare(x, y)
	})
	for _, e := range entries {
		name, _, ok := keyName(e)
		if !ok {
			continue
		}
		key := path.Join(parent, name)
		if e.IsDir() {
			err = w.descend(key)
		} else {
			err = w.take(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// descend walks a directory unless no key below it can be asked for.
func (w *dirWalk) descend(key string) error {
	below := key + "/"
	if !strings.HasPrefix(below, w.prefix) && !strings.HasPrefix(w.prefix, below) {
		return nil
	}
	if w.after > below && !strings.HasPrefix(w.after, below) {
		return nil // every key below sorts before after
	}
	return w.walk(key)
}

func (w *dirWalk) take(key string) error {
	if key <= w.after || !strings.HasPrefix(key, w.prefix) {
		return nil
	}
	if len(w.page.Entries) == w.limit {
		w.page.Next = w.page.Entries[w.limit-1].Key
		return errEnough
	}
	f, err := os.Open(w.dir.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	o, err := describe(f)
	if err != nil {
		return err
	}
	w.page.Entries = append(w.page.Entries, Entry{Key: key, Size: o.Size, ETag: o.ETag, Modified: o.Modified})
	return nil
}
