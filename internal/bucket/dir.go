package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Dir is a bucket in a directory of a local file system, safe between processes on one machine.
//
// An object is a file whose name is the key with a tilde behind it (so that "a" and "a/b" can both
// be there). The file ends with a trailer that holds the version's ETag, 128 random bits: no two
// writes ever share one, whatever the clock and the inode numbers do.
//
// Durability: a write goes to a temporary file that is synced, renamed to its place, and then the
// directory is synced, before the write is acknowledged. So an acknowledged object survives a loss
// of power as far as the disk tells the truth, and a half-written one is never seen. With NoSync
// the two syncs are left out: objects then survive the death of the process, not that of the machine.
//
// Every write to a key takes a lock on one of 64 lock files (flock), which makes the check of a
// condition and the write one step, also between processes.
type Dir struct {
	root   string
	noSync bool
	locks  [64]struct {
		sync.Mutex
		file *os.File
	}
}

// DirOptions are the choices of OpenDir.
type DirOptions struct {
	NoSync bool // do not sync: for tests and demonstrations
}

const (
	tempDir   = ".tmp"
	lockDir   = ".locks"
	suffix    = "~"
	staleTemp = time.Hour // older temporary files are from writers that died
	trailer   = 2 + 32    // "\n#" and the ETag in hex
)

// OpenDir opens the bucket in the directory root, making it if it is not there.
func OpenDir(root string, o DirOptions) (*Dir, error) {
	for _, dir := range []string{root, filepath.Join(root, tempDir), filepath.Join(root, lockDir)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("open directory bucket (give a directory that can be written): %w", err)
		}
	}
	d := &Dir{root: root, noSync: o.NoSync}
	temps, err := os.ReadDir(filepath.Join(root, tempDir))
	if err != nil {
		return nil, fmt.Errorf("open directory bucket: %w", err)
	}
	for _, e := range temps {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleTemp {
			os.Remove(filepath.Join(root, tempDir, e.Name()))
		}
	}
	return d, nil
}

func (d *Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) + suffix }

// Get reads a whole object.
func (d *Dir) Get(ctx context.Context, key string) (Object, error) {
	return d.read(ctx, key, func(size int64) (int64, int64) { return 0, size })
}

// GetRange reads a stretch of an object; only that stretch is read from disk.
func (d *Dir) GetRange(ctx context.Context, key string, offset, length int64) (Object, error) {
	return d.read(ctx, key, func(size int64) (int64, int64) { return cut(size, offset, length) })
}

func (d *Dir) read(ctx context.Context, key string, stretch func(size int64) (from, to int64)) (Object, error) {
	if err := begin(ctx, key); err != nil {
		return Object{}, err
	}
	f, err := os.Open(d.path(key))
	if err != nil {
		return Object{}, fail("get", key, err)
	}
	defer f.Close()
	o, err := describe(f)
	if err != nil {
		return Object{}, fail("get", key, err)
	}
	from, to := stretch(o.Size)
	o.Data = make([]byte, to-from)
	if _, err := f.ReadAt(o.Data, from); err != nil && !(errors.Is(err, io.EOF) && to == from) {
		return Object{}, fail("get", key, err)
	}
	return o, nil
}

// describe reads the trailer of an object's file.
func describe(f *os.File) (Object, error) {
	info, err := f.Stat()
	if err != nil {
		return Object{}, err
	}
	size := info.Size() - trailer
	var t [trailer]byte
	if size >= 0 {
		_, err = f.ReadAt(t[:], size)
	}
	if size < 0 || err != nil || t[0] != '\n' || t[1] != '#' {
		return Object{}, fmt.Errorf("%s is not an object of this bucket (its end is missing); move it away", f.Name())
	}
	return Object{ETag: ETag(t[2:]), Size: size, Modified: info.ModTime()}, nil
}

// Put writes an object.
func (d *Dir) Put(ctx context.Context, key string, body Body) (ETag, error) {
	return d.write(ctx, key, body, func(ETag, bool) bool { return true })
}

// PutIfAbsent writes an object if there is none.
func (d *Dir) PutIfAbsent(ctx context.Context, key string, body Body) (ETag, error) {
	return d.write(ctx, key, body, func(_ ETag, exists bool) bool { return !exists })
}

// PutIfMatch replaces the version that etag names.
func (d *Dir) PutIfMatch(ctx context.Context, key string, body Body, etag ETag) (ETag, error) {
	return d.write(ctx, key, body, func(have ETag, exists bool) bool { return exists && have == etag })
}

func (d *Dir) write(ctx context.Context, key string, body Body, allowed func(ETag, bool) bool) (ETag, error) {
	if err := begin(ctx, key); err != nil {
		return "", err
	}
	temp, etag, err := d.writeTemp(body)
	if err != nil {
		return "", fail("put", key, err)
	}
	defer os.Remove(temp) // gone already when it was renamed
	path := d.path(key)
	if err := d.makeParents(filepath.Dir(path)); err != nil {
		return "", fail("put", key, err)
	}
	unlock, err := d.lock(key)
	if err != nil {
		return "", fail("put", key, err)
	}
	have, exists, err := version(path)
	if err == nil && !allowed(have, exists) {
		err = ErrPrecondition
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	unlock()
	if err == nil {
		err = d.syncDir(filepath.Dir(path))
	}
	if err != nil {
		return "", fail("put", key, err)
	}
	return etag, nil
}

// writeTemp writes the body and a new trailer to a temporary file, and syncs it.
func (d *Dir) writeTemp(body Body) (name string, etag ETag, err error) {
	var id [16]byte
	rand.Read(id[:])
	etag = ETag(hex.EncodeToString(id[:]))
	f, err := os.CreateTemp(filepath.Join(d.root, tempDir), "put-*")
	if err != nil {
		return "", "", err
	}
	for _, s := range body {
		if _, err = f.Write(s); err != nil {
			break
		}
	}
	if err == nil {
		_, err = f.WriteString("\n#" + string(etag))
	}
	if err == nil && !d.noSync {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", "", err
	}
	return f.Name(), etag, nil
}

// makeParents makes the directories above an object, and makes them durable.
func (d *Dir) makeParents(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for dir != d.root && len(dir) > len(d.root) {
		dir = filepath.Dir(dir)
		if err := d.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) syncDir(dir string) error {
	if d.noSync {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// version returns the ETag of the object's file, and whether there is one.
func version(path string) (ETag, bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	o, err := describe(f)
	return o.ETag, true, err
}

// lock keeps all other writers of the key out, in this process and in others, until unlock.
func (d *Dir) lock(key string) (unlock func(), err error) {
	h := fnv.New32a()
	io.WriteString(h, key)
	n := h.Sum32() % uint32(len(d.locks))
	l := &d.locks[n]
	l.Lock()
	if l.file == nil {
		l.file, err = os.OpenFile(filepath.Join(d.root, lockDir, fmt.Sprintf("%02d", n)), os.O_CREATE|os.O_RDWR, 0o640)
		if err != nil {
			l.Unlock()
			return nil, err
		}
	}
	fd := int(l.file.Fd())
	for {
		err = syscall.Flock(fd, syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		l.Unlock()
		return nil, fmt.Errorf("lock (the file system must support flock): %w", err)
	}
	return func() {
		syscall.Flock(fd, syscall.LOCK_UN)
		l.Unlock()
	}, nil
}

// Delete removes an object.
func (d *Dir) Delete(ctx context.Context, key string) error {
	return d.remove(ctx, key, func(ETag, bool) bool { return true })
}

// DeleteIfMatch removes the version that etag names.
func (d *Dir) DeleteIfMatch(ctx context.Context, key string, etag ETag) error {
	return d.remove(ctx, key, func(have ETag, exists bool) bool { return exists && have == etag })
}

// remove leaves empty directories behind: removing them would race with a writer that just made one.
func (d *Dir) remove(ctx context.Context, key string, allowed func(ETag, bool) bool) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	unlock, err := d.lock(key)
	if err != nil {
		return fail("delete", key, err)
	}
	defer unlock()
	path := d.path(key)
	have, exists, err := version(path)
	if err != nil {
		return fail("delete", key, err)
	}
	if !allowed(have, exists) {
		return fail("delete", key, ErrPrecondition)
	}
	if !exists {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fail("delete", key, err)
	}
	return fail("delete", key, d.syncDir(filepath.Dir(path)))
}

// Close releases the lock files. The bucket must not be used afterwards.
func (d *Dir) Close() error {
	for i := range d.locks {
		if f := d.locks[i].file; f != nil {
			f.Close()
		}
	}
	return nil
}

// fail gives an error of the file system the form that callers know.
func fail(op, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: %w", op, key, ErrNotFound)
	case errors.Is(err, ErrPrecondition):
		return fmt.Errorf("%s %s: %w", op, key, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%s %s: the disk of the bucket is full; free some room: %w (%w)", op, key, ErrUnavailable, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s: not permitted; check who owns the bucket's directory: %w (%w)", op, key, ErrUnavailable, err)
	default:
		return fmt.Errorf("%s %s: %w (%w)", op, key, ErrUnavailable, err)
	}
}

// keyName splits a directory entry into the last element of a key, and what it sorts as.
func keyName(e fs.DirEntry) (name, order string, ok bool) {
	name = e.Name()
	if e.IsDir() {
		return name, name + "/", !strings.HasPrefix(name, ".")
	}
	name, ok = strings.CutSuffix(name, suffix)
	return name, name, ok && !strings.HasPrefix(name, ".")
}
